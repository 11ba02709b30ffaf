//! The one integration-test binary: one module per room of the house.

#![allow(clippy::unwrap_used, reason = "a test that fails says where; its own functions are tests too")]

mod actors;
mod architecture;
mod audit;
mod domain;
mod exchange;
mod facade;
pub(crate) mod grpc;
mod load;
mod postgres;
pub(crate) mod process;
mod split;
mod store;
mod support;
