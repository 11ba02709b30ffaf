//! The catalogue's side of the store.

use super::{Commands, Page, StoreError};
use crate::domain::{
    catalog::{
        CatalogCommand, CatalogItem, CatalogRefusal, Category, Offer, PricedOffer, Product, SearchText, Shop, Sku,
        Standing, Variant, Warehouse,
    },
    ids::{ProductId, ShopId, VariantId, WarehouseId},
    money::{OutOfRange, Price},
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// What the store does about a command to the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CatalogDone {
    /// The item as it is now.
    pub item: CatalogItem,
    /// Whether it is new.
    pub created: bool,
    /// Whether another request had used the idempotency key before, so that nothing was done now.
    pub replayed: bool,
}

/// What a command to the catalogue is answered.
pub type CatalogAnswer = Result<CatalogDone, CatalogRefusal>;

/// Which products.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ProductFilter {
    /// Of exactly this category.
    pub category: Option<Category>,
    /// Whose name and category have all these words.
    pub text: Option<SearchText>,
    /// Active or not.
    pub active: Option<bool>,
}

/// Which variants. What is left empty keeps nobody out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VariantFilter {
    /// With this stock-keeping unit.
    pub sku: Option<Sku>,
    /// Of this product.
    pub product_id: Option<ProductId>,
    /// Active or not.
    pub active: Option<bool>,
}

/// Which shops.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct ShopFilter {
    /// Active or not.
    pub active: Option<bool>,
}

/// Which warehouses.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct WarehouseFilter {
    /// Of this shop.
    pub shop_id: Option<ShopId>,
    /// Active or not.
    pub active: Option<bool>,
}

/// An offer in a list, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedOffer {
    /// The offer.
    pub offer: Offer,
    /// Its shop.
    pub shop: Shop,
    /// What it offers.
    pub variant: Variant,
    /// The variant's product.
    pub product: Product,
}

impl ListedOffer {
    /// What of it is active.
    pub const fn standing(&self) -> Standing {
        Standing {
            shop: self.shop.active,
            product: self.product.active,
            variant: self.variant.active,
            offer: self.offer.active,
        }
    }
}

/// A place in a variant's offers, cheapest first: after the one of this price and shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferPlace {
    /// Its price.
    pub price: Price,
    /// Its shop.
    pub shop_id: ShopId,
}

/// A text that is no place in a variant's offers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OfferPlaceError {
    /// It has not two parts.
    #[error("has no price and shop")]
    Form,
    /// Its first part is no number.
    #[error(transparent)]
    Number(#[from] std::num::ParseIntError),
    /// Its first part is no price.
    #[error(transparent)]
    Price(#[from] OutOfRange),
    /// Its second part is no id.
    #[error(transparent)]
    Shop(#[from] uuid::Error),
}

/// As a cursor: `25000-0198c0de-…`.
impl fmt::Display for OfferPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.price.get(), self.shop_id)
    }
}

impl FromStr for OfferPlace {
    type Err = OfferPlaceError;

    fn from_str(text: &str) -> Result<Self, OfferPlaceError> {
        let (price, shop) = text.split_once('-').ok_or(OfferPlaceError::Form)?;
        Ok(Self { price: Price::parse(price.parse()?)?, shop_id: ShopId::from_uuid(Uuid::parse_str(shop)?) })
    }
}

/// The catalogue, for its owner.
pub trait CatalogStore: CatalogQueries + Commands<CatalogCommand, CatalogAnswer> {}

impl<S: CatalogQueries + Commands<CatalogCommand, CatalogAnswer>> CatalogStore for S {}

/// What can be asked of products, shops, offers and warehouses.
pub trait CatalogQueries: Send + Sync {
    /// One product.
    fn product(&self, id: ProductId) -> BoxFuture<'static, Result<Option<Product>, StoreError>>;
    /// Products, newest first.
    fn products(
        &self,
        filter: ProductFilter,
        page: Page<ProductId>,
    ) -> BoxFuture<'static, Result<Vec<Product>, StoreError>>;
    /// One variant.
    fn variant(&self, id: VariantId) -> BoxFuture<'static, Result<Option<Variant>, StoreError>>;
    /// Variants of all products, newest first.
    fn variants(
        &self,
        filter: VariantFilter,
        page: Page<VariantId>,
    ) -> BoxFuture<'static, Result<Vec<Variant>, StoreError>>;
    /// All variants of a product, oldest first.
    fn variants_of(&self, product: ProductId) -> BoxFuture<'static, Result<Vec<Variant>, StoreError>>;
    /// One shop.
    fn shop(&self, id: ShopId) -> BoxFuture<'static, Result<Option<Shop>, StoreError>>;
    /// Shops, newest first.
    fn shops(&self, filter: ShopFilter, page: Page<ShopId>) -> BoxFuture<'static, Result<Vec<Shop>, StoreError>>;
    /// One warehouse.
    fn warehouse(&self, id: WarehouseId) -> BoxFuture<'static, Result<Option<Warehouse>, StoreError>>;
    /// Warehouses, newest first.
    fn warehouses(
        &self,
        filter: WarehouseFilter,
        page: Page<WarehouseId>,
    ) -> BoxFuture<'static, Result<Vec<Warehouse>, StoreError>>;
    /// A shop's offer of a variant.
    fn offer(&self, shop: ShopId, variant: VariantId) -> BoxFuture<'static, Result<Option<ListedOffer>, StoreError>>;
    /// All shops' offers of a variant, cheapest first, after `after`: those that are for sale, or those
    /// that are not, or all.
    fn offers_of_variant(
        &self,
        variant: VariantId,
        for_sale: Option<bool>,
        after: Option<OfferPlace>,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<ListedOffer>, StoreError>>;
    /// A shop's offers, newest variant first: those that are for sale, or those that are not, or all.
    fn offers_of_shop(
        &self,
        shop: ShopId,
        for_sale: Option<bool>,
        page: Page<VariantId>,
    ) -> BoxFuture<'static, Result<Vec<ListedOffer>, StoreError>>;
    /// What the lines of an order need to know, line by line; `None` where the shop has never offered the
    /// variant. Whether it can be bought is [`PricedOffer::check`]'s to say.
    fn offers_for(
        &self,
        lines: &[(ShopId, VariantId)],
    ) -> BoxFuture<'static, Result<Vec<Option<PricedOffer>>, StoreError>>;
}
