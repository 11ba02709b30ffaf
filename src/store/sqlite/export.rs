//! Everything of a kind, row by row, in a snapshot.

use super::{catalog::rows, facts::Snapshot, stock};
use crate::store::{ExportSource, LevelRow, OfferRow, StoreError, VariantRow, Visit};
use futures::future::BoxFuture;
use rusqlite::{Connection, Row};
use std::ops::ControlFlow;

impl ExportSource for Snapshot {
    fn visit_variants(&self, mut visit: Visit<VariantRow>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(move |conn| pass(conn, rows::EXPORTED_VARIANTS, rows::exported_variant, &mut visit))
    }

    fn visit_offers(&self, mut visit: Visit<OfferRow>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(move |conn| pass(conn, rows::EXPORTED_OFFERS, rows::exported_offer, &mut visit))
    }

    fn visit_levels(&self, mut visit: Visit<LevelRow>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(move |conn| pass(conn, stock::EXPORTED_LEVELS, stock::exported_level, &mut visit))
    }
}

/// A row that cannot be read ends the pass: an export that leaves something out would say that it is not there.
fn pass<T>(
    conn: &Connection,
    sql: &str,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    visit: &mut Visit<T>,
) -> rusqlite::Result<()> {
    let mut statement = conn.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if visit(read(row)?) == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}
