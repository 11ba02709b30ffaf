//! A catalogue for tests: something to sell, and somebody who sells it.

use super::{Answer, Call, TestApp, id};
use serde_json::{Value, json};

/// Changes.
impl TestApp {
    /// A request that changes a part.
    pub(crate) fn patch(&self, path: &str, body: &Value) -> Call {
        self.call("PATCH", path).header("Content-Type", "application/json").bytes(body.to_string())
    }

    /// A request that puts something in its place.
    pub(crate) fn put(&self, path: &str, body: &Value) -> Call {
        self.call("PUT", path).header("Content-Type", "application/json").bytes(body.to_string())
    }

    pub(crate) fn put_offer(&self, shop: &str, variant: &str, body: &Value) -> Call {
        self.put(&format!("/shops/{shop}/offers/{variant}"), body)
    }

    pub(crate) fn add_variant(&self, product: &str, body: &Value) -> Call {
        self.post(&format!("/products/{product}/variants"), body)
    }
}

/// What tests do all the time; each answers the id.
impl TestApp {
    pub(crate) async fn product(&self, name: &str) -> String {
        made(&self.post("/products", &json!({"name": name})).await)
    }

    pub(crate) async fn variant(&self, product: &str, sku: &str) -> String {
        made(&self.add_variant(product, &json!({"sku": sku})).await)
    }

    pub(crate) async fn shop(&self, name: &str) -> String {
        made(&self.post("/shops", &json!({"name": name, "city": "Takengon"})).await)
    }

    pub(crate) async fn warehouse(&self, shop: &str) -> String {
        made(&self.post("/warehouses", &json!({"shop_id": shop, "name": "Gudang", "address": "Jalan 1"})).await)
    }

    /// A shop's offer of a variant at this price.
    pub(crate) async fn offer(&self, shop: &str, variant: &str, price: i64) {
        self.put_offer(shop, variant, &json!({"price": price})).await.success(201);
    }
}

#[track_caller]
fn made(answer: &Answer) -> String {
    id(answer.success(201)).to_owned()
}
