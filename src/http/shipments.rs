//! Shipments over HTTP.

use super::{
    Context, Problem,
    envelope::{list, success},
    outside::CallBody,
    params::{Query, path_id},
    resource,
    wire::Time,
};
use crate::{
    domain::{
        ids::{OrderId, ShipmentId, ShopId, VariantId, WarehouseId},
        reference::TrackingNumber,
        shipment::{Content, Shipment, ShipmentStatus},
    },
    service::{ServiceError, What},
    store::ShipmentFilter,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/shipments", [(Method::GET, web::to(list_shipments))]);
    resource(config, "/shipments/{id}", [(Method::GET, web::to(read))]);
}

/// A shipment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShipmentBody {
    #[schema(value_type = Uuid)]
    id: ShipmentId,
    #[schema(value_type = Uuid)]
    order_id: OrderId,
    /// The shop whose goods it carries; null for free-text lines.
    #[schema(value_type = Option<Uuid>)]
    shop_id: Option<ShopId>,
    /// The warehouse it leaves from; null for free-text lines.
    #[schema(value_type = Option<Uuid>)]
    warehouse_id: Option<WarehouseId>,
    /// What is in it; empty for free-text lines that the simulation carries.
    items: Vec<ContentBody>,
    /// `shipped` or `cancelled`.
    status: &'static str,
    /// `simulated`, or a service by the name that the server's configuration gives it.
    carrier: &'static str,
    tracking_number: Option<String>,
    /// What its carrier calls it, where that has said so.
    reference: Option<String>,
    #[serde(flatten)]
    call: CallBody,
    created_at: Time,
    updated_at: Time,
}

/// Pieces of one thing in a shipment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ContentBody {
    /// Absent for free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    variant_id: Option<VariantId>,
    /// What it is called, as its carrier is told; absent where the simulation carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_name: Option<String>,
    quantity: i64,
}

impl From<&Content> for ContentBody {
    fn from(content: &Content) -> Self {
        let Content { variant_id, item_name, quantity } = content;
        let item_name = item_name.as_ref().map(|name| name.as_str().to_owned());
        Self { variant_id: *variant_id, item_name, quantity: *quantity }
    }
}

impl From<Shipment> for ShipmentBody {
    fn from(shipment: Shipment) -> Self {
        Self {
            id: shipment.id,
            order_id: shipment.order_id,
            shop_id: shipment.origin.map(|origin| origin.shop_id),
            warehouse_id: shipment.origin.map(|origin| origin.warehouse_id),
            items: shipment.contents.iter().map(ContentBody::from).collect(),
            status: shipment.status.as_str(),
            carrier: shipment.carrier.as_str(),
            call: CallBody::of(shipment.attempts, shipment.trouble.as_deref()),
            tracking_number: shipment.tracking_number,
            reference: shipment.reference.map(|reference| reference.as_str().to_owned()),
            created_at: Time(shipment.created_at),
            updated_at: Time(shipment.updated_at),
        }
    }
}

/// Lists shipments, newest first.
#[utoipa::path(
    get, path = "/shipments", tag = "shipments",
    params(
        ("order_id" = Option<Uuid>, Query, description = "Of this order"),
        ("tracking_number" = Option<String>, Query, description = "What the customer follows it by"),
        ("status" = Option<String>, Query, description = "shipped or cancelled, or both with a comma"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<ShipmentBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_shipments(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let order_id = query.parsed::<Uuid>("order_id", "an order's id").map(OrderId::from_uuid);
    let tracking_number = query.checked("tracking_number", TrackingNumber::parse);
    let statuses = query.several_words("status", "shipped or cancelled", |word| {
        [ShipmentStatus::Shipped, ShipmentStatus::Cancelled]
            .into_iter()
            .filter(|status| status.as_str() == word)
            .collect()
    });
    let (limit, page) = query.page(ShipmentId::from_uuid);
    query.finish()?;
    let filter = ShipmentFilter { order_id, tracking_number, statuses };
    let shipments = context.service.queries().shipments.shipments(filter, page).await.map_err(ServiceError::from)?;
    Ok(list(shipments, limit, |shipment| shipment.id.to_string(), ShipmentBody::from))
}

/// Reads a shipment.
#[utoipa::path(
    get, path = "/shipments/{id}", tag = "shipments",
    params(("id" = Uuid, Path, description = "The shipment's id")),
    responses(
        (status = 200, description = "The shipment", body = inline(super::envelope::Envelope<ShipmentBody>)),
        (status = "4XX", description = "No such shipment", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, ShipmentId::from_uuid)?;
    let shipment = context.service.queries().shipments.shipment(id).await.map_err(ServiceError::from)?;
    let shipment = shipment
        .filter(|shipment| shipment.status != ShipmentStatus::Requested)
        .ok_or_else(|| ServiceError::NotFound(What::Shipment, id.to_string()))?;
    Ok(success(StatusCode::OK, ShipmentBody::from(shipment)).finish())
}
