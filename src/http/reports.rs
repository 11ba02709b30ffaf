//! What other services report of payments: the calls that a payment notifier makes, served.
//!
//! Both are idempotent, and neither can move a paid order back: they say "paid" and nothing else.

use super::{
    Context, Problem,
    body::{Body, Ruled},
    credential::reporter,
    envelope::success,
    orders::OrderBody,
    params::{Query, path_id},
    resource,
    wire::{Given, Time},
};
use crate::{
    domain::{
        checkout::Policy,
        field::{FieldError, FieldErrors},
        ids::OrderId,
        notifier::{GivenId, PaidUser, UserPaid},
        payment::Settlement,
    },
    service::{Code, Report},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is reported of orders.
pub(super) fn order_routes(config: &mut web::ServiceConfig) {
    resource(config, "/orders/{id}/payment", [(Method::PUT, web::to(order_paid))]);
}

/// What is reported of users, which is kept with the payments.
pub(super) fn user_routes(config: &mut web::ServiceConfig) {
    resource(
        config,
        "/users/{id}/payment-service",
        [(Method::PUT, web::to(user_paid)), (Method::GET, web::to(read_user))],
    );
    // Notifiers know one name or the other.
    resource(
        config,
        "/users/{id}/payment-status",
        [(Method::PUT, web::to(user_status_paid)), (Method::GET, web::to(read_user_status))],
    );
}

/// What is reported.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum PaidName {
    /// The money is in.
    Paid,
}

/// A report that an order is paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderPaidBody {
    #[serde(rename = "payment_status")]
    #[schema(rename = "payment_status")]
    _payment_status: PaidName,
    /// How much money; must be the payment's amount.
    amount: Option<i64>,
    /// Must be the payment's currency.
    #[schema(example = "IDR")]
    currency: Option<String>,
}

impl Ruled for OrderPaidBody {}

/// A report that a user has paid.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserPaidBody {
    #[serde(rename = "payment_status")]
    #[schema(rename = "payment_status")]
    _payment_status: PaidName,
    /// For which order.
    order_id: Option<Given>,
    /// With which payment.
    payment_id: Option<Given>,
}

impl Ruled for UserPaidBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        let mut errors = FieldErrors::default();
        self.order_id.and_then(|id| errors.check("order_id", id.parse()));
        self.payment_id.and_then(|id| errors.check("payment_id", id.parse()));
        errors.finish().err().unwrap_or_default()
    }
}

/// A user who has paid.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserBody {
    user_id: Given,
    /// `paid`.
    payment_status: &'static str,
    /// The last order that was paid, where it was said.
    order_id: Option<Given>,
    /// The last payment, where it was said.
    payment_id: Option<Given>,
    created_at: Time,
    updated_at: Time,
}

impl From<PaidUser> for UserBody {
    fn from(user: PaidUser) -> Self {
        Self {
            user_id: Given(user.user_id),
            payment_status: "paid",
            order_id: user.order_id.map(Given),
            payment_id: user.payment_id.map(Given),
            created_at: Time(user.created_at),
            updated_at: Time(user.updated_at),
        }
    }
}

/// Reports that an order is paid: the same as `PUT /payments/success/{id}` for the order's payment, by the same rule.
#[utoipa::path(
    put, path = "/orders/{id}/payment", tag = "notifications",
    params(
        ("id" = Uuid, Path, description = "The order's id"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services"),
    ),
    request_body = OrderPaidBody,
    responses(
        (status = 200, description = "The order; a repeat changes nothing, and money for a closed order goes back", body = inline(super::envelope::Envelope<OrderBody>)),
        (status = "4XX", description = "No such order or payment, another secret, or the payment is not paid", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn order_paid(
    request: HttpRequest,
    query: Query,
    body: Body<OrderPaidBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let id = path_id(&request, OrderId::from_uuid)?;
    let OrderPaidBody { amount, currency, .. } = body.value;
    let by = reporter(&request, &context)?;
    let report = Report { settlement: Settlement::Success, by, order_id: Some(id), amount, currency };
    let view = context.service.report_order_paid(id, report).await?;
    Ok(success(StatusCode::OK, OrderBody::of(view, context.vocabulary)).finish())
}

/// Reports that a user has paid. A service of one's own is believed; anybody else where the record of the payment or the
/// order that is named says so.
#[utoipa::path(
    put, path = "/users/{id}/payment-service", tag = "notifications",
    params(
        ("id" = String, Path, description = "The user's id: 1-64 visible characters"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services"),
    ),
    request_body = UserPaidBody,
    responses(
        (status = 200, description = "The user; a repeat changes nothing", body = inline(super::envelope::Envelope<UserBody>)),
        (status = "4XX", description = "Nobody vouches for it, or no such payment, or it is not paid", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn user_paid(
    request: HttpRequest,
    query: Query,
    body: Body<UserPaidBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let mut errors = FieldErrors::default();
    let user_id = user_id(&request)?;
    let UserPaidBody { order_id, payment_id, .. } = body.value;
    let order_id = order_id.and_then(|id| errors.check("order_id", id.parse()));
    let payment_id = payment_id.and_then(|id| errors.check("payment_id", id.parse()));
    errors.finish().map_err(Problem::invalid)?;
    let paid = UserPaid { user_id, order_id, payment_id };
    match context.service.report_user_paid(paid, reporter(&request, &context)?).await? {
        Some(user) => Ok(success(StatusCode::OK, UserBody::from(user)).finish()),
        None => Err(Problem::new(
            Code::Unauthorized,
            "name the payment_id or the order_id that is paid and known to be this user's, or send the secret of one's own \
             services",
        )),
    }
}

/// Reads a user who has paid.
#[utoipa::path(
    get, path = "/users/{id}/payment-service", tag = "notifications",
    params(("id" = String, Path, description = "The user's id: 1-64 visible characters")),
    responses(
        (status = 200, description = "The user", body = inline(super::envelope::Envelope<UserBody>)),
        (status = "4XX", description = "Nobody has said that this user has paid", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read_user(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let user = context.service.paid_user(user_id(&request)?).await?;
    Ok(success(StatusCode::OK, UserBody::from(user)).finish())
}

/// Reports that a user has paid: `PUT /users/{id}/payment-service` under the name that other notifiers know.
#[utoipa::path(
    put, path = "/users/{id}/payment-status", tag = "notifications",
    params(
        ("id" = String, Path, description = "The user's id: 1-64 visible characters"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services"),
    ),
    request_body = UserPaidBody,
    responses(
        (status = 200, description = "The user; a repeat changes nothing", body = inline(super::envelope::Envelope<UserBody>)),
        (status = "4XX", description = "Nobody vouches for it, or no such payment, or it is not paid", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn user_status_paid(
    request: HttpRequest,
    query: Query,
    body: Body<UserPaidBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    user_paid(request, query, body, context).await
}

/// Reads a user who has paid: `GET /users/{id}/payment-service` under its other name.
#[utoipa::path(
    get, path = "/users/{id}/payment-status", tag = "notifications",
    params(("id" = String, Path, description = "The user's id: 1-64 visible characters")),
    responses(
        (status = 200, description = "The user", body = inline(super::envelope::Envelope<UserBody>)),
        (status = "4XX", description = "Nobody has said that this user has paid", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read_user_status(
    request: HttpRequest,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    read_user(request, context).await
}

/// The user's id in the path, where numbers are texts like any other. The router leaves `%`, `/` and `+` as they are escaped.
fn user_id(request: &HttpRequest) -> Result<GivenId, Problem> {
    let text = percent_decode_str(request.match_info().query("id")).decode_utf8_lossy().into_owned();
    GivenId::text(text).map_err(|error| Problem::new(Code::InvalidId, format!("the user's id {error}")))
}
