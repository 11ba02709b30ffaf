//! The backend for several machines: one PostgreSQL database that every node of a cluster uses.

mod schema;

pub use schema::{MigrateError, migrate};
