//! How many sagas may be under way at once: the bound is where work enters, not in a mailbox.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Counts the sagas that are in hand. A saga that waits is a row and does not count.
#[derive(Clone, Debug)]
pub struct Admission {
    in_hand: Arc<AtomicUsize>,
    limit: usize,
}

/// A place among the sagas in hand, given back when dropped.
#[derive(Debug)]
pub struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    /// At most `limit` sagas of new orders at once.
    pub fn new(limit: usize) -> Self {
        Self { in_hand: Arc::default(), limit }
    }

    /// A place for a new order, unless all are taken.
    pub fn try_enter(&self) -> Option<Permit> {
        let entered = self.in_hand.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |in_hand| {
            (in_hand < self.limit).then_some(in_hand + 1)
        });
        entered.ok().map(|_| Permit(Arc::clone(&self.in_hand)))
    }

    /// A place for a saga that is accepted already and goes on: never refused.
    pub fn enter(&self) -> Permit {
        self.in_hand.fetch_add(1, Ordering::Relaxed);
        Permit(Arc::clone(&self.in_hand))
    }

    /// Sagas in hand now.
    pub fn in_hand(&self) -> usize {
        self.in_hand.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_given_back_when_its_permit_is_dropped() {
        let admission = Admission::new(1);
        let first = admission.try_enter();
        assert!(first.is_some() && admission.try_enter().is_none());
        drop(first);
        assert!(admission.try_enter().is_some());
    }

    #[test]
    fn a_saga_that_goes_on_is_counted_but_never_refused() {
        let admission = Admission::new(1);
        let _kept = (admission.enter(), admission.enter());
        assert_eq!(admission.in_hand(), 2);
        assert!(admission.try_enter().is_none());
    }
}
