//! The catalogue's queries.

use super::{rows, words};
use crate::{
    domain::{
        catalog::{CatalogCommand, PricedOffer, Product, Shop, Variant, Warehouse},
        ids::{ProductId, ShopId, VariantId, WarehouseId},
        money::Price,
    },
    store::{
        Answers, CatalogAnswer, CatalogQueries, Commands, Keyed, ListedOffer, OfferPlace, Page, ProductFilter,
        ShopFilter, StoreError, VariantFilter, WarehouseFilter,
        commands::CatalogRunner,
        postgres::{
            Postgres,
            codec::get,
            loader::{Found, Loader},
            readers::{Condition, List, Planned, Readers, unless_unreadable},
        },
    },
};
use futures::future::{BoxFuture, try_join_all};
use uuid::Uuid;

type Answer<T> = BoxFuture<'static, Result<T, StoreError>>;

/// Products, newest first.
const PRODUCTS: List =
    List { select: rows::PRODUCTS, key: "id", key_column: 0, order: "id DESC", planned: Planned::Once };
/// A shop's offers, newest variant first.
const OFFERS_OF_SHOP: List = List {
    select: rows::LISTED_OFFERS,
    key: "o.variant_id",
    key_column: 1,
    order: "o.variant_id DESC",
    planned: Planned::Once,
};

/// What looks up what order lines say of their offers: the lines of many orders with one query.
pub(in crate::store::postgres) fn loader(readers: &Readers) -> Loader<(ShopId, VariantId), PricedOffer> {
    readers.loader_of(async |client, lines| {
        let (shops, variants): (Vec<_>, Vec<_>) = lines.iter().copied().unzip();
        let statement = client.prepare_cached(rows::PRICED_OFFERS).await?;
        let mut found = Found::default();
        for row in client.query(&statement, &[&shops, &variants]).await? {
            found.insert(rows::offer_key(&row)?, rows::priced_offer(&row).map_err(StoreError::from));
        }
        Ok(found)
    })
}

fn active_is(active: Option<bool>) -> impl Iterator<Item = Condition> {
    active.into_iter().map(|active| -> Condition { ("active = $n", Box::new(active)) })
}

impl Commands<CatalogCommand, CatalogAnswer> for Postgres {
    fn execute(&self, commands: Vec<Keyed<CatalogCommand>>) -> BoxFuture<'static, Answers<CatalogAnswer>> {
        self.queue.execute::<CatalogRunner>(commands)
    }
}

impl CatalogQueries for Postgres {
    fn product(&self, id: ProductId) -> Answer<Option<Product>> {
        self.readers.find(rows::PRODUCT, vec![Box::new(id)], rows::product)
    }

    fn products(&self, filter: ProductFilter, page: Page<ProductId>) -> Answer<Vec<Product>> {
        let (mut list, mut conditions) = (PRODUCTS, Vec::<Condition>::new());
        if let Some(category) = filter.category {
            conditions.push(("category = $n", Box::new(category)));
        }
        if let Some(text) = filter.text {
            list.planned = Planned::ForItsValues;
            conditions.push(("words @@ $n::text::tsquery", Box::new(words::query(&text))));
        }
        conditions.extend(active_is(filter.active));
        self.readers.list(list, conditions, page, rows::product)
    }

    fn variant(&self, id: VariantId) -> Answer<Option<Variant>> {
        self.readers.find(rows::VARIANT, vec![Box::new(id)], rows::variant)
    }

    fn variants(&self, filter: VariantFilter, page: Page<VariantId>) -> Answer<Vec<Variant>> {
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(sku) = filter.sku {
            conditions.push(("sku = $n", Box::new(sku)));
        }
        if let Some(product_id) = filter.product_id {
            conditions.push(("product_id = $n", Box::new(product_id)));
        }
        conditions.extend(active_is(filter.active));
        self.readers.page(rows::VARIANTS, 0, conditions, page, rows::variant)
    }

    fn variants_of(&self, product: ProductId) -> Answer<Vec<Variant>> {
        self.readers.read(async move |client| {
            let statement = client.prepare_cached(rows::VARIANTS_OF).await?;
            let found = client.query(&statement, &[&product]).await?;
            Ok(found.iter().filter_map(|row| unless_unreadable(rows::variant(row))).collect())
        })
    }

    fn shop(&self, id: ShopId) -> Answer<Option<Shop>> {
        self.readers.find(rows::SHOP, vec![Box::new(id)], rows::shop)
    }

    fn shops(&self, filter: ShopFilter, page: Page<ShopId>) -> Answer<Vec<Shop>> {
        self.readers.page(rows::SHOPS, 0, active_is(filter.active).collect(), page, rows::shop)
    }

    fn warehouse(&self, id: WarehouseId) -> Answer<Option<Warehouse>> {
        self.readers.find(rows::WAREHOUSE, vec![Box::new(id)], rows::warehouse)
    }

    fn warehouses(&self, filter: WarehouseFilter, page: Page<WarehouseId>) -> Answer<Vec<Warehouse>> {
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(shop_id) = filter.shop_id {
            conditions.push(("shop_id = $n", Box::new(shop_id)));
        }
        conditions.extend(active_is(filter.active));
        self.readers.page(rows::WAREHOUSES, 0, conditions, page, rows::warehouse)
    }

    fn offer(&self, shop: ShopId, variant: VariantId) -> Answer<Option<ListedOffer>> {
        self.readers.find(rows::LISTED_OFFER, vec![Box::new(shop), Box::new(variant)], rows::listed_offer)
    }

    fn offers_of_variant(
        &self,
        variant: VariantId,
        for_sale: Option<bool>,
        after: Option<OfferPlace>,
        limit: u32,
    ) -> Answer<Vec<ListedOffer>> {
        let first = after.map_or((0, Uuid::nil()), |place| (Price::get(place.price), place.shop_id.uuid()));
        self.readers.read(async move |client| {
            let statement = client.prepare_cached(rows::OFFERS_OF_VARIANT).await?;
            let (mut price, mut shop) = first;
            let mut offers = Vec::new();
            loop {
                let wanted = i64::from(limit) - i64::try_from(offers.len()).unwrap_or(i64::MAX);
                if wanted <= 0 {
                    return Ok(offers);
                }
                let found = client.query(&statement, &[&variant, &for_sale, &price, &shop, &wanted]).await?;
                offers.extend(found.iter().filter_map(|row| unless_unreadable(rows::listed_offer(row))));
                // SQL has counted the rows that cannot be read: there may be others in their place.
                let Some(last) = found.last().filter(|_| i64::try_from(found.len()) == Ok(wanted)) else {
                    return Ok(offers);
                };
                (price, shop) = (get(last, rows::OFFER_PRICE)?, get(last, rows::OFFER_SHOP)?);
            }
        })
    }

    fn offers_of_shop(&self, shop: ShopId, for_sale: Option<bool>, page: Page<VariantId>) -> Answer<Vec<ListedOffer>> {
        let mut conditions: Vec<Condition> = vec![("o.shop_id = $n", Box::new(shop))];
        if let Some(for_sale) = for_sale {
            conditions.push((rows::FOR_SALE_IS, Box::new(for_sale)));
        }
        self.readers.list(OFFERS_OF_SHOP, conditions, page, rows::listed_offer)
    }

    fn offers_for(&self, lines: &[(ShopId, VariantId)]) -> Answer<Vec<Option<PricedOffer>>> {
        Box::pin(try_join_all(lines.iter().map(|&line| self.priced_offers.find(line))))
    }
}
