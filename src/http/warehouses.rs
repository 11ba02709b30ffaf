//! Warehouses over HTTP.

use super::{
    Context, Problem,
    body::{Body, NoBody, Ruled, faults_of},
    envelope::{list, success},
    idempotency::claim,
    params::{Query, path_id},
    resource,
    wire::Time,
};
use crate::{
    domain::{
        catalog::{AddWarehouse, Address, CatalogRefusal, Edit, EditWarehouse, Priority, Warehouse, WarehouseName},
        checkout::Policy,
        field::{FieldError, FieldErrors},
        ids::{ShopId, WarehouseId},
    },
    service::ServiceError,
    store::WarehouseFilter,
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
    resource(config, "/warehouses", [(Method::POST, web::to(add)), (Method::GET, web::to(list_warehouses))]);
    resource(config, "/warehouses/{id}", [(Method::GET, web::to(read)), (Method::PATCH, web::to(edit))]);
    resource(config, "/warehouses/{id}/activate", [(Method::POST, web::to(activate))]);
    resource(config, "/warehouses/{id}/deactivate", [(Method::POST, web::to(deactivate))]);
}

/// A warehouse to be added to a shop.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AddWarehouseBody {
    shop_id: Uuid,
    /// What it is called.
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    /// Where it is.
    #[schema(min_length = 1, max_length = 500)]
    address: String,
    /// Its place among the shop's warehouses: the smaller, the earlier its stock is used; 100 when left out.
    #[schema(minimum = 0, maximum = 10_000)]
    priority: Option<i64>,
}

/// What is to be changed of a warehouse; what is left out stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EditWarehouseBody {
    /// What it is called.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Edit<String>,
    /// Where it is.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 500)]
    address: Edit<String>,
    /// Its place among the shop's warehouses: the smaller, the earlier its stock is used.
    #[serde(default)]
    #[schema(value_type = i64, minimum = 0, maximum = 10_000)]
    priority: Edit<i64>,
}

/// A shop's warehouse.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WarehouseBody {
    #[schema(value_type = Uuid)]
    id: WarehouseId,
    #[schema(value_type = Uuid)]
    shop_id: ShopId,
    name: String,
    address: String,
    /// The smaller, the earlier its stock is used.
    priority: i64,
    /// Whether its stock can be reserved.
    active: bool,
    created_at: Time,
    updated_at: Time,
}

impl From<Warehouse> for WarehouseBody {
    fn from(warehouse: Warehouse) -> Self {
        Self {
            id: warehouse.id,
            shop_id: warehouse.shop_id,
            name: warehouse.name.as_str().to_owned(),
            address: warehouse.address.as_str().to_owned(),
            priority: warehouse.priority.get(),
            active: warehouse.active,
            created_at: Time(warehouse.created_at),
            updated_at: Time(warehouse.updated_at),
        }
    }
}

impl Ruled for AddWarehouseBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command())
    }
}

impl AddWarehouseBody {
    /// The command that the body asks for, with a fresh id.
    fn command(self) -> Result<AddWarehouse, Problem> {
        let mut errors = FieldErrors::default();
        let name = errors.check("name", WarehouseName::parse(self.name));
        let address = errors.check("address", Address::parse(self.address));
        let priority = self.priority.map_or_else(|| Ok(Priority::default()), Priority::parse);
        let priority = errors.check("priority", priority);
        let (id, shop_id) = (WarehouseId::from_uuid(Uuid::now_v7()), ShopId::from_uuid(self.shop_id));
        let made = name.zip(address).zip(priority).map(|((name, address), priority)| AddWarehouse {
            id,
            shop_id,
            name,
            address,
            priority,
            active: true,
        });
        Problem::unless_invalid(errors, made)
    }
}

impl Ruled for EditWarehouseBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.command(WarehouseId::from_uuid(Uuid::nil())))
    }
}

impl EditWarehouseBody {
    fn command(self, id: WarehouseId) -> Result<EditWarehouse, Problem> {
        let mut errors = FieldErrors::default();
        let edit = EditWarehouse {
            id,
            name: self.name.parse("name", &mut errors, WarehouseName::parse),
            address: self.address.parse("address", &mut errors, Address::parse),
            priority: self.priority.parse("priority", &mut errors, Priority::parse),
            active: Edit::Keep,
        };
        Problem::unless_invalid(errors, Some(edit))
    }
}

/// Adds a warehouse to a shop.
#[utoipa::path(
    post, path = "/warehouses", tag = "shops",
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters; a repeat answers the same warehouse")),
    request_body = AddWarehouseBody,
    responses(
        (status = 201, description = "The warehouse exists durably, and is active", body = inline(super::envelope::Envelope<WarehouseBody>),
            headers(("Location" = String), ("Idempotent-Replayed" = String))),
        (status = "4XX", description = "The request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn add(
    request: HttpRequest,
    query: Query,
    body: Body<AddWarehouseBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let claim = claim(&request, &body)?;
    let added = match context.service.change_catalog(body.value.command()?, claim).await {
        Err(ServiceError::CatalogRefused(refusal @ CatalogRefusal::NoShop(_))) => {
            return Err(Problem::field("shop_id", refusal.to_string()));
        }
        other => other?,
    };
    let location = format!("/warehouses/{}", added.item.id);
    let response = success(StatusCode::CREATED, WarehouseBody::from(added.item)).replayed(added.replayed);
    Ok(response.header("Location", location).finish())
}

/// Lists warehouses, newest first.
#[utoipa::path(
    get, path = "/warehouses", tag = "shops",
    params(
        ("shop_id" = Option<Uuid>, Query, description = "Of this shop"),
        ("active" = Option<bool>, Query, description = "Those whose stock can be reserved, or those whose cannot"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<WarehouseBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_warehouses(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let shop_id = query.parsed::<Uuid>("shop_id", "a shop's id").map(ShopId::from_uuid);
    let active = query.active();
    let (limit, page) = query.page(WarehouseId::from_uuid);
    query.finish()?;
    let warehouses = context.service.queries().catalog.warehouses(WarehouseFilter { shop_id, active }, page).await;
    let warehouses = warehouses.map_err(ServiceError::from)?;
    Ok(list(warehouses, limit, |warehouse| warehouse.id.to_string(), WarehouseBody::from))
}

/// Reads a warehouse.
#[utoipa::path(
    get, path = "/warehouses/{id}", tag = "shops",
    params(("id" = Uuid, Path, description = "The warehouse's id")),
    responses(
        (status = 200, description = "The warehouse", body = inline(super::envelope::Envelope<WarehouseBody>)),
        (status = "4XX", description = "No such warehouse", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let warehouse = context.service.warehouse(path_id(&request, WarehouseId::from_uuid)?).await?;
    Ok(success(StatusCode::OK, WarehouseBody::from(warehouse)).finish())
}

/// Changes a warehouse.
#[utoipa::path(
    patch, path = "/warehouses/{id}", tag = "shops",
    params(("id" = Uuid, Path, description = "The warehouse's id")),
    request_body = EditWarehouseBody,
    responses(
        (status = 200, description = "The warehouse as it is now", body = inline(super::envelope::Envelope<WarehouseBody>)),
        (status = "4XX", description = "No such warehouse, or the request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn edit(
    request: HttpRequest,
    query: Query,
    body: Body<EditWarehouseBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let command = body.value.command(path_id(&request, WarehouseId::from_uuid)?)?;
    let changed = context.service.change_catalog(command, None).await?;
    Ok(success(StatusCode::OK, WarehouseBody::from(changed.item)).finish())
}

/// Opens a warehouse for reservations.
#[utoipa::path(
    post, path = "/warehouses/{id}/activate", tag = "shops",
    params(
        ("id" = Uuid, Path, description = "The warehouse's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters"),
    ),
    responses(
        (status = 200, description = "Its stock can be reserved", body = inline(super::envelope::Envelope<WarehouseBody>)),
        (status = "4XX", description = "No such warehouse", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn activate(
    request: HttpRequest,
    query: Query,
    body: NoBody,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    switch(&request, &body, &context, true).await
}

/// Closes a warehouse for new reservations; those that there are stay.
#[utoipa::path(
    post, path = "/warehouses/{id}/deactivate", tag = "shops",
    params(
        ("id" = Uuid, Path, description = "The warehouse's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters"),
    ),
    responses(
        (status = 200, description = "Its stock can no longer be reserved", body = inline(super::envelope::Envelope<WarehouseBody>)),
        (status = "4XX", description = "No such warehouse", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn deactivate(
    request: HttpRequest,
    query: Query,
    body: NoBody,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    switch(&request, &body, &context, false).await
}

async fn switch(
    request: &HttpRequest,
    body: &NoBody,
    context: &Context,
    active: bool,
) -> Result<HttpResponse, Problem> {
    let claim = claim(request, body)?;
    let id = path_id(request, WarehouseId::from_uuid)?;
    let command =
        EditWarehouse { id, name: Edit::Keep, address: Edit::Keep, priority: Edit::Keep, active: Edit::Set(active) };
    let changed = context.service.change_catalog(command, claim).await?;
    Ok(success(StatusCode::OK, WarehouseBody::from(changed.item)).replayed(changed.replayed).finish())
}
