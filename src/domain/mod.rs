//! The rules, pure: no async, no actors, no SQL, no clock, no randomness.
//!
//! Owns every decision the product makes: what a valid order is, what each participant answers to
//! each command, how a saga moves and how it is undone. Time, ids and random numbers come in as
//! values, so that every rule can be tested with plain calls and replayed after a crash.
//!
//! Must not import anything of the crate outside `domain` (`tests/it/architecture.rs` enforces it).

pub mod aggregate;
pub mod call;
pub mod catalog;
pub mod checkout;
pub mod field;
pub mod ids;
mod interned;
pub mod money;
pub mod notifier;
pub mod order;
pub mod payment;
pub mod reason;
pub mod reference;
pub mod saga;
pub mod shipment;
pub mod simulation;
pub mod stock;
pub mod time;
