//! The orders that are placed, and what their answers say.

use crate::domain::ids::{OrderId, SagaId};
use hyper::body::Bytes;
use serde::Deserialize;
use std::borrow::Cow;

use super::schedule::as_f64;

/// The orders of the simple mix: one free-text line each.
#[derive(Debug)]
pub(super) struct Orders {
    succeeds: Bytes,
    declined: Bytes,
    unshipped: Bytes,
    /// The share of orders that fail.
    fail: f64,
}

impl Orders {
    /// Orders of which a share fails.
    pub(super) fn simple(fail: f64) -> Self {
        let body = |simulate: &str| {
            Bytes::from(format!(
                r#"{{"item_name":"Kopi Gayo 250 g","quantity":2,"price":85000,"payment":{{"provider":"simulated"}}{simulate}}}"#
            ))
        };
        Self {
            succeeds: body(""),
            declined: body(r#","simulate":{"payment":"decline"}"#),
            unshipped: body(r#","simulate":{"shipping":"fail"}"#),
            fail,
        }
    }

    /// Order `number`, as it is sent. Failures are spread evenly and alternate between their kinds: of any
    /// so many orders the share is as asked, give or take one.
    pub(super) fn body(&self, number: u64) -> Bytes {
        let before = (as_f64(number) * self.fail).floor();
        let after = (as_f64(number + 1) * self.fail).floor();
        let kind = if after <= before {
            &self.succeeds
        } else if before % 2.0 == 0.0 {
            &self.declined
        } else {
            &self.unshipped
        };
        kind.clone()
    }
}

/// What a client learns about its order: the parts that count here, whatever else is said.
#[derive(Debug, Deserialize)]
pub(super) struct Seen<'a> {
    pub(super) id: OrderId,
    pub(super) saga_id: SagaId,
    #[serde(borrow)]
    pub(super) reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) saga: Option<SagaSeen<'a>>,
}

/// A saga, in an order or by itself.
#[derive(Debug, Deserialize)]
pub(super) struct SagaSeen<'a> {
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    /// Said only by the saga itself; in an order the order says it.
    #[serde(borrow, default)]
    pub(super) reason: Option<Cow<'a, str>>,
}

/// The frame around what was asked for.
#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// Reads what is inside the frame.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice::<Envelope<T>>(body).map(|envelope| envelope.data).map_err(|error| error.to_string())
}

/// How a saga ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Every step is done.
    Completed,
    /// Everything is undone, for this reason.
    Compensated(String),
    /// A person must act.
    NeedsAttention,
}

impl End {
    /// The end that a status and a reason tell of; `None` while the saga is under way.
    pub(super) fn of(status: &str, reason: Option<&str>) -> Option<Self> {
        match status {
            "completed" => Some(Self::Completed),
            "compensated" => Some(Self::Compensated(reason.unwrap_or("no reason").to_owned())),
            "needs_attention" => Some(Self::NeedsAttention),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_spread_evenly_over_both_kinds() {
        let orders = Orders::simple(0.2);
        let count = |kind: &Bytes| (0..1_000).filter(|number| orders.body(*number) == *kind).count();
        let (declined, unshipped) = (count(&orders.declined), count(&orders.unshipped));
        assert!((99..=101).contains(&declined) && (99..=101).contains(&unshipped), "{declined} {unshipped}");
        let none = Orders::simple(0.0);
        assert!((0..1_000).all(|number| none.body(number) == none.succeeds));
        let all = Orders::simple(1.0);
        assert!((0..1_000).all(|number| all.body(number) != all.succeeds));
    }

    #[test]
    fn an_answer_is_read_for_what_counts() {
        let body = br#"{"code":201,"status":"CREATED","data":{"id":"01900000-0000-7000-8000-000000000001",
            "saga_id":"01900000-0000-7000-8000-000000000002","reason":"payment_declined","lines":[{"a":"\u00e9"}],
            "saga":{"id":"x","status":"compensated","message":"Payment \"failed\""}}}"#;
        let seen: Seen<'_> = read(body).unwrap();
        let saga = seen.saga.unwrap();
        let end = End::of(&saga.status, seen.reason.as_deref());
        assert_eq!(end, Some(End::Compensated("payment_declined".to_owned())));
        assert_eq!(End::of("running", None), None);
    }
}
