//! Everything of a kind, row by row, in a snapshot.

use super::{
    catalog::rows,
    codec::Unreadable,
    snapshot::{Snapshot, Snapshots},
    stock,
};
use crate::store::{ExportSource, LevelRow, OfferRow, StoreError, VariantRow, Visit};
use futures::future::BoxFuture;
use std::ops::ControlFlow;
use tokio_postgres::Row;

impl ExportSource for Snapshots {
    fn visit_variants(&self, visit: Visit<VariantRow>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(|snapshot| pass(snapshot, rows::EXPORTED_VARIANTS, rows::exported_variant, visit))
    }

    fn visit_offers(&self, visit: Visit<OfferRow>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(|snapshot| pass(snapshot, rows::EXPORTED_OFFERS, rows::exported_offer, visit))
    }

    fn visit_levels(&self, visit: Visit<LevelRow>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(|snapshot| pass(snapshot, stock::EXPORTED_LEVELS, stock::exported_level, visit))
    }
}

/// A row that cannot be read ends the pass: an export that leaves something out would say that it is not there.
fn pass<T>(
    snapshot: &Snapshot<'_>,
    sql: &str,
    read: fn(&Row) -> Result<T, Unreadable>,
    mut visit: Visit<T>,
) -> Result<(), StoreError> {
    for row in snapshot.rows(sql, read)? {
        if visit(row?) == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}
