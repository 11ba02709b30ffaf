//! Whose tables a database has: everybody's, or those of the owners that one process of several plays the roles of.
//!
//! Owns which tables are whose, and that a database is not opened by somebody who would leave a part of it alone.

use std::fmt;

/// Whoever owns a part of what is stored. Nobody else reads or writes its tables, which are named after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// Orders.
    Order,
    /// Stock, and the catalogue, which says whose warehouse is active.
    Stock,
    /// Payments.
    Payment,
    /// Shipments.
    Shipment,
    /// Sagas.
    Saga,
}

impl Owner {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Order, Self::Stock, Self::Payment, Self::Shipment, Self::Saga];

    /// What its tables are named after.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Stock => "stock",
            Self::Payment => "payment",
            Self::Shipment => "shipment",
            Self::Saga => "saga",
        }
    }

    /// The role of the process that looks after its tables.
    pub const fn role(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Stock => "stock",
            Self::Payment => "payment",
            Self::Shipment => "shipping",
            Self::Saga => "coordinator",
        }
    }

    /// Whose migrations a table keeps the history of; `None` where they are of what every process needs, or of
    /// nobody here.
    pub(super) fn of_history(table: &str) -> Option<Self> {
        Some(match table {
            "order_migrations" => Self::Order,
            "catalog_migrations" | "stock_migrations" => Self::Stock,
            "payment_migrations" => Self::Payment,
            "shipment_migrations" => Self::Shipment,
            "saga_migrations" => Self::Saga,
            _ => return None,
        })
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Some of the owners.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owners(u8);

impl Owners {
    /// Everybody: one process does everything.
    pub fn all() -> Self {
        Self::of(Owner::ALL)
    }

    /// These.
    pub fn of(owners: impl IntoIterator<Item = Owner>) -> Self {
        Self(owners.into_iter().fold(0, |bits, owner| bits | owner.bit()))
    }

    /// Whether it is one of them.
    pub const fn contains(self, owner: Owner) -> bool {
        self.0 & owner.bit() != 0
    }

    /// They, one after the other.
    pub fn iter(self) -> impl Iterator<Item = Owner> {
        Owner::ALL.into_iter().filter(move |owner| self.contains(*owner))
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

    /// Those whose migrations these tables keep the history of.
    pub(super) fn of_histories<'n>(tables: impl IntoIterator<Item = &'n str>) -> Self {
        Self::of(tables.into_iter().filter_map(Owner::of_history))
    }

    /// What reads an owner's rows, or what finds none where there is no such table.
    pub(super) const fn rows(self, of: Owner, sql: &'static str) -> &'static str {
        if self.contains(of) { sql } else { "SELECT NULL WHERE false" }
    }

    /// Fails where others than these are found in a database.
    pub(super) fn check_no_others_in(self, found: Self, place: impl fmt::Display) -> Result<(), OwnersError> {
        match found.without(self) {
            strangers if strangers.is_empty() => Ok(()),
            strangers => Err(OwnersError::Unattended { place: place.to_string(), owners: strangers }),
        }
    }

    /// Fails where one of these is not found in a database.
    pub(super) fn check_all_in(self, found: Self, place: impl fmt::Display) -> Result<(), OwnersError> {
        match self.without(found) {
            missing if missing.is_empty() => Ok(()),
            missing => Err(OwnersError::Missing { place: place.to_string(), owners: missing }),
        }
    }
}

/// As `order, payment`.
impl fmt::Display for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iter().map(Owner::name).collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Debug for Owners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// Why a database is not the one for this, by whose tables are in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnersError {
    /// Somebody is in it whose unfinished work nobody would go on with.
    #[error(
        "{place} has tables of {owners}, and this process would leave unfinished what is in them: give it the roles \
         {} as well, or another store.url",
        roles(*.owners)
    )]
    Unattended {
        /// Which database.
        place: String,
        /// Who is in it.
        owners: Owners,
    },
    /// Somebody is not in it who is needed.
    #[error(
        "{place} has no tables of {owners}, which this needs: it is for the database of a process that has the roles {}",
        roles(*.owners)
    )]
    Missing {
        /// Which database.
        place: String,
        /// Who is not in it.
        owners: Owners,
    },
}

fn roles(owners: Owners) -> String {
    owners.iter().map(Owner::role).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_are_listed_by_the_names_of_their_tables() {
        let two = Owners::of([Owner::Payment, Owner::Order, Owner::Payment]);
        assert_eq!(two.to_string(), "order, payment");
        assert_eq!(format!("{two:?}"), "{Order, Payment}");
        assert_eq!(Owners::of([]).to_string(), "");
        assert_eq!(Owners::all().to_string(), "order, stock, payment, shipment, saga");
    }

    #[test]
    fn owners_are_a_set() {
        let two = Owners::of([Owner::Payment, Owner::Order]);
        assert!(two.contains(Owner::Order) && !two.contains(Owner::Saga));
        assert_eq!(Owners::all().without(two), Owners::of([Owner::Stock, Owner::Shipment, Owner::Saga]));
        assert!(two.without(Owners::all()).is_empty());
        assert_eq!(Owners::of(two.iter()), two);
    }

    #[test]
    fn who_is_left_alone_and_who_is_missing_is_said_with_their_roles() {
        let [few, many] = [Owners::of([Owner::Order]), Owners::of([Owner::Order, Owner::Shipment, Owner::Saga])];
        assert_eq!(many.check_no_others_in(few, "here"), Ok(()));
        assert_eq!(few.check_all_in(many, "here"), Ok(()));
        let unattended = few.check_no_others_in(many, "here").unwrap_err().to_string();
        assert!(unattended.contains("here has tables of shipment, saga"), "{unattended}");
        assert!(unattended.contains("the roles shipping, coordinator"), "{unattended}");
        let missing = many.check_all_in(few, "here").unwrap_err().to_string();
        assert!(missing.contains("here has no tables of shipment, saga"), "{missing}");
    }
}
