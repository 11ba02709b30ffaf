//! Backstitch
pub mod actors;
pub mod clock;
pub mod domain;
pub mod lifecycle;
pub mod providers;
pub mod settings;
pub mod store;
pub mod telemetry;
