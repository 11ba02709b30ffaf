//! So many connections at once, and no more: others wait their turn.

use super::saga;
use crate::support::{TestApp, id, simulated};
use backstitch::{grpc::Port, proto::GetSagaRequest};
use serde_json::json;
use std::{net::TcpStream, time::Duration};
use tokio::time::timeout;

#[tokio::test]
async fn a_connection_above_the_limit_waits_until_another_one_ends() {
    let app = TestApp::with(&[("http.max_connections", "3")]);
    let order = app.rested(&simulated(&json!({}))).await;
    let saga_id = order["saga_id"].as_str().expect("an id").to_owned();
    assert_eq!(id(&order).len(), 36);
    // All places are taken by clients that say nothing, one of them on another port.
    let silent: Vec<_> = [Port::Saga, Port::Saga, Port::Order]
        .map(|port| TcpStream::connect(app.grpc(port)).expect("a connection"))
        .into();
    let mut waiting = super::client(&app).await;
    let request = GetSagaRequest { saga_id: saga_id.clone(), wait_seconds: 0 };
    let answer = timeout(Duration::from_millis(300), waiting.get_saga(request.clone())).await;
    assert!(answer.is_err(), "it waits to be accepted: {answer:?}");
    drop(silent);
    assert!(waiting.get_saga(request).await.is_ok(), "there is a place");
    assert_eq!(saga(&app, &saga_id, 0).await.id, saga_id);
    app.finish().await;
}
