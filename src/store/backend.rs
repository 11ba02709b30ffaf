//! Which backend: the one place that knows that there are two.

use super::{ExportSource, FactSource, OwnersError, Store, postgres, sqlite};
use crate::lifecycle::Fatal;
use crate::role::Roles;
use std::{fmt, sync::Arc};

/// A database, and how it is opened.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file on this machine, for one process.
    Sqlite(sqlite::Options),
    /// A PostgreSQL server, for several.
    Postgres(Box<postgres::Options>),
}

/// Where it is, without a password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(options) => options.path.display().fmt(f),
            Self::Postgres(options) => options.address.fmt(f),
        }
    }
}

impl Database {
    /// Whose tables are in it once it is opened.
    pub const fn owners(&self) -> Roles {
        match self {
            Self::Sqlite(options) => options.owners,
            Self::Postgres(options) => options.owners,
        }
    }

    /// Sees to it, before it is opened, that these owners are among them.
    ///
    /// # Errors
    /// When one of them is not.
    pub fn require(&self, owners: Roles) -> Result<(), OpenError> {
        Ok(owners.check_all_in(self.owners(), self)?)
    }
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// A PostgreSQL server.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// It is not the one for this.
    #[error(transparent)]
    Roles(#[from] OwnersError),
}

/// Opens a database for a server: migrated, and at work. Blocks meanwhile.
///
/// `fatal` is raised when the store can no longer promise anything.
///
/// # Errors
/// When it cannot be reached, may not be used, has tables of others than its owners, or a migration fails.
pub fn open(database: &Database, fatal: &Fatal) -> Result<Store, OpenError> {
    Ok(match database {
        Database::Sqlite(options) => sqlite::open(options, fatal)?,
        Database::Postgres(options) => apart(|| postgres::open(options, fatal))?,
    })
}

/// Brings a database up to this release; the names of the migrations that were applied. Blocks meanwhile.
///
/// # Errors
/// When it cannot be reached, may not be changed, or a migration fails.
pub fn migrate(database: &Database) -> Result<Vec<String>, OpenError> {
    Ok(match database {
        Database::Sqlite(options) => sqlite::migrate(&options.path, options.owners)?,
        Database::Postgres(options) => apart(|| postgres::migrate(options))?,
    })
}

/// Opens a database for an audit alone, beside running servers or without them: whoever's tables are in it.
///
/// # Errors
/// When there is no such database.
pub fn open_facts(database: &Database) -> Result<Arc<dyn FactSource>, OpenError> {
    Ok(match database {
        Database::Sqlite(options) => sqlite::open_facts(&options.path)?,
        Database::Postgres(options) => apart(|| postgres::open_facts(options))?,
    })
}

/// Opens a database to export it: as [`open_facts`] does.
///
/// # Errors
/// When there is no such database, or no stock in it.
pub fn open_export(database: &Database) -> Result<Arc<dyn ExportSource>, OpenError> {
    Ok(match database {
        Database::Sqlite(options) => sqlite::open_export(&options.path)?,
        Database::Postgres(options) => apart(|| postgres::open_export(options))?,
    })
}

/// Runs what blocks on a runtime of its own on a thread of its own: whoever asks for it may be on a runtime, too.
fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
