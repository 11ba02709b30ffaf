//! The frame around every answer: envelope, problem, request id, location (C4).

use crate::support::{TestApp, id, manual, simulated};
use serde_json::{Value, json};

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

#[tokio::test]
async fn a_new_order_says_where_it_is() {
    let app = TestApp::start();
    let placed = app.place(&simulated(&json!({}))).wait(60).await;
    let location = placed.header("location").expect("a location").to_owned();
    assert_eq!(location, format!("/orders/{}", id(placed.success(201))));
    assert_eq!(app.get(&location).await.success(200), &placed.json["data"]);
    app.finish().await;
}

#[tokio::test]
async fn every_resource_comes_in_the_envelope() {
    // C4: the envelope itself is checked by success() and items()
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let saga = order["saga_id"].as_str().expect("an id");
    app.order(id(&order)).await.success(200);
    app.payment(id(&order["payment"])).await.success(200);
    app.shipment(id(&order["shipments"][0])).await.success(200);
    app.saga(saga).await.success(200);
    app.saga_log(saga).await.success(200);
    app.actors().await.success(200);
    for list in ["/orders", "/payments", "/shipments", "/sagas"] {
        assert_eq!(app.get(list).await.items().len(), 1, "{list}");
    }
    app.finish().await;
}

#[tokio::test]
async fn times_are_rfc_3339_in_utc() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    for time in [&order["created_at"], &order["updated_at"], &order["payment"]["deadline_at"]] {
        let text = time.as_str().expect("a time");
        assert!(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(), "{text}");
    }
    app.finish().await;
}

#[tokio::test]
async fn ids_are_uuids_of_version_7() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    for id in [&order["id"], &order["saga_id"], &order["payment"]["id"], &order["shipments"][0]["id"]] {
        let uuid: uuid::Uuid = id.as_str().expect("an id").parse().expect("a UUID");
        assert_eq!(uuid.get_version_num(), 7, "{id}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_request_id_is_taken_from_the_client() {
    let app = TestApp::start();
    let success = app.get("/orders").header("X-Request-Id", "order-page-42").await;
    assert_eq!(success.header("x-request-id"), Some("order-page-42"));
    let problem = app.order(NOBODY).header("X-Request-Id", "order-page-43").await;
    assert_eq!(problem.problem(404, "order_not_found")["request_id"], "order-page-43");
    app.finish().await;
}

#[tokio::test]
async fn a_request_id_is_made_where_there_is_none_that_can_be_used() {
    let app = TestApp::start();
    let mut made = Vec::new();
    for given in [None, Some(""), Some("with space"), Some("x".repeat(129).as_str()), Some("\u{e9}")] {
        let call = app.get("/orders");
        let answer = given.into_iter().fold(call, |call, given| call.header("X-Request-Id", given)).await;
        let id = answer.header("x-request-id").expect("an id").to_owned();
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{given:?} became {id}");
        made.push(id);
    }
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 5, "each request has its own");
    app.finish().await;
}

#[tokio::test]
async fn a_problem_has_every_member_of_rfc_9457() {
    let app = TestApp::start();
    let answer = app.order(NOBODY).await;
    let problem = answer.problem(404, "order_not_found");
    assert_eq!(problem["instance"], format!("/orders/{NOBODY}"));
    assert_eq!(problem["type"], "urn:backstitch:problem:order_not_found");
    assert_eq!(problem["errors"], json!([]));
    let mut members: Vec<_> = problem.as_object().expect("an object").keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["code", "detail", "errors", "instance", "request_id", "status", "title", "type"]);
    app.finish().await;
}

#[tokio::test]
async fn a_problem_names_every_field_at_once() {
    let app = TestApp::start();
    let body = json!({"item_name": " ", "quantity": 0, "price": -1, "customer_ref": "", "payment": {"deadline_ms": 0}});
    let answer = app.place(&body).await;
    for field in ["item_name", "quantity", "price", "customer_ref", "payment.deadline_ms"] {
        answer.refuses(field);
    }
    app.finish().await;
}

#[tokio::test]
async fn no_problem_tells_how_the_server_is_built() {
    let app = TestApp::start();
    let answers = [
        app.post_bytes("/orders", "{").await,
        app.order("'; DROP TABLE order_order; --").await,
        app.orders("cursor=%00&status='").await,
        app.get("/nowhere").await,
        app.place(&json!({"item_name": {"$gt": ""}})).await,
    ];
    for answer in answers {
        answer.any_problem();
        for inside in ["src/", "panicked", "SELECT", "sqlite", "rusqlite", ".rs"] {
            assert!(!answer.text.contains(inside), "{inside} in {}", answer.text);
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn text_comes_back_as_it_was_sent() {
    let app = TestApp::start();
    for name in [
        "Kopi \"Gayo\" \\ 250 g",
        "咖啡 ☕ قهوة",
        " around ",
        "<script>alert(1)</script>",
        "'; DROP TABLE order_order;--",
    ] {
        let mut body: Value = manual();
        body["item_name"] = json!(name);
        body["customer_ref"] = json!(name);
        let order = app.unpaid(&body).await;
        assert_eq!((&order["item_name"], &order["customer_ref"]), (&json!(name), &json!(name)));
    }
    app.finish_leaving(5).await;
}
