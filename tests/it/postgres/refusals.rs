//! Why a server cannot be used, and what to do: said at the start, in one sentence, without the password.

use super::{Url, role};
use crate::support::Server;
use std::{
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    thread,
};

#[track_caller]
fn assert_says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} is not in: {message}");
    }
}

#[test]
fn a_wrong_password() {
    let (url, _database) = role("");
    let message = Url { password: "hunter3".into(), ..url }.refused();
    assert_says(&message, &["refuses the login", "password authentication failed", "pg_hba.conf"]);
}

#[test]
fn an_unknown_user() {
    let message = Url { user: "nobody_at_all".into(), ..Url::own() }.refused();
    assert_says(&message, &["refuses the login", "nobody_at_all"]);
}

#[test]
fn no_password_where_one_is_asked_for() {
    let message = Url { password: String::new(), ..Url::own() }.migrate().expect_err("refused").to_string();
    assert_says(&message, &["refuses the login", "password missing"]);
}

#[test]
fn a_host_where_nobody_listens() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    drop(taken);
    let message = Url { host: address.clone(), ..Url::own() }.refused();
    assert_says(&message, &["cannot reach", &address, "refused", "store.url"]);
}

#[test]
fn a_host_that_does_not_exist() {
    let message = Url { host: "nowhere.invalid".into(), ..Url::own() }.refused();
    assert_says(&message, &["cannot reach", "nowhere.invalid:5432"]);
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = silent.local_addr().expect("an address").to_string();
    let message = Url { host, parameters: "connect_timeout=1".into(), ..Url::own() }.refused();
    assert_says(&message, &["cannot reach", "no answer within 1s"]);
}

#[test]
fn a_database_that_is_not_there() {
    let message = Url { database: "no_such_shop".into(), ..Url::own() }.refused();
    assert_says(&message, &["\"no_such_shop\"", "is not there", "CREATE DATABASE"]);
}

#[test]
fn a_role_that_may_make_no_tables() {
    let (url, _database) = role("");
    let message = url.refused();
    assert_says(&message, &["missing rights", &url.database, "permission denied for schema public", "GRANT CREATE"]);
}

#[test]
fn a_role_that_may_not_connect() {
    let (url, _database) = role("");
    Server::own().run(&format!("REVOKE CONNECT ON DATABASE {} FROM PUBLIC", url.database));
    assert_says(&url.refused(), &["missing rights", "permission denied for database"]);
}

#[test]
fn a_role_with_no_connection_left() {
    let (url, _database) = role("CONNECTION LIMIT 0");
    assert_says(&url.refused(), &["has no connection left", "too many connections for role", "store.pool_size"]);
}

#[test]
fn a_server_that_takes_no_writes() {
    let (url, _database) = role("SUPERUSER");
    Server::own().run(&format!("ALTER ROLE {} SET default_transaction_read_only = on", url.user));
    assert_says(&url.refused(), &["takes no writes", "read-only transaction", "the primary"]);
}

#[test]
fn a_schema_of_a_later_release() {
    let (url, database) = role("SUPERUSER");
    url.migrate().expect("it can be migrated");
    let later = "INSERT INTO order_migrations (version, name, applied_on, checksum) \
                 VALUES (99, 'from_tomorrow', '2100-01-01T00:00:00Z', '1')";
    database.session().run(later).expect("a migration that nobody here knows");
    let message = url.refused();
    assert_says(&message, &["schema", &url.database, "V99__from_tomorrow", "or a later one"]);
}

#[test]
fn a_schema_of_another_origin() {
    let (url, database) = role("SUPERUSER");
    url.migrate().expect("it can be migrated");
    database.session().run("UPDATE stock_migrations SET checksum = '1'").expect("a migration that was changed");
    assert_says(&url.refused(), &["schema", "is different", "not this release's"]);
}

#[test]
fn a_server_without_tls_where_it_is_required() {
    let plain = TcpListener::bind("127.0.0.1:0").expect("a port");
    let host = plain.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for client in plain.incoming() {
            let mut client = client.expect("a client");
            client.read_exact(&mut [0; 8]).expect("it asks for TLS");
            client.write_all(b"N").expect("no");
        }
    });
    let message = Url { host, parameters: "sslmode=require".into(), ..Url::own() }.refused();
    assert_says(&message, &["over TLS", "does not support TLS", "sslmode"]);
}

#[test]
fn a_refusal_ends_every_command_with_exit_code_one() {
    let url = Url { password: "hunter2".into(), ..Url::own() }.text();
    let directory = tempfile::tempdir().expect("a directory");
    for command in [&["serve"][..], &["migrate"], &["audit"], &["demo"], &["export", "products"]] {
        let mut backstitch = Command::new(env!("CARGO_BIN_EXE_backstitch"));
        backstitch.env_clear().current_dir(directory.path()).args(command);
        backstitch
            .env("BACKSTITCH__STORE__URL", &url)
            .env("BACKSTITCH__HTTP__BIND", "127.0.0.1:0")
            .env("BACKSTITCH__GRPC__SAGA_BIND", "")
            .env("BACKSTITCH__GRPC__ORDER_BIND", "")
            .env("BACKSTITCH__GRPC__PAYMENT_BIND", "")
            .env("BACKSTITCH__GRPC__SHIPPING_BIND", "");
        let output = backstitch.output().expect("the binary runs");
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        assert_eq!(output.status.code(), Some(1), "{command:?}: {said}");
        assert_says(&said, &["refuses the login"]);
        assert!(!said.contains("hunter2"), "{command:?}: {said}");
    }
}

#[test]
fn a_backup_says_what_copies_postgresql() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut backstitch = Command::new(env!("CARGO_BIN_EXE_backstitch"));
    backstitch.env_clear().current_dir(directory.path()).args(["backup", "copy.db"]);
    let output = backstitch.env("BACKSTITCH__STORE__URL", Url::own().text()).output().expect("the binary runs");
    assert_eq!(output.status.code(), Some(1));
    assert_says(&String::from_utf8_lossy(&output.stderr), &["pg_dump"]);
    assert!(!directory.path().join("copy.db").exists());
}
