//! Clients of a system of an order service and a payment service (C1, C2, C7), in the words and with the habits that they
//! have: `config/order-payment.toml`.

use crate::support::{TestApp, day, eventually};
use backstitch::settings::{Settings, Sources};
use serde_json::{Value, json};
use std::path::Path;

/// A server with the switches of the shipped configuration.
fn app() -> TestApp {
    TestApp::with(&[
        ("http.payment_bind", "127.0.0.1:0"),
        ("http.unknown_fields", "ignore"),
        ("http.trailing_slashes", "true"),
        ("http.vocabulary", "order-payment"),
        ("payments.manual_names", "*"),
    ])
}

fn order() -> Value {
    json!({"item_name": "Kopi", "quantity": 2, "price": 10_000, "notes": "tanpa gula", "user": {"name": "Ana"}})
}

/// Places an order and opens its payment, each at its own port.
async fn ordered(app: &TestApp) -> (String, String) {
    let placed = app.post("/orders/", &order()).await;
    let placed = placed.success(201);
    assert_eq!((&placed["status"], &placed["total_amount"]), (&json!("pending"), &json!(20_000)));
    let id = placed["id"].as_str().expect("an id").to_owned();
    let body = json!({"order_id": id, "amount": 20_000, "provider": "gopay", "channel": "qris"});
    let call = app.till("POST", "/payments/").header("Content-Type", "application/json");
    let opened = call.bytes(body.to_string()).await;
    assert!([200, 201].contains(&opened.status), "{opened:?}");
    let payment = opened.json["data"].clone();
    assert_eq!(
        (&payment["status"], &payment["provider"], &payment["paid_at"]),
        (&json!("pending"), &json!("manual"), &json!(null))
    );
    (id, payment["id"].as_str().expect("an id").to_owned())
}

#[test]
fn the_shipped_configuration_sets_every_switch() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/order-payment.toml");
    let shipped = Settings::load(&Sources::default().file(Some(shipped))).expect("it is valid");
    let tried = [
        ("http.payment_bind", "127.0.0.1:8081"),
        ("http.unknown_fields", "ignore"),
        ("http.trailing_slashes", "true"),
        ("http.vocabulary", "order-payment"),
        ("payments.manual_names", "*"),
    ];
    let tried = tried.into_iter().fold(Sources::default(), |sources, (key, value)| sources.set(key, value));
    let tried = Settings::load(&tried).expect("it is valid");
    assert_eq!((shipped.http, shipped.payments), (tried.http, tried.payments));
}

#[tokio::test]
async fn a_payment_succeeds_and_its_order_is_paid_and_stays_so() {
    let app = app();
    let (order, payment) = ordered(&app).await;
    let paid = app.till("PUT", &format!("/payments/success/{payment}/")).await;
    let paid = paid.success(200);
    assert_eq!((&paid["status"], paid["paid_at"].is_string()), (&json!("success"), true));
    let saga = app.order(&order).await.success(200)["saga_id"].clone();
    assert_eq!(app.saga_at_rest(&saga).await["status"], "completed", "its goods are on their way");
    let shown = app.get(&format!("/orders/{order}/")).await;
    let shown = shown.success(200);
    assert_eq!((&shown["status"], &shown["payment"]["status"]), (&json!("paid"), &json!("success")));
    assert_eq!(app.till("GET", &format!("/payments/{payment}")).await.success(200)["status"], "success");
    let found = async |query: &str| app.get(query).await.items().len();
    assert_eq!((found("/orders/?status=paid").await, found("/orders?status=pending,failed").await), (1, 0));
    assert_eq!((found("/payments?status=success").await, found("/payments?status=failed").await), (1, 0));
    app.get("/payments?status=paid").await.refuses("status");
    app.edit_order(&order, &json!({"item_name": "Teh", "quantity": 1, "price": 1, "x": 1}))
        .await
        .problem(409, "order_already_paid");
    app.delete_order(&order).await.problem(409, "order_already_paid");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_fails_or_is_called_back_and_its_order_fails() {
    let app = app();
    let (order, payment) = ordered(&app).await;
    let failed = app.till("PUT", &format!("/payments/failed/{payment}")).await;
    assert_eq!((&failed.success(200)["status"], &failed.success(200)["paid_at"]), (&json!("failed"), &json!(null)));
    eventually("the order has failed", async || {
        (app.order(&order).await.success(200)["status"] == "failed").then_some(())
    })
    .await;
    let (order, payment) = ordered(&app).await;
    let callback = json!({"order_id": order, "payment_id": payment, "payment_status": "success", "signature": "x"});
    assert_eq!(app.post("/internal/payment-callback/", &callback).await.success(200)["status"], "success");
    eventually("the order is paid", async || (app.order(&order).await.success(200)["status"] == "paid").then_some(()))
        .await;
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_edited_and_deleted_until_it_is_paid() {
    let app = app();
    let (order, _) = ordered(&app).await;
    let edited =
        app.edit_order(&order, &json!({"item_name": "Teh", "quantity": 1, "price": 5_000, "status": "pending"})).await;
    assert_eq!(
        (&edited.success(200)["item_name"], &edited.success(200)["total_amount"]),
        (&json!("Teh"), &json!(5_000))
    );
    let deleted = app.delete_order(&order).await;
    assert_eq!((deleted.status, &deleted.json), (200, &json!({"message": "order deleted", "id": order})));
    let shown = app.order(&order).await;
    let shown = shown.success(200);
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("failed"), &json!("cancelled_by_customer")));
    assert_eq!(app.get("/orders?status=failed").await.items().len(), 1);
    let (_, payment) = ordered(&app).await;
    app.till("PUT", &format!("/payments/failed/{payment}")).await.success(200);
    eventually("both are counted as failed", async || {
        let counted = app.get(&format!("/orders/summary?from={}&to={}&by=status", day(-1), day(1))).await;
        let groups = &counted.success(200)["groups"];
        (groups[0]["group"] == "failed" && groups[0]["orders"] == 2 && groups[0]["total_amount"] == 25_000)
            .then_some(())
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn unknown_fields_are_passed_over_at_every_level_and_all_else_is_still_refused() {
    let app = app();
    let body = json!({
        "lines": [{"item_name": "Kopi", "quantity": 1, "price": 5, "lines": 7}, {"item_name": "Teh", "quantity": 1, "price": 5, "a": {"b": []}}],
        "payment": {"provider": "Transfer BCA", "payment": "x"}, "lines2": null, "": 1
    });
    assert_eq!(app.place(&body).await.success(201)["total_amount"], 10);
    for (body, field) in [
        (json!({"item_name": "Kopi", "quantity": "2", "price": 5, "x": 1}), "quantity"),
        (json!({"item_name": "Kopi", "quantity": 2, "x": 1}), "price"),
        (json!({"item_name": "Kopi", "quantity": 2, "price": 5, "payment": {"provider": ""}}), "payment.provider"),
    ] {
        app.place(&body).await.refuses(field);
    }
    let many: serde_json::Map<_, _> = (0..5_000).map(|number| (format!("x{number}"), json!(1))).collect();
    app.place(&Value::Object(many)).await.any_problem();
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn without_the_switches_the_api_is_strict() {
    let app = TestApp::start();
    app.place(&order()).await.problem(422, "invalid_request");
    app.get("/orders/").await.problem(404, "not_found");
    let gopay = json!({"item_name": "Kopi", "quantity": 1, "price": 5, "payment": {"provider": "gopay"}});
    app.place(&gopay).await.refuses("payment.provider");
    app.get("/payments?status=success").await.refuses("status");
    app.finish().await;
}
