//! Rows that were written lately, kept in memory: what the next step of a saga loads, and what its
//! client is shown when it rests.
//!
//! Owns no truth. It agrees with the file because one process alone writes that (its lock), every write
//! goes through the writer thread, and a row is shown here only once its transaction is committed. When a
//! stranger changes the file all the same, the next transaction forgets everything here. A row that is not
//! here is read from the file.
//!
//! ```text
//!   writer: keep(row) ─▶ pending ── COMMIT ─▶ committed ─▶ look-ups on any thread
//!                           └────── ROLLBACK ─▶ dropped
//! ```

use super::table::Versioned;
use crate::{
    domain::{
        ids::{IdMap, OrderId, SagaId},
        order::Order,
        payment::Payment,
        shipment::Shipping,
        stock::{Level, Reservation, Shelf},
    },
    store::SagaRow,
};
use std::{
    hash::Hash,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Rows of one kind in one generation. Two generations are kept, so that this many are there at least;
/// more sagas than that under way at once read the rest from the file.
const GENERATION: usize = 1024;

/// The rows of one kind.
pub(super) struct Rows<K, V> {
    committed: Mutex<Generations<K, V>>,
    /// What the transaction under way has written; `None`: no longer kept. The writer's alone.
    pending: Mutex<IdMap<K, Option<V>>>,
}

struct Generations<K, V> {
    young: IdMap<K, V>,
    old: IdMap<K, V>,
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self {
            committed: Mutex::new(Generations { young: IdMap::default(), old: IdMap::default() }),
            pending: Mutex::default(),
        }
    }
}

/// A map is whole whatever its holder was doing when it panicked.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Copy + Eq + Hash, V: Clone> Rows<K, V> {
    /// The row as last committed.
    pub(super) fn committed(&self, key: K) -> Option<V> {
        let rows = lock(&self.committed);
        rows.young.get(&key).or_else(|| rows.old.get(&key)).cloned()
    }

    /// The row as the transaction under way has left it. The writer's question.
    pub(super) fn latest(&self, key: K) -> Option<V> {
        if let Some(pending) = lock(&self.pending).get(&key) {
            return pending.clone();
        }
        self.committed(key)
    }

    /// The transaction under way has written the row; `None`: it is read from the file from now on.
    pub(super) fn write(&self, key: K, row: Option<V>) {
        lock(&self.pending).insert(key, row);
    }

    fn publish(&self) {
        let mut pending = lock(&self.pending);
        if pending.is_empty() {
            return;
        }
        let mut rows = lock(&self.committed);
        for (key, row) in pending.drain() {
            match row {
                Some(row) => {
                    rows.young.insert(key, row);
                }
                None => {
                    rows.young.remove(&key);
                    rows.old.remove(&key);
                }
            }
        }
        if rows.young.len() >= GENERATION {
            rows.old = mem::take(&mut rows.young);
        }
    }

    fn discard(&self) {
        lock(&self.pending).clear();
    }

    fn clear(&self) {
        self.discard();
        let mut rows = lock(&self.committed);
        rows.young.clear();
        rows.old.clear();
    }
}

/// The rows of every kind that is kept.
#[derive(Default)]
pub(super) struct Recent {
    pub(super) orders: Rows<OrderId, Versioned<Order>>,
    pub(super) payments: Rows<OrderId, Versioned<Payment>>,
    pub(super) shipping: Rows<OrderId, Versioned<Shipping>>,
    pub(super) reservations: Rows<OrderId, Versioned<Reservation>>,
    pub(super) levels: Rows<Shelf, Versioned<Level>>,
    pub(super) sagas: Rows<SagaId, SagaRow>,
}

impl Recent {
    /// The transaction under way is committed.
    pub(super) fn publish(&self) {
        self.orders.publish();
        self.payments.publish();
        self.shipping.publish();
        self.reservations.publish();
        self.levels.publish();
        self.sagas.publish();
    }

    /// The transaction under way is rolled back.
    pub(super) fn discard(&self) {
        self.orders.discard();
        self.payments.discard();
        self.shipping.discard();
        self.reservations.discard();
        self.levels.discard();
        self.sagas.discard();
    }

    /// Nothing that is here may be relied on.
    pub(super) fn clear(&self) {
        self.orders.clear();
        self.payments.clear();
        self.shipping.clear();
        self.reservations.clear();
        self.levels.clear();
        self.sagas.clear();
    }
}

#[cfg(test)]
mod tests;
