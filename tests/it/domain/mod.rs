//! The rules, tested with plain calls: no clock, no threads, no files.

mod given;
mod journal;

mod definition;
