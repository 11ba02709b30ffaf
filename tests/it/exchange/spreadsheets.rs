//! Files as spreadsheets write them.

use super::given::{Desk, OFFERS, PRODUCTS, assert_only};
use backstitch::exchange::{ExchangeError, Imported, Sheet};
use std::os::unix::fs::PermissionsExt;

#[actix_web::test]
async fn semicolons_tabulators_and_any_line_end_are_read() {
    for separator in [",", ";", "\t"] {
        for end in ["\n", "\r\n", "\r"] {
            let (desk, _) = Desk::with_a_shop().await;
            let rows = ["warehouse,sku,delta", "Toko/Gudang,KG-250,5", "", "Toko/Gudang,KG-9,1"];
            let file = rows.join(end).replace(',', separator);
            assert_only(&desk.refused(Sheet::Stock, file).await, &["line 4", "column sku", "KG-9"]);
            let file = rows[..2].join(end).replace(',', separator);
            assert_eq!(desk.import(Sheet::Stock, file).await.unwrap().added, 1, "{separator:?} {end:?}");
        }
    }
}

#[actix_web::test]
async fn a_header_is_known_in_capitals_with_spaces_and_behind_excels_own_line() {
    let (desk, _) = Desk::with_a_shop().await;
    let file = "sep=;\nWarehouse;SKU; On Hand ;Expected On-Hand;;\nToko/Gudang;KG-250;5;0;;\n;;;;;\n";
    assert_eq!(desk.import(Sheet::Stock, file).await.unwrap(), Imported { rows: 1, added: 1, changed: 0 });
}

#[actix_web::test]
async fn empty_cells_at_the_end_of_a_row_may_be_left_out_and_may_be_too_many() {
    let desk = Desk::empty();
    let header = "sku,product,active,description,category,size,attributes\n";
    let imported = desk.import(Sheet::Products, format!("{header}A,P,TRUE\nB,P,yes,,,,,,,\n , \n")).await.unwrap();
    assert_eq!(imported, Imported { rows: 2, added: 2, changed: 0 });
}

#[actix_web::test]
async fn a_title_given_once_is_the_title_of_the_rows_below() {
    let desk = Desk::empty();
    let file =
        format!("{PRODUCTS}A,Kopi,Enak sekali,Minuman,S,,true\nB,,,,M,,WAHR\nC,Teh,,,,,1\nD,Teh,,,L,,ya\nE,,,,XL,,0\n");

    assert_eq!(desk.import(Sheet::Products, file).await.unwrap().added, 5);

    let csv = desk.export(Sheet::Products).await;
    assert!(csv.contains("B,Kopi,Enak sekali,Minuman,M,,true") && csv.contains("E,Teh,,,XL,,false"), "{csv}");
}

#[actix_web::test]
async fn a_first_row_without_a_title_is_refused() {
    let desk = Desk::empty();
    assert_only(
        &desk.refused(Sheet::Products, format!("{PRODUCTS}A,,,,,,true\n")).await,
        &["line 2", "column product"],
    );
}

#[actix_web::test]
async fn a_file_in_utf_16_is_refused_with_what_to_do() {
    let desk = Desk::empty();
    let wide: Vec<u8> = "\u{feff}shop,sku\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let error = desk.import(Sheet::Offers, wide).await.unwrap_err();
    let ExchangeError::Read { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().contains("UTF-16") && source.to_string().contains("CSV UTF-8"), "{source}");
}

#[actix_web::test]
async fn skus_and_shops_that_look_the_same_are_the_same() {
    let (desk, _) = Desk::with_a_shop().await;
    desk.import(Sheet::Products, format!("{PRODUCTS}CAF\u{c9},Kaf\u{e9},,,,,true\n")).await.unwrap();
    let again = format!("{PRODUCTS}CAFE\u{301},Kafe\u{301},,,,,true\n");
    assert_eq!(desk.import(Sheet::Products, again).await.unwrap(), Imported { rows: 1, added: 0, changed: 0 });
    let offer = format!("{OFFERS}Toko,CAFE\u{301},100,IDR,true\n");
    assert_eq!(desk.import(Sheet::Offers, offer).await.unwrap().added, 1);
    let hidden = desk.refused(Sheet::Products, format!("{PRODUCTS}CAF\u{200b}\u{c9},Kopi,,,,,true\n")).await;
    assert_only(&hidden, &["column sku", "U+200B"]);
}

#[actix_web::test]
async fn a_file_that_is_there_is_written_over_only_when_asked() {
    let (desk, _) = Desk::with_a_shop().await;
    let file = desk.file("mine.csv");
    std::fs::write(&file, "mine").unwrap();

    let error = desk.export_to(&file, Sheet::Offers, false, false).await.unwrap_err();

    assert!(matches!(error, ExchangeError::Exists(_)) && error.to_string().contains("--force"), "{error}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    assert_eq!(desk.export_to(&file, Sheet::Offers, true, false).await.unwrap(), 1);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}
