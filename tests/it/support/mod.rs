//! What black-box tests of a running server need: the server itself, its answers, a socket for what no
//! HTTP client would send, and patience.

mod answer;
mod app;
mod bank;
mod bodies;
mod catalog;
mod catalog_rows;
mod database;
mod events;
mod postgres;
mod raw;
mod stand;
mod till;
mod told;

pub(crate) use answer::{Answer, Call};
pub(crate) use app::TestApp;
pub(crate) use bank::{Asked, Bank, Manner};
pub(crate) use bodies::{day, id, manual, simulated};
pub(crate) use catalog_rows::CatalogRows;
pub(crate) use database::{Hold, Literal, Sql, TestDatabase, database, either, on_postgres, sqlite_only};
pub(crate) use events::{Events, Message};
pub(crate) use postgres::{Cluster, Database, Server, Session};
pub(crate) use raw::Raw;
pub(crate) use stand::{Stand, paid, unpaid};
pub(crate) use till::{Habit, Till};
pub(crate) use told::{
    SECRET, app_that_tells, app_that_tells_over, assert_signed, notification_once, notifications_of, told,
};

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// An HTTP client that can be built: reqwest takes no cryptography of its own.
pub(crate) fn http_client_builder() -> reqwest::ClientBuilder {
    // The first one stays; it is the same for everybody.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
}

pub(crate) fn http_client() -> reqwest::Client {
    http_client_builder().build().expect("a client")
}

/// How long anything may take before a test calls it a hang.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// Asks until the answer is there.
pub(crate) async fn eventually<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        sleep(POLL).await;
    }
}

/// Asks until the answer is there, where nothing is asynchronous.
pub(crate) fn eventually_blocking<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(POLL);
    }
}

/// A number from the environment, for runs larger than everyday's.
pub(crate) fn scaled(name: &str, everyday: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(everyday)
}
