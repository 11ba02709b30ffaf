//! Changes of the catalogue and the stock in bulk: any number of them, all or none.
//!
//! ```text
//!   a file's rows ─▶ work ─▶ BulkTx (one transaction, its own) ─▶ Keep: COMMIT · Discard: ROLLBACK
//! ```
//!
//! The work is run by whoever writes, between the batches of the actors, and pulls its own input: a million
//! rows are never in memory at once. It sees what it has changed so far. Every rule is the domain's, as it is
//! for single commands.

use super::StoreError;
use crate::domain::{
    catalog::{CatalogCommand, CatalogRefusal, Change, Product, ProductName, ShopName, Sku, Variant, WarehouseName},
    ids::{ProductId, ShopId, WarehouseId},
    stock::{Changed, Level, Shelf, StockChange, StockRefusal},
};
use futures::future::BoxFuture;
use tokio::sync::oneshot;

/// The database within the transaction of a bulk change. An error means that nothing of it can be kept.
pub trait BulkTx {
    /// Whether there are neither products nor shops.
    fn is_empty(&self) -> Result<bool, StoreError>;
    /// Changes the catalogue, if the rules allow it.
    fn change_catalog(&self, command: &CatalogCommand) -> Result<Result<Change, CatalogRefusal>, StoreError>;
    /// Changes the stock, if the rules allow it.
    fn change_stock(&self, change: &StockChange) -> Result<Result<Changed, StockRefusal>, StoreError>;
    /// A product.
    fn product(&self, id: ProductId) -> Result<Option<Product>, StoreError>;
    /// The products of this name, at most two of them: whether it is one product's is what matters.
    fn products_named(&self, name: &ProductName) -> Result<Vec<ProductId>, StoreError>;
    /// The variant of this stock-keeping unit.
    fn variant(&self, sku: &Sku) -> Result<Option<Variant>, StoreError>;
    /// Whether there is such a shop.
    fn has_shop(&self, id: ShopId) -> Result<bool, StoreError>;
    /// The shops of this name.
    fn shops_named(&self, name: &ShopName) -> Result<Vec<ShopId>, StoreError>;
    /// Whether there is such a warehouse.
    fn has_warehouse(&self, id: WarehouseId) -> Result<bool, StoreError>;
    /// The warehouses of this name of a shop.
    fn warehouses_named(&self, shop: ShopId, name: &WarehouseName) -> Result<Vec<WarehouseId>, StoreError>;
    /// A level, if anything was ever there.
    fn level(&self, of: Shelf) -> Result<Option<Level>, StoreError>;
}

/// What becomes of a bulk change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All of it is stored.
    Keep,
    /// Nothing of it is.
    Discard,
}

/// A bulk change. It is run once.
pub type BulkWork = Box<dyn FnOnce(&dyn BulkTx) -> Result<Verdict, StoreError> + Send>;

/// Runs bulk changes.
pub trait BulkStore: Send + Sync {
    /// Runs a bulk change after everything that was handed over before; other commands wait meanwhile.
    /// What was kept is durable when this is answered.
    fn change(&self, work: BulkWork) -> BoxFuture<'static, Result<Verdict, StoreError>>;
}

impl dyn BulkStore + '_ {
    /// As [`BulkStore::change`], with an answer: what the work has made is kept when it is well, and discarded when
    /// the work has found something wrong.
    ///
    /// # Errors
    /// Storage away, or a row that cannot be read. Nothing is kept then.
    pub async fn all_or_none<T, E, W>(&self, work: W) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
        W: FnOnce(&dyn BulkTx) -> Result<Result<T, E>, StoreError> + Send + 'static,
    {
        let (found, finding) = oneshot::channel();
        let change = self.change(Box::new(move |tx| {
            let done = work(tx)?;
            let verdict = if done.is_ok() { Verdict::Keep } else { Verdict::Discard };
            // Whoever waits for it is this very function.
            let _ = found.send(done);
            Ok(verdict)
        }));
        let verdict = change.await?;
        match finding.await {
            Ok(Ok(_)) if verdict == Verdict::Discard => Err(StoreError::Unavailable("nothing was kept".into())),
            Ok(done) => Ok(done),
            Err(_) => Err(StoreError::Unavailable("the store is closed".into())),
        }
    }
}
