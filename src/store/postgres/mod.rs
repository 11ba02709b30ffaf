//! The backend for several machines: one PostgreSQL database that every node of a cluster uses.

#![expect(dead_code, reason = "the writing side, which uses the rest, is not here yet")]

mod catalog;
mod codec;
mod connect;
mod error;
mod order;
mod payment;
mod saga;
mod shipment;
mod stock;
mod tls;
mod node;
mod schema;
mod session;
mod write;
mod writer;

pub use connect::{Address, Certificate};
pub use error::OpenError;
pub use schema::{MigrateError, migrate};
