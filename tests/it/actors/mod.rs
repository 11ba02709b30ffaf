//! The actors: each alone with its store, then all together, crashed wherever a crash can hurt.

mod given;
mod stock;
mod stubs;

mod alone;
mod announced;
mod apart;
mod catalog;
mod crashes;
mod late_money;
mod late_starts;
mod poison;
mod prefixes;
mod races;
mod recovery;
mod requests;
mod unknown;
