//! Orders of one or several shops (D4, D5): priced by the shops, grouped by shop, reserved when they are placed,
//! gone from the stock when they are paid, and sent from each warehouse that serves them.

use crate::support::{Stand, TestApp, id, paid, unpaid};
use serde_json::{Value, json};

/// What each of an order's shipments carries: shop, warehouse and pieces, in the order's own order.
fn carried(order: &Value) -> Vec<(&Value, &Value, i64)> {
    let shipments = order["shipments"].as_array().expect("shipments").iter();
    let pieces = |shipment: &Value| {
        let items = shipment["items"].as_array().expect("items").iter();
        items.map(|item| item["quantity"].as_i64().expect("a number")).sum()
    };
    shipments.map(|shipment| (&shipment["shop_id"], &shipment["warehouse_id"], pieces(shipment))).collect()
}

/// Two shops with ten pieces each.
async fn two(app: &TestApp) -> (Stand, Stand) {
    (app.stand(85_000, 10).await, app.stand(20_000, 10).await)
}

#[tokio::test]
async fn an_order_of_two_shops_shows_what_each_of_them_sells() {
    let app = TestApp::start();
    let (coffee, tea) = two(&app).await;
    let order = app.unpaid(&unpaid(&[coffee.line(2), tea.line(3)])).await;
    assert_eq!(order["total_amount"], 2 * 85_000 + 3 * 20_000);
    let parts = order["shop_orders"].as_array().expect("shop orders");
    let told: Vec<_> = parts.iter().map(|part| (&part["shop_id"], &part["total"])).collect();
    assert_eq!(told, [(&json!(coffee.shop), &json!(170_000)), (&json!(tea.shop), &json!(60_000))]);
    for (part, stand) in parts.iter().zip([&coffee, &tea]) {
        let items = part["items"].as_array().expect("items");
        assert_eq!((items.len(), &items[0]["variant_id"]), (1, &json!(stand.variant)));
        assert_eq!(items[0]["item_name"], "Kopi Gayo", "as the catalogue calls it");
    }
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn lines_of_one_shop_are_one_shop_order_wherever_they_stand() {
    let app = TestApp::start();
    let (coffee, tea) = two(&app).await;
    let order = app.rested(&paid(&[coffee.line(1), tea.line(1), coffee.line(2)], &json!({}))).await;
    let totals: Vec<_> = order["shop_orders"].as_array().expect("shop orders").iter().map(|p| &p["total"]).collect();
    assert_eq!(totals, [3 * 85_000, 20_000]);
    assert_eq!(app.pieces(&coffee.variant).await, [7, 0, 7]);
    app.finish().await;
}

#[tokio::test]
async fn stock_is_reserved_when_an_order_is_placed_and_gone_when_it_is_paid() {
    let app = TestApp::start();
    let (coffee, tea) = two(&app).await;
    let order = app.unpaid(&unpaid(&[coffee.line(2), tea.line(3)])).await;
    assert_eq!((app.pieces(&coffee.variant).await, app.pieces(&tea.variant).await), ([10, 2, 8], [10, 3, 7]));
    app.pay(id(&order["payment"])).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!((app.pieces(&coffee.variant).await, app.pieces(&tea.variant).await), ([8, 0, 8], [7, 0, 7]));
    assert_eq!(app.movements_of(&order).await, ["reserve", "commit"]);
    app.finish().await;
}

#[tokio::test]
async fn each_shops_goods_leave_in_a_shipment_of_their_own() {
    let app = TestApp::start();
    let (coffee, tea) = two(&app).await;
    let order = app.rested(&paid(&[coffee.line(2), tea.line(3)], &json!({}))).await;
    assert_eq!(order["status"], "completed");
    let (first, second) =
        ((&json!(coffee.shop), &json!(coffee.warehouse), 2), (&json!(tea.shop), &json!(tea.warehouse), 3));
    let mut sent = carried(&order);
    sent.sort_by_key(|(_, _, pieces)| *pieces);
    assert_eq!(sent, [first, second]);
    for part in order["shop_orders"].as_array().expect("shop orders") {
        let shipments = part["shipments"].as_array().expect("shipments");
        assert_eq!((shipments.len(), &shipments[0]["shop_id"]), (1, &part["shop_id"]), "{part}");
        assert_eq!(app.shipment(id(&shipments[0])).await.success(200), &shipments[0]);
        assert!(shipments[0]["status"] == "shipped" && shipments[0]["tracking_number"].is_string());
    }
    assert_eq!(app.shipments(&format!("order_id={}", id(&order))).await.items().len(), 2);
    app.finish().await;
}

#[tokio::test]
async fn goods_that_no_warehouse_has_alone_leave_from_two() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 3).await;
    let second = app.warehouse(&stand.shop).await;
    app.fill(&second, &stand.variant, 2).await;
    let order = app.rested(&paid(&[stand.line(5)], &json!({}))).await;
    let mut sent = carried(&order);
    sent.sort_by_key(|(_, _, pieces)| *pieces);
    let shop = json!(stand.shop);
    assert_eq!(sent, [(&shop, &json!(second), 2), (&shop, &json!(stand.warehouse), 3)]);
    assert_eq!(app.pieces(&stand.variant).await, [0, 0, 0]);
    app.finish().await;
}

#[tokio::test]
async fn free_text_stands_beside_stocked_lines_and_is_sent_on_its_own() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let note = json!({"item_name": "Kartu ucapan", "quantity": 1, "price": 5_000});
    let order = app.rested(&paid(&[note, stand.line(2)], &json!({}))).await;
    assert_eq!((&order["status"], &order["total_amount"]), (&json!("completed"), &json!(175_000)));
    assert_eq!(order["shop_orders"].as_array().map(Vec::len), Some(1), "free text is no shop's");
    assert!(order["lines"][0].get("shop_id").is_none() && order["item_name"].is_null(), "{order}");
    let null = Value::Null;
    let mut sent = carried(&order);
    sent.sort_by_key(|(_, _, pieces)| *pieces);
    assert_eq!(sent, [(&null, &null, 0), (&json!(stand.shop), &json!(stand.warehouse), 2)]);
    assert_eq!(app.pieces(&stand.variant).await, [8, 0, 8]);
    app.finish().await;
}

#[tokio::test]
async fn a_saga_of_free_text_has_no_stock_step_and_a_stocked_one_has() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let free = app.rested(&paid(&[json!({"item_name": "Kartu", "quantity": 1, "price": 5_000})], &json!({}))).await;
    let stocked = app.rested(&paid(&[stand.line(1)], &json!({}))).await;
    for (order, expected) in [(free, 0), (stocked, 2)] {
        let saga = app.saga_at_rest(&order["saga_id"]).await;
        let steps = saga["steps"].as_array().expect("steps").iter();
        assert_eq!(steps.filter(|step| step["participant"] == "stock").count(), expected, "{saga}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_deactivated_warehouse_keeps_what_it_has_promised_and_promises_nothing_more() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 10).await;
    let order = app.unpaid(&unpaid(&[stand.line(2)])).await;
    app.call("POST", &format!("/warehouses/{}/deactivate", stand.warehouse)).await.success(200);
    assert_eq!(app.pieces(&stand.variant).await, [10, 2, 0]);
    let refused = app.rested(&paid(&[stand.line(1)], &json!({}))).await;
    assert_eq!(refused["reason"], "out_of_stock");
    app.pay(id(&order["payment"])).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "completed");
    assert_eq!(app.pieces(&stand.variant).await, [8, 0, 0]);
    app.finish().await;
}

#[tokio::test]
async fn the_orders_of_a_shop_are_listed_part_by_part() {
    let app = TestApp::start();
    let (coffee, tea) = two(&app).await;
    let mut of_coffee = Vec::new();
    for number in 0..6 {
        let lines = match number % 3 {
            0 => vec![coffee.line(1)],
            1 => vec![tea.line(1)],
            _ => vec![tea.line(1), coffee.line(1), coffee.line(1)],
        };
        let order = app.rested(&paid(&lines, &json!({}))).await;
        if number % 3 != 1 {
            of_coffee.insert(0, order["id"].clone());
        }
    }
    for list in [format!("/orders?shop_id={}", coffee.shop), format!("/shops/{}/orders?status=completed", coffee.shop)]
    {
        let listed = app.walk(&format!("{list}&limit=1")).await;
        let ids: Vec<_> = listed.iter().map(|order| order["id"].clone()).collect();
        assert_eq!(ids, of_coffee, "{list}");
        assert_eq!(listed[0]["shop_orders"].as_array().map(Vec::len), Some(2), "whole orders, of all shops");
    }
    assert!(app.get(&format!("/shops/{}/orders?status=failed", coffee.shop)).await.items().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn the_orders_of_nobody_are_none_and_a_shop_that_is_not_there_is_not_found() {
    let app = TestApp::start();
    let nobody = "0198c0de-0000-7000-8000-000000000000";
    assert!(app.get(&format!("/orders?shop_id={nobody}")).await.items().is_empty());
    app.get("/orders?shop_id=x").await.refuses("shop_id");
    app.get(&format!("/shops/{nobody}/orders")).await.problem(404, "shop_not_found");
    let shop = app.shop("Toko").await;
    assert!(app.get(&format!("/shops/{shop}/orders")).await.items().is_empty());
    app.get(&format!("/shops/{shop}/orders?shop_id={shop}")).await.refuses("shop_id");
    app.finish().await;
}
