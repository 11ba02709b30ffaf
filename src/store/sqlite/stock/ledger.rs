//! Movements as rows: appended, never updated.
//!
//! A variant's movements, or a warehouse's, are found by the stretches of the ledger that name it:
//!
//! ```text
//!   (variant, stretch), newest first ─▶ the stretch's rows of that variant, newest first
//! ```

use crate::{
    domain::{
        field::Note,
        ids::{OrderId, TransferId},
        stock::{Cause, Delta, Movement, Shelf},
    },
    store::sqlite::{readers::List, recent::Rows, tx::Tx},
};
use rusqlite::{Row, ToSql};
use std::hash::Hash;

macro_rules! columns {
    () => {
        "variant_id, warehouse_id, kind, on_hand, reserved, order_id, revision, transfer_id, reason, at"
    };
}

/// The whole ledger: what the audit adds up.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM stock_movement");
/// What was moved for orders, by order: what the audit reads.
pub(in crate::store::sqlite) const BY_ORDER: &str =
    concat!("SELECT ", columns!(), " FROM stock_movement WHERE order_id IS NOT NULL ORDER BY order_id");
/// Rows in a stretch of the ledger: few enough to be looked through in a tenth of a millisecond, and enough that
/// most movements find their stretch written down already.
pub(super) const STRETCH: i64 = 1024;

macro_rules! rows_of {
    () => {
        "SELECT m.variant_id, m.warehouse_id, kind, on_hand, reserved, order_id, revision, transfer_id, reason, at, seq"
    };
}
/// The ledger as lists read it, with the movement's place as the last column.
pub(super) const LISTED: List =
    List { select: concat!(rows_of!(), " FROM stock_movement m"), key: "seq", order: "seq DESC" };
/// A variant's movements, stretch by stretch.
pub(super) const LISTED_BY_VARIANT: List = List {
    select: concat!(
        rows_of!(),
        " FROM stock_variant_stretch s CROSS JOIN stock_movement m \
         ON seq BETWEEN stretch * 1024 AND stretch * 1024 + 1023 AND m.variant_id = s.variant_id"
    ),
    key: "seq",
    order: "stretch DESC, seq DESC",
};
/// A warehouse's movements, stretch by stretch.
pub(super) const LISTED_BY_WAREHOUSE: List = List {
    select: concat!(
        rows_of!(),
        " FROM stock_warehouse_stretch s CROSS JOIN stock_movement m \
         ON seq BETWEEN stretch * 1024 AND stretch * 1024 + 1023 AND m.warehouse_id = s.warehouse_id"
    ),
    key: "seq",
    order: "stretch DESC, seq DESC",
};

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

/// Appends what one command moved. The same is never moved twice for one revision of an order: the number of a
/// movement among those of its kind says so to the table.
pub(super) fn append(tx: &Tx<'_, '_>, movements: &[Movement]) -> rusqlite::Result<()> {
    let mut kinds = movements.chunk_by(|one, other| one.delta.kind == other.delta.kind);
    kinds.try_for_each(|kind| (0..).zip(kind).try_for_each(|(number, movement)| append_one(tx, movement, number)))
}

/// Appends a movement, and writes down in which stretch it is.
fn append_one(tx: &Tx<'_, '_>, movement: &Movement, number: i64) -> rusqlite::Result<()> {
    let Movement { shelf, delta, cause, at } = movement;
    let order = if let Cause::Order { order_id, revision } = cause { Some((order_id, revision)) } else { None };
    let transfer = if let Cause::Transfer(transfer) = cause { Some(transfer) } else { None };
    let reason = if let Cause::Count(reason) = cause { Some(reason.as_str()) } else { None };
    let seq = tx.insert(
        concat!(
            "INSERT INTO stock_movement (",
            columns!(),
            ", number) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
        ),
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
            order.map(|_| number),
        ),
    )?;
    let stretch = seq.div_euclid(STRETCH);
    note(
        tx,
        tx.recent().map(|recent| &recent.variant_stretches),
        shelf.variant_id,
        stretch,
        "INSERT INTO stock_variant_stretch (variant_id, stretch) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )?;
    note(
        tx,
        tx.recent().map(|recent| &recent.warehouse_stretches),
        shelf.warehouse_id,
        stretch,
        "INSERT INTO stock_warehouse_stretch (warehouse_id, stretch) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
    )
}

/// Writes down that a stretch names a variant or a warehouse, unless it is known to be.
fn note<K: Copy + Eq + Hash + ToSql>(
    tx: &Tx<'_, '_>,
    known: Option<&Rows<K, i64>>,
    whose: K,
    stretch: i64,
    insert: &'static str,
) -> rusqlite::Result<()> {
    if known.is_some_and(|known| known.latest(whose) == Some(stretch)) {
        return Ok(());
    }
    tx.run(insert, (whose, stretch))?;
    if let Some(known) = known {
        known.write(whose, Some(stretch));
    }
    Ok(())
}

/// Where the stretches and the ledger disagree, with the rows that each is about: what the audit asks.
pub(in crate::store::sqlite) const STRETCHES: [(&str, &str); 4] = [
    (
        "stock_variant_stretch",
        "SELECT 'variant {} is said to be in stretch {} of the ledger, and is not', s.variant_id, s.stretch \
         FROM stock_variant_stretch s WHERE NOT EXISTS (SELECT 1 FROM stock_movement m \
         WHERE m.seq BETWEEN s.stretch * 1024 AND s.stretch * 1024 + 1023 AND m.variant_id = s.variant_id)",
    ),
    (
        "stock_movement",
        "SELECT DISTINCT 'variant {} is in stretch {} of the ledger, which its list leaves out', m.variant_id, \
         m.seq / 1024 FROM stock_movement m WHERE NOT EXISTS (SELECT 1 FROM stock_variant_stretch s \
         WHERE s.variant_id = m.variant_id AND s.stretch = m.seq / 1024)",
    ),
    (
        "stock_warehouse_stretch",
        "SELECT 'warehouse {} is said to be in stretch {} of the ledger, and is not', s.warehouse_id, s.stretch \
         FROM stock_warehouse_stretch s WHERE NOT EXISTS (SELECT 1 FROM stock_movement m \
         WHERE m.seq BETWEEN s.stretch * 1024 AND s.stretch * 1024 + 1023 AND m.warehouse_id = s.warehouse_id)",
    ),
    (
        "stock_movement",
        "SELECT DISTINCT 'warehouse {} is in stretch {} of the ledger, which its list leaves out', m.warehouse_id, \
         m.seq / 1024 FROM stock_movement m WHERE NOT EXISTS (SELECT 1 FROM stock_warehouse_stretch s \
         WHERE s.warehouse_id = m.warehouse_id AND s.stretch = m.seq / 1024)",
    ),
];
