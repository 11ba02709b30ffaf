//! What everything in a run shares. One thread, so that cells do.

use super::{nodes::Nodes, order::Orders, schedule::Schedule, tally::Tally};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

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
    /// Every order has been placed: no more trouble is begun.
    pub(super) is_over: Cell<bool>,
    /// What trouble is being made.
    pub(super) troubles: Cell<usize>,
}

/// Some trouble that is being made.
pub(super) struct Trouble<'a>(&'a Run);

impl Drop for Trouble<'_> {
    fn drop(&mut self) {
        self.0.troubles.update(|troubles| troubles - 1);
    }
}

impl Run {
    /// Says that trouble is being made for as long as the answer is kept.
    pub(super) fn trouble(&self) -> Trouble<'_> {
        self.troubles.update(|troubles| troubles + 1);
        Trouble(self)
    }

    /// Resolves at once while orders are placed, and never after that.
    pub(super) async fn goes_on(&self) {
        if self.is_over.get() {
            std::future::pending::<()>().await;
        }
    }
}
