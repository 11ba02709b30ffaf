//! The catalogue in SQLite.
//!
//! Owns the `catalog_…` tables and the index of words over the products. Must not read anybody else's.

mod read;
pub(super) mod rows;
mod words;
mod write;

pub(super) use words::words_of_products;
