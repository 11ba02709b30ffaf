//! Reservations as rows: the stock participant's barrier.

use crate::{
    domain::stock::{Allotment, Reservation},
    store::postgres::codec::{Unreadable, count, from_json, get},
};
use tokio_postgres::Row;

macro_rules! reservation_columns {
    () => {
        "order_id, saga_id, revision, refused_revision, status, items, created_at, updated_at, version"
    };
}
pub(in crate::store::postgres) use reservation_columns;

/// All reservations, by order: what the audit reads.
pub(in crate::store::postgres) const ALL: &str =
    concat!("SELECT ", reservation_columns!(), " FROM stock_reservation ORDER BY order_id");
/// Those whose pieces are promised: what the audit adds up.
pub(super) const OPEN: &str =
    concat!("SELECT ", reservation_columns!(), " FROM stock_reservation WHERE status = 'reserved'");
/// Those of several orders.
pub(super) const OF_ORDERS: &str =
    concat!("SELECT ", reservation_columns!(), " FROM stock_reservation WHERE order_id = ANY($1)");

/// Those of several orders, locked in an order that is the same for every node; the version is the last column.
pub(in crate::store::postgres) const LOCKED: &str = concat!(
    "SELECT ",
    reservation_columns!(),
    " FROM stock_reservation WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE"
);

/// Reads a reservation.
pub(in crate::store::postgres) fn read(row: &Row) -> Result<Reservation, Unreadable> {
    let items: Vec<Allotment> = from_json(row, 5)?;
    Ok(Reservation {
        order_id: get(row, 0)?,
        saga_id: get(row, 1)?,
        revision: count(row, 2)?,
        refused_revision: count(row, 3)?,
        status: get(row, 4)?,
        items: items.into(),
        created_at: get(row, 6)?,
        updated_at: get(row, 7)?,
    })
}
