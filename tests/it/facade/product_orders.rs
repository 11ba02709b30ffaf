//! Orders of a product by its name, a quantity and its status (A2), as clients write them that know neither shops nor
//! variants.

use crate::support::{TestApp, id, manual};
use serde_json::{Value, json};

/// An order's only line: what it is called, how many, the price of one, and who sells it.
fn line(order: &Value) -> (&str, i64, i64, &Value) {
    let line = &order["lines"][0];
    let number = |name: &str| line[name].as_i64().expect("a number");
    (line["item_name"].as_str().expect("a name"), number("quantity"), number("price"), &line["shop_id"])
}

#[tokio::test]
async fn a_product_with_a_price_is_a_line_of_free_text() {
    let app = TestApp::start();
    for (body, name) in [
        (json!({"product_id": "Kopi Gayo", "quantity": 2, "price": 85_000, "status": "tersedia"}), "Kopi Gayo"),
        (json!({"id": "GPU", "jumlah": 2, "price": 85_000}), "GPU"),
        (json!({"product_id": 7, "jumlah": 2, "price": 85_000, "status": null}), "7"),
    ] {
        let order = app.unpaid(&body).await;
        assert_eq!(line(&order), (name, 2, 85_000, &Value::Null), "{body}");
        assert_eq!((&order["total_amount"], &order["status"]), (&json!(170_000), &json!("pending")));
    }
    app.finish_leaving(3).await;
}

#[tokio::test]
async fn a_product_without_a_price_is_had_where_it_is_cheapest_and_there_are_as_many() {
    let app = TestApp::start();
    let dear = app.stand(85_000, 10).await;
    let cheap = app.shop("Toko Murah").await;
    let warehouse = app.warehouse(&cheap).await;
    app.offer(&cheap, &dear.variant, 80_000).await;
    app.fill(&warehouse, &dear.variant, 3).await;
    let variant = app.get(&format!("/variants/{}", dear.variant)).await;
    let sku = variant.success(200)["sku"].clone();
    for (body, price, shop) in [
        (json!({"product_id": sku, "quantity": 2, "status": "available"}), 80_000, &cheap),
        (json!({"id": sku, "jumlah": 4}), 85_000, &dear.shop),
        (json!({"id": dear.variant, "jumlah": 1}), 80_000, &cheap),
        (json!({"product_id": dear.product, "quantity": 1}), 85_000, &dear.shop),
    ] {
        let order = app.unpaid(&body).await;
        let (_, _, asked, sold_by) = line(&order);
        assert_eq!((asked, sold_by), (price, &json!(shop)), "{body}");
    }
    app.place(&json!({"id": sku, "jumlah": 100})).await.problem(409, "out_of_stock");
    app.finish_leaving_any().await;
}

#[tokio::test]
async fn an_order_can_be_edited_to_a_product_by_its_name() {
    let app = TestApp::start();
    let stand = app.stand(20_000, 5).await;
    let order = app.unpaid(&manual()).await;
    let edited = app.edit_order(id(&order), &json!({"product_id": stand.variant, "jumlah": 3})).await;
    let edited = edited.success(200);
    assert_eq!((&edited["total_amount"], line(edited).3), (&json!(60_000), &json!(stand.shop)));
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_repeat_is_the_same_order_though_nobody_sells_the_product_any_more() {
    let app = TestApp::start();
    let stand = app.stand(20_000, 5).await;
    let body = json!({"product_id": stand.variant, "quantity": 1});
    let first = app.place(&body).key("k").await;
    app.put_offer(&stand.shop, &stand.variant, &json!({"price": 20_000, "active": false})).await.success(200);
    let again = app.place(&body).key("k").await;
    assert_eq!((id(first.success(201)), again.is_replayed()), (id(again.success(201)), true));
    app.place(&body).await.refuses("product_id");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_product_that_cannot_be_ordered_is_refused_with_the_fields_as_they_were_written() {
    let app = TestApp::start();
    for (body, field) in [
        (json!({"product_id": "nobody's", "quantity": 2}), "product_id"),
        (json!({"id": 12, "jumlah": 2}), "id"),
        (json!({"id": "GPU", "jumlah": 0, "price": 5}), "jumlah"),
        (json!({"id": "GPU", "price": 5}), "quantity"),
        (json!({"product_id": "", "quantity": 1, "price": 5}), "product_id"),
        (json!({"product_id": "a", "id": "b", "quantity": 1, "price": 5}), "id"),
        (json!({"product_id": "a", "quantity": 1, "jumlah": 1, "price": 5}), "jumlah"),
        (json!({"product_id": "a", "item_name": "b", "quantity": 1, "price": 5}), "product_id"),
        (json!({"product_id": "a", "lines": [{"item_name": "b", "quantity": 1, "price": 5}]}), "product_id"),
        (json!({"product_id": 1.5, "quantity": 1, "price": 5}), "product_id"),
        (json!({"product_id": "a", "jumlah": "2", "price": 5}), "jumlah"),
        (json!({"product_id": "a", "quantity": 1, "price": 5, "status": 7}), "status"),
        (json!({"jumlah": 2, "price": 5}), "item_name"),
    ] {
        app.place(&body).await.refuses(field);
    }
    app.finish().await;
}
