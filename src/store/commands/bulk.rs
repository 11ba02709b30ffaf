//! Bulk changes: alone in their transaction, on the writer's thread.

use super::{Alone, CommandError, Tx, catalog, stock};
use crate::{
    domain::{
        catalog::{
            CatalogCommand, CatalogRefusal, Change, Product, ProductName, ShopName, Sku, Variant, WarehouseName,
        },
        ids::{ProductId, ShopId, WarehouseId},
        stock::{Changed, Level, Shelf, StockChange, StockRefusal},
    },
    store::{BulkTx, BulkWork, StoreError, Verdict},
};
use std::cell::Cell;
use tokio::sync::oneshot;

/// A bulk change that waits for its turn.
pub(in crate::store) struct BulkJob {
    work: Option<BulkWork>,
    reply: oneshot::Sender<Result<Verdict, StoreError>>,
}

impl BulkJob {
    pub(super) const fn new(work: BulkWork, reply: oneshot::Sender<Result<Verdict, StoreError>>) -> Self {
        Self { work: Some(work), reply }
    }
}

impl Alone for BulkJob {
    fn run(&mut self, tx: &dyn Tx) -> Result<Verdict, StoreError> {
        let Some(work) = self.work.take() else { return Ok(Verdict::Discard) };
        let bulk = Bulk { tx, has_failed: Cell::new(false) };
        let verdict = work(&bulk)?;
        // Half of a change may be written: whatever the work makes of the error, none of it is kept.
        if bulk.has_failed.get() { Ok(Verdict::Discard) } else { Ok(verdict) }
    }

    fn ended(self: Box<Self>, end: Result<Verdict, StoreError>) {
        let _ = self.reply.send(end);
    }
}

/// The transaction as the work sees it.
struct Bulk<'a> {
    tx: &'a dyn Tx,
    has_failed: Cell<bool>,
}

impl Bulk<'_> {
    fn note<T>(&self, done: Result<T, CommandError>) -> Result<T, StoreError> {
        done.map_err(|error| {
            self.has_failed.set(true);
            error.into_store_error()
        })
    }
}

impl BulkTx for Bulk<'_> {
    fn is_empty(&self) -> Result<bool, StoreError> {
        self.note(self.tx.is_catalog_empty())
    }

    fn change_catalog(&self, command: &CatalogCommand) -> Result<Result<Change, CatalogRefusal>, StoreError> {
        self.note(catalog::change(self.tx, command))
    }

    fn change_stock(&self, change: &StockChange) -> Result<Result<Changed, StockRefusal>, StoreError> {
        self.note(stock::decide_change(self.tx, change))
    }

    fn product(&self, id: ProductId) -> Result<Option<Product>, StoreError> {
        self.note(self.tx.product(id))
    }

    fn products_named(&self, name: &ProductName) -> Result<Vec<ProductId>, StoreError> {
        self.note(self.tx.products_named(name))
    }

    fn variant(&self, sku: &Sku) -> Result<Option<Variant>, StoreError> {
        match self.note(self.tx.holder(sku))? {
            Some(id) => self.note(self.tx.variant(id)),
            None => Ok(None),
        }
    }

    fn has_shop(&self, id: ShopId) -> Result<bool, StoreError> {
        self.note(self.tx.shop(id)).map(|shop| shop.is_some())
    }

    fn shops_named(&self, name: &ShopName) -> Result<Vec<ShopId>, StoreError> {
        self.note(self.tx.shops_named(name))
    }

    fn has_warehouse(&self, id: WarehouseId) -> Result<bool, StoreError> {
        self.note(self.tx.warehouse(id)).map(|warehouse| warehouse.is_some())
    }

    fn warehouses_named(&self, shop: ShopId, name: &WarehouseName) -> Result<Vec<WarehouseId>, StoreError> {
        self.note(self.tx.warehouses_named(shop, name))
    }

    fn level(&self, of: Shelf) -> Result<Option<Level>, StoreError> {
        Ok(self.note(self.tx.level(of))?.map(|stored| stored.row))
    }
}
