//! Faults of one step on purpose (B5): whatever goes wrong on the way, a step happens exactly once.

use crate::support::{TestApp, id, simulated};
use serde_json::{Value, json};

/// Places an order with these faults; it must complete with one payment and one shipment.
async fn completes_exactly_once(faults: Value) {
    let app = TestApp::start();
    let order = app.rested(&simulated(&faults)).await;
    assert_eq!(order["status"], "completed", "{faults}: {order}");
    let of_order = format!("order_id={}", id(&order));
    let payments = app.payments(&of_order).await;
    assert_eq!(payments.items().iter().map(|payment| &payment["status"]).collect::<Vec<_>>(), ["paid"]);
    let shipments = app.shipments(&of_order).await;
    assert_eq!(shipments.items().iter().map(|shipment| &shipment["status"]).collect::<Vec<_>>(), ["shipped"]);
    app.finish().await;
}

#[tokio::test]
async fn a_payment_whose_answer_is_lost_is_taken_once() {
    completes_exactly_once(json!({"payment": "timeout"})).await;
}

#[tokio::test]
async fn a_payment_that_fails_at_first_is_taken_once() {
    completes_exactly_once(json!({"payment": "error_once"})).await;
}

#[tokio::test]
async fn a_payment_whose_actor_panics_is_taken_once() {
    completes_exactly_once(json!({"payment": "panic"})).await;
}

#[tokio::test]
async fn a_shipment_whose_answer_is_lost_is_sent_once() {
    completes_exactly_once(json!({"shipping": "timeout"})).await;
}

#[tokio::test]
async fn a_shipment_that_fails_at_first_is_sent_once() {
    completes_exactly_once(json!({"shipping": "error_once"})).await;
}

#[tokio::test]
async fn a_shipment_whose_actor_panics_is_sent_once() {
    completes_exactly_once(json!({"shipping": "panic"})).await;
}

#[tokio::test]
async fn slow_providers_only_take_longer() {
    completes_exactly_once(json!({"payment_delay_ms": 30, "shipping_delay_ms": 30})).await;
}

#[tokio::test]
async fn slow_providers_whose_answers_are_lost_are_asked_again() {
    let faults = json!({"payment": "timeout", "payment_delay_ms": 20, "shipping": "timeout", "shipping_delay_ms": 20});
    completes_exactly_once(faults).await;
}

#[tokio::test]
async fn both_steps_may_fail_at_first() {
    completes_exactly_once(json!({"payment": "error_once", "shipping": "error_once"})).await;
}

#[tokio::test]
async fn a_slow_provider_may_decline() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({"payment": "decline", "payment_delay_ms": 30}))).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_declined")));
    app.finish().await;
}

#[tokio::test]
async fn a_slow_carrier_may_fail() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({"shipping": "fail", "shipping_delay_ms": 30}))).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("shipping_failed")));
    assert_eq!(order["payment"]["status"], "refunded");
    app.finish().await;
}

#[tokio::test]
async fn one_panicking_order_does_not_disturb_the_others() {
    let app = TestApp::start();
    let (panicking, calm) = (simulated(&json!({"payment": "panic"})), simulated(&json!({})));
    let bodies = (0..20).map(|n| if n % 5 == 0 { &panicking } else { &calm });
    let orders = futures::future::join_all(bodies.map(|body| app.rested(body))).await;
    assert!(orders.iter().all(|order| order["status"] == "completed"), "{orders:?}");
    app.finish().await;
}
