//! The rules, tested with plain calls: no clock, no threads, no files.

mod given;
mod journal;
mod row;

mod cancel;
mod definition;
mod forward;
mod impossible;
mod late;
mod payment_outside;
mod retry;
mod unknown;
