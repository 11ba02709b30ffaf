//! Offers over HTTP: what a shop sells for how much, and who sells a variant.

use super::{
    Context, Problem,
    body::{Body, Ruled, faults_of},
    envelope::{list, success},
    params::{Query, named_path_id, path_id},
    resource,
    wire::Time,
};
use crate::{
    domain::{
        catalog::PutOffer,
        checkout::Policy,
        field::{FieldError, FieldErrors},
        ids::{ProductId, ShopId, VariantId},
        money::{Currency, Price},
    },
    service::OfferView,
    store::OfferPlace,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::{Deserialize, Serialize};
use strum::EnumString;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/shops/{id}/offers", [(Method::GET, web::to(list_of_shop))]);
    resource(config, "/shops/{id}/offers/{variant_id}", [(Method::PUT, web::to(put)), (Method::GET, web::to(read))]);
    resource(config, "/variants/{id}/offers", [(Method::GET, web::to(list_of_variant))]);
}

/// A shop's offer of a variant, as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutOfferBody {
    /// The price of one, in the currency's smallest unit in use.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    price: i64,
    /// `IDR`, also when left out.
    currency: Option<String>,
    /// Whether the shop sells it now; true when left out.
    active: Option<bool>,
}

/// Which offers: those that can be bought, those that cannot, or both.
#[derive(Clone, Copy, Debug, EnumString)]
#[strum(serialize_all = "snake_case")]
enum Which {
    True,
    False,
    Any,
}

impl Which {
    const EXPECTED: &str = "true, false or any";

    const fn for_sale(self) -> Option<bool> {
        match self {
            Self::True => Some(true),
            Self::False => Some(false),
            Self::Any => None,
        }
    }
}

/// A shop's offer of a variant.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OfferBody {
    #[schema(value_type = Uuid)]
    shop_id: ShopId,
    shop_name: String,
    city: String,
    #[schema(value_type = Uuid)]
    variant_id: VariantId,
    sku: String,
    size: Option<String>,
    #[schema(value_type = Uuid)]
    product_id: ProductId,
    product_name: String,
    price: i64,
    currency: &'static str,
    /// Whether the shop sells it now.
    active: bool,
    /// Whether it can be bought: shop, product, variant and offer are all active. What is in stock is
    /// another matter.
    for_sale: bool,
    /// How many can be had from the shop's active warehouses.
    available: i64,
    created_at: Time,
    updated_at: Time,
}

impl From<OfferView> for OfferBody {
    fn from(view: OfferView) -> Self {
        let (offer, shop) = (view.listed.offer, view.listed.shop);
        let (variant, product) = (view.listed.variant, view.listed.product);
        Self {
            shop_id: shop.id,
            shop_name: shop.name.as_str().to_owned(),
            city: shop.city.as_str().to_owned(),
            variant_id: variant.id,
            sku: variant.sku.as_str().to_owned(),
            size: variant.size.map(|text| text.as_str().to_owned()),
            product_id: product.id,
            product_name: product.name.as_str().to_owned(),
            price: offer.price.get(),
            currency: offer.currency.into(),
            active: offer.active,
            for_sale: view.not_for_sale.is_none(),
            available: view.available,
            created_at: Time(offer.created_at),
            updated_at: Time(offer.updated_at),
        }
    }
}

impl Ruled for PutOfferBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command(ShopId::from_uuid(Uuid::nil()), VariantId::from_uuid(Uuid::nil())))
    }
}

impl PutOfferBody {
    fn command(self, shop_id: ShopId, variant_id: VariantId) -> Result<PutOffer, Problem> {
        let mut errors = FieldErrors::default();
        let price = errors.check("price", Price::parse(self.price));
        let currency = match self.currency {
            None => Some(Currency::default()),
            Some(code) => {
                let parsed = code.parse().map_err(|_| format!("must be IDR, the currency of all prices, is {code:?}"));
                errors.check("currency", parsed)
            }
        };
        let active = self.active.unwrap_or(true);
        let made = price.zip(currency);
        let made = made.map(|(price, currency)| PutOffer { shop_id, variant_id, price, currency, active });
        Problem::unless_invalid(errors, made)
    }
}

fn path_ids(request: &HttpRequest) -> Result<(ShopId, VariantId), Problem> {
    Ok((path_id(request, ShopId::from_uuid)?, named_path_id(request, "variant_id", VariantId::from_uuid)?))
}

/// Says for how much a shop sells a variant.
#[utoipa::path(
    put, path = "/shops/{id}/offers/{variant_id}", tag = "shops",
    params(
        ("id" = Uuid, Path, description = "The shop's id"),
        ("variant_id" = Uuid, Path, description = "The variant's id"),
    ),
    request_body = PutOfferBody,
    responses(
        (status = 201, description = "The shop sells it from now on", body = inline(super::envelope::Envelope<OfferBody>)),
        (status = 200, description = "The offer as it is now", body = inline(super::envelope::Envelope<OfferBody>)),
        (status = "4XX", description = "No such shop or variant, or the request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn put(
    request: HttpRequest,
    query: Query,
    body: Body<PutOfferBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let (shop, variant) = path_ids(&request)?;
    let changed = context.service.change_catalog(body.value.command(shop, variant)?, None).await?;
    let view = context.service.offer_view(shop, variant).await?;
    let status = if changed.created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(success(status, OfferBody::from(view)).finish())
}

/// Reads a shop's offer of a variant.
#[utoipa::path(
    get, path = "/shops/{id}/offers/{variant_id}", tag = "shops",
    params(
        ("id" = Uuid, Path, description = "The shop's id"),
        ("variant_id" = Uuid, Path, description = "The variant's id"),
    ),
    responses(
        (status = 200, description = "The offer", body = inline(super::envelope::Envelope<OfferBody>)),
        (status = "4XX", description = "No such shop, variant or offer", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let (shop, variant) = path_ids(&request)?;
    let view = context.service.offer_view(shop, variant).await?;
    Ok(success(StatusCode::OK, OfferBody::from(view)).finish())
}

/// Lists a shop's offers, newest variant first.
#[utoipa::path(
    get, path = "/shops/{id}/offers", tag = "shops",
    params(
        ("id" = Uuid, Path, description = "The shop's id"),
        ("active" = Option<String>, Query, description = "true: those that can be bought; false: those that cannot; any: both, also when left out"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<OfferBody>)),
        (status = "4XX", description = "No such shop, or a parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_of_shop(
    request: HttpRequest,
    mut query: Query,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let which = query.parsed("active", Which::EXPECTED).unwrap_or(Which::Any);
    let (limit, page) = query.page(VariantId::from_uuid);
    query.finish()?;
    let shop = path_id(&request, ShopId::from_uuid)?;
    let offers = context.service.offers_of_shop(shop, which.for_sale(), page).await?;
    Ok(list(offers, limit, |view| view.listed.variant.id.to_string(), OfferBody::from))
}

/// Lists all shops' offers of a variant, cheapest first.
#[utoipa::path(
    get, path = "/variants/{id}/offers", tag = "shops",
    params(
        ("id" = Uuid, Path, description = "The variant's id"),
        ("active" = Option<String>, Query, description = "true: those that can be bought, also when left out; false: those that cannot; any: both"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<OfferBody>)),
        (status = "4XX", description = "No such variant, or a parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_of_variant(
    request: HttpRequest,
    mut query: Query,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let which = query.parsed("active", Which::EXPECTED).unwrap_or(Which::True);
    let (limit, after) = query.part::<OfferPlace>();
    query.finish()?;
    let variant = path_id(&request, VariantId::from_uuid)?;
    let offers = context.service.offers_of_variant(variant, which.for_sale(), after, limit + 1).await?;
    let place = |view: &OfferView| OfferPlace { price: view.listed.offer.price, shop_id: view.listed.shop.id };
    Ok(list(offers, limit, |view| place(view).to_string(), OfferBody::from))
}
