//! The rows that a transaction works on: read ahead, changed in memory, written together at its end.

use crate::store::{StoreError, commands::Versioned};
use std::{
    cell::{Ref, RefCell},
    collections::HashMap,
    hash::Hash,
};
use tokio_postgres::types::ToSql;

/// The rows of one kind, by key.
pub(super) struct Working<K, V>(RefCell<HashMap<K, Slot<V>, foldhash::fast::RandomState>>);

/// What is known under a key.
pub(super) struct Slot<V> {
    /// As the transaction has left it; why it cannot be read, where it cannot.
    row: Result<Option<Versioned<V>>, StoreError>,
    /// What is stored, if anything is.
    stored: Option<Stored>,
    basis: Basis,
    /// It is to be written.
    dirty: bool,
    /// The transaction has changed it.
    changed: bool,
}

/// How it is known what is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// It was read in this transaction, or written.
    Certain,
    /// It is taken to be so.
    Assumed,
    /// It is taken to be so, and the transaction makes sure of it at its end.
    Relied,
}

impl<V> Slot<V> {
    fn new(row: Result<Option<Versioned<V>>, StoreError>, stored: Option<Stored>) -> Self {
        Self { row, stored, basis: Basis::Certain, dirty: false, changed: false }
    }

    /// Whether it is right for certain, or the transaction fails: what is written over is looked at, too.
    const fn is_certain(&self) -> bool {
        !matches!(self.basis, Basis::Assumed) || self.dirty
    }
}

/// What is stored under a key.
#[derive(Clone, Copy)]
pub(super) struct Stored {
    /// Its version.
    pub(super) version: i64,
    /// How many rows it is.
    pub(super) rows: usize,
}

/// What is to be written under a key.
pub(super) struct Change<'r, K, V> {
    pub(super) key: K,
    pub(super) row: &'r V,
    pub(super) version: i64,
    /// What is to be written over.
    pub(super) stored: Option<Stored>,
}

impl<K, V> Change<'_, K, V> {
    /// The version that is written over; 0 where nothing is.
    pub(super) fn loaded(&self) -> i64 {
        self.stored.map_or(0, |stored| stored.version)
    }
}

/// How many rows a statement must write, as its first parameter.
pub(super) fn count<T>(rows: &[T]) -> Box<dyn ToSql + Sync> {
    Box::new(i64::try_from(rows.len()).unwrap_or(i64::MAX))
}

impl<K, V> Default for Working<K, V> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<K: Copy + Eq + Hash + Ord, V: Clone> Working<K, V> {
    /// The row as the transaction has left it; the outer `None` where it has not been read.
    pub(super) fn get(&self, key: K) -> Option<Result<Option<Versioned<V>>, StoreError>> {
        self.0.borrow().get(&key).filter(|slot| slot.is_certain()).map(|slot| slot.row.clone())
    }

    /// The same, or what it is taken to be; whether that is certain.
    pub(super) fn guess(&self, key: K) -> Option<(Versioned<V>, bool)> {
        let slots = self.0.borrow();
        let slot = slots.get(&key)?;
        Some((slot.row.as_ref().ok()?.clone()?, slot.is_certain()))
    }

    /// Whether it has been read.
    pub(super) fn knows(&self, key: K) -> bool {
        self.0.borrow().get(&key).is_some_and(Slot::is_certain)
    }

    /// Without having been read, it is taken to be this, in so many rows.
    pub(super) fn assume(&self, key: K, row: Versioned<V>, rows: usize) {
        let stored = Some(Stored { version: row.version, rows });
        let slot = Slot { basis: Basis::Assumed, ..Slot::new(Ok(Some(row)), stored) };
        self.0.borrow_mut().entry(key).or_insert(slot);
    }

    /// What it is taken to be, or that there is nothing, is made sure of at the end.
    pub(super) fn rely(&self, key: K) {
        let mut slots = self.0.borrow_mut();
        slots.entry(key).or_insert_with(|| Slot::new(Ok(None), None)).basis = Basis::Relied;
    }

    /// What is to be made sure of, in the order of the keys: the versions, 0 where there is nothing.
    pub(super) fn relied(&self) -> Vec<(K, i64)> {
        let slots = self.0.borrow();
        let relied = slots.iter().filter(|(_, slot)| slot.basis == Basis::Relied && !slot.dirty);
        let mut relied: Vec<_> =
            relied.map(|(key, slot)| (*key, slot.stored.map_or(0, |stored| stored.version))).collect();
        relied.sort_unstable_by_key(|(key, _)| *key);
        relied
    }

    /// It has been read: this is stored, in so many rows.
    pub(super) fn found(&self, key: K, row: Result<Versioned<V>, StoreError>, rows: usize) {
        let stored = row.as_ref().ok().map(|row| Stored { version: row.version, rows });
        self.read(key, Slot::new(row.map(Some), stored));
    }

    /// It has been read: nothing is stored.
    pub(super) fn missing(&self, key: K) {
        self.read(key, Slot::new(Ok(None), None));
    }

    fn read(&self, key: K, slot: Slot<V>) {
        let mut slots = self.0.borrow_mut();
        if !slots.get(&key).is_some_and(Slot::is_certain) {
            slots.insert(key, slot);
        }
    }

    /// Writes a new row; false where one is known. Where nothing is known, the database says so at the end.
    pub(super) fn insert(&self, key: K, row: V) -> bool {
        let mut slots = self.0.borrow_mut();
        let slot = slots.entry(key).or_insert_with(|| Slot::new(Ok(None), None));
        if !matches!(slot.row, Ok(None)) {
            return false;
        }
        slot.row = Ok(Some(Versioned { row, version: 1 }));
        (slot.dirty, slot.changed) = (true, true);
        true
    }

    /// Writes a row over version `loaded`; false where that is not the one.
    pub(super) fn update(&self, key: K, row: V, loaded: i64) -> bool {
        match self.0.borrow_mut().get_mut(&key) {
            Some(slot) if matches!(&slot.row, Ok(Some(known)) if known.version == loaded) => {
                slot.row = Ok(Some(Versioned { row, version: loaded + 1 }));
                (slot.dirty, slot.changed) = (true, true);
                true
            }
            _ => false,
        }
    }

    /// All slots, for [`changes`].
    pub(super) fn slots(&self) -> Ref<'_, HashMap<K, Slot<V>, foldhash::fast::RandomState>> {
        self.0.borrow()
    }

    /// What was changed has been written.
    pub(super) fn written(&self, rows: impl Fn(&V) -> usize) {
        for slot in self.0.borrow_mut().values_mut().filter(|slot| slot.dirty) {
            (slot.dirty, slot.basis) = (false, Basis::Certain);
            if let Ok(Some(row)) = &slot.row {
                slot.stored = Some(Stored { version: row.version, rows: rows(&row.row) });
            }
        }
    }

    /// The rows that the transaction has changed, as it has left them.
    pub(super) fn into_changed(self) -> impl Iterator<Item = (K, Versioned<V>)> {
        let changed = self.0.into_inner().into_iter().filter(|(_, slot)| slot.changed);
        changed.filter_map(|(key, slot)| Some((key, slot.row.ok()??)))
    }

    /// Every row that is there.
    pub(super) fn each(&self, visit: impl FnMut(&V)) {
        let slots = self.0.borrow();
        let rows = slots.values().filter_map(|slot| slot.row.as_ref().ok()?.as_ref());
        rows.map(|row| &row.row).for_each(visit);
    }

    /// Forgets everything: it is read again.
    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }
}

/// What is to be written, in the order of the keys, so that every node takes its locks in the same order.
pub(super) fn changes<K: Copy + Ord, V, S>(slots: &HashMap<K, Slot<V>, S>) -> Vec<Change<'_, K, V>> {
    let changed = slots.iter().filter(|(_, slot)| slot.dirty).filter_map(|(key, slot)| {
        let Versioned { row, version } = slot.row.as_ref().ok()?.as_ref()?;
        Some(Change { key: *key, row, version: *version, stored: slot.stored })
    });
    let mut in_order: Vec<_> = changed.collect();
    in_order.sort_unstable_by_key(|change| change.key);
    in_order
}
