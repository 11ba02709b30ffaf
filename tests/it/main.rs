//! The one integration-test binary: one module per room of the house.

mod architecture;
mod audit;
mod domain;
mod load;
mod process;
