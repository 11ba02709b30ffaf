//! One consistent pass over every shelf.

use super::{ledger, levels, reservations};
use crate::role::Role;
use crate::{
    domain::{
        ids::WarehouseId,
        stock::{Level, Movement, Shelf},
    },
    store::{
        ShelfFacts, Visit,
        facts::{Readable, ShelfRows, nowhere},
        sqlite::{
            facts::{readable, rows},
            schema,
        },
    },
};
use rusqlite::{Connection, Row};

/// Calls `visit` for every shelf, variant by variant.
pub(in crate::store::sqlite) fn pass_shelves(conn: &Connection, visit: &mut Visit<ShelfFacts>) -> rusqlite::Result<()> {
    let snapshot = conn.unchecked_transaction()?;
    let owners = schema::owners(&snapshot)?;
    let prepare = |sql| snapshot.prepare(owners.rows(Role::Stock, sql));
    let mut levels = prepare(levels::ALL)?;
    let mut movements = prepare(ledger::ALL)?;
    let mut open = prepare(reservations::OPEN)?;
    let stored = ShelfRows {
        levels: rows(&mut levels, read_level)?,
        movements: rows(&mut movements, read_movement)?,
        open: rows(&mut open, |row| readable(reservations::read(row)))?,
    };
    stored.pass(visit)
}

fn read_level(row: &Row<'_>) -> rusqlite::Result<(Shelf, Readable<Level>)> {
    Ok((shelf(row)?, readable(levels::read(row))?))
}

fn read_movement(row: &Row<'_>) -> rusqlite::Result<(Shelf, Readable<Movement>)> {
    Ok((shelf(row)?, readable(ledger::read(row))?))
}

/// The shelf that a row begins with.
fn shelf(row: &Row<'_>) -> rusqlite::Result<Shelf> {
    let warehouse_id: Readable<WarehouseId> = readable(row.get(1))?;
    Ok(Shelf { variant_id: row.get(0)?, warehouse_id: warehouse_id.unwrap_or_else(|_| nowhere()) })
}
