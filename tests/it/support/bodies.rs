//! Request bodies that most tests start from.

use serde_json::{Value, json};

/// An order over 170,000 that waits for somebody to report its payment.
pub(crate) fn manual() -> Value {
    json!({"item_name": "Kopi Gayo 250 g", "quantity": 2, "price": 85_000})
}

/// The same order with the built-in payment provider and these faults.
pub(crate) fn simulated(faults: &Value) -> Value {
    let mut body = manual();
    body["payment"] = json!({"provider": "simulated"});
    body["simulate"] = faults.clone();
    body
}

/// The id of whatever was answered.
#[track_caller]
pub(crate) fn id(data: &Value) -> &str {
    data["id"].as_str().expect("an id")
}

/// A day in UTC that is so many days from now.
pub(crate) fn day(from_now: i64) -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * from_now);
    then.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
