//! Backups: a whole copy of one moment, or no file.

use super::given::{Case, TestStore, store, tell};
use crate::support::sqlite_only;
use backstitch::{
    domain::payment::Provider,
    store::sqlite::{BackupError, backup},
};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tempfile::TempDir;

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort_unstable();
    names
}

/// Text enough for a copy that takes several turns.
fn fatten(test: &TestStore) {
    let fat = "CREATE TABLE ballast (text BLOB); \
               WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) \
               INSERT INTO ballast SELECT randomblob(8000) FROM n";
    test.raw().execute_batch(fat).unwrap();
}

async fn start(test: &TestStore) {
    tell(&test.store, Case::new(Provider::Manual).start(None)).await.unwrap();
}

fn sagas(database: &Path) -> i64 {
    let conn = rusqlite::Connection::open(database).unwrap();
    let intact: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(intact, "ok");
    conn.query_row("SELECT count(*) FROM saga_saga", [], |row| row.get(0)).unwrap()
}

#[actix_web::test]
async fn a_copy_is_made_beside_a_server_that_goes_on_writing() {
    if sqlite_only("PostgreSQL is backed up by pg_dump") {
        return;
    }
    let (test, directory) = (store(), TempDir::new().unwrap());
    fatten(&test);
    start(&test).await;
    let copy = directory.path().join("copy.db");
    let done = Arc::new(AtomicBool::new(false));
    let copying = {
        let (database, copy, done) = (test.path(), copy.clone(), Arc::clone(&done));
        std::thread::spawn(move || {
            let copied = backup(&database, &copy, &AtomicBool::new(false));
            done.store(true, Ordering::SeqCst);
            copied
        })
    };
    let mut started = 1;
    while !done.load(Ordering::SeqCst) {
        start(&test).await;
        started += 1;
        assert!(started < 10_000, "a copy begins anew at every write and does not end");
    }
    let copied = copying.join().unwrap().unwrap();
    assert_eq!(copied.bytes, copy.metadata().unwrap().len());
    assert_eq!(names(directory.path()), ["copy.db"]);
    let found = sagas(&copy);
    assert!((1..=started).contains(&found), "{found} of {started}");
    assert_eq!(sagas(&test.path()), started);
}

#[actix_web::test]
async fn a_copy_that_is_stopped_leaves_nothing_behind() {
    if sqlite_only("PostgreSQL is backed up by pg_dump") {
        return;
    }
    let (test, directory) = (store(), TempDir::new().unwrap());
    let stopped = backup(&test.path(), &directory.path().join("copy.db"), &AtomicBool::new(true));
    assert!(matches!(stopped, Err(BackupError::Stopped)), "{stopped:?}");
    assert!(names(directory.path()).is_empty());
}

#[actix_web::test]
async fn a_copy_takes_no_other_files_place() {
    if sqlite_only("PostgreSQL is backed up by pg_dump") {
        return;
    }
    let (test, directory) = (store(), TempDir::new().unwrap());
    let go_on = AtomicBool::new(false);
    let taken = directory.path().join("taken");
    std::fs::write(&taken, "precious").unwrap();
    let dangling = directory.path().join("dangling");
    std::os::unix::fs::symlink("/nowhere/at/all", &dangling).unwrap();
    for file in [&taken, &dangling] {
        let refused = backup(&test.path(), file, &go_on);
        assert!(matches!(&refused, Err(BackupError::Exists(path)) if path == file), "{refused:?}");
    }
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "precious");
    assert_eq!(names(directory.path()), ["dangling", "taken"]);
}

#[actix_web::test]
async fn a_copy_does_not_begin_with_the_remains_of_another_database() {
    if sqlite_only("PostgreSQL is backed up by pg_dump") {
        return;
    }
    let (test, directory) = (store(), TempDir::new().unwrap());
    std::fs::write(directory.path().join("copy.db-wal"), "frames").unwrap();
    let refused = backup(&test.path(), &directory.path().join("copy.db"), &AtomicBool::new(false));
    assert!(matches!(&refused, Err(BackupError::Exists(path)) if path.ends_with("copy.db-wal")), "{refused:?}");
}

#[actix_web::test]
async fn a_database_and_what_belongs_to_it_are_not_overwritten_whatever_they_are_called() {
    if sqlite_only("PostgreSQL is backed up by pg_dump") {
        return;
    }
    let test = store();
    let directory = test.path().parent().unwrap().to_owned();
    let alias = TempDir::new().unwrap();
    std::os::unix::fs::symlink(&directory, alias.path().join("data")).unwrap();
    let before = names(&directory);
    for place in [directory.clone(), directory.join("."), alias.path().join("data")] {
        for name in ["test.db", "test.db-wal", "test.db-shm", "test.db-journal", "test.db.lock"] {
            let refused = backup(&test.path(), &place.join(name), &AtomicBool::new(false));
            assert!(matches!(refused, Err(BackupError::Itself(_))), "{name} in {}: {refused:?}", place.display());
        }
    }
    assert_eq!(names(&directory), before);
}

#[actix_web::test]
async fn what_is_no_database_and_a_place_that_cannot_be_written_are_said() {
    if sqlite_only("PostgreSQL is backed up by pg_dump") {
        return;
    }
    let (test, directory) = (store(), TempDir::new().unwrap());
    let go_on = AtomicBool::new(false);
    let copy = directory.path().join("copy.db");
    let text = directory.path().join("text");
    std::fs::write(&text, "this is a text and not a database, and long enough to be sure of that".repeat(20)).unwrap();

    let refused = backup(&directory.path().join("missing.db"), &copy, &go_on).unwrap_err().to_string();
    assert!(refused.contains("missing.db does not exist"), "{refused}");
    let refused = backup(&text, &copy, &go_on).unwrap_err().to_string();
    assert!(refused.contains("text: file is not a database"), "{refused}");
    let refused = backup(&test.path(), &directory.path().join("no/such/copy.db"), &go_on).unwrap_err().to_string();
    assert!(refused.contains("no/such/copy.db: ") && refused.contains("No such file"), "{refused}");
    let refused = backup(&test.path(), Path::new("/"), &go_on).unwrap_err().to_string();
    assert!(refused.contains("exists"), "{refused}");
    assert_eq!(names(directory.path()), ["text"]);
}
