//! Stock: levels, allocation, the reservation's barrier, and all of it against a simple model.

mod depot;

mod allocation;
mod barrier;
mod changes;
mod model;

pub(crate) use depot::plain;
pub(super) use depot::{Depot, shop, variant};
