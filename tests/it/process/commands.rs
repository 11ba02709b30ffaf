//! The other commands, and starts that must fail with a message that helps.

use super::server::{Home, Server, audit, command, database};
use serde_json::Value;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[actix_web::test]
async fn a_second_server_on_one_database_refuses_to_start() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(directory.path()).await;

    let second = command(directory.path()).arg("serve").output().expect("the binary runs");

    assert_eq!(second.status.code(), Some(1));
    assert!(text(&second.stderr).contains("in use by another backstitch server"), "{}", text(&second.stderr));
    assert_eq!(server.terminate().await, Some(0));
}

#[actix_web::test]
async fn a_taken_port_is_named_before_the_database_is_touched() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();

    let refused = command(directory.path())
        .args(["serve", "--set", &format!("http.bind={address}")])
        .output()
        .expect("the binary runs");

    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains(&address), "{}", text(&refused.stderr));
    assert!(!database(directory.path()).exists());
}

#[test]
fn an_unknown_key_is_refused_by_name() {
    let directory = tempfile::tempdir().expect("a temporary directory");

    let refused = command(directory.path()).env("BACKSTITCH__HTTP__PORT", "1").output().expect("the binary runs");

    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("BACKSTITCH__HTTP__PORT"), "{}", text(&refused.stderr));
}

#[test]
fn migrate_makes_a_database_that_audits_clean_and_says_so_twice() {
    let home = Home::new();

    let first = home.command().arg("migrate").output().expect("the binary runs");
    let second = home.command().arg("migrate").output().expect("the binary runs");

    assert!(first.status.success() && text(&first.stdout).contains("applied order"), "{}", text(&first.stdout));
    assert!(second.status.success() && !text(&second.stdout).contains("applied"), "{}", text(&second.stdout));
    home.assert_audit_is_clean();
}

#[actix_web::test]
async fn health_is_asked_of_the_server_that_runs_under_the_same_settings() {
    let home = Home::new();
    let server = home.server().await;
    let bind = server.at("").replace("http://", "");
    let asked = || home.command().arg("health").env("BACKSTITCH__HTTP__BIND", &bind).output().expect("the binary runs");

    let well = asked();
    assert_eq!(server.terminate().await, Some(0));
    let gone = asked();

    assert_eq!((well.status.code(), text(&well.stdout).trim()), (Some(0), "ready"), "{}", text(&well.stderr));
    assert_eq!(gone.status.code(), Some(1));
    assert!(text(&gone.stderr).contains(&format!("no server answers on {bind}")), "{}", text(&gone.stderr));
}

#[test]
fn an_audit_without_a_database_fails_and_creates_none() {
    let directory = tempfile::tempdir().expect("a temporary directory");

    let output = audit(directory.path());

    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("does not exist"), "{}", text(&output.stderr));
    assert!(!database(directory.path()).exists());
}

#[test]
fn openapi_prints_the_document_without_any_database_or_configuration() {
    let directory = tempfile::tempdir().expect("a temporary directory");

    let output = command(directory.path()).arg("openapi").output().expect("the binary runs");

    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(document["paths"]["/orders"]["post"].is_object());
    assert!(!database(directory.path()).exists());
}
