//! Orders that nothing more is done for until their driver knows what the log says.

use super::CommandError;
use crate::{domain::ids::OrderId, store::StoreError};
use std::{
    cell::RefCell,
    collections::{HashMap, hash_map::Entry},
};

/// Orders of sagas whose start or log append is not in the log: storage was away, or another request
/// with the same key was first. Their coordinator believes more than the log says, and actions it has
/// sent since may already be queued: they are refused until the saga has been loaded again, or the
/// order abandoned, so that no step happens that a crash would forget to undo.
///
/// Counted: each start that is not in the log is abandoned by itself. A coordinator that crashes before it
/// abandons one leaves its cut behind: some 20 bytes for an order that nobody will ever ask for, until the
/// process ends.
#[derive(Debug, Default)]
pub(in crate::store) struct Severed(RefCell<Cuts>);

/// How often each order was cut off.
pub(in crate::store) type Cuts = HashMap<OrderId, u32>;

impl Severed {
    /// As it is before a transaction, to go back to when that is rolled back and run again.
    pub(in crate::store) fn snapshot(&self) -> Cuts {
        self.0.borrow().clone()
    }

    /// As it was then.
    pub(in crate::store) fn restore(&self, cuts: Cuts) {
        self.0.replace(cuts);
    }

    /// The saga's log could not be written: its driver believes more than the log says.
    pub(super) fn cut(&self, order: OrderId) {
        *self.0.borrow_mut().entry(order).or_insert(0) += 1;
    }

    /// Nothing more comes of a start that is not in the log.
    pub(super) fn abandon(&self, order: OrderId) {
        if let Entry::Occupied(mut cuts) = self.0.borrow_mut().entry(order) {
            *cuts.get_mut() -= 1;
            if *cuts.get() == 0 {
                cuts.remove();
            }
        }
    }

    /// The saga's driver knows what the log says.
    pub(super) fn mend(&self, order: OrderId) {
        let mut severed = self.0.borrow_mut();
        if !severed.is_empty() {
            severed.remove(&order);
        }
    }

    /// Fails when the order's saga must be loaded before anything more is done for it.
    pub(super) fn check_whole(&self, order: OrderId) -> Result<(), CommandError> {
        let severed = self.0.borrow();
        if !severed.is_empty() && severed.contains_key(&order) {
            return Err(CommandError::Failed(StoreError::Unavailable(
                "the saga's log could not be written; waiting for its driver".into(),
            )));
        }
        Ok(())
    }
}
