//! Shipments over HTTP.

use super::{
    Context, Problem,
    body::{NoBody, OptionalBody, Ruled},
    credential::reporter,
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
        shipment::{Content, Shipment, ShipmentReport, ShipmentStatus},
    },
    service::{ServiceError, What},
    store::ShipmentFilter,
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
    resource(config, "/shipments", [(Method::GET, web::to(list_shipments))]);
    resource(config, "/shipments/{id}", [(Method::GET, web::to(read))]);
    resource(config, "/shipments/{id}/dispatched", [(Method::PUT, web::to(dispatched))]);
    resource(config, "/shipments/{id}/cancelled", [(Method::PUT, web::to(cancelled))]);
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
    /// `requested`, `shipped` or `cancelled`.
    status: &'static str,
    /// `manual`, `simulated`, or a service by the name that the server's configuration gives it.
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
        ("status" = Option<String>, Query, description = "requested, shipped or cancelled, or several with commas"),
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
    let statuses = query.several_words("status", "requested, shipped or cancelled", |word| {
        [ShipmentStatus::Requested, ShipmentStatus::Shipped, ShipmentStatus::Cancelled]
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
    let shipment =
        shipment.filter(Shipment::is_shown).ok_or_else(|| ServiceError::NotFound(What::Shipment, id.to_string()))?;
    Ok(success(StatusCode::OK, ShipmentBody::from(shipment)).finish())
}

/// What a report of a dispatch may say beside that.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DispatchedBody {
    /// What the customer follows the goods by: 1 to 128 characters; made up where it is left out.
    #[schema(min_length = 1, max_length = 128)]
    tracking_number: Option<String>,
}

impl Ruled for DispatchedBody {}

async fn report(
    request: &HttpRequest,
    query: Query,
    context: &Context,
    report: ShipmentReport,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let id = path_id(request, ShipmentId::from_uuid)?;
    let shipment = context.service.report_shipment(id, report, reporter(request, context)?).await?;
    Ok(success(StatusCode::OK, ShipmentBody::from(shipment)).finish())
}

/// Reports that the goods of a manual shipment are on their way.
#[utoipa::path(
    put, path = "/shipments/{id}/dispatched", tag = "shipments",
    params(
        ("id" = Uuid, Path, description = "The shipment's id"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services, where there is one"),
    ),
    request_body(content = DispatchedBody, description = "May be left out"),
    responses(
        (status = 200, description = "The shipment; a repeat changes nothing", body = inline(super::envelope::Envelope<ShipmentBody>)),
        (status = "4XX", description = "No such shipment, its carrier says itself what becomes of it (`shipment_not_manual`), it is cancelled (`shipment_decided`), it is on its way under another number (`tracking_number_mismatch`), or the secret is missing", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn dispatched(
    request: HttpRequest,
    query: Query,
    body: OptionalBody<DispatchedBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let tracking_number = body.value.tracking_number.map(TrackingNumber::parse).transpose();
    let tracking_number = tracking_number.map_err(|error| Problem::field("tracking_number", error.to_string()))?;
    report(&request, query, &context, ShipmentReport::Dispatched { tracking_number }).await
}

/// Reports that the goods of a shipment never left, or are back: of a manual one that is requested, or of any whose order
/// waits for a carrier to call them back.
#[utoipa::path(
    put, path = "/shipments/{id}/cancelled", tag = "shipments",
    params(
        ("id" = Uuid, Path, description = "The shipment's id"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services, where there is one"),
    ),
    responses(
        (status = 200, description = "The shipment; a repeat changes nothing, and its order is unwound", body = inline(super::envelope::Envelope<ShipmentBody>)),
        (status = "4XX", description = "No such shipment, its carrier says itself what becomes of it (`shipment_not_manual`; cancel its saga first), it is on its way (`shipment_decided`), or the secret is missing", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancelled(
    request: HttpRequest,
    query: Query,
    _body: NoBody,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    report(&request, query, &context, ShipmentReport::Cancelled).await
}
