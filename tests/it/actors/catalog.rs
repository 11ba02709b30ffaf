//! The catalogue's actor: what it has acknowledged is durable, and what order lines are told.

use super::given::{House, house};
use crate::store::shelves::{offer, product, shop, variant};
use backstitch::{
    domain::{
        catalog::{CatalogRequest, Edit, EditProduct, EditVariant, NotForSale},
        ids::{ProductId, ShopId, VariantId},
    },
    service::ServiceError,
    store::{Page, ProductFilter},
};
use uuid::Uuid;

impl House {
    /// Changes the catalogue, which allows it.
    async fn change<C: CatalogRequest>(&self, request: C) -> C::Item {
        self.service.change_catalog(request, None).await.unwrap().item
    }

    /// A shop that offers a variant, its product and the variant.
    async fn offered(&self) -> (ShopId, ProductId, VariantId) {
        let product = self.change(product("Kopi Gayo", None)).await;
        let variant = self.change(variant(product.id, "KG-250")).await;
        let shop = self.change(shop("Toko")).await;
        self.change(offer(shop.id, variant.id, 85_000)).await;
        (shop.id, product.id, variant.id)
    }
}

#[actix_web::test]
async fn every_line_is_told_its_price_or_what_is_in_the_way() {
    let house = house();
    let (shop, product_id, sold) = house.offered().await;
    let unsold = house.change(variant(product_id, "KG-500")).await.id;
    let (no_shop, no_variant) = (ShopId::from_uuid(Uuid::now_v7()), VariantId::from_uuid(Uuid::now_v7()));
    let lines = [(shop, sold), (no_shop, sold), (shop, no_variant), (shop, unsold)];
    let priced = house.service.priced_offers(&lines).await.unwrap();
    let [Ok(first), rest @ ..] = &priced[..] else { panic!("{priced:?}") };
    assert_eq!(first.price.get(), 85_000);
    let why = [NotForSale::UnknownShop, NotForSale::UnknownVariant, NotForSale::NotOffered];
    assert_eq!(rest, why.map(Err));
}

#[actix_web::test]
async fn a_line_is_told_of_whatever_was_deactivated() {
    let house = house();
    let (shop, product_id, sold) = house.offered().await;
    let variant = |active| {
        let (sku, size, attributes) = (Edit::Keep, Edit::Keep, Edit::Keep);
        EditVariant { id: sold, sku, size, attributes, active: Edit::Set(active) }
    };
    let product = |active| {
        let (name, description, category) = (Edit::Keep, Edit::Keep, Edit::Keep);
        EditProduct { id: product_id, name, description, category, active: Edit::Set(active) }
    };
    let standing = async || house.service.priced_offers(&[(shop, sold)]).await.unwrap().remove(0).map(drop);
    house.change(variant(false)).await;
    assert_eq!(standing().await, Err(NotForSale::VariantInactive));
    house.change(variant(true)).await;
    house.change(product(false)).await;
    assert_eq!(standing().await, Err(NotForSale::ProductInactive));
    house.change(product(true)).await;
    assert_eq!(standing().await, Ok(()));
}

#[actix_web::test]
async fn whatever_was_acknowledged_is_there_after_the_process_dies() {
    let house = house();
    let writes = (0..200).map(|n| house.service.change_catalog(product(&format!("Kopi {n}"), None), None));
    let acknowledged = futures::future::join_all(writes).await;
    let house = house.restart().await;
    let page = Page { before: None, limit: 1_000 };
    let stored = house.test.store.catalog.products(ProductFilter::default(), page).await.unwrap();
    assert_eq!(stored.len(), 200);
    assert!(acknowledged.into_iter().all(|added| stored.contains(&added.unwrap().item)));
}

#[actix_web::test]
async fn writes_that_come_together_share_their_commits() {
    let house = house();
    let writes = (0..500).map(|n| house.service.change_catalog(product(&format!("Kopi {n}"), None), None));
    futures::future::join_all(writes).await.into_iter().for_each(|added| drop(added.unwrap()));
    let watched = house.actors.watched().iter().find(|watched| watched.status.name() == "catalog").unwrap();
    let (batches, commands) = watched.status.work();
    assert_eq!(commands, 500);
    assert!(batches < 250, "{batches} batches");
}

#[actix_web::test]
async fn a_refusal_is_an_answer_and_harms_nobody_else() {
    let house = house();
    let orphan = variant(ProductId::from_uuid(Uuid::now_v7()), "A");
    let (refused, added) = futures::future::join(
        house.service.change_catalog(orphan, None),
        house.service.change_catalog(product("Kopi", None), None),
    )
    .await;
    assert!(matches!(refused, Err(ServiceError::CatalogRefused(_))), "{refused:?}");
    assert!(added.is_ok());
}
