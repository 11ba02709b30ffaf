//! `/sagas/{id}/events`: the log as it grows.

use crate::support::{Events, Message, TestApp, id, manual, simulated};
use serde_json::{Value, json};
use uuid::Uuid;

/// The log that these messages tell of, each under its number.
fn log_of(messages: &[Message]) -> Vec<Value> {
    let told = |message: &Message| {
        assert_eq!(message.event, "message");
        assert_eq!(message.id, message.data["seq"].as_u64());
        message.data.clone()
    };
    messages.iter().map(told).collect()
}

async fn follow(app: &TestApp, order: &Value) -> Events {
    app.saga_events(order["saga_id"].as_str().expect("an id")).events().await
}

async fn log(app: &TestApp, order: &Value) -> Vec<Value> {
    app.saga_log(order["saga_id"].as_str().expect("an id")).await.items().to_vec()
}

#[tokio::test]
async fn the_stream_of_a_saga_at_rest_is_its_log_and_then_the_saga() {
    let app = TestApp::start();
    for faults in [json!({}), json!({"payment": "decline"}), json!({"shipping": "fail"})] {
        let order = app.rested(&simulated(&faults)).await;
        let messages = follow(&app, &order).await.rest().await;
        let (rest, events) = messages.split_last().expect("a message");
        assert_eq!(log_of(events), log(&app, &order).await);
        assert_eq!((rest.event.as_str(), rest.id), ("rest", None));
        assert_eq!(rest.data, app.saga_at_rest(&order["saga_id"]).await);
    }
    app.finish().await;
}

#[tokio::test]
async fn who_follows_a_saga_is_told_each_event_when_it_happens() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let mut events = follow(&app, &order).await;
    let mut told = events.until("step_waiting").await;
    app.pay(id(&order["payment"])).await.success(200);
    told.extend(events.until("saga_completed").await);
    assert_eq!(log_of(&told), log(&app, &order).await);
    let last = events.next().await.expect("the saga");
    assert_eq!((last.event.as_str(), &last.data["status"]), ("rest", &json!("completed")));
    assert_eq!(events.next().await, None);
    app.finish().await;
}

#[tokio::test]
async fn a_stream_goes_on_after_the_event_that_was_seen_last() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let saga = order["saga_id"].as_str().expect("an id");
    let whole = follow(&app, &order).await.rest().await;
    for (seen, message) in whole[..whole.len() - 2].iter().enumerate() {
        let id = message.id.expect("a number").to_string();
        let further = app.saga_events(saga).header("Last-Event-ID", id).events().await.rest().await;
        assert_eq!(further, whole[seen + 1..]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_saga_at_rest_of_which_everything_was_seen_has_no_content() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let saga = order["saga_id"].as_str().expect("an id");
    let last = log(&app, &order).await.len() - 1;
    for seen in [last.to_string(), (last + 1).to_string(), u32::MAX.to_string()] {
        let answer = app.saga_events(saga).header("Last-Event-ID", seen).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    }
    app.finish().await;
}

#[tokio::test]
async fn who_has_seen_everything_of_a_saga_that_waits_is_told_only_what_follows() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let seen = log(&app, &order).await;
    let call = app.saga_events(order["saga_id"].as_str().expect("an id"));
    let events = call.header("Last-Event-ID", (seen.len() - 1).to_string()).events().await;
    app.pay(id(&order["payment"])).await.success(200);
    let told = events.rest().await;
    assert_eq!(log_of(&told[..told.len() - 1]), log(&app, &order).await[seen.len()..]);
    app.finish().await;
}

#[tokio::test]
async fn who_follows_a_saga_is_told_after_a_crash_of_the_coordinator() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let mut events = follow(&app, &order).await;
    let mut told = events.until("step_waiting").await;
    app.crash("coordinator", &json!({"mode": "panic"})).await.success(202);
    app.pay(id(&order["payment"])).await.success(200);
    told.extend(events.until("saga_completed").await);
    assert_eq!(log_of(&told), log(&app, &order).await);
    app.finish().await;
}

#[tokio::test]
async fn a_stop_ends_a_stream_after_what_was_told() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let mut events = follow(&app, &order).await;
    events.until("step_waiting").await;
    app.finish_leaving(1).await;
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn the_stream_of_a_saga_that_is_set_aside_ends_with_the_reason() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = Uuid::parse_str(order["saga_id"].as_str().expect("an id")).expect("an id");
    let mut events = follow(&app, &order).await;
    events.until("step_waiting").await;
    let first = "saga_id = ?1 AND seq = 0";
    let written: String = app.sql().one(&format!("SELECT entry FROM saga_log WHERE {first}"), &[&saga]);
    let write =
        |entry: &str| app.sql().execute(&format!("UPDATE saga_log SET entry = ?2 WHERE {first}"), &[&saga, &entry]);
    assert_eq!(write("{}"), Ok(1));
    app.pay(id(&order["payment"])).await.success(200);
    let told = events.rest().await;
    let last = told.last().expect("the saga");
    assert_eq!((last.event.as_str(), &last.data["status"]), ("rest", &json!("needs_attention")));
    assert_ne!(last.data["message"], Value::Null);
    assert_eq!(write(&written), Ok(1));
    app.finish().await;
}

#[tokio::test]
async fn what_is_no_number_of_an_event_is_refused() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let saga = order["saga_id"].as_str().expect("an id");
    for given in ["-1", "1.5", "abc", "99999999999999999999", "\"1\""] {
        app.saga_events(saga).header("Last-Event-ID", given).await.refuses("Last-Event-ID");
    }
    // A browser that has seen no event sends nothing, and some other clients an empty one.
    app.saga_events(saga).header("Last-Event-ID", "").events().await;
    app.finish().await;
}

#[tokio::test]
async fn a_saga_that_does_not_exist_cannot_be_followed() {
    let app = TestApp::start();
    app.saga_events("0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b").await.problem(404, "saga_not_found");
    app.saga_events("nonsense").await.problem(400, "invalid_id");
    app.finish().await;
}
