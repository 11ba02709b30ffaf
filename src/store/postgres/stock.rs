//! Temporary.
use super::codec::{Unreadable, count, from_json, get};
use crate::domain::stock::{Allotment, Level, Reservation, Shelf};
use tokio_postgres::Row;

macro_rules! reservation_columns {
    () => {
        "order_id, saga_id, revision, refused_revision, status, items, created_at, updated_at, version"
    };
}
macro_rules! movement_columns {
    () => {
        "variant_id, warehouse_id, kind, on_hand, reserved, order_id, revision, transfer_id, reason, at"
    };
}
pub(super) use {movement_columns, reservation_columns};

pub(super) const RESERVATIONS_LOCKED: &str = concat!(
    "SELECT ",
    reservation_columns!(),
    " FROM stock_reservation WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE"
);

pub(super) fn read_level(row: &Row) -> Result<Level, Unreadable> {
    let shelf = Shelf { variant_id: get(row, 0)?, warehouse_id: get(row, 1)? };
    Level::stored(shelf, get(row, 2)?, get(row, 3)?, get(row, 4)?).map_err(Unreadable::because)
}

pub(super) fn read_reservation(row: &Row) -> Result<Reservation, Unreadable> {
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
