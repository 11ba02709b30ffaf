//! Products, variants and shops: added, read, changed (D2).

use crate::support::{TestApp, id};
use serde_json::{Value, json};

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

#[tokio::test]
async fn a_product_is_read_as_it_was_added_with_its_variants() {
    let app = TestApp::start();
    let body = json!({"name": "Kopi Gayo ☕ قهوة", "description": "Dataran tinggi\nGayo", "category": "Kopi"});
    let added = app.post("/products", &body).await;
    let product = added.success(201).clone();
    assert_eq!(added.header("location"), Some(format!("/products/{}", id(&product)).as_str()));
    for field in ["name", "description", "category"] {
        assert_eq!(product[field], body[field], "{field}");
    }
    assert_eq!((&product["active"], &product["variants"]), (&json!(true), &json!([])));
    let attributes = json!({"sangrai": "gelap", "اللون": "أحمر", "色": "🔴"});
    let body = json!({"sku": "KG-250", "size": "250 g", "attributes": attributes});
    let added = app.add_variant(id(&product), &body).await;
    let variant = added.success(201).clone();
    assert_eq!(added.header("location"), Some(format!("/variants/{}", id(&variant)).as_str()));
    for field in ["sku", "size", "attributes"] {
        assert_eq!(variant[field], body[field], "{field}");
    }
    assert_eq!(app.get(&format!("/variants/{}", id(&variant))).await.success(200), &variant);
    let read = app.get(&format!("/products/{}", id(&product))).await.success(200).clone();
    assert_eq!(read["variants"], json!([variant]));
    let mut listed = read;
    listed.as_object_mut().expect("an object").remove("variants");
    assert_eq!(app.get("/products").await.items(), [listed], "a list shows the same but for the variants");
    app.finish().await;
}

#[tokio::test]
async fn a_shop_is_read_as_it_was_added() {
    let app = TestApp::start();
    let added = app.post("/shops", &json!({"name": "Toko Kopi", "city": "Takengon"})).await;
    let shop = added.success(201).clone();
    assert_eq!(added.header("location"), Some(format!("/shops/{}", id(&shop)).as_str()));
    assert_eq!(
        (&shop["name"], &shop["city"], &shop["active"]),
        (&json!("Toko Kopi"), &json!("Takengon"), &json!(true))
    );
    assert_eq!(app.get(&format!("/shops/{}", id(&shop))).await.success(200), &shop);
    app.finish().await;
}

/// A product, its variant and a shop, by their paths.
async fn three(app: &TestApp) -> [String; 3] {
    let body = json!({"name": "Kopi", "description": "x", "category": "Kopi"});
    let product = id(app.post("/products", &body).await.success(201)).to_owned();
    let body = json!({"sku": "KG", "size": "S", "attributes": {"a": "b"}});
    let variant = id(app.add_variant(&product, &body).await.success(201)).to_owned();
    let shop = app.shop("Toko").await;
    [format!("/products/{product}"), format!("/variants/{variant}"), format!("/shops/{shop}")]
}

#[tokio::test]
async fn a_change_changes_what_it_names_and_nothing_else() {
    let app = TestApp::start();
    let [product, variant, shop] = three(&app).await;
    for (path, change) in [
        (&product, json!({"name": "Kopi Gayo"})),
        (&product, json!({"description": null})),
        (&product, json!({"category": null, "active": false})),
        (&product, json!({"category": "Minuman"})),
        (&variant, json!({"sku": "KG-250"})),
        (&variant, json!({"size": null})),
        (&variant, json!({"attributes": {"c": "d"}})),
        (&variant, json!({"active": false})),
        (&shop, json!({"name": "Toko Baru"})),
        (&shop, json!({"city": "Bireuen", "active": false})),
        (&shop, json!({})),
    ] {
        let mut expected = app.get(path).await.success(200).clone();
        let changed = app.patch(path, &change).await.success(200).clone();
        let fields = change.as_object().expect("fields");
        fields.iter().for_each(|(field, value)| expected[field] = value.clone());
        expected["updated_at"] = changed["updated_at"].clone();
        if path == &product {
            expected["variants"] = changed["variants"].clone();
        }
        assert_eq!(changed, expected, "{path}: {change}");
        assert_eq!(app.get(path).await.success(200), &changed, "{path}: {change}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_sku_that_is_taken_is_refused_whether_added_or_changed() {
    let app = TestApp::start();
    let (one, two) = (app.product("Kopi").await, app.product("Teh").await);
    app.variant(&one, "A").await;
    let other = app.variant(&two, "B").await;
    let refused = app.add_variant(&two, &json!({"sku": "A"})).await;
    refused.problem(409, "duplicate_sku");
    refused.names("sku");
    app.patch(&format!("/variants/{other}"), &json!({"sku": "A"})).await.problem(409, "duplicate_sku");
    app.patch(&format!("/variants/{other}"), &json!({"sku": "B"})).await.success(200);
    let read = app.get(&format!("/products/{two}")).await;
    assert_eq!(read.success(200)["variants"].as_array().map(Vec::len), Some(1), "nothing was added");
    app.finish().await;
}

#[tokio::test]
async fn a_product_has_at_most_250_variants() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    for n in 0..250 {
        app.variant(&product, &format!("K-{n}")).await;
    }
    app.add_variant(&product, &json!({"sku": "K-250"})).await.problem(409, "too_many_variants");
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let variant = app.variant(&product, "A").await;
    let shop = app.shop("Toko").await;
    let price = json!({"price": 1});
    for (kind, code) in [
        ("products", "product_not_found"),
        ("variants", "variant_not_found"),
        ("shops", "shop_not_found"),
        ("warehouses", "warehouse_not_found"),
    ] {
        let path = format!("/{kind}/{NOBODY}");
        app.get(&path).await.problem(404, code);
        app.patch(&path, &json!({})).await.problem(404, code);
        app.get(&format!("/{kind}/7")).await.problem(400, "invalid_id");
    }
    app.add_variant(NOBODY, &json!({"sku": "B"})).await.problem(404, "product_not_found");
    for switch in ["activate", "deactivate"] {
        app.post(&format!("/warehouses/{NOBODY}/{switch}"), &json!({})).await.problem(404, "warehouse_not_found");
    }
    for list in [format!("/variants/{NOBODY}/offers"), format!("/shops/{NOBODY}/offers")] {
        app.get(&list).await.any_problem();
    }
    for (shop, variant, code) in
        [(NOBODY, variant.as_str(), "shop_not_found"), (shop.as_str(), NOBODY, "variant_not_found")]
    {
        app.put_offer(shop, variant, &price).await.problem(404, code);
        app.get(&format!("/shops/{shop}/offers/{variant}")).await.problem(404, code);
    }
    app.get(&format!("/shops/{shop}/offers/{variant}")).await.problem(404, "offer_not_found");
    app.get(&format!("/shops/{shop}/offers/7")).await.problem(400, "invalid_id");
    app.finish().await;
}

#[tokio::test]
async fn texts_of_any_script_come_back_as_they_were_sent() {
    let app = TestApp::start();
    let texts = [
        "Kopi Gayo",
        "有机咖啡豆",
        "قهوة عربية",
        "עברית \u{202b}abc\u{202c}",
        "हिन्दी",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "  padded  ",
        "'; DROP TABLE x; --",
        "\u{200f}x",
        "\u{e1}",
    ];
    for text in texts {
        let product: Value = json!({"name": text, "description": text, "category": text});
        let read = app.post("/products", &product).await.success(201).clone();
        assert_eq!(app.get(&format!("/products/{}", id(&read))).await.success(200), &read);
        for field in ["name", "description", "category"] {
            assert_eq!(read[field], text, "{field}");
        }
        let shop = app.post("/shops", &json!({"name": text, "city": text})).await.success(201).clone();
        assert_eq!((&shop["name"], &shop["city"]), (&json!(text), &json!(text)));
    }
    app.finish().await;
}
