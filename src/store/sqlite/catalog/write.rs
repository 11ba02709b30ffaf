//! What the catalogue's commands look up and write.

use super::rows;
use crate::{
    domain::{
        catalog::{
            CatalogCommand, CatalogItem, Change, Offer, Product, ProductName, Shelf, Shop, ShopName, Sku, Variant,
            Warehouse, WarehouseName, Write, spaced,
        },
        ids::{ProductId, ShopId, VariantId, WarehouseId},
    },
    store::{
        Answers, CatalogAnswer, Claim, Commands, Keyed, StoreError,
        commands::{CatalogClaimed, CatalogRows, CatalogRunner, CommandError, expect_written},
        sqlite::{
            Sqlite,
            codec::{is_unreadable, to_json},
            tx::Tx,
        },
    },
};
use futures::future::BoxFuture;
use rusqlite::{Params, Row};
use uuid::Uuid;

impl Commands<CatalogCommand, CatalogAnswer> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<CatalogCommand>>) -> BoxFuture<'static, Answers<CatalogAnswer>> {
        self.queue.execute::<CatalogRunner>(commands)
    }
}

impl CatalogRows for Tx<'_, '_> {
    fn save_item(&self, change: &Change) -> Result<(), CommandError> {
        if let Some(recent) = self.recent() {
            recent.offers.touch();
            recent.sources.touch();
        }
        expect_written(save(self, change)? == 1)
    }

    fn find_catalog_claim(&self, claim: &Claim) -> Result<Option<CatalogClaimed>, CommandError> {
        let found = self.row(
            "SELECT made, body_hash, request_id FROM catalog_idempotency WHERE scope = ?1 AND key = ?2",
            (&claim.scope, &claim.key),
            |row| {
                let (made, request_id) = (Uuid::from_bytes(row.get(0)?), Uuid::from_bytes(row.get(2)?));
                Ok(CatalogClaimed { made, body_hash: row.get(1)?, request_id })
            },
        );
        Ok(found?)
    }

    fn keep_catalog_claim(&self, claim: &Claim, made: Uuid) -> Result<(), CommandError> {
        self.run(
            "INSERT INTO catalog_idempotency (scope, key, body_hash, request_id, made, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (&claim.scope, &claim.key, claim.body_hash, claim.request_id.as_bytes(), made.as_bytes(), self.now()),
        )?;
        Ok(())
    }

    fn is_catalog_empty(&self) -> Result<bool, CommandError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM catalog_product) AND NOT EXISTS (SELECT 1 FROM catalog_shop)";
        Ok(self.row(sql, [], |row| row.get(0))?.unwrap_or(false))
    }

    fn products_named(&self, name: &ProductName) -> Result<Vec<ProductId>, CommandError> {
        Ok(self.rows(rows::PRODUCTS_NAMED, [name], |row| row.get(0))?)
    }

    fn shops_named(&self, name: &ShopName) -> Result<Vec<ShopId>, CommandError> {
        Ok(self.rows(rows::SHOPS_NAMED, [name], |row| row.get(0))?)
    }

    fn warehouses_named(&self, shop: ShopId, name: &WarehouseName) -> Result<Vec<WarehouseId>, CommandError> {
        Ok(self.rows(rows::WAREHOUSES_NAMED, (shop, name), |row| row.get(0))?)
    }
}

/// What is known of an item before a command; a row that cannot be read fails that command alone.
fn look_up<T>(
    tx: &Tx<'_, '_>,
    sql: &'static str,
    params: impl Params,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, CommandError> {
    match tx.row(sql, params, read) {
        Err(error) if is_unreadable(&error) => {
            Err(StoreError::Poisoned(format!("a stored row of the catalogue cannot be read: {error}")).into())
        }
        other => Ok(other?),
    }
}

impl Shelf for Tx<'_, '_> {
    type Error = CommandError;

    fn product(&self, id: ProductId) -> Result<Option<Product>, CommandError> {
        look_up(self, rows::PRODUCT, [id], rows::product)
    }

    fn count_variants(&self, product: ProductId) -> Result<u32, CommandError> {
        let count = self.row("SELECT count(*) FROM catalog_variant WHERE product_id = ?1", [product], |row| row.get(0));
        Ok(count?.unwrap_or(0))
    }

    fn variant(&self, id: VariantId) -> Result<Option<Variant>, CommandError> {
        look_up(self, rows::VARIANT, [id], rows::variant)
    }

    fn holder(&self, sku: &Sku) -> Result<Option<VariantId>, CommandError> {
        Ok(self.row("SELECT id FROM catalog_variant WHERE sku = ?1", [sku], |row| row.get(0))?)
    }

    fn shop(&self, id: ShopId) -> Result<Option<Shop>, CommandError> {
        look_up(self, rows::SHOP, [id], rows::shop)
    }

    fn count_warehouses(&self, shop: ShopId) -> Result<u32, CommandError> {
        let count = self.row("SELECT count(*) FROM catalog_warehouse WHERE shop_id = ?1", [shop], |row| row.get(0));
        Ok(count?.unwrap_or(0))
    }

    fn offer(&self, shop: ShopId, variant: VariantId) -> Result<Option<Offer>, CommandError> {
        look_up(self, rows::OFFER, (shop, variant), rows::offer)
    }

    fn warehouse(&self, id: WarehouseId) -> Result<Option<Warehouse>, CommandError> {
        look_up(self, rows::WAREHOUSE, [id], rows::warehouse)
    }
}

/// Writes an item; how many rows.
fn save(tx: &Tx<'_, '_>, change: &Change) -> rusqlite::Result<usize> {
    match (change.write, &change.item) {
        (Write::Nothing, _) => Ok(1),
        (Write::Insert, CatalogItem::Product(product)) => insert_product(tx, product),
        (Write::Update, CatalogItem::Product(product)) => update_product(tx, product),
        (Write::Insert, CatalogItem::Variant(variant)) => insert_variant(tx, variant),
        (Write::Update, CatalogItem::Variant(variant)) => update_variant(tx, variant),
        (Write::Insert, CatalogItem::Shop(shop)) => insert_shop(tx, shop),
        (Write::Update, CatalogItem::Shop(shop)) => update_shop(tx, shop),
        (Write::Insert, CatalogItem::Offer(offer)) => insert_offer(tx, offer),
        (Write::Update, CatalogItem::Offer(offer)) => update_offer(tx, offer),
        (Write::Insert, CatalogItem::Warehouse(warehouse)) => insert_warehouse(tx, warehouse),
        (Write::Update, CatalogItem::Warehouse(warehouse)) => update_warehouse(tx, warehouse),
    }
}

fn insert_product(tx: &Tx<'_, '_>, product: &Product) -> rusqlite::Result<usize> {
    let Product { id, name, description, category, active, created_at, updated_at, version } = product;
    let written = tx.run(
        "INSERT INTO catalog_product (id, name, description, category, active, created_at, updated_at, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (id, name, description, category, active, created_at, updated_at, version),
    )?;
    let words = (id, spaced(name.as_str()), category.as_ref().map(|category| spaced(category.as_str())));
    tx.run(
        "INSERT INTO catalog_search (rowid, name, category) SELECT number, ?2, ?3 FROM catalog_product WHERE id = ?1",
        words,
    )?;
    Ok(written)
}

fn update_product(tx: &Tx<'_, '_>, product: &Product) -> rusqlite::Result<usize> {
    let Product { id, name, description, category, active, created_at: _, updated_at, version } = product;
    let written = tx.run(
        "UPDATE catalog_product SET name = ?3, description = ?4, category = ?5, active = ?6, updated_at = ?7, \
         version = ?2 WHERE id = ?1 AND version = ?2 - 1",
        (id, version, name, description, category, active, updated_at),
    )?;
    let words = (id, spaced(name.as_str()), category.as_ref().map(|category| spaced(category.as_str())));
    tx.run(
        "UPDATE catalog_search SET name = ?2, category = ?3 \
         WHERE rowid = (SELECT number FROM catalog_product WHERE id = ?1)",
        words,
    )?;
    Ok(written)
}

fn insert_variant(tx: &Tx<'_, '_>, variant: &Variant) -> rusqlite::Result<usize> {
    let Variant { id, product_id, sku, size, attributes, active, created_at, updated_at, version } = variant;
    tx.run(
        "INSERT INTO catalog_variant (id, product_id, sku, size, attributes, active, created_at, updated_at, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (id, product_id, sku, size, to_json(attributes)?, active, created_at, updated_at, version),
    )
}

/// Whose variant it is never changes.
fn update_variant(tx: &Tx<'_, '_>, variant: &Variant) -> rusqlite::Result<usize> {
    let Variant { id, product_id: _, sku, size, attributes, active, created_at: _, updated_at, version } = variant;
    tx.run(
        "UPDATE catalog_variant SET sku = ?3, size = ?4, attributes = ?5, active = ?6, updated_at = ?7, version = ?2 \
         WHERE id = ?1 AND version = ?2 - 1",
        (id, version, sku, size, to_json(attributes)?, active, updated_at),
    )
}

fn insert_shop(tx: &Tx<'_, '_>, shop: &Shop) -> rusqlite::Result<usize> {
    let Shop { id, name, city, active, created_at, updated_at, version } = shop;
    tx.run(
        "INSERT INTO catalog_shop (id, name, city, active, created_at, updated_at, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (id, name, city, active, created_at, updated_at, version),
    )
}

fn update_shop(tx: &Tx<'_, '_>, shop: &Shop) -> rusqlite::Result<usize> {
    let Shop { id, name, city, active, created_at: _, updated_at, version } = shop;
    tx.run(
        "UPDATE catalog_shop SET name = ?3, city = ?4, active = ?5, updated_at = ?6, version = ?2 \
         WHERE id = ?1 AND version = ?2 - 1",
        (id, version, name, city, active, updated_at),
    )
}

fn insert_offer(tx: &Tx<'_, '_>, offer: &Offer) -> rusqlite::Result<usize> {
    let Offer { shop_id, variant_id, price, currency, active, created_at, updated_at, version } = offer;
    tx.run(
        "INSERT INTO catalog_offer (shop_id, variant_id, price, currency, active, created_at, updated_at, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (shop_id, variant_id, price, currency, active, created_at, updated_at, version),
    )
}

fn update_offer(tx: &Tx<'_, '_>, offer: &Offer) -> rusqlite::Result<usize> {
    let Offer { shop_id, variant_id, price, currency, active, created_at: _, updated_at, version } = offer;
    tx.run(
        "UPDATE catalog_offer SET price = ?4, currency = ?5, active = ?6, updated_at = ?7, version = ?3 \
         WHERE shop_id = ?1 AND variant_id = ?2 AND version = ?3 - 1",
        (shop_id, variant_id, version, price, currency, active, updated_at),
    )
}

fn insert_warehouse(tx: &Tx<'_, '_>, warehouse: &Warehouse) -> rusqlite::Result<usize> {
    let Warehouse { id, shop_id, name, address, priority, active, created_at, updated_at, version } = warehouse;
    tx.run(
        "INSERT INTO catalog_warehouse (id, shop_id, name, address, priority, active, created_at, updated_at, version) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (id, shop_id, name, address, priority, active, created_at, updated_at, version),
    )
}

/// Whose warehouse it is never changes.
fn update_warehouse(tx: &Tx<'_, '_>, warehouse: &Warehouse) -> rusqlite::Result<usize> {
    let Warehouse { id, shop_id: _, name, address, priority, active, created_at: _, updated_at, version } = warehouse;
    tx.run(
        "UPDATE catalog_warehouse SET name = ?3, address = ?4, priority = ?5, active = ?6, updated_at = ?7, \
         version = ?2 WHERE id = ?1 AND version = ?2 - 1",
        (id, version, name, address, priority, active, updated_at),
    )
}
