//! Numbers of pieces.

use crate::domain::money::{OutOfRange, Quantity, in_range};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How many pieces, at least one. An order's lines for one variant add up to more than one line can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Units(i64);

impl Units {
    /// A number of pieces.
    ///
    /// # Errors
    /// Less than one.
    pub fn parse(value: i64) -> Result<Self, OutOfRange> {
        in_range(value, 1, i64::MAX).map(Self)
    }

    /// The number of pieces.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum. More than can be counted is more than any warehouse has, so that it may stay there.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl From<Quantity> for Units {
    fn from(quantity: Quantity) -> Self {
        Self(quantity.get())
    }
}

impl From<Units> for i64 {
    fn from(units: Units) -> Self {
        units.0
    }
}

impl TryFrom<i64> for Units {
    type Error = OutOfRange;

    fn try_from(value: i64) -> Result<Self, OutOfRange> {
        Self::parse(value)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many pieces more there are than is known of, or fewer: -10^9 to 10^9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Difference(i64);

impl Difference {
    /// A number of pieces.
    ///
    /// # Errors
    /// Beyond 10^9 in either direction.
    pub fn parse(value: i64) -> Result<Self, OutOfRange> {
        in_range(value, -OnHand::MAX, OnHand::MAX).map(Self)
    }

    /// The number of pieces; negative when there are fewer.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// How many pieces of a variant somebody counted in a warehouse: 0 to 10^9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OnHand(i64);

impl OnHand {
    /// The most that a warehouse takes in of one variant.
    pub const MAX: i64 = 1_000_000_000;

    /// Parses a client's count.
    ///
    /// # Errors
    /// Outside 0 to 10^9.
    pub fn parse(value: i64) -> Result<Self, OutOfRange> {
        in_range(value, 0, Self::MAX).map(Self)
    }

    /// The number of pieces.
    pub const fn get(self) -> i64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_hold_at_both_ends_and_sums_never_wrap() {
        assert!(Units::parse(0).is_err() && Units::parse(i64::MAX).is_ok());
        assert!(OnHand::parse(-1).is_err() && OnHand::parse(OnHand::MAX + 1).is_err());
        assert!(OnHand::parse(0).is_ok() && OnHand::parse(OnHand::MAX).is_ok());
        let most = Units(i64::MAX);
        assert_eq!(most.plus(Units(1)), most);
    }

    #[test]
    fn stored_units_are_parsed_again() {
        assert_eq!(serde_json::from_str::<Units>("3").ok(), Some(Units(3)));
        assert!(serde_json::from_str::<Units>("0").is_err());
    }
}
