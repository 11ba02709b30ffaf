//! What a notification is about: a payment that has settled, as it was then.

use crate::domain::{
    ids::NotificationId,
    money::{Amount, Currency},
    payment::{Payment, PaymentStatus},
    reason::Reason,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use uuid::Builder;

/// An id as somebody else's service writes it: a whole number, or a text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged, expecting = "must be a whole number or a text")]
pub enum GivenId {
    /// A number.
    Number(i64),
    /// 1 to 64 visible ASCII characters, and not dots alone, which no URL can have for a part of its path.
    Text(String),
}

/// A text that is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number, or 1 to 64 visible ASCII characters")]
pub struct NoGivenId;

/// Whether a text is an id as others write them, which can stand anywhere in a URL.
pub(in crate::domain) fn is_id(text: &str) -> bool {
    let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    (1..=64).contains(&text.len()) && is_visible && text.bytes().any(|byte| byte != b'.')
}

impl GivenId {
    /// Parses a text.
    ///
    /// # Errors
    /// Empty, too long, dots alone, or with anything that is not visible.
    pub fn text(text: String) -> Result<Self, NoGivenId> {
        if is_id(&text) { Ok(Self::Text(text)) } else { Err(NoGivenId) }
    }

    /// Whether it is written like another one where numbers and texts cannot be told apart.
    pub fn reads_like(&self, other: &Self) -> bool {
        self == other || self.to_string() == other.to_string()
    }
}

impl fmt::Display for GivenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// What there is to tell of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The payment.
    pub payment_id: GivenId,
    /// What it pays for.
    pub order_id: GivenId,
    /// Who pays, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<GivenId>,
    /// How much.
    pub amount: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What has become of it.
    pub status: PaymentStatus,
    /// Why, where it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

impl About {
    /// What there is to tell of an order's payment.
    pub fn of(payment: &Payment) -> Self {
        Self {
            payment_id: GivenId::Text(payment.id.to_string()),
            order_id: GivenId::Text(payment.order_id.to_string()),
            user_id: payment.payer.map(|payer| GivenId::Text(payer.as_str().to_owned())),
            amount: payment.amount,
            currency: payment.currency,
            status: payment.status,
            reason: payment.reason,
        }
    }

    /// The id of what one target is told of it at this time: the same whenever it is asked, another for every other
    /// news, and in the order of time.
    pub(super) fn id_for(&self, target: &str, at: Timestamp) -> NotificationId {
        let digest = Sha256::digest(format!("{} {} {target}", self.payment_id, self.status.as_str()));
        let mut tail = [0; 10];
        tail.copy_from_slice(&digest[..10]);
        let millis = u64::try_from(at.millis()).unwrap_or(0);
        NotificationId::from_uuid(Builder::from_unix_timestamp_millis(millis, &tail).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_stays_what_it_was_in_json() {
        for json in ["7", "-7", r#""7""#, r#""ORD-7""#] {
            let id: GivenId = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
        }
    }

    #[test]
    fn an_id_is_what_can_stand_in_a_url() {
        for good in ["1", "a/b", "..a", &"x".repeat(64)] {
            assert!(GivenId::text(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a b", "é", &"x".repeat(65)] {
            assert_eq!(GivenId::text(bad.to_owned()), Err(NoGivenId), "{bad}");
        }
    }
}
