//! What everything in a run shares. One thread, so that cells do.

use super::{nodes::Nodes, order::Orders, schedule::Schedule, tally::Tally};
use std::{cell::RefCell, rc::Rc};

/// A run under way.
pub(super) struct Run {
    pub(super) nodes: Rc<Nodes>,
    pub(super) orders: Orders,
    pub(super) schedule: RefCell<Schedule>,
    pub(super) tally: RefCell<Tally>,
    /// Half of the orders that are placed at most.
    pub(super) half: u64,
    /// What the run's idempotency keys begin with, so that two runs never share one.
    pub(super) key: String,
}
