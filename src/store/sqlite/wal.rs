//! How large the write-ahead log gets. It is folded into the database by the writer, but not beyond what the oldest
//! reader still looks at: a long pass keeps it growing by what is written meanwhile.

use crate::store::{StoreError, Visit};
use rusqlite::Connection;
use std::{
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What the file is cut to when all of it has been folded in; twice what the writer folds in at a time.
pub(super) const KEPT_BYTES: i64 = 32 << 20;
/// To what size a pass may have it grow: then the pass ends, and not the disk.
pub(super) const MOST_BYTES: u64 = 1 << 30;
/// How many things a pass looks at before it looks at the size.
const EVERY: u32 = 256;

fn path_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// How large it is; nothing where there is none.
pub(super) fn bytes(database: &Path) -> u64 {
    fs::metadata(path_of(database)).map_or(0, |wal| wal.len())
}

/// Folds it in and cuts it: what the process before has left is not read along for ever. Where somebody reads, it stays.
pub(super) fn fold_in(conn: &Connection) -> rusqlite::Result<()> {
    conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// A pass that ends when it has the log grow beyond a size.
pub(super) struct Ceiling {
    database: PathBuf,
    most: u64,
    reached: Arc<AtomicBool>,
}

impl Ceiling {
    /// One that was beyond it before may stay as large as it is.
    pub(super) fn over(database: &Path, most: u64) -> Self {
        Self { database: database.to_owned(), most: most.max(bytes(database)), reached: Arc::default() }
    }

    /// Ends a visit when the ceiling is reached.
    pub(super) fn watch<T: 'static>(&self, mut visit: Visit<T>) -> Visit<T> {
        let (database, most, reached) = (self.database.clone(), self.most, Arc::clone(&self.reached));
        let mut seen: u32 = 0;
        Box::new(move |fact| {
            seen = seen.wrapping_add(1);
            if seen.is_multiple_of(EVERY) && bytes(&database) > most {
                reached.store(true, Ordering::Relaxed);
                return ControlFlow::Break(());
            }
            visit(fact)
        })
    }

    /// What a pass has come to.
    pub(super) fn end<T>(&self, passed: T) -> Result<T, StoreError> {
        if !self.reached.load(Ordering::Relaxed) {
            return Ok(passed);
        }
        Err(StoreError::Unavailable(format!(
            "reading all of it has had the WAL grow beyond {} MiB and was ended, so that the disk does not fill: ask again \
             when less is written",
            self.most >> 20
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn a_pass_ends_when_the_log_has_grown_beyond_its_ceiling_meanwhile() {
        let directory = TempDir::new().unwrap();
        let database = directory.path().join("some.db");
        let ceiling = Ceiling::over(&database, 100);
        let mut visit = ceiling.watch(Box::new(|(): ()| ControlFlow::Continue(())));
        for size in [100, 101] {
            fs::write(path_of(&database), vec![0; size]).unwrap();
            let ended = (0..1_000).any(|_| visit(()).is_break());
            assert_eq!((ended, ceiling.end(()).is_err()), (size > 100, size > 100), "{size}");
        }
        let later = Ceiling::over(&database, 100);
        let mut visit = later.watch(Box::new(|(): ()| ControlFlow::Continue(())));
        assert!((0..1_000).all(|_| visit(()).is_continue()), "it was as large before");
    }
}
