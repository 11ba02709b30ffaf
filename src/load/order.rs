//! The orders that are placed, and what their answers say.

use super::{options::Mix, schedule::as_f64, shops::Shops};
use crate::domain::ids::{OrderId, SagaId};
use hyper::body::Bytes;
use serde::Deserialize;
use std::borrow::Cow;

/// The orders of a run: which of them are of what kind, and which fail how.
#[derive(Debug)]
pub(super) struct Orders {
    goods: Goods,
    /// The share of orders that fail.
    fail: f64,
    /// What is random is so by this and an order's number.
    seed: u32,
}

/// What the orders of a mix buy.
#[derive(Debug)]
enum Goods {
    /// One free-text line each.
    FreeText(Bodies),
    /// Stocked lines each.
    Stocked(Shops),
    /// One half the one, one half the other.
    Both(Bodies, Shops),
}

/// The bodies of orders of one free-text line, made once.
#[derive(Debug)]
struct Bodies {
    succeeds: Bytes,
    declined: Bytes,
    unshipped: Bytes,
}

/// How an order is meant to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Succeeds,
    Declined,
    Unshipped,
    /// Only stocked orders can: of free text there is always enough.
    OutOfStock,
}

impl Orders {
    /// Orders of a mix, of which a share fails. Without shops they are simple ones.
    pub(super) fn new(mix: Mix, shops: Option<Shops>, fail: f64, seed: u32) -> Self {
        let goods = match (mix, shops) {
            (Mix::Simple, _) | (_, None) => Goods::FreeText(Bodies::new()),
            (Mix::Shops, Some(shops)) => Goods::Stocked(shops),
            (Mix::Mixed, Some(shops)) => Goods::Both(Bodies::new(), shops),
        };
        Self { goods, fail, seed }
    }

    /// The seed, where anything is random.
    pub(super) const fn seed(&self) -> Option<u32> {
        match self.goods {
            Goods::FreeText(_) => None,
            Goods::Stocked(_) | Goods::Both(..) => Some(self.seed),
        }
    }

    /// The number of order `number` among those that fail, from 0, if it does. Failures are spread evenly and their
    /// kinds take turns: of any so many orders the share is as asked, give or take one.
    fn failure(&self, number: u64) -> Option<f64> {
        let before = (as_f64(number) * self.fail).floor();
        let after = (as_f64(number + 1) * self.fail).floor();
        (after > before).then_some(before)
    }

    /// How order `number` of simple ones is meant to end.
    pub(super) fn fate(&self, number: u64) -> Fate {
        Fate::of_free_text(self.failure(number))
    }

    /// Order `number`, as it is sent.
    pub(super) fn body(&self, number: u64) -> Bytes {
        let failure = self.failure(number);
        let random = || fastrand::Rng::with_seed(u64::from(self.seed).wrapping_add(number));
        match &self.goods {
            Goods::FreeText(bodies) => bodies.of(Fate::of_free_text(failure)).clone(),
            Goods::Stocked(shops) => stocked(shops, &mut random(), Fate::of_stocked(failure)),
            Goods::Both(bodies, shops) => {
                let (fate, mut random) = (Fate::of_stocked(failure), random());
                if random.bool() || fate == Fate::OutOfStock {
                    stocked(shops, &mut random, fate)
                } else {
                    bodies.of(fate).clone()
                }
            }
        }
    }
}

impl Fate {
    /// The fate of a free-text order that is the `failure`th, from 0, of those that fail.
    fn of_free_text(failure: Option<f64>) -> Self {
        match failure {
            None => Self::Succeeds,
            Some(failure) if failure % 2.0 < 0.5 => Self::Declined,
            Some(_) => Self::Unshipped,
        }
    }

    /// The same of an order that may be stocked.
    fn of_stocked(failure: Option<f64>) -> Self {
        match failure {
            None => Self::Succeeds,
            Some(failure) if failure % 3.0 < 0.5 => Self::Declined,
            Some(failure) if failure % 3.0 < 1.5 => Self::Unshipped,
            Some(_) => Self::OutOfStock,
        }
    }

    /// What an order says of its payment and its fate.
    const fn terms(self) -> &'static str {
        match self {
            Self::Succeeds | Self::OutOfStock => r#""payment":{"provider":"simulated"}"#,
            Self::Declined => r#""payment":{"provider":"simulated"},"simulate":{"payment":"decline"}"#,
            Self::Unshipped => r#""payment":{"provider":"simulated"},"simulate":{"shipping":"fail"}"#,
        }
    }
}

impl Bodies {
    fn new() -> Self {
        let body = |fate: Fate| {
            let line = r#""item_name":"Kopi Gayo 250 g","quantity":2,"price":85000"#;
            Bytes::from(format!("{{{line},{}}}", fate.terms()))
        };
        Self { succeeds: body(Fate::Succeeds), declined: body(Fate::Declined), unshipped: body(Fate::Unshipped) }
    }

    const fn of(&self, fate: Fate) -> &Bytes {
        match fate {
            Fate::Succeeds | Fate::OutOfStock => &self.succeeds,
            Fate::Declined => &self.declined,
            Fate::Unshipped => &self.unshipped,
        }
    }
}

/// A stocked order.
fn stocked(shops: &Shops, random: &mut fastrand::Rng, fate: Fate) -> Bytes {
    let lines = shops.lines(random, fate == Fate::OutOfStock);
    Bytes::from(format!(r#"{{"lines":[{lines}],{}}}"#, fate.terms()))
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

    /// How many of a thousand orders are stocked, declined, unshipped, and ask for too much.
    fn counted(mix: Mix, fail: f64) -> [usize; 4] {
        let orders = Orders::new(mix, Some(Shops::imagined()), fail, 42);
        let bodies: Vec<_> = (0..1_000).map(|number| orders.body(number)).collect();
        let with = |part: &str| bodies.iter().filter(|body| String::from_utf8_lossy(body).contains(part)).count();
        let scarce = "00000000-0000-0000-0000-0000000003e7";
        ["lines", r#""payment":"decline""#, r#""shipping":"fail""#, scarce].map(with)
    }

    #[test]
    fn failures_are_spread_evenly_over_their_kinds() {
        assert_eq!(counted(Mix::Simple, 0.2), [0, 100, 100, 0]);
        assert_eq!(counted(Mix::Shops, 0.3), [1_000, 100, 100, 100]);
        let [_, declined, unshipped, short] = counted(Mix::Mixed, 0.3);
        assert_eq!((declined, unshipped, short), (100, 100, 100));
    }

    #[test]
    fn all_orders_fail_or_none_where_that_is_asked() {
        for (mix, all) in [(Mix::Simple, [500, 500, 0]), (Mix::Shops, [334, 333, 333])] {
            assert_eq!(counted(mix, 1.0)[1..], all);
            assert_eq!(counted(mix, 0.0)[1..], [0, 0, 0]);
        }
    }

    #[test]
    fn half_of_the_mixed_orders_are_stocked() {
        let [stocked, ..] = counted(Mix::Mixed, 0.0);
        assert!((450..550).contains(&stocked), "{stocked}");
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
