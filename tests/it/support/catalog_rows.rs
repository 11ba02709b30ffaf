//! Warehouses and variants as rows, for tests of the stock, which reads no more of the catalogue than these.

use backstitch::domain::ids::{ShopId, VariantId, WarehouseId};
use rusqlite::Connection;
use std::{path::Path, time::Duration};
use uuid::Uuid;

/// A catalogue that is written behind the store's back.
pub(crate) struct CatalogRows(Connection);

impl CatalogRows {
    pub(crate) fn of(database: &Path) -> Self {
        let conn = Connection::open(database).expect("the database");
        conn.busy_timeout(Duration::from_secs(10)).expect("patience");
        Self(conn)
    }

    pub(crate) fn shop() -> ShopId {
        ShopId::from_uuid(Uuid::now_v7())
    }

    /// An active warehouse of a shop, which is there and active from the first one on.
    pub(crate) fn warehouse(&self, shop: ShopId, priority: i64) -> WarehouseId {
        let id = WarehouseId::from_uuid(Uuid::now_v7());
        let insert = "INSERT INTO catalog_shop (id, name, city, active, created_at, updated_at, version) \
                      VALUES (?1, 'Toko', 'Bandung', 1, 0, 0, 1) ON CONFLICT DO NOTHING";
        self.0.execute(insert, [shop.bytes().as_slice()]).expect("a shop");
        let insert = "INSERT INTO catalog_warehouse (id, shop_id, name, address, priority, active, created_at, \
                      updated_at, version) VALUES (?1, ?2, 'Gudang', 'Jl. Braga 1', ?3, 1, 0, 0, 1)";
        let row = (id.bytes().as_slice(), shop.bytes().as_slice(), priority);
        assert_eq!(self.0.execute(insert, row).expect("a warehouse"), 1);
        id
    }

    /// An active variant, of an active product with the same id.
    pub(crate) fn variant(&self) -> VariantId {
        let id = VariantId::from_uuid(Uuid::now_v7());
        let insert = "INSERT INTO catalog_product (id, name, active, created_at, updated_at, version) \
                      VALUES (?1, 'Kopi', 1, 0, 0, 1)";
        assert_eq!(self.0.execute(insert, [id.bytes().as_slice()]).expect("a product"), 1);
        let insert = "INSERT INTO catalog_variant (id, product_id, sku, attributes, active, created_at, updated_at, \
                      version) VALUES (?1, ?1, ?2, '{}', 1, 0, 0, 1)";
        let row = (id.bytes().as_slice(), id.to_string());
        assert_eq!(self.0.execute(insert, row).expect("a variant"), 1);
        id
    }

    pub(crate) fn set_active(&self, table: &str, id: Uuid, active: bool) {
        let update = format!("UPDATE {table} SET active = ?2 WHERE id = ?1");
        assert_eq!(self.0.execute(&update, (id.as_bytes().as_slice(), active)).expect("an update"), 1);
    }
}
