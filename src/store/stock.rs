//! What the stock actor hands to the store and gets back, and what can be asked of the stock.

use super::{Commands, Page, StoreError};
use crate::domain::{
    ids::{OrderId, ShopId, TransferId, VariantId, WarehouseId},
    stock::{Level, Movement, Reservation, StockAnswer, StockChange, StockCommand, StockRefusal},
    time::Timestamp,
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// What the stock's owner can ask.
#[derive(Clone, Debug)]
pub enum StockRequest {
    /// A saga's step.
    Step(StockCommand),
    /// What a shop does by hand.
    Change(StockChange),
}

/// What it is answered.
#[derive(Clone, Debug)]
pub enum StockReply {
    /// The step was decided.
    Step(StockAnswer),
    /// The change was made, or is refused.
    Change(Result<ChangeAnswer, StockRefusal>),
}

/// A change that was made, now or under the same key before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChangeAnswer {
    /// The levels as they are now, in the order of [`StockChange::shelves`].
    pub levels: Vec<Level>,
    /// The transfer it made, if it is one.
    pub transfer_id: Option<TransferId>,
    /// Whether another request had used its idempotency key before, so that nothing was done now.
    pub replayed: bool,
}

/// A level as lists show it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct StockedLevel {
    /// The level.
    pub level: Level,
    /// Whether its warehouse is active, so that orders can have what is available.
    pub active: bool,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A movement's place in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MovementSeq(pub i64);

/// A movement and its place in the ledger.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MovementRow {
    /// Its place.
    pub seq: MovementSeq,
    /// The movement.
    pub movement: Movement,
}

/// Which movements.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct MovementFilter {
    /// Of this variant.
    pub variant_id: Option<VariantId>,
    /// In this warehouse.
    pub warehouse_id: Option<WarehouseId>,
    /// For this order.
    pub order_id: Option<OrderId>,
}

/// Levels, reservations and the ledger, for their owner.
pub trait StockStore: StockQueries + Commands<StockRequest, StockReply> {}

impl<S: StockQueries + Commands<StockRequest, StockReply>> StockStore for S {}

/// What can be asked of levels, reservations and the ledger.
pub trait StockQueries: Send + Sync {
    /// An order's reservation.
    fn reservation_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Reservation>, StoreError>>;
    /// How many pieces orders can have of each shop's variant: what is not promised in the shop's active
    /// warehouses.
    fn available(&self, offers: Vec<(ShopId, VariantId)>) -> BoxFuture<'static, Result<Vec<i64>, StoreError>>;
    /// A variant's levels in every warehouse; `None` where there is no such variant.
    fn levels_of(&self, variant: VariantId) -> BoxFuture<'static, Result<Option<Vec<StockedLevel>>, StoreError>>;
    /// A warehouse's levels, the newest variants first; `None` where there is no such warehouse.
    fn levels_in(
        &self,
        warehouse: WarehouseId,
        page: Page<VariantId>,
    ) -> BoxFuture<'static, Result<Option<Vec<StockedLevel>>, StoreError>>;
    /// The ledger, newest first.
    fn movements(
        &self,
        filter: MovementFilter,
        page: Page<MovementSeq>,
    ) -> BoxFuture<'static, Result<Vec<MovementRow>, StoreError>>;
}
