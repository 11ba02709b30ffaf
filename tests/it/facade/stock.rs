//! Stock over HTTP (D3): goods come in, are counted, moved and listed; what cannot be is refused, and nothing
//! has changed.

use crate::support::{CatalogRows, TestApp};
use serde_json::{Value, json};
use uuid::Uuid;

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

/// A server that knows two warehouses of one shop, one of another, and a variant.
struct Shop {
    app: TestApp,
    catalog: CatalogRows,
    first: String,
    second: String,
    elsewhere: String,
    variant: String,
}

impl Shop {
    fn open() -> Self {
        let app = TestApp::start();
        let catalog = CatalogRows::of(app.database());
        let shop = CatalogRows::shop();
        let first = catalog.warehouse(shop, 1).to_string();
        let second = catalog.warehouse(shop, 2).to_string();
        let elsewhere = catalog.warehouse(CatalogRows::shop(), 1).to_string();
        let variant = catalog.variant().to_string();
        Self { app, catalog, first, second, elsewhere, variant }
    }

    async fn with(pieces: i64) -> Self {
        let shop = Self::open();
        shop.receive(pieces).await;
        shop
    }

    async fn receive(&self, pieces: i64) -> Value {
        self.app.receive(&self.first, &self.goods(pieces)).await.success(201).clone()
    }

    fn goods(&self, quantity: i64) -> Value {
        json!({"variant_id": self.variant, "quantity": quantity})
    }

    fn move_of(&self, from: &str, to: &str, quantity: i64) -> Value {
        json!({"from_warehouse_id": from, "to_warehouse_id": to, "variant_id": self.variant, "quantity": quantity})
    }

    fn deactivate(&self, warehouse: &str) {
        self.catalog.set_active("catalog_warehouse", warehouse.parse().expect("an id"), false);
    }

    /// On hand, reserved and available over all warehouses.
    async fn stock(&self) -> [i64; 3] {
        let stock = self.app.stock(&self.variant).await;
        ["on_hand", "reserved", "available"].map(|name| stock.success(200)[name].as_i64().expect("a number"))
    }

    /// Promises pieces as an order's saga would have.
    fn promise(&self, pieces: i64) {
        let reserve = "UPDATE stock_level SET reserved = ?1, version = version + 1";
        self.app.sql().execute(reserve, &[&pieces]).expect("a level");
    }

    async fn finish(self) {
        self.app.finish().await;
    }
}

fn count(on_hand: i64, expected_on_hand: i64) -> Value {
    json!({"on_hand": on_hand, "expected_on_hand": expected_on_hand, "reason": "rusak kena air"})
}

#[tokio::test]
async fn goods_that_come_in_are_on_hand_where_they_came_in() {
    let shop = Shop::open();
    assert_eq!(shop.stock().await, [0, 0, 0]);
    let level = shop.receive(12).await;
    assert_eq!((&level["on_hand"], &level["available"]), (&json!(12), &json!(12)));
    shop.receive(3).await;
    assert_eq!(shop.stock().await, [15, 0, 15]);
    let listed = shop.app.warehouse_stock(&shop.first).await;
    assert_eq!(listed.items().len(), 1);
    assert_eq!((&listed.items()[0]["on_hand"], &listed.items()[0]["warehouse_active"]), (&json!(15), &json!(true)));
    shop.finish().await;
}

#[tokio::test]
async fn a_count_is_a_compare_and_set_that_keeps_its_reason() {
    let shop = Shop::with(12).await;
    let stale = shop.app.adjust(&shop.first, &shop.variant, &count(9, 11)).await;
    let stale = stale.problem(409, "stock_changed");
    assert!(stale["detail"].as_str().is_some_and(|detail| detail.contains("12")), "it says what is there: {stale}");
    let level = shop.app.adjust(&shop.first, &shop.variant, &count(9, 12)).await;
    assert_eq!(level.success(200)["on_hand"], 9);
    let moved = shop.app.movements(&format!("variant_id={}", shop.variant)).await;
    let newest = &moved.items()[0];
    assert_eq!((&newest["kind"], &newest["on_hand"]), (&json!("adjust"), &json!(-3)));
    assert_eq!(newest["reason"], "rusak kena air");
    shop.finish().await;
}

#[tokio::test]
async fn a_count_of_a_shelf_that_was_empty_fills_it() {
    let shop = Shop::open();
    assert_eq!(shop.app.adjust(&shop.first, &shop.variant, &count(7, 0)).await.success(200)["on_hand"], 7);
    assert_eq!(shop.stock().await, [7, 0, 7]);
    shop.finish().await;
}

#[tokio::test]
async fn a_transfer_moves_goods_and_changes_no_sum() {
    let shop = Shop::with(12).await;
    let made = shop.app.transfer(&shop.move_of(&shop.first, &shop.second, 5)).await;
    let made = made.success(201);
    assert_eq!((&made["from"]["on_hand"], &made["to"]["on_hand"]), (&json!(7), &json!(5)));
    assert_eq!(shop.stock().await, [12, 0, 12]);
    let moved = shop.app.walk(&format!("/stock/movements?variant_id={}&limit=1", shop.variant)).await;
    let kinds: Vec<_> = moved.iter().map(|movement| movement["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["transfer_in", "transfer_out", "receive"]);
    assert!(moved[..2].iter().all(|movement| movement["transfer_id"] == made["id"]));
    shop.finish().await;
}

#[tokio::test]
async fn what_is_in_a_deactivated_warehouse_is_on_hand_and_not_available() {
    let shop = Shop::with(12).await;
    shop.app.transfer(&shop.move_of(&shop.first, &shop.second, 5)).await.success(201);
    shop.deactivate(&shop.first);
    assert_eq!(shop.stock().await, [12, 0, 5]);
    shop.app.receive(&shop.first, &shop.goods(1)).await.problem(409, "warehouse_inactive");
    let back = shop.app.transfer(&shop.move_of(&shop.second, &shop.first, 1)).await;
    back.problem(409, "warehouse_inactive");
    back.names("to_warehouse_id");
    shop.app.transfer(&shop.move_of(&shop.first, &shop.second, 7)).await.success(201);
    assert_eq!(shop.stock().await, [12, 0, 12]);
    shop.finish().await;
}

#[tokio::test]
async fn a_request_under_a_key_is_done_once_and_answers_with_the_stock_as_it_is() {
    let shop = Shop::open();
    let first = shop.app.receive(&shop.first, &shop.goods(5)).key("delivery 7".replace(' ', "-").as_str()).await;
    assert!(!first.is_replayed());
    shop.receive(1).await;
    let again = shop.app.receive(&shop.first, &shop.goods(5)).key("delivery-7").await;
    assert!(again.is_replayed());
    assert_eq!(again.success(201)["on_hand"], 6);
    shop.app.receive(&shop.first, &shop.goods(9)).key("delivery-7").await.problem(422, "idempotency_key_reused");
    // Another path is another scope.
    assert!(!shop.app.receive(&shop.second, &shop.goods(5)).key("delivery-7").await.is_replayed());
    let body = shop.move_of(&shop.first, &shop.second, 2);
    let made = shop.app.transfer(&body).key("van").await;
    let repeated = shop.app.transfer(&body).key("van").await;
    assert!(repeated.is_replayed());
    assert_eq!(repeated.success(201)["id"], made.success(201)["id"]);
    assert_eq!(shop.stock().await, [11, 0, 11]);
    shop.finish().await;
}

#[tokio::test]
async fn what_is_not_there_or_not_the_shops_is_not_moved() {
    let shop = Shop::with(5).await;
    let too_many = shop.app.transfer(&shop.move_of(&shop.first, &shop.second, 6)).await;
    too_many.problem(409, "insufficient_stock");
    too_many.names("quantity");
    shop.app.transfer(&shop.move_of(&shop.first, &shop.first, 1)).await.refuses("to_warehouse_id");
    let other = shop.app.transfer(&shop.move_of(&shop.first, &shop.elsewhere, 1)).await;
    other.problem(409, "warehouse_of_another_shop");
    shop.app.transfer(&shop.move_of(NOBODY, &shop.first, 1)).await.refuses("from_warehouse_id");
    shop.app.transfer(&shop.move_of(&shop.first, NOBODY, 1)).await.refuses("to_warehouse_id");
    let mut unknown = shop.move_of(&shop.first, &shop.second, 1);
    unknown["variant_id"] = json!(NOBODY);
    shop.app.transfer(&unknown).await.refuses("variant_id");
    assert_eq!(shop.stock().await, [5, 0, 5]);
    shop.finish().await;
}

#[tokio::test]
async fn what_is_promised_is_neither_counted_away_nor_moved() {
    let shop = Shop::with(5).await;
    shop.promise(4);
    let below = shop.app.adjust(&shop.first, &shop.variant, &count(3, 5)).await;
    below.problem(409, "stock_reserved");
    below.names("on_hand");
    shop.app.transfer(&shop.move_of(&shop.first, &shop.second, 2)).await.problem(409, "insufficient_stock");
    assert_eq!(shop.stock().await, [5, 4, 1]);
    shop.promise(0);
    shop.finish().await;
}

#[tokio::test]
async fn numbers_out_of_range_and_blank_reasons_are_refused_by_name() {
    let shop = Shop::with(5).await;
    for quantity in [0, -1, 1_000_001, i64::MAX] {
        shop.app.receive(&shop.first, &shop.goods(quantity)).await.refuses("quantity");
        shop.app.transfer(&shop.move_of(&shop.first, &shop.second, quantity)).await.refuses("quantity");
    }
    for wrong in [-1, 1_000_000_001, i64::MIN] {
        shop.app.adjust(&shop.first, &shop.variant, &count(wrong, 5)).await.refuses("on_hand");
        shop.app.adjust(&shop.first, &shop.variant, &count(5, wrong)).await.refuses("expected_on_hand");
    }
    for reason in ["", " \u{3000}", "a\u{0}b", "x".repeat(501).as_str()] {
        let body = json!({"on_hand": 1, "expected_on_hand": 5, "reason": reason});
        shop.app.adjust(&shop.first, &shop.variant, &body).await.refuses("reason");
    }
    for (body, field) in [
        (json!({"quantity": 1}), "variant_id"),
        (json!({"variant_id": shop.variant, "quantity": 1, "price": 3}), "price"),
        (json!({"variant_id": "x", "quantity": 1}), "variant_id"),
        (json!({"variant_id": shop.variant, "quantity": "1"}), "quantity"),
    ] {
        shop.app.receive(&shop.first, &body).await.refuses(field);
    }
    assert_eq!(shop.stock().await, [5, 0, 5]);
    shop.finish().await;
}

#[tokio::test]
async fn what_does_not_exist_is_not_found() {
    let shop = Shop::open();
    let unknown = json!({"variant_id": NOBODY, "quantity": 1});
    // What the body names, not the path.
    shop.app.receive(&shop.first, &unknown).await.refuses("variant_id");
    shop.app.receive(NOBODY, &shop.goods(1)).await.problem(404, "warehouse_not_found");
    shop.app.adjust(NOBODY, &shop.variant, &count(1, 0)).await.problem(404, "warehouse_not_found");
    shop.app.adjust(&shop.first, NOBODY, &count(1, 0)).await.problem(404, "variant_not_found");
    shop.app.stock(NOBODY).await.problem(404, "variant_not_found");
    shop.app.warehouse_stock(NOBODY).await.problem(404, "warehouse_not_found");
    shop.app.stock("x").await.problem(400, "invalid_id");
    shop.app.adjust(&shop.first, "x", &count(1, 0)).await.problem(400, "invalid_id");
    shop.app.movements("warehouse_id=x").await.refuses("warehouse_id");
    shop.app.movements("cursor=x").await.refuses("cursor");
    shop.app.movements("shop_id=x").await.refuses("shop_id");
    assert!(shop.app.movements(&format!("order_id={NOBODY}")).await.items().is_empty());
    shop.finish().await;
}

#[tokio::test]
async fn goods_of_a_deactivated_shop_product_or_variant_are_not_received() {
    for (table, code) in [
        ("catalog_shop", "shop_inactive"),
        ("catalog_product", "product_inactive"),
        ("catalog_variant", "variant_inactive"),
    ] {
        let shop = Shop::with(5).await;
        let owner = shop.app.warehouse_stock(&shop.first).await.items()[0]["shop_id"].clone();
        let id = if table == "catalog_shop" { owner.as_str().expect("an id") } else { &shop.variant };
        shop.catalog.set_active(table, id.parse::<Uuid>().expect("an id"), false);
        shop.app.receive(&shop.first, &shop.goods(1)).await.problem(409, code);
        assert_eq!(shop.stock().await, [5, 0, 5]);
        shop.app.transfer(&shop.move_of(&shop.first, &shop.second, 1)).await.success(201);
        shop.finish().await;
    }
}

#[tokio::test]
async fn stock_is_received_once_each_though_its_actor_is_crashed() {
    let shop = Shop::open();
    let deliver = async |number: usize| {
        let received = shop.app.receive(&shop.first, &shop.goods(1)).key(&format!("delivery-{number}")).await;
        received.success(201);
        assert!(!received.is_replayed(), "its client has had no answer before");
    };
    let deliveries = futures::future::join_all((0..40).map(deliver));
    let crashes = async {
        for mode in ["panic", "stop", "panic_in_future"] {
            shop.app.crash("stock", &json!({"mode": mode})).await.success(202);
        }
    };
    futures::future::join(deliveries, crashes).await;
    assert_eq!(shop.stock().await, [40, 0, 40]);
    shop.finish().await;
}
