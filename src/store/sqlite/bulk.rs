//! Bulk changes in SQLite.

use super::Sqlite;
use crate::store::{BulkStore, BulkWork, StoreError, Verdict};
use futures::future::BoxFuture;

impl BulkStore for Sqlite {
    fn change(&self, work: BulkWork) -> BoxFuture<'static, Result<Verdict, StoreError>> {
        self.queue.change_in_bulk(work)
    }
}
