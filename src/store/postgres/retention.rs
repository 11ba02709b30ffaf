//! What is known of sagas that have been removed because they ended long ago.

use super::codec::{Unreadable, get};
use crate::store::Watermark;
use tokio_postgres::Row;

/// Which sagas have been removed so far.
pub(super) const WATERMARK: &str = "SELECT ended_before, removed FROM saga_retention WHERE removed > 0";

/// Reads a row of [`WATERMARK`].
pub(super) fn watermark(row: &Row) -> Result<Watermark, Unreadable> {
    Ok(Watermark { ended_before: get(row, 0)?, sagas: get::<i64>(row, 1)?.unsigned_abs() })
}
