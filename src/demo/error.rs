//! Why there is no demo.

use crate::{service::ServiceError, store::StoreError};

/// Why a database is not filled, or no orders are placed.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The demo is for an empty database.
    #[error(
        "the database has products or shops already, and nothing was changed; \
         give the demo a new one, e.g. --set store.url=sqlite:./data/demo.db"
    )]
    NotEmpty,
    /// The demo's own data breaks a rule.
    #[error("the demo's own data is refused: {0}")]
    Plan(String),
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An order could not be placed.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The process must end.
    #[error("{0}")]
    Fatal(String),
}
