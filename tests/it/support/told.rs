//! Somebody who is told of payments, and a server that tells them.

use super::{Asked, Bank, TestApp, TestDatabase, eventually};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// What signs requests in tests.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// The settings by which `bank` is told of orders that are paid, with further ones of that target.
pub(crate) fn told(bank: &Bank, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let url = bank.url("/orders/{order_id}/payment");
    let own = [
        ("url", url.as_str()),
        ("method", "PUT"),
        ("body", r#"{"payment_status":"paid"}"#),
        ("timeout_ms", "10000"),
        ("allow_private", "true"),
    ];
    let all = own.iter().chain(more);
    all.map(|(key, value)| (format!("notifications.orders.{key}"), (*value).to_owned())).collect()
}

/// A server that tells `bank` of orders that are paid.
pub(crate) fn app_that_tells(bank: &Bank, more: &[(&str, &str)]) -> TestApp {
    app_that_tells_over(TestDatabase::new(), bank, more, "test")
}

/// The same over this database, as the node of this name.
pub(crate) fn app_that_tells_over(database: TestDatabase, bank: &Bank, more: &[(&str, &str)], node: &str) -> TestApp {
    let mut settings = told(bank, more);
    settings.push(("node.id".to_owned(), node.to_owned()));
    let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    TestApp::over(database, &settings)
}

/// What is told of an order, as far as a list shows it.
pub(crate) async fn notifications_of(app: &TestApp, order: &Value) -> Vec<Value> {
    let order = order.as_str().expect("an order's id");
    app.get(&format!("/notifications?order_id={order}")).await.items().to_vec()
}

/// The only notification about an order, once it is as it should become.
pub(crate) async fn notification_once(app: &TestApp, order: &Value, is: impl Fn(&Value) -> bool) -> Value {
    eventually("the notification becomes as expected", async || {
        let found = notifications_of(app, order).await;
        assert!(found.len() <= 1, "{found:?}");
        found.into_iter().next().filter(&is)
    })
    .await
}

/// Fails unless a request is signed with [`SECRET`], as its receiver would check it.
#[track_caller]
pub(crate) fn assert_signed(asked: &Asked) {
    let header = |name: &str| asked.headers.get(name).map(String::as_str).expect("a signed request");
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("base 64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{}.{}.{}", header("webhook-id"), header("webhook-timestamp"), asked.text).as_bytes());
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(header("webhook-signature"), signature);
}
