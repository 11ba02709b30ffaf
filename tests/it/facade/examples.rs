//! Every example of the OpenAPI document is accepted as it is shown.

use crate::support::{TestApp, id};
use backstitch::http::openapi_document;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SECRET: &str = "a-secret-of-our-own";

/// The bodies of all operations: method, path, and the name of the schema.
fn bodies(document: &Value) -> Vec<(String, String, String)> {
    fn reference(schema: &Value) -> Option<&str> {
        let own = schema["$ref"].as_str();
        own.or_else(|| schema["oneOf"].as_array()?.iter().find_map(reference))
    }
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            if !schema.is_null() {
                let name = reference(schema).and_then(|reference| reference.rsplit('/').next()).expect("a named body");
                found.push((method.to_uppercase(), path.clone(), name.to_owned()));
            }
        }
    }
    found
}

/// A shop with goods, as the examples have it: the ids of the examples, and those of this server.
async fn world(app: &TestApp) -> BTreeMap<&'static str, String> {
    let shop = app.shop("Toko").await;
    let warehouses = [app.warehouse(&shop).await, app.warehouse(&shop).await];
    let product = app.product("Kopi").await;
    let variant = app.variant(&product, &product).await;
    app.receive(&warehouses[0], &json!({"variant_id": variant, "quantity": 100})).await.success(201);
    BTreeMap::from([
        ("shop", shop),
        ("warehouse", warehouses[0].clone()),
        ("other", warehouses[1].clone()),
        ("product", product),
        ("variant", variant),
    ])
}

#[tokio::test]
async fn every_example_of_the_document_is_accepted_as_it_is_shown() {
    let app = TestApp::with(&[("http.service_secret", SECRET)]);
    let document = openapi_document();
    let order = document["components"]["schemas"]["PlaceOrderBody"]["example"].clone();
    for (method, path, body) in bodies(&document) {
        if path == "/shipments/{id}/dispatched" {
            // Where people send the goods.
            dispatched(&document["components"]["schemas"][&body]["example"]).await;
            continue;
        }
        let example = &document["components"]["schemas"][&body]["example"];
        assert!(example.is_object(), "{body} has an example");
        let mut ids = world(&app).await;
        let placed = app.unpaid(&order).await;
        ids.insert("order", id(&placed).to_owned());
        ids.insert("payment", id(&placed["payment"]).to_owned());
        ids.insert("saga", placed["saga_id"].as_str().expect("an id").to_owned());
        if path == "/payments/refunded/{id}" {
            // Money that came for an order which is closed is what goes back.
            app.delete_order(id(&placed)).await.success(202);
            app.saga_at_rest(&placed["saga_id"]).await;
            app.pay(ids["payment"].as_str()).header("Authorization", format!("Bearer {SECRET}")).await.success(200);
        }
        let of = |name: &str| ids[name].as_str();
        let kind = path.split('/').nth(1).expect("a resource").trim_end_matches('s').to_owned();
        let own =
            if path.starts_with("/users/") { "7" } else { ids.get(kind.as_str()).map_or("order", String::as_str) };
        let target = path.replace("{id}", own).replace("{variant_id}", of("variant")).replace("{name}", "order");
        let names = ["shop", "warehouse", "other", "variant", "order", "payment"];
        let sent = names.iter().enumerate().fold(example.to_string(), |text, (index, name)| {
            text.replace(&format!("0198c0de-0000-7000-8000-00000000000{}", index + 1), of(name))
        });
        let call = app.call(&method, &target).header("Content-Type", "application/json");
        let answer = call.header("Authorization", format!("Bearer {SECRET}")).bytes(sent.clone()).await;
        assert!((200..300).contains(&answer.status), "{method} {path} {sent}: {answer:?}");
    }
    app.finish_leaving_any().await;
}

/// Reports that goods are on their way, as the document shows it.
async fn dispatched(example: &Value) {
    let app = TestApp::with(&[("orders.carrier", "manual")]);
    let order = json!({"item_name": "Kopi", "quantity": 1, "price": 85_000, "payment": {"provider": "simulated"}});
    let order = app.place(&order).await.success(201).clone();
    let order = app.order_once(id(&order), |order| order["shipments"][0]["status"] == "requested").await;
    let path = format!("/shipments/{}/dispatched", id(&order["shipments"][0]));
    let call = app.call("PUT", &path).header("Content-Type", "application/json").bytes(example.to_string());
    assert_eq!(call.await.success(200)["tracking_number"], example["tracking_number"]);
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish().await;
}
