//! Goods that people send: nothing is shipped before somebody says so.

use crate::support::{TestApp, id, manual, paid};
use serde_json::{Value, json};

fn app() -> TestApp {
    TestApp::with(&[("orders.carrier", "manual")])
}

fn report(app: &TestApp, shipment: &Value, what: &str, body: &Value) -> crate::support::Call {
    let path = format!("/shipments/{}/{what}", id(shipment));
    app.call("PUT", &path).header("Content-Type", "application/json").bytes(body.to_string())
}

/// A paid order whose goods nobody has sent, and its shipment.
async fn to_be_sent(app: &TestApp) -> (Value, Value) {
    let order = json!({"item_name": "Kopi", "quantity": 1, "price": 85_000, "payment": {"provider": "simulated"}});
    let order = app.place(&order).await.success(201).clone();
    let order = app.order_once(id(&order), |order| order["shipments"][0]["status"] == "requested").await;
    let shipment = order["shipments"][0].clone();
    (order, shipment)
}

#[tokio::test]
async fn a_paid_order_stays_paid_until_somebody_says_that_its_goods_are_on_their_way() {
    let app = app();
    let (order, shipment) = to_be_sent(&app).await;
    assert_eq!((&order["status"], &shipment["carrier"]), (&json!("paid"), &json!("manual")));
    assert_eq!(shipment["tracking_number"], Value::Null);
    let saga = app.saga(order["saga_id"].as_str().expect("an id")).await.success(200).clone();
    assert_eq!((&saga["status"], &saga["waiting_on"]), (&json!("waiting"), &json!("report")), "{saga}");
    let listed = app.get("/shipments?status=requested").await;
    assert_eq!(listed.items()[0]["id"], shipment["id"]);
    app.assert_audit_is_clean().await;
    for bad in [json!({"tracking_number": ""}), json!({"tracking_number": "x".repeat(129)}), json!({"number": "7"})] {
        assert_eq!(report(&app, &shipment, "dispatched", &bad).await.status, 422);
    }
    for _ in 0..2 {
        let shown =
            report(&app, &shipment, "dispatched", &json!({"tracking_number": "JNE 7"})).await.success(200).clone();
        assert_eq!((&shown["status"], &shown["tracking_number"]), (&json!("shipped"), &json!("JNE 7")));
    }
    report(&app, &shipment, "dispatched", &json!({"tracking_number": "JNE 8"}))
        .await
        .problem(409, "tracking_number_mismatch");
    report(&app, &shipment, "cancelled", &json!({})).await.problem(409, "shipment_decided");
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn goods_that_cannot_be_sent_undo_their_order() {
    let app = app();
    let (order, shipment) = to_be_sent(&app).await;
    for _ in 0..2 {
        assert_eq!(report(&app, &shipment, "cancelled", &json!({})).await.success(200)["status"], "cancelled");
    }
    report(&app, &shipment, "dispatched", &json!({})).await.problem(409, "shipment_decided");
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
    let order = app.order(id(&order)).await.success(200).clone();
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("shipping_failed")));
    assert_eq!(order["payment"]["status"], "refunded");
    app.finish().await;
}

#[tokio::test]
async fn an_operator_cancels_until_the_goods_are_sent() {
    let app = app();
    let (order, _) = to_be_sent(&app).await;
    app.cancel_saga(order["saga_id"].as_str().expect("an id"), &json!({"reason": "the customer called"}))
        .await
        .success(202);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
    assert_eq!(app.order(id(&order)).await.success(200)["payment"]["status"], "refunded");
    app.finish().await;
}

#[tokio::test]
async fn goods_that_were_sent_from_one_warehouse_are_back_when_somebody_says_so() {
    let app = app();
    let (coffee, tea) = (app.stand(85_000, 10).await, app.stand(20_000, 10).await);
    let order = app.place(&paid(&[coffee.line(1), tea.line(1)], &json!({}))).await.success(201).clone();
    let order =
        app.order_once(id(&order), |order| order["shipments"].as_array().is_some_and(|all| all.len() == 2)).await;
    let (first, second) = (&order["shipments"][0], &order["shipments"][1]);
    report(&app, first, "dispatched", &json!({})).await.success(200);
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "paid", "the other one is still here");
    report(&app, second, "cancelled", &json!({})).await.success(200);
    let order = app.order_once(id(&order), |order| order["saga"]["status"] == "compensating").await;
    assert_eq!(order["payment"]["status"], "paid", "the first one is still out");
    report(&app, first, "cancelled", &json!({})).await.success(200);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
    assert_eq!(app.pieces(&coffee.variant).await, [10, 0, 10]);
    app.finish().await;
}

#[tokio::test]
async fn who_does_not_say_the_secret_reports_no_shipment() {
    let app = TestApp::with(&[("orders.carrier", "manual"), ("http.service_secret", "correct-horse-battery")]);
    let (order, shipment) = to_be_sent(&app).await;
    for what in ["dispatched", "cancelled"] {
        report(&app, &shipment, what, &json!({})).await.problem(401, "unauthorized");
    }
    let trusted =
        report(&app, &shipment, "dispatched", &json!({})).header("Authorization", "Bearer correct-horse-battery");
    trusted.await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish().await;
}

#[tokio::test]
async fn a_carrier_that_never_answers_keeps_no_order_for_ever() {
    // Nobody listens there.
    let app = TestApp::with(&[
        ("orders.carrier", "jne"),
        ("providers.shipping.jne.kind", "http"),
        ("providers.shipping.jne.dispatch.url", "http://127.0.0.1:9/dispatch"),
        ("providers.shipping.jne.recall.url", "http://127.0.0.1:9/recall"),
        ("providers.shipping.jne.timeout_ms", "200"),
    ]);
    let (order, shipment) = to_be_sent(&app).await;
    report(&app, &shipment, "dispatched", &json!({})).await.problem(409, "shipment_not_manual");
    report(&app, &shipment, "cancelled", &json!({})).await.problem(409, "shipment_not_manual");
    app.cancel_saga(order["saga_id"].as_str().expect("an id"), &json!({"reason": "the carrier is gone"}))
        .await
        .success(202);
    let saga = crate::support::eventually("the saga waits for the carrier", async || {
        let saga = app.saga(order["saga_id"].as_str().expect("an id")).await.success(200).clone();
        (saga["waiting_on"] == "carrier").then_some(saga)
    })
    .await;
    assert_eq!((&saga["status"], &saga["waiting_for"]), (&json!("compensating"), &json!("cancel_shipping")));
    let shown = app.shipment(id(&shipment)).await.success(200).clone();
    assert!(shown["last_error"].as_str().is_some_and(|said| said.contains("cannot connect")), "{shown}");
    report(&app, &shipment, "cancelled", &json!({})).await.success(200);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
    assert_eq!(app.order(id(&order)).await.success(200)["payment"]["status"], "refunded");
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_the_simulation_is_not_simulated() {
    let app = app();
    let with = |payment: &str, simulate: Value| json!({"item_name": "Kopi", "quantity": 1, "price": 1, "payment": {"provider": payment}, "simulate": simulate});
    app.place(&with("simulated", json!({"shipping": "fail"}))).await.refuses("simulate.shipping");
    app.place(&with("simulated", json!({"shipping_delay_ms": 5}))).await.refuses("simulate.shipping_delay_ms");
    app.place(&with("manual", json!({"payment": "decline"}))).await.refuses("simulate.payment");
    app.place(&with("manual", json!({"payment_delay_ms": 5}))).await.refuses("simulate.payment_delay_ms");
    app.place(&with("manual", json!({}))).await.success(201);
    let order = app.unpaid(&manual()).await;
    app.delete_order(id(&order)).await.success(202);
    app.finish_leaving_any().await;
}
