//! Shops price what is ordered from them: what is not for sale is refused by name, and a price that the client
//! has not seen is not charged.

use crate::support::{Stand, TestApp, id, manual, paid, unpaid};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

/// A line that insists on the price that its client has seen.
fn expecting(stand: &Stand, price: &Value) -> Value {
    let mut line = stand.line(1);
    line["expected_price"] = price.clone();
    line
}

/// Nothing was ordered and nothing reserved.
async fn nothing_happened(app: &TestApp, stand: &Stand) {
    assert!(app.get("/orders").await.items().is_empty());
    assert_eq!(app.pieces(&stand.variant).await, [10, 0, 10]);
}

#[tokio::test]
async fn a_price_that_differs_from_the_one_that_was_seen_is_told_and_nothing_is_ordered() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let lines = [expecting(&stand, &json!(85_000)), expecting(&stand, &json!(80_000))];
    let refused = app.place(&paid(&lines, &json!({}))).await;
    refused.problem(409, "price_changed");
    refused.names("lines[1].expected_price");
    assert_eq!(refused.json["errors"].as_array().map(Vec::len), Some(1), "only the one that differs: {refused:?}");
    assert!(refused.json["errors"][0]["message"].as_str().is_some_and(|text| text.contains("85000")), "{refused:?}");
    nothing_happened(&app, &stand).await;
    app.finish().await;
}

#[tokio::test]
async fn a_price_as_it_was_seen_is_charged() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let order = app.rested(&paid(&[expecting(&stand, &json!(85_000))], &json!({}))).await;
    assert_eq!((&order["status"], &order["total_amount"]), (&json!("completed"), &json!(85_000)));
    app.finish().await;
}

#[tokio::test]
async fn each_shop_asks_its_own_price_for_the_same_variant() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let other = app.shop("Toko Murah").await;
    app.offer(&other, &stand.variant, 80_000).await;
    app.fill(&app.warehouse(&other).await, &stand.variant, 5).await;
    let line = json!({"shop_id": other, "variant_id": stand.variant, "quantity": 1});
    let order = app.rested(&paid(&[stand.line(1), line], &json!({}))).await;
    let prices: Vec<_> = order["lines"].as_array().expect("lines").iter().map(|line| &line["price"]).collect();
    assert_eq!(prices, [85_000, 80_000]);
    assert_eq!(app.pieces(&stand.variant).await, [13, 0, 13]);
    app.finish().await;
}

#[tokio::test]
async fn an_order_keeps_the_prices_that_it_was_placed_at() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let order = app.unpaid(&unpaid(&[stand.line(2)])).await;
    app.put_offer(&stand.shop, &stand.variant, &json!({"price": 99_000})).await.success(200);
    app.pay(id(&order["payment"])).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    let order = app.order(id(&order)).await;
    assert_eq!(
        (&order.success(200)["status"], &order.json["data"]["total_amount"]),
        (&json!("completed"), &json!(170_000))
    );
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_answers_the_same_order_though_the_price_has_changed_since() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    for (key, line) in [("indifferent", stand.line(1)), ("insists", expecting(&stand, &json!(85_000)))] {
        app.put_offer(&stand.shop, &stand.variant, &json!({"price": 85_000})).await.success(200);
        let body = paid(&[line], &json!({}));
        let first = app.place(&body).key(key).wait(60).await;
        app.put_offer(&stand.shop, &stand.variant, &json!({"price": 99_000})).await.success(200);
        let again = app.place(&body).key(key).wait(60).await;
        assert!(again.is_replayed(), "{key}");
        assert_eq!(again.success(201), first.success(201), "{key}");
        assert_eq!(again.json["data"]["total_amount"], 85_000, "{key}");
    }
    assert_eq!(app.pieces(&stand.variant).await, [8, 0, 8]);
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_answers_the_same_order_though_it_is_no_longer_for_sale() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let body = paid(&[stand.line(1)], &json!({}));
    let first = app.place(&body).key("k-1").await;
    app.put_offer(&stand.shop, &stand.variant, &json!({"price": 85_000, "active": false})).await.success(200);
    let again = app.place(&body).key("k-1").wait(60).await;
    assert!(again.is_replayed());
    assert_eq!(id(again.success(201)), id(first.success(201)));
    assert_eq!(again.json["data"]["status"], "completed");
    app.place(&paid(&[stand.line(2)], &json!({}))).key("k-1").await.problem(422, "idempotency_key_reused");
    app.place(&body).key("k-2").await.refuses("lines[0].variant_id");
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_there_to_be_bought_is_refused_by_the_name_of_its_field() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let other = app.shop("Toko Kosong").await;
    for (shop, variant, field) in [
        (NOBODY, stand.variant.as_str(), "lines[1].shop_id"),
        (stand.shop.as_str(), NOBODY, "lines[1].variant_id"),
        (other.as_str(), stand.variant.as_str(), "lines[1].variant_id"),
    ] {
        let line = json!({"shop_id": shop, "variant_id": variant, "quantity": 1});
        app.place(&paid(&[stand.line(1), line], &json!({}))).await.refuses(field);
    }
    nothing_happened(&app, &stand).await;
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_for_sale_is_refused_until_it_is_again() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let offer = format!("/shops/{}/offers/{}", stand.shop, stand.variant);
    for (path, field) in [
        (format!("/shops/{}", stand.shop), "lines[0].shop_id"),
        (format!("/products/{}", stand.product), "lines[0].variant_id"),
        (format!("/variants/{}", stand.variant), "lines[0].variant_id"),
        (offer.clone(), "lines[0].variant_id"),
    ] {
        let set = async |active: bool| {
            let answer = if path == offer {
                app.put(&path, &json!({"price": 85_000, "active": active})).await
            } else {
                app.patch(&path, &json!({"active": active})).await
            };
            answer.success(200);
        };
        set(false).await;
        let refused = app.place(&paid(&[stand.line(1)], &json!({}))).await;
        refused.refuses(field);
        set(true).await;
    }
    nothing_happened(&app, &stand).await;
    app.rested(&paid(&[stand.line(1)], &json!({}))).await;
    app.finish().await;
}

#[tokio::test]
async fn a_line_is_either_of_a_shop_or_free_text() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    for (name, value) in [("item_name", json!("Kopi")), ("price", json!(1)), ("sku", json!("A"))] {
        let mut line = stand.line(1);
        line[name] = value;
        app.place(&unpaid(&[line])).await.refuses(&format!("lines[0].{name}"));
    }
    for missing in ["shop_id", "variant_id"] {
        let mut line = stand.line(1);
        line.as_object_mut().expect("a line").remove(missing);
        app.place(&unpaid(&[line])).await.refuses(&format!("lines[0].{missing}"));
    }
    for (name, wrong) in [("quantity", json!(0)), ("quantity", json!(1_000_001)), ("shop_id", json!("x"))] {
        let mut line = stand.line(1);
        line[name] = wrong;
        app.place(&unpaid(&[stand.line(1), line])).await.refuses(&format!("lines[1].{name}"));
    }
    nothing_happened(&app, &stand).await;
    app.finish().await;
}

#[tokio::test]
async fn a_server_that_sells_its_catalogue_alone_refuses_free_text_and_takes_the_rest() {
    let app = TestApp::with(&[("orders.allow_free_text_lines", "false")]);
    let stand = app.stand(85_000, 10).await;
    let note = json!({"item_name": "Kartu", "quantity": 1, "price": 5_000});
    app.place(&manual()).await.refuses("item_name");
    app.place(&unpaid(&[stand.line(1), note])).await.refuses("lines[1].item_name");
    nothing_happened(&app, &stand).await;
    let order = app.rested(&paid(&[stand.line(1)], &json!({}))).await;
    assert_eq!(order["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn many_requests_at_once_under_one_key_reserve_once_while_the_price_changes() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let body = unpaid(&[stand.line(2)]);
    let places = futures::future::join_all((0..20).map(|_| async { app.place(&body).key("k-1").await }));
    let changes = async {
        for price in 1..10 {
            app.put_offer(&stand.shop, &stand.variant, &json!({"price": price})).await.success(200);
        }
    };
    let (answers, ()) = tokio::join!(places, changes);
    let orders: BTreeSet<_> = answers.iter().map(|answer| id(answer.success(201)).to_owned()).collect();
    assert_eq!(orders.len(), 1);
    let order = orders.first().expect("an order");
    app.order_once(order, |order| order["saga"]["status"] == "waiting").await;
    assert_eq!(app.pieces(&stand.variant).await, [10, 2, 8]);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn an_order_has_at_most_a_hundred_lines_of_shops() {
    let app = TestApp::start();
    let stand = app.stand(1, 200).await;
    let lines = |count| vec![stand.line(1); count];
    app.place(&unpaid(&lines(101))).await.refuses("lines");
    let order = app.rested(&paid(&lines(100), &json!({}))).await;
    assert_eq!((&order["status"], &order["total_amount"]), (&json!("completed"), &json!(100)));
    assert_eq!(app.pieces(&stand.variant).await, [100, 0, 100]);
    app.finish().await;
}
