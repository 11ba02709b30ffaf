//! What is written is read back.

use super::given::{Desk, OFFERS, PRODUCTS, STOCK};
use crate::{
    store::shelves::{product, shop, text, variant, warehouse},
    support::either,
};
use backstitch::{
    audit,
    domain::{
        catalog::{AddProduct, AddVariant, Attributes, Description},
        field::FieldErrors,
    },
    exchange::{Imported, Sheet},
};
use std::{fmt::Write, sync::Arc};

const SHEETS: [Sheet; 3] = [Sheet::Products, Sheet::Offers, Sheet::Stock];

/// Rows that changed nothing.
fn unchanged(rows: u64) -> Imported {
    Imported { rows, added: 0, changed: 0 }
}

#[actix_web::test]
async fn an_export_that_is_imported_again_changes_nothing() {
    let (desk, _) = Desk::with_a_shop().await;
    let attributes = [("a;b".to_owned(), "c=d".to_owned()), ("色".to_owned(), "赤, \"red\"".to_owned())].into();
    let attributes = Attributes::parse(attributes, "attributes", &mut FieldErrors::default()).unwrap();
    let description = Description::parse("قهوة عربية ☕\r\nline two, \"quoted\"\n".into()).ok();
    let coffee = AddProduct { description, active: false, ..product("=Kopi; \"Luwak\", 🐈", None) };
    let beans = AddVariant { attributes, size: None, active: false, ..variant(coffee.id, "LW 🐈") };
    desk.command(coffee).await;
    desk.command(beans).await;
    desk.import(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,12,0\n")).await.unwrap();
    let before = desk.rows();

    for (sheet, rows) in SHEETS.into_iter().zip([2, 1, 1]) {
        for csv in [desk.export(sheet).await, desk.protected(sheet).await] {
            assert_eq!(desk.import(sheet, &csv).await.unwrap(), unchanged(rows), "{csv}");
        }
    }

    assert_eq!(desk.rows(), before);
}

#[actix_web::test]
async fn what_one_database_exports_fills_another() {
    let (one, _) = Desk::with_a_shop().await;
    one.import(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,12,0\n")).await.unwrap();
    let other = Desk::empty();
    let toko = shop("Toko");
    let gudang = warehouse(toko.id, 1);
    other.command(toko).await;
    other.command(gudang).await;

    for sheet in SHEETS {
        // There is nothing yet that a count could be compared with.
        let file = one.export(sheet).await.replace(",12,12\n", ",12,0\n");
        let imported = other.import(sheet, file).await.unwrap();
        assert_eq!(imported, Imported { rows: 1, added: 1, changed: 0 }, "{sheet}");
    }

    for sheet in SHEETS {
        assert_eq!(other.export(sheet).await, one.export(sheet).await);
    }
}

#[actix_web::test]
async fn a_name_that_is_not_clear_is_written_as_an_id() {
    let (desk, stall) = Desk::with_a_shop().await;
    desk.command(shop("Toko")).await;
    desk.import(Sheet::Stock, format!("{STOCK}{},KG-250,12,0\n", stall.warehouse)).await.unwrap();

    let (offers, stock) = (desk.export(Sheet::Offers).await, desk.export(Sheet::Stock).await);

    assert!(offers.contains(&stall.shop.to_string()), "{offers}");
    assert!(stock.contains(&stall.warehouse.to_string()), "{stock}");
    assert_eq!(desk.import(Sheet::Offers, offers).await.unwrap(), unchanged(1));
    assert_eq!(desk.import(Sheet::Stock, stock).await.unwrap(), unchanged(1));
}

#[actix_web::test]
async fn a_slash_may_be_part_of_any_name() {
    let desk = Desk::empty();
    let (coffee, toko) = (product("Kopi", None), shop("Toko/Kopi"));
    let (beans, mut gudang) = (variant(coffee.id, "K"), warehouse(toko.id, 1));
    gudang.name = text("Gudang/1");
    desk.command(coffee).await;
    desk.command(beans).await;
    desk.command(toko).await;
    desk.command(gudang).await;

    let imported = desk.import(Sheet::Stock, format!("{STOCK}Toko/Kopi/Gudang/1,K,3,0\n")).await.unwrap();

    assert_eq!(imported, Imported { rows: 1, added: 1, changed: 0 });
    assert_eq!(desk.import(Sheet::Stock, desk.export(Sheet::Stock).await).await.unwrap(), unchanged(1));
}

#[actix_web::test]
async fn a_large_file_comes_in_and_goes_out() {
    // PostgreSQL is asked about each row over the network.
    let rows: usize = either(50_000, 5_000);
    let (desk, _) = Desk::with_a_shop().await;
    let (mut products, mut offers, mut stock) = (PRODUCTS.to_owned(), OFFERS.to_owned(), STOCK.to_owned());
    for row in 0..rows {
        writeln!(products, "SKU-{row},Produk {},Baik,Kopi,{row} g,colour=merah,true", row / 200).unwrap();
        writeln!(offers, "Toko,SKU-{row},{},IDR,true", 1_000 + row).unwrap();
        writeln!(stock, "Toko/Gudang,SKU-{row},{},0", row + 1).unwrap();
    }

    for (sheet, csv) in SHEETS.into_iter().zip([products, offers, stock]) {
        let imported = desk.import(sheet, csv).await.unwrap();
        assert_eq!(imported, Imported { rows: rows as u64, added: rows as u64, changed: 0 }, "{sheet}");
    }

    // The header and the one variant that was there before.
    let lines = async |sheet| desk.export(sheet).await.lines().count();
    assert_eq!(lines(Sheet::Products).await, rows + 2);
    assert_eq!(lines(Sheet::Offers).await, rows + 2);
    assert_eq!(lines(Sheet::Stock).await, rows + 1);
}

#[actix_web::test]
async fn imported_stock_is_the_sum_of_its_movements() {
    let (desk, stall) = Desk::with_a_shop().await;
    desk.import(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,12,0\n")).await.unwrap();
    desk.import(Sheet::Stock, format!("{STOCK}{},KG-250,7,12\n", stall.warehouse)).await.unwrap();

    let moved = desk.test.raw().rows("SELECT kind, on_hand, reason FROM stock_movement ORDER BY seq", &[]);
    let adjust = |pieces: &str| ["adjust", pieces, "import"].map(|value| Some(value.to_owned())).to_vec();
    assert_eq!(moved, [adjust("12"), adjust("-5")]);
    assert!(audit::run(Arc::clone(&desk.test.store.facts)).await.unwrap().is_clean());
}
