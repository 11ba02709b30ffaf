//! The catalogue in SQLite.
//!
//! Owns the `catalog_…` tables and the index of words over the products. Must not read anybody else's.

mod read;
pub(super) mod rows;
mod write;
