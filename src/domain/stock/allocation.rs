//! Allocation: which of a shop's warehouses serve an order.
//!
//! One warehouse that has everything, if there is one; else the fewest that have it together, as far as they
//! can be found in bounded time; among those the ones of the best priority, and within them as much as possible from the better one. A pure function
//! with one answer, whatever order the warehouses come in.

use super::units::Units;
use crate::domain::ids::{ShopId, VariantId, WarehouseId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The fewest are found by trying every set of warehouses, the small ones first, up to so many: every set of up
/// to 12, every three of up to 31, every two of up to 99. Where none of those has everything, the warehouse
/// that has most of what is missing is taken again and again, which may be several more than it must be.
const MOST_SETS: usize = 5_000;

/// One of the shop's active warehouses.
#[derive(Clone, Debug)]
pub struct Source {
    /// Which one.
    pub warehouse_id: WarehouseId,
    /// The smaller, the earlier its stock is used.
    pub priority: i64,
    /// What it can give away.
    pub available: BTreeMap<VariantId, i64>,
}

/// Pieces to be taken from one warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Where.
    pub warehouse_id: WarehouseId,
    /// What.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: Units,
}

/// A variant of which a shop's active warehouses have too little together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{wanted} of variant {variant_id} of shop {shop_id} are wanted, {available} are available")]
pub struct Shortage {
    /// Whose.
    pub shop_id: ShopId,
    /// Which one.
    pub variant_id: VariantId,
    /// How many are wanted.
    pub wanted: Units,
    /// How many there are.
    pub available: i64,
}

/// What a warehouse can give of each variant that is wanted, in the order of the demands.
struct Candidate<'a> {
    source: &'a Source,
    has: Vec<i64>,
}

/// Serves a shop's lines from its active warehouses.
///
/// # Errors
/// Every variant of which there is too little.
pub fn allocate(
    shop_id: ShopId,
    demands: &BTreeMap<VariantId, Units>,
    sources: &[Source],
) -> Result<Vec<Pick>, Vec<Shortage>> {
    let wanted: Vec<i64> = demands.values().map(|units| units.get()).collect();
    let mut candidates: Vec<_> = sources
        .iter()
        .map(|source| {
            let has = demands.keys().map(|variant| source.available.get(variant).map_or(0, |has| (*has).max(0)));
            Candidate { source, has: has.collect() }
        })
        .filter(|candidate| candidate.has.iter().any(|has| *has > 0))
        .collect();
    candidates.sort_by_key(|candidate| (candidate.source.priority, candidate.source.warehouse_id));
    let all: Vec<usize> = (0..candidates.len()).collect();
    let mut shortages = Vec::new();
    for (number, (variant_id, wanted)) in demands.iter().enumerate() {
        let available = all.iter().fold(0, |sum: i64, one| sum.saturating_add(candidates[*one].has[number]));
        if available < wanted.get() {
            shortages.push(Shortage { shop_id, variant_id: *variant_id, wanted: *wanted, available });
        }
    }
    if !shortages.is_empty() {
        return Err(shortages);
    }
    let chosen = fewest(&wanted, &candidates).unwrap_or(all);
    Ok(take(demands, &candidates, &chosen))
}

/// The warehouses to use, in the order of their priority.
fn fewest(wanted: &[i64], candidates: &[Candidate<'_>]) -> Option<Vec<usize>> {
    let mut sets = 0;
    for size in 0..=candidates.len() {
        sets += sets_of(size, candidates.len());
        if size > 1 && sets > MOST_SETS {
            break;
        }
        if let Some(chosen) = choose(wanted, candidates, size, 0) {
            return Some(chosen);
        }
    }
    greedy(wanted, candidates)
}

/// How many sets of `size` there are among `all`.
fn sets_of(size: usize, all: usize) -> usize {
    // Each step divides without a rest: what there is after it counts the sets of that size.
    (0..size).fold(1, |sets: usize, chosen| sets.saturating_mul(all - chosen) / (chosen + 1))
}

/// The first set of `size` warehouses, none before `from`, that have what is wanted together. Sets are tried
/// in the order of their best warehouse, then of their second best, and so on.
fn choose(wanted: &[i64], candidates: &[Candidate<'_>], size: usize, from: usize) -> Option<Vec<usize>> {
    if size == 0 {
        return wanted.iter().all(|wanted| *wanted <= 0).then(Vec::new);
    }
    (from..candidates.len()).find_map(|first| {
        let missing = without(wanted, &candidates[first].has);
        let mut rest = choose(&missing, candidates, size - 1, first + 1)?;
        rest.insert(0, first);
        Some(rest)
    })
}

/// Whoever has most of what is missing, again and again; then without those that are not needed any more,
/// the worst first.
fn greedy(wanted: &[i64], candidates: &[Candidate<'_>]) -> Option<Vec<usize>> {
    let mut chosen: Vec<usize> = Vec::new();
    let mut missing = wanted.to_vec();
    while missing.iter().any(|missing| *missing > 0) {
        let gives = |one: usize| {
            let useful = candidates[one].has.iter().zip(&missing).map(|(has, missing)| *has.min(missing));
            useful.fold(0, |sum: i64, gives| sum.saturating_add(gives.max(0)))
        };
        let others = (0..candidates.len()).filter(|one| !chosen.contains(one));
        // The first of those that give equally much: the reverse, because the last maximum is found.
        let best = others.rev().max_by_key(|one| gives(*one))?;
        missing = without(&missing, &candidates[best].has);
        chosen.push(best);
    }
    chosen.sort_unstable();
    for one in chosen.clone().into_iter().rev() {
        let others = chosen.iter().filter(|other| **other != one);
        let left = others.fold(wanted.to_vec(), |left, other| without(&left, &candidates[*other].has));
        if left.iter().all(|left| *left <= 0) {
            chosen.retain(|other| *other != one);
        }
    }
    Some(chosen)
}

fn without(wanted: &[i64], has: &[i64]) -> Vec<i64> {
    wanted.iter().zip(has).map(|(wanted, has)| wanted.saturating_sub(*has)).collect()
}

fn take(demands: &BTreeMap<VariantId, Units>, candidates: &[Candidate<'_>], chosen: &[usize]) -> Vec<Pick> {
    let mut missing: Vec<i64> = demands.values().map(|units| units.get()).collect();
    let mut picks = Vec::new();
    for one in chosen {
        let Candidate { source, has } = &candidates[*one];
        for ((variant_id, missing), has) in demands.keys().zip(&mut missing).zip(has) {
            if let Ok(quantity) = Units::parse(*has.min(missing)) {
                *missing -= quantity.get();
                picks.push(Pick { warehouse_id: source.warehouse_id, variant_id: *variant_id, quantity });
            }
        }
    }
    picks
}
