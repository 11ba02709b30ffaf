//! Backstitch
pub mod clock;
pub mod domain;
pub mod lifecycle;
pub mod store;
