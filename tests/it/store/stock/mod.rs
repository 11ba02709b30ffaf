//! Stock in the store: its barrier, its races, its keys, its lists, and what the audit says of it.

pub(crate) mod given;

mod audit;
mod commands;
mod lists;
mod races;
