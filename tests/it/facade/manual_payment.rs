//! Payments that somebody reports (C2, C3): success, failure, the deadline, and who comes too late.

use crate::support::{TestApp, id, manual, simulated};
use serde_json::json;

#[tokio::test]
async fn an_order_is_acknowledged_with_the_payment_that_it_waits_for() {
    let app = TestApp::start();
    for _ in 0..50 {
        let placed = app.place(&manual()).await.success(201).clone();
        assert_eq!(placed["payment"]["status"], "pending", "{placed}");
        app.payment(placed["payment"]["id"].as_str().expect("an id")).await.success(200);
    }
    app.finish_leaving(50).await;
}

#[tokio::test]
async fn an_order_without_payment_terms_waits_for_a_manual_payment() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    assert_eq!(order["status"], "pending");
    assert_eq!(order["payment"]["provider"], "manual");
    assert!(order["payment"]["deadline_at"].is_string());
    let saga = app.saga(order["saga_id"].as_str().expect("an id")).await;
    assert_eq!(saga.success(200)["waiting_for"], "process_payment");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_reported_payment_completes_the_order() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let paid = app.pay(id(&order["payment"])).await;
    assert_eq!(paid.success(200)["status"], "paid");
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_reported_twice_is_taken_once() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let payment = id(&order["payment"]);
    app.pay(payment).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    let again = app.pay(payment).await;
    assert_eq!(again.success(200)["status"], "paid");
    assert_eq!(again.json["data"], *app.payment(payment).await.success(200));
    app.finish().await;
}

#[tokio::test]
async fn a_payment_reported_as_failed_fails_the_order() {
    // C3
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let failed = app.fail_payment(id(&order["payment"])).await;
    assert_eq!(failed.success(200)["status"], "failed");
    let saga = app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(saga["message"], "Payment failed. Order has been cancelled.");
    let order = app.order(id(&order)).await;
    assert_eq!(
        (&order.success(200)["status"], &order.json["data"]["reason"]),
        (&json!("failed"), &json!("payment_declined"))
    );
    app.finish().await;
}

#[tokio::test]
async fn a_failure_reported_twice_changes_nothing() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let payment = id(&order["payment"]);
    app.fail_payment(payment).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.fail_payment(payment).await.success(200)["status"], "failed");
    app.finish().await;
}

#[tokio::test]
async fn a_paid_payment_cannot_be_reported_as_failed() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let payment = id(&order["payment"]);
    app.pay(payment).await.success(200);
    app.fail_payment(payment).await.problem(409, "payment_already_paid");
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.payment(payment).await.success(200)["status"], "paid");
    app.finish().await;
}

#[tokio::test]
async fn an_unpaid_order_fails_at_its_deadline() {
    let app = TestApp::start();
    let mut body = manual();
    body["payment"] = json!({"provider": "manual", "deadline_ms": 150});
    let order = app.rested(&body).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_expired")));
    assert_eq!(order["payment"]["status"], "expired");
    assert_eq!(order["saga"]["message"], "Payment expired. Order has been cancelled.");
    app.finish().await;
}

#[tokio::test]
async fn a_failure_reported_after_the_deadline_changes_nothing() {
    let app = TestApp::start();
    let mut body = manual();
    body["payment"] = json!({"deadline_ms": 1});
    let order = app.rested(&body).await;
    let late = app.fail_payment(id(&order["payment"])).await;
    assert_eq!(late.success(200)["status"], "expired");
    app.finish().await;
}

#[tokio::test]
async fn a_provider_slower_than_the_deadline_is_given_its_money_back() {
    let app = TestApp::start();
    let mut body = simulated(&json!({"payment_delay_ms": 600}));
    body["payment"]["deadline_ms"] = json!(50);
    let order = app.rested(&body).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_expired")));
    app.payment_once(id(&order["payment"]), "refunded").await;
    app.finish().await;
}

#[tokio::test]
async fn success_and_failure_reported_at_once_agree_in_the_end() {
    let app = TestApp::start();
    for _ in 0..10 {
        let order = app.unpaid(&manual()).await;
        let payment = id(&order["payment"]);
        let (paid, failed) = tokio::join!(async { app.pay(payment).await }, async { app.fail_payment(payment).await },);
        paid.success(200);
        let saga = app.saga_at_rest(&order["saga_id"]).await;
        if failed.status == 409 {
            failed.problem(409, "payment_already_paid");
            assert_eq!(saga["status"], "completed");
        } else {
            failed.success(200);
            assert_eq!(saga["status"], "compensated");
            app.payment_once(payment, "refunded").await;
        }
    }
    app.finish().await;
}
