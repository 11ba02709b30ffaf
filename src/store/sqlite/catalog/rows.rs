//! How the catalogue's items are laid out in rows.

use crate::{
    domain::{
        catalog::{
            Attributes, Description, Offer, PricedOffer, Priority, Product, Shop, Sku, Standing, Variant, Warehouse,
        },
        ids::{ShopId, VariantId},
    },
    store::{ListedOffer, OfferRow, ShopLabel, VariantRow, sqlite::codec::from_json},
};
use rusqlite::{
    Row,
    types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef},
};

impl ToSql for Sku {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for Sku {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().map(|text| Self::stored(text.to_owned()))
    }
}

impl ToSql for Description {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for Description {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str().map(|text| Self::stored(text.to_owned()))
    }
}

impl ToSql for Priority {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.get()))
    }
}

impl FromSql for Priority {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_i64()?).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

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
pub(super) const PRODUCT: &str = concat!("SELECT ", columns!(product), " FROM catalog_product p WHERE p.id = ?1");
/// One variant.
pub(super) const VARIANT: &str = concat!("SELECT ", columns!(variant), " FROM catalog_variant v WHERE v.id = ?1");
/// Variants.
pub(super) const VARIANTS: &str = concat!("SELECT ", columns!(variant), " FROM catalog_variant v");
/// A product's variants.
pub(super) const VARIANTS_OF: &str =
    concat!("SELECT ", columns!(variant), " FROM catalog_variant v WHERE v.product_id = ?1 ORDER BY v.id");
/// Shops.
pub(super) const SHOPS: &str = concat!("SELECT ", columns!(shop), " FROM catalog_shop s");
/// One shop.
pub(super) const SHOP: &str = concat!("SELECT ", columns!(shop), " FROM catalog_shop s WHERE s.id = ?1");
/// One offer.
pub(super) const OFFER: &str =
    concat!("SELECT ", columns!(offer), " FROM catalog_offer o WHERE o.shop_id = ?1 AND o.variant_id = ?2");
/// Warehouses.
pub(super) const WAREHOUSES: &str = concat!("SELECT ", columns!(warehouse), " FROM catalog_warehouse w");
/// One warehouse.
pub(super) const WAREHOUSE: &str = concat!("SELECT ", columns!(warehouse), " FROM catalog_warehouse w WHERE w.id = ?1");
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
            " FROM catalog_offer o CROSS JOIN catalog_shop s ON s.id = o.shop_id \
             CROSS JOIN catalog_variant v ON v.id = o.variant_id CROSS JOIN catalog_product p ON p.id = v.product_id"
        )
    };
}

/// Whether an offer is for sale is as `?2` says, or that is nothing.
macro_rules! for_sale {
    () => {
        " AND (?2 IS NULL OR (o.active AND s.active AND v.active AND p.active) = ?2)"
    };
}

/// One offer with all that belongs to it.
pub(super) const LISTED_OFFER: &str = concat!(listed!(), " WHERE o.shop_id = ?1 AND o.variant_id = ?2");
/// A variant's offers, cheapest first, after a price and a shop.
pub(super) const OFFERS_OF_VARIANT: &str = concat!(
    listed!(),
    " WHERE o.variant_id = ?1 AND (o.price, o.shop_id) > (?3, ?4)",
    for_sale!(),
    " ORDER BY o.price, o.shop_id"
);
/// A shop's offers, newest variant first, before a variant.
pub(super) const OFFERS_OF_SHOP: &str =
    concat!(listed!(), " WHERE o.shop_id = ?1 AND o.variant_id < ?3", for_sale!(), " ORDER BY o.variant_id DESC");
/// What an order line says of an offer.
pub(super) const PRICED_OFFER: &str = "SELECT v.sku, p.name, v.size, o.price, o.currency, s.active, p.active, \
     v.active, o.active FROM catalog_offer o CROSS JOIN catalog_shop s ON s.id = o.shop_id \
     CROSS JOIN catalog_variant v ON v.id = o.variant_id CROSS JOIN catalog_product p ON p.id = v.product_id \
     WHERE o.shop_id = ?1 AND o.variant_id = ?2";
/// The products of a name, two at most.
pub(super) const PRODUCTS_NAMED: &str = "SELECT id FROM catalog_product WHERE name = ?1 LIMIT 2";
/// The shops of a name.
pub(super) const SHOPS_NAMED: &str = "SELECT id FROM catalog_shop WHERE name = ?1";
/// The warehouses of a name of a shop, of which a shop has few.
pub(super) const WAREHOUSES_NAMED: &str = "SELECT id FROM catalog_warehouse WHERE shop_id = ?1 AND name = ?2";
/// Variants with their products, product by product.
pub(in crate::store::sqlite) const EXPORTED_VARIANTS: &str = concat!(
    "SELECT ",
    columns!(variant),
    ", ",
    columns!(product),
    " FROM catalog_product p CROSS JOIN catalog_variant v ON v.product_id = p.id ORDER BY p.id, v.id"
);
/// Offers with what their shops and variants are known by, shop by shop.
pub(in crate::store::sqlite) const EXPORTED_OFFERS: &str = concat!(
    "SELECT ",
    columns!(offer),
    ", v.sku, s.id, s.name, (SELECT count(*) FROM catalog_shop n WHERE n.name = s.name) = 1 \
     FROM catalog_offer o CROSS JOIN catalog_shop s ON s.id = o.shop_id \
     CROSS JOIN catalog_variant v ON v.id = o.variant_id ORDER BY o.shop_id, o.variant_id"
);

/// Reads a product.
pub(super) fn product(row: &Row<'_>) -> rusqlite::Result<Product> {
    product_at(row, 0)
}

fn product_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Product> {
    Ok(Product {
        id: row.get(first)?,
        name: row.get(first + 1)?,
        description: row.get(first + 2)?,
        category: row.get(first + 3)?,
        active: row.get(first + 4)?,
        created_at: row.get(first + 5)?,
        updated_at: row.get(first + 6)?,
        version: row.get(first + 7)?,
    })
}

/// Reads a variant.
pub(super) fn variant(row: &Row<'_>) -> rusqlite::Result<Variant> {
    variant_at(row, 0)
}

fn variant_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Variant> {
    let attributes: Attributes = from_json(first + 4, row.get_ref(first + 4)?.as_str()?)?;
    Ok(Variant {
        id: row.get(first)?,
        product_id: row.get(first + 1)?,
        sku: row.get(first + 2)?,
        size: row.get(first + 3)?,
        attributes,
        active: row.get(first + 5)?,
        created_at: row.get(first + 6)?,
        updated_at: row.get(first + 7)?,
        version: row.get(first + 8)?,
    })
}

/// Reads a shop.
pub(super) fn shop(row: &Row<'_>) -> rusqlite::Result<Shop> {
    shop_at(row, 0)
}

fn shop_at(row: &Row<'_>, first: usize) -> rusqlite::Result<Shop> {
    Ok(Shop {
        id: row.get(first)?,
        name: row.get(first + 1)?,
        city: row.get(first + 2)?,
        active: row.get(first + 3)?,
        created_at: row.get(first + 4)?,
        updated_at: row.get(first + 5)?,
        version: row.get(first + 6)?,
    })
}

/// Reads an offer.
pub(super) fn offer(row: &Row<'_>) -> rusqlite::Result<Offer> {
    Ok(Offer {
        shop_id: row.get(0)?,
        variant_id: row.get(1)?,
        price: row.get(2)?,
        currency: row.get(3)?,
        active: row.get(4)?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
        version: row.get(7)?,
    })
}

/// Reads a warehouse.
pub(super) fn warehouse(row: &Row<'_>) -> rusqlite::Result<Warehouse> {
    Ok(Warehouse {
        id: row.get(0)?,
        shop_id: row.get(1)?,
        name: row.get(2)?,
        address: row.get(3)?,
        priority: row.get(4)?,
        active: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        version: row.get(8)?,
    })
}

/// Reads an offer with all that belongs to it.
pub(super) fn listed_offer(row: &Row<'_>) -> rusqlite::Result<ListedOffer> {
    Ok(ListedOffer {
        offer: offer(row)?,
        shop: shop_at(row, 8)?,
        variant: variant_at(row, 15)?,
        product: product_at(row, 24)?,
    })
}

/// Reads a variant with its product.
pub(in crate::store::sqlite) fn exported_variant(row: &Row<'_>) -> rusqlite::Result<VariantRow> {
    Ok(VariantRow { variant: variant_at(row, 0)?, product: product_at(row, 9)? })
}

/// Reads an offer with what its shop and variant are known by.
pub(in crate::store::sqlite) fn exported_offer(row: &Row<'_>) -> rusqlite::Result<OfferRow> {
    Ok(OfferRow { offer: offer(row)?, sku: row.get(8)?, shop: shop_label(row, 9)? })
}

/// Reads what a shop is known by: its id, its name, and whether that is its own.
pub(in crate::store::sqlite) fn shop_label(row: &Row<'_>, first: usize) -> rusqlite::Result<ShopLabel> {
    Ok(ShopLabel { id: row.get(first)?, name: row.get(first + 1)?, is_unique: row.get(first + 2)? })
}

/// Reads what an order line says of an offer.
pub(super) fn priced_offer(shop_id: ShopId, variant_id: VariantId, row: &Row<'_>) -> rusqlite::Result<PricedOffer> {
    Ok(PricedOffer {
        shop_id,
        variant_id,
        sku: row.get(0)?,
        product_name: row.get(1)?,
        size: row.get(2)?,
        price: row.get(3)?,
        currency: row.get(4)?,
        standing: Standing { shop: row.get(5)?, product: row.get(6)?, variant: row.get(7)?, offer: row.get(8)? },
    })
}
