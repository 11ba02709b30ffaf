//! Orders over HTTP.

use super::{
    Code, Context, Problem,
    body::{Body, object, objects},
    envelope::{list, success},
    idempotency::claim,
    params::{Query, path_id},
    payments::settle_callback,
    resource,
    sagas::SagaLink,
    shipments::ShipmentBody,
    wire::Time,
};
use crate::{
    domain::{
        checkout::{Checkout, MAX_DEADLINE_MS},
        field::{CustomerRef, FieldErrors},
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::{Basket, Line, LineDraft, Order, OrderStatus},
        payment::{Payment, Provider},
        simulation::{Fault, Script, Simulation},
    },
    service::OrderView,
    store::OrderFilter,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest simulated delay, in milliseconds.
const MAX_DELAY_MS: u32 = 60_000;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/orders", [(Method::POST, web::to(place)), (Method::GET, web::to(list_orders))]);
    resource(config, "/orders/{id}", [(Method::GET, web::to(read)), (Method::DELETE, web::to(cancel))]);
    resource(config, "/internal/payment-callback", [(Method::POST, web::to(settle_callback))]);
}

/// An order to be placed: `lines`, or the fields of its only line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PlaceOrderBody {
    /// What is bought, 1 to 100 lines.
    #[serde(default, deserialize_with = "objects")]
    lines: Option<Vec<LineBody>>,
    /// Short form: what the only line sells.
    #[schema(max_length = 200)]
    item_name: Option<String>,
    /// Short form: how many.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: Option<i64>,
    /// Short form: the price of one.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    price: Option<i64>,
    /// The client's own reference to its customer.
    #[schema(max_length = 128)]
    customer_ref: Option<String>,
    /// How it is paid; by hand, within 15 minutes, when left out.
    #[serde(default, deserialize_with = "object")]
    payment: Option<PaymentTermsBody>,
    /// Faults to simulate, where simulation is enabled.
    #[serde(default, deserialize_with = "object")]
    simulate: Option<SimulateBody>,
}

/// A free-text line.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct LineBody {
    /// What it sells.
    #[schema(min_length = 1, max_length = 200)]
    item_name: String,
    /// How many.
    #[schema(minimum = 1, maximum = 1_000_000)]
    quantity: i64,
    /// The price of one, in the currency's smallest unit in use.
    #[schema(minimum = 1, maximum = 1_000_000_000_000_i64)]
    price: i64,
}

/// How an order is paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PaymentTermsBody {
    /// Who takes the money.
    #[serde(default)]
    provider: ProviderName,
    /// How long the order waits for it, in milliseconds: up to 30 days.
    #[schema(minimum = 1, maximum = 2_592_000_000_i64)]
    deadline_ms: Option<u64>,
}

/// A payment provider.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ProviderName {
    /// Somebody reports the result.
    #[default]
    Manual,
    /// The built-in simulation.
    Simulated,
}

impl ProviderName {
    /// The provider, unless it would say "paid" on a server whose payments are real.
    pub(super) fn provider(self, context: &Context) -> Result<Provider, Problem> {
        match self {
            Self::Manual => Ok(Provider::Manual),
            Self::Simulated if context.simulation => Ok(Provider::Simulated),
            Self::Simulated => Err(Problem::new(
                Code::SimulationDisabled,
                "the simulated payment provider is not allowed on this server; set simulation.enabled to allow it",
            )),
        }
    }
}

/// Faults to simulate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SimulateBody {
    /// How the payment goes wrong.
    payment: Option<PaymentFault>,
    /// How shipping goes wrong.
    shipping: Option<ShippingFault>,
    /// How long the payment provider takes, in milliseconds.
    #[serde(default)]
    #[schema(maximum = 60_000)]
    payment_delay_ms: u32,
    /// How long the carrier takes, in milliseconds.
    #[serde(default)]
    #[schema(maximum = 60_000)]
    shipping_delay_ms: u32,
}

/// How a simulated payment goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PaymentFault {
    /// It is declined.
    Decline,
    /// It happens, but nobody hears of it at first.
    Timeout,
    /// It fails without effect at first.
    ErrorOnce,
    /// The payment actor panics on it, once.
    Panic,
}

/// How a simulated shipment goes wrong.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ShippingFault {
    /// The carrier says no.
    Fail,
    /// It happens, but nobody hears of it at first.
    Timeout,
    /// It fails without effect at first.
    ErrorOnce,
    /// The shipping actor panics on it, once.
    Panic,
}

impl From<PaymentFault> for Fault {
    fn from(fault: PaymentFault) -> Self {
        match fault {
            PaymentFault::Decline => Self::Reject,
            PaymentFault::Timeout => Self::Timeout,
            PaymentFault::ErrorOnce => Self::ErrorOnce,
            PaymentFault::Panic => Self::Panic,
        }
    }
}

impl From<ShippingFault> for Fault {
    fn from(fault: ShippingFault) -> Self {
        match fault {
            ShippingFault::Fail => Self::Reject,
            ShippingFault::Timeout => Self::Timeout,
            ShippingFault::ErrorOnce => Self::ErrorOnce,
            ShippingFault::Panic => Self::Panic,
        }
    }
}

impl PlaceOrderBody {
    /// The checkout that the body asks for, with fresh ids.
    fn checkout(self, context: &Context) -> Result<Checkout, Problem> {
        if self.simulate.is_some() && !context.simulation {
            return Err(Problem::new(
                Code::SimulationDisabled,
                "simulate is not allowed on this server; set simulation.enabled to allow it",
            ));
        }
        let mut errors = FieldErrors::default();
        let short = [self.item_name.is_some(), self.quantity.is_some(), self.price.is_some()];
        let basket = match self.lines {
            Some(lines) => {
                for (given, name) in short.into_iter().zip(["item_name", "quantity", "price"]) {
                    if given {
                        errors.add(name, "is the short form of an only line and cannot stand beside lines");
                    }
                }
                let drafts = lines.into_iter().map(|line| LineDraft {
                    item_name: line.item_name,
                    quantity: line.quantity,
                    price: line.price,
                });
                Basket::parse(drafts.collect(), |index, field| format!("lines[{index}].{field}"))
            }
            None if short == [false; 3] => {
                errors.add("lines", "is missing: give lines, or item_name, quantity and price of an only line");
                Ok(Basket::empty())
            }
            None => {
                for (given, name) in short.into_iter().zip(["item_name", "quantity", "price"]) {
                    if !given {
                        errors.add(name, "is missing");
                    }
                }
                match (self.item_name, self.quantity, self.price) {
                    (Some(item_name), Some(quantity), Some(price)) => {
                        Basket::parse(vec![LineDraft { item_name, quantity, price }], |_, field| field.to_owned())
                    }
                    _ => Ok(Basket::empty()),
                }
            }
        };
        let basket = basket.map_err(|found| found.into_iter().for_each(|e| errors.add(e.field, e.message))).ok();
        let customer_ref = self.customer_ref.and_then(|text| errors.check("customer_ref", CustomerRef::parse(text)));
        let terms = self.payment.unwrap_or(PaymentTermsBody { provider: ProviderName::Manual, deadline_ms: None });
        let provider = terms.provider.provider(context)?;
        let deadline_ms = terms.deadline_ms.unwrap_or(context.default_deadline_ms);
        if !(1..=MAX_DEADLINE_MS).contains(&deadline_ms) {
            errors.add("payment.deadline_ms", format!("must be from 1 to {MAX_DEADLINE_MS}, is {deadline_ms}"));
        }
        let simulate = self.simulate.map(|simulate| simulate.script(&mut errors)).unwrap_or_default();
        errors.finish().map_err(Problem::invalid)?;
        Ok(Checkout {
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
            customer_ref,
            currency: Currency::default(),
            basket: Arc::new(basket.unwrap_or_else(Basket::empty)),
            provider,
            deadline_ms,
            simulate,
        })
    }
}

impl SimulateBody {
    fn script(self, errors: &mut FieldErrors) -> Simulation {
        for (field, delay_ms) in
            [("payment_delay_ms", self.payment_delay_ms), ("shipping_delay_ms", self.shipping_delay_ms)]
        {
            if delay_ms > MAX_DELAY_MS {
                errors.add(format!("simulate.{field}"), format!("must be from 0 to {MAX_DELAY_MS}, is {delay_ms}"));
            }
        }
        Simulation {
            payment: Script { fault: self.payment.map(Fault::from), delay_ms: self.payment_delay_ms },
            shipping: Script { fault: self.shipping.map(Fault::from), delay_ms: self.shipping_delay_ms },
        }
    }
}

/// An order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderBody {
    #[schema(value_type = Uuid)]
    id: OrderId,
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
    payment: Option<OrderPaymentBody>,
    shipments: Vec<ShipmentBody>,
    #[schema(value_type = Uuid)]
    saga_id: SagaId,
    saga: Option<SagaLink>,
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
}

/// An order's payment, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrderPaymentBody {
    #[schema(value_type = Uuid)]
    id: PaymentId,
    status: &'static str,
    provider: &'static str,
    deadline_at: Option<Time>,
}

impl From<&Line> for OrderLineBody {
    fn from(line: &Line) -> Self {
        Self {
            item_name: line.item_name.as_str().to_owned(),
            quantity: line.quantity.get(),
            price: line.price.get(),
            amount: line.amount().map_or(0, crate::domain::money::Amount::get),
        }
    }
}

impl From<Payment> for OrderPaymentBody {
    fn from(payment: Payment) -> Self {
        Self {
            id: payment.id,
            status: payment.status.as_str(),
            provider: payment.provider.as_str(),
            deadline_at: payment.deadline_at.map(Time),
        }
    }
}

impl From<OrderView> for OrderBody {
    fn from(view: OrderView) -> Self {
        let OrderView { order, payment, shipment, saga } = view;
        let Order { id, saga_id, customer_ref, currency, basket, status, reason, created_at, updated_at } = order;
        let lines: Vec<OrderLineBody> = basket.lines().iter().map(OrderLineBody::from).collect();
        let only = match lines.as_slice() {
            [only] => Some((only.item_name.clone(), only.quantity, only.price)),
            _ => None,
        };
        let (item_name, quantity, price) = only.map_or((None, None, None), |(n, q, p)| (Some(n), Some(q), Some(p)));
        Self {
            id,
            status: status.as_str(),
            reason: reason.map(crate::domain::reason::Reason::as_str),
            currency: currency.into(),
            total_amount: basket.total().get(),
            customer_ref: customer_ref.map(|text| text.as_str().to_owned()),
            lines,
            item_name,
            quantity,
            price,
            payment: payment.map(OrderPaymentBody::from),
            shipments: shipment.into_iter().map(ShipmentBody::from).collect(),
            saga_id,
            saga: saga.map(SagaLink::from),
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
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters; a repeat answers the same order"),
    ),
    request_body = PlaceOrderBody,
    responses(
        (status = 201, description = "The order exists durably", body = inline(super::envelope::Envelope<OrderBody>),
            headers(("Location" = String), ("Idempotent-Replayed" = String))),
        (status = "4XX", description = "The request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Too many orders are under way, or storage is away", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn place(
    request: HttpRequest,
    mut query: Query,
    body: Body<PlaceOrderBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let wait = query.wait();
    query.finish()?;
    let claim = claim(&request, &body)?;
    let checkout = Arc::new(body.value.checkout(&context)?);
    let service = &context.service;
    let placed = service.place_order(SagaId::from_uuid(Uuid::now_v7()), checkout, claim).await?;
    service.wait_for_rest(placed.saga_id, Some(placed.rest), wait).await?;
    let view = service.order_view_of(placed.order_id, placed.saga_id).await?;
    Ok(success(StatusCode::CREATED, OrderBody::from(view))
        .header("Location", format!("/orders/{}", placed.order_id))
        .replayed(placed.replayed)
        .finish())
}

/// Lists orders, newest first.
#[utoipa::path(
    get, path = "/orders", tag = "orders",
    params(
        ("status" = Option<String>, Query, description = "pending, paid, completed, failed or cancelled"),
        ("customer_ref" = Option<String>, Query, description = "The client's own reference to its customer"),
        ("created_after" = Option<String>, Query, description = "RFC 3339 time: placed then or later"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<OrderBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_orders(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let status = query.parsed::<OrderStatus>("status", "pending, paid, completed, failed or cancelled");
    let customer_ref = query.text("customer_ref").map(CustomerRef::parse);
    let customer_ref = customer_ref.and_then(|parsed| query.errors.check("customer_ref", parsed));
    let created_after = query.time("created_after");
    let (limit, page) = query.page(OrderId::from_uuid);
    query.finish()?;
    let filter = OrderFilter { status, customer_ref, created_after };
    let orders = context.service.order_views(filter, page).await?;
    Ok(list(orders, limit, |view| view.order.id.to_string(), OrderBody::from))
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
    Ok(success(StatusCode::OK, OrderBody::from(view)).finish())
}

/// Cancels an order that is not paid yet.
#[utoipa::path(
    delete, path = "/orders/{id}", tag = "orders",
    params(("id" = Uuid, Path, description = "The order's id")),
    responses(
        (status = 202, description = "The order's saga is on its way back", body = inline(super::envelope::Envelope<OrderBody>)),
        (status = "4XX", description = "No such order, or it is paid or over", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, OrderId::from_uuid)?;
    context.service.cancel_order(id).await?;
    let view = context.service.order_view(id).await?;
    Ok(success(StatusCode::ACCEPTED, OrderBody::from(view)).finish())
}
