//! What services outside call things: a payment, a shipment.

use super::field::{Text, TextError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a service calls a payment or a shipment of ours: 1 to 255 visible ASCII characters, and not dots alone, which no
/// URL can have for a part of its path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reference(String);

/// What a customer follows a shipment by, as the carrier writes it.
pub type TrackingNumber = Text<128>;

/// What a service calls what it has done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The payment or the shipment.
    pub reference: Option<Reference>,
    /// What the customer follows a shipment by.
    pub tracking_number: Option<TrackingNumber>,
}

/// A text that is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is {0:?}, which is not 1 to 255 visible ASCII characters")]
pub struct NoReference(String);

impl Reference {
    /// Parses what a service says.
    ///
    /// # Errors
    /// Empty, too long, dots alone, or with anything that is not visible.
    pub fn parse(text: String) -> Result<Self, NoReference> {
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if (1..=255).contains(&text.len()) && is_visible && text.bytes().any(|byte| byte != b'.') {
            return Ok(Self(text));
        }
        Err(NoReference(text.chars().take(64).collect()))
    }

    /// A reference as it was stored: parsed when it came in.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Named {
    /// What a service says, as far as it can be used; and why not, where it cannot.
    pub fn parse(reference: Option<String>, tracking_number: Option<String>) -> (Self, Option<String>) {
        let reference = reference.map(Reference::parse).transpose();
        let tracking_number = tracking_number.map(TrackingNumber::parse).transpose();
        let why = match (&reference, &tracking_number) {
            (Err(why), _) => Some(format!("its reference {why}")),
            (_, Err(why)) => Some(wrong(why)),
            _ => None,
        };
        let named = Self { reference: reference.ok().flatten(), tracking_number: tracking_number.ok().flatten() };
        (named, why)
    }
}

fn wrong(why: &TextError) -> String {
    format!("its tracking number {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_what_can_be_seen() {
        for good in ["1", "pi_3Mt", "cGF5XzE=", "a/b?c\"", ".a", &"x".repeat(255)] {
            assert_eq!(Reference::parse(good.into()).unwrap().as_str(), good);
        }
        for bad in ["", "a b", ".", "..", "é", "a\n", &"x".repeat(256)] {
            assert!(Reference::parse(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_said() {
        let (named, why) = Named::parse(Some("a b".into()), Some("JNE 123".into()));
        assert_eq!((named.reference, named.tracking_number.unwrap().as_str()), (None, "JNE 123"));
        assert!(why.unwrap().contains("\"a b\""));
        assert_eq!(Named::parse(None, None), (Named::default(), None));
    }
}
