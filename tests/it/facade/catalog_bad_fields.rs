//! Fields of the catalogue that cannot be accepted: each is named, and nothing is changed.

use crate::support::TestApp;
use serde_json::{Map, Value, json};

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

/// A text of so many characters.
fn long(characters: usize) -> String {
    "é".repeat(characters)
}

/// Everything that has no place in a text of up to `max` characters.
fn no_texts(max: usize) -> Vec<Value> {
    vec![
        json!(""),
        json!(" "),
        json!("\u{3000}\t"),
        json!(long(max + 1)),
        json!("a\u{0}b"),
        json!("\u{7f}"),
        json!(7),
        json!(true),
        json!(["x"]),
        json!({}),
    ]
}

/// Everything that is not a yes or a no.
fn no_flags() -> Vec<Value> {
    vec![json!("true"), json!(1), json!([]), json!({})]
}

#[tokio::test]
async fn each_field_that_cannot_be_accepted_is_named() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let variant = app.variant(&product, "A").await;
    let shop = app.shop("Toko").await;
    let warehouse = app.warehouse(&shop).await;
    let prices = json!([0, -1, 1_000_000_000_001_i64, i64::MIN, u64::MAX, 0.5, "2", false, null, []]);
    let priorities = json!([-1, 10_001, i64::MAX, 0.5, "2", false, []]);
    let attributes = json!(["red", 7, ["red"], [["colour", "red"]]]);
    let resources = [
        ("POST", "/products".to_owned(), json!({"name": "Teh"})),
        ("PATCH", format!("/products/{product}"), json!({})),
        ("POST", format!("/products/{product}/variants"), json!({"sku": "B"})),
        ("PATCH", format!("/variants/{variant}"), json!({})),
        ("POST", "/shops".to_owned(), json!({"name": "Warung", "city": "Bireuen"})),
        ("PATCH", format!("/shops/{shop}"), json!({})),
        ("POST", "/warehouses".to_owned(), json!({"shop_id": shop, "name": "G", "address": "J"})),
        ("PATCH", format!("/warehouses/{warehouse}"), json!({})),
        ("PUT", format!("/shops/{shop}/offers/{variant}"), json!({"price": 1})),
    ];
    let list = |values: Value| values.as_array().expect("values").clone();
    let bad: [(usize, &str, Vec<Value>); 25] = [
        (0, "name", no_texts(200)),
        (0, "description", no_texts(5_000)),
        (0, "category", no_texts(100)),
        (0, "active", no_flags()),
        (1, "name", no_texts(200)),
        (1, "category", no_texts(100)),
        (1, "active", no_flags()),
        (2, "sku", [no_texts(64), vec![json!(" A"), json!("A ")]].concat()),
        (2, "size", no_texts(64)),
        (2, "attributes", list(attributes.clone())),
        (3, "sku", no_texts(64)),
        (3, "size", no_texts(64)),
        (3, "attributes", list(attributes)),
        (4, "name", no_texts(200)),
        (4, "city", no_texts(100)),
        (5, "city", no_texts(100)),
        (5, "active", no_flags()),
        (6, "shop_id", vec![json!(NOBODY), json!("7"), json!(7), Value::Null]),
        (6, "name", no_texts(200)),
        (6, "address", no_texts(500)),
        (6, "priority", list(priorities.clone())),
        (7, "priority", list(priorities)),
        (8, "price", list(prices)),
        (8, "currency", vec![json!("USD"), json!("idr"), json!(""), json!(7)]),
        (8, "active", no_flags()),
    ];
    for (resource, field, values) in bad {
        let (method, path, good) = &resources[resource];
        for value in values {
            let mut body = good.clone();
            body[field] = value.clone();
            let call = app.call(method, path).header("Content-Type", "application/json").bytes(body.to_string());
            let answer = call.await;
            assert_eq!(answer.status, 422, "{method} {path} {field} = {value}: {answer:?}");
            answer.refuses(field);
        }
    }
    // What cannot be empty cannot be emptied either.
    for (path, field) in [
        (format!("/products/{product}"), "name"),
        (format!("/products/{product}"), "active"),
        (format!("/variants/{variant}"), "sku"),
        (format!("/variants/{variant}"), "attributes"),
        (format!("/shops/{shop}"), "city"),
        (format!("/warehouses/{warehouse}"), "priority"),
    ] {
        app.patch(&path, &json!({field: null})).await.refuses(field);
    }
    assert_eq!(app.get("/products").await.items().len() + app.get("/shops").await.items().len(), 2);
    assert_eq!(app.get("/warehouses").await.items().len(), 1);
    assert_eq!(app.get(&format!("/shops/{shop}/offers")).await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn unknown_and_missing_fields_are_named() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let shop = app.shop("Toko").await;
    for (path, field, body) in [
        ("/products", "name", json!({})),
        ("/products", "price", json!({"name": "x", "price": 1})),
        (&format!("/products/{product}/variants"), "sku", json!({"size": "L"})),
        ("/shops", "city", json!({"name": "x"})),
        ("/shops", "owner", json!({"name": "x", "city": "y", "owner": "z"})),
        ("/warehouses", "shop_id", json!({"name": "x", "address": "y"})),
        ("/warehouses", "active", json!({"shop_id": shop, "name": "x", "address": "y", "active": true})),
    ] {
        app.post(path, &body).await.refuses(field);
    }
    app.patch(&format!("/products/{product}"), &json!({"id": product})).await.refuses("id");
    app.patch(&format!("/shops/{shop}"), &json!({"created_at": "x"})).await.refuses("created_at");
    app.finish().await;
}

#[tokio::test]
async fn attributes_are_at_most_twenty_short_texts_with_short_names() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let many = |count: usize| -> Map<String, Value> { (0..count).map(|n| (format!("a{n}"), json!("x"))).collect() };
    for (attributes, field) in [
        (json!({"colour": ""}), "attributes.colour"),
        (json!({"colour": 7}), "attributes.colour"),
        (json!({"colour": null}), "attributes.colour"),
        (json!({"colour": long(201)}), "attributes.colour"),
        (json!({"": "red"}), "attributes."),
        (json!({long(65): "red"}), &format!("attributes.{}", long(65))),
        (json!(many(21)), "attributes"),
    ] {
        app.add_variant(&product, &json!({"sku": "A", "attributes": attributes})).await.refuses(field);
    }
    let twice = r#"{"sku": "A", "attributes": {"colour": "red", "colour": "blue"}}"#;
    app.post_bytes(&format!("/products/{product}/variants"), twice).await.refuses("attributes.colour");
    let full = json!({"sku": "A", "size": long(64), "attributes": many(19)});
    app.add_variant(&product, &full).await.success(201);
    let longest = json!({"sku": long(64), "attributes": {long(64): long(200)}});
    app.add_variant(&product, &longest).await.success(201);
    app.finish().await;
}

#[tokio::test]
async fn every_bad_field_of_a_request_is_named_at_once() {
    let app = TestApp::start();
    let answer = app.post("/products", &json!({"name": "", "description": "", "category": ""})).await;
    for field in ["name", "description", "category"] {
        answer.refuses(field);
    }
    app.finish().await;
}

#[tokio::test]
async fn the_longest_texts_are_accepted() {
    let app = TestApp::start();
    let body = json!({"name": long(200), "description": long(5_000), "category": long(100)});
    app.post("/products", &body).await.success(201);
    let shop = app.post("/shops", &json!({"name": long(200), "city": long(100)})).await.success(201).clone();
    let body = json!({"shop_id": shop["id"], "name": long(200), "address": long(500), "priority": 10_000});
    app.post("/warehouses", &body).await.success(201);
    app.finish().await;
}
