//! The catalogue: what there is to sell, and who sells it for how much from where.
//!
//! Products are central and have no price; each comes in variants. A shop offers variants, each at its
//! own price, and sends them from its warehouses.
//!
//! Owns what a product, a shop, an offer and a warehouse are, what may be asked of them, and which offer
//! can be bought. Must not know how many there are of anything: that is the stock's.

mod command;
mod decide;
mod edit;
mod offer;
mod product;
mod search;
mod shop;

pub use command::{
    AddProduct, AddShop, AddVariant, AddWarehouse, CatalogCommand, CatalogItem, CatalogRequest, EditProduct, EditShop,
    EditVariant, EditWarehouse, PutOffer,
};
pub use decide::{CatalogRefusal, Change, Shelf, Write, decide};
pub use edit::Edit;
pub use offer::{NotForSale, Offer, PricedOffer, Standing};
pub use product::{
    Attributes, AttributesError, Category, Description, MAX_VARIANTS, Product, ProductName, Size, Sku, SkuError,
    Variant,
};
pub use search::{Phrase, SearchText, spaced, words};
pub use shop::{Address, City, MAX_WAREHOUSES, Priority, Shop, ShopName, Warehouse, WarehouseName};
