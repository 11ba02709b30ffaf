//! A server without simulation: nobody scripts failures there, nobody crashes actors.

use crate::support::{TestApp, manual, simulated};
use serde_json::{Value, json};

const DISABLED: &[(&str, &str)] = &[("simulation.enabled", "false")];

#[tokio::test]
async fn an_order_cannot_script_faults_where_simulation_is_disabled() {
    let app = TestApp::with(DISABLED);
    for faults in [json!({}), json!({"payment": "decline"}), json!({"shipping_delay_ms": 1})] {
        app.place(&simulated(&faults)).await.problem(422, "simulation_disabled");
    }
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_paid_by_the_simulated_provider_where_simulation_is_disabled() {
    let app = TestApp::with(DISABLED);
    let mut body = manual();
    body["payment"] = json!({"provider": "simulated"});
    app.place(&body).await.problem(422, "simulation_disabled");
    let order = app.unpaid(&manual()).await;
    let payment = json!({"order_id": order["id"], "amount": order["total_amount"], "provider": "simulated"});
    app.open_payment(&payment).await.problem(422, "simulation_disabled");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn an_actor_cannot_be_crashed_where_simulation_is_disabled() {
    let app = TestApp::with(DISABLED);
    for actor in ["order", "stock", "payment", "shipping", "coordinator", "nobody"] {
        app.crash(actor, &json!({"mode": "panic"})).await.problem(404, "not_found");
    }
    let actors = app.actors().await;
    assert!(actors.success(200).as_array().expect("actors").iter().all(|actor| actor["restarts"] == 0));
    app.finish().await;
}

#[tokio::test]
async fn orders_are_served_where_simulation_is_disabled() {
    let app = TestApp::with(DISABLED);
    let mut body: Value = manual();
    body["simulate"] = Value::Null;
    app.unpaid(&body).await;
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_way_to_crash_is_one_that_there_is() {
    let app = TestApp::start();
    for mode in [json!("explode"), json!(1), json!(null)] {
        app.crash("order", &json!({"mode": mode})).await.refuses("mode");
    }
    app.crash("order", &json!({})).await.refuses("mode");
    app.finish().await;
}
