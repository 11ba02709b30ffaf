//! The rules, tested with plain calls: no clock, no threads, no files.

mod given;
mod journal;
mod row;

mod amend;
mod basket;
mod cancel;
mod concurrent;
mod definition;
mod direct;
mod direct_chaos;
mod forward;
mod impossible;
mod late;
mod log_json;
mod order_barrier;
mod payment_barrier;
mod payment_chaos;
mod payment_edits;
mod payment_outside;
mod prefixes;
mod retry;
mod shipment_barrier;
pub(crate) mod stock;
mod unknown;
mod world;
mod world_chaos;
mod world_outside;
mod world_promises;
