//! What ends a run without a report. A cause is an error's source and not part of its text.

use super::postgres::PostgresError;
use std::{io, path::PathBuf, process::ExitStatus};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no place for the database.
    #[error("cannot make a temporary directory")]
    Directory(#[source] io::Error),
    /// The server cannot be started or looked after.
    #[error("cannot run a server")]
    Server(#[source] io::Error),
    /// The server ended although nobody killed it.
    #[error("the server ended by itself: {status}{log}")]
    ServerEnded {
        /// How.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// The PostgreSQL of the run's own cannot be used.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The same, where it does not say why.
    #[error("cannot run PostgreSQL: {0}")]
    Database(String),
    /// A node goes on that others have given up.
    #[error("{0} was frozen until the others had given it up, and goes on")]
    Undead(String),
    /// The server does not take orders.
    #[error("the server is not ready: {0}")]
    NotReady(String),
    /// There is nothing to buy.
    #[error("cannot make the shops of this mix: {0}")]
    Catalogue(String),
    /// Nothing can be crashed, or not this.
    #[error("{0}")]
    Crash(String),
    /// What is stored cannot be judged.
    #[error("cannot audit: {0}")]
    Audit(String),
    /// A report cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Interrupted for a second time.
    #[error("interrupted")]
    Interrupted,
}
