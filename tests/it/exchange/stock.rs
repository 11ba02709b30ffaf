//! A count is compared with what it was made against: nothing that was sold meanwhile comes back.

use super::given::{Desk, STOCK, assert_only};
use backstitch::exchange::{Imported, Sheet};

const DELTA: &str = "warehouse,sku,delta\n";

#[actix_web::test]
async fn what_was_sold_since_an_export_does_not_come_back_with_its_import() {
    let (desk, _) = Desk::with_a_shop().await;
    desk.import(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,100,0\n")).await.unwrap();
    let exported = desk.export(Sheet::Stock).await;
    assert!(exported.ends_with("Toko/Gudang,KG-250,100,100\n"), "{exported}");
    desk.import(Sheet::Stock, format!("{DELTA}Toko/Gudang,KG-250,-40\n")).await.unwrap();

    let faults = desk.refused(Sheet::Stock, exported).await;

    assert_only(&faults, &["line 2", "column expected_on_hand", "\"100\"", "60 pieces", "not the 100"]);
}

#[actix_web::test]
async fn a_difference_is_added_to_whatever_is_there() {
    let (desk, _) = Desk::with_a_shop().await;
    for (delta, imported) in [("5", (1, 0)), ("-2", (0, 1)), ("+4", (0, 1)), ("0", (0, 0))] {
        let done = desk.import(Sheet::Stock, format!("{DELTA}Toko/Gudang,KG-250,{delta}\n")).await.unwrap();
        assert_eq!(done, Imported { rows: 1, added: imported.0, changed: imported.1 }, "{delta}");
    }
    assert!(desk.export(Sheet::Stock).await.ends_with(",7,7\n"));
    let faults = desk.refused(Sheet::Stock, format!("{DELTA}Toko/Gudang,KG-250,-8\n")).await;
    assert_only(&faults, &["line 2", "column delta", "\"-8\""]);
}

#[actix_web::test]
async fn a_count_that_is_compared_with_nothing_is_refused() {
    let (desk, _) = Desk::with_a_shop().await;
    let bare = desk.refused(Sheet::Stock, "warehouse,sku,on_hand\nToko/Gudang,KG-250,5\n").await;
    assert_only(&bare, &["line 1", "expected_on_hand", "delta"]);
    let blank = desk.refused(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,5,\n")).await;
    assert_only(&blank, &["line 2", "column expected_on_hand"]);
}

#[actix_web::test]
async fn an_exported_row_takes_a_difference_or_a_count_and_never_both() {
    let (desk, _) = Desk::with_a_shop().await;
    let header = "warehouse,sku,on_hand,expected_on_hand,delta\n";
    let row = |cells: &str| format!("{header}Toko/Gudang,KG-250,{cells}\n");
    desk.import(Sheet::Stock, row("9,0,")).await.unwrap();
    // The count is the export's own: what changes is the difference.
    assert_eq!(desk.import(Sheet::Stock, row("3,3,1")).await.unwrap().changed, 1);
    assert_only(&desk.refused(Sheet::Stock, row("11,10,1")).await, &["line 2", "column delta", "must be empty"]);
}
