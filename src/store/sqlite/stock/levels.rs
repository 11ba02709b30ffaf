//! Levels as rows.

use super::readable;
use crate::{
    domain::stock::{Level, Shelf},
    store::{
        commands::{CommandError, Versioned, expect_written},
        sqlite::tx::Tx,
    },
};
use rusqlite::{Row, types::Type};

/// All levels, by variant and warehouse: what the audit reads.
pub(super) const ALL: &str =
    "SELECT variant_id, warehouse_id, shop_id, on_hand, reserved FROM stock_level ORDER BY variant_id, warehouse_id";
const ONE: &str = "SELECT variant_id, warehouse_id, shop_id, on_hand, reserved, version FROM stock_level \
                   WHERE variant_id = ?1 AND warehouse_id = ?2";

/// Reads variant, warehouse, shop, on hand and reserved, in this order.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Level> {
    let shelf = Shelf { variant_id: row.get(0)?, warehouse_id: row.get(1)? };
    Level::stored(shelf, row.get(2)?, row.get(3)?, row.get(4)?)
        .map_err(|impossible| rusqlite::Error::FromSqlConversionFailure(3, Type::Integer, Box::new(impossible)))
}

/// One level.
pub(in crate::store::sqlite) fn load(tx: &Tx<'_, '_>, shelf: Shelf) -> Result<Option<Versioned<Level>>, CommandError> {
    if let Some(known) = tx.recent().and_then(|recent| recent.levels.latest(shelf)) {
        return Ok(Some(known));
    }
    let Shelf { variant_id, warehouse_id } = shelf;
    let stored = tx.row(ONE, (variant_id, warehouse_id), |row| Ok(Versioned { row: read(row)?, version: row.get(5)? }));
    readable(stored, || format!("the level of variant {variant_id} in warehouse {warehouse_id}"))
}

/// Writes a level over the version that was loaded; a first one where there was none.
pub(super) fn save(tx: &Tx<'_, '_>, level: &Level, loaded: Option<i64>) -> Result<(), CommandError> {
    let Shelf { variant_id, warehouse_id } = level.shelf;
    let written = match loaded {
        None => tx.run(
            "INSERT INTO stock_level (variant_id, warehouse_id, shop_id, on_hand, reserved, updated_at, version) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1)",
            (variant_id, warehouse_id, level.shop_id, level.on_hand(), level.reserved(), tx.now()),
        )?,
        Some(loaded) => tx.run(
            "UPDATE stock_level SET on_hand = ?4, reserved = ?5, updated_at = ?6, version = version + 1 \
             WHERE variant_id = ?1 AND warehouse_id = ?2 AND version = ?3",
            (variant_id, warehouse_id, loaded, level.on_hand(), level.reserved(), tx.now()),
        )?,
    };
    expect_written(written == 1)?;
    if let Some(recent) = tx.recent() {
        let version = loaded.map_or(1, |loaded| loaded + 1);
        recent.levels.write(level.shelf, Some(Versioned { row: *level, version }));
        if loaded.is_none() {
            recent.sources.touch();
        }
    }
    Ok(())
}
