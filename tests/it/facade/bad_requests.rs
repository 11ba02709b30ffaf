//! Requests whose head is wrong: method, path, media type, size, ids.

use crate::support::{TestApp, id, manual};
use serde_json::json;

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

#[tokio::test]
async fn a_method_that_a_path_has_not_is_refused_with_those_it_has() {
    let app = TestApp::start();
    for (path, allowed) in [
        ("/orders", &["GET", "POST"][..]),
        ("/payments", &["GET", "POST"]),
        (&format!("/payments/{NOBODY}"), &["GET"]),
        (&format!("/payments/success/{NOBODY}"), &["PUT"]),
        (&format!("/payments/failed/{NOBODY}"), &["PUT"]),
        ("/internal/payment-callback", &["POST"]),
        ("/shipments", &["GET"]),
        (&format!("/shipments/{NOBODY}"), &["GET"]),
        (&format!("/warehouses/{NOBODY}/stock"), &["GET", "POST"]),
        (&format!("/warehouses/{NOBODY}/stock/{NOBODY}"), &["PUT"]),
        (&format!("/stock/{NOBODY}"), &["GET"]),
        ("/stock/transfers", &["POST"]),
        ("/stock/movements", &["GET"]),
        ("/sagas", &["GET"]),
        (&format!("/sagas/{NOBODY}"), &["GET"]),
        (&format!("/sagas/{NOBODY}/log"), &["GET"]),
        (&format!("/sagas/{NOBODY}/cancel"), &["POST"]),
        (&format!("/sagas/{NOBODY}/retry"), &["POST"]),
        ("/admin/actors", &["GET"]),
        ("/admin/audit", &["GET"]),
        ("/admin/actors/order/crash", &["POST"]),
        ("/healthz", &["GET"]),
        ("/readyz", &["GET"]),
        ("/metrics", &["GET"]),
        ("/openapi.json", &["GET"]),
    ] {
        for method in ["PATCH", "BREW", "TRACE", if allowed.contains(&"PUT") { "POST" } else { "PUT" }] {
            let answer = app.call(method, path).await;
            assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
            answer.problem(405, "method_not_allowed");
            let mut says: Vec<_> = answer.header("allow").expect("Allow").split(", ").collect();
            says.sort_unstable();
            let also = allowed.contains(&"GET").then_some("HEAD").into_iter().chain(["OPTIONS"]);
            let mut allowed: Vec<_> = allowed.iter().copied().chain(also).collect();
            allowed.sort_unstable();
            assert_eq!(says, allowed, "{path}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_path_that_is_not_served_is_not_found() {
    let app = TestApp::start();
    for path in [
        "/order",
        "/orders/",
        "/Orders",
        "/orders/x/y",
        "/sagas/x/log/y",
        "/payments/success",
        "//orders",
        "/%00",
        "/orders%2f",
        "/../etc/passwd",
    ] {
        let answer = app.get(path).await;
        assert!([400, 404].contains(&answer.status), "{path}: {answer:?}");
        answer.any_problem();
    }
    app.finish().await;
}

#[tokio::test]
async fn a_broken_id_is_refused() {
    let app = TestApp::start();
    for broken in [
        "x",
        "1",
        "0198c0de",
        "0198c0de-0000-7000-8000-00000000000g",
        "%20",
        "%00",
        "%ff",
        "..%2f",
        "'--",
        &"9".repeat(3000),
    ] {
        for path in ["/orders/", "/payments/", "/shipments/", "/sagas/"] {
            let answer = app.get(&format!("{path}{broken}")).await;
            assert_eq!(answer.status, 400, "{path}{broken}: {answer:?}");
            answer.any_problem();
        }
        app.delete_order(broken).await.any_problem();
        app.pay(broken).await.any_problem();
        app.fail_payment(broken).await.any_problem();
        app.saga_log(broken).await.any_problem();
        app.cancel_saga(broken, &json!({"reason": "x"})).await.any_problem();
    }
    app.order("x").await.problem(400, "invalid_id");
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_id_is_not_found_by_its_kind() {
    let app = TestApp::start();
    let reason = json!({"reason": "why"});
    app.order(NOBODY).await.problem(404, "order_not_found");
    app.delete_order(NOBODY).await.problem(404, "order_not_found");
    app.payment(NOBODY).await.problem(404, "payment_not_found");
    app.pay(NOBODY).await.problem(404, "payment_not_found");
    app.fail_payment(NOBODY).await.problem(404, "payment_not_found");
    app.shipment(NOBODY).await.problem(404, "shipment_not_found");
    app.saga(NOBODY).await.problem(404, "saga_not_found");
    app.saga(NOBODY).wait(60).await.problem(404, "saga_not_found");
    app.saga_log(NOBODY).await.problem(404, "saga_not_found");
    app.cancel_saga(NOBODY, &reason).await.problem(404, "saga_not_found");
    app.retry_saga(NOBODY, &reason).await.problem(404, "saga_not_found");
    app.crash("nobody", &json!({"mode": "panic"})).await.problem(404, "actor_not_found");
    app.finish().await;
}

#[tokio::test]
async fn the_id_of_one_kind_is_none_of_another() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.payment(id(&order)).await.problem(404, "payment_not_found");
    app.saga(id(&order)).await.problem(404, "saga_not_found");
    app.order(id(&order["payment"])).await.problem(404, "order_not_found");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_refused() {
    let app = TestApp::start();
    for media in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json", "application/jsonp", ""]
    {
        let call = app.call("POST", "/orders").header("Content-Type", media).bytes(manual().to_string());
        call.await.problem(415, "unsupported_media_type");
    }
    app.call("POST", "/orders").bytes(manual().to_string()).await.problem(415, "unsupported_media_type");
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_media_type_may_have_parameters_and_any_case() {
    let app = TestApp::start();
    for media in ["application/json; charset=utf-8", "Application/JSON"] {
        app.call("POST", "/orders").header("Content-Type", media).bytes(manual().to_string()).await.success(201);
    }
    app.finish_leaving(2).await;
}

#[tokio::test]
async fn a_body_of_more_than_256_kib_is_refused() {
    let app = TestApp::start();
    let padding = " ".repeat(256 * 1024 + 1 - manual().to_string().len());
    app.post_bytes("/orders", format!("{}{padding}", manual())).await.problem(413, "body_too_large");
    let fits = &padding[1..];
    app.post_bytes("/orders", format!("{}{fits}", manual())).await.success(201);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_body_that_announces_to_be_too_large_is_refused_before_it_comes() {
    let app = TestApp::start();
    let mut client = app.raw();
    client.write(b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: 999999999999\r\n\r\n{");
    client.answer().await.expect("an answer").problem(413, "body_too_large");
    app.finish().await;
}

#[tokio::test]
async fn a_chunked_body_that_grows_too_large_is_refused() {
    let app = TestApp::start();
    let mut client = app.raw();
    client.write(b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = format!("4000\r\n{}\r\n", " ".repeat(0x4000));
    for _ in 0..17 {
        client.write(chunk.as_bytes());
    }
    client.answer().await.expect("an answer").problem(413, "body_too_large");
    app.finish().await;
}

#[tokio::test]
async fn a_chunked_body_is_as_good_as_any() {
    let app = TestApp::start();
    let mut client = app.raw();
    let body = manual().to_string();
    let (head, tail) = body.split_at(7);
    client.write(b"POST /orders HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.write(format!("{:x}\r\n{head}\r\n{:x}\r\n{tail}\r\n0\r\n\r\n", head.len(), tail.len()).as_bytes());
    let answer = client.answer().await.expect("an answer");
    assert_eq!(answer.status, 201, "{answer:?}");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn bytes_that_are_no_http_harm_nobody() {
    let app = TestApp::start();
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /orders HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /orders HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nzz\r\n",
        b"GET /orders HTTP/1.1\r\nBad Header: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n\r\n",
    ] {
        let mut client = app.raw();
        client.write(bytes);
        client.write(b"GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n");
        if let Some(answer) = client.answer().await {
            assert!(answer.status < 500, "{bytes:?}: {answer:?}");
        }
    }
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}
