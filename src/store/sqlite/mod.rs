//! The embedded backend: one SQLite file, one writer thread, separate readers.
//!
//! ```text
//!   order ─┐
//!   payment┼─▶ queue ─▶ writer thread: BEGIN · every queued command · COMMIT ─▶ answers
//!   saga ──┘                                         (group commit over all actors)
//!   look-ups by key ─▶ a connection of the asking thread
//!   other queries ─▶ reader threads, each with a snapshot of its own
//! ```
//!
//! WAL with `synchronous=FULL`: a commit has reached the disk when it returns. A COMMIT or fsync that
//! fails leaves the disk's state unknown, so the process ends and recovers from what is there.

mod backup;
mod bulk;
mod catalog;
mod census;
mod codec;
mod export;
mod facts;
mod notifier;
mod order;
mod payment;
mod readers;
mod recent;
mod retention;
mod saga;
mod schema;
mod shipment;
mod stock;
mod table;
mod tables;
mod transfer;
mod tx;
mod wal;
mod writer;

pub use backup::{BackupError, Copied, backup};
pub use schema::migrate;
pub(super) use transfer::Source;

use super::{
    Census, Engine, OwnersError, Removed, Stats, Store, StoreError,
    commands::{Queue, Removal},
};
use crate::role::{Role, Roles};
use crate::{domain::time::Timestamp, lifecycle::Fatal};
use futures::future::BoxFuture;
use readers::Readers;
use recent::Recent;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{
    fs::{DirBuilder, File, TryLockError},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

/// How a database file is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The file; made, with its directory, when it is not there.
    pub path: PathBuf,
    /// Whose tables are in it, and nobody else's.
    pub owners: Roles,
    /// Page cache of the writer, in MiB.
    pub cache_mib: u32,
    /// Reader threads, at least 1.
    pub readers: usize,
    /// Most commands in one transaction.
    pub max_batch: usize,
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or the lock file cannot be made.
    #[error("cannot create {path}: {source}")]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Two servers would not see each other's sagas.
    #[error("{0} is in use by another backstitch server; stop that one first, or give this one another store.url")]
    InUse(PathBuf),
    /// SQLite would not find what belongs to it.
    #[error("{0} has several names (hard links); SQLite keeps its WAL by name and would lose data: remove all but one")]
    Linked(PathBuf),
    /// There is no database to read.
    #[error("{0} does not exist; `backstitch migrate` or `backstitch serve` creates it")]
    Missing(PathBuf),
    /// Nothing was ever stored there.
    #[error("{0} has no tables of backstitch; `backstitch migrate` or `backstitch serve` makes them")]
    Empty(PathBuf),
    /// It has tables that nobody would look after, or lacks some.
    #[error(transparent)]
    Roles(#[from] OwnersError),
    /// SQLite's own word.
    #[error("cannot open {path}: {source}")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A migration failed, or the file is of another release.
    #[error("cannot migrate {path}: {source}")]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<refinery::Error>,
    },
}

/// A directory that is made for a database, and the files in it, are its owner's alone: they hold what customers ordered.
const PRIVATE_DIRECTORY: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// Makes the file of a new database. SQLite gives what it keeps beside it the same permissions.
fn make_private(path: &Path) -> Result<(), OpenError> {
    match File::options().create_new(true).write(true).mode(PRIVATE_FILE).open(path) {
        Ok(_) => Ok(()),
        // SQLite says what is wrong with what is there, such as a directory; `create_new` follows no symbolic link.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(OpenError::File { path: path.to_owned(), source }),
    }
}

/// Refuses a file with several names. SQLite looks for the WAL by the name that it was given: under another name it
/// would miss what is committed, and write over it. Symbolic links it follows.
fn refuse_names(path: &Path) -> Result<(), OpenError> {
    match path.metadata() {
        Ok(about) if about.is_file() && about.nlink() > 1 => Err(OpenError::Linked(path.to_owned())),
        _ => Ok(()),
    }
}

fn connect(path: &Path, cache_mib: u32) -> Result<Connection, OpenError> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        let made = DirBuilder::new().recursive(true).mode(PRIVATE_DIRECTORY).create(directory);
        made.map_err(|source| OpenError::File { path: directory.to_owned(), source })?;
    }
    make_private(path)?;
    refuse_names(path)?;
    let open = || -> rusqlite::Result<Connection> {
        let conn = Connection::open(path)?;
        // 8 KiB pages and a checkpoint by the writer itself every 2,000 of them measured best; a
        // background checkpointer let the WAL grow without bound.
        conn.pragma_update(None, "page_size", 8192)?;
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "wal_autocheckpoint", 2000)?;
        conn.pragma_update(None, "journal_size_limit", wal::KEPT_BYTES)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "busy_timeout", 5000)?;
        conn.pragma_update(None, "cache_size", -(i64::from(cache_mib) * 1024))?;
        plan_once(&conn)?;
        conn.set_prepared_statement_cache_capacity(128);
        Ok(conn)
    };
    open().map_err(|source| OpenError::Sqlite { path: path.to_owned(), source })
}

fn connect_read_only(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing(path.to_owned()));
    }
    refuse_names(path)?;
    let open = || -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        conn.pragma_update(None, "query_only", true)?;
        conn.pragma_update(None, "busy_timeout", 5000)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "cache_size", -4096)?;
        plan_once(&conn)?;
        conn.set_prepared_statement_cache_capacity(64);
        Ok(conn)
    };
    open().map_err(|source| OpenError::Sqlite { path: path.to_owned(), source })
}

/// Has a statement's plan depend on nothing that is bound to it. Otherwise a kept statement with a join is
/// parsed and planned anew each time that other values are bound to it.
fn plan_once(conn: &Connection) -> rusqlite::Result<bool> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
}

/// The backend. All owners share the file, its writer and its readers.
pub(super) struct Sqlite {
    queue: Queue,
    owners: Roles,
    readers: Readers,
    recent: Arc<Recent>,
    path: PathBuf,
    /// Held as long as the store lives: a second server refuses to start.
    _lock: File,
}

/// Opens a database for a server: migrated, locked, with its writer and readers running.
///
/// `fatal` is raised when the writer can no longer promise anything.
///
/// # Errors
/// When the file cannot be opened, is in use or has others' tables, or a migration fails.
pub fn open(options: &Options, fatal: &Fatal) -> Result<Store, OpenError> {
    let path = &options.path;
    let connection = || -> Result<(Connection, File), OpenError> {
        let conn = connect(path, options.cache_mib)?;
        Ok((conn, lock(path)?))
    };
    let (conn, lock) = connection()?;
    migrate(path, options.owners)?;
    wal::fold_in(&conn).map_err(|source| OpenError::Sqlite { path: path.clone(), source })?;
    let (stats, recent) = (Arc::new(Stats::default()), Arc::new(Recent::default()));
    let readers = (0..options.readers.max(1)).map(|_| connect_read_only(path)).collect::<Result<Vec<_>, _>>()?;
    let backend = Arc::new(Sqlite {
        queue: writer::start(conn, options.max_batch, Arc::clone(&recent), Arc::clone(&stats), fatal),
        owners: options.owners,
        readers: Readers::start(path.clone(), readers),
        recent,
        path: path.clone(),
        _lock: lock,
    });
    Ok(Store {
        orders: Arc::clone(&backend) as _,
        payments: Arc::clone(&backend) as _,
        notifier: Arc::clone(&backend) as _,
        shipments: Arc::clone(&backend) as _,
        stock: Arc::clone(&backend) as _,
        sagas: Arc::clone(&backend) as _,
        catalog: Arc::clone(&backend) as _,
        bulk: Arc::clone(&backend) as _,
        facts: Arc::new(facts::Snapshot { path: path.clone() }),
        engine: backend,
        peers: None,
        stats,
    })
}

/// Opens a database for an audit alone: read-only, beside a running server or without one. Whose tables are not in it
/// has nothing to say.
///
/// # Errors
/// When there is no such database, or nothing in it.
pub fn open_facts(path: &Path) -> Result<Arc<dyn super::FactSource>, OpenError> {
    match schema::found_in(&connect_read_only(path)?, path)? {
        nobody if nobody.is_empty() => Err(OpenError::Empty(path.to_owned())),
        _ => Ok(Arc::new(facts::Snapshot { path: path.to_owned() })),
    }
}

/// Opens a database to export it: as [`open_facts`] does.
///
/// # Errors
/// When there is no such database, or no stock in it.
pub fn open_export(path: &Path) -> Result<Arc<dyn super::ExportSource>, OpenError> {
    let found = schema::found_in(&connect_read_only(path)?, path)?;
    Roles::of([Role::Stock]).check_all_in(found, path.display())?;
    Ok(Arc::new(facts::Snapshot { path: path.to_owned() }))
}

fn lock(path: &Path) -> Result<File, OpenError> {
    // One database has one lock, whichever symbolic link leads to it.
    let whole = path.canonicalize().map_err(|source| OpenError::File { path: path.to_owned(), source })?;
    let mut name = whole.into_os_string();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let failed = |source| OpenError::File { path: lock_path.clone(), source };
    let file =
        File::options().create(true).truncate(false).write(true).mode(PRIVATE_FILE).open(&lock_path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.to_owned())),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

impl Engine for Sqlite {
    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.queue.ask(|_| Ok(()))
    }

    fn forget_keys(&self, before: Timestamp) -> BoxFuture<'static, Result<usize, StoreError>> {
        let owners = self.owners;
        self.queue.ask(move |tx| tx.forget_keys(owners, before))
    }

    fn remove_sagas(&self, before: Timestamp) -> BoxFuture<'static, Result<Removed, StoreError>> {
        if !self.owners.contains(Role::Coordinator) {
            return Box::pin(std::future::ready(Ok(Removed::default())));
        }
        self.queue.execute_one::<Removal>(before)
    }

    fn census(&self) -> BoxFuture<'static, Result<Census, StoreError>> {
        let owners = self.owners;
        let wal_bytes = wal::bytes(&self.path);
        self.readers.read(move |conn| Ok(Census { wal_bytes: Some(wal_bytes), ..census::count(conn, owners)? }))
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let closed = self.queue.close();
        let path = self.path.clone();
        Box::pin(async move {
            closed.await;
            tracing::debug!(path = %path.display(), "database closed");
        })
    }
}

impl rusqlite::ToSql for crate::store::Scope {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}
