//! Reader threads: queries that never wait behind a write.

use super::{table::Table, tx::query_error};
use crate::store::{Page, StoreError};
use crossbeam_channel::Sender;
use futures::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params_from_iter};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// Hands queries to whichever reader is free.
pub(super) struct Readers {
    queue: Sender<Query>,
}

impl Readers {
    pub(super) fn start(connections: Vec<Connection>) -> Self {
        let (queue, queries) = crossbeam_channel::unbounded::<Query>();
        for (index, conn) in connections.into_iter().enumerate() {
            let queries = queries.clone();
            let spawned = std::thread::Builder::new().name(format!("store-reader-{index}")).spawn(move || {
                while let Ok(query) = queries.recv() {
                    // A query that panics drops its reply, which its caller sees; the reader goes on.
                    let _ = catch_unwind(AssertUnwindSafe(|| query(&conn)));
                }
            });
            if let Err(error) = spawned {
                tracing::error!(%error, "a reader thread cannot be started");
            }
        }
        Self { queue }
    }

    /// Runs a query on a snapshot of its own.
    pub(super) fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let sent = self.queue.send(Box::new(move |conn| {
            let _ = reply.send(query(conn).map_err(|error| query_error(&error)));
        }));
        Box::pin(async move {
            match sent {
                Ok(()) => answer.await.unwrap_or_else(|_| Err(StoreError::Poisoned("the query panicked".into()))),
                Err(_) => Err(StoreError::Unavailable("the store is closed".into())),
            }
        })
    }

    /// The one row that `sql` finds for `id`.
    pub(super) fn read_one<A: Table>(
        &self,
        sql: &'static str,
        id: impl ToSql + Send + 'static,
    ) -> BoxFuture<'static, Result<Option<A>, StoreError>> {
        self.read(move |conn| conn.prepare_cached(sql)?.query_row([id], A::read).optional())
    }

    /// A page of what `select` finds under all the conditions, newest first.
    pub(super) fn read_page<T: Send + 'static, Id: ToSql + Send + 'static>(
        &self,
        select: &'static str,
        conditions: Vec<Condition>,
        page: Page<Id>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> BoxFuture<'static, Result<Vec<T>, StoreError>> {
        self.read(move |conn| {
            let (mut clauses, mut values): (Vec<_>, Vec<_>) = conditions.into_iter().unzip();
            if let Some(before) = page.before {
                clauses.push("id < ?");
                values.push(Box::new(before));
            }
            let filter = if clauses.is_empty() { String::new() } else { format!(" WHERE {}", clauses.join(" AND ")) };
            values.push(Box::new(page.limit));
            conn.prepare_cached(&format!("{select}{filter} ORDER BY id DESC LIMIT ?"))?
                .query_map(params_from_iter(values), read)?
                .collect()
        })
    }
}

/// A condition of a list, with one parameter.
pub(super) type Condition = (&'static str, Box<dyn ToSql + Send>);
