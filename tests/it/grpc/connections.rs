//! So many connections at once, and no more: others wait their turn.

use super::saga;
use crate::support::{TestApp, simulated};
use backstitch::{proto::GetSagaRequest, role::Role};
use serde_json::json;
use std::{net::TcpStream, time::Duration};
use tokio::time::timeout;

#[tokio::test]
async fn a_connection_above_the_limit_waits_until_another_one_ends() {
    let app = TestApp::with(&[("http.max_connections", "3")]);
    let order = app.rested(&simulated(&json!({}))).await;
    let saga_id = order["saga_id"].as_str().expect("an id").to_owned();
    // All places are taken by clients that say nothing.
    let silent = [(); 3].map(|()| TcpStream::connect(app.grpc(Role::Coordinator)).expect("a connection"));
    let mut waiting = super::client(&app).await;
    let request = GetSagaRequest { saga_id: saga_id.clone(), wait_seconds: 0 };
    let answer = timeout(Duration::from_millis(300), waiting.get_saga(request.clone())).await;
    assert!(answer.is_err(), "it waits to be accepted: {answer:?}");
    drop(silent);
    assert!(waiting.get_saga(request).await.is_ok(), "there is a place");
    assert_eq!(saga(&app, &saga_id, 0).await.id, saga_id);
    app.finish().await;
}

#[tokio::test]
async fn who_connects_and_says_nothing_loses_the_place() {
    let app = TestApp::with(&[("http.max_connections", "1"), ("http.request_timeout_ms", "1000")]);
    let order = app.rested(&simulated(&json!({}))).await;
    let silent = TcpStream::connect(app.grpc(Role::Coordinator)).expect("a connection");
    let saga_id = order["saga_id"].as_str().expect("an id");
    assert_eq!(saga(&app, saga_id, 0).await.id, saga_id, "once the other has been given up");
    drop(silent);
    app.finish().await;
}
