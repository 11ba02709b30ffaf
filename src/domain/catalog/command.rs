//! What the catalogue can be asked to change.

use super::{
    Address, Attributes, Category, City, Description, Edit, Offer, Priority, Product, ProductName, Shop, ShopName,
    Size, Sku, Variant, Warehouse, WarehouseName,
};
use crate::domain::{
    ids::{ProductId, ShopId, VariantId, WarehouseId},
    money::{Currency, Price},
};
use serde::{Deserialize, Serialize};

/// Adds a product. Ids are made by whoever asks, so that asking twice adds one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddProduct {
    /// Its id.
    pub id: ProductId,
    /// What it is called.
    pub name: ProductName,
    /// What is said about it.
    pub description: Option<Description>,
    /// What kind it is.
    pub category: Option<Category>,
    /// Whether it can be bought.
    pub active: bool,
}

/// Changes a product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EditProduct {
    /// Which one.
    pub id: ProductId,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub name: Edit<ProductName>,
    /// What is said about it.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub description: Edit<Option<Description>>,
    /// What kind it is.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub category: Edit<Option<Category>>,
    /// Whether it can be bought.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub active: Edit<bool>,
}

/// Adds a variant to a product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddVariant {
    /// Its id.
    pub id: VariantId,
    /// The product.
    pub product_id: ProductId,
    /// Its name among people and machines.
    pub sku: Sku,
    /// Its size.
    pub size: Option<Size>,
    /// What else tells it from the others.
    pub attributes: Attributes,
    /// Whether it can be bought.
    pub active: bool,
}

/// Changes a variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EditVariant {
    /// Which one.
    pub id: VariantId,
    /// Its name among people and machines.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub sku: Edit<Sku>,
    /// Its size.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub size: Edit<Option<Size>>,
    /// What else tells it from the others, all of it.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub attributes: Edit<Attributes>,
    /// Whether it can be bought.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub active: Edit<bool>,
}

/// Adds a shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddShop {
    /// Its id.
    pub id: ShopId,
    /// What it is called.
    pub name: ShopName,
    /// The city that it is in.
    pub city: City,
    /// Whether it sells anything.
    pub active: bool,
}

/// Changes a shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EditShop {
    /// Which one.
    pub id: ShopId,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub name: Edit<ShopName>,
    /// The city that it is in.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub city: Edit<City>,
    /// Whether it sells anything.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub active: Edit<bool>,
}

/// Says for how much a shop sells a variant, whether it did before or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PutOffer {
    /// The shop.
    pub shop_id: ShopId,
    /// The variant.
    pub variant_id: VariantId,
    /// For how much.
    pub price: Price,
    /// In which currency.
    pub currency: Currency,
    /// Whether the shop sells it now.
    pub active: bool,
}

/// Adds a warehouse to a shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddWarehouse {
    /// Its id.
    pub id: WarehouseId,
    /// The shop.
    pub shop_id: ShopId,
    /// What it is called.
    pub name: WarehouseName,
    /// Where it is.
    pub address: Address,
    /// Its place among the shop's warehouses.
    pub priority: Priority,
    /// Whether its stock can be reserved.
    pub active: bool,
}

/// Changes a warehouse, or opens or closes it for reservations.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EditWarehouse {
    /// Which one.
    pub id: WarehouseId,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub name: Edit<WarehouseName>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub address: Edit<Address>,
    /// Its place among the shop's warehouses.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub priority: Edit<Priority>,
    /// Whether its stock can be reserved.
    #[serde(default, skip_serializing_if = "Edit::is_kept")]
    pub active: Edit<bool>,
}

/// A command that is about one kind of item, which is what it is answered with.
pub trait CatalogRequest: Clone + Into<CatalogCommand> {
    /// The kind of item.
    type Item: TryFrom<CatalogItem>;
}

macro_rules! commands {
    ($($(#[$doc:meta])* $command:ident => $item:ident,)+) => {
        /// What the catalogue can be asked to change.
        #[derive(Clone, Debug, Serialize, Deserialize)]
        pub enum CatalogCommand {
            $($(#[$doc])* $command($command),)+
        }

        $(
            impl From<$command> for CatalogCommand {
                fn from(command: $command) -> Self {
                    Self::$command(command)
                }
            }

            impl CatalogRequest for $command {
                type Item = $item;
            }
        )+
    };
}

commands! {
    /// Adds a product.
    AddProduct => Product,
    /// Changes a product.
    EditProduct => Product,
    /// Adds a variant.
    AddVariant => Variant,
    /// Changes a variant.
    EditVariant => Variant,
    /// Adds a shop.
    AddShop => Shop,
    /// Changes a shop.
    EditShop => Shop,
    /// Makes or changes an offer.
    PutOffer => Offer,
    /// Adds a warehouse.
    AddWarehouse => Warehouse,
    /// Changes a warehouse.
    EditWarehouse => Warehouse,
}

macro_rules! items {
    ($($(#[$doc:meta])* $item:ident,)+) => {
        /// What the catalogue holds.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum CatalogItem {
            $($(#[$doc])* $item($item),)+
        }

        $(
            impl From<$item> for CatalogItem {
                fn from(item: $item) -> Self {
                    Self::$item(item)
                }
            }

            /// An item of another kind is given back.
            impl TryFrom<CatalogItem> for $item {
                type Error = CatalogItem;

                fn try_from(item: CatalogItem) -> Result<Self, CatalogItem> {
                    match item {
                        CatalogItem::$item(item) => Ok(item),
                        other => Err(other),
                    }
                }
            }
        )+
    };
}

items! {
    /// A product.
    Product,
    /// A variant.
    Variant,
    /// A shop.
    Shop,
    /// An offer.
    Offer,
    /// A warehouse.
    Warehouse,
}
