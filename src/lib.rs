//! Backstitch
pub mod domain;
