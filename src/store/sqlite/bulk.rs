//! Bulk changes: alone in their transaction, on the writer's thread.

use super::{
    Sqlite,
    catalog::{self, rows},
    stock,
    tx::{CommandError, Tx, store_error},
    writer::Lone,
};
use crate::{
    domain::{
        catalog::{
            CatalogCommand, CatalogRefusal, Change, Product, ProductName, Shelf as _, ShopName, Sku, Variant,
            WarehouseName,
        },
        ids::{ProductId, ShopId, WarehouseId},
        stock::{Changed, Level, Shelf, StockChange, StockRefusal},
    },
    store::{BulkStore, BulkTx, BulkWork, StoreError, Verdict},
};
use futures::future::BoxFuture;
use std::cell::Cell;
use tokio::sync::oneshot;

impl BulkStore for Sqlite {
    fn change(&self, work: BulkWork) -> BoxFuture<'static, Result<Verdict, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.writer.execute_alone(Box::new(BulkJob { work: Some(work), reply }));
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".into()))) },
        )
    }
}

struct BulkJob {
    work: Option<BulkWork>,
    reply: oneshot::Sender<Result<Verdict, StoreError>>,
}

impl Lone for BulkJob {
    fn run(&mut self, tx: &Tx<'_, '_>) -> Result<Verdict, StoreError> {
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
struct Bulk<'a, 't, 'c> {
    tx: &'a Tx<'t, 'c>,
    has_failed: Cell<bool>,
}

impl Bulk<'_, '_, '_> {
    fn note<T>(&self, done: Result<T, impl Into<CommandError>>) -> Result<T, StoreError> {
        done.map_err(|error| {
            self.has_failed.set(true);
            match error.into() {
                CommandError::Failed(error) => error,
                CommandError::Broken(error) => store_error(&error),
            }
        })
    }
}

impl BulkTx for Bulk<'_, '_, '_> {
    fn is_empty(&self) -> Result<bool, StoreError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM catalog_product) AND NOT EXISTS (SELECT 1 FROM catalog_shop)";
        self.note(self.tx.row(sql, [], |row| row.get(0))).map(|empty| empty.unwrap_or(false))
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
        self.note(self.tx.rows(rows::PRODUCTS_NAMED, [name], |row| row.get(0)))
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
        self.note(self.tx.rows(rows::SHOPS_NAMED, [name], |row| row.get(0)))
    }

    fn has_warehouse(&self, id: WarehouseId) -> Result<bool, StoreError> {
        self.note(self.tx.warehouse(id)).map(|warehouse| warehouse.is_some())
    }

    fn warehouses_named(&self, shop: ShopId, name: &WarehouseName) -> Result<Vec<WarehouseId>, StoreError> {
        self.note(self.tx.rows(rows::WAREHOUSES_NAMED, (shop, name), |row| row.get(0)))
    }

    fn level(&self, of: Shelf) -> Result<Option<Level>, StoreError> {
        Ok(self.note(stock::load_level(self.tx, of))?.map(|stored| stored.row))
    }
}
