//! The ledger: every change of a level, and what caused it.

use super::level::Shelf;
use crate::domain::{
    field::Note,
    ids::{OrderId, TransferId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// What happened to a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum MovementKind {
    /// Goods came in.
    Receive,
    /// Somebody counted, and corrected what is on hand.
    Adjust,
    /// Goods went to another warehouse of the shop.
    TransferOut,
    /// Goods came from another warehouse of the shop.
    TransferIn,
    /// Pieces on hand were promised to an order.
    Reserve,
    /// Promised pieces left for good.
    Commit,
    /// Promised pieces are free again, or pieces that had left are back on hand.
    Release,
}

impl MovementKind {
    /// The kind's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// By how much a level changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// What happened.
    pub kind: MovementKind,
    /// Pieces more on hand, or fewer.
    pub on_hand: i64,
    /// Pieces more that are reserved, or fewer.
    pub reserved: i64,
}

/// What a level was changed for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// A delivery.
    Receipt,
    /// A count, and what the person who corrected the level said.
    Count(Note),
    /// A transfer; its other side names the same one.
    Transfer(TransferId),
    /// An order's reservation.
    Order {
        /// The order.
        order_id: OrderId,
        /// The revision of its lines.
        revision: u32,
    },
}

/// One row of the append-only ledger. A level is the sum of its movements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Which level.
    pub shelf: Shelf,
    /// By how much it changed.
    pub delta: Delta,
    /// What for.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
}
