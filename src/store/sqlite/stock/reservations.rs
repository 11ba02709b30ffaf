//! Reservations as rows: the stock participant's barrier.

use super::readable;
use crate::{
    domain::{
        ids::OrderId,
        stock::{Allotment, Reservation},
    },
    store::{
        commands::{CommandError, Versioned},
        sqlite::{
            codec::{from_json, to_json},
            tx::Tx,
        },
    },
};
use rusqlite::Row;

macro_rules! columns {
    () => {
        "order_id, saga_id, revision, refused_revision, status, items, created_at, updated_at, version"
    };
}

/// All reservations, by order: what the audit reads.
pub(in crate::store::sqlite) const ALL: &str =
    concat!("SELECT ", columns!(), " FROM stock_reservation ORDER BY order_id");
/// Those whose pieces are promised: what the audit adds up.
pub(super) const OPEN: &str = concat!("SELECT ", columns!(), " FROM stock_reservation WHERE status = 'reserved'");
/// An order's.
pub(super) const ONE: &str = concat!("SELECT ", columns!(), " FROM stock_reservation WHERE order_id = ?1");

/// Reads a reservation.
pub(in crate::store::sqlite) fn read(row: &Row<'_>) -> rusqlite::Result<Reservation> {
    let items: Vec<Allotment> = from_json(5, row.get_ref(5)?.as_str()?)?;
    Ok(Reservation {
        order_id: row.get(0)?,
        saga_id: row.get(1)?,
        revision: row.get(2)?,
        refused_revision: row.get(3)?,
        status: row.get(4)?,
        items: items.into(),
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

/// An order's reservation.
pub(super) fn load(tx: &Tx<'_, '_>, order: OrderId) -> Result<Option<Versioned<Reservation>>, CommandError> {
    let read = |row: &Row<'_>| Ok(Versioned { row: read(row)?, version: row.get(8)? });
    readable(tx.row(ONE, [order], read), || format!("the reservation of order {order}"))
}

/// Writes a new row; 0 where there is one.
pub(super) fn insert(tx: &Tx<'_, '_>, row: &Reservation) -> rusqlite::Result<usize> {
    tx.run(
        concat!(
            "INSERT INTO stock_reservation (",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 1) ON CONFLICT (order_id) DO NOTHING"
        ),
        (
            row.order_id,
            row.saga_id,
            row.revision,
            row.refused_revision,
            row.status,
            to_json(&row.items)?,
            row.created_at,
            row.updated_at,
        ),
    )
}

/// Writes the row over version `loaded` of it; 0 where there is none such. Whose it is never changes.
pub(super) fn update(tx: &Tx<'_, '_>, row: &Reservation, loaded: i64) -> rusqlite::Result<usize> {
    tx.run(
        "UPDATE stock_reservation SET revision = ?3, refused_revision = ?4, status = ?5, items = ?6, updated_at = ?7, \
         version = version + 1 WHERE order_id = ?1 AND version = ?2",
        (row.order_id, loaded, row.revision, row.refused_revision, row.status, to_json(&row.items)?, row.updated_at),
    )
}
