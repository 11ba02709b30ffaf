//! The backend for several nodes: a PostgreSQL server.

#![expect(dead_code, reason = "the backend that uses it is on its way")]

mod connect;
mod error;
mod tls;

pub use connect::{Address, Certificate};
pub use error::OpenError;

use super::{ExportSource, FactSource, Store};
use crate::lifecycle::Fatal;
use std::{sync::Arc, time::Duration};

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is, and how it is reached.
    pub address: Address,
    /// Most connections for reading.
    pub pool_size: usize,
    /// How long a query waits for one of them.
    pub pool_timeout: Duration,
    /// Most commands in one transaction.
    pub max_batch: usize,
    /// This process's name.
    pub node: String,
    /// How long what this process drives is left to it when it is not heard of.
    pub lease: Duration,
}

/// Opens a database for a server: migrated, with its writer and readers running. Blocks meanwhile.
///
/// # Errors
/// When it cannot be reached, may not be used, or a migration fails.
pub fn open(options: &Options, _: &Fatal) -> Result<Store, OpenError> {
    reach(options)?;
    Err(OpenError::Absent)
}

/// Brings a database up to this release; the names of the migrations that were applied. Blocks meanwhile.
///
/// # Errors
/// When it cannot be reached, may not be changed, or a migration fails.
pub fn migrate(options: &Options) -> Result<Vec<String>, OpenError> {
    reach(options)?;
    Err(OpenError::Absent)
}

/// Opens a database for an audit alone.
///
/// # Errors
/// When there is no such database.
pub fn open_facts(options: &Options) -> Result<Arc<dyn FactSource>, OpenError> {
    reach(options)?;
    Err(OpenError::Absent)
}

/// Opens a database to export it.
///
/// # Errors
/// When there is no such database.
pub fn open_export(options: &Options) -> Result<Arc<dyn ExportSource>, OpenError> {
    reach(options)?;
    Err(OpenError::Absent)
}

/// Sees that there is a server that will do. Blocks meanwhile, on a thread of its own: the caller's may have a
/// runtime that must not be blocked on.
fn reach(options: &Options) -> Result<(), OpenError> {
    let connector = connect::Connector::new(&options.address)?;
    let reached = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| OpenError::NoRuntime { source })?;
        runtime.block_on(connector.connect()).map(drop)
    });
    reached.join().unwrap_or_else(|_| Err(OpenError::Absent))
}
