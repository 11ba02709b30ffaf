//! Payments by a service outside, which is described in the configuration and reached over HTTP.

use crate::support::{Asked, Bank, Manner, TestApp, eventually, id};
use serde_json::{Value, json};

/// A server whose orders can be paid by `bank`, with further settings of that provider.
fn app_of(bank: &Bank, more: &[(&str, &str)]) -> TestApp {
    let (charge, refund) = (bank.url("/process-payment"), bank.url("/refund-payment"));
    let mut settings = vec![
        ("providers.payment.bank.kind".to_owned(), "http".to_owned()),
        ("providers.payment.bank.charge.url".to_owned(), charge),
        ("providers.payment.bank.refund.url".to_owned(), refund),
        ("providers.payment.bank.timeout_ms".to_owned(), "500".to_owned()),
    ];
    settings.extend(more.iter().map(|(key, value)| (format!("providers.payment.bank.{key}"), (*value).to_owned())));
    let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    TestApp::with(&settings)
}

/// What a service says that answers with a word.
const WORDS: [(&str, &str); 4] = [
    ("charge.result", "/status"),
    ("charge.done", "success"),
    ("charge.rejected", "failed"),
    ("charge.pending", "processing"),
];

fn by_the_bank() -> Value {
    json!({"item_name": "Kopi", "quantity": 2, "price": 85_000, "payment": {"provider": "bank"}})
}

fn charges(bank: &Bank) -> Vec<Asked> {
    bank.asked().into_iter().filter(|asked| asked.path == "POST /process-payment").collect()
}

fn payment_of(order: &Value) -> &str {
    id(&order["payment"])
}

#[tokio::test]
async fn an_order_is_paid_by_the_service_that_it_names() {
    let bank = Bank::start();
    let app = app_of(&bank, &[("headers.x-shop", "kopi")]);
    let order = app.rested(&by_the_bank()).await;
    assert_eq!((&order["status"], &order["payment"]["provider"]), (&json!("completed"), &json!("bank")));
    let [charge] = &charges(&bank)[..] else { panic!("one charge: {:?}", bank.asked()) };
    let (payment, saga) = (payment_of(&order), order["saga_id"].as_str().expect("an id"));
    let body = json!({"payment_id": payment, "order_id": order["id"], "amount": 170_000, "currency": "IDR"});
    assert_eq!(charge.body, body);
    for (name, value) in [
        ("idempotency-key", format!("{payment}.charge")),
        ("backstitch-saga", saga.to_owned()),
        ("backstitch-step", "process_payment".to_owned()),
        ("backstitch-attempt", "1".to_owned()),
        ("content-type", "application/json".to_owned()),
        ("x-shop", "kopi".to_owned()),
    ] {
        assert_eq!(charge.headers.get(name), Some(&value), "{name}");
    }
    assert_eq!(bank.effects(payment), ["charge"]);
    app.finish().await;
}

#[tokio::test]
async fn a_service_that_was_there_before_needs_no_change() {
    let bank = Bank::start();
    let body = r#"{"order_id": "{order_id}", "amount": {amount}}"#;
    let app = app_of(&bank, &[&WORDS[..], &[("charge.body", body), ("charge.method", "POST")]].concat());
    let order = app.rested(&by_the_bank()).await;
    assert_eq!(order["status"], "completed");
    assert_eq!(charges(&bank)[0].body, json!({"order_id": order["id"], "amount": 170_000}));
    app.finish().await;
}

#[tokio::test]
async fn a_no_is_a_no_in_each_of_its_forms() {
    let bank = Bank::start();
    let app = app_of(&bank, &WORDS);
    for no in [
        Manner::Says(422, "{}", None),
        Manner::Says(200, r#"{"status":"failed"}"#, None),
        Manner::Says(201, r#"{"status":"failed","why":"too poor"}"#, None),
    ] {
        bank.will([no]);
        let order = app.rested(&by_the_bank()).await;
        assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_declined")));
        assert_eq!(bank.effects(payment_of(&order)), [""; 0]);
    }
    app.finish().await;
}

/// What a service says that says nothing of use.
fn unusable(bank: &Bank) -> Vec<Manner> {
    vec![
        Manner::Says(500, "", None),
        Manner::Says(200, "<html>It works!</html>", None),
        Manner::Says(200, r#"{"status":"perhaps"}"#, None),
        Manner::Says(200, r#"{"state":"success"}"#, None),
        Manner::Says(200, r#"{"status":"processing"}"#, None),
        Manner::Says(202, "", None),
        Manner::Says(425, "", None),
        Manner::Says(302, "", Some(("location", bank.url("/elsewhere")))),
        Manner::Says(401, r#"{"status":"success"}"#, None),
        Manner::Says(409, r#"{"status":"success"}"#, None),
        Manner::Silence,
        Manner::Drips,
        Manner::Floods(10 << 20),
        Manner::DoneBut(500, "what has happened?"),
        Manner::DoneInSilence,
    ]
}

#[tokio::test]
async fn what_says_nothing_of_use_is_asked_again_under_the_same_key_and_happens_once() {
    let bank = Bank::start();
    let app = app_of(&bank, &WORDS);
    let manners = unusable(&bank);
    for manner in manners {
        let (before, shown) = (charges(&bank).len(), format!("{manner:?}"));
        bank.will([manner]);
        let order = app.rested(&by_the_bank()).await;
        assert_eq!(order["status"], "completed", "{shown}");
        let charges = &charges(&bank)[before..];
        assert_eq!(charges.len(), 2, "{shown}");
        assert_eq!(charges[0].headers["idempotency-key"], charges[1].headers["idempotency-key"]);
        assert_eq!(charges[1].headers["backstitch-attempt"], "2");
        assert_eq!(bank.effects(payment_of(&order)), ["charge"], "{shown}");
    }
    assert!(bank.asked().iter().all(|asked| asked.path != "GET /elsewhere"), "no redirect is followed");
    app.finish().await;
}

#[tokio::test]
async fn a_service_that_asks_for_a_pause_gets_it() {
    let bank = Bank::start();
    let app = app_of(&bank, &WORDS);
    bank.will([Manner::Says(429, "", Some(("retry-after", "2".to_owned())))]);
    let began = std::time::Instant::now();
    let order = app.rested(&by_the_bank()).await;
    assert_eq!(order["status"], "completed");
    assert!(began.elapsed().as_secs() >= 2, "{:?}", began.elapsed());
    app.finish().await;
}

#[tokio::test]
async fn what_may_have_happened_is_asked_about_before_it_is_repeated() {
    let bank = Bank::start();
    let status = bank.url("/payments/{payment_id}");
    let query = [
        ("status.url", status.as_str()),
        ("status.result", "/payment/state"),
        ("status.charged", "charge"),
        ("status.refunded", "refund"),
    ];
    let app = app_of(&bank, &[&WORDS[..], &query[..]].concat());
    // It happened: it is not sent again.
    bank.will([Manner::DoneInSilence]);
    let order = app.rested(&by_the_bank()).await;
    assert_eq!(order["status"], "completed");
    assert_eq!(charges(&bank).len(), 1);
    assert_eq!(bank.asked().last().expect("a query").path, format!("GET /payments/{}", payment_of(&order)));
    // It did not: it is.
    bank.will([Manner::Silence]);
    let order = app.rested(&by_the_bank()).await;
    assert_eq!(order["status"], "completed");
    assert_eq!(charges(&bank).len(), 3);
    assert_eq!(bank.effects(payment_of(&order)), ["charge"]);
    app.finish().await;
}

#[tokio::test]
async fn money_goes_back_the_way_it_came() {
    let bank = Bank::start();
    let app = app_of(&bank, &WORDS);
    let mut order = by_the_bank();
    order["simulate"] = json!({"shipping": "fail"});
    let order = app.rested(&order).await;
    assert_eq!((&order["status"], &order["payment"]["status"]), (&json!("cancelled"), &json!("refunded")));
    assert_eq!(bank.effects(payment_of(&order)), ["charge", "refund"]);
    let refund = bank.asked().pop().expect("a refund");
    assert_eq!(refund.path, "POST /refund-payment");
    assert_eq!(refund.headers["backstitch-step"], "refund_payment");
    assert_eq!(refund.headers["idempotency-key"], format!("{}.refund", payment_of(&order)));
    app.finish().await;
}

#[tokio::test]
async fn what_a_service_calls_a_payment_is_known_to_its_refund_whoever_reported_the_money() {
    let bank = Bank::start();
    let refund = bank.url("/payments/{reference}/refund");
    let app = app_of(&bank, &[("charge.reference", "/id"), ("refund.url", &refund), ("timeout_ms", "2000")]);
    let mut order = by_the_bank();
    order["simulate"] = json!({"shipping": "fail"});
    // They cannot be used: nothing is sent to a place that has no name, or that no URL can name.
    for unusable in [r#"{"id": ""}"#, r#"{"id": null}"#, r#"{"id": ".."}"#, r#"{"id": "."}"#, "{}", "<html>"] {
        bank.will([Manner::DoneBut(200, unusable)]);
        let nameless = app.rested(&order).await;
        assert_eq!(nameless["saga"]["status"], "needs_attention", "{unusable}: {nameless}");
        let payment = app.payment(payment_of(&nameless)).await.success(200).clone();
        assert_eq!(payment["status"], "refunding");
        assert!(payment["last_error"].as_str().expect("why").contains("nothing is sent"), "{payment}");
    }
    let usable = [
        (r#"{"id": "pi_2"}"#, "pi_2"),
        (r#"{"id": "pi 1/é"}"#, "pi%201%2F%C3%A9"),
        (r#"{"id": 12345678901234567890123}"#, "12345678901234567890123"),
        (r#"{"id": 1.50}"#, "1.50"),
    ];
    for (said, path) in usable {
        bank.will([Manner::DoneBut(200, said)]);
        let order = app.rested(&order).await;
        assert_eq!((&order["status"], &order["payment"]["status"]), (&json!("cancelled"), &json!("refunded")));
        let refund = bank.asked().pop().expect("a refund");
        assert_eq!(refund.path, format!("POST /payments/{path}/refund"));
    }
    app.assert_audit_is_clean().await;
}

#[tokio::test]
async fn a_refund_that_cannot_succeed_needs_attention_and_a_retry_asks_the_service_again() {
    for status in [400, 401, 404, 410, 422] {
        let bank = Bank::start();
        let app = app_of(&bank, &WORDS);
        bank.will([Manner::Well]);
        bank.always(Some(Manner::Says(status, "{}", None)));
        let mut order = by_the_bank();
        order["simulate"] = json!({"shipping": "fail"});
        let order = app.rested(&order).await;
        assert_eq!(order["saga"]["status"], "needs_attention", "{status}: {order}");
        let payment = app.payment(payment_of(&order)).await.success(200).clone();
        assert_eq!((&payment["status"], &payment["last_status"]), (&json!("refunding"), &json!(status)), "{payment}");
        // It is asked again at the first retry, and not only when its next turn has come.
        bank.always(None);
        app.retry_saga(order["saga_id"].as_str().expect("an id"), &json!({"reason": "repaired"})).await;
        assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated", "{status}");
        app.finish().await;
    }
}

#[tokio::test]
async fn a_refund_that_is_refused_needs_attention_and_is_asked_for_until_it_is_done_and_the_saga_goes_on_by_itself() {
    let bank = Bank::start();
    let app = app_of(&bank, &WORDS);
    let no = || Manner::Says(422, "{}", None);
    bank.will([Manner::Well, no(), no(), no()]);
    let mut order = by_the_bank();
    order["simulate"] = json!({"shipping": "fail"});
    let order = app.rested(&order).await;
    let saga = app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(saga["status"], "needs_attention", "{saga}");
    assert!(saga["message"].as_str().expect("a message").contains("refund_refused"), "{saga}");
    assert_eq!((&order["status"], &order["payment"]["status"]), (&json!("paid"), &json!("refunding")));
    let payment = app.payment_once(payment_of(&order), "refunded").await;
    assert_eq!(bank.effects(id(&payment)), ["charge", "refund"]);
    let order = app.order_once(id(&order), |order| order["saga"]["status"] == "compensated").await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("shipping_failed")));
    let log = app.saga_log(id(&saga)).await;
    let events: Vec<_> = log.success(200).as_array().expect("events").iter().map(|event| &event["event"]).collect();
    assert!(events.contains(&&json!("attention_cleared")), "{events:?}");
    assert!(!events.contains(&&json!("retry_requested")), "{events:?}");
    app.finish().await;
}

#[tokio::test]
async fn money_that_comes_after_the_deadline_goes_back() {
    let bank = Bank::start();
    let app = app_of(&bank, &WORDS);
    bank.will(std::iter::repeat_n(Manner::Says(202, "", None), 3));
    let mut order = by_the_bank();
    order["payment"]["deadline_ms"] = json!(100);
    let order = app.rested(&order).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_expired")));
    let payment = app.payment_once(payment_of(&order), "refunded").await;
    assert_eq!(bank.effects(id(&payment)), ["charge", "refund"]);
    app.finish().await;
}

#[tokio::test]
async fn a_service_that_is_away_for_a_while_costs_no_order() {
    let bank = Bank::start();
    let app = app_of(&bank, &[("max_concurrent", "4")]);
    bank.will(std::iter::repeat_n(Manner::Says(503, "", None), 7));
    let orders: Vec<Value> = (0..10).map(|_| by_the_bank()).collect();
    let placed = futures::future::join_all(orders.iter().map(|order| app.rested(order))).await;
    for order in &placed {
        assert_eq!(order["status"], "completed");
        assert_eq!(bank.effects(payment_of(order)), ["charge"]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_call_that_a_crash_has_cut_off_is_made_again_under_the_same_key() {
    let bank = Bank::start();
    let app = app_of(&bank, &WORDS);
    bank.will([Manner::DoneInSilence]);
    let placed = app.place(&by_the_bank()).await.success(201).clone();
    eventually("the bank is asked", async || (charges(&bank).len() == 1).then_some(())).await;
    for mode in ["panic", "stop", "panic_in_future"] {
        app.crash("payment", &json!({"mode": mode})).await.success(202);
    }
    assert_eq!(app.saga_at_rest(&placed["saga_id"]).await["status"], "completed");
    let keys: Vec<_> = charges(&bank).iter().map(|asked| asked.headers["idempotency-key"].clone()).collect();
    assert!(keys.len() >= 2 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let order = app.order(id(&placed)).await.success(200).clone();
    assert_eq!(bank.effects(payment_of(&order)), ["charge"]);
    app.finish().await;
}

#[tokio::test]
async fn requests_are_signed_where_there_is_a_secret() {
    let bank = Bank::start();
    let app = app_of(&bank, &[("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]);
    let order = app.rested(&by_the_bank()).await;
    let charge = charges(&bank).remove(0);
    assert_eq!(charge.headers["webhook-id"], format!("{}.charge", payment_of(&order)));
    assert!(charge.headers["webhook-signature"].starts_with("v1,"));
    assert!(charge.headers["webhook-timestamp"].parse::<u64>().is_ok());
    assert!(!charge.text.is_empty());
    app.finish().await;
}

#[tokio::test]
async fn a_service_that_is_not_configured_is_refused_with_those_that_are() {
    let bank = Bank::start();
    let app = app_of(&bank, &[]);
    let mut order = by_the_bank();
    order["payment"]["provider"] = json!("bank2");
    let refused = app.place(&order).await;
    refused.refuses("payment.provider");
    assert!(refused.text.contains("manual or simulated or bank"), "{}", refused.text);
    let open = json!({"order_id": "0198c0de-0000-7000-8000-000000000000", "amount": 1, "provider": "bank2"});
    app.open_payment(&open).await.refuses("provider");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_that_a_client_opens_is_charged_by_the_service_that_it_names() {
    let bank = Bank::start();
    let app = app_of(&bank, &[]);
    let order = app.unpaid(&crate::support::manual()).await;
    let opened = json!({"order_id": order["id"], "amount": 170_000, "provider": "bank"});
    app.open_payment(&opened).await;
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    assert_eq!(bank.effects(payment_of(&order)), ["charge"]);
    app.finish().await;
}
