//! Stock as every facade offers it.

use super::{Service, ServiceError, What, send};
use crate::{
    actors::{ChangeStock, StockRequestError},
    domain::{
        ids::{VariantId, WarehouseId},
        stock::StockChange,
    },
    store::{Caller, ChangeAnswer, Claim, Page, Scope, StockedLevel},
};
use uuid::Uuid;

/// A variant's stock over all warehouses.
#[derive(Clone, Debug)]
pub struct StockView {
    /// Pieces that are there.
    pub on_hand: i64,
    /// Pieces of those that are promised to orders.
    pub reserved: i64,
    /// Pieces that orders can have: what is not promised in active warehouses.
    pub available: i64,
    /// Warehouse by warehouse.
    pub levels: Vec<StockedLevel>,
}

impl StockView {
    fn of(levels: Vec<StockedLevel>) -> Self {
        let sum = |pieces: fn(&StockedLevel) -> i64| levels.iter().map(pieces).sum();
        Self {
            on_hand: sum(|stocked| stocked.level.on_hand()),
            reserved: sum(|stocked| stocked.level.reserved()),
            available: sum(|stocked| if stocked.active { stocked.level.available() } else { 0 }),
            levels,
        }
    }
}

impl Service {
    /// Makes a change by hand, once, however often it must be sent.
    ///
    /// # Errors
    /// No such warehouse or variant, one that takes nothing in, or numbers that forbid it.
    pub async fn change_stock(&self, change: StockChange, claim: Option<Claim>) -> Result<ChangeAnswer, ServiceError> {
        // A change that meets a crash is sent again, and must not be made twice, be it that the client sent
        // no key of its own.
        let claim = claim.unwrap_or_else(|| Claim {
            scope: Scope::new(Caller::Anyone, "", "a change without a key"),
            key: Uuid::now_v7().to_string(),
            body_hash: [0; 32],
            request_id: Uuid::nil(),
        });
        let message = || Ok(ChangeStock { change: change.clone(), claim: claim.clone() });
        match send(&self.actors.stock.change, message).await? {
            Ok(changed) => Ok(changed),
            Err(StockRequestError::Refused(refusal)) => Err(refusal.into()),
            Err(StockRequestError::Store(error)) => Err(error.into()),
        }
    }

    /// A variant's stock over all warehouses.
    ///
    /// # Errors
    /// No such variant, or storage away.
    pub async fn stock_of(&self, variant: VariantId) -> Result<StockView, ServiceError> {
        let levels = self.queries.stock.levels_of(variant).await?;
        levels.map(StockView::of).ok_or_else(|| ServiceError::NotFound(What::Variant, variant.to_string()))
    }

    /// A part of a warehouse's stock, the newest variants first.
    ///
    /// # Errors
    /// No such warehouse, or storage away.
    pub async fn stock_in(
        &self,
        warehouse: WarehouseId,
        page: Page<VariantId>,
    ) -> Result<Vec<StockedLevel>, ServiceError> {
        let levels = self.queries.stock.levels_in(warehouse, page).await?;
        levels.ok_or_else(|| ServiceError::NotFound(What::Warehouse, warehouse.to_string()))
    }
}
