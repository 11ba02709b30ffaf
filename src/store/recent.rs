//! What was written lately, in bounded memory: of each kind, at least so many of the youngest.

use crate::domain::ids::IdMap;
use std::{hash::Hash, mem};

/// Things of one kind in one generation. Two generations are kept, so that this many are there at least.
pub(super) const GENERATION: usize = 1024;

/// Things of one kind, the older half of which is forgotten at once.
pub(super) struct Generations<K, V> {
    young: IdMap<K, V>,
    old: IdMap<K, V>,
}

impl<K, V> Default for Generations<K, V> {
    fn default() -> Self {
        Self { young: IdMap::default(), old: IdMap::default() }
    }
}

impl<K: Eq + Hash, V: Clone> Generations<K, V> {
    /// What was kept last under a key, if it is still known.
    pub(super) fn get(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Keeps something.
    pub(super) fn insert(&mut self, key: K, value: V) {
        self.young.insert(key, value);
    }

    /// Forgets something.
    pub(super) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    /// Once there are enough young ones they are the old ones. The room that those had is used again.
    pub(super) fn age(&mut self) {
        if self.young.len() >= GENERATION {
            mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }
}
