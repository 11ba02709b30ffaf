//! The levels that one decision about an order's stock may look at and change.

use super::{
    allocation::{Pick, Shortage, Source, allocate},
    level::{Impossible, Level, Shelf},
    movement::Delta,
    units::Units,
};
use crate::domain::ids::{ShopId, VariantId};
use std::collections::{BTreeMap, BTreeSet};

/// Levels as they were loaded, and as a decision changes them.
#[derive(Clone, Debug, Default)]
pub struct Shelves {
    levels: BTreeMap<Shelf, Entry>,
    changed: BTreeSet<Shelf>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    level: Level,
    /// The warehouse's, where that is active.
    priority: Option<i64>,
}

impl Shelves {
    /// Adds a level of an active warehouse, which may be reserved from.
    pub fn add_open(&mut self, level: Level, priority: i64) {
        self.levels.insert(level.shelf, Entry { level, priority: Some(priority) });
    }

    /// Adds a level of which the order holds some pieces already.
    pub fn add_held(&mut self, level: Level) {
        self.levels.entry(level.shelf).or_insert(Entry { level, priority: None });
    }

    /// Whether this level is here.
    pub fn has(&self, key: Shelf) -> bool {
        self.levels.contains_key(&key)
    }

    /// Chooses the warehouses for a shop's lines.
    pub(super) fn allocate(
        &self,
        shop: ShopId,
        demands: &BTreeMap<VariantId, Units>,
    ) -> Result<Vec<Pick>, Vec<Shortage>> {
        let mut sources = BTreeMap::new();
        for Entry { level, priority } in self.levels.values() {
            let Some(priority) = priority.filter(|_| level.shop_id == shop) else { continue };
            let warehouse_id = level.shelf.warehouse_id;
            let empty = || Source { warehouse_id, priority, available: BTreeMap::new() };
            let source = sources.entry(warehouse_id).or_insert_with(empty);
            source.available.insert(level.shelf.variant_id, level.available());
        }
        allocate(shop, demands, &sources.into_values().collect::<Vec<_>>())
    }

    /// Changes one level.
    pub(super) fn change(
        &mut self,
        key: Shelf,
        change: impl FnOnce(&mut Level) -> Result<Delta, Impossible>,
    ) -> Result<Delta, Impossible> {
        let missing = || Impossible { shelf: key, what: "an order holds pieces of it, but it is not there".into() };
        let delta = change(&mut self.levels.get_mut(&key).ok_or_else(missing)?.level)?;
        self.changed.insert(key);
        Ok(delta)
    }

    /// The levels that are different now, by variant and warehouse.
    pub(super) fn into_changed(self) -> Vec<Level> {
        let Self { levels, changed } = self;
        levels.into_values().map(|entry| entry.level).filter(|level| changed.contains(&level.shelf)).collect()
    }
}
