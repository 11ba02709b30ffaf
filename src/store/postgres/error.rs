//! Why a database cannot be opened: what happened, and what to do.

use crate::store::OwnersError;
use std::{error::Error as _, path::PathBuf};
use tokio_postgres::error::SqlState;

/// Why a database cannot be opened. No text of it has the password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing was ever stored there.
    #[error("{place} has no tables of backstitch; `backstitch migrate` or `backstitch serve` makes them")]
    Empty {
        /// The server and the database.
        place: String,
    },
    /// The place where its tables are to be is none.
    #[error(
        "{place} has no schema for search_path {search_path}; create it first (CREATE SCHEMA) and let the user of \
         store.url use it, or correct its options"
    )]
    NoSchema {
        /// The server and the database.
        place: String,
        /// Where tables are looked for.
        search_path: String,
    },
    /// It has tables that nobody would look after, or lacks some.
    #[error(transparent)]
    Roles(#[from] OwnersError),
    /// Only a part of what is to be there is.
    #[error(
        "{place} has an unfinished move from SQLite; finish it by the same `backstitch migrate --from … --to …` again, \
         or drop the database and create it again"
    )]
    Unfinished {
        /// The server and the database.
        place: String,
    },
    /// The file of `sslrootcert`.
    #[error("cannot read root certificates from {path}: {why}; sslrootcert names a PEM file with the server's")]
    RootCertificates {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The TLS library cannot be set up: a mistake of the program's.
    #[error("TLS cannot be set up: {source}")]
    NoTls {
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// The threads that talk to the server cannot be started.
    #[error("cannot start what talks to PostgreSQL: {source}")]
    NoRuntime {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Nobody answers there.
    #[error("cannot reach {place}: {why}; see that PostgreSQL runs there and that store.url is right")]
    Unreachable {
        /// The server.
        place: String,
        /// Why.
        why: String,
    },
    /// It starts, stops or recovers.
    #[error("{place} takes no connections now: {why}; try again in a moment")]
    NotReady {
        /// The server.
        place: String,
        /// The server's word.
        why: String,
    },
    /// The connection cannot be protected as was asked for.
    #[error(
        "cannot talk to {place} over TLS: {why}; see that the server has ssl = on, and that sslmode and sslrootcert \
         in store.url fit its certificate"
    )]
    Tls {
        /// The server.
        place: String,
        /// Why.
        why: String,
    },
    /// Wrong password, unknown user, or `pg_hba.conf`.
    #[error(
        "{place} refuses the login: {why}; see that user and password in store.url are right, and that pg_hba.conf \
         lets them in from here"
    )]
    Login {
        /// The server.
        place: String,
        /// The server's word.
        why: String,
    },
    /// There is no such database.
    #[error("{place} is not there: {why}; create it first (CREATE DATABASE), or correct store.url")]
    NoDatabase {
        /// The server and the database.
        place: String,
        /// The server's word.
        why: String,
    },
    /// The user may not do what the server of orders must.
    #[error(
        "missing rights on {place}: {why}; make the user of store.url the database's owner, or GRANT CREATE, USAGE ON \
         SCHEMA public to it"
    )]
    Rights {
        /// The server and the database.
        place: String,
        /// The server's word.
        why: String,
    },
    /// No connection is left for this process.
    #[error(
        "{place} has no connection left: {why}; raise its max_connections (or the role's or database's limit), lower \
         store.pool_size, or put PgBouncer between in session mode"
    )]
    TooManyConnections {
        /// The server.
        place: String,
        /// The server's word.
        why: String,
    },
    /// A replica, or a server that is set to be read only.
    #[error("{place} takes no writes: {why}; give store.url the primary, or target_session_attrs=read-write")]
    ReadOnly {
        /// The server.
        place: String,
        /// The server's word.
        why: String,
    },
    /// It lacks what the statements need.
    #[error("{place} is PostgreSQL {version}; 15 or newer is needed: upgrade it")]
    TooOld {
        /// The server.
        place: String,
        /// Its version.
        version: String,
    },
    /// It cannot hold the texts of every script.
    #[error(
        "{place} has the encoding {encoding}; UTF8 is needed: make another one with CREATE DATABASE … ENCODING 'UTF8' \
         TEMPLATE template0"
    )]
    Encoding {
        /// The server and the database.
        place: String,
        /// The encoding that it was made with.
        encoding: String,
    },
    /// The schema is of a later release, or was changed by hand.
    #[error(
        "the schema of {place} is not this release's: {why}; start the release that it is of, or a later one (an \
         older one must not run on it)"
    )]
    Schema {
        /// The server and the database.
        place: String,
        /// Which migration.
        why: String,
    },
    /// A migration failed.
    #[error("cannot migrate {place}: {source}")]
    Migrate {
        /// The server and the database.
        place: String,
        /// Why.
        #[source]
        source: Box<refinery::Error>,
    },
    /// Anything else.
    #[error("cannot open {place}: {}", said(.source))]
    Postgres {
        /// The server and the database.
        place: String,
        /// The driver's word.
        #[source]
        source: tokio_postgres::Error,
    },
}

impl OpenError {
    /// What went wrong with a database while it was opened.
    pub(super) fn new(place: &impl ToString, error: tokio_postgres::Error) -> Self {
        let place = place.to_string();
        let why = said(&error);
        match error.code() {
            Some(code) if is_login(code) => Self::Login { place, why },
            Some(&SqlState::INVALID_CATALOG_NAME) => Self::NoDatabase { place, why },
            Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Self::Rights { place, why },
            Some(&SqlState::TOO_MANY_CONNECTIONS) => Self::TooManyConnections { place, why },
            Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => Self::ReadOnly { place, why },
            Some(&SqlState::CANNOT_CONNECT_NOW | &SqlState::ADMIN_SHUTDOWN | &SqlState::CRASH_SHUTDOWN) => {
                Self::NotReady { place, why }
            }
            Some(_) => Self::Postgres { place, source: error },
            // The driver has no other way to tell them apart than its words.
            None => match error.to_string().as_str() {
                "error performing TLS handshake" => Self::Tls { place, why },
                "authentication error" | "invalid configuration" => Self::Login { place, why },
                "error connecting to server" | "error communicating with the server" | "connection closed" => {
                    Self::Unreachable { place, why }
                }
                _ => Self::Postgres { place, source: error },
            },
        }
    }

    /// What went wrong with a database while it was migrated.
    pub(super) fn migrating(place: &impl ToString, error: refinery::Error) -> Self {
        use refinery::error::Kind;
        let place = place.to_string();
        match error.kind() {
            Kind::DivergentVersion(..) | Kind::MissingVersion(_) => Self::Schema { place, why: error.to_string() },
            Kind::Connection(_, source) => match source.downcast_ref::<tokio_postgres::Error>() {
                Some(cause) if cause.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                    Self::Rights { place, why: said(cause) }
                }
                Some(cause) if cause.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => {
                    Self::ReadOnly { place, why: said(cause) }
                }
                _ => Self::Migrate { place, source: Box::new(error) },
            },
            _ => Self::Migrate { place, source: Box::new(error) },
        }
    }
}

fn is_login(code: &SqlState) -> bool {
    [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(code)
}

/// The server's own word where it has said one, else the cause that the driver knows.
fn said(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(said), _) => said.message().to_owned(),
        (None, Some(cause)) => cause.to_string(),
        (None, None) => error.to_string(),
    }
}
