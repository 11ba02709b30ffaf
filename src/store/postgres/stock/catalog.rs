//! What stock reads of the catalogue: the one place where an owner reads another's tables.
//!
//! Which warehouses there are and which of them are active is the catalogue's to say, and a reservation
//! must not take from one that has just been deactivated. So is what is sold at all, and goods must not come in
//! that have just been taken out of the range. The two owners always share a database, so the
//! stock reads those columns inside its own transaction; it never writes them.

use super::levels;
use crate::store::{
    LevelRow,
    postgres::{
        catalog::rows::shop_label,
        codec::{Unreadable, get},
    },
};
use tokio_postgres::Row;

/// The levels of several shops' variants in the shops' active warehouses, with the number of the offer
/// asked for, from 0, as the last column.
pub(super) const OPEN_OF_OFFERS: &str = "SELECT l.variant_id, l.warehouse_id, l.shop_id, l.on_hand, l.reserved, \
     a.number - 1 FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS a (shop_id, variant_id, number) \
     JOIN catalog_warehouse w ON w.shop_id = a.shop_id AND w.active \
     JOIN stock_level l ON l.variant_id = a.variant_id AND l.warehouse_id = w.id";

/// A variant's levels, and whether their warehouses are active: one row without any where it has none, and no row
/// where there is no such variant.
pub(super) const LEVELS_OF: &str = "SELECT l.variant_id, l.warehouse_id, l.shop_id, l.on_hand, l.reserved, \
     l.updated_at, w.active FROM catalog_variant v LEFT JOIN (stock_level l JOIN catalog_warehouse w \
     ON w.id = l.warehouse_id) ON l.variant_id = v.id WHERE v.id = $1 ORDER BY l.warehouse_id";

/// Whether a warehouse is active.
pub(super) const WAREHOUSE: &str = "SELECT active FROM catalog_warehouse WHERE id = $1";

/// Levels with what their warehouses and variants are known by, warehouse by warehouse.
pub(in crate::store::postgres) const EXPORTED_LEVELS: &str = "SELECT l.variant_id, l.warehouse_id, l.shop_id, \
     l.on_hand, l.reserved, v.sku, w.name, \
     (SELECT count(*) FROM catalog_warehouse n WHERE n.shop_id = w.shop_id AND n.name = w.name) = 1, \
     s.id, s.name, (SELECT count(*) FROM catalog_shop n WHERE n.name = s.name) = 1 \
     FROM stock_level l JOIN catalog_warehouse w ON w.id = l.warehouse_id \
     JOIN catalog_shop s ON s.id = w.shop_id JOIN catalog_variant v ON v.id = l.variant_id \
     ORDER BY l.warehouse_id, l.variant_id";

/// Reads the number of the offer asked for.
pub(super) fn offer_index(row: &Row) -> Result<usize, Unreadable> {
    let number: i64 = get(row, 5)?;
    usize::try_from(number).map_err(Unreadable::because)
}

/// Reads a level with what its warehouse and variant are known by.
pub(in crate::store::postgres) fn exported_level(row: &Row) -> Result<LevelRow, Unreadable> {
    Ok(LevelRow {
        level: levels::read(row)?,
        sku: get(row, 5)?,
        warehouse: get(row, 6)?,
        is_unique: get(row, 7)?,
        shop: shop_label(row, 8)?,
    })
}
