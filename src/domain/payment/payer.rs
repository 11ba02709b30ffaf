//! Who pays.

use crate::domain::{field::CustomerRef, notifier::is_id};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use std::{fmt, str::FromStr};

/// Who pays, as the order's client calls its customer: 1 to 64 visible ASCII characters. Kept in place, so that what a saga
/// knows of its payment stays cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Payer {
    text: [u8; MAX],
    len: u8,
}

const MAX: usize = 64;

/// A text that names no payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not 1 to 64 visible ASCII characters")]
pub struct NoPayer;

impl Payer {
    /// The customer of an order, where others can be told of them: where their name fits into a URL.
    pub fn of(customer: Option<&CustomerRef>) -> Option<Self> {
        customer?.as_str().parse().ok()
    }

    /// Their name.
    pub fn as_str(&self) -> &str {
        // It was made of ASCII.
        std::str::from_utf8(&self.text[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl FromStr for Payer {
    type Err = NoPayer;

    fn from_str(name: &str) -> Result<Self, NoPayer> {
        let len = u8::try_from(name.len()).map_err(|_| NoPayer)?;
        if !is_id(name) {
            return Err(NoPayer);
        }
        let mut text = [0; MAX];
        text.get_mut(..name.len()).ok_or(NoPayer)?.copy_from_slice(name.as_bytes());
        Ok(Self { text, len })
    }
}

impl Serialize for Payer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Payer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl fmt::Debug for Payer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_pays_under_their_own_name_where_it_fits_into_a_url() {
        let payer = |name: &str| Payer::of(CustomerRef::parse(name.to_owned()).ok().as_ref());
        for name in ["7", "cust-42", "a/b", &"x".repeat(64)] {
            assert_eq!(payer(name).map(|payer| payer.as_str().to_owned()).as_deref(), Some(name));
        }
        for name in ["Ibu Sari", "Zoë", "..", &"x".repeat(65), &"x".repeat(128)] {
            assert_eq!(payer(name), None, "{name}");
        }
        assert_eq!(Payer::of(None), None);
    }
}
