//! What is said of sagas that have been removed because they ended long ago.

use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What came of removing sagas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// So many were removed.
    pub sagas: u32,
    /// There are probably more.
    pub more: bool,
}

/// Which sagas have been removed so far: what an order without a saga is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// All of them ended well before this.
    pub ended_before: Timestamp,
    /// How many there were.
    pub sagas: u64,
}
