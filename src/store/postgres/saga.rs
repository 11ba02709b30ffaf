//! Sagas and their logs in PostgreSQL.

use super::codec::{Unreadable, count, get};
use crate::store::SagaRow;
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "id, order_id, definition, version, status, waiting_for, reason, attention, wake_at, created_at, updated_at, \
         finished_at"
    };
}
pub(super) use columns;

/// The sagas `$1`, with their owners as the last column.
pub(super) const BY_IDS: &str = concat!("SELECT ", columns!(), ", owner FROM saga_saga WHERE id = ANY($1)");
pub(super) const LOGS: &str = "SELECT saga_id, seq, entry FROM saga_log WHERE saga_id = ANY($1) ORDER BY saga_id, seq";

/// Reads an entry of [`LOGS`].
pub(super) fn read_entry(row: &Row) -> Result<(u32, String), Unreadable> {
    Ok((count(row, 1)?, get(row, 2)?))
}

/// Reads a saga's row.
pub(super) fn read(row: &Row) -> Result<SagaRow, Unreadable> {
    Ok(SagaRow {
        id: get(row, 0)?,
        order_id: get(row, 1)?,
        definition: get(row, 2)?,
        version: count(row, 3)?,
        status: get(row, 4)?,
        waiting_for: get(row, 5)?,
        reason: get(row, 6)?,
        attention: get(row, 7)?,
        wake_at: get(row, 8)?,
        created_at: get(row, 9)?,
        updated_at: get(row, 10)?,
        finished_at: get(row, 11)?,
    })
}
