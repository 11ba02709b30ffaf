//! Rows that cannot be taken: each is named with its line, its column and its value, and nothing is changed.

use super::given::{Desk, OFFERS, PRODUCTS, STOCK, assert_only};
use crate::store::{
    given::one,
    shelves::{shop, text, warehouse},
    stock::given::Buyer,
};
use backstitch::{
    domain::{
        money::Quantity,
        stock::{Demand, StockCommand},
    },
    exchange::{ExchangeError, Sheet},
    store::StockRequest,
};
use std::fmt::Write;

#[actix_web::test]
async fn a_number_that_is_none_or_too_large_is_named() {
    let (desk, _) = Desk::with_a_shop().await;
    for number in ["abc", "", "1.5", "1e3", "85 000", "0x10", "-1", "1000000000001", "99999999999999999999", "0", "+"] {
        let faults = desk.refused(Sheet::Offers, format!("{OFFERS}Toko,KG-250,{number},IDR,true\n")).await;
        assert_only(&faults, &["line 2", "column price", &format!("{number:?}")]);
    }
    for number in ["-1", "many", "1000000001"] {
        let faults = desk.refused(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,{number},0\n")).await;
        assert_only(&faults, &["line 2", "column on_hand", &format!("{number:?}")]);
    }
}

#[actix_web::test]
async fn a_key_that_is_there_twice_names_the_first_line() {
    let (desk, stall) = Desk::with_a_shop().await;
    let new = format!("{PRODUCTS}A,P,,,,,true\nB,P,,,,,true\nA,P,,,,,true\n");
    assert_only(&desk.refused(Sheet::Products, new).await, &["line 4", "column sku", "\"A\"", "line 2"]);
    let known = format!("{PRODUCTS}KG-250,Kopi Gayo,,Kopi,,,true\nKG-250,Kopi Gayo,,Kopi,,,true\n");
    assert_only(&desk.refused(Sheet::Products, known).await, &["line 3", "column sku", "line 2"]);
    let offers = format!("{OFFERS}Toko,KG-250,1,IDR,true\n{},KG-250,1,IDR,true\n", stall.shop);
    assert_only(&desk.refused(Sheet::Offers, offers).await, &["line 3", "column sku", "line 2"]);
    let stock = format!("{STOCK}Toko/Gudang,KG-250,1,0\n{},KG-250,1,1\n", stall.warehouse);
    assert_only(&desk.refused(Sheet::Stock, stock).await, &["line 3", "column sku", "line 2"]);
}

#[actix_web::test]
async fn what_is_not_there_is_named() {
    let (desk, _) = Desk::with_a_shop().await;
    let refused = async |sheet, file: String| desk.refused(sheet, file).await;
    let offers = refused(Sheet::Offers, format!("{OFFERS}Warung,KG-250,1,IDR,true\n")).await;
    assert_only(&offers, &["line 2", "column shop", "\"Warung\""]);
    let offers = refused(Sheet::Offers, format!("{OFFERS}Toko,KG-251,1,IDR,true\n")).await;
    assert_only(&offers, &["line 2", "column sku", "\"KG-251\""]);
    for warehouse in ["Gudang", "Toko/", "/Gudang", "Toko/Gudang 2", "019b76da-a800-7b83-bcf5-bbbf17563a60"] {
        let stock = refused(Sheet::Stock, format!("{STOCK}{warehouse},KG-250,1,0\n")).await;
        assert_only(&stock, &["line 2", "column warehouse", warehouse]);
    }
}

#[actix_web::test]
async fn a_name_that_several_have_is_refused() {
    let (desk, stall) = Desk::with_a_shop().await;
    let mut second = warehouse(stall.shop, 2);
    second.name = text("Gudang");
    desk.command(second).await;
    desk.command(shop("Toko")).await;
    let offers = desk.refused(Sheet::Offers, format!("{OFFERS}Toko,KG-250,1,IDR,true\n")).await;
    assert_only(&offers, &["column shop", "2 shops of this name"]);
    let stock = desk.refused(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,1,0\n")).await;
    assert_only(&stock, &["column warehouse", "2 warehouses of this name"]);
}

#[actix_web::test]
async fn another_currency_is_refused() {
    let (desk, _) = Desk::with_a_shop().await;
    for currency in ["USD", "idr", ""] {
        let faults = desk.refused(Sheet::Offers, format!("{OFFERS}Toko,KG-250,1,{currency},true\n")).await;
        assert_only(&faults, &["line 2", "column currency", &format!("{currency:?}")]);
    }
}

#[actix_web::test]
async fn stock_never_goes_below_what_is_reserved() {
    let (desk, stall) = Desk::with_a_shop().await;
    desk.import(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,10,0\n")).await.unwrap();
    let demand = Demand { shop_id: stall.shop, variant_id: stall.variant, quantity: Quantity::parse(4).unwrap() };
    let reserve: StockCommand = Buyer::new().reserve(&[demand]);
    one(desk.test.store.stock.execute(vec![StockRequest::Step(reserve).into()]).await).unwrap();

    let faults = desk.refused(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,3,10\n")).await;

    assert_only(&faults, &["line 2", "column on_hand", "\"3\"", "4 pieces are reserved"]);
    assert_eq!(desk.import(Sheet::Stock, format!("{STOCK}Toko/Gudang,KG-250,4,10\n")).await.unwrap().changed, 1);
}

#[actix_web::test]
async fn rows_of_one_product_must_say_the_same_of_it() {
    let (desk, _) = Desk::with_a_shop().await;
    let file = format!("{PRODUCTS}A,P,one,Kopi,,,true\nB,P,two,Kopi,,,true\nC,P,one,Teh,,,true\n");
    let faults = desk.refused(Sheet::Products, file).await;
    assert!(faults[0].contains("line 3, column description, \"two\"") && faults[0].contains("line 2"), "{faults:#?}");
    assert!(faults[1].contains("line 4, column category, \"Teh\""), "{faults:#?}");
}

#[actix_web::test]
async fn a_variant_stays_with_its_product() {
    let (desk, _) = Desk::with_a_shop().await;
    desk.import(Sheet::Products, format!("{PRODUCTS}TEH,Teh,,,,,true\n")).await.unwrap();
    let faults = desk.refused(Sheet::Products, format!("{PRODUCTS}KG-250,Teh,,,,,true\n")).await;
    assert_only(&faults, &["line 2", "column product", "\"Teh\"", "Kopi Gayo"]);
}

#[actix_web::test]
async fn a_product_has_no_more_variants_than_one_can_have() {
    let desk = Desk::empty();
    let mut file = PRODUCTS.to_owned();
    (0..251).for_each(|row| writeln!(file, "SKU-{row},P,,,,,true").unwrap());
    assert_only(&desk.refused(Sheet::Products, file).await, &["line 252", "column product", "250 variants"]);
}

#[actix_web::test]
async fn texts_are_held_to_the_rules_of_the_catalogue() {
    let desk = Desk::empty();
    for (row, column) in [
        (",P,,,,,true", "sku"),
        (" A,P,,,,,true", "sku"),
        ("A,,,,,,true", "product"),
        ("A,P\u{7},,,,,true", "product"),
        ("A,P, ,,,,true", "description"),
        ("A,P,,,,colour,true", "attributes"),
        ("A,P,,,,,", "active"),
        ("A,P,,,,,2", "active"),
    ] {
        let faults = desk.refused(Sheet::Products, format!("{PRODUCTS}{row}\n")).await;
        assert_only(&faults, &["line 2", &format!("column {column},")]);
    }
}

#[actix_web::test]
async fn every_fault_of_a_row_is_told() {
    let (desk, _) = Desk::with_a_shop().await;
    let faults = desk.refused(Sheet::Offers, format!("{OFFERS}Warung,X,-,EUR,maybe\n")).await;
    assert_eq!(faults.len(), 5, "{faults:#?}");
}

#[actix_web::test]
async fn the_first_twenty_faults_are_told_and_the_rest_counted() {
    let (desk, _) = Desk::with_a_shop().await;
    let mut file = STOCK.to_owned();
    (0..25).for_each(|row| writeln!(file, "Toko/Gudang,KG-250,x{row},0").unwrap());
    let error = desk.import(Sheet::Stock, file).await.unwrap_err();
    let ExchangeError::Refused { faults, .. } = &error else { panic!("{error}") };
    // Each row but the first is also one that was there before.
    assert_eq!((faults.first().len(), faults.count()), (20, 49));
    assert!(error.to_string().ends_with("and 29 more"), "{error}");
}

#[actix_web::test]
async fn one_bad_row_after_ten_thousand_good_ones_changes_nothing() {
    let (desk, _) = Desk::with_a_shop().await;
    let mut file = PRODUCTS.to_owned();
    (0..10_000).for_each(|row| writeln!(file, "SKU-{row},Produk {},,,,,true", row / 200).unwrap());
    file.push_str("SKU-10000,Produk,,,,,often\n");
    assert_only(&desk.refused(Sheet::Products, file).await, &["line 10002", "column active", "\"often\""]);
}
