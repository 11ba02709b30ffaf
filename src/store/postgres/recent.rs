//! Rows that this node has written lately: what the next step of a saga most probably finds, and what its client is
//! shown when it rests.
//!
//! ```text
//!   transaction ── committed ─▶ kept, with the moment before its COMMIT was sent
//!                                 ├─▶ the next transaction decides from it; the version it writes over says whether
//!                                 │   that was right, and if not, everything is read and decided again
//!                                 └─▶ whoever asked before that moment is shown it: it was true meanwhile
//! ```
//!
//! Owns no truth: other nodes may have written the same rows since. Must not be asked for what was true before the
//! question.

use crate::{
    domain::{
        ids::{OrderId, SagaId},
        order::Order,
        payment::Payments,
        shipment::Shipping,
    },
    store::{OrderRows, SagaRow, commands::Versioned, recent::Generations},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

/// A row, and when it was about to be committed.
#[derive(Clone)]
pub(super) struct Written<V> {
    pub(super) row: V,
    pub(super) at: Instant,
}

/// An aggregate's rows, by order.
pub(super) type Rows<A> = Generations<OrderId, Written<Versioned<A>>>;

/// What is kept of every kind.
#[derive(Default)]
pub(super) struct Memory {
    pub(super) orders: Rows<Order>,
    pub(super) payments: Rows<Payments>,
    pub(super) shipping: Rows<Shipping>,
    pub(super) sagas: Generations<SagaId, Written<SagaRow>>,
}

impl Memory {
    /// Nothing is known of an order any more: its saga has been somebody else's.
    pub(super) fn forget(&mut self, order: OrderId, saga: SagaId) {
        self.orders.remove(&order);
        self.payments.remove(&order);
        self.shipping.remove(&order);
        self.sagas.remove(&saga);
    }

    /// What a transaction has written is in: the oldest goes.
    pub(super) fn age(&mut self) {
        self.orders.age();
        self.payments.age();
        self.shipping.age();
        self.sagas.age();
    }

    fn clear(&mut self) {
        self.orders.clear();
        self.payments.clear();
        self.shipping.clear();
        self.sagas.clear();
    }
}

/// The rows, for the writer and for whoever looks things up.
#[derive(Default)]
pub(super) struct Recent(Mutex<Memory>);

impl Recent {
    /// What is kept. A map is whole whatever its holder was doing when it panicked.
    pub(super) fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing that is kept may be relied on.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// All that belongs to an order, if this node has written every part of it after `since`.
    pub(super) fn order_since(&self, order: OrderId, saga: SagaId, since: Instant) -> Option<OrderRows> {
        let kept = self.lock();
        Some(OrderRows {
            order: shown(kept.orders.get(&order)?, since)?.row.clone(),
            payments: shown(kept.payments.get(&order)?, since)?.row.clone(),
            shipping: shown(kept.shipping.get(&order)?, since)?.row.clone(),
            saga: shown(kept.sagas.get(&saga)?, since)?.clone(),
        })
    }
}

fn shown<V>(written: &Written<V>, since: Instant) -> Option<&V> {
    (written.at >= since).then_some(&written.row)
}
