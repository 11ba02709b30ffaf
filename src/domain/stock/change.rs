//! What a shop does to its stock by hand: goods that come in, counts that correct, transfers.
//!
//! A deactivated warehouse takes nothing in, and of a deactivated shop, product or variant nothing more comes
//! in. What is there can still be counted, and carried to another warehouse.

use super::{
    level::{Level, Shelf},
    movement::{Cause, Delta, Movement},
    units::{Difference, OnHand},
};
use crate::domain::{
    field::Note,
    ids::{ShopId, TransferId, VariantId, WarehouseId},
    money::Quantity,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Takes goods in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receive {
    /// Where, and what.
    pub shelf: Shelf,
    /// How many.
    pub quantity: Quantity,
}

/// Corrects what is on hand: a compare-and-set.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Adjust {
    /// Where, and what.
    pub shelf: Shelf,
    /// How many pieces are there.
    pub on_hand: OnHand,
    /// How many whoever counted believes were known of.
    pub expected_on_hand: OnHand,
    /// Why the two differ.
    pub reason: Note,
}

/// Corrects what is on hand by a difference, whatever is there.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shift {
    /// Where, and what.
    pub shelf: Shelf,
    /// How many pieces more are there, or fewer.
    pub by: Difference,
    /// Why.
    pub reason: Note,
}

/// Moves pieces between two warehouses of a shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Transfer {
    /// Made before it is first sent, so that a repeat is known.
    pub transfer_id: TransferId,
    from: WarehouseId,
    to: WarehouseId,
    /// What is moved.
    pub variant_id: VariantId,
    /// How many.
    pub quantity: Quantity,
}

/// From a warehouse to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be another warehouse than the one the goods come from")]
pub struct NotTransferable;

impl Transfer {
    /// A transfer between two warehouses.
    ///
    /// # Errors
    /// From a warehouse to itself.
    pub fn parse(
        transfer_id: TransferId,
        [from, to]: [WarehouseId; 2],
        variant_id: VariantId,
        quantity: Quantity,
    ) -> Result<Self, NotTransferable> {
        if from == to { Err(NotTransferable) } else { Ok(Self { transfer_id, from, to, variant_id, quantity }) }
    }
}

/// What a shop does to its stock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum StockChange {
    /// Goods come in.
    Receive(Receive),
    /// Somebody has counted.
    Adjust(Adjust),
    /// Somebody knows by how many pieces what is there differs from what is known of.
    Shift(Shift),
    /// Goods change warehouses.
    Transfer(Transfer),
}

/// A warehouse and what lies there of the variant that a change is about, as they are.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Whose the warehouse is.
    pub shop_id: ShopId,
    /// Whether the shop sells anything.
    pub shop_active: bool,
    /// Whether it takes anything in.
    pub active: bool,
    /// What lies there, if anything ever has.
    pub level: Option<Level>,
}

/// The variant that a change is about, as it is.
#[derive(Clone, Copy, Debug)]
pub struct Article {
    /// Whether its product is sold.
    pub product_active: bool,
    /// Whether the variant itself is.
    pub active: bool,
}

/// What a change did.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The levels as they are now, in the order of [`StockChange::shelves`].
    pub levels: Vec<Level>,
    /// One for each level that changed.
    pub movements: Vec<Movement>,
}

/// Why a change is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum StockRefusal {
    /// There is no such warehouse.
    #[error("there is no warehouse {0}")]
    NoWarehouse(WarehouseId),
    /// There is no such variant.
    #[error("there is no variant {0}")]
    NoVariant(VariantId),
    /// The shop sells nothing.
    #[error("shop {0} is not active")]
    ShopInactive(ShopId),
    /// The warehouse takes nothing in.
    #[error("warehouse {0} is not active; activate it, or choose another one")]
    WarehouseInactive(WarehouseId),
    /// The variant's product is not sold.
    #[error("the product of variant {0} is not active")]
    ProductInactive(VariantId),
    /// The variant takes nothing in.
    #[error("variant {0} is not active")]
    VariantInactive(VariantId),
    /// What is on hand is not what was expected.
    #[error("there are {on_hand} pieces on hand, not the {expected} that were expected; count again")]
    Changed {
        /// What is on hand.
        on_hand: i64,
        /// What was expected.
        expected: i64,
    },
    /// More is promised than was counted.
    #[error("{reserved} pieces are reserved for orders; on_hand cannot be less")]
    BelowReserved {
        /// What is promised.
        reserved: i64,
    },
    /// More than can be given away.
    #[error("{available} pieces are available")]
    Insufficient {
        /// What can be given away.
        available: i64,
    },
    /// The two warehouses are not the same shop's.
    #[error("the two warehouses belong to different shops; stock moves within a shop alone")]
    OtherShop,
    /// More than a warehouse takes in.
    #[error("the warehouse has room for {room} pieces more of this variant")]
    TooMany {
        /// How many more it takes in.
        room: i64,
    },
}

impl StockChange {
    /// The variant it is about.
    pub const fn variant_id(&self) -> VariantId {
        match self {
            Self::Receive(Receive { shelf, .. })
            | Self::Adjust(Adjust { shelf, .. })
            | Self::Shift(Shift { shelf, .. }) => shelf.variant_id,
            Self::Transfer(transfer) => transfer.variant_id,
        }
    }

    /// The levels it is about, one or two: where goods come from is before where they go.
    pub fn shelves(&self) -> Vec<Shelf> {
        match self {
            Self::Receive(Receive { shelf, .. })
            | Self::Adjust(Adjust { shelf, .. })
            | Self::Shift(Shift { shelf, .. }) => vec![*shelf],
            Self::Transfer(Transfer { from, to, variant_id, .. }) => {
                [*from, *to].map(|warehouse_id| Shelf { variant_id: *variant_id, warehouse_id }).into()
            }
        }
    }

    /// The transfer it is, if it is one.
    pub const fn transfer_id(&self) -> Option<TransferId> {
        match self {
            Self::Receive(_) | Self::Adjust(_) | Self::Shift(_) => None,
            Self::Transfer(transfer) => Some(transfer.transfer_id),
        }
    }

    /// Decides the change. `places` are those of [`Self::shelves`], where there are such warehouses, and
    /// `article` is its variant, where there is one.
    ///
    /// # Errors
    /// Why it is refused; nothing changes then.
    pub fn decide(
        &self,
        places: &BTreeMap<WarehouseId, Place>,
        article: Option<Article>,
        now: Timestamp,
    ) -> Result<Changed, StockRefusal> {
        let variant_id = self.variant_id();
        let article = article.ok_or(StockRefusal::NoVariant(variant_id))?;
        let level_at = |warehouse_id| {
            let place = places.get(&warehouse_id).ok_or(StockRefusal::NoWarehouse(warehouse_id))?;
            let empty = || Level::empty(Shelf { variant_id, warehouse_id }, place.shop_id);
            Ok((place.level.unwrap_or_else(empty), *place))
        };
        match self {
            Self::Receive(Receive { shelf, quantity }) => {
                let (mut level, place) = level_at(shelf.warehouse_id)?;
                if !place.shop_active {
                    return Err(StockRefusal::ShopInactive(place.shop_id));
                }
                takes_in(&level, place.active)?;
                match article {
                    Article { product_active: false, .. } => return Err(StockRefusal::ProductInactive(variant_id)),
                    Article { active: false, .. } => return Err(StockRefusal::VariantInactive(variant_id)),
                    Article { product_active: true, active: true } => {}
                }
                let delta = level.receive(*quantity)?;
                Ok(changed([(level, Some(delta))], &Cause::Receipt, now))
            }
            Self::Adjust(Adjust { shelf, on_hand, expected_on_hand, reason }) => {
                let (mut level, _) = level_at(shelf.warehouse_id)?;
                let delta = level.adjust(*expected_on_hand, *on_hand)?;
                Ok(changed([(level, delta)], &Cause::Count(reason.clone()), now))
            }
            Self::Shift(Shift { shelf, by, reason }) => {
                let (mut level, _) = level_at(shelf.warehouse_id)?;
                let delta = level.shift(*by)?;
                Ok(changed([(level, delta)], &Cause::Count(reason.clone()), now))
            }
            Self::Transfer(Transfer { transfer_id, from, to, quantity, .. }) => {
                let ((mut from, _), (mut to, place)) = (level_at(*from)?, level_at(*to)?);
                takes_in(&to, place.active)?;
                let [out, into] = from.transfer(&mut to, *quantity)?;
                Ok(changed([(from, Some(out)), (to, Some(into))], &Cause::Transfer(*transfer_id), now))
            }
        }
    }
}

const fn takes_in(level: &Level, active: bool) -> Result<(), StockRefusal> {
    if active { Ok(()) } else { Err(StockRefusal::WarehouseInactive(level.shelf.warehouse_id)) }
}

fn changed<const N: usize>(levels: [(Level, Option<Delta>); N], cause: &Cause, now: Timestamp) -> Changed {
    let movement = |(level, delta): &(Level, Option<Delta>)| {
        delta.map(|delta| Movement { shelf: level.shelf, delta, cause: cause.clone(), at: now })
    };
    let movements = levels.iter().filter_map(movement).collect();
    Changed { levels: levels.map(|(level, _)| level).into(), movements }
}
