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
        list: List,
        conditions: Vec<Condition>,
        page: Page<Id>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> BoxFuture<'static, Result<Vec<T>, StoreError>> {
        self.read_walks(vec![Walk { list, conditions, one_of: Vec::new() }], page, read)
    }

    /// A page of what these walks find one after the other.
    pub(super) fn read_walks<T: Send + 'static, Id: ToSql + Send + 'static>(
        &self,
        walks: Vec<Walk>,
        Page { before, limit }: Page<Id>,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> BoxFuture<'static, Result<Vec<T>, StoreError>> {
        self.read(move |conn| {
            let mut found = Vec::new();
            for walk in walks {
                if found.len() >= limit as usize {
                    break;
                }
                let mut statement = conn.prepare_cached(&walk.sql(before.is_some()))?;
                let conditions = walk.conditions.iter().chain(&walk.one_of).map(|(_, value)| &**value as &dyn ToSql);
                let before = before.iter().map(|before| before as &dyn ToSql);
                let mut rows = statement.query(params_from_iter(conditions.chain(before)))?;
                // The rows come one by one, in the order of an index: what is not asked for is not read.
                while found.len() < limit as usize
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
            }
            Ok(found)
        })
    }
}

/// A list's rows under conditions.
pub(super) struct Walk {
    pub(super) list: List,
    /// All of them hold.
    pub(super) conditions: Vec<Condition>,
    /// One of them holds, and for each there is an index in the list's order: the rows are merged, and none is sorted.
    /// Where there is none, they do not count.
    pub(super) one_of: Vec<Condition>,
}

impl Walk {
    /// The statement: the conditions' values come first, then those of the alternatives, and then the cursor.
    pub(super) fn sql(&self, after_a_cursor: bool) -> String {
        let List { select, key, order } = self.list;
        let numbered = |(number, (clause, _)): (usize, &Condition)| clause.replace('?', &format!("?{number}"));
        let mut clauses: Vec<_> = (1..).zip(&self.conditions).map(numbered).collect();
        let alternatives: Vec<_> = (clauses.len() + 1..).zip(&self.one_of).map(numbered).collect();
        if after_a_cursor {
            clauses.push(format!("{key} < ?{}", self.conditions.len() + self.one_of.len() + 1));
        }
        let select_where = |alternative: Option<&String>| {
            let clauses: Vec<_> = clauses.iter().chain(alternative).map(String::as_str).collect();
            if clauses.is_empty() { select.to_owned() } else { format!("{select} WHERE {}", clauses.join(" AND ")) }
        };
        let selects: Vec<_> = if alternatives.is_empty() {
            vec![select_where(None)]
        } else {
            alternatives.iter().map(|alternative| select_where(Some(alternative))).collect()
        };
        format!("{} ORDER BY {order}", selects.join(" UNION ALL "))
    }
}

/// What a list selects, the column that its cursors go by, and the order of its rows, which is that column's
/// from the highest to the lowest.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) select: &'static str,
    pub(super) key: &'static str,
    pub(super) order: &'static str,
}

/// A condition of a list, with one value.
pub(super) type Condition = (&'static str, Box<dyn ToSql + Send>);

/// Names of closed lists as one value, for `IN (SELECT value FROM json_each(?))`.
pub(super) fn name_list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(","))
}
