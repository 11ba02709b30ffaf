//! Why a file is not taken in, or not written.

use super::faults::Faults;
use crate::store::StoreError;
use std::{io, path::PathBuf};

/// Why nothing was changed, or nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Rows of the file cannot be taken.
    #[error("{path} is refused, and nothing was changed:{faults}")]
    Refused {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        faults: Faults,
    },
    /// Nothing is overwritten unasked.
    #[error("{0} exists; give --force to write over it, or give the export another name")]
    Exists(PathBuf),
    /// There is something else than a file.
    #[error("{0} is not a file; leave it out to write to standard output")]
    NoFile(PathBuf),
    /// The file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
