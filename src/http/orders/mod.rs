//! Orders over HTTP.

mod request;
pub(super) mod summary;

use super::{
    Context, Problem,
    body::Body,
    envelope::{list, success},
    idempotency::claim,
    outside::CallBody,
    params::{Query, path_id},
    payments::settle_callback,
    resource,
    sagas::SagaLink,
    shipments::ShipmentBody,
    wire::Time,
};
use crate::{
    dialect::Vocabulary,
    domain::{
        field::CustomerRef,
        ids::{OrderId, PaymentId, SagaId, ShopId, VariantId},
        order::{Line, Order, ShopOrder},
        payment::Payment,
        reference::{Reference, TrackingNumber},
        shipment::Shipment,
    },
    role::Role,
    service::{OnFailure, OrderSearch, OrderView},
    store::OrderFilter,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use request::{EditOrderBody, PlaceOrderBody};
use serde::Serialize;
use std::time::Instant;
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/orders", [(Method::POST, web::to(place)), (Method::GET, web::to(list_orders))]);
    // Before the orders, none of which has this for its id.
    resource(config, "/orders/summary", [(Method::GET, web::to(summary::summary))]);
    let one = [(Method::GET, web::to(read)), (Method::PUT, web::to(edit)), (Method::DELETE, web::to(cancel))];
    resource(config, "/orders/{id}", one);
    resource(config, "/shops/{id}/orders", [(Method::GET, web::to(list_of_shop))]);
    resource(config, "/internal/payment-callback", [(Method::POST, web::to(settle_callback))]);
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderBody {
    #[schema(value_type = Uuid)]
    id: OrderId,
    /// 0 as it was placed, and higher each time that its lines have become others.
    revision: u32,
    /// `pending`, `paid`, `completed`, `failed` or `cancelled`.
    status: &'static str,
    /// Why it was unwound.
    reason: Option<&'static str>,
    currency: &'static str,
    /// The sum of its lines, in the currency's smallest unit in use.
    total_amount: i64,
    customer_ref: Option<String>,
    lines: Vec<OrderLineBody>,
    /// What its only line sells.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_name: Option<String>,
    /// How many of its only line.
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<i64>,
    /// The price of one of its only line.
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<i64>,
    /// The lines of shops' offers again, by shop; none for free-text lines.
    shop_orders: Vec<ShopOrderBody>,
    payment: Option<OrderPaymentBody>,
    shipments: Vec<ShipmentBody>,
    /// Null for a direct order, which its client drives over gRPC.
    #[schema(value_type = Option<Uuid>)]
    saga_id: Option<SagaId>,
    /// Null for a direct order, and for one that ended so long ago that its saga has been removed (`retention.days`).
    saga: Option<SagaLink>,
    /// Where roles run apart: `payment`, `shipping` or `coordinator`, whose process could not be asked just now, so that
    /// what it knows is left out. Absent otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<&'static str>,
    created_at: Time,
    updated_at: Time,
}

/// A line of an order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderLineBody {
    item_name: String,
    quantity: i64,
    price: i64,
    /// Price times quantity.
    amount: i64,
    /// Who sells it; absent in a free-text line, as the next three.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    shop_id: Option<ShopId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>)]
    variant_id: Option<VariantId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
}

/// How an order service answers that an order is gone.
#[derive(Debug, Serialize)]
struct Deleted {
    message: &'static str,
    id: OrderId,
}

/// The part of an order that one shop sells.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ShopOrderBody {
    #[schema(value_type = Uuid)]
    shop_id: ShopId,
    /// The sum of its items.
    total: i64,
    items: Vec<OrderLineBody>,
    /// One for each warehouse that serves it.
    shipments: Vec<ShipmentBody>,
}

/// An order's payment, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderPaymentBody {
    #[schema(value_type = Uuid)]
    id: PaymentId,
    status: &'static str,
    provider: &'static str,
    deadline_at: Option<Time>,
    /// When the money came.
    paid_at: Option<Time>,
    #[serde(flatten)]
    call: CallBody,
}

impl From<&Line> for OrderLineBody {
    fn from(line: &Line) -> Self {
        Self {
            item_name: line.item_name.as_str().to_owned(),
            quantity: line.quantity.get(),
            price: line.price.get(),
            amount: line.amount().map_or(0, crate::domain::money::Amount::get),
            shop_id: line.stocked.as_ref().map(|stocked| stocked.shop_id),
            variant_id: line.stocked.as_ref().map(|stocked| stocked.variant_id),
            sku: line.stocked.as_ref().map(|stocked| stocked.sku.as_str().to_owned()),
            size: line.stocked.as_ref().and_then(|stocked| Some(stocked.size.as_ref()?.as_str().to_owned())),
        }
    }
}

impl ShopOrderBody {
    fn of(part: &ShopOrder<'_>, shipments: &[Shipment]) -> Self {
        let of_shop = |shipment: &&Shipment| shipment.origin.is_some_and(|origin| origin.shop_id == part.shop_id);
        Self {
            shop_id: part.shop_id,
            total: part.total.get(),
            items: part.lines.iter().copied().map(OrderLineBody::from).collect(),
            shipments: shipments.iter().filter(of_shop).cloned().map(ShipmentBody::from).collect(),
        }
    }
}

impl OrderPaymentBody {
    fn of(payment: &Payment, vocabulary: Vocabulary) -> Self {
        Self {
            id: payment.id,
            status: vocabulary.payment(payment.status),
            provider: payment.provider.as_str(),
            deadline_at: payment.deadline_at.map(Time),
            paid_at: payment.captured_at.map(Time),
            call: CallBody::of(payment.attempts, payment.trouble.as_deref()),
        }
    }
}

impl OrderBody {
    /// An order in these words.
    pub(super) fn of(view: OrderView, vocabulary: Vocabulary) -> Self {
        let OrderView { order, payment, shipments, saga, incomplete } = view;
        let Order {
            id, saga_id, customer_ref, currency, basket, revision, status, reason, created_at, updated_at, ..
        } = order;
        let lines: Vec<OrderLineBody> = basket.lines().iter().map(OrderLineBody::from).collect();
        let only = match lines.as_slice() {
            [only] if only.shop_id.is_none() => Some((only.item_name.clone(), only.quantity, only.price)),
            _ => None,
        };
        let (item_name, quantity, price) = only.map_or((None, None, None), |(n, q, p)| (Some(n), Some(q), Some(p)));
        Self {
            id,
            revision,
            status: vocabulary.order(status),
            reason: reason.map(crate::domain::reason::Reason::as_str),
            currency: currency.into(),
            total_amount: basket.total().get(),
            customer_ref: customer_ref.map(|text| text.as_str().to_owned()),
            lines,
            item_name,
            quantity,
            price,
            shop_orders: basket.shop_orders().iter().map(|part| ShopOrderBody::of(part, &shipments)).collect(),
            payment: payment.map(|payment| OrderPaymentBody::of(&payment, vocabulary)),
            shipments: shipments.into_iter().map(ShipmentBody::from).collect(),
            saga_id,
            saga: saga.map(SagaLink::from),
            incomplete: incomplete.into_iter().map(Role::as_str).collect(),
            created_at: Time(created_at),
            updated_at: Time(updated_at),
        }
    }
}

/// Places an order.
#[utoipa::path(
    post, path = "/orders", tag = "orders",
    params(
        ("wait" = Option<u32>, Query, description = "Answer when the saga rests or so many seconds (0-60) have passed"),
        ("on_failure" = Option<String>, Query, description = "How to answer where the order fails while it is waited for: `status` by its cause (402 payment_failed, 409 out_of_stock, 409 order_failed), `created` with 201 and the order. When left out: 409 out_of_stock where the goods are not to be had, 201 otherwise"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters; a repeat answers the same order"),
    ),
    request_body = PlaceOrderBody,
    responses(
        (status = 201, description = "The order exists durably", body = inline(super::envelope::Envelope<OrderBody>),
            headers(("Location" = String), ("Idempotent-Replayed" = String))),
        (status = "4XX", description = "The request cannot be accepted; or the order was placed and has failed, and `order_id` names it: there is too little in stock (`errors` names the lines, how many are wanted and how many are available), or, with `on_failure=status`, whatever it failed for", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Too many orders are under way, or storage is away", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn place(
    request: HttpRequest,
    mut query: Query,
    body: Body<PlaceOrderBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let asked = Instant::now();
    let wait = query.wait();
    let on_failure = query.parsed::<OnFailure>("on_failure", "status or created").unwrap_or_default();
    query.finish()?;
    let claim = claim(&request, &body)?;
    let service = &context.service;
    let placed = service.place(body.value.into(), claim, wait).await?;
    let view = service.placed_view(&placed, asked, on_failure).await?;
    Ok(success(StatusCode::CREATED, OrderBody::of(view, context.vocabulary))
        .header("Location", format!("/orders/{}", placed.order_id))
        .replayed(placed.replayed)
        .finish())
}

/// Lists orders, newest first.
#[utoipa::path(
    get, path = "/orders", tag = "orders",
    params(
        ("status" = Option<String>, Query, description = "pending, paid, completed, failed or cancelled, or several with commas"),
        ("reason" = Option<String>, Query, description = "Why it was unwound, such as out_of_stock, or several with commas"),
        ("shop_id" = Option<Uuid>, Query, description = "With something of this shop"),
        ("customer_ref" = Option<String>, Query, description = "The client's own reference to its customer"),
        ("tracking_number" = Option<String>, Query, description = "With a shipment that the customer follows by this"),
        ("payment_reference" = Option<String>, Query, description = "With a payment that its provider calls this"),
        ("created_after" = Option<String>, Query, description = "Placed then or later: an RFC 3339 time, or a day in UTC"),
        ("created_before" = Option<String>, Query, description = "Placed earlier: an RFC 3339 time, or a day in UTC"),
        ("updated_after" = Option<String>, Query, description = "Changed then or later: an RFC 3339 time, or a day in UTC"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<OrderBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_orders(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let shop_id = query.parsed::<Uuid>("shop_id", "a shop's id").map(ShopId::from_uuid);
    list_of(shop_id, query, &context).await
}

/// Lists the orders with something of a shop, newest first.
#[utoipa::path(
    get, path = "/shops/{id}/orders", tag = "orders",
    params(
        ("id" = Uuid, Path, description = "The shop's id"),
        ("status" = Option<String>, Query, description = "pending, paid, completed, failed or cancelled, or several with commas"),
        ("reason" = Option<String>, Query, description = "Why it was unwound, such as out_of_stock, or several with commas"),
        ("customer_ref" = Option<String>, Query, description = "The client's own reference to its customer"),
        ("tracking_number" = Option<String>, Query, description = "With a shipment that the customer follows by this"),
        ("payment_reference" = Option<String>, Query, description = "With a payment that its provider calls this"),
        ("created_after" = Option<String>, Query, description = "Placed then or later: an RFC 3339 time, or a day in UTC"),
        ("created_before" = Option<String>, Query, description = "Placed earlier: an RFC 3339 time, or a day in UTC"),
        ("updated_after" = Option<String>, Query, description = "Changed then or later: an RFC 3339 time, or a day in UTC"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<OrderBody>)),
        (status = "4XX", description = "No such shop, or a parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_of_shop(
    request: HttpRequest,
    query: Query,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, ShopId::from_uuid)?;
    context.service.shop(id).await?;
    list_of(Some(id), query, &context).await
}

async fn list_of(shop_id: Option<ShopId>, mut query: Query, context: &Context) -> Result<HttpResponse, Problem> {
    let filter = OrderFilter {
        ids: None,
        statuses: query
            .several_words("status", context.vocabulary.order_words(), |word| context.vocabulary.orders(word)),
        reasons: query.several("reason", "a reason that an order can have, such as out_of_stock"),
        shop_id,
        customer_ref: query.checked("customer_ref", CustomerRef::parse),
        created_after: query.time("created_after"),
        created_before: query.time("created_before"),
        updated_after: query.time("updated_after"),
    };
    let tracking_number = query.checked("tracking_number", TrackingNumber::parse);
    let payment_reference = query.checked("payment_reference", Reference::parse);
    let (limit, page) = query.page(OrderId::from_uuid);
    query.finish()?;
    let search = OrderSearch { filter, tracking_number, payment_reference };
    let orders = context.service.order_views(search, page).await?;
    Ok(list(orders, limit, |view| view.order.id.to_string(), |view| OrderBody::of(view, context.vocabulary)))
}

/// Reads an order.
#[utoipa::path(
    get, path = "/orders/{id}", tag = "orders",
    params(("id" = Uuid, Path, description = "The order's id")),
    responses(
        (status = 200, description = "The order", body = inline(super::envelope::Envelope<OrderBody>)),
        (status = "4XX", description = "No such order", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, OrderId::from_uuid)?;
    let view = context.service.order_view(id).await?;
    Ok(success(StatusCode::OK, OrderBody::of(view, context.vocabulary)).finish())
}

/// Gives other lines to an order that is not paid yet: with another total, another payment of which takes the
/// place of the first. Money that comes for the first goes back.
#[utoipa::path(
    put, path = "/orders/{id}", tag = "orders",
    params(("id" = Uuid, Path, description = "The order's id")),
    request_body = EditOrderBody,
    responses(
        (status = 200, description = "The order with its new lines", body = inline(super::envelope::Envelope<OrderBody>)),
        (status = "4XX", description = "No such order, it is paid, busy or over, or the lines cannot be had: it stands as it was", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Storage is away, or the order is still being edited", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn edit(
    request: HttpRequest,
    body: Body<EditOrderBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, OrderId::from_uuid)?;
    let view = context.service.edit(id, body.value.into()).await?;
    Ok(success(StatusCode::OK, OrderBody::of(view, context.vocabulary)).finish())
}

/// Cancels an order that is not paid yet. With `http.vocabulary = "order-payment"`, the answer is 200 `{"message", "id"}`
/// once the order is closed.
#[utoipa::path(
    delete, path = "/orders/{id}", tag = "orders",
    params(("id" = Uuid, Path, description = "The order's id")),
    responses(
        (status = 200, description = "With `http.vocabulary = \"order-payment\"`: `{\"message\", \"id\"}`, and the order is closed"),
        (status = 202, description = "The order's saga is on its way back", body = inline(super::envelope::Envelope<OrderBody>)),
        (status = "4XX", description = "No such order, or it is paid or over", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, OrderId::from_uuid)?;
    if context.vocabulary == Vocabulary::OrderPayment {
        context.service.cancel_and_wait(id).await?;
        return Ok(HttpResponse::Ok().json(Deleted { message: "order deleted", id }));
    }
    context.service.cancel_order(id).await?;
    let view = context.service.order_view(id).await?;
    Ok(success(StatusCode::ACCEPTED, OrderBody::of(view, context.vocabulary)).finish())
}
