//! `?wait=`: answers when the saga rests or the time is up, whichever is first.

use crate::support::{TestApp, id, manual, simulated};
use serde_json::json;

#[tokio::test]
async fn waiting_ends_with_the_time_where_the_saga_does_not_rest() {
    let app = TestApp::start();
    let placed = app.place(&manual()).wait(1).await;
    let order = placed.success(201);
    assert_eq!((&order["status"], &order["saga"]["status"]), (&json!("pending"), &json!("waiting")));
    let saga = app.saga(order["saga_id"].as_str().expect("an id")).wait(1).await;
    assert_eq!(saga.success(200)["status"], "waiting");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn waiting_for_a_saga_at_rest_is_over_at_once() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let read = app.saga(order["saga_id"].as_str().expect("an id")).wait(60);
    let read = async { read.await.success(200).clone() };
    let saga = tokio::time::timeout(std::time::Duration::from_secs(30), read).await.expect("not the whole minute");
    assert_eq!(saga["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_settlement_wakes_who_waits() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    let readers = (0..5).map(|_| async { app.saga(saga).wait(60).await });
    let (woken, _) = tokio::join!(futures::future::join_all(readers), async {
        app.pay(id(&order["payment"])).await.success(200).clone()
    },);
    for reader in woken {
        assert_eq!(reader.success(200)["status"], "completed");
    }
    app.finish().await;
}

#[tokio::test]
async fn who_waits_is_woken_after_a_crash_of_the_coordinator() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    let (woken, ()) = tokio::join!(async { app.saga(saga).wait(60).await }, async {
        app.crash("coordinator", &json!({"mode": "panic"})).await.success(202);
        app.pay(id(&order["payment"])).await.success(200);
    });
    assert_eq!(woken.success(200)["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn waiting_no_time_is_not_waiting() {
    let app = TestApp::start();
    let placed = app.place(&manual()).wait(0).await;
    let saga = app.saga(placed.success(201)["saga_id"].as_str().expect("an id")).wait(0).await;
    assert_ne!(saga.success(200)["status"], "completed");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_stop_answers_who_waits() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let read = app.saga(order["saga_id"].as_str().expect("an id")).wait(60);
    let reader = tokio::spawn(async move { read.await });
    // The order of the two does not matter: a reader who comes too late is refused a connection.
    let probe = app.saga(order["saga_id"].as_str().expect("an id")).wait(1).await;
    probe.success(200);
    app.finish_leaving(1).await;
    assert_eq!(reader.await.expect("the reader is answered").success(200)["status"], "waiting");
}

#[tokio::test]
async fn a_wait_that_is_no_number_of_seconds_up_to_a_minute_is_refused() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    for wait in ["61", "-1", "1.5", "abc", "", "99999999999999999999", "1&wait=2"] {
        app.post(&format!("/orders?wait={wait}"), &manual()).await.refuses("wait");
        let saga = order["saga_id"].as_str().expect("an id");
        app.get(&format!("/sagas/{saga}?wait={wait}")).await.refuses("wait");
    }
    assert_eq!(app.get("/orders").await.items().len(), 1);
    app.finish().await;
}
