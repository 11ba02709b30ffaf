//! The one integration-test binary: one module per room of the house.

mod actors;
mod architecture;
mod audit;
mod domain;
mod facade;
mod load;
mod process;
mod store;
mod support;
