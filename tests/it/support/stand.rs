//! A shop with one thing to sell, for tests of what orders take from the stock.

use super::{TestApp, eventually, id};
use serde_json::{Value, json};

/// A shop, its only warehouse, and the only variant that it offers.
pub(crate) struct Stand {
    pub(crate) shop: String,
    pub(crate) warehouse: String,
    pub(crate) product: String,
    pub(crate) variant: String,
}

impl Stand {
    /// A line of an order that takes so many pieces from it.
    pub(crate) fn line(&self, pieces: i64) -> Value {
        json!({"shop_id": self.shop, "variant_id": self.variant, "quantity": pieces})
    }
}

impl TestApp {
    /// A new shop that has so many pieces and sells each for `price`.
    pub(crate) async fn stand(&self, price: i64, pieces: i64) -> Stand {
        let product = self.product("Kopi Gayo").await;
        let variant = self.variant(&product, &uuid::Uuid::now_v7().to_string()).await;
        let shop = self.shop("Toko Maju").await;
        let warehouse = self.warehouse(&shop).await;
        self.offer(&shop, &variant, price).await;
        self.fill(&warehouse, &variant, pieces).await;
        Stand { shop, warehouse, product, variant }
    }

    /// Puts so many pieces into a warehouse.
    pub(crate) async fn fill(&self, warehouse: &str, variant: &str, pieces: i64) {
        self.receive(warehouse, &json!({"variant_id": variant, "quantity": pieces})).await.success(201);
    }

    /// A variant's pieces over all warehouses: on hand, reserved, and available.
    pub(crate) async fn pieces(&self, variant: &str) -> [i64; 3] {
        let stock = self.stock(variant).await;
        ["on_hand", "reserved", "available"].map(|name| stock.success(200)[name].as_i64().expect("a number"))
    }

    /// As [`Self::pieces`], once they are these.
    pub(crate) async fn pieces_once(&self, variant: &str, pieces: [i64; 3]) {
        eventually(&format!("the pieces are {pieces:?}"), async || {
            (self.pieces(variant).await == pieces).then_some(())
        })
        .await;
    }

    /// What became of an order's reservation: the kinds of its movements, oldest first, each named once.
    pub(crate) async fn movements_of(&self, order: &Value) -> Vec<String> {
        let moved = self.walk(&format!("/stock/movements?order_id={}&limit=100", id(order))).await;
        let kinds = moved.iter().rev().map(|movement| movement["kind"].as_str().expect("a kind").to_owned());
        let mut kinds: Vec<_> = kinds.collect();
        kinds.dedup();
        kinds
    }
}

/// An order of these lines that waits for somebody to report its payment.
pub(crate) fn unpaid(lines: &[Value]) -> Value {
    json!({"lines": lines})
}

/// An order of these lines with the built-in payment provider and these faults.
pub(crate) fn paid(lines: &[Value], faults: &Value) -> Value {
    json!({"lines": lines, "payment": {"provider": "simulated"}, "simulate": faults})
}
