//! The catalogue, written: one statement for each item, at once, as changes of it are few.

use super::Tx;
use crate::{
    domain::{
        catalog::{
            CatalogItem, Change, Offer, Product, ProductName, Shelf, Shop, ShopName, Sku, Variant, Warehouse,
            WarehouseName, Write,
        },
        ids::{ProductId, ShopId, VariantId, WarehouseId},
    },
    store::{
        Claim,
        commands::{CatalogClaimed, CatalogRows, CommandError, expect_written},
        postgres::{
            catalog::{rows, words::vector},
            codec::{Unreadable, count, get, hash, to_json},
            session::{Call, Params},
        },
    },
};
use tokio_postgres::Row;
use uuid::Uuid;

impl Tx<'_> {
    fn look_up<T>(
        &self,
        sql: &'static str,
        params: Params<'_>,
        read: fn(&Row) -> Result<T, Unreadable>,
    ) -> Result<Option<T>, CommandError> {
        let rows = self.ask(sql, params)?;
        self.readable(rows.first().map(read).transpose())
    }

    fn ids<T>(
        &self,
        sql: &'static str,
        params: Params<'_>,
        read: fn(&Row) -> Result<T, Unreadable>,
    ) -> Result<Vec<T>, CommandError> {
        let rows = self.ask(sql, params)?;
        self.readable(rows.iter().map(read).collect())
    }

    /// How many rows a parent has, which `lock` keeps for this transaction: no other node adds one meanwhile.
    fn count_under(&self, lock: &'static str, sql: &'static str, parent: Uuid) -> Result<u32, CommandError> {
        // Apart, so that what the lock has waited for is counted.
        let calls = [lock, sql].map(|sql| Call::new(sql, vec![Box::new(parent)]));
        let rows = self.call_all(Vec::from(calls))?.pop().unwrap_or_default();
        Ok(self.readable(rows.first().map(|row| count(row, 0)).transpose())?.unwrap_or(0))
    }

    /// Writes one row.
    fn put(&self, sql: &'static str, params: Params<'_>) -> Result<(), CommandError> {
        expect_written(self.run(sql, params)?.len() == 1)
    }
}

impl Shelf for Tx<'_> {
    type Error = CommandError;

    fn product(&self, id: ProductId) -> Result<Option<Product>, CommandError> {
        self.look_up(rows::PRODUCT, vec![Box::new(id)], rows::product)
    }

    fn count_variants(&self, product: ProductId) -> Result<u32, CommandError> {
        self.count_under(
            "SELECT 1 FROM catalog_product WHERE id = $1 FOR UPDATE",
            "SELECT count(*) FROM catalog_variant WHERE product_id = $1",
            product.uuid(),
        )
    }

    fn variant(&self, id: VariantId) -> Result<Option<Variant>, CommandError> {
        self.look_up(rows::VARIANT, vec![Box::new(id)], rows::variant)
    }

    fn holder(&self, sku: &Sku) -> Result<Option<VariantId>, CommandError> {
        let sql = "SELECT id FROM catalog_variant WHERE sku = $1";
        self.look_up(sql, vec![Box::new(sku)], |row| get(row, 0))
    }

    fn shop(&self, id: ShopId) -> Result<Option<Shop>, CommandError> {
        self.look_up(rows::SHOP, vec![Box::new(id)], rows::shop)
    }

    fn count_warehouses(&self, shop: ShopId) -> Result<u32, CommandError> {
        self.count_under(
            "SELECT 1 FROM catalog_shop WHERE id = $1 FOR UPDATE",
            "SELECT count(*) FROM catalog_warehouse WHERE shop_id = $1",
            shop.uuid(),
        )
    }

    fn offer(&self, shop: ShopId, variant: VariantId) -> Result<Option<Offer>, CommandError> {
        self.look_up(rows::OFFER, vec![Box::new(shop), Box::new(variant)], rows::offer)
    }

    fn warehouse(&self, id: WarehouseId) -> Result<Option<Warehouse>, CommandError> {
        self.look_up(rows::WAREHOUSE, vec![Box::new(id)], rows::warehouse)
    }
}

impl CatalogRows for Tx<'_> {
    fn save_item(&self, change: &Change) -> Result<(), CommandError> {
        self.stock.forget_sources();
        let is_new = match change.write {
            Write::Nothing => return Ok(()),
            Write::Insert => true,
            Write::Update => false,
        };
        match &change.item {
            CatalogItem::Product(product) => self.put_product(product, is_new),
            CatalogItem::Variant(variant) => self.put_variant(variant, is_new),
            CatalogItem::Shop(shop) => self.put_shop(shop, is_new),
            CatalogItem::Offer(offer) => self.put_offer(offer, is_new),
            CatalogItem::Warehouse(warehouse) => self.put_warehouse(warehouse, is_new),
        }
    }

    fn find_catalog_claim(&self, claim: &Claim) -> Result<Option<CatalogClaimed>, CommandError> {
        self.look_up(
            "SELECT made, body_hash, request_id FROM catalog_idempotency WHERE scope = $1 AND key = $2",
            vec![Box::new(&claim.scope), Box::new(&claim.key)],
            |row| Ok(CatalogClaimed { made: get(row, 0)?, body_hash: hash(row, 1)?, request_id: get(row, 2)? }),
        )
    }

    fn keep_catalog_claim(&self, claim: &Claim, made: Uuid) -> Result<(), CommandError> {
        self.put(
            "INSERT INTO catalog_idempotency (scope, key, body_hash, request_id, made, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING 1",
            vec![
                Box::new(&claim.scope),
                Box::new(&claim.key),
                Box::new(claim.body_hash.as_slice()),
                Box::new(claim.request_id),
                Box::new(made),
                Box::new(self.now),
            ],
        )
    }

    fn is_catalog_empty(&self) -> Result<bool, CommandError> {
        let sql = "SELECT NOT EXISTS (SELECT 1 FROM catalog_product) AND NOT EXISTS (SELECT 1 FROM catalog_shop)";
        Ok(self.look_up(sql, Vec::new(), |row| get(row, 0))?.unwrap_or(false))
    }

    fn products_named(&self, name: &ProductName) -> Result<Vec<ProductId>, CommandError> {
        self.ids(rows::PRODUCTS_NAMED, vec![Box::new(name)], |row| get(row, 0))
    }

    fn shops_named(&self, name: &ShopName) -> Result<Vec<ShopId>, CommandError> {
        self.ids(rows::SHOPS_NAMED, vec![Box::new(name)], |row| get(row, 0))
    }

    fn warehouses_named(&self, shop: ShopId, name: &WarehouseName) -> Result<Vec<WarehouseId>, CommandError> {
        self.ids(rows::WAREHOUSES_NAMED, vec![Box::new(shop), Box::new(name)], |row| get(row, 0))
    }
}

impl Tx<'_> {
    fn put_product(&self, product: &Product, is_new: bool) -> Result<(), CommandError> {
        let Product { id, name, description, category, active, created_at, updated_at, version } = product;
        let words = vector(name, category.as_ref());
        let sql = if is_new {
            "INSERT INTO catalog_product (id, version, name, description, category, active, updated_at, words, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::tsvector, $9) RETURNING 1"
        } else {
            "UPDATE catalog_product SET version = $2::bigint, name = $3, description = $4, category = $5, active = $6, \
             updated_at = $7, words = $8::text::tsvector WHERE id = $1 AND version = $2::bigint - 1 AND created_at = $9 \
             RETURNING 1"
        };
        self.put(
            sql,
            vec![
                Box::new(id),
                Box::new(version),
                Box::new(name),
                Box::new(description),
                Box::new(category),
                Box::new(active),
                Box::new(updated_at),
                Box::new(words),
                Box::new(created_at),
            ],
        )
    }

    /// Whose variant it is never changes.
    fn put_variant(&self, variant: &Variant, is_new: bool) -> Result<(), CommandError> {
        let Variant { id, product_id, sku, size, attributes, active, created_at, updated_at, version } = variant;
        let sql = if is_new {
            "INSERT INTO catalog_variant (id, version, product_id, sku, size, attributes, active, updated_at, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING 1"
        } else {
            "UPDATE catalog_variant SET version = $2::bigint, sku = $4, size = $5, attributes = $6, active = $7, \
             updated_at = $8 WHERE id = $1 AND version = $2::bigint - 1 AND product_id = $3 AND created_at = $9 RETURNING 1"
        };
        let attributes = to_json(attributes)?;
        self.put(
            sql,
            vec![
                Box::new(id),
                Box::new(version),
                Box::new(product_id),
                Box::new(sku),
                Box::new(size),
                Box::new(attributes),
                Box::new(active),
                Box::new(updated_at),
                Box::new(created_at),
            ],
        )
    }

    fn put_shop(&self, shop: &Shop, is_new: bool) -> Result<(), CommandError> {
        let Shop { id, name, city, active, created_at, updated_at, version } = shop;
        let sql = if is_new {
            "INSERT INTO catalog_shop (id, version, name, city, active, updated_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING 1"
        } else {
            "UPDATE catalog_shop SET version = $2::bigint, name = $3, city = $4, active = $5, updated_at = $6 \
             WHERE id = $1 AND version = $2::bigint - 1 AND created_at = $7 RETURNING 1"
        };
        self.put(
            sql,
            vec![
                Box::new(id),
                Box::new(version),
                Box::new(name),
                Box::new(city),
                Box::new(active),
                Box::new(updated_at),
                Box::new(created_at),
            ],
        )
    }

    fn put_offer(&self, offer: &Offer, is_new: bool) -> Result<(), CommandError> {
        let Offer { shop_id, variant_id, price, currency, active, created_at, updated_at, version } = offer;
        let sql = if is_new {
            "INSERT INTO catalog_offer (shop_id, variant_id, version, price, currency, active, updated_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING 1"
        } else {
            "UPDATE catalog_offer SET version = $3::bigint, price = $4, currency = $5, active = $6, updated_at = $7 \
             WHERE shop_id = $1 AND variant_id = $2 AND version = $3::bigint - 1 AND created_at = $8 RETURNING 1"
        };
        self.put(
            sql,
            vec![
                Box::new(shop_id),
                Box::new(variant_id),
                Box::new(version),
                Box::new(price),
                Box::new(currency),
                Box::new(active),
                Box::new(updated_at),
                Box::new(created_at),
            ],
        )
    }

    /// Whose warehouse it is never changes.
    fn put_warehouse(&self, warehouse: &Warehouse, is_new: bool) -> Result<(), CommandError> {
        let Warehouse { id, shop_id, name, address, priority, active, created_at, updated_at, version } = warehouse;
        let sql = if is_new {
            "INSERT INTO catalog_warehouse (id, version, shop_id, name, address, priority, active, updated_at, \
             created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING 1"
        } else {
            "UPDATE catalog_warehouse SET version = $2::bigint, name = $4, address = $5, priority = $6, active = $7, \
             updated_at = $8 WHERE id = $1 AND version = $2::bigint - 1 AND shop_id = $3 AND created_at = $9 RETURNING 1"
        };
        self.put(
            sql,
            vec![
                Box::new(id),
                Box::new(version),
                Box::new(shop_id),
                Box::new(name),
                Box::new(address),
                Box::new(priority),
                Box::new(active),
                Box::new(updated_at),
                Box::new(created_at),
            ],
        )
    }
}
