//! One pass over every shelf.

use super::{Keyed, Readable, Rows, ShelfFacts, cursor::Cursor};
use crate::{
    domain::{
        ids::{VariantId, WarehouseId},
        stock::{Delta, Level, Movement, Reservation, Shelf},
    },
    store::Visit,
};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What is stored about the stock, in one snapshot.
pub(in crate::store) struct ShelfRows<'s, E> {
    /// All levels, variant by variant.
    pub(in crate::store) levels: Keyed<'s, Shelf, Level, E>,
    /// The whole ledger, in any order.
    pub(in crate::store) movements: Keyed<'s, Shelf, Movement, E>,
    /// The reservations whose pieces are promised, in any order.
    pub(in crate::store) open: Rows<'s, Readable<Reservation>, E>,
}

impl<E> ShelfRows<'_, E> {
    /// Calls `visit` for every shelf, variant by variant, until it has seen enough.
    pub(in crate::store) fn pass(self, visit: &mut Visit<ShelfFacts>) -> Result<(), E> {
        let mut promised = promised(self.open)?;
        let mut moved = moved(self.movements)?;
        let mut levels = Cursor::new(self.levels)?;
        loop {
            let first_promised = promised.first_key_value().map(|(place, _)| *place);
            let first_moved = moved.first_key_value().map(|(place, _)| *place);
            let variants = [levels.key(), first_moved, first_promised].into_iter().flatten();
            let Some(variant_id) = variants.map(|place| place.variant_id).min() else { return Ok(()) };
            let mut shelves = Shelves { variant_id, shelves: BTreeMap::new() };
            while let Some((place, level)) = levels.take_if(|place| place.variant_id == variant_id)? {
                shelves.at(place.warehouse_id).level = Some(level);
            }
            while let Some(sum) = moved.first_entry().filter(|sum| sum.key().variant_id == variant_id) {
                let (place, sum) = sum.remove_entry();
                shelves.at(place.warehouse_id).moved = sum;
            }
            while let Some(held) = promised.first_entry().filter(|held| held.key().variant_id == variant_id) {
                let (place, pieces) = held.remove_entry();
                shelves.at(place.warehouse_id).promised = pieces;
            }
            if shelves.shelves.into_values().try_for_each(&mut *visit).is_break() {
                return Ok(());
            }
        }
    }
}

/// The shelves of one variant.
struct Shelves {
    variant_id: VariantId,
    shelves: BTreeMap<WarehouseId, ShelfFacts>,
}

impl Shelves {
    fn at(&mut self, warehouse_id: WarehouseId) -> &mut ShelfFacts {
        let place = Shelf { variant_id: self.variant_id, warehouse_id };
        let empty = || ShelfFacts { shelf: place, level: None, moved: Ok((0, 0)), promised: 0 };
        self.shelves.entry(warehouse_id).or_insert_with(empty)
    }
}

/// What a shelf's movements add up to, on hand and reserved, or why one of them cannot be read.
type Moved = Readable<(i64, i64)>;

/// What the whole ledger adds up to, in one pass over it from its beginning to its end.
fn moved<E>(movements: Keyed<'_, Shelf, Movement, E>) -> Result<BTreeMap<Shelf, Moved>, E> {
    let mut sums: BTreeMap<Shelf, Moved> = BTreeMap::new();
    for row in movements {
        let (shelf, movement) = row?;
        let sum = sums.entry(shelf).or_insert(Ok((0, 0)));
        *sum = added(std::mem::replace(sum, Ok((0, 0))), movement);
    }
    Ok(sums)
}

fn added(sum: Moved, movement: Readable<Movement>) -> Moved {
    let ((on_hand, reserved), Delta { on_hand: more, reserved: promised, .. }) = (sum?, movement?.delta);
    let sum = on_hand.checked_add(more).zip(reserved.checked_add(promised));
    sum.ok_or_else(|| "its movements add up to more than can be counted".into())
}

/// What open reservations hold. One that cannot be read holds nothing here; its order's facts say so.
fn promised<E>(open: Rows<'_, Readable<Reservation>, E>) -> Result<BTreeMap<Shelf, i64>, E> {
    let mut held: BTreeMap<Shelf, i64> = BTreeMap::new();
    for row in open {
        for item in row?.iter().flat_map(|row| row.items.iter()) {
            let sum = held.entry(item.shelf()).or_default();
            *sum = sum.saturating_add(item.quantity.get());
        }
    }
    Ok(held)
}

/// A row that does not even say which warehouse it is about: it is shown as that of none, so that it is seen.
pub(in crate::store) fn nowhere() -> WarehouseId {
    WarehouseId::from_uuid(Uuid::nil())
}
