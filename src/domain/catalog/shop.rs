//! Shops and the warehouses that they send from.

use crate::domain::{
    field::Text,
    ids::{ShopId, WarehouseId},
    money::OutOfRange,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// Most warehouses of one shop: each is looked at when its stock is reserved.
pub const MAX_WAREHOUSES: u32 = 250;

/// What a shop is called.
pub type ShopName = Text<200>;
/// The city that a shop is in.
pub type City = Text<100>;
/// What a warehouse is called.
pub type WarehouseName = Text<200>;
/// Where a warehouse is.
pub type Address = Text<500>;

/// A place among a shop's warehouses: the smaller, the earlier its stock is used. 0 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Priority(i64);

impl Priority {
    /// Parses a client's number.
    ///
    /// # Errors
    /// Outside 0 to 10,000.
    pub fn parse(value: i64) -> Result<Self, OutOfRange> {
        let (min, max) = (0, 10_000);
        if (min..=max).contains(&value) { Ok(Self(value)) } else { Err(OutOfRange { min, max, value }) }
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// In the middle, so that others can be put before it.
impl Default for Priority {
    fn default() -> Self {
        Self(100)
    }
}

/// A shop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shop {
    /// Its id.
    pub id: ShopId,
    /// What it is called.
    pub name: ShopName,
    /// The city that it is in.
    pub city: City,
    /// Whether it sells anything at all.
    pub active: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it has been written.
    pub version: i64,
}

/// A shop's warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warehouse {
    /// Its id.
    pub id: WarehouseId,
    /// Whose it is; never changes.
    pub shop_id: ShopId,
    /// What it is called.
    pub name: WarehouseName,
    /// Where it is.
    pub address: Address,
    /// Its place among the shop's warehouses.
    pub priority: Priority,
    /// Whether its stock can be reserved. What is reserved there already stays so.
    pub active: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// How often it has been written.
    pub version: i64,
}
