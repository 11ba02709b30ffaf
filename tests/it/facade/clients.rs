//! HTTP clients as there are in the wild: each is answered as it expects, or told what it sends that is not taken.

use crate::support::{Answer, Raw, TestApp, id, manual};
use serde_json::json;

/// Sends these lines, and a body, over a connection of its own.
async fn answer(app: &TestApp, head: &str, body: &str) -> Answer {
    let mut client: Raw = app.raw();
    client.write(format!("{}\r\n\r\n{body}", head.replace('\n', "\r\n")).as_bytes());
    client.answer().await.expect("an answer")
}

async fn order(app: &TestApp, head: &str) -> Answer {
    let body = manual().to_string();
    answer(app, &format!("{head}\nContent-Length: {}", body.len()), &body).await
}

#[tokio::test]
async fn a_client_that_would_rather_speak_http_2_is_answered_in_http_1() {
    // As the HTTP client of Java asks with every request, and curl --http2.
    let app = TestApp::start();
    let upgrade = "Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA";
    assert_eq!(answer(&app, &format!("GET /orders HTTP/1.1\nHost: x\n{upgrade}"), "").await.status, 200);
    let placed =
        order(&app, &format!("POST /orders HTTP/1.1\nHost: x\n{upgrade}\nContent-Type: application/json")).await;
    assert_eq!(placed.status, 201, "{placed:?}");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn http_1_0_is_served() {
    let app = TestApp::start();
    let placed = order(&app, "POST /orders HTTP/1.0\nContent-Type: application/json").await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!(answer(&app, "GET /orders HTTP/1.0", "").await.json["data"].as_array().map(Vec::len), Some(1));
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_target_with_its_host_is_served_as_its_path() {
    let app = TestApp::start();
    let answered = answer(&app, "GET http://shop.example/orders?limit=1 HTTP/1.1\nHost: shop.example", "").await;
    assert_eq!(answered.status, 200, "{answered:?}");
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_waits_to_be_told_to_go_on_is_told() {
    let app = TestApp::start();
    let mut client = app.raw();
    let body = manual().to_string();
    let head = format!(
        "POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    client.write(head.as_bytes());
    client.write(body.as_bytes());
    client.answer().await.expect("an answer").success(201);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let app = TestApp::start();
    let placed = app.unpaid(&manual()).await;
    let events = format!("/sagas/{}/events", placed["saga_id"].as_str().expect("an id"));
    for path in
        ["/healthz", "/readyz", "/metrics", "/orders", &format!("/orders/{}", id(&placed)), "/openapi.json", &events]
    {
        let head = app.call("HEAD", path).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert!(head.header("content-type").is_some(), "{path}");
    }
    let missing = app.call("HEAD", "/orders/0198c0de-0000-7000-8000-000000000000").await;
    assert_eq!((missing.status, missing.text.as_str()), (404, ""));
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn options_says_which_methods_there_are() {
    let app = TestApp::start();
    let answer = app.call("OPTIONS", "/orders").await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    let mut methods: Vec<_> = answer.header("allow").expect("Allow").split(", ").collect();
    methods.sort_unstable();
    assert_eq!(methods, ["GET", "HEAD", "OPTIONS", "POST"]);
    app.call("OPTIONS", "/nowhere").await.problem(404, "not_found");
    app.finish().await;
}

#[tokio::test]
async fn a_compressed_body_is_refused_and_told_what_is_taken() {
    let app = TestApp::start();
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, identity"] {
        let call = app.post("/orders", &manual()).header("Content-Encoding", encoding);
        let answer = call.await;
        answer.problem(415, "unsupported_media_type");
        assert_eq!(answer.header("accept-encoding"), Some("identity"), "{encoding}");
    }
    app.post("/orders", &manual()).header("Content-Encoding", "identity").await.success(201);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn another_charset_than_utf_8_is_refused_by_its_name() {
    let app = TestApp::start();
    for charset in ["utf-16", "UTF-16LE", "iso-8859-1", "\"utf-32\""] {
        let media = format!("application/json; charset={charset}");
        let call = app.call("POST", "/orders").header("Content-Type", media).bytes(manual().to_string());
        let answer = call.await;
        answer.problem(415, "unsupported_media_type");
        assert!(answer.text.contains(charset.trim_matches('"')), "{answer:?}");
    }
    for charset in ["utf-8", "UTF8", "\"utf-8\"", "us-ascii"] {
        let media = format!("application/json; charset={charset}");
        app.call("POST", "/orders").header("Content-Type", media).bytes(manual().to_string()).await.success(201);
    }
    app.finish_leaving(4).await;
}

#[tokio::test]
async fn a_byte_order_mark_is_passed_over() {
    let app = TestApp::start();
    app.post_bytes("/orders", format!("\u{feff}{}", manual())).await.success(201);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_call_without_a_body_may_say_any_content_type_or_none() {
    let app = TestApp::start();
    for media in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/json"), Some("")]
    {
        let placed = app.unpaid(&manual()).await;
        let saga = placed["saga_id"].as_str().expect("an id").to_owned();
        for (method, path, status) in [
            ("POST", format!("/sagas/{saga}/retry"), 202),
            ("GET", format!("/orders/{}", id(&placed)), 200),
            ("DELETE", format!("/orders/{}", id(&placed)), 202),
        ] {
            let call = app.call(method, &path);
            let call = media.into_iter().fold(call, |call, media| call.header("Content-Type", media));
            assert_eq!(call.await.status, status, "{method} {path} {media:?}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_proxys_headers_change_nothing() {
    let app = TestApp::start();
    let call = app.get("/orders").header("X-Forwarded-Host", "evil.example").header("X-HTTP-Method-Override", "DELETE");
    call.header("Range", "bytes=0-3").header("If-None-Match", "*").header("TE", "trailers").await.items();
    assert_eq!(app.get("/orders").header("Accept", "text/html").await.json["data"], json!([]));
    app.finish().await;
}
