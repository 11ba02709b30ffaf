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

use crate::{
    domain::{
        catalog::PricedOffer,
        ids::{IdMap, OrderId, SagaId, ShopId, VariantId, WarehouseId},
        order::Order,
        payment::Payments,
        shipment::Shipping,
        stock::{Level, Reservation, Shelf},
    },
    store::{SagaRow, commands::Versioned, recent::Generations},
};
use std::{
    hash::Hash,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The rows of one kind.
pub(super) struct Rows<K, V> {
    committed: Mutex<Generations<K, V>>,
    /// What the transaction under way has written; `None`: no longer kept. The writer's alone.
    pending: Mutex<IdMap<K, Option<V>>>,
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self { committed: Mutex::default(), pending: Mutex::default() }
    }
}

/// A map is whole whatever its holder was doing when it panicked.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<K: Copy + Eq + Hash, V: Clone> Rows<K, V> {
    /// The row as last committed.
    pub(super) fn committed(&self, key: K) -> Option<V> {
        lock(&self.committed).get(&key).cloned()
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
                Some(row) => rows.insert(key, row),
                None => rows.remove(&key),
            }
        }
        rows.age();
    }

    fn discard(&self) {
        lock(&self.pending).clear();
    }

    fn clear(&self) {
        self.discard();
        lock(&self.committed).clear();
    }
}

/// What has been looked up in the catalogue for a variant of a shop: kept by whoever reads it, and forgotten
/// whenever that is written, which is seldom.
///
/// A reader says which state of the catalogue its look-up began in ([`Self::find`]); what comes from an older
/// state than the present one is not kept.
pub(super) struct LookUps<V>(Mutex<KeptLookUps<V>>);

struct KeptLookUps<V> {
    found: Generations<(ShopId, VariantId), V>,
    /// How often the catalogue has been written.
    state: u64,
    /// Whether the transaction under way has written it.
    touched: bool,
}

impl<V> Default for LookUps<V> {
    fn default() -> Self {
        Self(Mutex::new(KeptLookUps { found: Generations::default(), state: 0, touched: false }))
    }
}

impl<V: Clone> LookUps<V> {
    /// What is known, as last committed; or the catalogue's state in which it is not.
    pub(super) fn find(&self, shop: ShopId, variant: VariantId) -> Result<V, u64> {
        lock(&self.0).find(shop, variant)
    }

    /// The same as the transaction under way has left it, which may be known to nobody. The writer's question.
    pub(super) fn latest(&self, shop: ShopId, variant: VariantId) -> Result<V, Option<u64>> {
        let kept = lock(&self.0);
        if kept.touched { Err(None) } else { kept.find(shop, variant).map_err(Some) }
    }

    /// It has been read from the file, after `state` was answered.
    pub(super) fn keep(&self, shop: ShopId, variant: VariantId, found: V, state: u64) {
        let mut kept = lock(&self.0);
        if kept.state == state {
            kept.found.insert((shop, variant), found);
            kept.found.age();
        }
    }

    /// The transaction under way writes the catalogue.
    pub(super) fn touch(&self) {
        lock(&self.0).touched = true;
    }

    fn publish(&self) {
        let mut kept = lock(&self.0);
        if mem::take(&mut kept.touched) {
            kept.forget();
        }
    }

    fn discard(&self) {
        lock(&self.0).touched = false;
    }

    /// Forgets everything, now and again when the transaction under way is committed: it may write anything.
    fn clear(&self) {
        let mut kept = lock(&self.0);
        kept.forget();
        kept.touched = true;
    }
}

impl<V: Clone> KeptLookUps<V> {
    fn find(&self, shop: ShopId, variant: VariantId) -> Result<V, u64> {
        self.found.get(&(shop, variant)).cloned().ok_or(self.state)
    }

    fn forget(&mut self) {
        self.state += 1;
        self.found.clear();
    }
}

/// The rows of every kind that is kept.
#[derive(Default)]
pub(super) struct Recent {
    pub(super) orders: Rows<OrderId, Versioned<Order>>,
    pub(super) payments: Rows<OrderId, Versioned<Payments>>,
    pub(super) shipping: Rows<OrderId, Versioned<Shipping>>,
    pub(super) reservations: Rows<OrderId, Versioned<Reservation>>,
    pub(super) levels: Rows<Shelf, Versioned<Level>>,
    pub(super) sagas: Rows<SagaId, SagaRow>,
    /// The stretch of the ledger that is last known to name a variant, and a warehouse.
    pub(super) variant_stretches: Rows<VariantId, i64>,
    pub(super) warehouse_stretches: Rows<WarehouseId, i64>,
    pub(super) offers: LookUps<PricedOffer>,
    /// A shop's active warehouses that have a level of a variant, and their priorities.
    pub(super) sources: LookUps<Arc<[(WarehouseId, i64)]>>,
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
        self.variant_stretches.publish();
        self.warehouse_stretches.publish();
        self.offers.publish();
        self.sources.publish();
    }

    /// The transaction under way is rolled back.
    pub(super) fn discard(&self) {
        self.orders.discard();
        self.payments.discard();
        self.shipping.discard();
        self.reservations.discard();
        self.levels.discard();
        self.sagas.discard();
        self.variant_stretches.discard();
        self.warehouse_stretches.discard();
        self.offers.discard();
        self.sources.discard();
    }

    /// Nothing that is here may be relied on.
    pub(super) fn clear(&self) {
        self.orders.clear();
        self.payments.clear();
        self.shipping.clear();
        self.reservations.clear();
        self.levels.clear();
        self.sagas.clear();
        self.variant_stretches.clear();
        self.warehouse_stretches.clear();
        self.offers.clear();
        self.sources.clear();
    }
}

#[cfg(test)]
mod tests;
