//! Promises 3 and 4 in pieces: every level adds up, and every order has had its pieces once.
//!
//! The rules about a shelf, and the one about an order's movements, hold at any moment, because a level,
//! its movements and the reservation change in one transaction.

use super::{Judgement, must};
use crate::{
    audit::case::Case,
    domain::{
        ids::{ShopId, VariantId, WarehouseId},
        saga::Status,
        shipment::Content,
        stock::{Allotment, Demand, Level, ReservationStatus, Shelf},
    },
    store::ShelfFacts,
};
use std::collections::BTreeMap;

/// Promise 3: what was moved for an order is what its reservation says, once. Pieces that are reserved are
/// promised and still there, pieces that are committed are gone, and of pieces that are released nothing is
/// left to see.
pub(super) fn nothing_is_reserved_or_taken_twice(case: &Case<'_>) -> Judgement {
    let stock = case.facts.stock.as_ref()?;
    let row = match &stock.reservation {
        Some(Ok(row)) => row,
        Some(Err(_)) => return None,
        None => return Some(Err("stock was moved for it, but it has no reservation".into())),
    };
    let mut due: BTreeMap<Shelf, (i64, i64)> = BTreeMap::new();
    for item in row.items.iter() {
        let pieces = item.quantity.get();
        let due = due.entry(item.shelf()).or_default();
        match row.status {
            ReservationStatus::Reserved => due.1 = due.1.saturating_add(pieces),
            ReservationStatus::Committed => due.0 = due.0.saturating_sub(pieces),
            ReservationStatus::Released => {}
        }
    }
    let mut moved: BTreeMap<Shelf, (i64, i64)> = due.keys().map(|shelf| (*shelf, (0, 0))).collect();
    for movement in &stock.movements {
        let sum = moved.entry(movement.shelf).or_default();
        *sum = (sum.0.saturating_add(movement.delta.on_hand), sum.1.saturating_add(movement.delta.reserved));
    }
    let wrong = moved.into_iter().find(|(shelf, moved)| due.get(shelf).copied().unwrap_or_default() != *moved);
    must(wrong.is_none(), || {
        let status = row.status.as_str();
        let said = wrong.map(|(shelf, (on_hand, reserved))| {
            let Shelf { variant_id, warehouse_id } = shelf;
            format!("of variant {variant_id} in warehouse {warehouse_id}, {on_hand} on hand and {reserved} reserved")
        });
        format!("its reservation is {status}, but its movements add up to {}", said.unwrap_or_default())
    })
}

/// Pieces, added up by what they are.
fn added_up<K: Ord>(pieces: impl Iterator<Item = (K, i64)>) -> BTreeMap<K, i64> {
    pieces.fold(BTreeMap::new(), |mut sums, (key, pieces)| {
        let sum: &mut i64 = sums.entry(key).or_default();
        *sum = sum.saturating_add(pieces);
        sums
    })
}

/// The first key of which the two have not equally much, and what each has.
fn first_difference<K: Ord + Copy>(one: &BTreeMap<K, i64>, other: &BTreeMap<K, i64>) -> Option<(K, i64, i64)> {
    let of = |sums: &BTreeMap<K, i64>, key| sums.get(key).copied().unwrap_or(0);
    let both = one.keys().chain(other.keys()).map(|key| (*key, of(one, key), of(other, key)));
    both.into_iter().find(|(_, one, other)| one != other)
}

/// Promise 4: an order has all of its pieces or none, from the shops that sell them, and no others. A
/// reservation that was closed before it was made has none. While an order is edited, the two are for different
/// lines.
pub(super) fn reservations_hold_what_was_ordered(case: &Case<'_>) -> Judgement {
    let (order, row) = (case.order()?, case.reservation()?);
    if row.status == ReservationStatus::Released && row.items.is_empty() || row.revision != order.revision {
        return None;
    }
    let demands = order.basket.demands();
    let demand = |Demand { shop_id, variant_id, quantity }: &Demand| ((*shop_id, *variant_id), quantity.get());
    let item = |Allotment { shop_id, variant_id, quantity, .. }: &Allotment| ((*shop_id, *variant_id), quantity.get());
    let ordered: BTreeMap<(ShopId, VariantId), i64> = added_up(demands.iter().map(demand));
    let wrong = first_difference(&ordered, &added_up(row.items.iter().map(item)));
    Some(wrong.map_or(Ok(()), |((shop, variant), ordered, held)| {
        Err(format!("of variant {variant} of shop {shop}, {ordered} were ordered, its reservation has {held}"))
    }))
}

/// Promise 4: a completed saga's pieces have left the stock.
pub(super) fn completed_sagas_took_their_stock(case: &Case<'_>) -> Judgement {
    if !case.is(Status::Completed) {
        return None;
    }
    let reserved = case.facts.stock.as_ref().is_some_and(|stock| stock.reservation.is_some());
    if !reserved && case.order().is_some_and(|order| order.basket.is_stocked()) {
        return Some(Err("its saga has completed, it has no reservation".into()));
    }
    let row = case.reservation()?;
    let status = row.status;
    must(status == ReservationStatus::Committed, || {
        format!("its saga has completed, its reservation is {}", status.as_str())
    })
}

/// Promise 4: a completed saga's goods are what left the stock for it, warehouse by warehouse.
pub(super) fn completed_sagas_shipped_what_they_took(case: &Case<'_>) -> Judgement {
    let row = case.reservation().filter(|_| case.is(Status::Completed))?;
    let shipping = case.facts.shipping.as_ref()?.as_ref().ok()?;
    let shipped = shipping.shipments().iter().filter_map(|shipment| Some((shipment.origin?, &shipment.contents)));
    let shipped = shipped.flat_map(|(origin, contents)| {
        let content = move |content: &Content| {
            Some(((origin.shop_id, origin.warehouse_id, content.variant_id?), content.quantity))
        };
        contents.iter().filter_map(content)
    });
    let taken = row.items.iter().map(|item| ((item.shop_id, item.warehouse_id, item.variant_id), item.quantity.get()));
    let taken: BTreeMap<(ShopId, WarehouseId, VariantId), i64> = added_up(taken);
    let wrong = first_difference(&taken, &added_up(shipped));
    Some(wrong.map_or(Ok(()), |((shop, warehouse, variant), taken, shipped)| {
        let what = format!("variant {variant} in warehouse {warehouse} of shop {shop}");
        Err(format!("of {what}, its reservation has {taken}, its shipments have {shipped}"))
    }))
}

/// Promise 4: a compensated saga keeps nothing from other orders.
pub(super) fn compensated_sagas_hold_no_stock(case: &Case<'_>) -> Judgement {
    let row = case.reservation().filter(|_| case.is(Status::Compensated))?;
    let status = row.status;
    must(status == ReservationStatus::Released, || {
        format!("its saga is compensated, its reservation is {}", status.as_str())
    })
}

/// Promise 5: a level that this release cannot read is seen. One that is negative, or promises more than it
/// holds, is none.
#[expect(clippy::unnecessary_wraps, reason = "a judgement is also None, where a rule does not apply")]
pub(super) fn levels_are_readable(facts: &ShelfFacts) -> Judgement {
    let level = facts.level.as_ref().and_then(|level| level.as_ref().err());
    let why = level.or(facts.moved.as_ref().err());
    Some(why.map_or(Ok(()), |why| Err(why.clone())))
}

/// What a shelf's level says, nothing where it has none; `None` where it cannot be read.
fn level(facts: &ShelfFacts) -> Option<(i64, i64)> {
    match &facts.level {
        None => Some((0, 0)),
        Some(level) => level.as_ref().ok().map(|level: &Level| (level.on_hand(), level.reserved())),
    }
}

/// Promise 4: stock comes from somewhere and goes somewhere.
pub(super) fn stock_is_the_sum_of_its_movements(facts: &ShelfFacts) -> Judgement {
    let (on_hand, reserved) = level(facts)?;
    let (moved_on_hand, moved_reserved) = facts.moved.as_ref().ok()?;
    must((on_hand, reserved) == (*moved_on_hand, *moved_reserved), || {
        format!(
            "{on_hand} are on hand and {reserved} reserved, its movements add up to {moved_on_hand} and \
             {moved_reserved}"
        )
    })
}

/// Promise 4: what is reserved is some order's, and what an order holds is reserved.
pub(super) fn reserved_stock_is_the_sum_of_open_reservations(facts: &ShelfFacts) -> Judgement {
    let (_, reserved) = level(facts)?;
    must(reserved == facts.promised, || format!("{reserved} are reserved, open reservations hold {}", facts.promised))
}

#[cfg(test)]
mod tests;
