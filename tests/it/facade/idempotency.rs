//! `Idempotency-Key` on `POST /orders`: one order per key, however often it is sent.

use crate::support::{Answer, TestApp, id, manual, simulated};
use serde_json::json;

#[tokio::test]
async fn a_repeat_answers_the_same_order_and_says_so() {
    let app = TestApp::start();
    let body = simulated(&json!({}));
    let first = app.place(&body).key("k-1").await;
    assert!(!first.is_replayed());
    let again = app.place(&body).key("k-1").await;
    assert_eq!(id(again.success(201)), id(first.success(201)));
    assert!(again.is_replayed());
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(app.get("/orders").await.items().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_answers_the_order_in_its_present_state() {
    let app = TestApp::start();
    let body = simulated(&json!({}));
    app.place(&body).key("k-1").wait(60).await.success(201);
    let again = app.place(&body).key("k-1").await;
    assert_eq!(again.success(201)["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_honours_wait() {
    let app = TestApp::start();
    let placed = app.place(&manual()).key("k-1").await;
    let order = id(placed.success(201)).to_owned();
    let payment = app.order_once(&order, |order| order["payment"].is_object()).await["payment"].clone();
    let (again, _) = tokio::join!(async { app.place(&manual()).key("k-1").wait(60).await }, async {
        app.pay(id(&payment)).await.success(200).clone()
    },);
    assert_eq!(again.success(201)["status"], "completed");
    assert!(again.is_replayed());
    app.finish().await;
}

#[tokio::test]
async fn another_body_under_the_same_key_is_refused() {
    let app = TestApp::start();
    app.place(&manual()).key("k-1").await.success(201);
    let mut other = manual();
    other["quantity"] = json!(3);
    app.place(&other).key("k-1").await.problem(422, "idempotency_key_reused");
    assert_eq!(app.get("/orders").await.items().len(), 1);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_repeat_may_be_written_otherwise() {
    let app = TestApp::start();
    let first = "{\"item_name\":\"Kopi\",\"quantity\":1,\"price\":85000}";
    let placed = app.post_bytes("/orders", first).key("k-1").await;
    for again in [
        "{\"price\":85000,\"quantity\":1,\"item_name\":\"Kopi\"}",
        " {\n\t\"item_name\" : \"\\u004bopi\" , \"quantity\" : 1.0 , \"price\" : 8.5e4 }\r\n",
        "{\"item_name\":\"Kopi\",\"quantity\":1,\"price\":85000,\"customer_ref\":null,\"payment\":null,\"lines\":null}",
    ] {
        let answer = app.post_bytes("/orders", again).key("k-1").await;
        assert_eq!(id(answer.success(201)), id(placed.success(201)), "{again}");
        assert!(answer.is_replayed(), "{again}");
    }
    for other in [
        "{\"item_name\":\"kopi\",\"quantity\":1,\"price\":85000}",
        "{\"lines\":[{\"item_name\":\"Kopi\",\"quantity\":1,\"price\":85000}]}",
    ] {
        app.post_bytes("/orders", other).key("k-1").await.problem(422, "idempotency_key_reused");
    }
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn ids_and_defaults_may_be_written_otherwise() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let (order, payment) = (id(&order), id(&order["payment"]));
    let report = json!({"order_id": order, "payment_id": payment, "payment_status": "success"});
    app.callback(&report).key("k-1").await.success(200);
    let capitals =
        json!({"payment_id": payment.to_uppercase(), "order_id": order.to_uppercase(), "payment_status": "success"});
    assert!(app.callback(&capitals).key("k-1").await.is_replayed());
    let terms = |payment| json!({"item_name": "Kopi", "quantity": 1, "price": 1, "payment": payment});
    app.place(&terms(json!({"provider": "manual"}))).key("k-2").await.success(201);
    assert!(app.place(&terms(json!({}))).key("k-2").await.is_replayed());
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_path_that_is_written_otherwise_is_the_same_resource() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    app.retry_saga(saga, &json!({})).key("k-1").await.success(202);
    assert!(app.retry_saga(&saga.to_uppercase(), &json!({})).key("k-1").await.is_replayed());
    assert!(app.call("POST", &format!("/sagas/{saga}/retry")).key("k-1").await.is_replayed(), "no body says the same");
    let other = app.unpaid(&manual()).await;
    let other = app.retry_saga(other["saga_id"].as_str().expect("an id"), &json!({})).key("k-1").await;
    assert!(!other.is_replayed() && other.status == 202, "another saga is another resource");
    let place = || app.post("/orders", &manual()).key("k-2");
    place().await.success(201);
    assert!(place().wait(1).await.is_replayed(), "how long it waits is not what it asks for");
    app.finish_leaving(3).await;
}

#[tokio::test]
async fn many_requests_at_once_under_one_key_make_one_order() {
    let app = TestApp::start();
    let body = simulated(&json!({}));
    let place = || async { app.place(&body).key("k-1").wait(60).await };
    let answers: Vec<Answer> = futures::future::join_all((0..20).map(|_| place())).await;
    let first = id(answers[0].success(201));
    for answer in &answers {
        assert_eq!(id(answer.success(201)), first);
        assert_eq!(answer.json["data"]["status"], "completed");
    }
    assert_eq!(answers.iter().filter(|answer| !answer.is_replayed()).count(), 1);
    assert_eq!(app.get("/orders").await.items().len(), 1);
    assert_eq!(app.get("/sagas").await.items().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn other_keys_make_other_orders() {
    let app = TestApp::start();
    for key in ["k-1", "K-1", "k-2"] {
        assert!(!app.place(&simulated(&json!({}))).key(key).wait(60).await.is_replayed());
    }
    assert_eq!(app.get("/orders").await.items().len(), 3);
    app.finish().await;
}

#[tokio::test]
async fn a_quoted_key_is_the_same_as_a_bare_one() {
    let app = TestApp::start();
    let bare = app.place(&manual()).key("k-1").await;
    let quoted = app.place(&manual()).key("\"k-1\"").await;
    assert_eq!(id(quoted.success(201)), id(bare.success(201)));
    assert!(quoted.is_replayed());
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn keys_of_the_allowed_lengths_are_taken() {
    let app = TestApp::start();
    let longest = "k".repeat(255);
    for key in ["k", "!~{}[]:;/?", &longest] {
        app.place(&simulated(&json!({}))).key(key).wait(60).await.success(201);
        assert!(app.place(&simulated(&json!({}))).key(key).await.is_replayed(), "{key}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_key_that_is_no_key_is_refused() {
    let app = TestApp::start();
    let too_long = "k".repeat(256);
    for key in ["", "\"\"", "two words", "tab\tbed", "caf\u{e9}", &too_long] {
        app.place(&manual()).key(key).await.refuses("Idempotency-Key");
    }
    app.place(&manual()).key("k-1").key("k-2").await.refuses("Idempotency-Key");
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_refused_request_is_not_remembered() {
    let app = TestApp::start();
    app.place(&json!({"item_name": "Kopi", "quantity": 0, "price": 1})).key("k-1").await.refuses("quantity");
    app.post_bytes("/orders", "{").key("k-1").await.problem(400, "malformed_json");
    let placed = app.place(&manual()).key("k-1").await;
    placed.success(201);
    assert!(!placed.is_replayed());
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_repeat_survives_a_crash_of_the_coordinator() {
    let app = TestApp::start();
    let placed = app.place(&manual()).key("k-1").await;
    app.crash("coordinator", &json!({"mode": "panic"})).await.success(202);
    let again = app.place(&manual()).key("k-1").await;
    assert_eq!(id(again.success(201)), id(placed.success(201)));
    assert!(again.is_replayed());
    app.finish_leaving(1).await;
}
