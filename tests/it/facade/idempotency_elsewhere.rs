//! `Idempotency-Key` on every other POST: opening a payment, the callback, cancelling, retrying.

use crate::support::{TestApp, eventually, id, manual};
use serde_json::{Value, json};

fn payment_for(order: &Value, amount: i64) -> Value {
    json!({"order_id": order["id"], "amount": amount, "provider": "manual"})
}

#[tokio::test]
async fn a_payment_opened_again_under_its_key_is_replayed() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let first = app.open_payment(&payment_for(&order, 170_000)).key("p-1").await;
    assert!(!first.is_replayed());
    let again = app.open_payment(&payment_for(&order, 170_000)).key("p-1").await;
    assert!(again.is_replayed(), "{again:?}");
    assert_eq!(id(&again.json["data"]), id(first.success(201)));
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn another_payment_under_the_same_key_is_refused() {
    let app = TestApp::start();
    let (one, two) = (app.unpaid(&manual()).await, app.unpaid(&manual()).await);
    app.open_payment(&payment_for(&one, 170_000)).key("p-1").await.success(201);
    let reused = app.open_payment(&payment_for(&two, 170_000)).key("p-1").await;
    reused.problem(422, "idempotency_key_reused");
    app.finish_leaving(2).await;
}

#[tokio::test]
async fn a_payment_that_was_refused_is_not_remembered() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.open_payment(&payment_for(&order, 1)).key("p-1").await.problem(422, "amount_mismatch");
    let opened = app.open_payment(&payment_for(&order, 170_000)).key("p-1").await;
    opened.success(201);
    assert!(!opened.is_replayed());
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_callback_repeated_under_its_key_is_replayed() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let report =
        |status: &str| json!({"order_id": order["id"], "payment_id": order["payment"]["id"], "payment_status": status});
    assert!(!app.callback(&report("success")).key("c-1").await.is_replayed());
    let again = app.callback(&report("success")).key("c-1").await;
    assert_eq!(again.success(200)["status"], "paid");
    assert!(again.is_replayed());
    app.callback(&report("failed")).key("c-1").await.problem(422, "idempotency_key_reused");
    app.callback(&report("failed")).key("c-2").await.problem(409, "payment_already_paid");
    let other = app.callback(&report("success")).key("c-2").await;
    other.success(200);
    assert!(!other.is_replayed(), "a refused request is not remembered");
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish().await;
}

#[tokio::test]
async fn the_same_key_means_something_else_elsewhere() {
    let app = TestApp::start();
    let order = app.place(&manual()).key("k").await.success(201).clone();
    let opened = app.open_payment(&payment_for(&order, 170_000)).key("k").await;
    assert!(!opened.is_replayed(), "{opened:?}");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_cancellation_repeated_under_its_key_is_replayed_even_when_the_saga_has_ended() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    let body = json!({"reason": "a customer called"});
    assert!(!app.cancel_saga(saga, &body).key("x-1").await.is_replayed());
    app.saga_at_rest(&order["saga_id"]).await;
    let again = app.cancel_saga(saga, &body).key("x-1").await;
    assert_eq!(again.success(202)["status"], "compensated");
    assert!(again.is_replayed());
    app.finish().await;
}

#[tokio::test]
async fn another_cancellation_under_the_same_key_is_refused() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    app.cancel_saga(saga, &json!({"reason": "one"})).key("x-1").await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    app.cancel_saga(saga, &json!({"reason": "two"})).key("x-1").await.problem(422, "idempotency_key_reused");
    app.finish().await;
}

#[tokio::test]
async fn a_retry_repeated_under_its_key_is_recorded_once() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    let body = json!({"reason": "try it now"});
    assert!(!app.retry_saga(saga, &body).key("r-1").await.is_replayed());
    let again = app.retry_saga(saga, &body).key("r-1").await;
    again.success(202);
    assert!(again.is_replayed());
    app.retry_saga(saga, &json!({"reason": "else"})).key("r-1").await.problem(422, "idempotency_key_reused");
    let log = app.saga_log(saga).await;
    let retries = log.success(200).as_array().expect("events").iter().filter(|e| e["event"] == "retry_requested");
    assert_eq!(retries.count(), 1);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_cancellation_that_was_refused_is_not_remembered() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    app.cancel_saga(saga, &json!({"reason": ""})).key("x-1").await.refuses("reason");
    let cancelled = app.cancel_saga(saga, &json!({"reason": "now"})).key("x-1").await;
    cancelled.success(202);
    assert!(!cancelled.is_replayed());
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish().await;
}

#[tokio::test]
async fn bad_keys_are_refused_everywhere() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    let report = json!({"order_id": order["id"], "payment_id": order["payment"]["id"], "payment_status": "success"});
    let reason = json!({"reason": "why"});
    app.open_payment(&payment_for(&order, 170_000)).key("a b").await.refuses("Idempotency-Key");
    app.callback(&report).key("a b").await.refuses("Idempotency-Key");
    app.cancel_saga(saga, &reason).key("a b").await.refuses("Idempotency-Key");
    app.retry_saga(saga, &reason).key("a b").await.refuses("Idempotency-Key");
    app.crash("order", &json!({"mode": "panic"})).key("a b").await.refuses("Idempotency-Key");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_crash_repeated_under_its_key_crashes_nobody_again() {
    let app = TestApp::start();
    let crash = json!({"mode": "stop"});
    let restarts = async || app.actors().await.success(200)[0]["restarts"].as_u64().expect("a count");
    let first = app.crash("order", &crash).key("boom").await;
    first.success(202);
    assert!(!first.is_replayed());
    eventually("the order actor is restarted", async || Some(restarts().await).filter(|count| *count == 1)).await;
    let again = app.crash("order", &crash).key("boom").await;
    again.success(202);
    assert!(again.is_replayed());
    app.crash("order", &json!({"mode": "panic"})).key("boom").await.problem(422, "idempotency_key_reused");
    // An order goes through the actor's mailbox behind any crash that might be there.
    app.unpaid(&manual()).await;
    assert_eq!(restarts().await, 1);
    app.finish_leaving(1).await;
}
