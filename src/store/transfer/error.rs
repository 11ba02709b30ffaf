//! Why a move ends before its end. Whatever it has moved until then stays, and the same command goes on from there.

use crate::store::{postgres, sqlite};
use std::path::PathBuf;

/// Why a move has ended.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The SQLite file cannot be used.
    #[error(transparent)]
    From(#[from] sqlite::OpenError),
    /// The PostgreSQL database cannot be used.
    #[error(transparent)]
    To(#[from] postgres::OpenError),
    /// Other programs have the file open.
    #[error("{0} is being read by another program; end that one first")]
    Busy(PathBuf),
    /// A server is at work on the target.
    #[error("node {node:?} serves {place}; stop it first, and move to a database that is empty")]
    Served {
        /// The server and the database.
        place: String,
        /// The node's name.
        node: String,
    },
    /// What is there already is of other origin.
    #[error("{place} has data of its own in {table}; move to a database that is empty")]
    Occupied {
        /// The server and the database.
        place: String,
        /// Where some is.
        table: &'static str,
    },
    /// A move from somewhere else was begun.
    #[error(
        "{place} has the beginning of a move from another database, or from this one before it was changed; drop the \
         database and create it again"
    )]
    AnotherMove {
        /// The server and the database.
        place: String,
    },
    /// Somebody else is at it.
    #[error("another move to {place} is under way; wait for its end")]
    UnderWay {
        /// The server and the database.
        place: String,
    },
    /// A row is not what this release writes.
    #[error("{table}, row {key}: {why}")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The row's key there.
        key: String,
        /// Why.
        why: String,
    },
    /// PostgreSQL does not take a row.
    #[error("{table}, row {key}: PostgreSQL refuses it: {why}; correct it in the SQLite database and begin anew")]
    Refused {
        /// The table.
        table: &'static str,
        /// The row's key in SQLite.
        key: String,
        /// The server's word.
        why: String,
    },
    /// SQLite fails.
    #[error("cannot read {table}: {source}")]
    Read {
        /// The table.
        table: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// PostgreSQL fails, or cannot be reached any more.
    #[error("{place} does not go on: {why}; the same command goes on where this one has stopped")]
    Stopped {
        /// The server and the database.
        place: String,
        /// Why.
        why: String,
    },
    /// Something is missing, or too much.
    #[error("{table} has {from} rows in SQLite and {to} in PostgreSQL; drop the database and begin anew")]
    Counts {
        /// The table.
        table: &'static str,
        /// Rows in SQLite.
        from: u64,
        /// Rows in PostgreSQL.
        to: u64,
    },
}
