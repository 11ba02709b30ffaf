//! Shops over HTTP.

use super::{
    Context, Problem,
    body::{Body, Ruled, faults_of},
    envelope::{list, success},
    idempotency::claim,
    params::{Query, path_id},
    resource,
    wire::Time,
};
use crate::{
    domain::{
        catalog::{AddShop, City, Edit, EditShop, Shop, ShopName},
        checkout::Policy,
        field::{FieldError, FieldErrors},
        ids::ShopId,
    },
    service::ServiceError,
    store::ShopFilter,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/shops", [(Method::POST, web::to(add)), (Method::GET, web::to(list_shops))]);
    resource(config, "/shops/{id}", [(Method::GET, web::to(read)), (Method::PATCH, web::to(edit))]);
}

/// A shop to be added.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddShopBody {
    /// What it is called.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// The city that it is in.
    #[schema(min_length = 1, max_length = 100)]
    city: String,
    /// Whether it sells anything; true when left out.
    active: Option<bool>,
}

/// What is to be changed of a shop; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditShopBody {
    /// What it is called.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Edit<String>,
    /// The city that it is in.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 100)]
    city: Edit<String>,
    /// Whether it sells anything.
    #[serde(default)]
    #[schema(value_type = bool)]
    active: Edit<bool>,
}

/// A shop.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShopBody {
    #[schema(value_type = Uuid)]
    id: ShopId,
    name: String,
    city: String,
    /// Whether it sells anything.
    active: bool,
    created_at: Time,
    updated_at: Time,
}

impl From<Shop> for ShopBody {
    fn from(shop: Shop) -> Self {
        Self {
            id: shop.id,
            name: shop.name.as_str().to_owned(),
            city: shop.city.as_str().to_owned(),
            active: shop.active,
            created_at: Time(shop.created_at),
            updated_at: Time(shop.updated_at),
        }
    }
}

impl Ruled for AddShopBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command())
    }
}

impl AddShopBody {
    /// The command that the body asks for, with a fresh id.
    fn command(self) -> Result<AddShop, Problem> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", ShopName::parse(self.name));
        let city = errors.check("city", City::parse(self.city));
        let (id, active) = (ShopId::from_uuid(Uuid::now_v7()), self.active.unwrap_or(true));
        Problem::unless_invalid(errors, name.zip(city).map(|(name, city)| AddShop { id, name, city, active }))
    }
}

impl Ruled for EditShopBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command(ShopId::from_uuid(Uuid::nil())))
    }
}

impl EditShopBody {
    fn command(self, id: ShopId) -> Result<EditShop, Problem> {
        let mut errors = FieldErrors::default();
        let edit = EditShop {
            id,
            name: self.name.parse("name", &mut errors, ShopName::parse),
            city: self.city.parse("city", &mut errors, City::parse),
            active: self.active,
        };
        Problem::unless_invalid(errors, Some(edit))
    }
}

/// Adds a shop.
#[utoipa::path(
    post, path = "/shops", tag = "shops",
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters; a repeat answers the same shop")),
    request_body = AddShopBody,
    responses(
        (status = 201, description = "The shop exists durably", body = inline(super::envelope::Envelope<ShopBody>),
            headers(("Location" = String), ("Idempotent-Replayed" = String))),
        (status = "4XX", description = "The request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add(
    request: HttpRequest,
    query: Query,
    body: Body<AddShopBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let claim = claim(&request, &body)?;
    let added = context.service.change_catalog(body.value.command()?, claim).await?;
    let location = format!("/shops/{}", added.item.id);
    let response = success(StatusCode::CREATED, ShopBody::from(added.item)).replayed(added.replayed);
    Ok(response.header("Location", location).finish())
}

/// Lists shops, newest first.
#[utoipa::path(
    get, path = "/shops", tag = "shops",
    params(
        ("active" = Option<bool>, Query, description = "Those that sell something, or those that do not"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<ShopBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_shops(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let active = query.active();
    let (limit, page) = query.page(ShopId::from_uuid);
    query.finish()?;
    let shops =
        context.service.queries().catalog.shops(ShopFilter { active }, page).await.map_err(ServiceError::from)?;
    Ok(list(shops, limit, |shop| shop.id.to_string(), ShopBody::from))
}

/// Reads a shop.
#[utoipa::path(
    get, path = "/shops/{id}", tag = "shops",
    params(("id" = Uuid, Path, description = "The shop's id")),
    responses(
        (status = 200, description = "The shop", body = inline(super::envelope::Envelope<ShopBody>)),
        (status = "4XX", description = "No such shop", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let shop = context.service.shop(path_id(&request, ShopId::from_uuid)?).await?;
    Ok(success(StatusCode::OK, ShopBody::from(shop)).finish())
}

/// Changes a shop.
#[utoipa::path(
    patch, path = "/shops/{id}", tag = "shops",
    params(("id" = Uuid, Path, description = "The shop's id")),
    request_body = EditShopBody,
    responses(
        (status = 200, description = "The shop as it is now", body = inline(super::envelope::Envelope<ShopBody>)),
        (status = "4XX", description = "No such shop, or the request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn edit(
    request: HttpRequest,
    query: Query,
    body: Body<EditShopBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let command = body.value.command(path_id(&request, ShopId::from_uuid)?)?;
    let changed = context.service.change_catalog(command, None).await?;
    Ok(success(StatusCode::OK, ShopBody::from(changed.item)).finish())
}
