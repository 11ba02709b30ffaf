//! What stock reads of the catalogue: the one place where an owner reads another's tables.
//!
//! Which warehouses there are and which of them are active is the catalogue's to say, and a reservation
//! must not take from one that has just been deactivated. So is what is sold at all, and goods must not come in
//! that have just been taken out of the range. The two owners always share a database, so the
//! stock reads those columns inside its own transaction; it never writes them.

use super::{levels, readable, unless_unreadable};
use crate::{
    domain::{
        ids::{ShopId, VariantId, WarehouseId},
        stock::{Article, Level, Place, Shelf},
    },
    store::{
        LevelRow,
        commands::{CommandError, Versioned},
        sqlite::{catalog::rows::shop_label, tx::Tx},
    },
};
use rusqlite::Row;

/// The levels of a variant in a shop's active warehouses. A shop has few warehouses and a variant may be
/// sold by many shops: CROSS JOIN has SQLite go from the warehouses to the levels.
pub(super) const OPEN: &str = "SELECT l.variant_id, l.warehouse_id, l.shop_id, l.on_hand, l.reserved, l.version, w.priority \
                    FROM catalog_warehouse w CROSS JOIN stock_level l \
                    ON l.variant_id = ?2 AND l.warehouse_id = w.id WHERE w.shop_id = ?1 AND w.active = 1";

/// A variant's levels, and whether their warehouses are active.
pub(super) const LEVELS_OF: &str = "SELECT l.variant_id, l.warehouse_id, l.shop_id, l.on_hand, l.reserved, l.updated_at, w.active \
     FROM stock_level l JOIN catalog_warehouse w ON w.id = l.warehouse_id WHERE l.variant_id = ?1 \
     ORDER BY l.warehouse_id";

/// Whether there is such a variant.
pub(super) const VARIANT: &str = "SELECT 1 FROM catalog_variant WHERE id = ?1";

/// Whose a warehouse is, and whether it is active.
pub(super) const WAREHOUSE: &str = "SELECT shop_id, active FROM catalog_warehouse WHERE id = ?1";

/// Levels with what their warehouses and variants are known by, warehouse by warehouse.
pub(in crate::store::sqlite) const EXPORTED_LEVELS: &str = "SELECT l.variant_id, l.warehouse_id, l.shop_id, \
     l.on_hand, l.reserved, v.sku, w.name, \
     (SELECT count(*) FROM catalog_warehouse n WHERE n.shop_id = w.shop_id AND n.name = w.name) = 1, \
     s.id, s.name, (SELECT count(*) FROM catalog_shop n WHERE n.name = s.name) = 1 \
     FROM stock_level l CROSS JOIN catalog_warehouse w ON w.id = l.warehouse_id \
     CROSS JOIN catalog_shop s ON s.id = w.shop_id CROSS JOIN catalog_variant v ON v.id = l.variant_id \
     ORDER BY l.warehouse_id, l.variant_id";

/// Reads a level with what its warehouse and variant are known by.
pub(in crate::store::sqlite) fn exported_level(row: &Row<'_>) -> rusqlite::Result<LevelRow> {
    Ok(LevelRow {
        level: levels::read(row)?,
        sku: row.get(5)?,
        warehouse: row.get(6)?,
        is_unique: row.get(7)?,
        shop: shop_label(row, 8)?,
    })
}

/// What a change by hand asks about a variant.
const ARTICLE: &str = "SELECT p.active, v.active FROM catalog_variant v CROSS JOIN catalog_product p \
                       ON p.id = v.product_id WHERE v.id = ?1";

/// What it asks about a warehouse.
const PLACE: &str = "SELECT w.shop_id, s.active, w.active FROM catalog_warehouse w CROSS JOIN catalog_shop s \
                     ON s.id = w.shop_id WHERE w.id = ?1";

/// The levels of a variant that a shop's order may be served from, and the priorities of their warehouses. One
/// that cannot be read serves nobody, and keeps nobody from the others; the audit names it.
pub(super) fn sources(
    tx: &Tx<'_, '_>,
    shop: ShopId,
    variant: VariantId,
) -> Result<Vec<(Versioned<Level>, i64)>, CommandError> {
    let kept = tx.recent().map(|recent| recent.sources.latest(shop, variant));
    if let Some((recent, Ok(sources))) = tx.recent().zip(kept.as_ref()) {
        let level = |warehouse_id| recent.levels.latest(Shelf { variant_id: variant, warehouse_id });
        let known = sources.iter().map(|&(warehouse, priority)| Some((level(warehouse)?, priority)));
        if let Some(levels) = known.collect() {
            return Ok(levels);
        }
    }
    let read = |row: &Row<'_>| Ok((Versioned { row: levels::read(row)?, version: row.get(5)? }, row.get(6)?));
    let found: Vec<_> = tx.rows(OPEN, (shop, variant), |row| unless_unreadable(read(row)))?;
    let found: Vec<(Versioned<Level>, i64)> = found.into_iter().flatten().collect();
    if let Some(recent) = tx.recent() {
        for (level, _) in &found {
            recent.levels.write(level.row.shelf, Some(level.clone()));
        }
        if let Some(Err(Some(state))) = kept {
            let sources = found.iter().map(|(level, priority)| (level.row.shelf.warehouse_id, *priority));
            recent.sources.keep(shop, variant, sources.collect(), state);
        }
    }
    Ok(found)
}

/// A variant, where there is one.
pub(super) fn article(tx: &Tx<'_, '_>, variant: VariantId) -> Result<Option<Article>, CommandError> {
    let read = |row: &Row<'_>| Ok(Article { product_active: row.get(0)?, active: row.get(1)? });
    readable(tx.row(ARTICLE, [variant], read), || format!("variant {variant}"))
}

/// A warehouse, where there is one, with nothing in it yet.
pub(super) fn place(tx: &Tx<'_, '_>, warehouse: WarehouseId) -> Result<Option<Place>, CommandError> {
    let read =
        |row: &Row<'_>| Ok(Place { shop_id: row.get(0)?, shop_active: row.get(1)?, active: row.get(2)?, level: None });
    readable(tx.row(PLACE, [warehouse], read), || format!("warehouse {warehouse}"))
}
