//! TLS as libpq has it: encrypted on request, and the server's certificate checked where that is asked for.

use super::Url;
use crate::support::{Server, eventually_blocking};
use std::{fs, path::Path};

const TLS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/tls");

/// The server's URL with this policy; its certificate is for `localhost`, of the authority `root.pem`.
fn url(parameters: &str) -> (Url, crate::support::Database) {
    let database = Server::own().empty();
    (Url { database: database.name.clone(), parameters: parameters.into(), ..Url::own() }, database)
}

fn verified(mode: &str, file: impl AsRef<Path>) -> String {
    format!("sslmode={mode}&sslrootcert={}", file.as_ref().display())
}

fn by_address(url: Url) -> Url {
    Url { host: url.host.replace("localhost", "127.0.0.1"), ..url }
}

#[test]
fn a_connection_is_encrypted_where_the_server_can_unless_it_is_told_not_to() {
    for (parameters, encrypted) in
        [("", "t"), ("sslmode=prefer", "t"), ("sslmode=require", "t"), ("sslmode=disable", "f")]
    {
        let (url, database) = url(parameters);
        // Somebody has the lock that migrations are made under: the one who migrates waits, and can be looked at.
        let guard = database.another();
        guard.run("SELECT pg_advisory_lock(x'6261636b73746368'::bit(64)::bigint)").expect("the lock");
        let migrating = std::thread::spawn(move || url.migrate());
        let sql = "SELECT ssl, application_name FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                   WHERE wait_event_type = 'Lock' AND datname = current_database()";
        let seen = eventually_blocking("it waits", || database.rows(sql).pop());
        assert_eq!(seen, [Some(encrypted.to_owned()), Some("backstitch".to_owned())], "{parameters:?}");
        guard.run("SELECT pg_advisory_unlock_all()").expect("the lock is let go");
        migrating.join().expect("no panic").expect("it is migrated");
    }
}

#[test]
fn a_certificate_of_the_authority_is_believed() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let (url, _database) = url(&verified(mode, format!("{TLS}/root.pem")));
        url.migrate().unwrap_or_else(|error| panic!("{mode}: {error}"));
    }
}

#[test]
fn a_certificate_for_another_host_is_refused_by_verify_full_alone() {
    let (full, _database) = url(&verified("verify-full", format!("{TLS}/root.pem")));
    let message = by_address(full).refused();
    assert!(message.contains("over TLS") && message.contains("not valid for name"), "{message}");
    let (chain, _database) = url(&verified("verify-ca", format!("{TLS}/root.pem")));
    by_address(chain).migrate().expect("the authority is right");
}

#[test]
fn a_certificate_of_another_authority_is_refused() {
    for mode in ["require", "verify-ca", "verify-full"] {
        let (url, _database) = url(&verified(mode, format!("{TLS}/other-root.pem")));
        let message = url.refused();
        assert!(message.contains("over TLS") && message.contains("sslrootcert"), "{mode}: {message}");
    }
}

#[test]
fn a_servers_own_certificate_is_believed_when_it_is_the_one_that_was_given() {
    let (pinned, _database) = url(&verified("verify-full", format!("{TLS}/server.pem")));
    pinned.migrate().expect("it is the very same");
    let (pinned, _database) = url(&verified("verify-full", format!("{TLS}/server.pem")));
    assert!(by_address(pinned).refused().contains("not valid for name"));
}

#[test]
fn root_certificates_that_cannot_be_read_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let empty = directory.path().join("empty.pem");
    fs::write(&empty, "no certificate\n").expect("a file");
    for file in [directory.path().join("missing.pem"), empty] {
        let (url, _database) = url(&verified("verify-full", &file));
        let message = url.refused();
        assert!(message.contains("cannot read root certificates") && message.contains("sslrootcert"), "{message}");
        assert!(message.contains(&file.display().to_string()), "{message}");
    }
}
