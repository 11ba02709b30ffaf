//! The files of a database: who can read them, by how many names, and that none is made of a mistyped address.

use super::server::{Server, command, database};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Runs a command on a database that is at another path; what it says, and whether it succeeds.
fn on(directory: &Path, path: &str, arguments: &[&str]) -> (String, bool) {
    let url = format!("store.url=sqlite:{path}");
    let done = command(directory)
        .env_remove("BACKSTITCH__STORE__URL")
        .args(arguments)
        .args(["--set", &url])
        .output()
        .expect("the binary runs");
    (String::from_utf8_lossy(&done.stderr).into_owned(), done.status.success())
}

#[test]
fn a_command_on_a_database_that_is_not_there_says_so_and_makes_none() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("in.csv"), "warehouse,sku,delta\n").unwrap();
    for arguments in [&["import", "stock", "in.csv"][..], &["export", "stock"], &["audit"], &["backup", "copy.db"]] {
        let (said, succeeds) = on(directory.path(), "no/such/shop.db", arguments);
        assert!(!succeeds && said.contains("no/such/shop.db does not exist"), "{arguments:?}: {said}");
        assert!(!directory.path().join("no").exists(), "{arguments:?} has made something");
    }
}

#[actix_web::test]
async fn nobody_else_can_read_a_database_or_what_is_beside_it() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path();
    let server = Server::start(directory).await;
    let data = database(directory);
    for entry in fs::read_dir(data.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with(&*data.file_name().unwrap().to_string_lossy()) {
            assert_eq!(mode(&path), 0o600, "{name}");
        }
    }

    assert_eq!(server.terminate().await, Some(0));
    let (said, succeeds) = on(directory, "new/deep/shop.db", &["migrate"]);
    assert!(succeeds, "{said}");
    assert_eq!(["new", "new/deep"].map(|made| mode(&directory.join(made))), [0o700; 2]);
    assert_eq!(mode(&directory.join("new/deep/shop.db")), 0o600);
}

#[actix_web::test]
async fn one_database_has_one_server_whichever_name_leads_to_it() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path()).await;
    let database = database(home.path());
    symlink(&database, home.path().join("symbolic.db")).unwrap();

    let (said, succeeds) = on(home.path(), "symbolic.db", &["demo"]);
    assert!(!succeeds && said.contains("in use by another backstitch server"), "{said}");

    fs::hard_link(&database, home.path().join("hard.db")).unwrap();
    for arguments in [&["demo"][..], &["audit"], &["backup", "copy.db"]] {
        let (said, succeeds) = on(home.path(), "hard.db", arguments);
        assert!(!succeeds && said.contains("several names"), "{arguments:?}: {said}");
    }
    fs::remove_file(home.path().join("hard.db")).unwrap();
    assert_eq!(server.terminate().await, Some(0));
}
