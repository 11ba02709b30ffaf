//! Offers: each shop's own price (D2), over all shops, with what is in stock.

use crate::support::TestApp;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

fn prices(items: &[Value]) -> Vec<i64> {
    items.iter().map(|offer| offer["price"].as_i64().expect("a price")).collect()
}

fn database(app: &TestApp) -> Connection {
    let conn = Connection::open(app.database()).expect("the database");
    conn.busy_timeout(Duration::from_secs(10)).expect("patience");
    conn
}

/// Puts stock into a warehouse, behind the server's back.
fn stock(app: &TestApp, shop: &str, warehouse: &str, variant: &str, on_hand: i64, reserved: i64) {
    let id = |text: &str| *Uuid::parse_str(text).expect("an id").as_bytes();
    let row = (id(variant), id(warehouse), id(shop), on_hand, reserved);
    let written = database(app).execute(
        "INSERT INTO stock_level (variant_id, warehouse_id, shop_id, on_hand, reserved, updated_at, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, 0, 1)",
        row,
    );
    assert_eq!(written, Ok(1));
}

#[tokio::test]
async fn an_offer_is_read_as_it_was_put_with_what_belongs_to_it() {
    let app = TestApp::start();
    let product = app.product("Kopi Gayo").await;
    let variant = app.variant(&product, "KG-250").await;
    let shop = app.shop("Toko").await;
    let put = app.put_offer(&shop, &variant, &json!({"price": 85_000, "currency": "IDR"})).await.success(201).clone();
    for (field, value) in [
        ("shop_id", json!(shop)),
        ("shop_name", json!("Toko")),
        ("city", json!("Takengon")),
        ("variant_id", json!(variant)),
        ("sku", json!("KG-250")),
        ("product_id", json!(product)),
        ("product_name", json!("Kopi Gayo")),
        ("price", json!(85_000)),
        ("currency", json!("IDR")),
        ("active", json!(true)),
        ("for_sale", json!(true)),
        ("available", json!(0)),
    ] {
        assert_eq!(put[field], value, "{field}");
    }
    assert_eq!(app.get(&format!("/shops/{shop}/offers/{variant}")).await.success(200), &put);
    app.finish().await;
}

#[tokio::test]
async fn an_offer_put_again_replaces_the_one_before() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let variant = app.variant(&product, "A").await;
    let shop = app.shop("Toko").await;
    app.offer(&shop, &variant, 100).await;
    let put = app.put_offer(&shop, &variant, &json!({"price": 200, "active": false})).await.success(200).clone();
    assert_eq!((&put["price"], &put["active"], &put["for_sale"]), (&json!(200), &json!(false), &json!(false)));
    let put = app.put_offer(&shop, &variant, &json!({"price": 200})).await.success(200).clone();
    assert_eq!(put["active"], true, "as when it is left out of the first");
    assert_eq!(app.get(&format!("/shops/{shop}/offers")).await.items().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_variants_offers_over_all_shops_come_cheapest_first() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let variant = app.variant(&product, "A").await;
    for price in [300, 100, 500, 200, 100, 400, 100] {
        let shop = app.shop("Toko").await;
        app.offer(&shop, &variant, price).await;
    }
    let list = format!("/variants/{variant}/offers");
    assert_eq!(prices(app.get(&list).await.items()), [100, 100, 100, 200, 300, 400, 500]);
    for limit in [1, 2, 3, 7] {
        let walked = app.walk(&format!("{list}?limit={limit}")).await;
        assert_eq!(prices(&walked), [100, 100, 100, 200, 300, 400, 500], "by {limit}");
    }
    app.finish().await;
}

#[tokio::test]
async fn only_what_can_be_bought_is_listed_unless_asked_otherwise() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let variant = app.variant(&product, "A").await;
    let (open, closed, withdrawn) = (app.shop("Buka").await, app.shop("Tutup").await, app.shop("Habis").await);
    for (shop, price) in [(&open, 100), (&closed, 200), (&withdrawn, 300)] {
        app.offer(shop, &variant, price).await;
    }
    app.patch(&format!("/shops/{closed}"), &json!({"active": false})).await.success(200);
    app.put_offer(&withdrawn, &variant, &json!({"price": 300, "active": false})).await.success(200);
    let list = async |query: &str| prices(app.get(&format!("/variants/{variant}/offers{query}")).await.items());
    assert_eq!(list("").await, [100]);
    assert_eq!(list("?active=true").await, [100]);
    assert_eq!(list("?active=false").await, [200, 300]);
    assert_eq!(list("?active=any").await, [100, 200, 300]);
    for path in [format!("/products/{product}"), format!("/variants/{variant}")] {
        app.patch(&path, &json!({"active": false})).await.success(200);
        assert_eq!(list("").await, [0_i64; 0], "{path} is not active");
        assert_eq!(list("?active=false").await, [100, 200, 300]);
        app.patch(&path, &json!({"active": true})).await.success(200);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_shops_offers_are_walked_newest_variant_first() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let (shop, other) = (app.shop("Toko").await, app.shop("Lain").await);
    for n in 1..=5 {
        let variant = app.variant(&product, &format!("A-{n}")).await;
        app.offer(&shop, &variant, n).await;
        app.offer(&other, &variant, 100).await;
    }
    for limit in [1, 2, 5] {
        let walked = app.walk(&format!("/shops/{shop}/offers?limit={limit}")).await;
        assert_eq!(prices(&walked), [5, 4, 3, 2, 1], "by {limit}");
    }
    app.finish().await;
}

#[tokio::test]
async fn what_is_available_is_the_free_stock_of_the_shops_active_warehouses() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let (variant, unsold) = (app.variant(&product, "A").await, app.variant(&product, "B").await);
    let (one, two) = (app.shop("Satu").await, app.shop("Dua").await);
    app.offer(&one, &variant, 100).await;
    app.offer(&two, &variant, 200).await;
    let (first, second, other) = (app.warehouse(&one).await, app.warehouse(&one).await, app.warehouse(&two).await);
    stock(&app, &one, &first, &variant, 10, 3);
    stock(&app, &one, &second, &variant, 5, 0);
    stock(&app, &two, &other, &variant, 7, 7);
    stock(&app, &one, &first, &unsold, 1_000, 0);
    let available = async || {
        let answer = app.get(&format!("/variants/{variant}/offers")).await;
        answer.items().iter().map(|offer| offer["available"].as_i64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(available().await, [12, 0]);
    app.call("POST", &format!("/warehouses/{second}/deactivate")).await.success(200);
    assert_eq!(available().await, [7, 0]);
    let listed = app.get(&format!("/shops/{one}/offers")).await;
    assert_eq!(listed.items()[0]["available"], 7);
    assert_eq!(app.get(&format!("/shops/{one}/offers/{variant}")).await.success(200)["available"], 7);
    // It came from nowhere, which is what an audit must not find.
    database(&app).execute("DELETE FROM stock_level", []).expect("the table can be emptied");
    app.finish().await;
}
