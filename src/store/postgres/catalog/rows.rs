//! How the catalogue's items are laid out in rows.

use crate::{
    domain::{
        catalog::{Attributes, Offer, PricedOffer, Product, Shop, Standing, Variant, Warehouse},
        ids::{ShopId, VariantId},
    },
    store::{
        ListedOffer, OfferRow, ShopLabel, VariantRow,
        postgres::codec::{Unreadable, from_json, get},
    },
};
use tokio_postgres::Row;

/// The columns of a table under a short name, in the order in which they are read.
macro_rules! columns {
    (product) => {
        "p.id, p.name, p.description, p.category, p.active, p.created_at, p.updated_at, p.version"
    };
    (variant) => {
        "v.id, v.product_id, v.sku, v.size, v.attributes, v.active, v.created_at, v.updated_at, v.version"
    };
    (shop) => {
        "s.id, s.name, s.city, s.active, s.created_at, s.updated_at, s.version"
    };
    (offer) => {
        "o.shop_id, o.variant_id, o.price, o.currency, o.active, o.created_at, o.updated_at, o.version"
    };
    (warehouse) => {
        "w.id, w.shop_id, w.name, w.address, w.priority, w.active, w.created_at, w.updated_at, w.version"
    };
}

/// Products.
pub(super) const PRODUCTS: &str = concat!("SELECT ", columns!(product), " FROM catalog_product p");
/// One product.
pub(in crate::store::postgres) const PRODUCT: &str =
    concat!("SELECT ", columns!(product), " FROM catalog_product p WHERE p.id = $1");
/// One variant.
pub(in crate::store::postgres) const VARIANT: &str =
    concat!("SELECT ", columns!(variant), " FROM catalog_variant v WHERE v.id = $1");
/// Variants.
pub(super) const VARIANTS: &str = concat!("SELECT ", columns!(variant), " FROM catalog_variant v");
/// A product's variants.
pub(super) const VARIANTS_OF: &str =
    concat!("SELECT ", columns!(variant), " FROM catalog_variant v WHERE v.product_id = $1 ORDER BY v.id");
/// Shops.
pub(super) const SHOPS: &str = concat!("SELECT ", columns!(shop), " FROM catalog_shop s");
/// One shop.
pub(in crate::store::postgres) const SHOP: &str =
    concat!("SELECT ", columns!(shop), " FROM catalog_shop s WHERE s.id = $1");
/// One offer.
pub(in crate::store::postgres) const OFFER: &str =
    concat!("SELECT ", columns!(offer), " FROM catalog_offer o WHERE o.shop_id = $1 AND o.variant_id = $2");
/// Warehouses.
pub(super) const WAREHOUSES: &str = concat!("SELECT ", columns!(warehouse), " FROM catalog_warehouse w");
/// One warehouse.
pub(in crate::store::postgres) const WAREHOUSE: &str =
    concat!("SELECT ", columns!(warehouse), " FROM catalog_warehouse w WHERE w.id = $1");
/// Offers with all that belongs to them, from the offer on: the others are looked up by their keys.
macro_rules! listed {
    () => {
        concat!(
            "SELECT ",
            columns!(offer),
            ", ",
            columns!(shop),
            ", ",
            columns!(variant),
            ", ",
            columns!(product),
            " FROM catalog_offer o JOIN catalog_shop s ON s.id = o.shop_id \
             JOIN catalog_variant v ON v.id = o.variant_id JOIN catalog_product p ON p.id = v.product_id"
        )
    };
}

/// Whether an offer is for sale.
macro_rules! for_sale {
    () => {
        "(o.active AND s.active AND v.active AND p.active)"
    };
}

/// Offers with all that belongs to them.
pub(super) const LISTED_OFFERS: &str = listed!();
/// Which of its columns are the offer's shop and price.
pub(super) const OFFER_SHOP: usize = 0;
/// See [`OFFER_SHOP`].
pub(super) const OFFER_PRICE: usize = 2;
/// Offers are for sale, or are not.
pub(super) const FOR_SALE_IS: &str = concat!(for_sale!(), " = $n");
/// One offer with all that belongs to it.
pub(super) const LISTED_OFFER: &str = concat!(listed!(), " WHERE o.shop_id = $1 AND o.variant_id = $2");
/// A variant's offers that are for sale, or are not, or all: cheapest first, after a price and a shop.
pub(super) const OFFERS_OF_VARIANT: &str = concat!(
    listed!(),
    " WHERE o.variant_id = $1 AND ($2::boolean IS NULL OR ",
    for_sale!(),
    " = $2) AND (o.price, o.shop_id) > ($3, $4) ORDER BY o.price, o.shop_id LIMIT $5"
);
/// What order lines say of several offers.
pub(super) const PRICED_OFFERS: &str = "SELECT o.shop_id, o.variant_id, v.sku, p.name, v.size, o.price, o.currency, \
     s.active, p.active, v.active, o.active FROM unnest($1::uuid[], $2::uuid[]) AS l (shop_id, variant_id) \
     JOIN catalog_offer o ON o.shop_id = l.shop_id AND o.variant_id = l.variant_id \
     JOIN catalog_shop s ON s.id = o.shop_id JOIN catalog_variant v ON v.id = o.variant_id \
     JOIN catalog_product p ON p.id = v.product_id";
/// The products of a name, two at most.
pub(in crate::store::postgres) const PRODUCTS_NAMED: &str = "SELECT id FROM catalog_product WHERE name = $1 LIMIT 2";
/// The shops of a name.
pub(in crate::store::postgres) const SHOPS_NAMED: &str = "SELECT id FROM catalog_shop WHERE name = $1";
/// The warehouses of a name of a shop, of which a shop has few.
pub(in crate::store::postgres) const WAREHOUSES_NAMED: &str =
    "SELECT id FROM catalog_warehouse WHERE shop_id = $1 AND name = $2";
/// Variants with their products, product by product.
pub(in crate::store::postgres) const EXPORTED_VARIANTS: &str = concat!(
    "SELECT ",
    columns!(variant),
    ", ",
    columns!(product),
    " FROM catalog_product p JOIN catalog_variant v ON v.product_id = p.id ORDER BY p.id, v.id"
);
/// Offers with what their shops and variants are known by, shop by shop.
pub(in crate::store::postgres) const EXPORTED_OFFERS: &str = concat!(
    "SELECT ",
    columns!(offer),
    ", v.sku, s.id, s.name, (SELECT count(*) FROM catalog_shop n WHERE n.name = s.name) = 1 \
     FROM catalog_offer o JOIN catalog_shop s ON s.id = o.shop_id \
     JOIN catalog_variant v ON v.id = o.variant_id ORDER BY o.shop_id, o.variant_id"
);

/// Reads a product.
pub(in crate::store::postgres) fn product(row: &Row) -> Result<Product, Unreadable> {
    product_at(row, 0)
}

fn product_at(row: &Row, first: usize) -> Result<Product, Unreadable> {
    Ok(Product {
        id: get(row, first)?,
        name: get(row, first + 1)?,
        description: get(row, first + 2)?,
        category: get(row, first + 3)?,
        active: get(row, first + 4)?,
        created_at: get(row, first + 5)?,
        updated_at: get(row, first + 6)?,
        version: get(row, first + 7)?,
    })
}

/// Reads a variant.
pub(in crate::store::postgres) fn variant(row: &Row) -> Result<Variant, Unreadable> {
    variant_at(row, 0)
}

fn variant_at(row: &Row, first: usize) -> Result<Variant, Unreadable> {
    let attributes: Attributes = from_json(row, first + 4)?;
    Ok(Variant {
        id: get(row, first)?,
        product_id: get(row, first + 1)?,
        sku: get(row, first + 2)?,
        size: get(row, first + 3)?,
        attributes,
        active: get(row, first + 5)?,
        created_at: get(row, first + 6)?,
        updated_at: get(row, first + 7)?,
        version: get(row, first + 8)?,
    })
}

/// Reads a shop.
pub(in crate::store::postgres) fn shop(row: &Row) -> Result<Shop, Unreadable> {
    shop_at(row, 0)
}

fn shop_at(row: &Row, first: usize) -> Result<Shop, Unreadable> {
    Ok(Shop {
        id: get(row, first)?,
        name: get(row, first + 1)?,
        city: get(row, first + 2)?,
        active: get(row, first + 3)?,
        created_at: get(row, first + 4)?,
        updated_at: get(row, first + 5)?,
        version: get(row, first + 6)?,
    })
}

/// Reads an offer.
pub(in crate::store::postgres) fn offer(row: &Row) -> Result<Offer, Unreadable> {
    Ok(Offer {
        shop_id: get(row, 0)?,
        variant_id: get(row, 1)?,
        price: get(row, 2)?,
        currency: get(row, 3)?,
        active: get(row, 4)?,
        created_at: get(row, 5)?,
        updated_at: get(row, 6)?,
        version: get(row, 7)?,
    })
}

/// Reads a warehouse.
pub(in crate::store::postgres) fn warehouse(row: &Row) -> Result<Warehouse, Unreadable> {
    Ok(Warehouse {
        id: get(row, 0)?,
        shop_id: get(row, 1)?,
        name: get(row, 2)?,
        address: get(row, 3)?,
        priority: get(row, 4)?,
        active: get(row, 5)?,
        created_at: get(row, 6)?,
        updated_at: get(row, 7)?,
        version: get(row, 8)?,
    })
}

/// Reads an offer with all that belongs to it.
pub(super) fn listed_offer(row: &Row) -> Result<ListedOffer, Unreadable> {
    Ok(ListedOffer {
        offer: offer(row)?,
        shop: shop_at(row, 8)?,
        variant: variant_at(row, 15)?,
        product: product_at(row, 24)?,
    })
}

/// Reads a variant with its product.
pub(in crate::store::postgres) fn exported_variant(row: &Row) -> Result<VariantRow, Unreadable> {
    Ok(VariantRow { variant: variant_at(row, 0)?, product: product_at(row, 9)? })
}

/// Reads an offer with what its shop and variant are known by.
pub(in crate::store::postgres) fn exported_offer(row: &Row) -> Result<OfferRow, Unreadable> {
    Ok(OfferRow { offer: offer(row)?, sku: get(row, 8)?, shop: shop_label(row, 9)? })
}

/// Reads what a shop is known by: its id, its name, and whether that is its own.
pub(in crate::store::postgres) fn shop_label(row: &Row, first: usize) -> Result<ShopLabel, Unreadable> {
    Ok(ShopLabel { id: get(row, first)?, name: get(row, first + 1)?, is_unique: get(row, first + 2)? })
}

/// Reads whose offer a row begins with, and of what.
pub(super) fn offer_key(row: &Row) -> Result<(ShopId, VariantId), Unreadable> {
    Ok((get(row, 0)?, get(row, 1)?))
}

/// Reads what an order line says of its offer.
pub(super) fn priced_offer(row: &Row) -> Result<PricedOffer, Unreadable> {
    let (shop_id, variant_id) = offer_key(row)?;
    Ok(PricedOffer {
        shop_id,
        variant_id,
        sku: get(row, 2)?,
        product_name: get(row, 3)?,
        size: get(row, 4)?,
        price: get(row, 5)?,
        currency: get(row, 6)?,
        standing: Standing { shop: get(row, 7)?, product: get(row, 8)?, variant: get(row, 9)?, offer: get(row, 10)? },
    })
}
