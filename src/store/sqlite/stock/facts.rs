//! One consistent pass over every shelf.

use super::{ledger, levels, reservations};
use crate::{
    domain::{
        ids::{VariantId, WarehouseId},
        stock::{Delta, Level, Movement, Shelf},
    },
    store::{
        ShelfFacts,
        sqlite::{
            codec::is_unreadable,
            facts::{Cursor, Readable},
        },
    },
};
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Calls `visit` for every shelf, variant by variant.
pub(in crate::store::sqlite) fn pass_shelves(
    conn: &Connection,
    visit: &mut dyn FnMut(ShelfFacts),
) -> rusqlite::Result<()> {
    let snapshot = conn.unchecked_transaction()?;
    let mut promised = promised(&snapshot)?;
    let mut moved = moved(&snapshot)?;
    let mut levels = snapshot.prepare(levels::ALL)?;
    let mut levels: Cursor<'_, VariantId, _> = Cursor::new(levels.query([])?, 0, read_level)?;
    loop {
        let first_promised = promised.first_key_value().map(|(shelf, _)| shelf.variant_id);
        let first_moved = moved.first_key_value().map(|(shelf, _)| shelf.variant_id);
        let variants = [levels.key(), first_moved, first_promised];
        let Some(variant_id) = variants.into_iter().flatten().min() else { return Ok(()) };
        let mut shelves = Shelves { variant_id, shelves: BTreeMap::new() };
        while let Some(level) = levels.take(variant_id)? {
            let (warehouse_id, level) = level.unwrap_or_else(|why| (nowhere(), Err(why)));
            shelves.at(warehouse_id).level = Some(level);
        }
        while let Some(sum) = moved.first_entry().filter(|sum| sum.key().variant_id == variant_id) {
            let (shelf, sum) = sum.remove_entry();
            shelves.at(shelf.warehouse_id).moved = sum;
        }
        while let Some(held) = promised.first_entry().filter(|held| held.key().variant_id == variant_id) {
            let (shelf, pieces) = held.remove_entry();
            shelves.at(shelf.warehouse_id).promised = pieces;
        }
        shelves.shelves.into_values().for_each(&mut *visit);
    }
}

/// The shelves of one variant.
struct Shelves {
    variant_id: VariantId,
    shelves: BTreeMap<WarehouseId, ShelfFacts>,
}

impl Shelves {
    fn at(&mut self, warehouse_id: WarehouseId) -> &mut ShelfFacts {
        let place = Shelf { variant_id: self.variant_id, warehouse_id };
        let empty = || ShelfFacts { shelf: place, level: None, moved: Ok((0, 0)), promised: 0 };
        self.shelves.entry(warehouse_id).or_insert_with(empty)
    }
}

/// What a shelf's movements add up to, on hand and reserved, or why one of them cannot be read.
type Moved = Readable<(i64, i64)>;

/// What the whole ledger adds up to, in one pass over it from its beginning to its end.
fn moved(conn: &Connection) -> rusqlite::Result<BTreeMap<Shelf, Moved>> {
    let mut sums: BTreeMap<Shelf, Moved> = BTreeMap::new();
    let mut statement = conn.prepare(ledger::ALL)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let movement = readable(ledger::read(row))?;
        let warehouse_id = readable(row.get(1))?.unwrap_or_else(|_| nowhere());
        let sum = sums.entry(Shelf { variant_id: row.get(0)?, warehouse_id }).or_insert(Ok((0, 0)));
        *sum = added(std::mem::replace(sum, Ok((0, 0))), movement);
    }
    Ok(sums)
}

fn added(sum: Moved, movement: Readable<Movement>) -> Moved {
    let ((on_hand, reserved), Delta { on_hand: more, reserved: promised, .. }) = (sum?, movement?.delta);
    let sum = on_hand.checked_add(more).zip(reserved.checked_add(promised));
    sum.ok_or_else(|| "its movements add up to more than can be counted".into())
}

/// What open reservations hold. One that cannot be read holds nothing here; its order's facts say so.
fn promised(conn: &Connection) -> rusqlite::Result<BTreeMap<Shelf, i64>> {
    let mut held: BTreeMap<Shelf, i64> = BTreeMap::new();
    let mut statement = conn.prepare(reservations::OPEN)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for item in readable(reservations::read(row))?.iter().flat_map(|row| row.items.iter()) {
            let sum = held.entry(item.shelf()).or_default();
            *sum = sum.saturating_add(item.quantity.get());
        }
    }
    Ok(held)
}

/// A row that does not even say which warehouse it is about: it is shown as that of none, so that it is seen.
fn nowhere() -> WarehouseId {
    WarehouseId::from_uuid(Uuid::nil())
}

fn read_level(row: &Row<'_>) -> rusqlite::Result<(WarehouseId, Readable<Level>)> {
    Ok((row.get(1)?, readable(levels::read(row))?))
}

fn readable<T>(read: rusqlite::Result<T>) -> rusqlite::Result<Readable<T>> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(error) if is_unreadable(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
