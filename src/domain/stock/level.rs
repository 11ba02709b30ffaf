//! A level: the pieces of one variant in one warehouse.

use super::{
    change::StockRefusal,
    movement::{Delta, MovementKind},
    units::{Difference, OnHand, Units},
};
use crate::domain::{
    ids::{ShopId, VariantId, WarehouseId},
    money::Quantity,
};
use serde::{Deserialize, Serialize};

/// Where a level is: one variant in one warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Shelf {
    /// What lies there.
    pub variant_id: VariantId,
    /// Where.
    pub warehouse_id: WarehouseId,
}

/// What is stored contradicts itself: no command can be right on it, and a person must look.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("variant {} in warehouse {}: {what}", shelf.variant_id, shelf.warehouse_id)]
pub struct Impossible {
    /// Which level.
    pub shelf: Shelf,
    /// What is wrong with it.
    pub what: String,
}

/// The pieces of one variant in one warehouse. Never negative, and never more of them promised than are
/// there: the counts change by the methods below alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Which variant, and in which warehouse.
    pub shelf: Shelf,
    /// Whose the warehouse is; never changes.
    pub shop_id: ShopId,
    on_hand: i64,
    reserved: i64,
}

impl Level {
    /// A shelf on which nothing has been put yet.
    pub const fn empty(shelf: Shelf, shop_id: ShopId) -> Self {
        Self { shelf, shop_id, on_hand: 0, reserved: 0 }
    }

    /// A level as it was stored.
    ///
    /// # Errors
    /// When it is none: negative, or with more promised than is there.
    pub fn stored(shelf: Shelf, shop_id: ShopId, on_hand: i64, reserved: i64) -> Result<Self, Impossible> {
        if 0 <= reserved && reserved <= on_hand {
            return Ok(Self { shelf, shop_id, on_hand, reserved });
        }
        Err(Impossible { shelf, what: format!("{reserved} of {on_hand} pieces are reserved") })
    }

    /// Pieces that are there.
    pub const fn on_hand(&self) -> i64 {
        self.on_hand
    }

    /// Pieces of those that are promised to orders.
    pub const fn reserved(&self) -> i64 {
        self.reserved
    }

    /// Pieces that can still be promised.
    pub const fn available(&self) -> i64 {
        self.on_hand - self.reserved
    }

    /// Takes goods in.
    ///
    /// # Errors
    /// More than a warehouse takes in.
    pub fn receive(&mut self, quantity: Quantity) -> Result<Delta, StockRefusal> {
        self.check_room(quantity)?;
        Ok(self.change(MovementKind::Receive, quantity.get(), 0))
    }

    /// Corrects what is on hand to what somebody counted; `None` when that is what it was.
    ///
    /// # Errors
    /// When it is no longer what that somebody expected, or more is promised than was counted.
    pub fn adjust(&mut self, expected: OnHand, counted: OnHand) -> Result<Option<Delta>, StockRefusal> {
        if self.on_hand != expected.get() {
            return Err(StockRefusal::Changed { on_hand: self.on_hand, expected: expected.get() });
        }
        if counted.get() < self.reserved {
            return Err(StockRefusal::BelowReserved { reserved: self.reserved });
        }
        let difference = counted.get() - self.on_hand;
        Ok((difference != 0).then(|| self.change(MovementKind::Adjust, difference, 0)))
    }

    /// Changes what is on hand by so many pieces, whatever it is; `None` when that is by none.
    ///
    /// # Errors
    /// When fewer would be left than are promised, or more would be there than a warehouse takes in.
    pub fn shift(&mut self, by: Difference) -> Result<Option<Delta>, StockRefusal> {
        let on_hand = self.on_hand.saturating_add(by.get());
        if by.get() < 0 && on_hand < self.reserved {
            return Err(StockRefusal::BelowReserved { reserved: self.reserved });
        }
        if on_hand > OnHand::MAX {
            return Err(StockRefusal::TooMany { room: OnHand::MAX.saturating_sub(self.on_hand).max(0) });
        }
        Ok((by.get() != 0).then(|| self.change(MovementKind::Adjust, by.get(), 0)))
    }

    /// Moves pieces that are not promised to another warehouse of the shop; what both sides changed by.
    ///
    /// # Errors
    /// More than is available, to another shop, or more than the other warehouse takes in.
    pub fn transfer(&mut self, to: &mut Self, quantity: Quantity) -> Result<[Delta; 2], StockRefusal> {
        if self.shop_id != to.shop_id {
            return Err(StockRefusal::OtherShop);
        }
        if self.available() < quantity.get() {
            return Err(StockRefusal::Insufficient { available: self.available() });
        }
        to.check_room(quantity)?;
        let out = self.change(MovementKind::TransferOut, -quantity.get(), 0);
        Ok([out, to.change(MovementKind::TransferIn, quantity.get(), 0)])
    }

    /// Promises pieces to an order.
    ///
    /// # Errors
    /// When they are not there, which an allocation never asks for.
    pub fn reserve(&mut self, units: Units) -> Result<Delta, Impossible> {
        if self.available() < units.get() {
            return Err(self.impossible(format!("{units} pieces cannot be reserved of {}", self.available())));
        }
        Ok(self.change(MovementKind::Reserve, 0, units.get()))
    }

    /// Lets promised pieces leave for good.
    ///
    /// # Errors
    /// When they are not promised.
    pub fn commit(&mut self, units: Units) -> Result<Delta, Impossible> {
        self.check_promised(units)?;
        Ok(self.change(MovementKind::Commit, -units.get(), -units.get()))
    }

    /// Takes a promise back.
    ///
    /// # Errors
    /// When the pieces are not promised.
    pub fn release(&mut self, units: Units) -> Result<Delta, Impossible> {
        self.check_promised(units)?;
        Ok(self.change(MovementKind::Release, 0, -units.get()))
    }

    /// Puts pieces back on hand that had left. A compensation, which no limit may stop.
    ///
    /// # Errors
    /// When they cannot be counted any more.
    pub fn put_back(&mut self, units: Units) -> Result<Delta, Impossible> {
        if self.on_hand.checked_add(units.get()).is_none() {
            return Err(self.impossible(format!("{units} pieces more than {} cannot be counted", self.on_hand)));
        }
        Ok(self.change(MovementKind::Release, units.get(), 0))
    }

    fn check_room(&self, quantity: Quantity) -> Result<(), StockRefusal> {
        let room = OnHand::MAX.saturating_sub(self.on_hand).max(0);
        if quantity.get() > room { Err(StockRefusal::TooMany { room }) } else { Ok(()) }
    }

    fn check_promised(&self, units: Units) -> Result<(), Impossible> {
        if self.reserved < units.get() {
            return Err(self.impossible(format!("{} pieces are reserved, not {units}", self.reserved)));
        }
        Ok(())
    }

    const fn impossible(&self, what: String) -> Impossible {
        Impossible { shelf: self.shelf, what }
    }

    /// Every caller has made sure that the counts stay what a level's are.
    const fn change(&mut self, kind: MovementKind, on_hand: i64, reserved: i64) -> Delta {
        self.on_hand += on_hand;
        self.reserved += reserved;
        Delta { kind, on_hand, reserved }
    }
}
