//! One consistent pass over every shelf.

use super::{ledger, levels, reservations};
use crate::store::{
    ShelfFacts, StoreError,
    facts::ShelfRows,
    postgres::snapshot::{Snapshot, readable},
};

/// Calls `visit` for every shelf, variant by variant.
pub(in crate::store::postgres) fn pass_shelves(
    snapshot: &Snapshot<'_>,
    visit: &mut dyn FnMut(ShelfFacts),
) -> Result<(), StoreError> {
    let stored = ShelfRows {
        levels: snapshot.rows(levels::ALL, |row| Ok((levels::shelf(row)?, readable(levels::read(row)))))?,
        movements: snapshot.rows(ledger::ALL, |row| Ok((levels::shelf(row)?, readable(ledger::read(row)))))?,
        open: snapshot.rows(reservations::OPEN, |row| Ok(readable(reservations::read(row))))?,
    };
    stored.pass(visit)
}
