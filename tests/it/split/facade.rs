//! What each role's own REST and gRPC servers show, and do.

use super::cluster::{Split, order};
use crate::{grpc::direct::Steps, support::day};
use backstitch::role::Role;
use reqwest::Method;
use serde_json::{Value, json};

#[actix_web::test]
async fn an_order_placed_with_any_of_two_roles_is_the_same_everywhere_and_each_shows_its_own() {
    let split = Split::start().await;
    for at in [Role::Coordinator, Role::Order] {
        let (status, placed) = split.post(at, "/orders?wait=10", &order(&json!({"shipping": "fail"}))).await;
        assert_eq!(status, 201, "{placed}");
        let placed = &placed["data"];
        assert_eq!(placed["status"], "cancelled", "{placed}");
        assert_eq!(placed["saga"]["message"], "Shipping failed. Payment refunded and order cancelled.");
        let path = format!("/orders/{}", placed["id"].as_str().unwrap());
        for shown_by in [Role::Coordinator, Role::Order] {
            assert_eq!(&split.get(shown_by, &path).await.1["data"], placed, "{shown_by}");
        }
        let payment = format!("/payments/{}", placed["payment"]["id"].as_str().unwrap());
        assert_eq!(split.get(Role::Payment, &payment).await.1["data"]["status"], "refunded");
        let shipment = format!("/shipments/{}", placed["shipments"][0]["id"].as_str().unwrap());
        assert_eq!(split.get(Role::Shipping, &shipment).await.1["data"]["status"], "cancelled");
        for (role, elsewhere) in [(Role::Payment, &path), (Role::Order, &payment), (Role::Stock, &shipment)] {
            assert_eq!(split.get(role, elsewhere).await.0, 404, "{role} {elsewhere}");
        }
    }
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn each_role_describes_what_it_serves_and_nothing_else() {
    let split = Split::start().await;
    for (role, has, has_not) in [
        (Role::Order, "/orders", "/payments"),
        (Role::Payment, "/payments", "/orders"),
        (Role::Shipping, "/shipments", "/payments"),
        (Role::Stock, "/products", "/orders"),
        (Role::Coordinator, "/admin/audit", "/nothing"),
    ] {
        let document: Value =
            split.client.get(split.at(role, "/openapi.json")).send().await.unwrap().json().await.unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert!(paths.contains_key(has) && !paths.contains_key(has_not), "{role}: {:?}", paths.keys());
        assert!(paths.contains_key("/healthz"), "{role}");
    }
}

#[actix_web::test]
async fn an_order_is_paid_by_hand_edited_and_cancelled_at_the_roles_that_have_it() {
    let split = Split::start().await;
    let body = json!({"item_name": "Kopi", "quantity": 1, "price": 100});
    let place = async || {
        let (status, placed) = split.post(Role::Order, "/orders", &body).await;
        assert_eq!(status, 201, "{placed}");
        placed["data"].clone()
    };
    let send = async |method: Method, role: Role, path: String, body: Value| -> (u16, Value) {
        let sent = split.client.request(method, split.at(role, &path)).json(&body).send().await.unwrap();
        (sent.status().as_u16(), sent.json().await.unwrap())
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    let paid = place().await;
    let settle = format!("/payments/success/{}", text(&paid["payment"]["id"]));
    assert_eq!(send(Method::PUT, Role::Payment, settle, json!({})).await.0, 200);
    let waited = format!("/sagas/{}?wait=10", text(&paid["saga_id"]));
    assert_eq!(split.get(Role::Coordinator, &waited).await.1["data"]["status"], "completed");

    let edited = place().await;
    let lines = json!({"lines": [{"item_name": "Teh", "quantity": 2, "price": 300}]});
    let path = format!("/orders/{}", text(&edited["id"]));
    let (status, answer) = send(Method::PUT, Role::Order, path.clone(), lines.clone()).await;
    assert_eq!((status, &answer["data"]["total_amount"]), (200, &json!(600)), "{answer}");
    let report = json!({
        "order_id": edited["id"], "payment_id": answer["data"]["payment"]["id"], "payment_status": "failed",
    });
    let (status, answer) = split.post(Role::Order, "/internal/payment-callback", &report).await;
    assert_eq!(status, 200, "{answer}");
    split.all_rest().await;
    assert_eq!(split.get(Role::Order, &path).await.1["data"]["status"], "failed");
    let (status, problem) = send(Method::PUT, Role::Order, path, lines).await;
    assert_eq!((status, &problem["code"]), (409, &json!("order_closed")), "{problem}");

    let cancelled = place().await;
    let path = format!("/orders/{}", text(&cancelled["id"]));
    assert_eq!(send(Method::DELETE, Role::Order, path.clone(), Value::Null).await.0, 202);
    split.all_rest().await;
    assert_eq!(split.get(Role::Coordinator, &path).await.1["data"]["status"], "cancelled");

    let (status, problem) =
        split.post(Role::Order, "/orders", &json!({"item_name": "Kopi", "quantity": 0, "price": 1})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("invalid_request")), "{problem}");
    assert_eq!(problem["errors"][0]["field"], "quantity", "{problem}");
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn a_key_sent_to_either_role_is_one_order() {
    let split = Split::start().await;
    let place = async || {
        let sent = split.client.post(split.at(Role::Order, "/orders?wait=10")).header("Idempotency-Key", "k");
        let response = sent.json(&order(&json!({}))).send().await.unwrap();
        let replayed = response.headers().contains_key("Idempotent-Replayed");
        let body: Value = response.json().await.unwrap();
        (replayed, body["data"]["id"].clone())
    };
    let (first, again) = (place().await, place().await);
    assert_eq!((first.0, again.0), (false, true));
    assert_eq!(first.1, again.1);
}

#[actix_web::test]
async fn goods_of_shops_are_reserved_and_taken_by_the_stocks_own_process() {
    let split = Split::start().await;
    let base = split.at(Role::Coordinator, "");
    let lines = crate::process::load::open_shops(&base).await;
    let body = json!({"lines": lines, "payment": {"provider": "simulated"}});
    let (status, placed) = split.post(Role::Order, "/orders?wait=10", &body).await;
    assert_eq!((status, &placed["data"]["status"]), (201, &json!("completed")), "{placed}");
    let variant = format!("/stock/{}", lines[1]["variant_id"].as_str().unwrap());
    let (_, stock) = split.get(Role::Stock, &variant).await;
    assert_eq!((&stock["data"]["on_hand"], &stock["data"]["reserved"]), (&json!(99), &json!(0)), "{stock}");
    assert_eq!(split.get(Role::Coordinator, &variant).await.1, stock);
    let too_many = json!({"lines": [{
        "shop_id": lines[1]["shop_id"], "variant_id": lines[1]["variant_id"], "quantity": 100,
    }]});
    let (_, refused) = split.post(Role::Coordinator, "/orders?wait=10", &too_many).await;
    assert_eq!(
        (&refused["code"], &refused["errors"][0]["field"]),
        (&json!("out_of_stock"), &json!("lines[0].quantity"))
    );
    assert_eq!(refused["errors"][0]["message"], "100 are wanted, 99 are available", "{refused}");
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn a_client_that_drives_its_order_itself_finds_each_step_at_its_role() {
    let split = Split::start().await;
    let steps = Steps::at(|role| split.grpc(role));
    let order = steps.create().await.unwrap();
    let (payment, status) = steps.pay(&order).await.unwrap();
    assert_eq!(status, "SUCCESS");
    let (shipment, status) = steps.ship(&order).await.unwrap();
    assert_eq!(status, "SHIPPED");
    let shown = split.get(Role::Order, &format!("/orders/{order}")).await.1;
    assert_eq!(shown["data"]["status"], "completed", "{shown}");
    assert_eq!(steps.refund(&payment).await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    assert_eq!(steps.call_back(&shipment).await.unwrap(), "CANCELLED");
    assert_eq!(steps.refund(&payment).await.unwrap(), "REFUNDED");
    assert_eq!(steps.cancel(&order).await.unwrap(), "CANCELLED");
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn payments_of_a_process_with_all_roles_can_have_a_port_of_their_own() {
    let split = Split::prepare(&[]);
    let (all, payments) = (split.at(Role::Coordinator, ""), split.at(Role::Payment, ""));
    let bind = |url: &str| url.trim_start_matches("http://").to_owned();
    let mut split = split;
    let mut command = split.command(Role::Coordinator);
    command
        .env("BACKSTITCH__NODE__ROLES", "all")
        .env("BACKSTITCH__HTTP__BIND", bind(&all))
        .env("BACKSTITCH__HTTP__PAYMENT_BIND", bind(&payments));
    split.spawn_by(Role::Coordinator, command);
    split.until_ready(Role::Coordinator).await;
    let order = json!({"item_name": "Kopi", "quantity": 1, "price": 100});
    let (status, placed) = split.post(Role::Coordinator, "/orders", &order).await;
    assert_eq!(status, 201, "{placed}");
    let payment = json!({"order_id": placed["data"]["id"], "amount": 100, "provider": "manual"});
    let (status, opened) = split.post(Role::Payment, "/payments", &payment).await;
    assert_eq!(status, 201, "{opened}");
    let settle = format!("{payments}/payments/success/{}", opened["data"]["id"].as_str().unwrap());
    assert_eq!(split.client.put(settle).send().await.unwrap().status(), 200);
    let waited = format!("/sagas/{}?wait=10", placed["data"]["saga_id"].as_str().unwrap());
    assert_eq!(split.get(Role::Coordinator, &waited).await.1["data"]["status"], "completed");
    for elsewhere in ["/orders", "/admin/actors", "/metrics"] {
        assert_eq!(split.get(Role::Payment, elsewhere).await.0, 404, "{elsewhere}");
    }
}

#[actix_web::test]
async fn a_process_may_play_several_roles() {
    let mut split = Split::prepare(&[]);
    for (process, roles, others) in [
        (Role::Order, "order,payment", &[(Role::Payment, "PAYMENT")][..]),
        (Role::Coordinator, "stock,shipping,coordinator", &[(Role::Stock, "STOCK"), (Role::Shipping, "SHIPPING")]),
    ] {
        let mut command = split.command(process);
        command.env("BACKSTITCH__NODE__ROLES", roles);
        for (role, bind) in others {
            command.env(format!("BACKSTITCH__GRPC__{bind}_BIND"), split.grpc(*role).to_string());
        }
        split.spawn_by(process, command);
    }
    split.until_ready(Role::Order).await;
    split.until_ready(Role::Coordinator).await;
    let lines = crate::process::load::open_shops(&split.at(Role::Coordinator, "")).await;
    let body = json!({"lines": lines, "payment": {"provider": "simulated"}});
    let (status, placed) = split.post(Role::Order, "/orders?wait=10", &body).await;
    assert_eq!((status, &placed["data"]["status"]), (201, &json!("completed")), "{placed}");
    let payment = format!("/payments/{}", placed["data"]["payment"]["id"].as_str().unwrap());
    assert_eq!(split.get(Role::Order, &payment).await.1["data"]["status"], "paid");
    assert_eq!(split.get(Role::Order, "/shipments").await.0, 404, "it does not ship");
    let audit = split.get(Role::Coordinator, "/admin/audit").await.1;
    assert_eq!(audit["data"]["clean"], true, "{audit}");
}

#[actix_web::test]
async fn orders_are_found_by_what_the_owners_of_shipments_and_payments_know_of_them() {
    let split = Split::start().await;
    let place = async || {
        let (status, placed) = split.post(Role::Coordinator, "/orders?wait=10", &order(&json!({}))).await;
        assert_eq!(status, 201, "{placed}");
        placed["data"].clone()
    };
    let (one, _other) = (place().await, place().await);
    let number = one["shipments"][0]["tracking_number"].as_str().unwrap();
    for at in [Role::Coordinator, Role::Order] {
        for (query, expected) in [
            (format!("tracking_number={number}"), vec![&one["id"]]),
            (format!("tracking_number={number}&status=failed,cancelled"), vec![]),
            (format!("tracking_number={number}&payment_reference=nobodys"), vec![]),
        ] {
            let (status, found) = split.get(at, &format!("/orders?{query}")).await;
            let found: Vec<_> = found["data"].as_array().unwrap().iter().map(|order| &order["id"]).collect();
            assert_eq!((status, found), (200, expected), "{at} {query}");
        }
        let (_, counted) = split.get(at, &format!("/orders/summary?from={}&to={}&by=status", day(-1), day(1))).await;
        assert_eq!(counted["data"]["groups"][0]["orders"], 2, "{at}: {counted}");
    }
    split.assert_audit_is_clean();
}
