//! The rules of the catalogue: what each command changes, or why it is refused.

use super::{
    AddProduct, AddShop, AddVariant, AddWarehouse, CatalogCommand, CatalogItem, Edit, EditProduct, EditShop,
    EditVariant, EditWarehouse, MAX_VARIANTS, MAX_WAREHOUSES, Offer, Product, PutOffer, Shop, Sku, Variant, Warehouse,
};
use crate::domain::{
    ids::{ProductId, ShopId, VariantId, WarehouseId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// What is in the catalogue already, as the rules look it up.
pub trait Shelf {
    /// Why a look-up fails.
    type Error;

    /// A product.
    fn product(&self, id: ProductId) -> Result<Option<Product>, Self::Error>;
    /// How many variants a product has.
    fn count_variants(&self, product: ProductId) -> Result<u32, Self::Error>;
    /// A variant.
    fn variant(&self, id: VariantId) -> Result<Option<Variant>, Self::Error>;
    /// The variant that has a stock-keeping unit.
    fn holder(&self, sku: &Sku) -> Result<Option<VariantId>, Self::Error>;
    /// A shop.
    fn shop(&self, id: ShopId) -> Result<Option<Shop>, Self::Error>;
    /// How many warehouses a shop has.
    fn count_warehouses(&self, shop: ShopId) -> Result<u32, Self::Error>;
    /// A shop's offer of a variant.
    fn offer(&self, shop: ShopId, variant: VariantId) -> Result<Option<Offer>, Self::Error>;
    /// A warehouse.
    fn warehouse(&self, id: WarehouseId) -> Result<Option<Warehouse>, Self::Error>;
}

/// Why the catalogue refuses a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CatalogRefusal {
    /// There is no such product.
    #[error("there is no product {0}")]
    NoProduct(ProductId),
    /// There is no such variant.
    #[error("there is no variant {0}")]
    NoVariant(VariantId),
    /// There is no such shop.
    #[error("there is no shop {0}")]
    NoShop(ShopId),
    /// There is no such warehouse.
    #[error("there is no warehouse {0}")]
    NoWarehouse(WarehouseId),
    /// Another variant has the stock-keeping unit.
    #[error("the sku {sku:?} is that of variant {holder}; give each variant its own")]
    DuplicateSku {
        /// The stock-keeping unit.
        sku: String,
        /// Who has it.
        holder: VariantId,
    },
    /// The product has as many variants as one can have.
    #[error("product {0} has {MAX_VARIANTS} variants already, which is as many as one can have")]
    TooManyVariants(ProductId),
    /// The shop has as many warehouses as one can have.
    #[error("shop {0} has {MAX_WAREHOUSES} warehouses already, which is as many as one can have")]
    TooManyWarehouses(ShopId),
}

/// What is written of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Nothing: it is as it was asked to be.
    Nothing,
    /// It is new.
    Insert,
    /// It was there, one version older.
    Update,
}

/// A change that the rules allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The item as it is from now on.
    pub item: CatalogItem,
    /// What is written of it.
    pub write: Write,
}

/// A change, unless it is refused; or why it could not be decided.
type Decided<S> = Result<Result<Change, CatalogRefusal>, <S as Shelf>::Error>;

/// An item that can be edited.
trait Editable: Clone + PartialEq + Into<CatalogItem> {
    /// Notes that it was changed.
    fn touch(&mut self, now: Timestamp);
}

macro_rules! editable {
    ($($item:ty),+) => {$(
        impl Editable for $item {
            fn touch(&mut self, now: Timestamp) {
                self.updated_at = now;
                self.version += 1;
            }
        }
    )+};
}

editable!(Product, Variant, Shop, Offer, Warehouse);

fn added(item: impl Into<CatalogItem>) -> Change {
    Change { item: item.into(), write: Write::Insert }
}

/// What has been added before, by the same command: it may have been sent again after a crash.
fn added_before(item: impl Into<CatalogItem>) -> Change {
    Change { item: item.into(), write: Write::Nothing }
}

fn edited<T: Editable>(mut item: T, now: Timestamp, edit: impl FnOnce(&mut T)) -> Change {
    let before = item.clone();
    edit(&mut item);
    if item == before {
        return Change { item: item.into(), write: Write::Nothing };
    }
    item.touch(now);
    Change { item: item.into(), write: Write::Update }
}

/// Decides one command. Pure: what it needs to know it looks up on the shelf.
///
/// # Errors
/// When a look-up fails.
pub fn decide<S: Shelf + ?Sized>(command: &CatalogCommand, shelf: &S, now: Timestamp) -> Decided<S> {
    match command {
        CatalogCommand::AddProduct(command) => add_product(command, shelf, now),
        CatalogCommand::EditProduct(command) => edit_product(command, shelf, now),
        CatalogCommand::AddVariant(command) => add_variant(command, shelf, now),
        CatalogCommand::EditVariant(command) => edit_variant(command, shelf, now),
        CatalogCommand::AddShop(command) => add_shop(command, shelf, now),
        CatalogCommand::EditShop(command) => edit_shop(command, shelf, now),
        CatalogCommand::PutOffer(command) => put_offer(command, shelf, now),
        CatalogCommand::AddWarehouse(command) => add_warehouse(command, shelf, now),
        CatalogCommand::EditWarehouse(command) => edit_warehouse(command, shelf, now),
    }
}

fn add_product<S: Shelf + ?Sized>(command: &AddProduct, shelf: &S, now: Timestamp) -> Decided<S> {
    if let Some(product) = shelf.product(command.id)? {
        return Ok(Ok(added_before(product)));
    }
    let AddProduct { id, name, description, category, active } = command.clone();
    Ok(Ok(added(Product { id, name, description, category, active, created_at: now, updated_at: now, version: 1 })))
}

fn edit_product<S: Shelf + ?Sized>(command: &EditProduct, shelf: &S, now: Timestamp) -> Decided<S> {
    let Some(product) = shelf.product(command.id)? else { return Ok(Err(CatalogRefusal::NoProduct(command.id))) };
    Ok(Ok(edited(product, now, |product| {
        command.name.apply(&mut product.name);
        command.description.apply(&mut product.description);
        command.category.apply(&mut product.category);
        command.active.apply(&mut product.active);
    })))
}

fn add_variant<S: Shelf + ?Sized>(command: &AddVariant, shelf: &S, now: Timestamp) -> Decided<S> {
    if let Some(variant) = shelf.variant(command.id)? {
        return Ok(Ok(added_before(variant)));
    }
    if shelf.product(command.product_id)?.is_none() {
        return Ok(Err(CatalogRefusal::NoProduct(command.product_id)));
    }
    if let Some(holder) = shelf.holder(&command.sku)? {
        return Ok(Err(CatalogRefusal::DuplicateSku { sku: command.sku.as_str().to_owned(), holder }));
    }
    if shelf.count_variants(command.product_id)? >= MAX_VARIANTS {
        return Ok(Err(CatalogRefusal::TooManyVariants(command.product_id)));
    }
    let AddVariant { id, product_id, sku, size, attributes, active } = command.clone();
    let (created_at, updated_at) = (now, now);
    Ok(Ok(added(Variant { id, product_id, sku, size, attributes, active, created_at, updated_at, version: 1 })))
}

fn edit_variant<S: Shelf + ?Sized>(command: &EditVariant, shelf: &S, now: Timestamp) -> Decided<S> {
    let Some(variant) = shelf.variant(command.id)? else { return Ok(Err(CatalogRefusal::NoVariant(command.id))) };
    let change = edited(variant, now, |variant| {
        command.sku.apply(&mut variant.sku);
        command.size.apply(&mut variant.size);
        command.attributes.apply(&mut variant.attributes);
        command.active.apply(&mut variant.active);
    });
    if let Edit::Set(sku) = &command.sku
        && let Some(holder) = shelf.holder(sku)?
        && holder != command.id
    {
        return Ok(Err(CatalogRefusal::DuplicateSku { sku: sku.as_str().to_owned(), holder }));
    }
    Ok(Ok(change))
}

fn add_shop<S: Shelf + ?Sized>(command: &AddShop, shelf: &S, now: Timestamp) -> Decided<S> {
    if let Some(shop) = shelf.shop(command.id)? {
        return Ok(Ok(added_before(shop)));
    }
    let AddShop { id, name, city, active } = command.clone();
    Ok(Ok(added(Shop { id, name, city, active, created_at: now, updated_at: now, version: 1 })))
}

fn edit_shop<S: Shelf + ?Sized>(command: &EditShop, shelf: &S, now: Timestamp) -> Decided<S> {
    let Some(shop) = shelf.shop(command.id)? else { return Ok(Err(CatalogRefusal::NoShop(command.id))) };
    Ok(Ok(edited(shop, now, |shop| {
        command.name.apply(&mut shop.name);
        command.city.apply(&mut shop.city);
        command.active.apply(&mut shop.active);
    })))
}

fn put_offer<S: Shelf + ?Sized>(command: &PutOffer, shelf: &S, now: Timestamp) -> Decided<S> {
    let PutOffer { shop_id, variant_id, price, currency, active } = command.clone();
    if let Some(offer) = shelf.offer(shop_id, variant_id)? {
        return Ok(Ok(edited(offer, now, |offer| {
            (offer.price, offer.currency, offer.active) = (price, currency, active);
        })));
    }
    if shelf.shop(shop_id)?.is_none() {
        return Ok(Err(CatalogRefusal::NoShop(shop_id)));
    }
    if shelf.variant(variant_id)?.is_none() {
        return Ok(Err(CatalogRefusal::NoVariant(variant_id)));
    }
    Ok(Ok(added(Offer { shop_id, variant_id, price, currency, active, created_at: now, updated_at: now, version: 1 })))
}

fn add_warehouse<S: Shelf + ?Sized>(command: &AddWarehouse, shelf: &S, now: Timestamp) -> Decided<S> {
    if let Some(warehouse) = shelf.warehouse(command.id)? {
        return Ok(Ok(added_before(warehouse)));
    }
    if shelf.shop(command.shop_id)?.is_none() {
        return Ok(Err(CatalogRefusal::NoShop(command.shop_id)));
    }
    if shelf.count_warehouses(command.shop_id)? >= MAX_WAREHOUSES {
        return Ok(Err(CatalogRefusal::TooManyWarehouses(command.shop_id)));
    }
    let AddWarehouse { id, shop_id, name, address, priority, active } = command.clone();
    let (created_at, updated_at) = (now, now);
    Ok(Ok(added(Warehouse { id, shop_id, name, address, priority, active, created_at, updated_at, version: 1 })))
}

fn edit_warehouse<S: Shelf + ?Sized>(command: &EditWarehouse, shelf: &S, now: Timestamp) -> Decided<S> {
    let Some(warehouse) = shelf.warehouse(command.id)? else {
        return Ok(Err(CatalogRefusal::NoWarehouse(command.id)));
    };
    Ok(Ok(edited(warehouse, now, |warehouse| {
        command.name.apply(&mut warehouse.name);
        command.address.apply(&mut warehouse.address);
        command.priority.apply(&mut warehouse.priority);
        command.active.apply(&mut warehouse.active);
    })))
}

#[cfg(test)]
mod tests;
