//! The roles that a process can play: all of them, which is the default, or some, beside processes that play the others.
//!
//! Owns their names, and which needs which others. Must not know what a role does.

use std::{fmt, str::FromStr};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// What a process can be: the owner of some data, or who drives the sagas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, IntoStaticStr, EnumString, VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// Owns the orders.
    Order,
    /// Owns the stock and the catalogue.
    Stock,
    /// Owns the payments.
    Payment,
    /// Owns the shipments.
    Shipping,
    /// Drives the sagas.
    Coordinator,
}

impl Role {
    /// The role's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The roles that this one asks things of.
    pub const fn needs(self) -> &'static [Self] {
        match self {
            // It shows orders with all that belongs to them, and has sagas started.
            Self::Order => &[Self::Stock, Self::Payment, Self::Shipping, Self::Coordinator],
            Self::Stock => &[],
            // They look orders up, tell them how direct ones went, and signal to the sagas.
            Self::Payment | Self::Shipping => &[Self::Order, Self::Coordinator],
            Self::Coordinator => &[Self::Order, Self::Stock, Self::Payment, Self::Shipping],
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str((*self).into())
    }
}

/// Some roles.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Roles(u8);

/// A text that names no roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be all, or one or several of order, stock, payment, shipping and coordinator, with commas between them")]
pub struct NoRoles;

impl Roles {
    /// All of them.
    pub const ALL: Self = Self(0b1_1111);

    /// These.
    pub fn of(roles: impl IntoIterator<Item = Role>) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | Self::bit(role)))
    }

    const fn bit(role: Role) -> u8 {
        1 << role as u8
    }

    /// Whether a role is among them.
    pub const fn contains(self, role: Role) -> bool {
        self.0 & Self::bit(role) != 0
    }

    /// Whether there is none besides them.
    pub fn are_all(self) -> bool {
        self == Self::ALL
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those of them that are not among others.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// They, in the order of the saga's stages, the coordinator last.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::VARIANTS.iter().copied().filter(move |role| self.contains(*role))
    }

    /// The roles that these need and that are not among them.
    pub fn peers(self) -> impl Iterator<Item = Role> {
        let needs = move |peer: &Role| self.iter().any(|role| role.needs().contains(peer));
        Role::VARIANTS.iter().copied().filter(move |role| !self.contains(*role)).filter(needs)
    }
}

impl FromStr for Roles {
    type Err = NoRoles;

    fn from_str(text: &str) -> Result<Self, NoRoles> {
        if text.trim() == "all" {
            return Ok(Self::ALL);
        }
        let roles = text.split(',').map(|name| name.trim().parse::<Role>());
        let bits = roles.map(|role| role.map(Self::bit)).try_fold(0, |all, bit| bit.map(|bit| all | bit));
        bits.map(Self).map_err(|_| NoRoles)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.are_all() {
            return f.write_str("all");
        }
        for (index, role) in self.iter().enumerate() {
            write!(f, "{}{role}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Roles({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_read_as_they_are_written() {
        for text in ["all", "order", "stock,payment", "payment,shipping,coordinator"] {
            assert_eq!(text.parse::<Roles>().unwrap().to_string(), text);
        }
        assert_eq!("order, payment".parse::<Roles>().unwrap().to_string(), "order,payment");
        assert_eq!("coordinator,shipping,payment,stock,order".parse(), Ok(Roles::ALL));
        for wrong in ["", ",", "order,", "orders", "Order", "all,order"] {
            assert_eq!(wrong.parse::<Roles>(), Err(NoRoles), "{wrong:?}");
        }
    }

    #[test]
    fn roles_are_a_set() {
        let two = Roles::of([Role::Payment, Role::Order, Role::Payment]);
        assert!(two.contains(Role::Order) && !two.contains(Role::Coordinator));
        assert_eq!(Roles::ALL.without(two), Roles::of([Role::Stock, Role::Shipping, Role::Coordinator]));
        assert!(two.without(Roles::ALL).is_empty());
        assert_eq!(Roles::of(two.iter()), two);
    }

    #[test]
    fn roles_need_those_that_are_not_among_them() {
        let peers = |roles: &str| roles.parse::<Roles>().unwrap().peers().map(Role::as_str).collect::<Vec<_>>();
        assert!(peers("all").is_empty() && peers("stock").is_empty());
        assert_eq!(peers("payment"), ["order", "coordinator"]);
        assert_eq!(peers("order,coordinator"), ["stock", "payment", "shipping"]);
    }
}
