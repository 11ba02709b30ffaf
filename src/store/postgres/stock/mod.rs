//! Stock in PostgreSQL.
//!
//! Owns the `stock_…` tables. What it must know of the catalogue is in one module.

mod catalog;
mod facts;
mod ledger;
mod levels;
mod queries;
mod reservations;

pub(super) use catalog::{EXPORTED_LEVELS, exported_level};
pub(super) use facts::pass_shelves;
pub(super) use ledger::{BY_ORDER as MOVEMENTS_BY_ORDER, movement_columns, read as read_movement};
pub(super) use levels::read as read_level;
pub(super) use queries::loader;
pub(super) use reservations::{
    ALL as ALL_RESERVATIONS, LOCKED as RESERVATIONS_LOCKED, read as read_reservation, reservation_columns,
};
