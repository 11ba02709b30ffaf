//! What a payment service reports to the order side (C1, C5, C7).

use crate::support::{TestApp, id, manual};
use serde_json::{Value, json};

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

fn report(order: &Value, payment: &Value, status: &str) -> Value {
    json!({"order_id": order["id"], "payment_id": payment["id"], "payment_status": status})
}

#[tokio::test]
async fn a_reported_success_completes_the_order() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let answer = app.callback(&report(&order, &order["payment"], "success")).await;
    assert_eq!(answer.success(200)["status"], "paid");
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_reported_failure_fails_the_order() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.callback(&report(&order, &order["payment"], "failed")).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "failed");
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_report_changes_nothing() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let report = report(&order, &order["payment"], "success");
    app.callback(&report).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.callback(&report).await.success(200)["status"], "paid");
    assert_eq!(app.payments(&format!("order_id={}", id(&order))).await.items().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn another_orders_payment_is_refused() {
    let app = TestApp::start();
    let (ours, theirs) = (app.unpaid(&manual()).await, app.unpaid(&manual()).await);
    for status in ["success", "failed"] {
        app.callback(&report(&ours, &theirs["payment"], status)).await.problem(409, "payment_of_another_order");
    }
    for order in [&ours, &theirs] {
        assert_eq!(app.payment(id(&order["payment"])).await.success(200)["status"], "pending");
    }
    app.finish_leaving(2).await;
}

#[tokio::test]
async fn a_failure_of_a_paid_payment_is_refused() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.callback(&report(&order, &order["payment"], "success")).await.success(200);
    let refused = app.callback(&report(&order, &order["payment"], "failed")).await;
    refused.problem(409, "payment_already_paid");
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_order_and_an_unknown_payment_are_told_apart() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let nobody = json!({"id": NOBODY});
    app.callback(&report(&nobody, &order["payment"], "success")).await.problem(404, "order_not_found");
    app.callback(&report(&order, &nobody, "success")).await.problem(404, "payment_not_found");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_late_success_is_recorded_and_refunded() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    app.callback(&report(&order, &order["payment"], "success")).await.success(200);
    app.payment_once(id(&order["payment"]), "refunded").await;
    app.finish().await;
}

#[tokio::test]
async fn every_field_is_needed_and_of_its_type() {
    let app = TestApp::start();
    let good = json!({"order_id": NOBODY, "payment_id": NOBODY, "payment_status": "success"});
    for field in ["order_id", "payment_id", "payment_status"] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(field);
        app.callback(&body).await.refuses(field);
        body[field] = json!("paid");
        app.callback(&body).await.refuses(field);
        body[field] = json!(7);
        app.callback(&body).await.refuses(field);
    }
    app.finish().await;
}
