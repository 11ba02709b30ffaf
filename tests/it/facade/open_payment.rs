//! A client that opens the order's payment itself (C2, C7): one payment per order, whoever is first.

use crate::support::{TestApp, id, manual, simulated};
use serde_json::{Value, json};

fn payment_for(order: &Value, provider: &str) -> Value {
    json!({"order_id": order["id"], "amount": order["total_amount"], "provider": provider})
}

#[tokio::test]
async fn a_payment_opened_right_after_the_order_is_the_orders_payment() {
    let app = TestApp::start();
    for _ in 0..10 {
        let placed = app.place(&manual()).await;
        let opened = app.open_payment(&payment_for(placed.success(201), "manual")).await;
        let payment = id(opened.success(201)).to_owned();
        assert_eq!(opened.header("location"), Some(format!("/payments/{payment}").as_str()));
        app.pay(&payment).await.success(200);
        let saga = app.saga_at_rest(&placed.json["data"]["saga_id"]).await;
        assert_eq!(saga["status"], "completed");
        let order = app.order(id(&placed.json["data"])).await;
        assert_eq!(id(&order.success(200)["payment"]), payment);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_payment_opened_while_the_saga_waits_is_the_one_it_waits_for() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let opened = app.open_payment(&payment_for(&order, "manual")).await;
    assert_eq!(id(opened.success(201)), id(&order["payment"]));
    assert_eq!(opened.json["data"]["status"], "pending");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_second_payment_answers_the_first() {
    // C7
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let first = app.open_payment(&payment_for(&order, "manual")).await;
    let second = app.open_payment(&payment_for(&order, "manual")).await;
    assert_eq!(second.success(200), first.success(201));
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_payment_of_an_order_that_is_being_edited_is_not_opened_yet() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let held = app.sql().execute("UPDATE payment_payment SET held = TRUE, amendment = 1, version = version + 1", &[]);
    assert_eq!(held.expect("a payment"), 1);
    app.open_payment(&payment_for(&order, "manual")).await.problem(409, "order_busy");
    let payment = app.payment(id(&order["payment"])).await;
    assert_eq!((&payment.success(200)["status"], &payment.json["data"]["revision"]), (&json!("pending"), &json!(0)));
    // No amendment has done this, and the audit would say so.
    let free = app.sql().execute("UPDATE payment_payment SET held = FALSE, amendment = 0, version = version + 1", &[]);
    free.expect("the payment is let go");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn many_payments_at_once_open_one() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let body = payment_for(&order, "manual");
    let answers = futures::future::join_all((0..10).map(|_| async { app.open_payment(&body).await })).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert!(answers.iter().all(|answer| id(&answer.json["data"]) == id(&order["payment"])), "{answers:?}");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn another_amount_than_the_total_is_refused() {
    // C7
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    for amount in [0, 1, 169_999, 170_001, 9_007_199_254_740_991_i64] {
        let answer = app.open_payment(&json!({"order_id": order["id"], "amount": amount, "provider": "manual"})).await;
        answer.problem(422, "amount_mismatch");
        answer.names("amount");
    }
    let negative = app.open_payment(&json!({"order_id": order["id"], "amount": -1, "provider": "manual"})).await;
    negative.refuses("amount");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_simulated_payment_settles_at_once() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let opened = app.open_payment(&payment_for(&order, "simulated")).await;
    assert_eq!(opened.success(201)["status"], "paid");
    let saga = app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(saga["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_of_a_paid_order_answers_the_one_it_has() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let again = app.open_payment(&payment_for(&order, "manual")).await;
    assert_eq!(id(again.success(200)), id(&order["payment"]));
    assert_eq!(again.json["data"]["status"], "paid");
    assert_eq!(again.json["data"]["provider"], "simulated");
    app.finish().await;
}

#[tokio::test]
async fn a_closed_order_takes_no_new_payment() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    app.open_payment(&payment_for(&order, "simulated")).await.problem(409, "payment_closed");
    let stays = app.payment(id(&order["payment"])).await.success(200).clone();
    assert_eq!(stays["status"], "failed", "the payment it has stays as it ended");
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "failed");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_needs_an_order_that_exists() {
    let app = TestApp::start();
    let nobody = json!({"order_id": "0198c0de-0000-7000-8000-000000000000", "amount": 1, "provider": "manual"});
    app.open_payment(&nobody).await.problem(404, "order_not_found");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_shows_its_order_and_its_amount() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let payment = app.payment(id(&order["payment"])).await;
    let payment = payment.success(200);
    assert_eq!((&payment["order_id"], &payment["amount"]), (&order["id"], &order["total_amount"]));
    assert_eq!((&payment["currency"], &payment["status"]), (&json!("IDR"), &json!("pending")));
    app.finish_leaving(1).await;
}
