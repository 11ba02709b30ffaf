//! Why an order is stuck, told to a person who looks at it: the saga, its steps, the payment.

use crate::support::{Bank, Manner, TestApp, eventually, id};
use serde_json::{Value, json};

fn app_of(bank: &Bank) -> TestApp {
    let (charge, refund) = (bank.url("/charge"), bank.url("/refund"));
    TestApp::with(&[
        ("providers.payment.bank.kind", "http"),
        ("providers.payment.bank.charge.url", &charge),
        ("providers.payment.bank.refund.url", &refund),
        ("providers.payment.bank.timeout_ms", "300"),
    ])
}

fn by_the_bank() -> Value {
    json!({"item_name": "Kopi", "quantity": 1, "price": 85_000, "payment": {"provider": "bank"}})
}

async fn saga_of(app: &TestApp, order: &Value) -> Value {
    app.saga(order["saga_id"].as_str().expect("an id")).await.success(200).clone()
}

fn step<'a>(saga: &'a Value, name: &str) -> &'a Value {
    let steps = saga["steps"].as_array().expect("steps");
    steps.iter().find(|step| step["step"] == name).expect("the step")
}

#[tokio::test]
async fn a_service_that_fails_again_and_again_is_told_of_in_the_saga_its_step_and_the_payment() {
    let bank = Bank::start();
    let app = app_of(&bank);
    bank.always(Some(Manner::Says(500, "{}", None)));
    let order = app.place(&by_the_bank()).await.success(201).clone();
    let payment = eventually("it has failed three times", async || {
        let payment = app.payment(id(&order["payment"])).await.success(200).clone();
        (payment["attempts"].as_u64() >= Some(3)).then_some(payment)
    })
    .await;
    assert_eq!((&payment["status"], &payment["last_status"]), (&json!("pending"), &json!(500)));
    assert_eq!(payment["last_error"], "bank: it answers 500");
    assert!(payment["next_attempt_at"].is_string(), "{payment}");
    let saga = saga_of(&app, &order).await;
    assert_eq!((&saga["status"], &saga["waiting_on"]), (&json!("waiting"), &json!("payment_service")), "{saga}");
    let waiting = step(&saga, "process_payment");
    assert!(waiting["attempts"].as_u64() >= Some(3), "{waiting}");
    assert_eq!((&waiting["error"], &waiting["last_status"]), (&payment["last_error"], &json!(500)));
    assert!(waiting["next_attempt_at"].is_string(), "{waiting}");
    let seen = app.order(id(&order)).await.success(200).clone();
    assert_eq!(seen["payment"]["last_error"], "bank: it answers 500");
    bank.always(None);
    app.saga_at_rest(&order["saga_id"]).await;
    let payment = app.payment(id(&order["payment"])).await.success(200).clone();
    assert_eq!((&payment["last_error"], &payment["next_attempt_at"]), (&Value::Null, &Value::Null), "that is over");
    app.finish().await;
}

#[tokio::test]
async fn waiting_for_the_customer_and_for_the_service_look_different() {
    let bank = Bank::start();
    let app = app_of(&bank);
    bank.always(Some(Manner::Says(202, "", None)));
    let by_hand = app.unpaid(&json!({"item_name": "Kopi", "quantity": 1, "price": 85_000})).await;
    assert_eq!(saga_of(&app, &by_hand).await["waiting_on"], "customer");
    let order = app.place(&by_the_bank()).await.success(201).clone();
    let saga = eventually("it waits", async || {
        Some(saga_of(&app, &order).await).filter(|saga| !step(saga, "process_payment")["error"].is_null())
    })
    .await;
    assert_eq!(saga["waiting_on"], "payment_service", "{saga}");
    assert_eq!(step(&saga, "process_payment")["error"], "bank: it has not decided yet");
    bank.always(None);
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_service_that_asks_for_a_pause_says_why_at_once() {
    let bank = Bank::start();
    let app = app_of(&bank);
    bank.will([Manner::Says(429, "{}", Some(("retry-after", "120".to_owned())))]);
    let order = app.place(&by_the_bank()).await.success(201).clone();
    let saga = eventually("it waits", async || {
        Some(saga_of(&app, &order).await).filter(|saga| step(saga, "process_payment")["last_status"] == 429)
    })
    .await;
    let at = |text: &Value| text.as_str().expect("a time").parse::<jiff::Timestamp>().expect("a time");
    let waiting = step(&saga, "process_payment");
    assert!(at(&waiting["next_attempt_at"]) > at(&waiting["started_at"]) + jiff::SignedDuration::from_secs(100));
    // A retry does not wait for that.
    app.retry_saga(id(&saga), &json!({"reason": "the limit is lifted"})).await.success(202);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_saga_that_needs_attention_says_what_to_do_and_not_what_an_operator_said() {
    let bank = Bank::start();
    let app = app_of(&bank);
    bank.will([Manner::Well]);
    bank.always(Some(Manner::Says(422, "{}", None)));
    let mut body = by_the_bank();
    body["simulate"] = json!({"shipping": "fail"});
    let order = app.rested(&body).await;
    for said in [None, Some("I have called the bank")] {
        if let Some(words) = said {
            app.retry_saga(order["saga_id"].as_str().expect("an id"), &json!({"reason": words})).await.success(202);
            app.saga_at_rest(&order["saga_id"]).await;
        }
        let saga = saga_of(&app, &order).await;
        assert_eq!((&saga["status"], &saga["waiting_on"]), (&json!("needs_attention"), &json!("operator")), "{saga}");
        assert_eq!(saga["waiting_for"], "refund_payment");
        let message = saga["message"].as_str().expect("a message");
        assert!(message.contains("refund_payment was refused") && message.contains("give the money back"), "{message}");
        assert_eq!(step(&saga, "process_payment")["error"], "bank: it refuses the refund with 422");
        assert!(!saga.to_string().contains("called the bank"), "{saga}");
    }
    let log = app.saga_log(order["saga_id"].as_str().expect("an id")).await.success(200).clone();
    let requested = log.as_array().expect("events").iter().find(|event| event["event"] == "retry_requested");
    let requested = requested.expect("the request");
    assert_eq!((&requested["error"], &requested["note"]), (&Value::Null, &json!("I have called the bank")));
    bank.always(None);
    app.order_once(id(&order), |order| order["saga"]["status"] == "compensated").await;
    app.finish().await;
}
