//! Products as clients name them that know neither shops nor variants.

use super::{Service, ServiceError};
use crate::{
    domain::{
        catalog::{Sku, Variant},
        ids::{ProductId, VariantId},
        order::LinesFields,
    },
    store::{Page, VariantFilter},
};
use uuid::Uuid;

/// Most shops that are looked at, the cheapest first.
const MOST_SHOPS: u32 = 100;

impl Service {
    /// Finds who sells the product that an only line names: the cheapest shop that has as many as are wanted; where none
    /// has, the cheapest, which then says so. Nothing is found where nobody sells it.
    ///
    /// # Errors
    /// Storage away.
    pub(super) async fn find_product(&self, lines: &mut LinesFields) -> Result<(), ServiceError> {
        let Some(name) = lines.product() else { return Ok(()) };
        let Some(variant) = self.variant_named(name).await? else { return Ok(()) };
        let offers = self.offers_of_variant(variant.id, Some(true), None, MOST_SHOPS).await?;
        let pieces = lines.pieces();
        let offer = offers.iter().find(|offer| offer.available >= pieces).or(offers.first());
        lines.found = offer.map(|offer| (offer.listed.offer.shop_id, variant.id));
        Ok(())
    }

    /// The variant of this sku or this id, or the only one of the product of this id.
    async fn variant_named(&self, name: &str) -> Result<Option<Variant>, ServiceError> {
        let catalog = &self.queries.catalog;
        if let Ok(sku) = Sku::parse(name.to_owned()) {
            let filter = VariantFilter { sku: Some(sku), ..VariantFilter::default() };
            let found = catalog.variants(filter, Page { before: None, limit: 1 }).await?.pop();
            if found.is_some() {
                return Ok(found);
            }
        }
        let Ok(id) = Uuid::parse_str(name) else { return Ok(None) };
        if let Some(variant) = catalog.variant(VariantId::from_uuid(id)).await? {
            return Ok(Some(variant));
        }
        let mut variants = catalog.variants_of(ProductId::from_uuid(id)).await?;
        Ok(variants.pop().filter(|_| variants.is_empty()))
    }
}
