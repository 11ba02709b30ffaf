//! What the rows of a file change.

use super::given::{Desk, OFFERS, PRODUCTS, STOCK};
use backstitch::{
    domain::catalog::SearchText,
    exchange::{Imported, Sheet},
    store::{Page, ProductFilter},
};

#[actix_web::test]
async fn a_known_sku_changes_its_variant_and_its_product() {
    let (desk, stall) = Desk::with_a_shop().await;

    let file = format!("{PRODUCTS}KG-250,Kopi Gayo Asli,Baru,Minuman,300 g,grind=halus,false\n");
    let imported = desk.import(Sheet::Products, file).await.unwrap();

    assert_eq!(imported, Imported { rows: 1, added: 0, changed: 1 });
    let variant = desk.test.store.catalog.variant(stall.variant).await.unwrap().unwrap();
    let product = desk.test.store.catalog.product(variant.product_id).await.unwrap().unwrap();
    let size = variant.size.as_ref().map(|size| size.as_str().to_owned());
    assert_eq!((size, variant.active, variant.attributes.get().len()), (Some("300 g".into()), false, 1));
    let (description, category) = (product.description.unwrap(), product.category.unwrap());
    assert_eq!((product.name.as_str(), description.as_str(), category.as_str()), ("Kopi Gayo Asli", "Baru", "Minuman"));
}

#[actix_web::test]
async fn rows_of_one_name_are_one_product_also_beside_a_known_one() {
    let (desk, stall) = Desk::with_a_shop().await;
    let file = format!(
        "{PRODUCTS}KG-500,Kopi Gayo,,Kopi,500 g,,true\nTEH-1,Teh,,,,,true\nTEH-2,Teh,,,,,true\nKG-1000,Kopi Gayo,,Kopi,,,true\n"
    );

    let imported = desk.import(Sheet::Products, file).await.unwrap();

    assert_eq!(imported, Imported { rows: 4, added: 4, changed: 0 });
    let coffee = desk.test.store.catalog.variant(stall.variant).await.unwrap().unwrap().product_id;
    let skus = desk.test.store.catalog.variants_of(coffee).await.unwrap();
    let skus: Vec<_> = skus.iter().map(|variant| variant.sku.as_str()).collect();
    assert_eq!(skus, ["KG-250", "KG-500", "KG-1000"]);
    let products: i64 = desk.test.raw().one("SELECT count(*) FROM catalog_product", &[]);
    assert_eq!(products, 2);
}

#[actix_web::test]
async fn a_product_stays_as_active_as_it_is_unless_the_file_says_otherwise() {
    let (desk, _) = Desk::with_a_shop().await;
    let off = PRODUCTS.replace('\n', ",product_active\n");
    desk.import(Sheet::Products, format!("{off}KG-250,Kopi Gayo,,Kopi,250 g,,true,false\n")).await.unwrap();

    desk.import(Sheet::Products, format!("{PRODUCTS}KG-250,Kopi Gayo,,Kopi,250 g,,true\n")).await.unwrap();

    let csv = desk.export(Sheet::Products).await;
    assert!(csv.ends_with("true,false\n"), "{csv}");
}

#[actix_web::test]
async fn an_offer_gets_another_price() {
    let (desk, stall) = Desk::with_a_shop().await;

    let file = format!("{OFFERS}{},KG-250,90000,IDR,FALSE\n", stall.shop);
    let imported = desk.import(Sheet::Offers, file).await.unwrap();

    assert_eq!(imported, Imported { rows: 1, added: 0, changed: 1 });
    let listed = desk.test.store.catalog.offer(stall.shop, stall.variant).await.unwrap().unwrap();
    assert_eq!((listed.offer.price.get(), listed.offer.active), (90_000, false));
}

#[actix_web::test]
async fn a_search_finds_what_was_imported() {
    let desk = Desk::empty();
    desk.import(Sheet::Products, format!("{PRODUCTS}A,咖啡豆 قهوة,,,,,true\n")).await.unwrap();

    let filter =
        ProductFilter { text: Some(SearchText::parse("قهوة".into()).unwrap()), ..ProductFilter::default() };
    let found = desk.test.store.catalog.products(filter, Page { before: None, limit: 10 }).await.unwrap();

    assert_eq!(found.len(), 1);
}

#[actix_web::test]
async fn a_header_alone_changes_nothing() {
    let (desk, _) = Desk::with_a_shop().await;
    let before = desk.rows();

    assert_eq!(desk.import(Sheet::Stock, STOCK).await.unwrap(), Imported::default());

    assert_eq!(desk.rows(), before);
}
