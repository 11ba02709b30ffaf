//! Levels as rows.

use crate::{
    domain::stock::{Level, Shelf},
    store::postgres::codec::{Unreadable, get},
};
use tokio_postgres::Row;

/// All levels, by variant and warehouse: what the audit reads.
pub(super) const ALL: &str =
    "SELECT variant_id, warehouse_id, shop_id, on_hand, reserved FROM stock_level ORDER BY variant_id, warehouse_id";
/// Levels as lists read them, with when they last changed as the last column.
pub(super) const LISTED: &str =
    "SELECT variant_id, warehouse_id, shop_id, on_hand, reserved, updated_at FROM stock_level";

/// Reads the shelf that a row begins with.
pub(super) fn shelf(row: &Row) -> Result<Shelf, Unreadable> {
    Ok(Shelf { variant_id: get(row, 0)?, warehouse_id: get(row, 1)? })
}

/// Reads variant, warehouse, shop, on hand and reserved, in this order.
pub(in crate::store::postgres) fn read(row: &Row) -> Result<Level, Unreadable> {
    Level::stored(shelf(row)?, get(row, 2)?, get(row, 3)?, get(row, 4)?).map_err(Unreadable::because)
}
