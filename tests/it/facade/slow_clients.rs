//! Clients that never finish: they are cut off, and hurt nobody meanwhile.

use crate::support::{Answer, TestApp, simulated};
use serde_json::json;

/// Well above the framework's clock, which ticks twice a second: honest clients have time to speak.
const IMPATIENT: &[(&str, &str)] = &[("http.request_timeout_ms", "2000"), ("http.keep_alive_ms", "2000")];
const HEAD: &[u8] =
    b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n";

/// The server may cut a slow client off without a word, or tell it why.
#[track_caller]
fn cut_off(answer: Option<&Answer>) {
    if let Some(answer) = answer {
        assert_eq!(answer.status, 408, "{answer:?}");
    }
}

#[tokio::test]
async fn a_body_that_stops_half_way_is_a_timeout() {
    let app = TestApp::with(IMPATIENT);
    let mut client = app.raw();
    client.write(HEAD);
    client.write(b"{\"item_name\":\"Ko");
    client.answer().await.expect("an answer").problem(408, "request_timeout");
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_body_that_drips_is_cut_off() {
    let app = TestApp::with(IMPATIENT);
    let mut client = app.raw();
    client.write(HEAD);
    cut_off(client.trickle(b" ".to_vec()).await.as_ref());
    app.finish().await;
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off() {
    let app = TestApp::with(IMPATIENT);
    let mut client = app.raw();
    client.write(b"GET /orders HTTP/1.1\r\nX-Slow: ");
    cut_off(client.trickle(b"x".to_vec()).await.as_ref());
    app.finish().await;
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_closed() {
    let app = TestApp::with(IMPATIENT);
    cut_off(app.raw().answer().await.as_ref());
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_goes_away_half_way_leaves_nothing() {
    let app = TestApp::start();
    for _ in 0..20 {
        let mut client = app.raw();
        client.write(HEAD);
        client.write(b"{\"item_name\":");
        drop(client);
    }
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn slow_clients_hurt_nobody_else() {
    let app = TestApp::with(IMPATIENT);
    let slow: Vec<_> = (0..100)
        .map(|n| {
            let mut client = app.raw();
            client.write(if n % 2 == 0 { HEAD } else { &HEAD[..n % HEAD.len()] });
            client
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(app.rested(&simulated(&json!({}))).await["status"], "completed");
        assert_eq!(app.get("/readyz").await.status, 200);
    }
    drop(slow);
    app.finish().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_clients_that_never_finish() {
    let app = TestApp::start();
    let slow: Vec<_> = (0..10)
        .map(|n| {
            let mut client = app.raw();
            client.write(&HEAD[..n * 5]);
            client
        })
        .collect();
    app.rested(&simulated(&json!({}))).await;
    app.finish().await;
    drop(slow);
}
