//! One write transaction, as the owners' tables see it.

use super::recent::Recent;
use crate::role::{Role, Roles};
use crate::{
    domain::time::Timestamp,
    store::{
        StoreError,
        commands::{self, CommandError, Severed},
    },
};
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
}

impl commands::Tx for Tx<'_, '_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn severed(&self) -> &Severed {
        self.severed
    }

    fn begin_one(&self) -> Result<(), CommandError> {
        self.run("SAVEPOINT one", [])?;
        Ok(())
    }

    fn end_one(&self) -> Result<(), CommandError> {
        self.run("RELEASE one", [])?;
        Ok(())
    }

    fn undo_one(&self) -> Result<(), CommandError> {
        self.run("ROLLBACK TO one", [])?;
        self.run("RELEASE one", [])?;
        Ok(())
    }

    fn forget_keys(&self, owners: Roles, before: Timestamp) -> Result<usize, CommandError> {
        let mut forgotten = 0;
        for (_, sql) in FORGET_KEYS.iter().filter(|(owner, _)| owners.contains(*owner)) {
            forgotten += self.run(sql, [before])?;
        }
        Ok(forgotten)
    }
}

/// Forgets the oldest keys, whoever they are of.
const FORGET_KEYS: [(Role, &str); 6] = [
    (
        Role::Coordinator,
        "DELETE FROM saga_idempotency WHERE created_at < ?1 AND rowid IN \
         (SELECT rowid FROM saga_idempotency ORDER BY rowid LIMIT 500)",
    ),
    (
        Role::Order,
        "DELETE FROM order_idempotency WHERE created_at < ?1 AND rowid IN \
         (SELECT rowid FROM order_idempotency ORDER BY rowid LIMIT 500)",
    ),
    (
        Role::Payment,
        "DELETE FROM payment_idempotency WHERE created_at < ?1 AND rowid IN \
         (SELECT rowid FROM payment_idempotency ORDER BY rowid LIMIT 500)",
    ),
    (
        Role::Payment,
        "DELETE FROM payment_notifier_idempotency WHERE created_at < ?1 AND rowid IN \
         (SELECT rowid FROM payment_notifier_idempotency ORDER BY rowid LIMIT 500)",
    ),
    (
        Role::Stock,
        "DELETE FROM stock_idempotency WHERE created_at < ?1 AND rowid IN \
         (SELECT rowid FROM stock_idempotency ORDER BY rowid LIMIT 500)",
    ),
    (
        Role::Stock,
        "DELETE FROM catalog_idempotency WHERE created_at < ?1 AND rowid IN \
         (SELECT rowid FROM catalog_idempotency ORDER BY rowid LIMIT 500)",
    ),
];

impl From<rusqlite::Error> for CommandError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Broken(store_error(&error))
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

/// As [`query_error`], of a statement within a transaction: an unreadable row fails what asked for it alone.
pub(super) fn command_error(error: &rusqlite::Error) -> CommandError {
    if super::codec::is_unreadable(error) {
        CommandError::Failed(query_error(error))
    } else {
        CommandError::Broken(store_error(error))
    }
}
