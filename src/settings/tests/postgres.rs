//! PostgreSQL's URLs.

use super::{super::*, refused};
use tokio_postgres::config::{Host, SslMode};

#[track_caller]
fn parsed(url: &str) -> PostgresUrl {
    match url.parse() {
        Ok(StoreUrl::Postgres(url)) => *url,
        other => panic!("{url} is {other:?}"),
    }
}

#[test]
fn a_url_says_user_password_host_port_and_database() {
    for scheme in ["postgres", "postgresql"] {
        let url = parsed(&format!("{scheme}://me:hunter2@db.example:6432/shop"));
        assert_eq!(url.connection.get_user(), Some("me"));
        assert_eq!(url.connection.get_password(), Some(b"hunter2".as_slice()));
        assert_eq!(url.connection.get_hosts(), [Host::Tcp("db.example".into())]);
        assert_eq!(url.connection.get_ports(), [6432]);
        assert_eq!(url.connection.get_dbname(), Some("shop"));
        assert_eq!(url.ssl, SslPolicy::Prefer);
        assert_eq!(url.connection.get_connect_timeout(), Some(&Duration::from_secs(10)));
    }
}

#[test]
fn special_characters_are_percent_encoded() {
    let url = parsed("postgres://m%C3%A9:p%40ss%2Fw%3A%25'%5C @db/sho%70?application_name=a%20'b'");
    assert_eq!(url.connection.get_user(), Some("mé"));
    assert_eq!(url.connection.get_password(), Some(b"p@ss/w:%'\\ ".as_slice()));
    assert_eq!(url.connection.get_dbname(), Some("shop"));
    assert_eq!(url.connection.get_application_name(), Some("a 'b'"));
}

#[test]
fn several_hosts_addresses_and_sockets_are_understood() {
    let url = parsed("postgres://me@one:1,[::1]:2,three/db?target_session_attrs=read-write");
    assert_eq!(url.connection.get_hosts(), ["one", "::1", "three"].map(|host| Host::Tcp(host.into())));
    assert_eq!(url.connection.get_ports(), [1, 2, 5432]);
    assert_eq!(url.to_string(), "postgres://me@one:1,[::1]:2,three:5432/db");
    let url = parsed("postgres:///db?host=%2Frun%2Fpostgresql&port=5433&user=me&password=hunter2");
    assert_eq!(url.connection.get_hosts(), [Host::Unix("/run/postgresql".into())]);
    assert_eq!(url.connection.get_ports(), [5433]);
    assert_eq!(url.connection.get_user(), Some("me"));
}

#[test]
fn parameters_are_the_drivers_and_ours() {
    let parameters = "connect_timeout=3&options=-c%20geqo%3Doff&sslmode=verify-full&sslrootcert=%2Fetc%2Fca.pem";
    let url = parsed(&format!("postgres://db/d?{parameters}"));
    assert_eq!(url.connection.get_connect_timeout(), Some(&Duration::from_secs(3)));
    assert_eq!(url.connection.get_options(), Some("-c geqo=off"));
    assert_eq!(url.connection.get_ssl_mode(), SslMode::Require);
    assert_eq!((url.ssl, url.root_certificates), (SslPolicy::VerifyFull, Some("/etc/ca.pem".into())));
}

#[test]
fn sslmode_is_as_libpq_has_it() {
    for (parameters, ssl, mode) in [
        ("", SslPolicy::Prefer, SslMode::Prefer),
        ("sslmode=disable", SslPolicy::Disable, SslMode::Disable),
        ("sslmode=prefer", SslPolicy::Prefer, SslMode::Prefer),
        ("sslmode=require", SslPolicy::Require, SslMode::Require),
        ("sslmode=require&sslrootcert=ca.pem", SslPolicy::VerifyCa, SslMode::Require),
        ("sslmode=verify-ca&sslrootcert=ca.pem", SslPolicy::VerifyCa, SslMode::Require),
    ] {
        let url = parsed(&format!("postgres://db/d?{parameters}"));
        assert_eq!((url.ssl, url.connection.get_ssl_mode()), (ssl, mode), "{parameters}");
    }
}

#[test]
fn a_wrong_part_is_named_and_nothing_of_the_url_is_repeated() {
    for (url, part) in [
        ("postgres://", "names a host"),
        ("postgres:///db", "names a host"),
        ("postgres://me:hunter2@/db", "names a host"),
        ("postgres://me:hunter2@one,,three/db", "names a host"),
        ("postgres://me:hunter2@db:0/d", "port is a number from 1 to 65535"),
        ("postgres://me:hunter2@db:65536/d", "port is a number"),
        ("postgres://me:hunter2/db", "port is a number"),
        ("postgres://me:hunter2@[::1/d", "IPv6 address is in brackets"),
        ("postgres://me:hunter2@[::1]5432/d", "a colon between host and port"),
        ("postgres://me:hun@ter2@db/d", "percent-encoded"),
        ("postgres://me:hun/ter2@db/d", "percent-encoded"),
        ("postgres://me:hun?ter2=@db/d", "percent-encoded"),
        ("postgres://me:hunter2%@db/d", "percent-encoding is right"),
        ("postgres://me:hunter2%f@db/d", "percent-encoding is right"),
        ("postgres://me:hunter2%ff@db/d", "UTF-8"),
        ("postgres://me:hunter2%00@db/d", "percent-encoding is right"),
        ("postgres://me:hunter2@db/d?sslmode", "parameters are name=value"),
        ("postgres://me:hunter2@db/d?sslmode=allow", "sslmode is disable, prefer, require, verify-ca or verify-full"),
        ("postgres://me:hunter2@db/d?sslmode=verify-full", "give it sslrootcert=FILE"),
        ("postgres://me:hunter2@db/d?sslrootcert=ca.pem", "checks no certificate"),
        ("postgres://me:hunter2@db/d?sslcert=me.pem", "no other parameters than application_name,"),
        ("postgres://me:hunter2@db/d?connect_timeout=soon", "connect_timeout is a whole number of seconds"),
        (
            "postgres://me:hunter2@db/d?target_session_attrs=any%20of%20them",
            "target_session_attrs is any or read-write",
        ),
        ("postgres://me:hunter2@db/d?user=you", "says user once"),
        ("postgres://me:hunter2@db/d?port=1", "says port once"),
        ("postgres://me@db,db2/d?hostaddr=10.0.0.1", "as many ports and hostaddrs as hosts"),
        ("mysql://me:hunter2@db/d", "sqlite:PATH"),
        ("mysql://me:hunter2", "sqlite:PATH"),
        ("host=db password=hunter2", "sqlite:PATH"),
    ] {
        let message = refused(&Sources::default().set("store.url", url));
        assert!(message.starts_with("store.url is ") && message.contains(part), "{url}: {message}");
        for secret in ["hun", "ter2"] {
            assert!(!message.contains(secret), "{url}: {message}");
        }
    }
}

#[test]
fn the_password_is_never_printed() {
    let sources = Sources::default().set("store.url", "postgres://me:hunter2@db/shop");
    let settings = Settings::load(&sources).unwrap();
    for printed in [format!("{settings:?}"), format!("{settings:#?}"), settings.store.url.to_string()] {
        assert!(!printed.contains("hunter2"), "{printed}");
        assert!(printed.contains("shop"), "{printed}");
    }
    assert_eq!(settings.store.url.to_string(), "postgres://me@db:5432/shop");
}
