//! The backend for several machines: one PostgreSQL database that every node of a cluster uses.

#![expect(dead_code, reason = "the writing side, which uses the rest, is not here yet")]

mod catalog;
mod codec;
mod export;
mod schema;
mod snapshot;
mod stock;

pub use schema::{MigrateError, migrate};
