//! Shipments in PostgreSQL.

use super::codec::{Unreadable, count, from_json, get, script_from_json};
use crate::domain::shipment::{Origin, Shipment};
use std::sync::Arc;
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "order_id, number, id, saga_id, shop_id, warehouse_id, contents, script, status, reason, tracking_number, call, \
         attempts, created_at, updated_at, version"
    };
}
pub(super) use columns;

pub(super) const LOCKED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM shipment_shipment WHERE order_id = ANY($1) ORDER BY order_id, number FOR UPDATE"
);
pub(super) const OUTSTANDING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM shipment_shipment WHERE order_id IN (SELECT DISTINCT order_id FROM shipment_shipment \
     WHERE call IS NOT NULL AND order_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid) \
     ORDER BY order_id LIMIT $2) ORDER BY order_id, number"
);

pub(super) fn read(row: &Row) -> Result<Shipment, Unreadable> {
    let shop: Option<_> = get(row, 4)?;
    let warehouse: Option<_> = get(row, 5)?;
    let contents: Option<&str> = get(row, 6)?;
    Ok(Shipment {
        order_id: get(row, 0)?,
        id: get(row, 2)?,
        saga_id: get(row, 3)?,
        origin: shop.zip(warehouse).map(|(shop_id, warehouse_id)| Origin { shop_id, warehouse_id }),
        contents: contents.map_or_else(|| Ok(Arc::default()), |_| from_json(row, 6))?,
        script: script_from_json(row, 7)?,
        status: get(row, 8)?,
        reason: get(row, 9)?,
        tracking_number: get(row, 10)?,
        call: get(row, 11)?,
        attempts: count(row, 12)?,
        created_at: get(row, 13)?,
        updated_at: get(row, 14)?,
    })
}
