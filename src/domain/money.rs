//! Money: integers in the currency's smallest unit in use, with checked arithmetic only.

use serde::{Deserialize, Serialize};
use std::fmt;
use strum::{EnumString, IntoStaticStr};

/// An amount of money, never negative, in the smallest unit in use (IDR: rupiah).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(i64);

/// A number that cannot be a price, a quantity or an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be from {min} to {max}, is {value}")]
pub struct OutOfRange {
    /// Smallest allowed.
    pub min: i64,
    /// Largest allowed.
    pub max: i64,
    /// What was given.
    pub value: i64,
}

/// The value, if it is from `min` to `max`.
pub(in crate::domain) fn in_range(value: i64, min: i64, max: i64) -> Result<i64, OutOfRange> {
    if (min..=max).contains(&value) { Ok(value) } else { Err(OutOfRange { min, max, value }) }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most: 2^53 - 1. What is beyond it, a reader of JSON may not tell from its neighbours.
    pub const MAX: Self = Self(9_007_199_254_740_991);

    /// An amount from 0 to [`Self::MAX`].
    ///
    /// # Errors
    /// When it is negative, or more than that.
    pub fn parse(value: i64) -> Result<Self, OutOfRange> {
        in_range(value, 0, Self::MAX.0).map(Self)
    }

    /// An amount that a client can only write as a fraction: a whole number from 1 to [`Self::MAX`].
    ///
    /// # Errors
    /// When it is no such number; says what is wrong with it.
    pub fn parse_whole(value: f64) -> Result<Self, String> {
        const MOST: f64 = 9_007_199_254_740_991.0;
        if !(1.0..=MOST).contains(&value) || value.fract() != 0.0 {
            let unit = "in the currency's smallest unit in use";
            return Err(format!("must be a whole number from 1 to {MOST:.0}, {unit}; is {value}"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
        Ok(Self(value as i64))
    }

    /// The number of smallest units.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, or `None` when it does not fit.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(|sum| Self::parse(sum).ok())
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The price of one piece: 1 to 10^12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(i64);

impl Price {
    /// Parses a client's price.
    ///
    /// # Errors
    /// Outside 1 to 10^12.
    pub fn parse(value: i64) -> Result<Self, OutOfRange> {
        in_range(value, 1, 1_000_000_000_000).map(Self)
    }

    /// The number of smallest units.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Price times quantity, or `None` when it does not fit.
    pub fn checked_mul(self, quantity: Quantity) -> Option<Amount> {
        self.0.checked_mul(quantity.0).and_then(|product| Amount::parse(product).ok())
    }
}

/// How many pieces: 1 to 1,000,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(i64);

impl Quantity {
    /// Parses a client's quantity.
    ///
    /// # Errors
    /// Outside 1 to 1,000,000.
    pub fn parse(value: i64) -> Result<Self, OutOfRange> {
        in_range(value, 1, 1_000_000).map(Self)
    }

    /// The number of pieces.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// An ISO 4217 currency code. One so far: every amount of this release is in rupiah.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
pub enum Currency {
    /// Indonesian rupiah; the unit in use is the rupiah itself, as Indonesian payment providers do.
    #[default]
    #[serde(rename = "IDR")]
    #[strum(serialize = "IDR")]
    Idr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_at_both_ends_and_products_never_wrap() {
        assert!(Price::parse(0).is_err() && Price::parse(1_000_000_000_001).is_err());
        assert!(Quantity::parse(0).is_err() && Quantity::parse(1_000_001).is_err());
        let price = Price::parse(1_000_000_000_000).expect("the largest price");
        let quantity = Quantity::parse(1_000_000).expect("the largest quantity");
        assert_eq!(price.checked_mul(quantity), None, "beyond what JSON tells apart");
        let thousands = Quantity::parse(9_007).expect("a quantity");
        assert_eq!(price.checked_mul(thousands).map(Amount::get), Some(9_007_000_000_000_000));
        assert_eq!(Amount::MAX.checked_add(Amount(1)), None);
    }
}
