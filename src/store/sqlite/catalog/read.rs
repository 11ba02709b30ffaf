//! The catalogue's queries.

use super::rows;
use crate::{
    domain::{
        catalog::{MAX_VARIANTS, Phrase, PricedOffer, Product, SearchText, Shop, Variant, Warehouse},
        ids::{ProductId, ShopId, VariantId, WarehouseId},
        money::Price,
    },
    store::{
        CatalogQueries, ListedOffer, OfferPlace, Page, ProductFilter, ShopFilter, StoreError, VariantFilter,
        WarehouseFilter,
        sqlite::{Sqlite, codec::is_unreadable, readers::Condition},
    },
};
use futures::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, Params, Row};

type Answer<T> = BoxFuture<'static, Result<T, StoreError>>;

/// The products whose words are found by an FTS5 query.
const WORDS: &str = "number IN (SELECT rowid FROM catalog_search WHERE catalog_search MATCH ?)";

/// The FTS5 query of a search. Every phrase is a string of FTS5, in which no character means anything but
/// itself; the last may be the beginning of what is found. Where there is none, an empty one finds nothing: FTS5
/// takes no empty query.
pub(super) fn words(text: &SearchText) -> String {
    let phrase = |phrase: &Phrase| format!("\"{}\"{}", phrase.words.join(" "), if phrase.is_open { "*" } else { "" });
    let phrases: Vec<_> = text.phrases().iter().map(phrase).collect();
    if phrases.is_empty() { "\"\"".into() } else { phrases.join(" ") }
}

fn active_is(active: Option<bool>) -> impl Iterator<Item = Condition> {
    active.into_iter().map(|active| -> Condition { ("active = ?", Box::new(active)) })
}

/// The first `limit` rows that can be read: SQL must not count those that cannot, or a list ends early.
fn first<T>(
    conn: &Connection,
    limit: u32,
    sql: &'static str,
    params: impl Params,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    // The rows come one by one, in the order of an index: what is not asked for is not read.
    while found.len() < limit as usize
        && let Some(row) = rows.next()?
    {
        match read(row) {
            Ok(item) => found.push(item),
            // One bad row must not hide all others.
            Err(error) if is_unreadable(&error) => {
                tracing::error!(%error, "a stored row of the catalogue cannot be read and is left out of a list");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}

impl Sqlite {
    fn find<T: Send + 'static>(
        &self,
        sql: &'static str,
        params: impl Params,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Answer<Option<T>> {
        self.readers.look_up(|conn| conn.prepare_cached(sql)?.query_row(params, read).optional())
    }
}

impl CatalogQueries for Sqlite {
    fn product(&self, id: ProductId) -> Answer<Option<Product>> {
        self.find(rows::PRODUCT, [id], rows::product)
    }

    fn products(&self, filter: ProductFilter, page: Page<ProductId>) -> Answer<Vec<Product>> {
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(category) = filter.category {
            conditions.push(("category = ?", Box::new(category)));
        }
        if let Some(text) = filter.text {
            conditions.push((WORDS, Box::new(words(&text))));
        }
        conditions.extend(active_is(filter.active));
        self.readers.read_page(rows::PRODUCTS, conditions, page, rows::product)
    }

    fn variant(&self, id: VariantId) -> Answer<Option<Variant>> {
        self.find(rows::VARIANT, [id], rows::variant)
    }

    fn variants(&self, filter: VariantFilter, page: Page<VariantId>) -> Answer<Vec<Variant>> {
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(sku) = filter.sku {
            conditions.push(("sku = ?", Box::new(sku)));
        }
        if let Some(product_id) = filter.product_id {
            conditions.push(("product_id = ?", Box::new(product_id)));
        }
        conditions.extend(active_is(filter.active));
        self.readers.read_page(rows::VARIANTS, conditions, page, rows::variant)
    }

    fn variants_of(&self, product: ProductId) -> Answer<Vec<Variant>> {
        self.readers.look_up(|conn| first(conn, MAX_VARIANTS, rows::VARIANTS_OF, [product], rows::variant))
    }

    fn shop(&self, id: ShopId) -> Answer<Option<Shop>> {
        self.find(rows::SHOP, [id], rows::shop)
    }

    fn shops(&self, filter: ShopFilter, page: Page<ShopId>) -> Answer<Vec<Shop>> {
        self.readers.read_page(rows::SHOPS, active_is(filter.active).collect(), page, rows::shop)
    }

    fn warehouse(&self, id: WarehouseId) -> Answer<Option<Warehouse>> {
        self.find(rows::WAREHOUSE, [id], rows::warehouse)
    }

    fn warehouses(&self, filter: WarehouseFilter, page: Page<WarehouseId>) -> Answer<Vec<Warehouse>> {
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(shop_id) = filter.shop_id {
            conditions.push(("shop_id = ?", Box::new(shop_id)));
        }
        conditions.extend(active_is(filter.active));
        self.readers.read_page(rows::WAREHOUSES, conditions, page, rows::warehouse)
    }

    fn offer(&self, shop: ShopId, variant: VariantId) -> Answer<Option<ListedOffer>> {
        self.find(rows::LISTED_OFFER, (shop, variant), rows::listed_offer)
    }

    fn offers_of_variant(
        &self,
        variant: VariantId,
        for_sale: Option<bool>,
        after: Option<OfferPlace>,
        limit: u32,
    ) -> Answer<Vec<ListedOffer>> {
        let price = after.map_or(0, |OfferPlace { price, .. }| Price::get(price));
        let shop = after.map(|place| *place.shop_id.bytes()).unwrap_or_default();
        let params = (variant, for_sale, price, shop);
        self.readers.read(move |conn| first(conn, limit, rows::OFFERS_OF_VARIANT, params, rows::listed_offer))
    }

    fn offers_of_shop(&self, shop: ShopId, for_sale: Option<bool>, page: Page<VariantId>) -> Answer<Vec<ListedOffer>> {
        // No id is above this one.
        let before = page.before.map_or([u8::MAX; 16], |variant| *variant.bytes());
        let params = (shop, for_sale, before);
        self.readers.read(move |conn| first(conn, page.limit, rows::OFFERS_OF_SHOP, params, rows::listed_offer))
    }

    fn offers_for(&self, lines: &[(ShopId, VariantId)]) -> Answer<Vec<Option<PricedOffer>>> {
        if lines.is_empty() {
            return Box::pin(std::future::ready(Ok(Vec::new())));
        }
        let kept: Vec<_> = lines.iter().map(|&(shop, variant)| self.recent.offers.find(shop, variant)).collect();
        if kept.iter().all(Result::is_ok) {
            return Box::pin(std::future::ready(Ok(kept.into_iter().map(Result::ok).collect())));
        }
        self.readers.look_up(|conn| {
            let mut statement = conn.prepare_cached(rows::PRICED_OFFER)?;
            let offers = lines.iter().zip(kept).map(|(&(shop, variant), kept)| match kept {
                Ok(kept) => Ok(Some(kept)),
                Err(state) => {
                    let read = |row: &Row<'_>| rows::priced_offer(shop, variant, row);
                    let offer = statement.query_row((shop, variant), read).optional()?;
                    if let Some(offer) = &offer {
                        self.recent.offers.keep(shop, variant, offer.clone(), state);
                    }
                    Ok(offer)
                }
            });
            offers.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        role::Roles,
        store::sqlite::{connect_read_only, migrate},
    };
    use rusqlite::StatementStatus;
    use uuid::Uuid;

    #[test]
    fn the_price_of_an_offer_is_looked_up_without_planning_it_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("test.db");
        migrate(&path, Roles::ALL).unwrap();
        let conn = connect_read_only(&path).unwrap();
        for number in 0..3 {
            let id = Uuid::from_u128(number);
            let mut kept = conn.prepare_cached(rows::PRICED_OFFER).unwrap();
            assert!(!kept.exists((ShopId::from_uuid(id), VariantId::from_uuid(id))).unwrap());
            assert_eq!(kept.get_status(StatementStatus::RePrepare), 0, "use {number} of the statement");
        }
    }
}
