//! One consistent pass over every shelf.

use super::{ledger, levels, reservations};
use crate::{
    domain::{
        ids::{VariantId, WarehouseId},
        stock::{Level, Movement, Shelf},
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
    let mut levels = snapshot.prepare(levels::ALL)?;
    let mut movements = snapshot.prepare(ledger::BY_VARIANT)?;
    let mut levels: Cursor<'_, VariantId, _> = Cursor::new(levels.query([])?, 0, read_level)?;
    let mut movements: Cursor<'_, _, Moved> = Cursor::new(movements.query([])?, 0, read_moved)?;
    loop {
        let first_promised = promised.first_key_value().map(|(shelf, _)| shelf.variant_id);
        let variants = [levels.key(), movements.key(), first_promised];
        let Some(variant_id) = variants.into_iter().flatten().min() else { return Ok(()) };
        let mut shelves = Shelves { variant_id, shelves: BTreeMap::new() };
        while let Some(level) = levels.take(variant_id)? {
            let (warehouse_id, level) = level.unwrap_or_else(nowhere);
            shelves.at(warehouse_id).level = Some(level);
        }
        while let Some(movement) = movements.take(variant_id)? {
            let (warehouse_id, movement) = movement.unwrap_or_else(nowhere);
            shelves.at(warehouse_id).add(movement);
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

impl ShelfFacts {
    fn add(&mut self, movement: Readable<Movement>) {
        let moved = self.moved.as_ref().map_err(String::clone);
        self.moved = moved.and_then(|(on_hand, reserved)| {
            let delta = movement?.delta;
            let sum = on_hand.checked_add(delta.on_hand).zip(reserved.checked_add(delta.reserved));
            sum.ok_or_else(|| "its movements add up to more than can be counted".into())
        });
    }
}

/// What open reservations hold. One that cannot be read holds nothing here; its order's facts say so.
fn promised(conn: &Connection) -> rusqlite::Result<BTreeMap<Shelf, i64>> {
    let mut held: BTreeMap<Shelf, i64> = BTreeMap::new();
    let mut statement = conn.prepare(reservations::OPEN)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        for item in unless_unreadable(reservations::read(row))?.iter().flat_map(|row| row.items.iter()) {
            let sum = held.entry(item.shelf()).or_default();
            *sum = sum.saturating_add(item.quantity.get());
        }
    }
    Ok(held)
}

/// A movement and its warehouse, which says where it belongs when the rest cannot be read.
type Moved = (WarehouseId, Readable<Movement>);

/// A row that does not even say which warehouse it is about: it is shown as that of none, so that it is seen.
fn nowhere<T>(why: String) -> (WarehouseId, Readable<T>) {
    (WarehouseId::from_uuid(Uuid::nil()), Err(why))
}

fn read_level(row: &Row<'_>) -> rusqlite::Result<(WarehouseId, Readable<Level>)> {
    Ok((row.get(1)?, unless_unreadable(levels::read(row))?))
}

fn read_moved(row: &Row<'_>) -> rusqlite::Result<Moved> {
    Ok((row.get(1)?, unless_unreadable(ledger::read(row))?))
}

fn unless_unreadable<T>(read: rusqlite::Result<T>) -> rusqlite::Result<Readable<T>> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(error) if is_unreadable(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}
