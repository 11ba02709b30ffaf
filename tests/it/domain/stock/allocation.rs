//! Which warehouses serve an order: by example, and against trying everything.

use super::depot::{Depot, demand, done, reserve, shop, variant, warehouse};
use backstitch::domain::{
    ids::{VariantId, WarehouseId},
    stock::{Pick, Shortage, Source, Units, allocate},
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn units(pieces: i64) -> Units {
    Units::parse(pieces).expect("some pieces")
}

/// What warehouses 0, 1, … have of variants 0, 1, …, with their priorities.
fn sources(stock: &[(i64, Vec<i64>)]) -> Vec<Source> {
    let source = |(number, (priority, has)): (u128, &(i64, Vec<i64>))| Source {
        warehouse_id: warehouse(number),
        priority: *priority,
        available: (0..).map(variant).zip(has.iter().copied()).collect(),
    };
    (0..).zip(stock).map(source).collect()
}

fn wanted(pieces: &[i64]) -> BTreeMap<VariantId, Units> {
    (0..).map(variant).zip(pieces.iter().copied()).filter(|(_, some)| *some > 0).map(|(id, n)| (id, units(n))).collect()
}

fn pick(warehouse_number: u128, variant_number: u128, pieces: i64) -> Pick {
    Pick { warehouse_id: warehouse(warehouse_number), variant_id: variant(variant_number), quantity: units(pieces) }
}

fn allocated(pieces: &[i64], stock: &[(i64, Vec<i64>)]) -> Vec<Pick> {
    allocate(shop(0), &wanted(pieces), &sources(stock)).expect("there is enough")
}

#[test]
fn one_warehouse_that_has_everything_serves_alone_though_a_better_one_has_a_part() {
    let stock = [(1, vec![5, 0]), (2, vec![5, 5]), (3, vec![9, 9])];
    assert_eq!(allocated(&[2, 2], &stock), [pick(1, 0, 2), pick(1, 1, 2)]);
}

#[test]
fn of_two_that_have_everything_the_better_priority_serves_and_ids_break_ties() {
    assert_eq!(allocated(&[2], &[(2, vec![5]), (1, vec![5])]), [pick(1, 0, 2)]);
    assert_eq!(allocated(&[2], &[(1, vec![5]), (1, vec![5])]), [pick(0, 0, 2)]);
}

#[test]
fn as_few_as_possible_serve_together_and_the_better_one_gives_what_it_has() {
    let stock = [(1, vec![3]), (2, vec![4]), (3, vec![4])];
    assert_eq!(allocated(&[7], &stock), [pick(0, 0, 3), pick(1, 0, 4)]);
    assert_eq!(allocated(&[8], &stock), [pick(1, 0, 4), pick(2, 0, 4)]);
}

fn short_of(variant_number: u128, wanted: i64, available: i64) -> Shortage {
    Shortage { shop_id: shop(0), variant_id: variant(variant_number), wanted: units(wanted), available }
}

#[test]
fn every_variant_of_which_there_is_too_little_is_named() {
    let stock = sources(&[(1, vec![3, 9, 0]), (2, vec![1, 0, 0])]);
    let expected = vec![short_of(0, 5, 4), short_of(2, 1, 0)];
    assert_eq!(allocate(shop(0), &wanted(&[5, 9, 1]), &stock), Err(expected));
}

#[test]
fn too_little_of_one_variant_is_a_shortage_that_names_it() {
    let short = allocate(shop(0), &wanted(&[1, 5]), &sources(&[(1, vec![9, 2]), (2, vec![9, 2])]));
    assert_eq!(short, Err(vec![short_of(1, 5, 4)]));
    assert!(allocate(shop(0), &wanted(&[1]), &[]).is_err());
}

#[test]
fn nothing_wanted_is_nothing_taken() {
    assert_eq!(allocate(shop(0), &BTreeMap::new(), &sources(&[(1, vec![9])])), Ok(Vec::new()));
}

#[test]
fn a_wish_beyond_all_numbers_is_a_shortage() {
    let most = BTreeMap::from([(variant(0), units(i64::MAX))]);
    assert!(allocate(shop(0), &most, &sources(&[(1, vec![i64::MAX - 1]), (2, vec![0])])).is_err());
    assert!(allocate(shop(0), &most, &sources(&[(1, vec![i64::MAX]), (2, vec![i64::MAX])])).is_ok());
}

#[test]
fn many_small_warehouses_serve_together_and_none_is_asked_in_vain() {
    let stock: Vec<_> = (0..200).map(|number| (number, vec![1, number % 3])).collect();
    let picks = allocated(&[40, 40], &stock);
    assert_serves(&[40, 40], &stock, &picks);
    let used = warehouses(&picks);
    assert!(used.len() <= 42, "{used:?}");
}

#[test]
fn of_many_warehouses_two_that_have_everything_serve_though_another_has_more_of_it() {
    let mut stock: Vec<_> = (0..20).map(|number| (number + 9, vec![1, 0, 0, 0])).collect();
    stock.extend([(1, vec![3, 3, 3, 3]), (2, vec![1, 1, 1, 0]), (3, vec![0, 0, 0, 1])]);
    stock.extend([(4, vec![4, 4, 0, 0]), (5, vec![0, 0, 4, 4])]);
    let picks = allocated(&[4, 4, 4, 4], &stock);
    assert_eq!(picks, [pick(23, 0, 4), pick(23, 1, 4), pick(24, 2, 4), pick(24, 3, 4)]);
}

#[test]
fn of_many_warehouses_one_that_has_everything_still_serves_alone() {
    let mut stock: Vec<_> = (0..50).map(|number| (number, vec![3])).collect();
    stock.push((99, vec![4]));
    assert_eq!(allocated(&[4], &stock), [pick(50, 0, 4)]);
}

#[test]
fn each_shop_serves_its_own_lines() {
    let mut depot = Depot::with(&[&[1], &[5]]);
    depot.add_house(2, 1);
    depot.change(&super::depot::receive(super::depot::shelf(warehouse(2), variant(0)), 5)).expect("room");
    assert_eq!(depot.outcome(&reserve(&[demand(0, 0, 3), demand(1, 0, 4)])), done());
    assert_eq!(depot.held(), [(warehouse(1), variant(0), 3), (warehouse(2), variant(0), 4)]);
    let shops: Vec<_> = depot.rows.values().flat_map(|row| row.items.iter().map(|item| item.shop_id)).collect();
    assert_eq!(shops, [shop(0), shop(1)]);
}

fn warehouses(picks: &[Pick]) -> Vec<WarehouseId> {
    let mut used: Vec<_> = picks.iter().map(|pick| pick.warehouse_id).collect();
    used.dedup();
    used
}

/// Exactly what is wanted, from where it is, each shelf once.
fn assert_serves(pieces: &[i64], stock: &[(i64, Vec<i64>)], picks: &[Pick]) {
    let mut taken: BTreeMap<VariantId, i64> = BTreeMap::new();
    let sources: BTreeMap<_, _> = sources(stock).into_iter().map(|source| (source.warehouse_id, source)).collect();
    let mut shelves = Vec::new();
    for Pick { warehouse_id, variant_id, quantity } in picks {
        assert!(quantity.get() <= sources[warehouse_id].available[variant_id], "{picks:?}");
        *taken.entry(*variant_id).or_default() += quantity.get();
        shelves.push((*warehouse_id, *variant_id));
    }
    let count = shelves.len();
    shelves.sort();
    shelves.dedup();
    assert_eq!(shelves.len(), count, "each shelf once: {picks:?}");
    let expected: BTreeMap<_, _> = wanted(pieces).into_iter().map(|(id, units)| (id, units.get())).collect();
    assert_eq!(taken, expected);
}

/// Every set of warehouses, by size and then by the priorities of its members: the first that has everything.
fn by_brute_force(pieces: &[i64], stock: &[(i64, Vec<i64>)]) -> Option<Vec<WarehouseId>> {
    let mut order: Vec<usize> = (0..stock.len()).collect();
    order.sort_by_key(|one| (stock[*one].0, *one));
    let mut sets: Vec<Vec<usize>> =
        (0_u32..1 << stock.len()).map(|bits| (0..stock.len()).filter(|one| bits >> one & 1 == 1).collect()).collect();
    sets.sort_by_key(|set: &Vec<usize>| (set.len(), set.clone()));
    let serves = |set: &Vec<usize>| {
        let has = |number: usize| set.iter().map(|one| stock[order[*one]].1[number]).sum::<i64>();
        pieces.iter().enumerate().all(|(number, pieces)| has(number) >= *pieces)
    };
    let set = sets.into_iter().find(serves)?;
    Some(set.into_iter().map(|one| warehouse(order[one] as u128)).collect())
}

fn stocks(houses: std::ops::Range<usize>) -> impl Strategy<Value = (Vec<i64>, Vec<(i64, Vec<i64>)>)> {
    (1..4_usize).prop_flat_map(move |variants| {
        let house = (0..3_i64, prop::collection::vec(0..6_i64, variants));
        (prop::collection::vec(0..10_i64, variants), prop::collection::vec(house, houses.clone()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_allocation_is_the_one_that_trying_everything_finds((pieces, stock) in stocks(0..9)) {
        match (allocate(shop(0), &wanted(&pieces), &sources(&stock)), by_brute_force(&pieces, &stock)) {
            (Ok(picks), Some(expected)) => {
                assert_serves(&pieces, &stock, &picks);
                prop_assert_eq!(warehouses(&picks), expected);
            }
            (Err(short), None) => {
                let there = |number: usize| stock.iter().map(|(_, has)| has[number]).sum::<i64>();
                let missing = (0_u128..).zip(&pieces).enumerate().filter(|(number, (_, wanted))| there(*number) < **wanted);
                let missing = missing.map(|(number, (variant, wanted))| short_of(variant, *wanted, there(number)));
                prop_assert_eq!(short, missing.collect::<Vec<_>>());
            }
            (found, expected) => prop_assert!(false, "{found:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn the_order_in_which_warehouses_come_does_not_matter((pieces, stock) in stocks(0..20), seed in any::<u64>()) {
        let mut shuffled = sources(&stock);
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        prop_assert_eq!(allocate(shop(0), &wanted(&pieces), &sources(&stock)), allocate(shop(0), &wanted(&pieces), &shuffled));
    }

    #[test]
    fn of_up_to_31_warehouses_three_that_have_everything_are_found((pieces, stock) in stocks(13..32)) {
        let Ok(picks) = allocate(shop(0), &wanted(&pieces), &sources(&stock)) else { return Ok(()) };
        let houses = 0..stock.len();
        let serve = |set: [usize; 3]| {
            let has = |number: usize| {
                // A house may stand for fewer than three.
                let mut set = set.to_vec();
                set.dedup();
                set.into_iter().map(|one| stock[one].1[number]).sum::<i64>()
            };
            pieces.iter().enumerate().all(|(number, pieces)| has(number) >= *pieces)
        };
        let three = houses.clone().any(|a| (a..houses.end).any(|b| (b..houses.end).any(|c| serve([a, b, c]))));
        prop_assert!(!three || warehouses(&picks).len() <= 3, "{picks:?}");
    }

    #[test]
    fn many_warehouses_serve_whatever_they_have_together((pieces, stock) in stocks(13..40)) {
        if let Ok(picks) = allocate(shop(0), &wanted(&pieces), &sources(&stock)) {
            assert_serves(&pieces, &stock, &picks);
        } else {
            let short = |number: usize| stock.iter().map(|(_, has)| has[number]).sum::<i64>() < pieces[number];
            prop_assert!((0..pieces.len()).any(short));
        }
    }
}
