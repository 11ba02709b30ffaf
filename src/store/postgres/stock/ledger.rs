//! Movements as rows: appended, never updated.

use crate::{
    domain::{
        field::Note,
        ids::{OrderId, TransferId},
        stock::{Cause, Delta, Movement},
    },
    store::postgres::{
        codec::{Unreadable, count, get},
        stock::levels::shelf,
    },
};
use tokio_postgres::Row;

macro_rules! movement_columns {
    () => {
        "variant_id, warehouse_id, kind, on_hand, reserved, order_id, revision, transfer_id, reason, at"
    };
}
pub(in crate::store::postgres) use movement_columns;

/// The whole ledger: what the audit adds up.
pub(super) const ALL: &str = concat!("SELECT ", movement_columns!(), " FROM stock_movement");
/// What was moved for orders, by order: what the audit reads.
pub(in crate::store::postgres) const BY_ORDER: &str =
    concat!("SELECT ", movement_columns!(), " FROM stock_movement WHERE order_id IS NOT NULL ORDER BY order_id");
/// The ledger as lists read it, with the movement's place as the last column.
pub(super) const LISTED: &str = concat!("SELECT ", movement_columns!(), ", seq FROM stock_movement");

/// Which of its columns is the place.
pub(super) const SEQ: usize = 10;

/// Reads a movement.
pub(in crate::store::postgres) fn read(row: &Row) -> Result<Movement, Unreadable> {
    let order: Option<OrderId> = get(row, 5)?;
    let transfer: Option<TransferId> = get(row, 7)?;
    let reason: Option<String> = get(row, 8)?;
    let cause = match (order, transfer, reason) {
        (Some(order_id), ..) => Cause::Order { order_id, revision: count(row, 6)? },
        (None, Some(transfer), _) => Cause::Transfer(transfer),
        (None, None, Some(reason)) => Cause::Count(Note::stored(reason)),
        (None, None, None) => Cause::Receipt,
    };
    Ok(Movement {
        shelf: shelf(row)?,
        delta: Delta { kind: get(row, 2)?, on_hand: get(row, 3)?, reserved: get(row, 4)? },
        cause,
        at: get(row, 9)?,
    })
}
