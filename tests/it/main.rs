//! The one integration-test binary: one module per room of the house.

mod domain;
mod facade;
mod support;
