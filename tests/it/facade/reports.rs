//! What other services report of payments (E3, served): checked against the payment's own record, or believed for the
//! secret of one's own services.

use crate::support::{Call, TestApp, id, manual, simulated};
use serde_json::{Value, json};

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";
const SECRET: &str = "correct-horse-battery";

fn app_with_a_secret() -> TestApp {
    TestApp::with(&[("http.service_secret", SECRET)])
}

fn put(app: &TestApp, path: &str, body: &Value) -> Call {
    app.call("PUT", path).header("Content-Type", "application/json").bytes(body.to_string())
}

fn order_paid(app: &TestApp, order: &str) -> Call {
    put(app, &format!("/orders/{order}/payment"), &json!({"payment_status": "paid"}))
}

fn trusted(call: Call) -> Call {
    call.header("Authorization", format!("Bearer {SECRET}"))
}

fn user_paid(app: &TestApp, user: &str, what: &Value) -> Call {
    let mut body = json!({"payment_status": "paid"});
    for (name, value) in what.as_object().expect("fields") {
        body[name] = value.clone();
    }
    put(app, &format!("/users/{user}/payment-service"), &body)
}

/// An order that is paid at once, of this customer.
fn of_customer(name: &str) -> Value {
    let mut order = simulated(&json!({}));
    order["customer_ref"] = json!(name);
    order
}

#[tokio::test]
async fn where_no_secret_is_said_anybody_reports_a_manual_payment_of_an_order() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    order_paid(&app, id(&order)).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    for _ in 0..2 {
        let confirmed = order_paid(&app, id(&order)).await;
        assert_eq!(confirmed.success(200)["status"], "completed");
        assert_eq!(confirmed.success(200)["id"], order["id"]);
    }
    order_paid(&app, NOBODY).await.problem(404, "order_not_found");
    order_paid(&app, "1").await.problem(400, "invalid_id");
    app.finish().await;
}

#[tokio::test]
async fn nothing_but_paid_can_be_reported() {
    let app = app_with_a_secret();
    let order = app.rested(&simulated(&json!({}))).await;
    let path = format!("/orders/{}/payment", id(&order));
    for status in [json!("failed"), json!("pending"), json!("unpaid"), json!(1), json!(null)] {
        trusted(put(&app, &path, &json!({"payment_status": status}))).await.refuses("payment_status");
    }
    trusted(put(&app, &path, &json!({}))).await.refuses("payment_status");
    let other = trusted(put(&app, &path, &json!({"payment_status": "paid", "amount": 1}))).await;
    other.problem(409, "payment_not_manual");
    trusted(put(&app, &path, &json!({"payment_status": "paid", "sum": 1}))).await.refuses("sum");
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_service_of_ones_own_is_believed() {
    let app = app_with_a_secret();
    let order = app.unpaid(&manual()).await;
    for wrong in ["Bearer correct-horse-batterz", "Bearer", "Basic correct-horse-battery", "correct-horse-battery"] {
        let refused = order_paid(&app, id(&order)).header("Authorization", wrong).await;
        refused.problem(401, "unauthorized");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    }
    order_paid(&app, id(&order)).await.problem(401, "unauthorized");
    for _ in 0..2 {
        trusted(order_paid(&app, id(&order))).await.success(200);
        app.saga_at_rest(&order["saga_id"]).await;
    }
    let order = app.order(id(&order)).await.success(200).clone();
    assert_eq!((&order["status"], &order["payment"]["status"]), (&json!("completed"), &json!("paid")));
    app.finish().await;
}

#[tokio::test]
async fn money_that_is_reported_for_a_closed_order_goes_back_and_the_order_stays_closed() {
    let app = app_with_a_secret();
    let order = app.unpaid(&manual()).await;
    trusted(app.fail_payment(id(&order["payment"]))).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    order_paid(&app, id(&order)).await.problem(401, "unauthorized");
    assert_eq!(trusted(order_paid(&app, id(&order))).await.success(200)["status"], "failed");
    let payment = id(&order["payment"]);
    assert_eq!(app.payment(payment).await.success(200)["status"], "refunding");
    app.report_refunded(payment).await.problem(401, "unauthorized");
    assert_eq!(trusted(app.report_refunded(payment)).await.success(200)["status"], "refunded");
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "failed");
    app.finish().await;
}

#[tokio::test]
async fn a_user_has_paid_who_has_a_payment_that_is_paid() {
    let app = app_with_a_secret();
    let (paid, unpaid) = (app.rested(&of_customer("u-7")).await, app.unpaid(&manual()).await);
    app.get("/users/u-7/payment-service").await.problem(404, "user_not_found");
    user_paid(&app, "u-7", &json!({})).await.problem(401, "unauthorized");
    let of_unpaid = [json!({"order_id": unpaid["id"]}), json!({"payment_id": unpaid["payment"]["id"]})];
    for of_unpaid in of_unpaid {
        user_paid(&app, "u-7", &of_unpaid).await.problem(409, "payment_not_paid");
    }
    let mixed = json!({"order_id": unpaid["id"], "payment_id": paid["payment"]["id"]});
    user_paid(&app, "u-7", &mixed).await.problem(409, "payment_of_another_order");
    user_paid(&app, "u-7", &json!({"payment_id": 1})).await.problem(404, "payment_not_found");
    app.get("/users/u-7/payment-service").await.problem(404, "user_not_found");
    let both = json!({"order_id": paid["id"], "payment_id": paid["payment"]["id"]});
    let first = user_paid(&app, "u-7", &both).await.success(200).clone();
    assert_eq!((&first["user_id"], &first["payment_status"]), (&json!("u-7"), &json!("paid")));
    assert_eq!((&first["order_id"], &first["payment_id"]), (&paid["id"], &paid["payment"]["id"]));
    assert_eq!(*user_paid(&app, "u-7", &both).await.success(200), first, "a repeat changes nothing");
    assert_eq!(*app.get("/users/u-7/payment-service").await.success(200), first);
    for named in [json!({"order_id": paid["id"]}), json!({"payment_id": paid["payment"]["id"]})] {
        user_paid(&app, "8", &named).await.problem(409, "payment_of_another_user");
        user_paid(&app, "u-7", &named).await.success(200);
    }
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_payment_whose_payer_is_not_known_vouches_for_nobody() {
    let app = app_with_a_secret();
    for paid in [simulated(&json!({})), of_customer("Ibu Sari")] {
        let paid = app.rested(&paid).await;
        let (order, payment) = (&paid["id"], &paid["payment"]["id"]);
        for named in [
            json!({"order_id": order}),
            json!({"payment_id": payment}),
            json!({"order_id": order, "payment_id": payment}),
        ] {
            user_paid(&app, "u-7", &named).await.problem(401, "unauthorized");
        }
        app.get("/users/u-7/payment-service").await.problem(404, "user_not_found");
    }
    let paid = app.rested(&simulated(&json!({}))).await;
    trusted(user_paid(&app, "u-7", &json!({"order_id": paid["id"]}))).await.success(200);
    app.finish().await;
}

#[tokio::test]
async fn a_user_has_paid_of_whom_a_service_of_ones_own_says_so() {
    let app = app_with_a_secret();
    let user = trusted(user_paid(&app, "7", &json!({"order_id": 12, "payment_id": "P-1"}))).await.success(200).clone();
    assert_eq!((&user["order_id"], &user["payment_id"]), (&json!(12), &json!("P-1")));
    let later = trusted(user_paid(&app, "7", &json!({"payment_id": 2}))).await.success(200).clone();
    assert_eq!((&later["order_id"], &later["payment_id"]), (&json!(null), &json!(2)));
    assert_eq!(trusted(user_paid(&app, "7", &json!({}))).await.success(200), &later);
    user_paid(&app, "7", &json!({})).header("Authorization", "Bearer hunter2").await.problem(401, "unauthorized");
    for (what, field) in [
        (json!({"payment_status": "failed"}), "payment_status"),
        (json!({"order_id": true}), "order_id"),
        (json!({"payment_id": ""}), "payment_id"),
        (json!({"order_id": "a b"}), "order_id"),
        (json!({"colour": 1}), "colour"),
    ] {
        trusted(user_paid(&app, "7", &what)).await.refuses(field);
    }
    trusted(user_paid(&app, "a%20b", &json!({}))).await.problem(400, "invalid_id");
    app.finish().await;
}

#[tokio::test]
async fn where_there_is_no_secret_nobody_is_believed_of_a_user() {
    let app = TestApp::start();
    app.unpaid(&manual()).await;
    trusted(user_paid(&app, "7", &json!({}))).await.problem(401, "unauthorized");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn where_there_is_a_secret_a_payment_is_settled_by_who_says_it_and_confirmed_by_anybody() {
    let app = app_with_a_secret();
    for (status, ends) in [("success", "completed"), ("failed", "failed")] {
        let order = app.unpaid(&manual()).await;
        let body = json!({"order_id": order["id"], "payment_id": order["payment"]["id"], "payment_status": status});
        let report = || {
            let call = app.call("POST", "/internal/payment-callback").header("Content-Type", "application/json");
            call.bytes(body.to_string())
        };
        let put = format!("/payments/{status}/{}", id(&order["payment"]));
        report().await.problem(401, "unauthorized");
        app.call("PUT", &put).await.problem(401, "unauthorized");
        assert_eq!(app.payment(id(&order["payment"])).await.success(200)["status"], "pending");
        trusted(report()).await.success(200);
        app.saga_at_rest(&order["saga_id"]).await;
        report().await.success(200);
        app.call("PUT", &put).await.success(200);
        assert_eq!(app.order(id(&order)).await.success(200)["status"], ends);
    }
    app.finish().await;
}
