//! A consistent copy of a database file, beside a running server or without one.
//!
//! ```text
//!   snapshot ── some pages · pause · some pages ·… ──▶ temporary file ── fsync · rename ──▶ FILE
//! ```
//!
//! Owns that a file with the wanted name is a whole copy or is not there. Must not write to the database. The
//! snapshot is held until the copy is made: without it SQLite would begin anew at every write of the server's. While
//! it is held the WAL grows by what the server writes, because it cannot be folded in.

use super::{OpenError, connect_read_only};
use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use std::{
    ffi::OsString,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};
use tempfile::NamedTempFile;

/// Pages copied at a time, and the pause after each time, which leaves the disk to the server.
const PAGES: i32 = 256;
const PAUSE: Duration = Duration::from_millis(5);
/// What SQLite keeps beside a database under its name.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];
/// What a server keeps there.
const LOCK: &str = ".lock";

/// A copy that has been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its size.
    pub bytes: u64,
}

/// Why there is no copy. Nothing is left of one that was begun.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is no database, or it is none.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The copy would take the place of what it is a copy of.
    #[error("{0} is the database itself, or belongs to it; give the backup another name")]
    Itself(PathBuf),
    /// Nothing is overwritten.
    #[error("{0} exists; a backup overwrites nothing: remove that first, or give this one another name")]
    Exists(PathBuf),
    /// The name is no file's.
    #[error("{0} is not the name of a file")]
    NoFile(PathBuf),
    /// The copy cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The wanted file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Copying failed: the database cannot be read, or there is no room for the copy.
    #[error("cannot copy the database to {path}: {source}")]
    Copy {
        /// The wanted file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// It was asked to stop.
    #[error("stopped before the backup was complete; nothing is left of it")]
    Stopped,
}

/// Copies a database as it is at this moment, until `stop` is true.
///
/// # Errors
/// When there is no such database, the file exists or cannot be written, or there is no room for it.
pub fn backup(database: &Path, file: &Path, stop: &AtomicBool) -> Result<Copied, BackupError> {
    let from = connect_read_only(database)?;
    refuse_to_harm(database, file)?;
    let unreadable = |source| OpenError::Sqlite { path: database.to_owned(), source };
    let snapshot = from.unchecked_transaction().map_err(unreadable)?;
    // The first read takes it.
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(unreadable)?;
    let directory = match file.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ => Path::new("."),
    };
    let name = file.file_name().ok_or_else(|| BackupError::NoFile(file.to_owned()))?;
    let failed = |source| BackupError::Write { path: file.to_owned(), source };
    let mut prefix = OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let unfinished = tempfile::Builder::new().prefix(&prefix).suffix(".partial").tempfile_in(directory);
    let unfinished: NamedTempFile = unfinished.map_err(failed)?;
    let copied = copy(&snapshot, unfinished.path(), stop);
    if !copied.map_err(|source| BackupError::Copy { path: file.to_owned(), source })? {
        return Err(BackupError::Stopped);
    }
    unfinished.as_file().sync_all().map_err(failed)?;
    let bytes = unfinished.as_file().metadata().map_err(failed)?.len();
    // Refused where somebody has made such a file meanwhile.
    unfinished.persist_noclobber(file).map_err(|error| failed(error.error))?;
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(failed)?;
    Ok(Copied { bytes })
}

/// A file that is there stays as it is, and a database keeps what belongs to it.
fn refuse_to_harm(database: &Path, file: &Path) -> Result<(), BackupError> {
    let belongs = BESIDE.iter().chain([&LOCK]).any(|suffix| is_same(&beside(database, suffix), file));
    if belongs || is_same(database, file) {
        return Err(BackupError::Itself(file.to_owned()));
    }
    // What SQLite has left beside an earlier file of that name would be taken for a part of the copy.
    let taken = BESIDE.iter().map(|suffix| beside(file, suffix)).chain([file.to_owned()]);
    match taken.into_iter().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Err(BackupError::Exists(path)),
        None => Ok(()),
    }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Whether two paths lead to one file, or would if it were there.
fn is_same(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
        let whole = fs::canonicalize(path).ok();
        whole.or_else(|| Some(fs::canonicalize(directory.unwrap_or(Path::new("."))).ok()?.join(path.file_name()?)))
    };
    place(one).is_some_and(|place_of_one| Some(place_of_one) == place(other))
}

/// Copies what the connection's snapshot sees; false when it was stopped.
fn copy(from: &Connection, to: &Path, stop: &AtomicBool) -> rusqlite::Result<bool> {
    let mut copy = Connection::open(to)?;
    // A copy that is not whole is not kept: it needs no journal, and one fsync at its end.
    copy.pragma_update(None, "journal_mode", "OFF")?;
    copy.pragma_update(None, "synchronous", "OFF")?;
    let backup = Backup::new(from, &mut copy)?;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        if backup.step(PAGES)? == StepResult::Done {
            break;
        }
        thread::sleep(PAUSE);
    }
    drop(backup);
    copy.close().map_err(|(_, error)| error)?;
    Ok(true)
}
