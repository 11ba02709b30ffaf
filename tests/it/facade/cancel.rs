//! Cancelling and retrying: customers until the money is in, operators until the pivot.

use crate::support::{TestApp, id, manual, simulated};
use serde_json::{Value, json};

fn saga_of(order: &Value) -> &str {
    order["saga_id"].as_str().expect("a saga's id")
}

fn because() -> Value {
    json!({"reason": "a customer called"})
}

/// Places an order whose carrier takes its time, and is back when shipping has begun.
async fn being_shipped(app: &TestApp) -> Value {
    let placed = app.place(&simulated(&json!({"shipping_delay_ms": 1500}))).await;
    let order = id(placed.success(201)).to_owned();
    app.order_once(&order, |order| order["status"] == "paid" && order["saga"]["status"] == "waiting").await
}

#[tokio::test]
async fn deleting_an_unpaid_order_cancels_it() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let deleted = app.delete_order(id(&order)).await;
    assert_eq!(deleted.success(202)["id"], order["id"]);
    let saga = app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(saga["message"], "Order cancelled on request.");
    let order = app.order(id(&order)).await;
    let order = order.success(200);
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("cancelled_by_customer")));
    assert_eq!(order["payment"]["status"], "failed");
    app.finish().await;
}

#[tokio::test]
async fn a_paid_order_cannot_be_deleted() {
    // C3
    let app = TestApp::start();
    let completed = app.rested(&simulated(&json!({}))).await;
    let shipping = being_shipped(&app).await;
    for order in [&completed, &shipping] {
        app.delete_order(id(order)).await.problem(409, "order_already_paid");
    }
    app.saga_at_rest(&shipping["saga_id"]).await;
    assert_eq!(app.order(id(&shipping)).await.success(200)["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_closed_order_cannot_be_deleted_again() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    app.delete_order(id(&order)).await.problem(409, "saga_ended");
    assert_eq!(app.order(id(&order)).await.success(200)["reason"], "payment_declined");
    app.finish().await;
}

#[tokio::test]
async fn an_operator_cancels_a_waiting_saga() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.cancel_saga(saga_of(&order), &because()).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    let order = app.order(id(&order)).await;
    let order = order.success(200);
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("cancelled_by_operator")));
    app.finish().await;
}

#[tokio::test]
async fn an_operators_reason_is_in_the_log() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.retry_saga(saga_of(&order), &json!({"reason": "try it now"})).await.success(202);
    app.cancel_saga(saga_of(&order), &because()).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    let log = app.saga_log(saga_of(&order)).await;
    let said = |event: &str| {
        let events = log.success(200).as_array().expect("events").iter();
        events.clone().find(|found| found["event"] == event).map(|found| found["note"].to_string())
    };
    assert!(said("retry_requested").is_some_and(|text| text.contains("try it now")), "{}", log.text);
    assert!(said("cancel_requested").is_some_and(|text| text.contains("a customer called")), "{}", log.text);
    app.finish().await;
}

#[tokio::test]
async fn a_retried_saga_still_waits_for_its_payment() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.retry_saga(saga_of(&order), &because()).await.success(202);
    app.pay(id(&order["payment"])).await.success(200);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn an_operator_can_cancel_until_the_carrier_has_accepted_the_goods() {
    let app = TestApp::start();
    let order = being_shipped(&app).await;
    app.cancel_saga(saga_of(&order), &because()).await.success(202);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
    let order = app.order(id(&order)).await.success(200).clone();
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("cancelled_by_operator")));
    assert_eq!(order["payment"]["status"], "refunded");
    app.finish().await;
}

#[tokio::test]
async fn a_saga_that_has_ended_can_neither_be_cancelled_nor_retried() {
    let app = TestApp::start();
    for faults in [json!({}), json!({"payment": "decline"})] {
        let order = app.rested(&simulated(&faults)).await;
        app.cancel_saga(saga_of(&order), &because()).await.problem(409, "saga_ended");
        app.retry_saga(saga_of(&order), &because()).await.problem(409, "saga_ended");
        assert_eq!(app.order(id(&order)).await.success(200), &order, "nothing has changed");
    }
    app.finish().await;
}

#[tokio::test]
async fn an_operator_must_say_why_an_order_is_cancelled() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    for action in ["cancel", "retry"] {
        let path = format!("/sagas/{}/{action}", saga_of(&order));
        for reason in ["", "   ", "line\nbreak", &"x".repeat(501)] {
            app.post(&path, &json!({"reason": reason})).await.refuses("reason");
        }
        app.post(&path, &json!({"reason": "why", "force": true})).await.refuses("force");
    }
    app.post(&format!("/sagas/{}/cancel", saga_of(&order)), &json!({})).await.refuses("reason");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn many_cancellations_at_once_cancel_once() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let answers = futures::future::join_all((0..10).map(|_| async { app.delete_order(id(&order)).await })).await;
    assert!(answers.iter().any(|answer| answer.status == 202), "{answers:?}");
    for answer in answers.iter().filter(|answer| answer.status != 202) {
        answer.problem(409, "saga_ended");
    }
    app.saga_at_rest(&order["saga_id"]).await;
    let log = app.saga_log(saga_of(&order)).await;
    let turned = log.success(200).as_array().expect("events").iter().filter(|event| event["event"] == "saga_turned");
    assert_eq!(turned.count(), 1);
    app.finish().await;
}
