//! One write transaction, as the owners' tables see it.

use super::recent::Recent;
use crate::{domain::ids::OrderId, domain::time::Timestamp, store::StoreError};
use rusqlite::{Connection, OptionalExtension, Params, Row, Rows, Statement};
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, hash_map::Entry},
};

/// The writer's statements, prepared once. Found by the address of their text, which is cheaper than by
/// the text itself: the text is a constant, so that there are as many as there are places that use one.
pub(super) struct Statements<'c> {
    conn: &'c Connection,
    prepared: RefCell<HashMap<(usize, usize), Statement<'c>, foldhash::fast::RandomState>>,
}

impl<'c> Statements<'c> {
    pub(super) fn new(conn: &'c Connection) -> Self {
        Self { conn, prepared: RefCell::default() }
    }

    /// Runs `use_it` with the prepared statement. Must not be nested.
    pub(super) fn with<T>(
        &self,
        sql: &'static str,
        use_it: impl FnOnce(&mut Statement<'c>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut prepared = self.prepared.borrow_mut();
        let statement = match prepared.entry((sql.as_ptr().addr(), sql.len())) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(self.conn.prepare(sql)?),
        };
        use_it(statement)
    }
}

/// Orders of sagas whose start or log append is not in the log: storage was away, or another request
/// with the same key was first. Their coordinator believes more than the log says, and actions it has
/// sent since may already be queued: they are refused until the saga has been loaded again, or the
/// order abandoned, so that no step happens that a crash would forget to undo.
///
/// Counted: each start that is not in the log is abandoned by itself. A coordinator that crashes before it
/// abandons one leaves its cut behind: some 20 bytes for an order that nobody will ever ask for, until the
/// process ends.
#[derive(Debug, Default)]
pub(super) struct Severed(RefCell<Cuts>);

/// How often each order was cut off.
pub(super) type Cuts = HashMap<OrderId, u32>;

impl Severed {
    /// As it is before a transaction, to go back to when that is rolled back and run again.
    pub(super) fn snapshot(&self) -> Cuts {
        self.0.borrow().clone()
    }

    pub(super) fn restore(&self, cuts: Cuts) {
        self.0.replace(cuts);
    }

    pub(super) fn cut(&self, order: OrderId) {
        *self.0.borrow_mut().entry(order).or_insert(0) += 1;
    }

    pub(super) fn abandon(&self, order: OrderId) {
        if let Entry::Occupied(mut cuts) = self.0.borrow_mut().entry(order) {
            *cuts.get_mut() -= 1;
            if *cuts.get() == 0 {
                cuts.remove();
            }
        }
    }

    pub(super) fn mend(&self, order: OrderId) {
        let mut severed = self.0.borrow_mut();
        if !severed.is_empty() {
            severed.remove(&order);
        }
    }

    fn holds(&self, order: OrderId) -> bool {
        let severed = self.0.borrow();
        !severed.is_empty() && severed.contains_key(&order)
    }
}

/// A transaction under way. `now` is the same for all of it.
pub(super) struct Tx<'t, 'c> {
    statements: &'t Statements<'c>,
    severed: &'t Severed,
    recent: Option<&'t Recent>,
    now: Timestamp,
    run: Cell<u64>,
}

impl<'t, 'c> Tx<'t, 'c> {
    /// `recent` is left out where commands may be undone one by one, so that each reads what the file says.
    pub(super) const fn new(
        statements: &'t Statements<'c>,
        severed: &'t Severed,
        recent: Option<&'t Recent>,
        now: Timestamp,
    ) -> Self {
        Self { statements, severed, recent, now, run: Cell::new(0) }
    }

    /// The transaction's time.
    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The rows that need not be read from the file.
    pub(super) const fn recent(&self) -> Option<&'t Recent> {
        self.recent
    }

    /// Statements run so far.
    pub(super) const fn statements(&self) -> u64 {
        self.run.get()
    }

    fn with<T>(
        &self,
        sql: &'static str,
        use_it: impl FnOnce(&mut Statement<'c>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.run.set(self.run.get() + 1);
        self.statements.with(sql, use_it)
    }

    /// Runs a statement; how many rows it changed.
    pub(super) fn run(&self, sql: &'static str, params: impl Params) -> rusqlite::Result<usize> {
        self.with(sql, |statement| statement.execute(params))
    }

    /// Inserts a row of a table that numbers its rows; its number.
    pub(super) fn insert(&self, sql: &'static str, params: impl Params) -> rusqlite::Result<i64> {
        self.with(sql, |statement| statement.insert(params))
    }

    /// Runs a query for at most one row.
    pub(super) fn row<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Option<T>> {
        self.with(sql, |statement| statement.query_row(params, read).optional())
    }

    /// Runs a query whose rows are one thing together.
    pub(super) fn query<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        gather: impl FnOnce(&mut Rows<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        self.with(sql, |statement| gather(&mut statement.query(params)?))
    }

    /// Runs a query for all its rows.
    pub(super) fn rows<T>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.with(sql, |statement| statement.query_map(params, read)?.collect())
    }

    /// Fails when the order's saga must be loaded before anything more is done for it.
    pub(super) fn check_not_severed(&self, order: OrderId) -> Result<(), CommandError> {
        if self.severed.holds(order) {
            return Err(CommandError::Failed(StoreError::Unavailable(
                "the saga's log could not be written; waiting for its driver".into(),
            )));
        }
        Ok(())
    }

    /// The saga's driver knows what the log says.
    pub(super) fn mend(&self, order: OrderId) {
        self.severed.mend(order);
    }

    /// Nothing more comes of a start that is not in the log.
    pub(super) fn abandon(&self, order: OrderId) {
        self.severed.abandon(order);
    }

    /// The saga's log could not be written: its driver believes more than the log says.
    pub(super) fn sever(&self, order: OrderId) {
        self.severed.cut(order);
    }
}

/// Why one command of a batch did not succeed.
#[derive(Debug)]
pub(super) enum CommandError {
    /// It failed alone and wrote nothing: the batch goes on.
    Failed(StoreError),
    /// A statement failed, perhaps after others had written: the batch must be rolled back.
    Broken(rusqlite::Error),
}

impl From<rusqlite::Error> for CommandError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// What a failed statement means to the command that ran it.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(failure, message)
            if failure.code == rusqlite::ErrorCode::ConstraintViolation =>
        {
            StoreError::Refused(message.clone().unwrap_or_else(|| failure.to_string()))
        }
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// What a query's failure means: an unreadable row poisons what it is about, anything else is storage.
pub(super) fn query_error(error: &rusqlite::Error) -> StoreError {
    if super::codec::is_unreadable(error) {
        StoreError::Poisoned(format!("a stored row cannot be read: {error}"))
    } else {
        store_error(error)
    }
}
