//! Connections: which are cut, which are refused, and who finds room when others take it all.

use crate::support::{Answer, Raw, TestApp, eventually, id, manual, simulated};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Honest clients have time to speak; the others are cut off soon.
const IMPATIENT: &[(&str, &str)] = &[("http.request_timeout_ms", "1000"), ("http.keep_alive_ms", "4000")];
const FEW: &[(&str, &str)] = &[("http.max_connections", "8")];
const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
/// Less than a stream's silence and than any wait here: what is seen within it is not seen by them.
const SOON: Duration = Duration::from_secs(12);

fn get(app: &TestApp, path: &str) -> Raw {
    let mut client = app.raw();
    client.write(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes());
    client
}

/// The refusal of a request that would otherwise wait.
async fn refusal(app: &TestApp, path: &str) -> Option<Answer> {
    timeout(Duration::from_millis(500), app.get(path)).await.ok().filter(|answer| answer.status == 503)
}

/// Takes all places to wait in with requests to `path`, leaves, and expects them to be free again.
async fn places_are_given_back(path: impl Fn(&Value) -> String) {
    let app = TestApp::with(&[("http.max_connections", "64")]);
    let order = app.unpaid(&manual()).await;
    let path = path(&order["saga_id"]);
    let mut clients: Vec<_> = (0..48).map(|_| get(&app, &path)).collect();
    let full = eventually("all places are taken", async || {
        let refused = refusal(&app, &path).await;
        // The question itself may have taken one of the places for a moment.
        if refused.is_none() {
            clients.push(get(&app, &path));
        }
        refused
    });
    let full = full.await;
    full.problem(503, "too_many_waiting");
    assert_eq!(app.get("/healthz").await.status, 200);
    app.order(id(&order)).await.success(200);
    drop(clients);
    let free = eventually("the places are free", async || refusal(&app, &path).await.is_none().then_some(()));
    timeout(SOON, free).await.expect("the end of a connection is noticed at once");
    app.finish_leaving(1).await;
}

fn text(saga: &Value) -> &str {
    saga.as_str().expect("a saga's id")
}

#[tokio::test]
async fn followers_that_leave_give_their_places_back_at_once() {
    places_are_given_back(|saga| format!("/sagas/{}/events", text(saga))).await;
}

#[tokio::test]
async fn waiting_clients_that_leave_give_their_places_back_at_once() {
    places_are_given_back(|saga| format!("/sagas/{}?wait=60", text(saga))).await;
}

#[tokio::test]
async fn probes_find_room_where_every_connection_is_taken() {
    let app = TestApp::with(&[FEW[0], ("http.request_timeout_ms", "120000")]);
    let mut silent: Vec<_> = (0..8).map(|_| app.raw()).collect();
    for path in ["/healthz", "/readyz", "/metrics", "/admin/actors"] {
        eventually("probes find room", async || Some(app.get(path).await).filter(|answer| answer.status == 200)).await;
    }
    let refused = eventually("everybody else is refused", async || {
        let refused = Some(app.get("/orders").await).filter(|answer| answer.status == 503);
        // A connection of an earlier question may have kept one of the places while the silent ones came.
        if refused.is_none() {
            silent.push(app.raw());
        }
        refused
    });
    let refused = refused.await;
    refused.problem(503, "too_many_connections");
    assert_eq!(refused.header("connection"), Some("close"));
    drop(silent);
    eventually("there is room again", async || Some(app.get("/orders").await).filter(|answer| answer.status == 200))
        .await;
    app.finish().await;
}

#[tokio::test]
async fn a_rush_of_clients_is_served_one_after_the_other() {
    let app = TestApp::with(FEW);
    let rush = futures::future::join_all((0..10).map(|_| async { app.place(&simulated(&json!({}))).await })).await;
    for answer in rush {
        answer.success(201);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_second_head_that_drips_is_cut_off() {
    let app = TestApp::with(IMPATIENT);
    let (answer, mut client) = app.raw().ask(HEALTH).await;
    assert_eq!(answer.status, 200);
    client.write(b"GET /orders HTTP/1.1\r\nX-Slow: ");
    if let Some(answer) = client.trickle(b"x".to_vec()).await {
        answer.problem(408, "request_timeout");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_second_head_that_stops_is_cut_off_and_told_why() {
    let app = TestApp::with(IMPATIENT);
    let (_, mut client) = app.raw().ask(HEALTH).await;
    client.write(b"GET /orders HTTP/1.1\r\nX-Slow: ");
    client.answer().await.expect("an answer").problem(408, "request_timeout");
    app.finish().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let app = TestApp::with(IMPATIENT);
    let (_, client) = app.raw().ask(HEALTH).await;
    assert!(client.answer().await.is_none());
    app.finish().await;
}

#[tokio::test]
async fn a_chunked_body_that_goes_on_after_its_answer_is_cut_off() {
    let app = TestApp::with(IMPATIENT);
    for request in ["POST /orders", "GET /healthz"] {
        let head = format!(
            "{request} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        let (_, client) = app.raw().ask(head.as_bytes()).await;
        client.trickle(b"1\r\n \r\n".to_vec()).await;
    }
    app.finish().await;
}

#[tokio::test]
async fn a_chunked_body_that_stops_after_its_answer_is_cut_off() {
    let app = TestApp::with(IMPATIENT);
    let head = "GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab";
    let (_, client) = app.raw().ask(head.as_bytes()).await;
    client.answer().await;
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_never_reads_its_answers_is_cut_off() {
    let app = TestApp::with(IMPATIENT);
    app.raw().send_until_cut(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n").await;
    app.finish().await;
}

#[tokio::test]
async fn a_body_with_endless_trailers_is_cut_off() {
    let app = TestApp::start();
    let mut client = app.raw();
    client.write(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    client.send_until_cut(b"X-More: and more, and more, and more, and more, and more, and more, and more\r\n").await;
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_says_that_nothing_more_comes_is_answered() {
    let app = TestApp::start();
    let mut client = get(&app, "/orders");
    client.end();
    client.answer().await.expect("an answer").items();
    app.finish().await;
}

#[tokio::test]
async fn what_is_no_request_is_refused_with_a_problem() {
    let app = TestApp::start();
    let long = format!("GET /orders HTTP/1.1\r\nX-Long: {}\r\n\r\n", "x".repeat(300_000));
    for (bytes, status, code) in [
        (&b"GET\r\n\r\n"[..], 400, "malformed_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "malformed_request"),
        (b"GET / HTTP/9.9\r\n\r\n", 400, "malformed_request"),
        (b"POST /orders HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "malformed_request"),
        (b"GET /healthz HTTP/1.1\r\nBad Header: x\r\n\r\n", 400, "malformed_request"),
        (long.as_bytes(), 431, "headers_too_large"),
    ] {
        let mut client = app.raw();
        client.write(bytes);
        client.answer().await.unwrap_or_else(|| panic!("{status} is told")).problem(status, code);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_refusal_after_an_answer_leaves_the_answer_whole() {
    let app = TestApp::start();
    let (answer, client) = app.raw().ask(&[HEALTH, b"GET\r\n\r\n"].concat()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.starts_with("{\"status\":\"ok\"}"), "{answer:?}");
    drop(client);
    app.finish().await;
}
