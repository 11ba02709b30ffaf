//! Whose tables a database has: those of every role, or those of the roles that one process of several plays.
//!
//! Owns which tables are whose, and that a database is not opened by somebody who would leave a part of it alone.

use crate::role::{Role, Roles};
use std::fmt;

/// Whose migrations a table keeps the history of; `None` where they are of what every process needs, or of nobody here.
pub(super) fn of_history(table: &str) -> Option<Role> {
    Some(match table {
        "order_migrations" => Role::Order,
        "catalog_migrations" | "stock_migrations" => Role::Stock,
        "payment_migrations" => Role::Payment,
        "shipment_migrations" => Role::Shipping,
        "saga_migrations" => Role::Coordinator,
        _ => return None,
    })
}

/// Those whose migrations these tables keep the history of.
pub(super) fn of_histories<'n>(tables: impl IntoIterator<Item = &'n str>) -> Roles {
    Roles::of(tables.into_iter().filter_map(of_history))
}

impl Roles {
    /// What reads the rows of one of them, or what finds none where there is no such table.
    pub(super) const fn rows(self, of: Role, sql: &'static str) -> &'static str {
        if self.contains(of) { sql } else { "SELECT NULL WHERE false" }
    }

    /// Fails where the tables of others than these are found in a database.
    pub(super) fn check_no_others_in(self, found: Self, place: impl fmt::Display) -> Result<(), OwnersError> {
        match found.without(self) {
            strangers if strangers.is_empty() => Ok(()),
            strangers => Err(OwnersError::Unattended { place: place.to_string(), roles: strangers }),
        }
    }

    /// Fails where the tables of one of these are not found in a database.
    pub(super) fn check_all_in(self, found: Self, place: impl fmt::Display) -> Result<(), OwnersError> {
        match self.without(found) {
            missing if missing.is_empty() => Ok(()),
            missing => Err(OwnersError::Missing { place: place.to_string(), roles: missing }),
        }
    }
}

/// Why a database is not the one for this, by whose tables are in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnersError {
    /// Somebody is in it whose unfinished work nobody would go on with.
    #[error(
        "{place} has tables of {roles}, and this process would leave unfinished what is in them: give it these roles as \
         well, or another store.url"
    )]
    Unattended {
        /// Which database.
        place: String,
        /// Who is in it.
        roles: Roles,
    },
    /// Somebody is not in it who is needed.
    #[error(
        "{place} has no tables of {roles}, which this needs: it is for the database of a process that plays these roles"
    )]
    Missing {
        /// Which database.
        place: String,
        /// Who is not in it.
        roles: Roles,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_left_alone_and_who_is_missing_is_said() {
        let few = Roles::of([Role::Order]);
        let many = Roles::of([Role::Order, Role::Shipping, Role::Coordinator]);
        assert_eq!(many.check_no_others_in(few, "here"), Ok(()));
        assert_eq!(few.check_all_in(many, "here"), Ok(()));
        let unattended = few.check_no_others_in(many, "here").unwrap_err().to_string();
        assert!(unattended.contains("here has tables of shipping,coordinator"), "{unattended}");
        let missing = many.check_all_in(few, "here").unwrap_err().to_string();
        assert!(missing.contains("here has no tables of shipping,coordinator"), "{missing}");
    }
}
