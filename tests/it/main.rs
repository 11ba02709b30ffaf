//! The one integration-test binary: one module per room of the house.

mod actors;
mod architecture;
mod domain;
mod process;
mod store;
