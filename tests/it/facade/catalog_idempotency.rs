//! `Idempotency-Key` on every POST of the catalogue.

use crate::support::{TestApp, id};
use serde_json::{Value, json};

/// Every POST with two bodies that it accepts.
async fn posts(app: &TestApp) -> Vec<(String, Value, Value)> {
    let product = app.product("Kopi").await;
    let shop = app.shop("Toko").await;
    let warehouse = |name: &str| json!({"shop_id": shop, "name": name, "address": "Jalan 1"});
    vec![
        ("/products".into(), json!({"name": "Teh"}), json!({"name": "Susu"})),
        (format!("/products/{product}/variants"), json!({"sku": "A"}), json!({"sku": "B"})),
        ("/shops".into(), json!({"name": "x", "city": "y"}), json!({"name": "x", "city": "z"})),
        ("/warehouses".into(), warehouse("x"), warehouse("y")),
    ]
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_same_item() {
    let app = TestApp::start();
    for (path, body, other) in posts(&app).await {
        let first = app.post(&path, &body).key("k-1").await;
        assert!(!first.is_replayed(), "{path}");
        let again = app.post(&path, &body).key("k-1").await;
        assert_eq!(again.success(201), first.success(201), "{path}");
        assert!(again.is_replayed() && again.header("location") == first.header("location"), "{path}");
        app.post(&path, &other).key("k-1").await.problem(422, "idempotency_key_reused");
        assert!(!app.post(&path, &other).key("k-2").await.is_replayed(), "{path}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_shows_the_item_as_it_is_now() {
    let app = TestApp::start();
    let body = json!({"name": "Kopi"});
    let product = id(app.post("/products", &body).key("k").await.success(201)).to_owned();
    app.patch(&format!("/products/{product}"), &json!({"name": "Kopi Gayo", "active": false})).await.success(200);
    app.variant(&product, "A").await;
    let again = app.post("/products", &body).key("k").await;
    let now = app.get(&format!("/products/{product}")).await;
    assert!(again.is_replayed());
    assert_eq!(again.success(201), now.success(200));
    app.finish().await;
}

#[tokio::test]
async fn a_refused_request_is_not_remembered() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let taken = app.variant(&product, "A").await;
    app.add_variant(&product, &json!({"sku": "A"})).key("k").await.problem(409, "duplicate_sku");
    app.patch(&format!("/variants/{taken}"), &json!({"sku": "B"})).await.success(200);
    let added = app.add_variant(&product, &json!({"sku": "A"})).key("k").await;
    added.success(201);
    assert!(!added.is_replayed());
    app.finish().await;
}

#[tokio::test]
async fn a_warehouse_switched_again_under_its_key_stays_as_it_is_now() {
    let app = TestApp::start();
    let shop = app.shop("Toko").await;
    let warehouse = app.warehouse(&shop).await;
    let switch = |how: &str| app.call("POST", &format!("/warehouses/{warehouse}/{how}"));
    assert_eq!(switch("deactivate").key("k").await.success(200)["active"], false);
    assert_eq!(switch("activate").key("k").await.success(200)["active"], true, "another path, another key");
    let again = switch("deactivate").key("k").await;
    assert!(again.is_replayed());
    assert_eq!(again.success(200)["active"], true, "nothing was done, and this is how it is now");
    app.finish().await;
}

#[tokio::test]
async fn requests_at_the_same_time_under_one_key_make_one_item() {
    let app = TestApp::start();
    let body = json!({"name": "Kopi"});
    let answers = futures::future::join_all((0..20).map(|_| app.post("/products", &body).key("k").into_future())).await;
    let first = id(answers[0].success(201));
    assert!(answers.iter().all(|answer| id(answer.success(201)) == first));
    assert_eq!(answers.iter().filter(|answer| !answer.is_replayed()).count(), 1);
    assert_eq!(app.get("/products").await.items().len(), 1);
    app.finish().await;
}
