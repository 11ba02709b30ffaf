//! A database with a shop in it, and files to import.

use crate::store::{
    given::{TestStore, one, store},
    shelves::{offer, product, shop, variant, warehouse},
};
use crate::support::Sql;
use backstitch::{
    domain::{
        catalog::CatalogCommand,
        ids::{ShopId, VariantId, WarehouseId},
    },
    exchange::{self, ExchangeError, Export, Import, Imported, Sheet},
    store::open_export,
};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The columns that a file of products must have.
pub(super) const PRODUCTS: &str = "sku,product,description,category,size,attributes,active\n";
/// Those of offers.
pub(super) const OFFERS: &str = "shop,sku,price,currency,active\n";
/// Those of stock.
pub(super) const STOCK: &str = "warehouse,sku,on_hand,expected_on_hand\n";

/// A database, and a directory for files.
pub(super) struct Desk {
    pub(super) test: TestStore,
    files: TempDir,
}

/// What a shop is about.
pub(super) struct Stall {
    pub(super) shop: ShopId,
    pub(super) warehouse: WarehouseId,
    pub(super) variant: VariantId,
}

impl Desk {
    /// With nothing in the database.
    pub(super) fn empty() -> Self {
        Self { test: store(), files: TempDir::new().unwrap() }
    }

    /// With the shop "Toko", its warehouse "Gudang", and its offer of the variant "KG-250".
    pub(super) async fn with_a_shop() -> (Self, Stall) {
        let desk = Self::empty();
        let (coffee, toko) = (product("Kopi Gayo", Some("Kopi")), shop("Toko"));
        let (beans, gudang) = (variant(coffee.id, "KG-250"), warehouse(toko.id, 1));
        let stall = Stall { shop: toko.id, warehouse: gudang.id, variant: beans.id };
        let put = offer(toko.id, beans.id, 85_000);
        desk.command(coffee).await;
        desk.command(beans).await;
        desk.command(toko).await;
        desk.command(gudang).await;
        desk.command(put).await;
        (desk, stall)
    }

    pub(super) async fn command(&self, command: impl Into<CatalogCommand>) {
        one(self.test.store.catalog.execute(vec![command.into().into()]).await).unwrap().unwrap();
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    pub(super) async fn import(&self, sheet: Sheet, text: impl AsRef<[u8]>) -> Result<Imported, ExchangeError> {
        let file = self.file("in.csv");
        std::fs::write(&file, text).unwrap();
        exchange::import(self.test.store.bulk.as_ref(), &Import { sheet, file }).await
    }

    /// What is wrong with a file that changes nothing, fault by fault.
    pub(super) async fn refused(&self, sheet: Sheet, text: impl AsRef<[u8]>) -> Vec<String> {
        let before = self.rows();
        let error = self.import(sheet, text).await.unwrap_err();
        assert_eq!(self.rows(), before, "a refused file has changed something");
        let ExchangeError::Refused { faults, .. } = error else { panic!("{error}") };
        faults.first().iter().map(ToString::to_string).collect()
    }

    pub(super) async fn export(&self, sheet: Sheet) -> String {
        let file = self.file("out.csv");
        self.export_to(&file, sheet, true, false).await.unwrap();
        std::fs::read_to_string(file).unwrap()
    }

    /// With what a spreadsheet would run marked.
    pub(super) async fn protected(&self, sheet: Sheet) -> String {
        let file = self.file("out.csv");
        self.export_to(&file, sheet, true, true).await.unwrap();
        std::fs::read_to_string(file).unwrap()
    }

    pub(super) async fn export_to(
        &self,
        file: &Path,
        sheet: Sheet,
        force: bool,
        protect: bool,
    ) -> Result<u64, ExchangeError> {
        let source = open_export(&self.test.database.with(&[])).unwrap();
        let file = Some(file.to_owned());
        exchange::export(source.as_ref(), &Export { sheet, file, force, protect }).await
    }

    /// Every row of the catalogue and the stock.
    pub(super) fn rows(&self) -> Vec<String> {
        let raw = self.test.raw();
        let mut all = Vec::new();
        for table in ["product", "variant", "shop", "offer", "warehouse"].map(|table| format!("catalog_{table}")) {
            all.extend(dump(&raw, &table));
        }
        for table in ["stock_level", "stock_movement"] {
            all.extend(dump(&raw, table));
        }
        all
    }
}

fn dump(raw: &Sql<'_>, table: &str) -> Vec<String> {
    let rows = raw.rows(&format!("SELECT * FROM {table} ORDER BY 1, 2"), &[]);
    rows.iter().map(|row| format!("{table} {row:?}")).collect()
}

/// Fails unless there is one fault, with these words.
#[track_caller]
pub(super) fn assert_only(faults: &[String], words: &[&str]) {
    assert!(faults.len() == 1 && words.iter().all(|word| faults[0].contains(word)), "not {words:?}: {faults:#?}");
}
