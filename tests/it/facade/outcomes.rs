//! How a checkout can end, as its client sees it: A2 to A6, B4, C3.

use crate::support::{TestApp, eventually, id, simulated};
use serde_json::{Value, json};

/// The steps that the log says are done, in its order.
async fn done_steps(app: &TestApp, saga: &Value) -> Vec<String> {
    let log = app.saga_log(saga.as_str().expect("an id")).await;
    let events = log.success(200).as_array().expect("events").clone();
    let done = events.iter().filter(|event| event["event"] == "step_done");
    done.map(|event| event["step"].as_str().expect("a step").to_owned()).collect()
}

#[tokio::test]
async fn a_paid_and_shipped_order_is_completed() {
    // A3, B4
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("completed"), &json!(null)));
    assert_eq!(order["payment"]["status"], "paid");
    assert_eq!(order["shipments"][0]["status"], "shipped");
    assert_eq!(order["saga"]["status"], "completed");
    assert_eq!(order["saga"]["message"], "All steps completed successfully");
    app.finish().await;
}

#[tokio::test]
async fn the_steps_of_a_completed_order_are_done_in_their_order() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let done = done_steps(&app, &order["saga_id"]).await;
    assert_eq!(done, ["create_order", "process_payment", "mark_order_paid", "start_shipping", "complete_order"]);
    app.finish().await;
}

#[tokio::test]
async fn the_server_computes_the_total_of_all_lines() {
    // C3
    let app = TestApp::start();
    let lines = json!([{"item_name": "Kopi", "quantity": 2, "price": 85_000}, {"item_name": "Gula", "quantity": 3, "price": 1}]);
    let order = app.rested(&json!({"lines": lines, "payment": {"provider": "simulated"}})).await;
    assert_eq!(order["total_amount"], 170_003);
    assert_eq!(order["lines"][1]["amount"], 3);
    assert_eq!(order["currency"], "IDR");
    assert_eq!(order.get("item_name"), None, "only an order of one line shows it at the top");
    app.finish().await;
}

#[tokio::test]
async fn an_order_of_one_line_shows_the_line_at_the_top_too() {
    // A2, C7
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    assert_eq!(order["item_name"], "Kopi Gayo 250 g");
    assert_eq!((&order["quantity"], &order["price"]), (&json!(2), &json!(85_000)));
    assert_eq!(order["lines"].as_array().map(Vec::len), Some(1));
    app.finish().await;
}

#[tokio::test]
async fn a_declined_payment_fails_the_order() {
    // A4, B4, C3
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_declined")));
    assert_eq!(order["payment"]["status"], "failed");
    assert_eq!(order["shipments"], json!([]));
    assert_eq!(order["saga"]["status"], "compensated");
    assert_eq!(order["saga"]["message"], "Payment failed. Order has been cancelled.");
    app.finish().await;
}

#[tokio::test]
async fn failed_shipping_refunds_the_payment_and_cancels_the_order() {
    // A5, B4
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({"shipping": "fail"}))).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("shipping_failed")));
    assert_eq!(order["payment"]["status"], "refunded");
    let shipped = app.shipments(&format!("order_id={}", id(&order))).await;
    assert!(shipped.items().iter().all(|shipment| shipment["status"] == "cancelled"), "{shipped:?}");
    assert_eq!(order["saga"]["message"], "Shipping failed. Payment refunded and order cancelled.");
    app.finish().await;
}

#[tokio::test]
async fn failed_shipping_is_undone_in_reverse_and_the_order_last() {
    // A5, A6
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({"shipping": "fail"}))).await;
    let done = done_steps(&app, &order["saga_id"]).await;
    assert_eq!(done[3..], ["cancel_shipping", "refund_payment", "cancel_order"]);
    app.finish().await;
}

#[tokio::test]
async fn an_order_that_is_being_cancelled_says_so_until_it_is() {
    // A6
    let app = TestApp::start();
    let placed = app.place(&simulated(&json!({"shipping": "fail", "payment_delay_ms": 700}))).await;
    let order = id(placed.success(201)).to_owned();
    let seen = app.order_once(&order, |order| order["saga"]["status"] == "compensating").await;
    assert_eq!(seen["status"], "paid", "the order is cancelled as the last act");
    assert_eq!(seen["saga"]["message"], json!(null), "no outcome before there is one");
    app.order_once(&order, |order| order["status"] == "cancelled").await;
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_shown_as_paid_before_it_ships() {
    // A3, C3
    let app = TestApp::start();
    let placed = app.place(&simulated(&json!({"shipping_delay_ms": 500}))).await;
    let order = id(placed.success(201)).to_owned();
    app.order_once(&order, |order| order["status"] == "paid").await;
    let done = app.order_once(&order, |order| order["status"] == "completed").await;
    assert_eq!(done["shipments"].as_array().map(Vec::len), Some(1));
    app.finish().await;
}

#[tokio::test]
async fn a_saga_shows_every_step_with_its_kind_and_state() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let saga = app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!((&saga["definition"], &saga["version"]), (&json!("checkout"), &json!(1)));
    assert_eq!(saga["order_id"], order["id"]);
    assert!(saga["finished_at"].is_string());
    let steps = saga["steps"].as_array().expect("steps");
    assert!(steps.iter().all(|step| step["state"] == "done" && step["attempts"] == 1), "{saga}");
    let pivots: Vec<_> = steps.iter().filter(|step| step["kind"] == "pivot").map(|step| &step["step"]).collect();
    assert_eq!(pivots, ["start_shipping"]);
    app.finish().await;
}

#[tokio::test]
async fn a_log_numbers_its_events_without_a_gap() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({"payment": "error_once"}))).await;
    let log = app.saga_log(order["saga_id"].as_str().expect("an id")).await;
    let events = log.success(200).as_array().expect("events");
    for (seq, event) in events.iter().enumerate() {
        assert_eq!(event["seq"], seq, "{event}");
        assert!(event["at"].is_string() && event["node"] == "node-1", "{event}");
    }
    assert!(events.iter().any(|event| event["event"] == "step_unknown" && event["error"].is_string()));
    app.finish().await;
}

#[tokio::test]
async fn a_shipment_can_be_read_by_its_id_and_found_by_its_order() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    app.rested(&simulated(&json!({}))).await;
    let found = app.shipments(&format!("order_id={}", id(&order))).await;
    assert_eq!(found.items().len(), 1);
    let shipment = app.shipment(id(&found.items()[0])).await;
    assert_eq!(shipment.success(200), &order["shipments"][0]);
    assert!(shipment.json["data"]["tracking_number"].is_string());
    app.finish().await;
}

#[tokio::test]
async fn an_order_can_be_read_right_after_it_was_acknowledged() {
    let app = TestApp::start();
    for _ in 0..30 {
        let placed = app.place(&simulated(&json!({}))).await;
        app.order(id(placed.success(201))).await.success(200);
    }
    app.finish().await;
}

#[tokio::test]
async fn crashed_actors_are_restarted_and_orders_still_complete() {
    // F3
    let app = TestApp::start();
    for actor in ["order", "stock", "payment", "notifier", "shipping", "catalog", "coordinator"] {
        for mode in ["panic", "stop", "panic_in_future"] {
            app.crash(actor, &json!({"mode": mode})).await.success(202);
            let order = app.rested(&simulated(&json!({}))).await;
            assert_eq!(order["status"], "completed", "after {mode} of {actor}");
        }
    }
    eventually("every actor runs again", async || {
        let actors = app.actors().await;
        let actors = actors.success(200).as_array().expect("actors").clone();
        actors.iter().all(|a| a["state"] == "running" && a["restarts"].as_u64() >= Some(3)).then_some(())
    })
    .await;
    app.finish().await;
}
