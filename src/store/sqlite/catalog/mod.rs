//! The catalogue in SQLite.
//!
//! Owns the `catalog_…` tables and the index of words over the products. Must not read anybody else's,
//! but for [`CatalogStore::stock_of`](crate::store::CatalogStore::stock_of), which is one look-up of its own.

mod read;
mod rows;
mod write;
