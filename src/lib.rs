//! Backstitch
pub mod actors;
pub mod app;
pub mod audit;
pub mod clock;
pub mod domain;
pub mod http;
pub mod lifecycle;
pub mod providers;
pub mod service;
pub mod settings;
pub mod store;
pub mod telemetry;
