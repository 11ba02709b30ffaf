//! Warehouses and variants as rows, for tests of the stock, which reads no more of the catalogue than these.

use super::{Literal, TestDatabase};
use backstitch::domain::ids::{ShopId, VariantId, WarehouseId};
use uuid::Uuid;

/// A catalogue that is written behind the store's back.
pub(crate) struct CatalogRows(TestDatabase);

impl CatalogRows {
    pub(crate) fn of(database: &TestDatabase) -> Self {
        Self(database.clone())
    }

    pub(crate) fn shop() -> ShopId {
        ShopId::from_uuid(Uuid::now_v7())
    }

    /// An active warehouse of a shop, which is there and active from the first one on.
    pub(crate) fn warehouse(&self, shop: ShopId, priority: i64) -> WarehouseId {
        let id = WarehouseId::from_uuid(Uuid::now_v7());
        let insert = "INSERT INTO catalog_shop (id, name, city, active, created_at, updated_at, version) \
                      VALUES (?1, 'Toko', 'Bandung', TRUE, 0, 0, 1) ON CONFLICT DO NOTHING";
        self.change(insert, &[&shop.uuid()]);
        let insert = "INSERT INTO catalog_warehouse (id, shop_id, name, address, priority, active, created_at, \
                      updated_at, version) VALUES (?1, ?2, 'Gudang', 'Jl. Braga 1', ?3, TRUE, 0, 0, 1)";
        assert_eq!(self.change(insert, &[&id.uuid(), &shop.uuid(), &priority]), 1);
        id
    }

    /// An active variant, of an active product with the same id.
    pub(crate) fn variant(&self) -> VariantId {
        let id = VariantId::from_uuid(Uuid::now_v7());
        let insert = "INSERT INTO catalog_product (id, name, active, created_at, updated_at, version) \
                      VALUES (?1, 'Kopi', TRUE, 0, 0, 1)";
        assert_eq!(self.change(insert, &[&id.uuid()]), 1);
        // By the database itself: some tests use PostgreSQL whichever store the run is for.
        let words = match &self.0 {
            TestDatabase::Sqlite(_) => {
                "INSERT INTO catalog_search (rowid, name) SELECT number, 'kopi' FROM catalog_product WHERE id = ?1"
            }
            TestDatabase::Postgres(_) => "UPDATE catalog_product SET words = 'kopi:1'::tsvector WHERE id = ?1",
        };
        assert_eq!(self.change(words, &[&id.uuid()]), 1);
        let insert = "INSERT INTO catalog_variant (id, product_id, sku, attributes, active, created_at, updated_at, \
                      version) VALUES (?1, ?1, ?2, '{}', TRUE, 0, 0, 1)";
        assert_eq!(self.change(insert, &[&id.uuid(), &id.to_string().as_str()]), 1);
        id
    }

    pub(crate) fn set_active(&self, table: &str, id: Uuid, active: bool) {
        let update = format!("UPDATE {table} SET active = ?2 WHERE id = ?1");
        assert_eq!(self.change(&update, &[&id, &active]), 1);
    }

    fn change(&self, sql: &str, values: &[&dyn Literal]) -> usize {
        self.0.raw().execute(sql, values).expect("a change")
    }
}
