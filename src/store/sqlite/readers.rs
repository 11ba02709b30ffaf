//! Queries, which never wait behind a write.
//!
//! A look-up by key takes some microseconds, less than waking another thread: it runs on the asking
//! thread, on a connection that thread keeps. Whatever may take longer goes to the reader threads.

use super::{
    codec::is_unreadable,
    connect_read_only,
    table::{Table, gather},
    tx::query_error,
};
use crate::store::{Page, StoreError, commands::Versioned};
use crossbeam_channel::Sender;
use futures::future::BoxFuture;
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};
use tokio::sync::oneshot;

thread_local! {
    /// This thread's connections for look-ups, by the number of the backend they belong to.
    static LOOK_UPS: RefCell<HashMap<u64, Connection>> = RefCell::new(HashMap::new());
}

/// Numbers the backends of a process.
static BACKENDS: AtomicU64 = AtomicU64::new(0);

type Query = Box<dyn FnOnce(&Connection) + Send>;

/// Hands queries to whichever reader is free, and answers look-ups at once.
pub(super) struct Readers {
    queue: Sender<Query>,
    path: PathBuf,
    backend: u64,
}

impl Readers {
    pub(super) fn start(path: PathBuf, connections: Vec<Connection>) -> Self {
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
        Self { queue, path, backend: BACKENDS.fetch_add(1, Ordering::Relaxed) }
    }

    /// Runs a look-up by key on this thread, before this returns.
    pub(super) fn look_up<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let answer = LOOK_UPS.with_borrow_mut(|connections| {
            let conn = match connections.entry(self.backend) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let opened = connect_read_only(&self.path);
                    new.insert(opened.map_err(|error| StoreError::Unavailable(error.to_string()))?)
                }
            };
            query(conn).map_err(|error| query_error(&error))
        });
        Box::pin(std::future::ready(answer))
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

    /// The one aggregate whose rows `sql` finds for `id`.
    pub(super) fn read_one<A: Table>(
        &self,
        sql: &'static str,
        id: impl ToSql,
    ) -> BoxFuture<'static, Result<Option<A>, StoreError>> {
        self.look_up(|conn| {
            gather(&mut conn.prepare_cached(sql)?.query([id])?).map(|found| found.map(|found: Versioned<A>| found.row))
        })
    }

    /// The row that is known already, or else the one that `sql` finds for `id`.
    pub(super) fn read_recent<A: Table>(
        &self,
        known: Option<Versioned<A>>,
        sql: &'static str,
        id: impl ToSql,
    ) -> BoxFuture<'static, Result<Option<A>, StoreError>> {
        match known {
            Some(known) => Box::pin(std::future::ready(Ok(Some(known.row)))),
            None => self.read_one(sql, id),
        }
    }

    /// A page of what `select` finds under all the conditions, newest first.
    pub(super) fn read_page<T: Send + 'static, Id: ToSql + Send + 'static>(
        &self,
        select: &'static str,
        conditions: Vec<Condition>,
        page: Page<Id>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> BoxFuture<'static, Result<Vec<T>, StoreError>> {
        self.read_list(List { select, key: "id", order: "id DESC" }, conditions, page, read)
    }

    /// As [`Self::read_page`], in the order of any key.
    pub(super) fn read_list<T: Send + 'static, Id: ToSql + Send + 'static>(
        &self,
        List { select, key, order }: List,
        conditions: Vec<Condition>,
        page: Page<Id>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> BoxFuture<'static, Result<Vec<T>, StoreError>> {
        self.read(move |conn| {
            let (clauses, mut values): (Vec<_>, Vec<_>) = conditions.into_iter().unzip();
            let mut clauses: Vec<_> = clauses.into_iter().map(str::to_owned).collect();
            if let Some(before) = page.before {
                clauses.push(format!("{key} < ?"));
                values.push(Box::new(before));
            }
            let filter = if clauses.is_empty() { String::new() } else { format!(" WHERE {}", clauses.join(" AND ")) };
            let mut statement = conn.prepare_cached(&format!("{select}{filter} ORDER BY {order}"))?;
            let mut rows = statement.query(params_from_iter(values))?;
            let mut found = Vec::new();
            // The rows come one by one, in the order of an index: what is not asked for is not read.
            while found.len() < page.limit as usize
                && let Some(row) = rows.next()?
            {
                match read(row) {
                    Ok(item) => found.push(item),
                    // One bad row must not hide all others; the audit names it.
                    Err(error) if is_unreadable(&error) => {
                        tracing::error!(%error, "a stored row cannot be read and is left out of a list");
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        })
    }
}

/// What a list selects, the column that its cursors go by, and the order of its rows, which is that column's
/// from the highest to the lowest.
pub(super) struct List {
    pub(super) select: &'static str,
    pub(super) key: &'static str,
    pub(super) order: &'static str,
}

/// A condition of a list, with one parameter.
pub(super) type Condition = (&'static str, Box<dyn ToSql + Send>);
