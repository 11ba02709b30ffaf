//! Money for a closed order: it is recorded and goes back, and the order stays closed.

use crate::support::{TestApp, id, manual};
use serde_json::{Value, json};

/// Reports the money of a closed order; it goes back and the order keeps its end.
async fn money_goes_back(app: &TestApp, order: &Value) {
    let before = app.order(id(order)).await.success(200).clone();
    let late = app.pay(id(&order["payment"])).await;
    let status = late.success(200)["status"].as_str().expect("a status").to_owned();
    assert_eq!(status, "refunding", "{late:?}");
    app.payment_once(id(&order["payment"]), "refunded").await;
    let after = app.order(id(order)).await.success(200).clone();
    assert_eq!((&after["status"], &after["reason"]), (&before["status"], &before["reason"]));
    assert_eq!(after["saga"], before["saga"]);
}

#[tokio::test]
async fn money_after_the_deadline_goes_back() {
    let app = TestApp::start();
    let mut body = manual();
    body["payment"] = json!({"deadline_ms": 1});
    let order = app.rested(&body).await;
    assert_eq!(order["reason"], "payment_expired");
    money_goes_back(&app, &order).await;
    app.finish().await;
}

#[tokio::test]
async fn money_after_a_failure_goes_back() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.fail_payment(id(&order["payment"])).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    money_goes_back(&app, &order).await;
    app.finish().await;
}

#[tokio::test]
async fn money_after_a_cancellation_goes_back() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    money_goes_back(&app, &order).await;
    app.finish().await;
}

#[tokio::test]
async fn late_money_goes_back_once_however_often_it_is_reported() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    money_goes_back(&app, &order).await;
    let again = app.pay(id(&order["payment"])).await;
    assert_eq!(again.success(200)["status"], "refunded");
    app.finish().await;
}

#[tokio::test]
async fn refunded_money_cannot_be_reported_as_failed() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    money_goes_back(&app, &order).await;
    app.fail_payment(id(&order["payment"])).await.problem(409, "payment_already_paid");
    app.finish().await;
}

#[tokio::test]
async fn money_that_comes_while_the_order_is_cancelled_is_kept_for_no_one() {
    let app = TestApp::start();
    for _ in 0..10 {
        let order = app.unpaid(&manual()).await;
        let payment = id(&order["payment"]);
        let (cancelled, paid) =
            tokio::join!(async { app.delete_order(id(&order)).await }, async { app.pay(payment).await },);
        paid.success(200);
        if cancelled.status == 202 {
            app.payment_once(payment, "refunded").await;
            assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
        } else {
            cancelled.problem(409, "order_already_paid");
            assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
        }
    }
    app.finish().await;
}
