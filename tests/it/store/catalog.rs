//! The catalogue in the store: what is written is read back, keys are remembered, words are found.

use super::{
    given::{TestStore, claim, one, store},
    shelves::{offer, product, shop, text, variant, warehouse},
};
use crate::support::sqlite_only;
use backstitch::{
    domain::{
        catalog::{
            CatalogCommand, CatalogItem, CatalogRefusal, Edit, EditProduct, EditShop, EditWarehouse, NotForSale,
            SearchText,
        },
        ids::ProductId,
        time::Timestamp,
    },
    store::{CatalogDone, Claim, Keyed, OfferPlace, Page, ProductFilter, StoreError},
};
use uuid::Uuid;

const ALL: Page<ProductId> = Page { before: None, limit: 1_000 };

fn keyed(command: impl Into<CatalogCommand>, claim: Claim) -> Keyed<CatalogCommand> {
    Keyed { command: command.into(), claim: Some(claim) }
}

impl TestStore {
    async fn catalog(&self, command: impl Into<CatalogCommand>) -> CatalogDone {
        one(self.store.catalog.execute(vec![command.into().into()]).await).unwrap().unwrap()
    }

    /// The names of the products that have these words, newest first.
    async fn search(&self, words: &str) -> Vec<String> {
        let text = Some(SearchText::parse(words.into()).unwrap());
        let found = self.store.catalog.products(ProductFilter { text, ..ProductFilter::default() }, ALL).await.unwrap();
        found.into_iter().map(|product| product.name.as_str().to_owned()).collect()
    }
}

#[actix_web::test]
async fn whatever_is_written_is_read_back_after_a_restart() {
    let test = store();
    let (product, shop) = (product("Kopi Gayo", Some("Kopi")), shop("Toko"));
    let (variant, warehouse) = (variant(product.id, "KG-250"), warehouse(shop.id, 7));
    let (ids, shop_id) = ((product.id, variant.id, warehouse.id), shop.id);
    let done: Vec<CatalogItem> = vec![
        test.catalog(product).await.item,
        test.catalog(variant).await.item,
        test.catalog(shop).await.item,
        test.catalog(warehouse).await.item,
        test.catalog(offer(shop_id, ids.1, 85_000)).await.item,
    ];
    let test = test.reopen().await;
    let catalog = &test.store.catalog;
    let listed = catalog.offer(shop_id, ids.1).await.unwrap().unwrap();
    let read: Vec<CatalogItem> = vec![
        catalog.product(ids.0).await.unwrap().unwrap().into(),
        catalog.variant(ids.1).await.unwrap().unwrap().into(),
        catalog.shop(shop_id).await.unwrap().unwrap().into(),
        catalog.warehouse(ids.2).await.unwrap().unwrap().into(),
        listed.offer.into(),
    ];
    assert_eq!(read, done);
    let beside: Vec<CatalogItem> = vec![listed.product.into(), listed.variant.into(), listed.shop.into()];
    assert_eq!(beside, done[..3]);
}

#[actix_web::test]
async fn a_later_command_of_a_batch_sees_what_an_earlier_one_made() {
    let test = store();
    let product = product("Kopi", None);
    let (first, second) = (variant(product.id, "A"), variant(product.id, "A"));
    let batch: Vec<CatalogCommand> = vec![product.into(), first.clone().into(), second.into()];
    let answers = test.store.catalog.execute(batch.into_iter().map(Keyed::from).collect()).await;
    assert!(matches!(&answers[..2], [Ok(Ok(_)), Ok(Ok(_))]), "{answers:?}");
    let taken = CatalogRefusal::DuplicateSku { sku: "A".into(), holder: first.id };
    assert_eq!(answers[2], Ok(Err(taken)));
}

#[actix_web::test]
async fn a_repeated_key_is_answered_with_the_item_as_it_is_now() {
    let test = store();
    let (first, second) = (product("Kopi", None), product("Kopi", None));
    let id = first.id;
    let catalog = &test.store.catalog;
    let its_own = claim("k", 1);
    one(catalog.execute(vec![keyed(first.clone(), its_own.clone())]).await).unwrap().unwrap();
    let (name, description, category) = (Edit::Set(text("Kopi Gayo")), Edit::Keep, Edit::Keep);
    test.catalog(EditProduct { id, name, description, category, active: Edit::Keep }).await;
    let repeated = one(catalog.execute(vec![keyed(second, claim("k", 1))]).await).unwrap().unwrap();
    let CatalogItem::Product(now) = &repeated.item else { panic!("{repeated:?}") };
    assert_eq!((now.id, now.name.as_str(), repeated.replayed), (id, "Kopi Gayo", true));
    let sent_again = one(catalog.execute(vec![keyed(first, its_own)]).await).unwrap().unwrap();
    assert!(!sent_again.replayed, "the same request, after a crash of its actor");
    assert_eq!(catalog.products(ProductFilter::default(), ALL).await.unwrap().len(), 1);
}

#[actix_web::test]
async fn a_switch_that_is_sent_again_after_a_crash_is_no_repeat() {
    let test = store();
    let shop = shop("Toko");
    let warehouse = warehouse(shop.id, 1);
    let (keep, id) = (Edit::Keep, warehouse.id);
    let close = EditWarehouse { id, name: Edit::Keep, address: Edit::Keep, priority: keep, active: Edit::Set(false) };
    test.catalog(shop).await;
    test.catalog(warehouse).await;
    let its_own = claim("k", 1);
    for (claim, replayed) in [(its_own.clone(), false), (its_own, false), (claim("k", 1), true)] {
        let done = one(test.store.catalog.execute(vec![keyed(close.clone(), claim)]).await).unwrap().unwrap();
        assert_eq!(done.replayed, replayed);
    }
}

#[actix_web::test]
async fn a_key_with_another_body_is_refused_and_a_refused_request_not_remembered() {
    let test = store();
    let catalog = &test.store.catalog;
    let orphan = variant(ProductId::from_uuid(Uuid::now_v7()), "A");
    let refused = one(catalog.execute(vec![keyed(orphan, claim("k", 1))]).await).unwrap();
    assert!(matches!(refused, Err(CatalogRefusal::NoProduct(_))));
    one(catalog.execute(vec![keyed(product("Kopi", None), claim("k", 2))]).await).unwrap().unwrap();
    let reused = one(catalog.execute(vec![keyed(product("Teh", None), claim("k", 3))]).await);
    assert_eq!(reused, Err(StoreError::KeyReused));
}

#[actix_web::test]
async fn old_keys_of_the_catalogue_are_forgotten() {
    let test = store();
    one(test.store.catalog.execute(vec![keyed(product("Kopi", None), claim("old", 1))]).await).unwrap().unwrap();
    test.raw().execute_batch("UPDATE catalog_idempotency SET created_at = 10").unwrap();
    one(test.store.catalog.execute(vec![keyed(product("Teh", None), claim("young", 1))]).await).unwrap().unwrap();
    assert_eq!(test.store.engine.forget_keys(Timestamp::from_millis(100)).await.unwrap(), 1);
    let again = one(test.store.catalog.execute(vec![keyed(product("Kopi", None), claim("old", 2))]).await).unwrap();
    assert!(!again.unwrap().replayed);
}

#[actix_web::test]
async fn words_are_found_in_any_script() {
    let test = store();
    let names = [
        ("Kopi Gayo 250 g", Some("Minuman")),
        ("Café crème", None),
        ("有机咖啡豆", None),
        ("コーヒー豆", None),
        ("กาแฟอาราบิก้า", None),
        ("قهوة عربية", None),
        ("हिन्दी किताब", None),
        ("Кофе молотый", None),
        ("Teh☕🫘", Some("emoji")),
    ];
    for (name, category) in names {
        test.catalog(product(name, category)).await;
    }
    for (words, name) in [
        ("kopi", 0),
        ("GAYO kopi", 0),
        ("gay", 0),
        ("minuman 250", 0),
        ("cafe", 1),
        ("CRÈME", 1),
        ("cafe\u{301}", 1),
        ("咖啡", 2),
        ("有机 豆", 2),
        ("コーヒー", 3),
        ("กาแฟ", 4),
        ("قهوة", 5),
        ("قهو", 5),
        ("किताब", 6),
        ("кофе", 7),
        ("МОЛОТЫЙ", 7),
        ("☕", 8),
        ("🫘", 8),
        ("teh", 8),
    ] {
        assert_eq!(test.search(words).await, [names[name].0], "{words}");
    }
    for words in ["opi", "kopi teh", "gay kopi", "啡咖", "عرب قهوة"] {
        assert_eq!(test.search(words).await, [""; 0], "{words}");
    }
}

#[actix_web::test]
async fn no_search_is_an_error() {
    let test = store();
    test.catalog(product("Kopi AND Teh", Some("NOT"))).await;
    for words in [
        "\"",
        "\"\"",
        "'",
        "*",
        "**",
        "(",
        ")",
        "()",
        "-",
        "+",
        "^",
        ":",
        "name:",
        "name:kopi",
        "kopi*",
        "a\"b",
        "{",
        "}",
        "\\",
        "%",
        ";",
        "--",
        "NEAR(",
        "AND",
        "OR",
        "NOT",
        "kopi OR",
        "OR kopi",
        "NEAR(kopi teh)",
        "!!!",
        "kopi !!!",
        "\u{200f}",
        "\u{feff}",
        "\u{e000}",
        "🏳️‍🌈",
        "e\u{301}",
        "\u{301}",
        "'; DROP TABLE catalog_product; --",
    ] {
        test.search(words).await;
    }
    assert_eq!(test.search("kopi and not").await, ["Kopi AND Teh"]);
    assert_eq!(test.search("kopi !!! t").await, ["Kopi AND Teh"], "what has no word in it is passed over");
}

#[actix_web::test]
async fn a_renamed_product_is_found_by_its_new_name_alone() {
    let test = store();
    let add = product("Kopi", Some("Minuman"));
    let edit = EditProduct {
        id: add.id,
        name: Edit::Set(text("Teh")),
        description: Edit::Keep,
        category: Edit::Set(None),
        active: Edit::Keep,
    };
    test.catalog(add).await;
    test.catalog(edit).await;
    assert_eq!(test.search("teh").await, ["Teh"]);
    assert!(test.search("kopi").await.is_empty() && test.search("minuman").await.is_empty());
}

#[actix_web::test]
async fn an_order_line_knows_its_offer_and_what_is_in_the_way() {
    let test = store();
    let (product, shop) = (product("Kopi Gayo", None), shop("Toko"));
    let (sold, unsold) = (variant(product.id, "KG-250"), variant(product.id, "KG-500"));
    let (line, other) = ((shop.id, sold.id), (shop.id, unsold.id));
    let close = EditShop { id: shop.id, name: Edit::Keep, city: Edit::Keep, active: Edit::Set(false) };
    test.catalog(product).await;
    test.catalog(sold).await;
    test.catalog(unsold).await;
    test.catalog(shop).await;
    test.catalog(offer(line.0, line.1, 85_000)).await;
    let found = test.store.catalog.offers_for(&[other, line]).await.unwrap();
    let [None, Some(priced)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((priced.shop_id, priced.variant_id, priced.price.get()), (line.0, line.1, 85_000));
    assert_eq!((priced.sku.as_str(), priced.product_name.as_str()), ("KG-250", "Kopi Gayo"));
    assert_eq!(priced.clone().check().as_ref(), Ok(priced));
    test.catalog(close).await;
    let closed = test.store.catalog.offers_for(&[line]).await.unwrap().remove(0).unwrap();
    assert_eq!(closed.check(), Err(NotForSale::ShopInactive));
}

#[actix_web::test]
async fn a_variants_offers_are_read_cheapest_first_part_by_part() {
    let test = store();
    let product = product("Kopi", None);
    let variant = variant(product.id, "A");
    let variant_id = variant.id;
    test.catalog(product).await;
    test.catalog(variant).await;
    let mut expected = Vec::new();
    for price in [500, 100, 300, 100, 100, 400] {
        let shop = shop("Toko");
        expected.push((price, shop.id));
        test.catalog(shop.clone()).await;
        test.catalog(offer(shop.id, variant_id, price)).await;
    }
    expected.sort_unstable();
    let (mut read, mut after) = (Vec::new(), None);
    loop {
        let part = test.store.catalog.offers_of_variant(variant_id, Some(true), after, 2).await.unwrap();
        let Some(last) = part.last() else { break };
        let place = OfferPlace { price: last.offer.price, shop_id: last.shop.id };
        after = Some(place.to_string().parse().unwrap());
        read.extend(part.iter().map(|listed| (listed.offer.price.get(), listed.shop.id)));
    }
    assert_eq!(read, expected);
}

#[actix_web::test]
async fn a_row_that_cannot_be_read_fails_its_own_commands_alone() {
    if sqlite_only("PostgreSQL's texts are Unicode") {
        return;
    }
    let test = store();
    let (good, bad) = (product("Kopi", None), product("Teh", None));
    let (good_variant, bad_variant) = (variant(good.id, "A"), variant(bad.id, "B"));
    test.catalog(good).await;
    let id = bad.id;
    test.catalog(bad).await;
    test.raw().execute("UPDATE catalog_product SET name = CAST(x'ff' AS TEXT) WHERE id = ?1", &[&id.uuid()]).unwrap();
    let batch: Vec<CatalogCommand> = vec![bad_variant.into(), good_variant.into()];
    let answers = test.store.catalog.execute(batch.into_iter().map(Keyed::from).collect()).await;
    assert!(matches!(&answers[..], [Err(StoreError::Poisoned(_)), Ok(Ok(_))]), "{answers:?}");
    assert_eq!(test.store.catalog.products(ProductFilter::default(), ALL).await.unwrap().len(), 1);
}

#[actix_web::test]
async fn a_list_goes_on_past_an_offer_that_cannot_be_read() {
    let test = store();
    let (product, shop) = (product("Kopi", None), shop("Toko"));
    let variants = ["A", "B", "C"].map(|sku| variant(product.id, sku));
    let (shop_id, ids) = (shop.id, variants.each_ref().map(|variant| variant.id));
    test.catalog(product).await;
    test.catalog(shop).await;
    for variant in variants {
        let offer = offer(shop_id, variant.id, 500);
        test.catalog(variant).await;
        test.catalog(offer).await;
    }
    let bad = "UPDATE catalog_offer SET currency = 'none' WHERE variant_id = ?1";
    test.raw().execute(bad, &[&ids[1].uuid()]).unwrap();
    let page = Page { before: None, limit: 2 };
    let listed = test.store.catalog.offers_of_shop(shop_id, None, page).await.unwrap();
    assert_eq!(listed.iter().map(|listed| listed.variant.id).collect::<Vec<_>>(), [ids[2], ids[0]]);
}
