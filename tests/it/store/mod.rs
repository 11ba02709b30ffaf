//! The store, tested through its traits alone on a real file, so that another backend can be held to
//! the same tests: what a backend is opened with is in [`given::TestStore`], and nowhere else.

pub(crate) mod given;
pub(crate) mod shelves;

mod backup;
mod batches;
mod bulk;
mod catalog;
mod claims;
mod close;
mod facts;
mod offenders;
mod owners;
mod payments;
mod plans;
mod poison;
mod retention;
mod sagas;
mod severed;
pub(crate) mod stock;
mod threads;
