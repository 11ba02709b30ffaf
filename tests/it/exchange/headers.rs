//! What a file must look like, and what it may look like.

use super::given::{Desk, OFFERS, PRODUCTS, STOCK, assert_only};
use backstitch::exchange::{Imported, Sheet};

#[actix_web::test]
async fn a_byte_order_mark_crlf_and_empty_lines_mean_nothing() {
    let (desk, _) = Desk::with_a_shop().await;
    let file = "\u{feff}warehouse,sku,on_hand,expected_on_hand\r\n\r\n\r\nToko/Gudang,KG-250,5,0";

    let imported = desk.import(Sheet::Stock, file).await.unwrap();

    assert_eq!(imported, Imported { rows: 1, added: 1, changed: 0 });
}

#[actix_web::test]
async fn columns_may_stand_in_any_order() {
    let (desk, _) = Desk::with_a_shop().await;

    let imported =
        desk.import(Sheet::Stock, "on_hand,warehouse,expected_on_hand,sku\n5,Toko/Gudang,0,KG-250\n").await.unwrap();

    assert_eq!(imported.added, 1);
}

#[actix_web::test]
async fn an_unknown_column_is_named() {
    let desk = Desk::empty();
    assert_only(&desk.refused(Sheet::Stock, "warehouse,sku,delta,colour\n").await, &["line 1", "\"colour\""]);
}

#[actix_web::test]
async fn a_missing_column_is_named() {
    let desk = Desk::empty();
    assert_only(&desk.refused(Sheet::Stock, "warehouse,delta\n").await, &["line 1", "column sku is missing"]);
}

#[actix_web::test]
async fn a_column_that_is_there_twice_is_named() {
    let desk = Desk::empty();
    assert_only(&desk.refused(Sheet::Stock, "warehouse,sku,delta,sku\n").await, &["line 1", "column sku", "twice"]);
}

#[actix_web::test]
async fn a_file_without_a_header_is_refused() {
    let desk = Desk::empty();
    for nothing in ["", "\n\n", "\r\n", "\u{feff}"] {
        assert_only(&desk.refused(Sheet::Stock, nothing).await, &["line 1", "there is no header"]);
    }
}

#[actix_web::test]
async fn lines_are_counted_over_line_breaks_of_any_kind() {
    let (desk, _) = Desk::with_a_shop().await;
    for end in ["\n", "\r\n"] {
        let rows = ["A,P,\"one\ntwo\",,,,true", "", "B,P2,,,,,true", "C,P3,,,,,perhaps"];
        let file = [PRODUCTS.trim_end()].into_iter().chain(rows).collect::<Vec<_>>().join(end);
        assert_only(&desk.refused(Sheet::Products, file).await, &["line 6,", "column active", "\"perhaps\""]);
    }
}

#[actix_web::test]
async fn a_file_that_ends_inside_a_quoted_cell_is_refused() {
    let (desk, _) = Desk::with_a_shop().await;
    for cut in ["\"KG-250", "KG-250,\"5", "KG-250,\"5\n\nToko/Gudang,KG-250,6,0\n", "\""] {
        let file = format!("{STOCK}Toko/Gudang,{cut}");
        assert_only(&desk.refused(Sheet::Stock, file).await, &["line 2", "never ends"]);
    }
    assert_only(&desk.refused(Sheet::Stock, "warehouse,\"sku").await, &["line 1", "never ends"]);
}

#[actix_web::test]
async fn a_last_line_that_is_cut_off_is_refused() {
    let (desk, _) = Desk::with_a_shop().await;
    let file = format!("{OFFERS}Toko,KG-250,5,IDR,true\nToko,KG-2");
    assert_only(&desk.refused(Sheet::Offers, file).await, &["line 3", "2 cells", "5 columns"]);
}

#[actix_web::test]
async fn a_closed_quote_at_the_very_end_is_no_cut() {
    let (desk, _) = Desk::with_a_shop().await;
    let imported = desk.import(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,5,\"0\"")).await.unwrap();
    assert_eq!(imported.added, 1);
}

#[actix_web::test]
async fn the_mark_after_the_end_of_a_file_is_no_end_within_it() {
    let (desk, _) = Desk::with_a_shop().await;
    for middle in ["\0\nToko,KG-250,5,IDR,true\n", "\0", "\0\n"] {
        assert_only(&desk.refused(Sheet::Offers, format!("{OFFERS}{middle}")).await, &["line 2", "1 cells"]);
    }
}

#[actix_web::test]
async fn bytes_that_are_no_text_are_named() {
    let (desk, _) = Desk::with_a_shop().await;
    let file = [STOCK.as_bytes(), b"Toko/Gudang,KG-\xff,5,0\n"].concat();
    assert_only(&desk.refused(Sheet::Stock, file).await, &["line 2", "column sku", "UTF-8"]);
}
