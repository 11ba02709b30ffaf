//! The catalogue as facades use it: changes carried to its actor, and views that put the stock's numbers
//! beside the shops' offers.

use super::{Service, ServiceError, What, send};
use crate::{
    actors::{CatalogRequestError, ChangeCatalog},
    domain::{
        catalog::{CatalogRequest, NotForSale, PricedOffer, Product, Shop, Variant, Warehouse},
        ids::{ProductId, ShopId, VariantId, WarehouseId},
    },
    store::{CatalogDone, Claim, ListedOffer, OfferPlace, Page, StoreError},
};

/// A change of the catalogue that was made.
#[derive(Clone, Debug)]
pub struct CatalogChanged<T> {
    /// The item as it is now.
    pub item: T,
    /// Whether it is new.
    pub created: bool,
    /// Whether another request had used the idempotency key before, so that nothing was done now.
    pub replayed: bool,
}

/// A product with its variants.
#[derive(Clone, Debug)]
pub struct ProductView {
    /// The product.
    pub product: Product,
    /// Its variants, oldest first.
    pub variants: Vec<Variant>,
}

/// An offer with what belongs to it.
#[derive(Clone, Debug)]
pub struct OfferView {
    /// The offer, its shop, its variant and its product.
    pub listed: ListedOffer,
    /// What is in the way of buying it, whatever is in stock.
    pub not_for_sale: Option<NotForSale>,
    /// How many there are to be had in the shop's active warehouses.
    pub available: i64,
}

impl Service {
    /// Changes the catalogue.
    ///
    /// # Errors
    /// What the change is about does not exist, or the rules forbid it.
    pub async fn change_catalog<C: CatalogRequest>(
        &self,
        request: C,
        claim: Option<Claim>,
    ) -> Result<CatalogChanged<C::Item>, ServiceError> {
        let message = || Ok(ChangeCatalog { command: request.clone().into(), claim: claim.clone() });
        let CatalogDone { item, created, replayed } = match send(&self.actors.catalog.change, message).await? {
            Ok(done) => done,
            Err(CatalogRequestError::Refused(refusal)) => return Err(refusal.into()),
            Err(CatalogRequestError::Store(error)) => return Err(error.into()),
        };
        let other = |_| ServiceError::Internal("the catalogue answered with an item of another kind".into());
        Ok(CatalogChanged { item: item.try_into().map_err(other)?, created, replayed })
    }

    /// One product with its variants.
    ///
    /// # Errors
    /// No such product, or storage away.
    pub async fn product_view(&self, id: ProductId) -> Result<ProductView, ServiceError> {
        let product = self.queries.catalog.product(id).await?;
        let product = product.ok_or_else(|| ServiceError::NotFound(What::Product, id.to_string()))?;
        Ok(self.with_variants(product).await?)
    }

    /// A product with its variants.
    ///
    /// # Errors
    /// Storage away.
    pub async fn with_variants(&self, product: Product) -> Result<ProductView, StoreError> {
        let variants = self.queries.catalog.variants_of(product.id).await?;
        Ok(ProductView { product, variants })
    }

    /// One variant.
    ///
    /// # Errors
    /// No such variant, or storage away.
    pub async fn variant(&self, id: VariantId) -> Result<Variant, ServiceError> {
        let variant = self.queries.catalog.variant(id).await?;
        variant.ok_or_else(|| ServiceError::NotFound(What::Variant, id.to_string()))
    }

    /// One shop.
    ///
    /// # Errors
    /// No such shop, or storage away.
    pub async fn shop(&self, id: ShopId) -> Result<Shop, ServiceError> {
        self.queries.catalog.shop(id).await?.ok_or_else(|| ServiceError::NotFound(What::Shop, id.to_string()))
    }

    /// One warehouse.
    ///
    /// # Errors
    /// No such warehouse, or storage away.
    pub async fn warehouse(&self, id: WarehouseId) -> Result<Warehouse, ServiceError> {
        let warehouse = self.queries.catalog.warehouse(id).await?;
        warehouse.ok_or_else(|| ServiceError::NotFound(What::Warehouse, id.to_string()))
    }

    /// One offer.
    ///
    /// # Errors
    /// No such shop, no such variant, no such offer, or storage away.
    pub async fn offer_view(&self, shop: ShopId, variant: VariantId) -> Result<OfferView, ServiceError> {
        match self.queries.catalog.offer(shop, variant).await? {
            Some(offer) => {
                let mut views = self.with_availability(vec![offer]).await?;
                views.pop().ok_or_else(|| ServiceError::Internal("an offer was lost".into()))
            }
            None => {
                self.shop(shop).await?;
                self.variant(variant).await?;
                Err(ServiceError::NotFound(What::Offer, format!("of variant {variant} by shop {shop}")))
            }
        }
    }

    /// All shops' offers of a variant, cheapest first, after `after`: those that are for sale, or those
    /// that are not, or all.
    ///
    /// # Errors
    /// No such variant, or storage away.
    pub async fn offers_of_variant(
        &self,
        variant: VariantId,
        for_sale: Option<bool>,
        after: Option<OfferPlace>,
        limit: u32,
    ) -> Result<Vec<OfferView>, ServiceError> {
        self.variant(variant).await?;
        let offers = self.queries.catalog.offers_of_variant(variant, for_sale, after, limit).await?;
        Ok(self.with_availability(offers).await?)
    }

    /// A shop's offers, newest variant first: those that are for sale, or those that are not, or all.
    ///
    /// # Errors
    /// No such shop, or storage away.
    pub async fn offers_of_shop(
        &self,
        shop: ShopId,
        for_sale: Option<bool>,
        page: Page<VariantId>,
    ) -> Result<Vec<OfferView>, ServiceError> {
        self.shop(shop).await?;
        let offers = self.queries.catalog.offers_of_shop(shop, for_sale, page).await?;
        Ok(self.with_availability(offers).await?)
    }

    /// Each line's offer as it is at this moment, or why the line cannot be bought.
    ///
    /// # Errors
    /// Storage away.
    pub async fn priced_offers(
        &self,
        lines: &[(ShopId, VariantId)],
    ) -> Result<Vec<Result<PricedOffer, NotForSale>>, ServiceError> {
        let offers = self.queries.catalog.offers_for(lines).await?;
        let mut priced = Vec::with_capacity(offers.len());
        for (offer, &(shop, variant)) in offers.into_iter().zip(lines) {
            priced.push(match offer {
                Some(offer) => offer.check(),
                None => Err(self.not_offered(shop, variant).await?),
            });
        }
        Ok(priced)
    }

    /// Why there is no such offer.
    async fn not_offered(&self, shop: ShopId, variant: VariantId) -> Result<NotForSale, StoreError> {
        Ok(if self.queries.catalog.shop(shop).await?.is_none() {
            NotForSale::UnknownShop
        } else if self.queries.catalog.variant(variant).await?.is_none() {
            NotForSale::UnknownVariant
        } else {
            NotForSale::NotOffered
        })
    }

    /// Puts beside each offer what its shop's active warehouses have of the variant, as the stock says.
    async fn with_availability(&self, offers: Vec<ListedOffer>) -> Result<Vec<OfferView>, StoreError> {
        let of = |listed: &ListedOffer| (listed.shop.id, listed.variant.id);
        let available = self.queries.stock.available(offers.iter().map(of).collect()).await?;
        let view = |(listed, available): (ListedOffer, i64)| OfferView {
            not_for_sale: listed.standing().check().err(),
            available,
            listed,
        };
        Ok(offers.into_iter().zip(available).map(view).collect())
    }
}
