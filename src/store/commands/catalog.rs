//! How the catalogue's commands are run: look up, decide, save.

use super::{CommandError, Run, Tx, guarded};
use crate::{
    domain::{
        catalog::{
            CatalogCommand, CatalogItem, CatalogRefusal, Change, ProductName, Shelf, ShopName, WarehouseName, Write,
            decide,
        },
        ids::{ProductId, ShopId, VariantId, WarehouseId},
    },
    store::{CatalogAnswer, CatalogDone, Claim, Keyed, StoreError},
};
use uuid::Uuid;

/// Where a transaction has the catalogue.
pub(in crate::store) trait CatalogRows: Shelf<Error = CommandError> {
    /// Writes what a command changes: a new item where there was none, an old one over the version that was
    /// looked up.
    fn save_item(&self, change: &Change) -> Result<(), CommandError>;
    /// Looks up an idempotency key.
    fn find_catalog_claim(&self, claim: &Claim) -> Result<Option<CatalogClaimed>, CommandError>;
    /// Records an idempotency key, and the id of what its request made.
    fn keep_catalog_claim(&self, claim: &Claim, made: Uuid) -> Result<(), CommandError>;
    /// Whether there are neither products nor shops.
    fn is_catalog_empty(&self) -> Result<bool, CommandError>;
    /// The products of a name, two at most.
    fn products_named(&self, name: &ProductName) -> Result<Vec<ProductId>, CommandError>;
    /// The shops of a name.
    fn shops_named(&self, name: &ShopName) -> Result<Vec<ShopId>, CommandError>;
    /// The warehouses of a name of a shop.
    fn warehouses_named(&self, shop: ShopId, name: &WarehouseName) -> Result<Vec<WarehouseId>, CommandError>;
}

/// What is known of a key that was used.
pub(in crate::store) struct CatalogClaimed {
    pub(in crate::store) made: Uuid,
    pub(in crate::store) body_hash: [u8; 32],
    pub(in crate::store) request_id: Uuid,
}

/// Runs the catalogue's commands.
pub(in crate::store) struct CatalogRunner;

impl Run for CatalogRunner {
    type Command = Keyed<CatalogCommand>;
    type Answer = CatalogAnswer;

    fn run(tx: &dyn Tx, Keyed { command, claim }: &Self::Command) -> Result<CatalogAnswer, CommandError> {
        if let Some(claim) = claim
            && let Some(CatalogClaimed { made, body_hash, request_id }) = tx.find_catalog_claim(claim)?
        {
            if body_hash != claim.body_hash {
                return Err(StoreError::KeyReused.into());
            }
            let replayed = request_id != claim.request_id;
            return Ok(Ok(CatalogDone { item: present(tx, command, made)?, created: false, replayed }));
        }
        let change = match change(tx, command)? {
            Ok(change) => change,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Some(claim) = claim {
            tx.keep_catalog_claim(claim, id_of(&change.item))?;
        }
        Ok(Ok(CatalogDone { item: change.item, created: change.write == Write::Insert, replayed: false }))
    }
}

/// Makes the change that a command asks for, if the rules allow it.
pub(super) fn change(tx: &dyn Tx, command: &CatalogCommand) -> Result<Result<Change, CatalogRefusal>, CommandError> {
    // Nothing has been written when a decision panics.
    let decided = guarded(|| decide(command, tx, tx.now()))??;
    if let Ok(change) = &decided
        && change.write != Write::Nothing
    {
        tx.save_item(change)?;
    }
    Ok(decided)
}

/// The id under which a key remembers an item. An offer has none of its own, and no request of one a key.
fn id_of(item: &CatalogItem) -> Uuid {
    match item {
        CatalogItem::Product(product) => product.id.uuid(),
        CatalogItem::Variant(variant) => variant.id.uuid(),
        CatalogItem::Shop(shop) => shop.id.uuid(),
        CatalogItem::Offer(offer) => offer.variant_id.uuid(),
        CatalogItem::Warehouse(warehouse) => warehouse.id.uuid(),
    }
}

/// What an earlier, identical request made, as it is now.
fn present(tx: &dyn Tx, command: &CatalogCommand, made: Uuid) -> Result<CatalogItem, CommandError> {
    let item = match command {
        CatalogCommand::AddProduct(_) | CatalogCommand::EditProduct(_) => item(tx.product(ProductId::from_uuid(made))?),
        CatalogCommand::AddVariant(_) | CatalogCommand::EditVariant(_) => item(tx.variant(VariantId::from_uuid(made))?),
        CatalogCommand::AddShop(_) | CatalogCommand::EditShop(_) => item(tx.shop(ShopId::from_uuid(made))?),
        CatalogCommand::PutOffer(put) => item(tx.offer(put.shop_id, VariantId::from_uuid(made))?),
        CatalogCommand::AddWarehouse(_) | CatalogCommand::EditWarehouse(_) => {
            item(tx.warehouse(WarehouseId::from_uuid(made))?)
        }
    };
    let gone = || StoreError::Poisoned(format!("what an idempotency key made is gone: {made}"));
    Ok(item.ok_or_else(gone)?)
}

fn item(found: Option<impl Into<CatalogItem>>) -> Option<CatalogItem> {
    found.map(Into::into)
}
