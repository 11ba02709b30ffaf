//! Backing up a running server, and starting another one on the copy.

use super::{
    load::{assert_all_there, clients},
    server::{BOUND, Server, assert_audit_is_clean, command, database, eventually},
};
use std::{
    path::Path,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Copies the database of `directory` to `file`.
fn back_up(directory: &Path, file: &Path) -> Output {
    command(directory).arg("backup").arg(file).output().expect("the binary runs")
}

fn entries(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[actix_web::test]
async fn a_backup_in_the_middle_of_everything_restores_to_a_server_that_ends_every_saga() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let elsewhere = tempfile::tempdir().expect("another one");
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let server = Server::start(directory.path()).await;
    let target = Arc::new(Mutex::new(server.at("")));
    let acknowledged = Arc::default();
    let clients = clients(seed, 32, 400, 1_000, 0, &target, &acknowledged).await;
    eventually("some orders are acknowledged", async || acknowledged.lock().expect("no holder panics").len() >= 150)
        .await;

    let before = Arc::new(Mutex::new(acknowledged.lock().expect("no holder panics").clone()));
    let copy = elsewhere.path().join("backup.db");
    let copied = actix_web::rt::task::spawn_blocking({
        let (directory, copy) = (directory.path().to_owned(), copy.clone());
        move || back_up(&directory, &copy)
    });
    let copied = copied.await.expect("the backup runs");
    assert!(copied.status.success(), "{}", text(&copied.stderr));
    assert!(text(&copied.stdout).contains("backup.db is a copy of"), "{}", text(&copied.stdout));
    assert_eq!(entries(elsewhere.path()), ["backup.db"]);
    for client in clients {
        client.await.expect("a client ends");
    }
    server.all_rest().await;
    assert_eq!(server.terminate().await, Some(0));
    assert_audit_is_clean(directory.path());

    std::fs::rename(&copy, database(elsewhere.path())).expect("the copy is put in place");
    assert_audit_is_clean(elsewhere.path());
    let restored = Server::start(elsewhere.path()).await;
    restored.all_rest().await;
    assert_all_there(&restored.at(""), &before).await;
    assert_eq!(restored.terminate().await, Some(0));
    assert_audit_is_clean(elsewhere.path());
}

#[test]
fn a_backup_that_does_not_fit_fails_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let elsewhere = tempfile::tempdir().expect("another one");
    assert!(command(directory.path()).arg("migrate").output().expect("the binary runs").status.success());
    // A limit on the size of files, which ends a write as a full disk does.
    let script = "ulimit -f 40; trap '' XFSZ; exec \"$0\" backup \"$1\"";
    let failed = Command::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_backstitch")])
        .arg(elsewhere.path().join("copy.db"))
        .current_dir(directory.path())
        .env("BACKSTITCH__STORE__URL", format!("sqlite:{}", database(directory.path()).display()))
        .output()
        .expect("bash runs");
    assert_eq!(failed.status.code(), Some(1), "{}", text(&failed.stderr));
    assert!(text(&failed.stderr).contains("cannot copy the database to "), "{}", text(&failed.stderr));
    assert!(entries(elsewhere.path()).is_empty(), "{:?}", entries(elsewhere.path()));
}

#[actix_web::test]
async fn a_backup_that_is_interrupted_leaves_nothing_behind() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let elsewhere = tempfile::tempdir().expect("another one");
    assert!(command(directory.path()).arg("migrate").output().expect("the binary runs").status.success());
    let ballast = "CREATE TABLE ballast (text BLOB); \
                   WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40) \
                   INSERT INTO ballast SELECT zeroblob(10000000) FROM n";
    let conn = rusqlite::Connection::open(database(directory.path())).expect("the database");
    conn.execute_batch(ballast).expect("a large database");
    drop(conn);
    let mut copying = command(directory.path())
        .arg("backup")
        .arg(elsewhere.path().join("copy.db"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    eventually("the copy is begun", async || !entries(elsewhere.path()).is_empty()).await;

    let asked = Command::new("kill").args(["-TERM", &copying.id().to_string()]).status();

    assert!(asked.expect("kill runs").success());
    let ended = tokio::time::timeout(BOUND, actix_web::rt::task::spawn_blocking(move || copying.wait()));
    let status = ended.await.expect("it ends").expect("no panic").expect("its status");
    assert_eq!(status.code(), Some(1));
    assert!(entries(elsewhere.path()).is_empty(), "{:?}", entries(elsewhere.path()));
}

#[test]
fn a_backup_that_is_refused_says_what_to_do() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let copy = directory.path().join("copy.db");

    let missing = back_up(directory.path(), &copy);
    assert_eq!(missing.status.code(), Some(1));
    assert!(text(&missing.stderr).contains("does not exist"), "{}", text(&missing.stderr));
    assert!(entries(directory.path()).is_empty(), "{:?}", entries(directory.path()));

    assert!(command(directory.path()).arg("migrate").output().expect("the binary runs").status.success());
    assert!(back_up(directory.path(), &copy).status.success());
    let again = back_up(directory.path(), &copy);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("a backup overwrites nothing"), "{}", text(&again.stderr));
    let itself = back_up(directory.path(), &database(directory.path()));
    assert_eq!(itself.status.code(), Some(1));
    assert!(text(&itself.stderr).contains("is the database itself"), "{}", text(&itself.stderr));
    assert_audit_is_clean(directory.path());

    let postgres = command(directory.path())
        .env("BACKSTITCH__STORE__URL", "postgres://me:hunter2@db/backstitch")
        .args(["backup", "other.db"])
        .output()
        .expect("the binary runs");
    assert_eq!(postgres.status.code(), Some(1));
    let said = text(&postgres.stderr);
    assert!(said.contains("pg_dump") && !said.contains("hunter2"), "{said}");
}
