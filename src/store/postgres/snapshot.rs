//! The database as it is at one moment, read row by row.
//!
//! ```text
//!   pass (a thread of its own) ── next row ──▶ portion in memory ── empty: block on the next one ──▶ portal
//! ```
//!
//! Owns the connection, the transaction and the thread of a pass: those who go over millions of rows need neither
//! the readers' pool nor an actor's runtime for it, and hold no more than a portion of each statement in memory.
//! Must not know what is read.

use super::{codec::Unreadable, schema};
use crate::role::Roles;
use crate::store::{
    StoreError,
    facts::{self, Readable, Rows},
};
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, IsolationLevel, Row, Transaction, types::ToSql};

/// Makes a connection for one pass, which is driven on the runtime that asks for it.
pub(super) type Connect = Arc<dyn Fn() -> BoxFuture<'static, Result<Client, StoreError>> + Send + Sync>;

/// A pass takes as long as it takes, and so does whoever looks at its rows.
const PATIENCE: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0";

/// Rows of one statement that are fetched together.
const PORTION: i32 = 500;

/// Where snapshots are taken.
pub(super) struct Snapshots {
    connect: Connect,
}

impl Snapshots {
    pub(super) fn new(connect: Connect) -> Self {
        Self { connect }
    }

    /// Runs a pass over a snapshot, to its end, on a thread of its own.
    pub(super) fn on_a_thread<T: Send + 'static>(
        &self,
        pass: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let connect = Arc::clone(&self.connect);
        facts::on_a_thread(move || run(&connect, pass))
    }
}

fn run<T>(connect: &Connect, pass: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let mut client = runtime.block_on(connect())?;
    let begun = runtime.block_on(async {
        client.batch_execute(PATIENCE).await?;
        client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true).start().await
    });
    let transaction = begun?;
    let done = pass(&Snapshot { runtime: &runtime, transaction: &transaction })?;
    runtime.block_on(transaction.rollback())?;
    Ok(done)
}

/// One moment of the database.
#[derive(Clone, Copy)]
pub(super) struct Snapshot<'s> {
    runtime: &'s Runtime,
    transaction: &'s Transaction<'s>,
}

impl<'s> Snapshot<'s> {
    /// The rows of a statement without parameters, each made what `read` makes of it.
    pub(super) fn rows<T: 's>(
        &self,
        sql: &str,
        read: impl Fn(&Row) -> Result<T, Unreadable> + 's,
    ) -> Result<Rows<'s, T, StoreError>, StoreError> {
        self.portions(sql, move |rows| Ok(rows.iter().map(&read).collect::<Result<_, _>>()?))
    }

    /// As [`Self::rows`], a portion of them at a time.
    pub(super) fn portions<T: 's>(
        &self,
        sql: &str,
        read: impl Fn(&[Row]) -> Result<Vec<T>, StoreError> + 's,
    ) -> Result<Rows<'s, T, StoreError>, StoreError> {
        let Self { runtime, transaction } = *self;
        let portal = runtime.block_on(transaction.bind(sql, &[]))?;
        let fetch = move || {
            let rows = runtime.block_on(transaction.query_portal(&portal, PORTION))?;
            Ok((read(&rows)?, i32::try_from(rows.len()) == Ok(PORTION)))
        };
        Ok(Box::new(InPortions { fetch, portion: Vec::new().into_iter(), more: true }))
    }

    /// Whose tables are there.
    pub(super) fn owners(&self) -> Result<Roles, StoreError> {
        Ok(self.runtime.block_on(schema::owners(self.transaction))?)
    }

    /// All rows that a statement finds.
    pub(super) fn query(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, StoreError> {
        Ok(self.runtime.block_on(self.transaction.query(sql, params))?)
    }
}

/// Rows of which a portion is in memory.
struct InPortions<T, F> {
    fetch: F,
    portion: std::vec::IntoIter<T>,
    more: bool,
}

impl<T, F: FnMut() -> Result<(Vec<T>, bool), StoreError>> Iterator for InPortions<T, F> {
    type Item = Result<T, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.portion.len() == 0 && self.more {
            match (self.fetch)() {
                Ok((portion, more)) => (self.portion, self.more) = (portion.into_iter(), more),
                Err(error) => {
                    self.more = false;
                    return Some(Err(error));
                }
            }
        }
        self.portion.next().map(Ok)
    }
}

/// A row, or why it cannot be read.
pub(super) fn readable<T>(read: Result<T, Unreadable>) -> Readable<T> {
    read.map_err(|why| why.to_string())
}
