//! Everything that is wrong with a body is said at once, whatever kind of wrong it is.

use crate::support::{Answer, TestApp};
use serde_json::{Value, json};

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

async fn send(app: &TestApp, method: &str, path: &str, body: &Value) -> Answer {
    app.call(method, path).header("Content-Type", "application/json").bytes(body.to_string()).await
}

/// Sends this body, and expects exactly these fields to be named.
async fn names(app: &TestApp, method: &str, path: &str, body: Value, fields: &[&str]) {
    let answer = send(app, method, path, &body).await;
    let problem = answer.problem(422, "invalid_request");
    let mut named: Vec<_> = problem["errors"].as_array().expect("errors").iter().map(|error| &error["field"]).collect();
    named.sort_by_key(ToString::to_string);
    named.dedup();
    let mut fields = fields.to_vec();
    fields.sort_unstable();
    assert_eq!(json!(named), json!(fields), "{method} {path} {body}: {answer:?}");
}

#[tokio::test]
async fn of_an_order_wrong_types_missing_and_unknown_fields_and_bad_values_are_named_together() {
    let app = TestApp::start();
    let body = json!({
        "lines": [
            {"item_name": "Kopi", "quantity": 0, "price": 1},
            {"item_name": 7, "quantity": "2", "price": 1, "colour": "red"},
            {"price": -1},
        ],
        "customer_ref": "",
        "payment": {"provider": "cash", "deadline_ms": "soon", "by": 1},
        "simulate": {"payment": "explode", "payment_delay_ms": 60_001},
        "total": 5,
    });
    let fields = [
        "lines[0].quantity",
        "lines[1].item_name",
        "lines[1].quantity",
        "lines[1].colour",
        "lines[2].quantity",
        "lines[2].item_name",
        "lines[2].price",
        "customer_ref",
        "payment.provider",
        "payment.deadline_ms",
        "payment.by",
        "simulate.payment",
        "simulate.payment_delay_ms",
        "total",
    ];
    names(&app, "POST", "/orders", body, &fields).await;
    names(&app, "POST", "/orders", json!({"quantity": 0}), &["quantity", "item_name", "price"]).await;
    let edit = json!({"lines": [{"quantity": 1}], "price": "1", "x": 1});
    names(&app, "PUT", &format!("/orders/{NOBODY}"), edit, &["lines[0].item_name", "lines[0].price", "price", "x"])
        .await;
    app.finish().await;
}

#[tokio::test]
async fn of_every_other_body_all_faults_are_named_together() {
    let app = TestApp::start();
    let id = |path: &str| path.replace("{id}", NOBODY);
    for (method, path, body, fields) in [
        (
            "POST",
            "/payments",
            json!({"order_id": "x", "amount": -1, "provider": "cash", "y": 1}),
            &["order_id", "amount", "provider", "y"][..],
        ),
        (
            "POST",
            "/internal/payment-callback",
            json!({"payment_id": 1, "payment_status": "maybe"}),
            &["order_id", "payment_id", "payment_status"],
        ),
        (
            "POST",
            "/products",
            json!({"name": "", "description": 1, "category": "x".repeat(101), "price": 1}),
            &["name", "description", "category", "price"],
        ),
        (
            "PATCH",
            "/products/{id}",
            json!({"name": null, "active": "yes", "category": "\u{0}"}),
            &["name", "active", "category"],
        ),
        (
            "POST",
            "/products/{id}/variants",
            json!({"size": "", "attributes": {"a": 1}, "active": 1}),
            &["sku", "size", "attributes.a", "active"],
        ),
        ("PATCH", "/variants/{id}", json!({"sku": "", "size": 7}), &["sku", "size"]),
        ("POST", "/shops", json!({"city": "", "active": "x"}), &["name", "city", "active"]),
        ("PATCH", "/shops/{id}", json!({"name": "", "city": 1, "z": 1}), &["name", "city", "z"]),
        (
            "POST",
            "/warehouses",
            json!({"shop_id": 7, "name": "", "priority": -1}),
            &["shop_id", "name", "address", "priority"],
        ),
        ("PATCH", "/warehouses/{id}", json!({"name": 1, "priority": 10_001}), &["name", "priority"]),
        (
            "PUT",
            "/shops/{id}/offers/{id}",
            json!({"price": 0, "currency": "USD", "active": 1}),
            &["price", "currency", "active"],
        ),
        ("POST", "/warehouses/{id}/stock", json!({"variant_id": "x", "quantity": 0}), &["variant_id", "quantity"]),
        (
            "PUT",
            "/warehouses/{id}/stock/{id}",
            json!({"on_hand": -1, "expected_on_hand": "1"}),
            &["on_hand", "expected_on_hand", "reason"],
        ),
        (
            "POST",
            "/stock/transfers",
            json!({"from_warehouse_id": NOBODY, "to_warehouse_id": NOBODY, "variant_id": 1, "quantity": 0}),
            &["to_warehouse_id", "variant_id", "quantity"],
        ),
        (
            "PUT",
            "/orders/{id}/payment",
            json!({"payment_status": "failed", "amount_x": 1}),
            &["payment_status", "amount_x"],
        ),
        (
            "PUT",
            "/users/7/payment-service",
            json!({"payment_status": "no", "order_id": "", "payment_id": true}),
            &["payment_status", "order_id", "payment_id"],
        ),
        ("POST", "/sagas/{id}/cancel", json!({"reason": 7, "why": 1}), &["reason", "why"]),
        ("POST", "/sagas/{id}/retry", json!({"reason": "", "why": 1}), &["reason", "why"]),
        ("POST", "/admin/actors/order/crash", json!({"mode": "softly", "when": 1}), &["mode", "when"]),
    ] {
        names(&app, method, &id(path), body, fields).await;
    }
    app.finish().await;
}

#[tokio::test]
async fn a_name_given_twice_is_named_beside_the_other_faults() {
    let app = TestApp::start();
    let body = "{\"item_name\":\"Kopi\",\"quantity\":1,\"quantity\":0,\"price\":1,\"colour\":1,\"payment\":{\"provider\":\"manual\",\"provider\":\"manual\"}}";
    let answer = app.post_bytes("/orders", body).await;
    for field in ["quantity", "colour", "payment.provider"] {
        answer.refuses(field);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_whole_number_may_be_written_as_a_fraction() {
    let app = TestApp::start();
    let body = "{\"item_name\":\"Kopi\",\"quantity\":2.0,\"price\":1e3,\"payment\":{\"deadline_ms\":9.0e5}}";
    assert_eq!(app.post_bytes("/orders", body).await.success(201)["total_amount"], 2000);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_hostile_body_is_refused_without_an_end_of_errors() {
    let app = TestApp::start();
    let lines = vec![json!({"quantity": "x", "price": [], "colour": {}}); 4000];
    let answer = app.place(&json!({"lines": lines})).await;
    assert!([413, 422].contains(&answer.status), "{}", answer.status);
    assert!(answer.text.len() < 20_000);
    app.finish().await;
}

#[tokio::test]
async fn operator_calls_take_no_body_or_an_empty_one_or_one_without_a_content_type() {
    let app = TestApp::start();
    let order = app.unpaid(&crate::support::manual()).await;
    let saga = order["saga_id"].as_str().expect("an id");
    let (retry, cancel) = (format!("/sagas/{saga}/retry"), format!("/sagas/{saga}/cancel"));
    app.call("POST", &retry).await.success(202);
    app.post(&retry, &json!({})).await.success(202);
    app.call("POST", &retry).bytes("{}").await.success(202);
    app.call("POST", &retry).bytes("{\"reason\":\"again\"}").await.success(202);
    app.call("POST", &retry)
        .header("Content-Type", "text/plain")
        .bytes("{}")
        .await
        .problem(415, "unsupported_media_type");
    // What cannot be taken back needs a reason.
    app.call("POST", &cancel).await.refuses("reason");
    app.call("POST", &cancel).bytes("{\"reason\":\"gone\"}").await.success(202);
    app.finish().await;
}

#[tokio::test]
async fn a_filter_with_a_nul_is_refused() {
    let app = TestApp::start();
    for list in [
        "/orders?customer_ref=",
        "/sagas?definition=",
        "/sagas?step=",
        "/products?text=",
        "/products?category=",
        "/notifications?target=",
        "/notifications?order_id=",
    ] {
        for nul in ["%00", "a%00b"] {
            let answer = app.get(&format!("{list}{nul}")).await;
            answer.problem(422, "invalid_request");
        }
    }
    app.get("/users/%00/payment-service").await.problem(400, "invalid_id");
    app.get("/sagas?step=%ff%fe%F0%9F%92%A9").await.items();
    app.finish().await;
}

#[tokio::test]
async fn the_root_leads_to_the_documentation() {
    let app = TestApp::start();
    let page = app.get("/").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("swagger-ui"));
    app.finish().await;
}
