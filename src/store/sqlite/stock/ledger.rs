//! Movements as rows: appended, never updated.

use crate::{
    domain::{
        field::Note,
        ids::{OrderId, TransferId},
        stock::{Cause, Delta, Movement, Shelf},
    },
    store::sqlite::tx::Tx,
};
use rusqlite::Row;

macro_rules! columns {
    () => {
        "variant_id, warehouse_id, kind, on_hand, reserved, order_id, revision, transfer_id, reason, at"
    };
}

/// The whole ledger, by variant: what the audit reads.
pub(super) const BY_VARIANT: &str = concat!("SELECT ", columns!(), " FROM stock_movement ORDER BY variant_id");
/// What was moved for orders, by order: what the audit reads.
pub(in crate::store::sqlite) const BY_ORDER: &str =
    concat!("SELECT ", columns!(), " FROM stock_movement WHERE order_id IS NOT NULL ORDER BY order_id");
/// The ledger as lists read it, with the movement's place as the last column.
pub(super) const LISTED: &str =
    concat!("SELECT ", columns!(), ", id FROM (SELECT ", columns!(), ", seq AS id FROM stock_movement)");

/// Reads a movement.
pub(in crate::store::sqlite) fn read(row: &Row<'_>) -> rusqlite::Result<Movement> {
    let order: Option<OrderId> = row.get(5)?;
    let transfer: Option<TransferId> = row.get(7)?;
    let reason: Option<String> = row.get(8)?;
    let cause = match (order, transfer, reason) {
        (Some(order_id), ..) => Cause::Order { order_id, revision: row.get(6)? },
        (None, Some(transfer), _) => Cause::Transfer(transfer),
        (None, None, Some(reason)) => Cause::Count(Note::stored(reason)),
        (None, None, None) => Cause::Receipt,
    };
    Ok(Movement {
        shelf: Shelf { variant_id: row.get(0)?, warehouse_id: row.get(1)? },
        delta: Delta { kind: row.get(2)?, on_hand: row.get(3)?, reserved: row.get(4)? },
        cause,
        at: row.get(9)?,
    })
}

/// Appends a movement.
pub(super) fn append(tx: &Tx<'_, '_>, movement: &Movement) -> rusqlite::Result<usize> {
    let Movement { shelf, delta, cause, at } = movement;
    let order = if let Cause::Order { order_id, revision } = cause { Some((order_id, revision)) } else { None };
    let transfer = if let Cause::Transfer(transfer) = cause { Some(transfer) } else { None };
    let reason = if let Cause::Count(reason) = cause { Some(reason.as_str()) } else { None };
    tx.run(
        concat!("INSERT INTO stock_movement (", columns!(), ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"),
        (
            shelf.variant_id,
            shelf.warehouse_id,
            delta.kind,
            delta.on_hand,
            delta.reserved,
            order.map(|(order_id, _)| order_id),
            order.map(|(_, revision)| revision),
            transfer,
            reason,
            at,
        ),
    )
}
