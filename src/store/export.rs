//! The catalogue and the stock, row by row, for whoever writes them down.

use super::StoreError;
use crate::domain::{
    catalog::{Offer, Product, ShopName, Sku, Variant, WarehouseName},
    ids::ShopId,
    stock::Level,
};
use futures::future::BoxFuture;
use std::ops::ControlFlow;

/// A variant and its product.
#[derive(Clone, Debug)]
pub struct VariantRow {
    /// The variant.
    pub variant: Variant,
    /// Its product.
    pub product: Product,
}

/// A shop, and whether its name says which one it is.
#[derive(Clone, Debug)]
pub struct ShopLabel {
    /// Its id.
    pub id: ShopId,
    /// What it is called.
    pub name: ShopName,
    /// Whether no other shop is called so.
    pub is_unique: bool,
}

/// An offer and how those it is about are known.
#[derive(Clone, Debug)]
pub struct OfferRow {
    /// The offer.
    pub offer: Offer,
    /// Whose it is.
    pub shop: ShopLabel,
    /// What it sells.
    pub sku: Sku,
}

/// A level and how those it is about are known.
#[derive(Clone, Debug)]
pub struct LevelRow {
    /// The level.
    pub level: Level,
    /// Whose the warehouse is.
    pub shop: ShopLabel,
    /// What the warehouse is called.
    pub warehouse: WarehouseName,
    /// Whether no other warehouse of the shop is called so.
    pub is_unique: bool,
    /// What lies there.
    pub sku: Sku,
}

/// Takes in one row after the other, until it has seen enough.
pub type Visit<T> = Box<dyn FnMut(T) -> ControlFlow<()> + Send>;

/// Reads everything of a kind in one snapshot, holding one row at a time, beside a running server or without
/// one.
pub trait ExportSource: Send + Sync {
    /// All variants, product by product.
    fn visit_variants(&self, visit: Visit<VariantRow>) -> BoxFuture<'static, Result<(), StoreError>>;
    /// All offers, shop by shop.
    fn visit_offers(&self, visit: Visit<OfferRow>) -> BoxFuture<'static, Result<(), StoreError>>;
    /// All levels, warehouse by warehouse.
    fn visit_levels(&self, visit: Visit<LevelRow>) -> BoxFuture<'static, Result<(), StoreError>>;
}
