//! `WatchSaga`: the log as it grows.

use super::{COMPLETED, client, manual, placed, refuses, simulated, waited};
use crate::support::TestApp;
use backstitch::proto::{Saga, SagaEvent, WatchSagaRequest, WatchSagaResponse, watch_saga_response::Update};
use serde_json::{Value, json};
use tonic::{Code, Streaming};

async fn watch(app: &TestApp, saga_id: &str, after_seq: Option<u32>) -> Streaming<WatchSagaResponse> {
    let request = WatchSagaRequest { saga_id: saga_id.into(), after_seq };
    client(app).await.watch_saga(request).await.expect("it is there").into_inner()
}

/// The events up to the end, and the saga at rest.
async fn all(mut stream: Streaming<WatchSagaResponse>) -> (Vec<SagaEvent>, Saga) {
    let mut events = Vec::new();
    loop {
        let message = stream.message().await.expect("the stream is whole").expect("it ends with the saga");
        match message.update.expect("an update") {
            Update::Event(event) => events.push(event),
            Update::Rest(saga) => {
                assert_eq!(stream.message().await.expect("a good end"), None);
                return (events, saga);
            }
        }
    }
}

async fn until(stream: &mut Streaming<WatchSagaResponse>, name: &str) -> Vec<SagaEvent> {
    let mut events = Vec::new();
    loop {
        let message = stream.message().await.expect("the stream is whole").expect("it goes on");
        let Some(Update::Event(event)) = message.update else { panic!("no {name}: {events:?}") };
        let found = event.event == name;
        events.push(event);
        if found {
            return events;
        }
    }
}

/// An event as REST shows it.
fn as_rest(event: &SagaEvent) -> Value {
    let text = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    json!({
        "seq": event.seq, "node": event.node, "event": event.event, "stage": text(&event.stage),
        "step": text(&event.step), "attempt": event.attempt, "duration_ms": event.duration_ms,
        "error": text(&event.error), "note": text(&event.note),
    })
}

async fn log(app: &TestApp, saga_id: &str) -> Vec<Value> {
    let mut log = app.saga_log(saga_id).await.items().to_vec();
    for event in &mut log {
        event.as_object_mut().expect("an event").remove("at");
    }
    log
}

#[tokio::test]
async fn who_watches_a_saga_is_told_its_log_and_then_the_saga() {
    let app = TestApp::start();
    let order = placed(&app, manual()).await;
    let mut stream = watch(&app, &order.saga_id, None).await;
    let mut told = until(&mut stream, "step_waiting").await;
    app.pay(&order.payment.expect("a payment").id).await.success(200);
    let (further, saga) = all(stream).await;
    told.extend(further);
    assert_eq!(told.iter().map(as_rest).collect::<Vec<_>>(), log(&app, &order.saga_id).await);
    assert_eq!((saga.status, saga.id), (COMPLETED, order.saga_id));
    app.finish().await;
}

#[tokio::test]
async fn who_comes_back_is_told_only_what_follows() {
    let app = TestApp::start();
    let order = placed(&app, waited(simulated())).await;
    let (whole, _) = all(watch(&app, &order.saga_id, None).await).await;
    for seen in 0..whole.len() {
        let after = u32::try_from(seen).expect("a short log");
        let (further, _) = all(watch(&app, &order.saga_id, Some(after)).await).await;
        assert_eq!(further, whole[seen + 1..]);
    }
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_at_once() {
    let app = TestApp::start();
    let mut client = client(&app).await;
    let request = |saga_id: &str| WatchSagaRequest { saga_id: saga_id.into(), after_seq: None };
    let nobody = client.watch_saga(request("0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")).await.map(drop);
    refuses(nobody, Code::NotFound, "saga_not_found", &[]);
    let nonsense = client.watch_saga(request("nonsense")).await.map(drop);
    refuses(nonsense, Code::InvalidArgument, "invalid_request", &["saga_id"]);
    app.finish().await;
}

#[tokio::test]
async fn a_stop_tells_who_watches_to_go_on_elsewhere() {
    let app = TestApp::start();
    let order = placed(&app, manual()).await;
    let mut stream = watch(&app, &order.saga_id, None).await;
    until(&mut stream, "step_waiting").await;
    app.finish_leaving(1).await;
    refuses(stream.message().await, Code::Unavailable, "unavailable", &[]);
}
