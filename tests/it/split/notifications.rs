//! Others are told of payments by the process that has them, and every process shows and takes in what is its own.

use super::cluster::{Split, answer, eventually, keep_address};
use crate::support::{Bank, id, told};
use backstitch::role::Role;
use serde_json::{Value, json};

const SECRET: &str = "correct-horse-battery";

/// The settings by which the payments' process, and no other, tells `bank` of orders that are paid.
fn telling(bank: &Bank) -> Vec<(Role, String, String)> {
    told(bank, &[]).into_iter().map(|(key, value)| (Role::Payment, key, value)).collect()
}

#[actix_web::test]
async fn an_order_placed_at_the_coordinator_is_told_once_and_reported_where_its_owners_are() {
    let bank = Bank::start();
    let split = Split::start_each(&[("http.service_secret", SECRET)], &telling(&bank)).await;
    let body = json!({"item_name": "Kopi", "quantity": 1, "price": 100, "customer_ref": "cust-7"});
    let (status, placed) = split.post(Role::Coordinator, "/orders", &body).await;
    assert_eq!(status, 201, "{placed}");
    let order = id(&placed["data"]).to_owned();
    let report = format!("/orders/{order}/payment");
    let paid = json!({"payment_status": "paid"});

    let (status, problem) = split.put(Role::Order, &report, &paid).await;
    assert_eq!((status, &problem["code"]), (401, &json!("unauthorized")), "{problem}");
    let trusted = split.client.put(split.at(Role::Order, &report)).bearer_auth(SECRET).json(&paid);
    assert_eq!(answer(trusted).await.0, 200);
    split.all_rest().await;
    for role in [Role::Order, Role::Coordinator] {
        let (status, shown) = split.put(role, &report, &paid).await;
        assert_eq!((status, &shown["data"]["status"]), (200, &json!("completed")), "{role}: {shown}");
    }

    let list = format!("/notifications?order_id={order}&target=orders");
    let listed = async |role| split.get(role, &list).await.1["data"].clone();
    eventually("it is told", async || listed(Role::Payment).await[0]["status"] == "delivered").await;
    let told = listed(Role::Payment).await;
    assert_eq!((&told[0]["user_id"], &told[1]), (&json!("cust-7"), &Value::Null), "{told}");
    assert_eq!(listed(Role::Coordinator).await, told);
    let one = format!("/notifications/{}", id(&told[0]));
    for role in [Role::Payment, Role::Coordinator] {
        assert_eq!(split.get(role, &one).await.1["data"], told[0], "{role}");
        let (status, problem) = split.post(role, &format!("{one}/retry"), &json!({})).await;
        assert_eq!((status, &problem["code"]), (409, &json!("notification_delivered")), "{role}: {problem}");
    }
    let [asked] = &bank.asked()[..] else { panic!("once: {:?}", bank.asked()) };
    assert_eq!((&asked.path, &asked.body), (&format!("PUT {report}"), &paid));

    let user = "/users/cust-7/payment-service";
    let named = json!({"payment_status": "paid", "order_id": order});
    let (status, noted) = split.put(Role::Coordinator, user, &named).await;
    assert_eq!(status, 200, "{noted}");
    assert_eq!(split.get(Role::Payment, user).await, (200, noted));
    for (role, elsewhere) in [(Role::Order, "/notifications"), (Role::Order, user), (Role::Payment, &report)] {
        assert_eq!(split.get(role, elsewhere).await.0, 404, "{role} {elsewhere}");
    }
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn payments_of_somebody_elses_orders_are_the_same_at_the_payments_and_at_the_coordinators_listener() {
    let bank = Bank::start();
    let kept = [(); 2].map(|()| keep_address().expect("a free port"));
    let places = [(Role::Payment, kept[0].1), (Role::Coordinator, kept[1].1)];
    let binds = places.map(|(role, address)| (role, "resto.bind".to_owned(), address.to_string()));
    let split = Split::start_each(&[], &[&telling(&bank)[..], &binds].concat()).await;
    for ((role, address), number) in places.into_iter().zip(1..) {
        let body = json!({"order_id": number, "user_id": 7, "amount": 20_000});
        let (status, paid) = answer(split.client.post(format!("http://{address}/payments")).json(&body)).await;
        assert_eq!((status, &paid["payment_id"]), (201, &json!(number)), "{role}: {paid}");
        for (at, address) in places {
            let (status, read) = answer(split.client.get(format!("http://{address}/payments/{number}"))).await;
            assert_eq!((status, &read["order_id"], &read["status"]), (200, &json!(number), &json!("paid")), "{at}");
        }
    }
    eventually("both are told", async || bank.asked().len() == 2).await;
    split.assert_audit_is_clean();
}
