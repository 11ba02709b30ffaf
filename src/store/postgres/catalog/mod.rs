//! The catalogue in PostgreSQL.
//!
//! Owns the `catalog_…` tables. Must not read anybody else's.

mod read;
pub(super) mod rows;
pub(super) mod words;

pub(super) use read::loader;
