//! One consistent pass over every shelf.

use super::{ledger, levels, reservations};
use crate::role::Role;
use crate::store::{
    ShelfFacts, StoreError, Visit,
    facts::ShelfRows,
    postgres::snapshot::{Snapshot, readable},
};

/// Calls `visit` for every shelf, variant by variant.
pub(in crate::store::postgres) fn pass_shelves(
    snapshot: &Snapshot<'_>,
    visit: &mut Visit<ShelfFacts>,
) -> Result<(), StoreError> {
    let owners = snapshot.owners()?;
    let rows = |sql| owners.rows(Role::Stock, sql);
    let stored = ShelfRows {
        levels: snapshot.rows(rows(levels::ALL), |row| Ok((levels::shelf(row)?, readable(levels::read(row)))))?,
        movements: snapshot.rows(rows(ledger::ALL), |row| Ok((levels::shelf(row)?, readable(ledger::read(row)))))?,
        open: snapshot.rows(rows(reservations::OPEN), |row| Ok(readable(reservations::read(row))))?,
    };
    stored.pass(visit)
}
