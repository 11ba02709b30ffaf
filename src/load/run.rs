//! What everything in a run shares. One thread, so that cells do.

use super::{order::Orders, schedule::Schedule, tally::Tally, target::Target};
use std::cell::RefCell;

/// A run under way.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) target: Target,
    pub(super) orders: Orders,
    pub(super) schedule: RefCell<Schedule>,
    pub(super) tally: RefCell<Tally>,
    /// What the run's idempotency keys begin with, so that two runs never share one.
    pub(super) key: String,
}
