//! Lists of the catalogue: newest first, in parts, filtered, searched.

use crate::support::{TestApp, id};
use serde_json::{Value, json};

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(id).collect()
}

#[tokio::test]
async fn a_walk_meets_every_item_once_newest_first() {
    let app = TestApp::start();
    let (mut products, mut shops, mut warehouses) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..7 {
        products.push(app.product(&format!("Kopi {n}")).await);
        shops.push(app.shop(&format!("Toko {n}")).await);
        warehouses.push(app.warehouse(&shops[n]).await);
    }
    for (list, mut expected) in [("/products", products), ("/shops", shops), ("/warehouses", warehouses)] {
        expected.reverse();
        for limit in [1, 3, 7, 8] {
            let walked = app.walk(&format!("{list}?limit={limit}")).await;
            assert_eq!(ids(&walked), expected, "{list} by {limit}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn bad_parameters_of_lists_are_named() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let variant = app.variant(&product, "A").await;
    let shop = app.shop("Toko").await;
    let (variants, shops) = (format!("/variants/{variant}/offers"), format!("/shops/{shop}/offers"));
    for list in ["/products", "/shops", "/warehouses", &variants, &shops] {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=x", "limit"),
            ("cursor=", "cursor"),
            ("cursor=abc", "cursor"),
            ("cursor=1-x", "cursor"),
            ("cursor=0-0198c0de-0000-7000-8000-000000000000", "cursor"),
            ("active=yes", "active"),
            ("active=", "active"),
            ("offset=1", "offset"),
            ("limit=1&limit=2", "limit"),
        ] {
            app.get(&format!("{list}?{query}")).await.refuses(field);
        }
    }
    for (query, field) in [
        ("/products?text=", "text"),
        ("/products?text=%20", "text"),
        ("/products?text=%00", "text"),
        (&format!("/products?text={}", "x".repeat(201)), "text"),
        ("/products?category=", "category"),
        ("/warehouses?shop_id=7", "shop_id"),
    ] {
        app.get(query).await.refuses(field);
    }
    app.finish().await;
}

#[tokio::test]
async fn products_are_filtered_by_category_words_and_whether_they_are_active() {
    let app = TestApp::start();
    let add = async |name: &str, category: &str, active: bool| {
        let body = json!({"name": name, "category": category, "active": active});
        id(app.post("/products", &body).await.success(201)).to_owned()
    };
    let gayo = add("Kopi Gayo", "Kopi", true).await;
    let toraja = add("Kopi Toraja", "Kopi", false).await;
    let mug = add("Mug Gayo", "Alat & Mug", true).await;
    let beans = add("有机咖啡豆", "قهوة", true).await;
    for (query, expected) in [
        ("category=Kopi", vec![&toraja, &gayo]),
        ("category=Kopi&active=true", vec![&gayo]),
        ("active=false", vec![&toraja]),
        ("category=Kop", vec![]),
        ("category=Alat+%26+Mug", vec![&mug]),
        ("text=gayo", vec![&mug, &gayo]),
        ("text=gayo&category=Kopi", vec![&gayo]),
        ("text=kopi+gay", vec![&gayo]),
        ("text=咖啡", vec![&beans]),
        ("text=قهو", vec![&beans]),
        ("text=kopi&active=true", vec![&gayo]),
        ("text=%22", vec![]),
        ("text=*", vec![]),
        ("text=NEAR(kopi", vec![]),
    ] {
        assert_eq!(ids(app.get(&format!("/products?{query}")).await.items()), expected, "{query}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_search_is_walked_like_any_list() {
    let app = TestApp::start();
    for n in 0..9 {
        app.product(if n % 3 == 0 { "Teh Melati" } else { "Kopi Gayo" }).await;
    }
    assert_eq!(app.walk("/products?text=kopi&limit=2").await.len(), 6);
    app.finish().await;
}

#[tokio::test]
async fn shops_and_warehouses_are_filtered() {
    let app = TestApp::start();
    let (one, two) = (app.shop("Satu").await, app.shop("Dua").await);
    let (first, second) = (app.warehouse(&one).await, app.warehouse(&one).await);
    app.warehouse(&two).await;
    app.patch(&format!("/shops/{two}"), &json!({"active": false})).await.success(200);
    app.call("POST", &format!("/warehouses/{first}/deactivate")).await.success(200);
    assert_eq!(ids(app.get("/shops?active=true").await.items()), [&one]);
    assert_eq!(ids(app.get("/shops?active=false").await.items()), [&two]);
    assert_eq!(ids(app.get(&format!("/warehouses?shop_id={one}")).await.items()), [&second, &first]);
    assert_eq!(ids(app.get(&format!("/warehouses?shop_id={one}&active=true")).await.items()), [&second]);
    assert_eq!(ids(app.get("/warehouses?active=false").await.items()), [&first]);
    app.finish().await;
}
