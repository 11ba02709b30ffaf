//! Fields of an order that cannot be accepted: each is named, and nothing is created.

use crate::support::{TestApp, manual, simulated};
use serde_json::{Value, json};

/// Sends an order with one field changed for each value; each is refused and named.
async fn each_refused(field: &str, name: &str, values: Vec<Value>) {
    let app = TestApp::start();
    for value in values {
        let mut body = simulated(&json!({}));
        *body.pointer_mut(&format!("/{}", field.replace('.', "/"))).unwrap_or(&mut Value::Null) = Value::Null;
        set(&mut body, field, value.clone());
        let answer = app.place(&body).await;
        assert_eq!(answer.status, 422, "{field} = {value}: {answer:?}");
        answer.refuses(name);
    }
    assert_eq!(app.get("/orders").await.items().len() + app.get("/sagas").await.items().len(), 0);
    app.finish().await;
}

fn set(body: &mut Value, field: &str, value: Value) {
    match field.split_once('.') {
        Some((outer, inner)) => set(&mut body[outer], inner, value),
        None => body[field] = value,
    }
}

#[tokio::test]
async fn a_quantity_is_a_whole_number_from_one_to_a_million() {
    let values =
        json!([0, -1, 1_000_001, i64::MAX, i64::MIN, u64::MAX, 1.5, 1e30, "2", "", true, null, [], {}, [2], {"n": 2}]);
    each_refused("quantity", "quantity", values.as_array().expect("values").clone()).await;
}

#[tokio::test]
async fn a_price_is_a_whole_number_from_one_to_a_trillion() {
    let values = json!([0, -1, 1_000_000_000_001_i64, i64::MAX, i64::MIN, u64::MAX, 0.5, 1e13, "2", false, null, []]);
    each_refused("price", "price", values.as_array().expect("values").clone()).await;
}

#[tokio::test]
async fn an_item_name_is_a_visible_text_of_up_to_two_hundred_characters() {
    let values = json!([
        "",
        " ",
        "\t",
        "\u{3000}",
        "x".repeat(201),
        "é".repeat(201),
        "a\u{0}b",
        "a\nb",
        "\u{7f}",
        "\u{85}b",
        7,
        null,
        ["x"],
        {}
    ]);
    each_refused("item_name", "item_name", values.as_array().expect("values").clone()).await;
}

#[tokio::test]
async fn a_customer_reference_is_a_visible_text_of_up_to_128_characters() {
    let values = json!(["", "  ", "x".repeat(129), "a\u{0}", "a\rb", 7, true, ["x"], {}]);
    each_refused("customer_ref", "customer_ref", values.as_array().expect("values").clone()).await;
}

#[tokio::test]
async fn a_deadline_is_between_a_millisecond_and_thirty_days() {
    let values = json!([0, 2_592_000_001_i64, u64::MAX, -1, 1.5, "900000", true, []]);
    each_refused("payment.deadline_ms", "payment.deadline_ms", values.as_array().expect("values").clone()).await;
}

#[tokio::test]
async fn a_provider_is_one_that_there_is() {
    let values = json!(["", "cash", "Manual", 7, null, [], {}]);
    each_refused("payment.provider", "payment.provider", values.as_array().expect("values").clone()).await;
}

#[tokio::test]
async fn a_simulated_delay_is_at_most_a_minute() {
    let values = json!([60_001, -1, 4_294_967_296_i64, 0.5, "1", null]);
    let values = values.as_array().expect("values");
    each_refused("simulate.payment_delay_ms", "simulate.payment_delay_ms", values.clone()).await;
    each_refused("simulate.shipping_delay_ms", "simulate.shipping_delay_ms", values.clone()).await;
}

#[tokio::test]
async fn a_simulated_fault_is_one_that_there_is() {
    let values = json!(["", "explode", "fail", 7, true, []]);
    each_refused("simulate.payment", "simulate.payment", values.as_array().expect("values").clone()).await;
    let values = json!(["", "explode", "decline", 7, true, []]);
    each_refused("simulate.shipping", "simulate.shipping", values.as_array().expect("values").clone()).await;
}

#[tokio::test]
async fn unknown_fields_are_refused_at_every_level() {
    for (field, value) in [("total_amount", json!(1)), ("id", json!("x")), ("Quantity", json!(1)), ("", json!(1))] {
        each_refused(field, field, vec![value]).await;
    }
    for field in ["payment.method", "simulate.stok", "simulate.delay_ms"] {
        each_refused(field, field, vec![json!(1)]).await;
    }
    each_refused("payment", "payment", vec![json!("manual"), json!(7)]).await;
    each_refused("simulate", "simulate", vec![json!("decline"), json!(7)]).await;
}

#[tokio::test]
async fn missing_fields_are_named() {
    let app = TestApp::start();
    app.place(&json!({})).await.refuses("lines");
    for field in ["item_name", "quantity", "price"] {
        let mut short = manual();
        short.as_object_mut().expect("an object").remove(field);
        app.place(&short).await.refuses(field);
        let mut line = manual();
        line.as_object_mut().expect("an object").remove(field);
        app.place(&json!({"lines": [manual(), line]})).await.refuses(&format!("lines[1].{field}"));
    }
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_bad_line_is_named_by_its_place() {
    let app = TestApp::start();
    for (field, value) in [
        ("quantity", json!(0)),
        ("price", json!(-1)),
        ("item_name", json!("")),
        ("price", json!("1")),
        ("colour", json!("red")),
    ] {
        let mut bad = manual();
        bad[field] = value;
        app.place(&json!({"lines": [manual(), manual(), bad]})).await.refuses(&format!("lines[2].{field}"));
    }
    app.place(&json!({"lines": [manual(), null]})).await.refuses("lines[1]");
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn an_order_has_one_to_a_hundred_lines() {
    let app = TestApp::start();
    for count in [0, 101, 5_000] {
        let lines = vec![json!({"item_name": "x", "quantity": 1, "price": 1}); count];
        app.place(&json!({"lines": lines})).await.refuses("lines");
    }
    for lines in [json!({}), json!("x"), json!(1)] {
        app.place(&json!({"lines": lines})).await.refuses("lines");
    }
    let lines = vec![json!({"item_name": "x", "quantity": 1, "price": 1}); 10_000];
    app.place(&json!({"lines": lines})).await.problem(413, "body_too_large");
    assert_eq!(app.get("/orders").await.items().len(), 0);
    let lines = vec![json!({"item_name": "x", "quantity": 1, "price": 1}); 100];
    let full = app.rested(&json!({"lines": lines, "payment": {"provider": "simulated"}})).await;
    assert_eq!((&full["status"], &full["total_amount"]), (&json!("completed"), &json!(100)));
    app.finish().await;
}

#[tokio::test]
async fn a_total_that_json_does_not_tell_apart_is_refused() {
    let app = TestApp::start();
    let line = json!({"item_name": "x", "quantity": 1_000_000, "price": 1_000_000_000_000_i64});
    app.place(&json!({"lines": vec![line.clone(); 10]})).await.refuses("lines");
    app.place(&json!({"lines": vec![line.clone(); 100]})).await.refuses("lines");
    assert_eq!(app.get("/orders").await.items().len(), 0);
    let line = json!({"item_name": "x", "quantity": 9_007, "price": 1_000_000_000_000_i64});
    let largest = json!({"lines": [line], "payment": {"provider": "simulated"}});
    assert_eq!(app.rested(&largest).await["total_amount"], 9_007_000_000_000_000_i64);
    app.finish().await;
}

#[tokio::test]
async fn the_short_form_cannot_stand_beside_lines() {
    let app = TestApp::start();
    let mut both = manual();
    both["lines"] = json!([manual()]);
    let answer = app.place(&both).await;
    for field in ["item_name", "quantity", "price"] {
        answer.refuses(field);
    }
    app.finish().await;
}
