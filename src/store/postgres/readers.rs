//! Queries, which never wait behind a write.
//!
//! ```text
//!   any thread ─▶ queue ─▶ store-reader: one task per query ─▶ a connection of the pool ─▶ the asker
//!                                        one task per loader ─┘
//! ```
//!
//! Connections live on a thread with a runtime of its own: whoever asks may come from any runtime, or end while its
//! query is under way. How many queries run at once is bounded by the pool, and so is how long one waits for a
//! connection; a query whose connection is lost is sent again once, since it changes nothing.

use super::{
    codec::{Unreadable, get, is_lost},
    loader::{Found, Loader, guarded},
};
use crate::store::{Page, StoreError};
use deadpool_postgres::{Client, Hook, HookError, Manager, Object, Pool, PoolError, Runtime, TimeoutType, Timeouts};
use futures::future::{BoxFuture, LocalBoxFuture};
use std::{collections::hash_map::Entry, hash::Hash, io, time::Duration};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    task::{LocalSet, spawn_local},
    time::timeout,
};
use tokio_postgres::{
    Row,
    types::{FromSql, ToSql},
};

/// How long a query may take in all: longer than the server lets a statement run, for a server that is not heard
/// of any more.
const LIMIT: Duration = Duration::from_secs(35);
/// A reader cannot write, whatever it is asked; and it looks things up by their keys, however small a table was when
/// that was planned. What that rules out is made to look expensive, for which no plan is worth compiling.
const READ_ONLY: &str = "SET default_transaction_read_only = on; SET enable_seqscan = off; SET jit = off";

type Job = Box<dyn FnOnce(Pool) -> LocalBoxFuture<'static, ()> + Send>;

/// A value that a statement is given.
pub(super) type Value = Box<dyn ToSql + Send + Sync>;

/// A condition of a list, with one value, which it calls `$n`.
pub(super) type Condition = (&'static str, Value);

/// What a list selects, the column that its cursors go by and which of the selected columns that is, and the order
/// of its rows, which is that column's from the highest to the lowest.
#[derive(Clone, Copy)]
pub(super) struct List {
    pub(super) select: &'static str,
    pub(super) key: &'static str,
    pub(super) key_column: usize,
    pub(super) order: &'static str,
    pub(super) planned: Planned,
}

/// When a list's statement is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Planned {
    /// Whenever the server thinks it worth while: one plan may serve all values.
    Once,
    /// Each time, since the best plan differs with the values: what many rows have is met on the way along the
    /// list, what few have is looked up.
    ForItsValues,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum QueryError {
    /// A statement failed, or the connection.
    #[error(transparent)]
    Failed(#[from] tokio_postgres::Error),
    /// A row is not what this release writes.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Failed(error) => error.into(),
            QueryError::Unreadable(error) => error.into(),
        }
    }
}

/// Hands queries to the thread that has the connections.
pub(super) struct Readers {
    jobs: mpsc::UnboundedSender<Job>,
}

impl Readers {
    /// Starts the thread; it ends with the last one who may ask. At most `size` connections, and `patience` is how
    /// long a query waits for one.
    pub(super) fn start(manager: Manager, size: usize, patience: Duration) -> io::Result<Self> {
        let timeouts = Timeouts { wait: Some(patience), create: Some(patience), recycle: Some(patience) };
        let made_read_only = Hook::async_fn(|client: &mut deadpool_postgres::ClientWrapper, _| {
            Box::pin(async { client.batch_execute(READ_ONLY).await.map_err(HookError::Backend) })
        });
        let pool = Pool::builder(manager).max_size(size.max(1)).timeouts(timeouts).runtime(Runtime::Tokio1);
        let pool = pool.post_create(made_read_only).build().map_err(io::Error::other)?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (jobs, mut queue) = mpsc::unbounded_channel::<Job>();
        std::thread::Builder::new().name("store-reader".to_owned()).spawn(move || {
            LocalSet::new().block_on(&runtime, async move {
                while let Some(job) = queue.recv().await {
                    spawn_local(job(pool.clone()));
                }
            });
        })?;
        Ok(Self { jobs })
    }

    /// Runs a query on a connection of its own, perhaps twice.
    pub(super) fn read<T: Send + 'static>(
        &self,
        query: impl AsyncFn(&mut Client) -> Result<T, QueryError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        // Where the thread is gone, the query is dropped, and its reply with it.
        let _ = self.jobs.send(Box::new(move |pool| {
            Box::pin(async move {
                let _ = reply.send(guarded(ask(&pool, query)).await.flatten());
            })
        }));
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".into()))) },
        )
    }

    /// The one row that `sql` finds.
    pub(super) fn find<T: Send + 'static>(
        &self,
        sql: &'static str,
        values: Vec<Value>,
        read: fn(&Row) -> Result<T, Unreadable>,
    ) -> BoxFuture<'static, Result<Option<T>, StoreError>> {
        self.read(async move |client| {
            let statement = client.prepare_cached(sql).await?;
            let found = client.query_opt(&statement, &given(&values)).await?;
            Ok(found.map(|row| read(&row)).transpose()?)
        })
    }

    /// What looks things of one kind up with `sql`, which is given many keys as `$1` and selects the key first.
    /// Further rows of the same key are joined to the first.
    pub(super) fn loader<K, V>(
        &self,
        sql: &'static str,
        read: fn(&Row) -> Result<V, Unreadable>,
        join: fn(&mut V, V),
    ) -> Loader<K, V>
    where
        K: Copy + Eq + Hash + Send + Sync + ToSql + for<'a> FromSql<'a> + 'static,
        V: Clone + Send + 'static,
    {
        self.loader_of(async move |client, keys| {
            let statement = client.prepare_cached(sql).await?;
            let rows = client.query(&statement, &[&keys]).await?;
            Ok(gather(&rows, read, join)?)
        })
    }

    /// As [`Self::loader`], with a query of any form.
    pub(super) fn loader_of<K, V>(
        &self,
        query: impl AsyncFn(&mut Client, &[K]) -> Result<Found<K, V>, QueryError> + Send + 'static,
    ) -> Loader<K, V>
    where
        K: Copy + Eq + Hash + Send + 'static,
        V: Clone + Send + 'static,
    {
        let (loader, questions) = Loader::new();
        // Where the thread is gone, so are the questions.
        let _ = self.jobs.send(Box::new(move |pool| {
            Box::pin(questions.answer(async move |keys: Vec<K>| {
                ask(&pool, async |client: &mut Client| query(client, &keys).await).await
            }))
        }));
        loader
    }

    /// A page of what `select` finds under all the conditions, newest first by `id`, which is the column
    /// `id_column` of what is selected.
    pub(super) fn page<T: Send + 'static, Id>(
        &self,
        select: &'static str,
        id_column: usize,
        conditions: Vec<Condition>,
        page: Page<Id>,
        read: fn(&Row) -> Result<T, Unreadable>,
    ) -> BoxFuture<'static, Result<Vec<T>, StoreError>>
    where
        Id: Copy + Send + Sync + ToSql + for<'a> FromSql<'a> + 'static,
    {
        let list = List { select, key: "id", key_column: id_column, order: "id DESC", planned: Planned::Once };
        self.list(list, conditions, page, read)
    }

    /// As [`Self::page`], in the order of any key.
    pub(super) fn list<T: Send + 'static, Id>(
        &self,
        list: List,
        conditions: Vec<Condition>,
        page: Page<Id>,
        read: fn(&Row) -> Result<T, Unreadable>,
    ) -> BoxFuture<'static, Result<Vec<T>, StoreError>>
    where
        Id: Copy + Send + Sync + ToSql + for<'a> FromSql<'a> + 'static,
    {
        self.walks(vec![Walk { list, conditions, one_of: Vec::new() }], page, read)
    }

    /// A page of what these walks find one after the other.
    pub(super) fn walks<T: Send + 'static, Id>(
        &self,
        walks: Vec<Walk>,
        page: Page<Id>,
        read: fn(&Row) -> Result<T, Unreadable>,
    ) -> BoxFuture<'static, Result<Vec<T>, StoreError>>
    where
        Id: Copy + Send + Sync + ToSql + for<'a> FromSql<'a> + 'static,
    {
        self.read(async move |client| {
            let mut found = Vec::new();
            for walk in &walks {
                walk.read_into(&mut found, page, read, client).await?;
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
    /// One of them holds, and for each there is an index in the list's order: the rows are merged, and no more are
    /// sorted than are asked for. Where there is none, they do not count.
    pub(super) one_of: Vec<Condition>,
}

impl Walk {
    /// Reads on until as many are found as are asked for.
    async fn read_into<T, Id>(
        &self,
        found: &mut Vec<T>,
        page: Page<Id>,
        read: fn(&Row) -> Result<T, Unreadable>,
        client: &Client,
    ) -> Result<(), QueryError>
    where
        Id: Copy + Send + Sync + ToSql + for<'a> FromSql<'a> + 'static,
    {
        let mut before = page.before;
        loop {
            let wanted = i64::from(page.limit) - i64::try_from(found.len()).unwrap_or(i64::MAX);
            if wanted <= 0 {
                return Ok(());
            }
            let sql = self.sql(before.is_some());
            // There are too many combinations of alternatives to keep a plan for each.
            let statement = match self.list.planned {
                Planned::Once if self.one_of.len() < 2 => client.prepare_cached(&sql).await?,
                Planned::Once | Planned::ForItsValues => client.prepare(&sql).await?,
            };
            let mut values: Vec<&(dyn ToSql + Sync)> = vec![&wanted];
            let conditions = self.conditions.iter().chain(&self.one_of);
            values.extend(conditions.map(|(_, value)| &**value as &(dyn ToSql + Sync)));
            values.extend(before.as_ref().map(|before| before as &(dyn ToSql + Sync)));
            let rows = client.query(&statement, &values).await?;
            for row in &rows {
                found.extend(unless_unreadable(read(row)));
            }
            // SQL has counted the rows that cannot be read: there may be others in their place.
            let Some(lowest) = rows.last().filter(|_| i64::try_from(rows.len()) == Ok(wanted)) else {
                return Ok(());
            };
            before = Some(get(lowest, self.list.key_column)?);
        }
    }

    /// The statement for a part of the list: how many rows is `$1`, the conditions' values follow, then those of the
    /// alternatives, and then the cursor, where there is one.
    fn sql(&self, after_a_cursor: bool) -> String {
        let List { select, key, key_column, order, .. } = self.list;
        let numbered = |(number, (clause, _)): (usize, &Condition)| clause.replace("$n", &format!("${number}"));
        let mut clauses: Vec<_> = (2..).zip(&self.conditions).map(numbered).collect();
        let alternatives: Vec<_> = (clauses.len() + 2..).zip(&self.one_of).map(numbered).collect();
        if after_a_cursor {
            clauses.push(format!("{key} < ${}", self.conditions.len() + self.one_of.len() + 2));
        }
        let select_where = |alternative: Option<&String>| {
            let clauses: Vec<_> = clauses.iter().chain(alternative).map(String::as_str).collect();
            let filter = if clauses.is_empty() { String::new() } else { format!(" WHERE {}", clauses.join(" AND ")) };
            format!("{select}{filter} ORDER BY {order} LIMIT $1")
        };
        match alternatives.as_slice() {
            [] => select_where(None),
            [only] => select_where(Some(only)),
            several => {
                let selects: Vec<_> = several.iter().map(|one| format!("({})", select_where(Some(one)))).collect();
                format!("{} ORDER BY {} DESC LIMIT $1", selects.join(" UNION ALL "), key_column + 1)
            }
        }
    }
}

/// What a statement is given.
pub(super) fn given(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
}

/// What the rows make, by their first column. A thing of which one row cannot be read cannot be read.
pub(super) fn gather<K, V>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<V, Unreadable>,
    join: impl Fn(&mut V, V),
) -> Result<Found<K, V>, Unreadable>
where
    K: Eq + Hash + for<'a> FromSql<'a>,
{
    let mut found: Found<K, V> = Found::default();
    for row in rows {
        let further = read(row).map_err(StoreError::from);
        match found.entry(get(row, 0)?) {
            Entry::Vacant(new) => drop(new.insert(further)),
            Entry::Occupied(known) => {
                let known = known.into_mut();
                match (known.as_mut(), further) {
                    (Ok(known), Ok(further)) => join(known, further),
                    (Ok(_), Err(error)) => *known = Err(error),
                    (Err(_), _) => {}
                }
            }
        }
    }
    Ok(found)
}

/// `None` for a row that cannot be read, where one bad row must not hide all others; the audit names it.
pub(super) fn unless_unreadable<T>(read: Result<T, Unreadable>) -> Option<T> {
    read.inspect_err(|error| tracing::error!(%error, "a stored row cannot be read and is left out of a list")).ok()
}

async fn ask<T>(pool: &Pool, query: impl AsyncFn(&mut Client) -> Result<T, QueryError>) -> Result<T, StoreError> {
    let mut once_more = true;
    loop {
        let mut client = pool.get().await.map_err(|error| no_connection(&error))?;
        match timeout(LIMIT, query(&mut client)).await {
            Ok(Err(QueryError::Failed(error))) if once_more && is_lost(&error) => {
                // Others that lie ready may be lost as well.
                drop(Object::take(client));
                pool.retain(|_, _| false);
                once_more = false;
            }
            Ok(answer) => return answer.map_err(StoreError::from),
            Err(_) => {
                // Nobody knows what is on its way: the connection cannot be used again.
                drop(Object::take(client));
                return Err(StoreError::Unavailable(format!("the database has not answered within {LIMIT:?}")));
            }
        }
    }
}

fn no_connection(error: &PoolError) -> StoreError {
    match error {
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Unavailable(
            "every connection for reading is busy; store.pool_size says how many there are".into(),
        ),
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => {
            StoreError::Unavailable(format!("the database cannot be reached: {}", super::codec::said(error)))
        }
        other => StoreError::Unavailable(format!("the database cannot be reached: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: List =
        List { select: "SELECT id FROM thing", key: "id", key_column: 0, order: "id DESC", planned: Planned::Once };

    fn walk(conditions: Vec<Condition>, one_of: Vec<Condition>) -> Walk {
        Walk { list: LIST, conditions, one_of }
    }

    #[test]
    fn a_list_without_conditions_is_bounded_alone() {
        assert_eq!(walk(vec![], vec![]).sql(false), "SELECT id FROM thing ORDER BY id DESC LIMIT $1");
    }

    #[test]
    fn the_values_of_a_list_are_numbered_in_the_order_in_which_they_are_given() {
        let conditions: Vec<Condition> = vec![("status = $n AND open", Box::new("new")), ("at >= $n", Box::new(5_i64))];
        assert_eq!(
            walk(conditions, vec![]).sql(true),
            "SELECT id FROM thing WHERE status = $2 AND open AND at >= $3 AND id < $4 ORDER BY id DESC LIMIT $1"
        );
    }

    #[test]
    fn each_alternative_is_bounded_before_they_are_merged() {
        let one_of: Vec<Condition> = vec![("status = $n", Box::new("new")), ("status = $n", Box::new("old"))];
        assert_eq!(
            walk(vec![("at >= $n", Box::new(5_i64))], one_of).sql(true),
            "(SELECT id FROM thing WHERE at >= $2 AND id < $5 AND status = $3 ORDER BY id DESC LIMIT $1) UNION ALL \
             (SELECT id FROM thing WHERE at >= $2 AND id < $5 AND status = $4 ORDER BY id DESC LIMIT $1) \
             ORDER BY 1 DESC LIMIT $1"
        );
    }
}
