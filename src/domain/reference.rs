//! What services outside call things: a payment, a shipment.

use super::field::{Text, TextError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a service calls a payment or a shipment of ours: an opaque text, kept and given back byte for byte. 1 to 1,024
/// bytes without a NUL, which PostgreSQL cannot store.
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

/// The longest reference, in bytes.
const LONGEST: usize = 1024;

/// A text that is no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is {0:?}, which is not 1 to {LONGEST} bytes without a NUL")]
pub struct NoReference(String);

impl Reference {
    /// Parses what a service says.
    ///
    /// # Errors
    /// Empty, too long, or with a NUL.
    pub fn parse(text: String) -> Result<Self, NoReference> {
        if (1..=LONGEST).contains(&text.len()) && !text.contains('\0') {
            return Ok(Self(text));
        }
        Err(NoReference(text.chars().take(64).collect()))
    }

    /// A reference as it was stored: parsed when it came in.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// Whether it can be a part of a URL's path: a path cannot have dots alone, escaped or not.
    pub fn fits_into_a_path(&self) -> bool {
        !matches!(self.0.as_str(), "." | "..")
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
    fn a_reference_is_an_opaque_text() {
        let longest = "x".repeat(1024);
        for good in [
            "1",
            "pi_3Mt",
            "cGF5XzE=",
            "a/b?c\"",
            ".a",
            "..",
            "a b",
            " ",
            "é",
            "e\u{301}",
            "a\n",
            "\u{1f600}",
            &longest,
        ] {
            assert_eq!(Reference::parse(good.into()).unwrap().as_str(), good);
        }
        for bad in ["", "\0", "a\0b", &"x".repeat(1025)] {
            assert!(Reference::parse(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_left_out_and_said() {
        let (named, why) = Named::parse(Some("a\0b".into()), Some("JNE 123".into()));
        assert_eq!((named.reference, named.tracking_number.unwrap().as_str()), (None, "JNE 123"));
        assert!(why.unwrap().contains("a\\0b"));
        assert_eq!(Named::parse(None, None), (Named::default(), None));
    }
}
