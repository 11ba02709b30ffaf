//! Backstitch
pub mod actors;
pub mod clock;
pub mod domain;
pub mod lifecycle;
pub mod providers;
pub mod store;
