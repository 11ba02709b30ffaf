//! Payments over HTTP.

use super::{
    Context, Problem,
    body::{Body, OptionalBody, Ruled, faults_of},
    credential::reporter,
    envelope::{list, success},
    idempotency::claim,
    outside::CallBody,
    params::{Query, path_id},
    resource,
    wire::Time,
};
use crate::{
    dialect::Vocabulary,
    domain::{
        checkout::{Policy, ProviderRefused},
        field::{FieldError, FieldErrors},
        ids::{OrderId, PaymentId},
        money::Amount,
        payment::{OpenPayment, Payable, Payment, Provider, Reporter, Settlement},
        reference::Reference,
    },
    service::{Report, ServiceError},
    store::PaymentFilter,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/payments", [(Method::POST, web::to(open)), (Method::GET, web::to(list_payments))]);
    resource(config, "/payments/{id}", [(Method::GET, web::to(read))]);
    resource(config, "/payments/success/{id}", [(Method::PUT, web::to(succeed))]);
    resource(config, "/payments/failed/{id}", [(Method::PUT, web::to(fail))]);
    resource(config, "/payments/refunded/{id}", [(Method::PUT, web::to(refund))]);
}

/// The order's payment for its present lines, to be opened.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenPaymentBody {
    order_id: Uuid,
    /// Must equal the order's total.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    amount: i64,
    /// `manual`, `simulated`, or the name of a provider in the server's configuration.
    #[schema(example = "simulated")]
    provider: String,
}

impl OpenPaymentBody {
    fn checked(self, policy: &Policy) -> Result<(OrderId, Amount, Provider), Problem> {
        let mut errors = FieldErrors::default();
        let amount = errors.check("amount", Amount::parse(self.amount));
        let provider = match policy.provider(&self.provider) {
            Err(ProviderRefused::NotSimulated(refused)) => return Err(ServiceError::from(refused).into()),
            known => errors.check("provider", known),
        };
        let order_id = OrderId::from_uuid(self.order_id);
        Problem::unless_invalid(errors, amount.zip(provider).map(|(amount, provider)| (order_id, amount, provider)))
    }
}

impl Ruled for OpenPaymentBody {
    fn faults(self, policy: &Policy) -> Vec<FieldError> {
        faults_of(self.checked(policy))
    }
}

/// A payment service's report.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CallbackBody {
    order_id: Uuid,
    /// Its id here; or what the reporter calls it, which a manual payment that is called nothing yet is called from then on.
    #[schema(min_length = 1, max_length = 1024)]
    #[serde(deserialize_with = "id_or_name")]
    payment_id: String,
    payment_status: SettlementName,
    /// How much money; must be the payment's amount.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    amount: Option<i64>,
    /// Must be the payment's currency.
    #[schema(example = "IDR")]
    currency: Option<String>,
}

/// An id of ours however it is written, or a name of somebody else's as it is written.
fn id_or_name<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    Ok(Uuid::parse_str(&text).map_or(text, |id| id.to_string()))
}

/// What a report on a payment may say beside how it went. Whatever it names must agree with the payment.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportBody {
    /// The payment's order.
    order_id: Option<Uuid>,
    /// How much money; must be the payment's amount.
    #[schema(minimum = 0, maximum = 9_007_199_254_740_991_i64)]
    amount: Option<i64>,
    /// Must be the payment's currency.
    #[schema(example = "IDR")]
    currency: Option<String>,
}

impl Ruled for ReportBody {}

impl ReportBody {
    pub(super) fn report(self, settlement: Settlement, by: Reporter) -> Report {
        let Self { order_id, amount, currency } = self;
        Report { settlement, by, order_id: order_id.map(OrderId::from_uuid), amount, currency }
    }
}

impl Ruled for CallbackBody {}

/// How a payment went.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum SettlementName {
    /// The money is in.
    Success,
    /// There will be none.
    Failed,
    /// It has gone back.
    Refunded,
}

impl From<SettlementName> for Settlement {
    fn from(name: SettlementName) -> Self {
        match name {
            SettlementName::Success => Self::Success,
            SettlementName::Failed => Self::Failed,
            SettlementName::Refunded => Self::Refunded,
        }
    }
}

/// A payment. Every revision of an order's lines that came as far as paying has its own; those before the last are
/// closed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PaymentBody {
    #[schema(value_type = Uuid)]
    id: PaymentId,
    #[schema(value_type = Uuid)]
    order_id: OrderId,
    /// The revision of the order's lines that it pays for; 0 where the order was never edited.
    revision: u32,
    amount: i64,
    currency: &'static str,
    /// `manual` or `simulated`.
    provider: &'static str,
    /// `pending`, `paid`, `failed`, `expired`, `refunding` or `refunded`.
    status: &'static str,
    /// Why it is closed.
    reason: Option<&'static str>,
    #[serde(flatten)]
    call: CallBody,
    deadline_at: Option<Time>,
    /// What its provider calls it, where that has said so.
    reference: Option<String>,
    /// When the money came.
    paid_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

impl PaymentBody {
    /// A payment in these words.
    fn of(payment: &Payment, vocabulary: Vocabulary) -> Self {
        Self {
            id: payment.id,
            order_id: payment.order_id,
            revision: payment.revision,
            amount: payment.amount.get(),
            currency: payment.currency.into(),
            provider: payment.provider.as_str(),
            status: vocabulary.payment(payment.status),
            reason: payment.reason.map(crate::domain::reason::Reason::as_str),
            call: CallBody::of(payment.attempts, payment.trouble.as_deref()),
            deadline_at: payment.deadline_at.map(Time),
            reference: payment.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            paid_at: payment.captured_at.map(Time),
            created_at: Time(payment.created_at),
            updated_at: Time(payment.updated_at),
        }
    }
}

/// Opens the order's one payment for its present lines.
#[utoipa::path(
    post, path = "/payments", tag = "payments",
    params(("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters")),
    request_body = OpenPaymentBody,
    responses(
        (status = 201, description = "The payment is open", body = inline(super::envelope::Envelope<PaymentBody>)),
        (status = 200, description = "The order has this payment already", body = inline(super::envelope::Envelope<PaymentBody>)),
        (status = "4XX", description = "The request cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn open(
    request: HttpRequest,
    query: Query,
    body: Body<OpenPaymentBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let claim = claim(&request, &body)?;
    let (order_id, amount, provider) = body.value.checked(context.service.policy())?;
    let payment_id = PaymentId::from_uuid(Uuid::now_v7());
    let accepted = context
        .service
        .open_payment(order_id, |order| OpenPayment { order: Payable::of(order), payment_id, amount, provider }, claim)
        .await?;
    let status = if accepted.opened { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("/payments/{}", accepted.payment.id);
    let response = success(status, PaymentBody::of(&accepted.payment, context.vocabulary)).replayed(accepted.replayed);
    Ok(response.header("Location", location).finish())
}

/// Lists payments, newest first.
#[utoipa::path(
    get, path = "/payments", tag = "payments",
    params(
        ("order_id" = Option<Uuid>, Query, description = "Of this order: one for each revision of its lines that had one"),
        ("reference" = Option<String>, Query, description = "What its provider calls it"),
        ("status" = Option<String>, Query, description = "pending, paid, failed, expired, refunding or refunded, or several with commas"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<PaymentBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_payments(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let order_id = query.parsed::<Uuid>("order_id", "an order's id").map(OrderId::from_uuid);
    let reference = query.checked("reference", Reference::parse);
    let vocabulary = context.vocabulary;
    let statuses = query.several_words("status", vocabulary.payment_words(), |word| vocabulary.payments(word));
    let (limit, page) = query.page(PaymentId::from_uuid);
    query.finish()?;
    let filter = PaymentFilter { order_id, reference, statuses };
    let payments = context.service.queries().payments.payments(filter, page).await;
    let payments = payments.map_err(crate::service::ServiceError::from)?;
    Ok(list(payments, limit, |payment| payment.id.to_string(), |payment| PaymentBody::of(&payment, vocabulary)))
}

/// Reads a payment.
#[utoipa::path(
    get, path = "/payments/{id}", tag = "payments",
    params(("id" = Uuid, Path, description = "The payment's id")),
    responses(
        (status = 200, description = "The payment", body = inline(super::envelope::Envelope<PaymentBody>)),
        (status = "4XX", description = "No such payment", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let payment = context.service.payment(path_id(&request, PaymentId::from_uuid)?).await?;
    Ok(success(StatusCode::OK, PaymentBody::of(&payment, context.vocabulary)).finish())
}

async fn settle(
    request: &HttpRequest,
    query: Query,
    body: ReportBody,
    context: &Context,
    settlement: Settlement,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let id = path_id(request, PaymentId::from_uuid)?;
    let report = body.report(settlement, reporter(request, context)?);
    let accepted = context.service.settle_payment(id, report).await?;
    Ok(success(StatusCode::OK, PaymentBody::of(&accepted.payment, context.vocabulary)).finish())
}

/// Reports that the money is in.
#[utoipa::path(
    put, path = "/payments/success/{id}", tag = "payments",
    params(
        ("id" = Uuid, Path, description = "The payment's id"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services, where there is one; or that of the payment service which took the payment"),
    ),
    request_body(content = ReportBody, description = "May be left out"),
    responses(
        (status = 200, description = "Recorded; money for a closed or superseded payment goes back", body = inline(super::envelope::Envelope<PaymentBody>)),
        (status = "4XX", description = "No such payment, its provider alone says how it goes (`payment_not_manual`), the report names another amount, currency or order, or the secret is missing", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn succeed(
    request: HttpRequest,
    query: Query,
    body: OptionalBody<ReportBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    settle(&request, query, body.value, &context, Settlement::Success).await
}

/// Reports that there will be no money.
#[utoipa::path(
    put, path = "/payments/failed/{id}", tag = "payments",
    params(
        ("id" = Uuid, Path, description = "The payment's id"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services, where there is one; or that of the payment service which took the payment"),
    ),
    request_body(content = ReportBody, description = "May be left out"),
    responses(
        (status = 200, description = "Recorded", body = inline(super::envelope::Envelope<PaymentBody>)),
        (status = "4XX", description = "It is paid; or: no such payment, its provider alone says how it goes (`payment_not_manual`), the report names another amount, currency or order, or the secret is missing", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn fail(
    request: HttpRequest,
    query: Query,
    body: OptionalBody<ReportBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    settle(&request, query, body.value, &context, Settlement::Failed).await
}

/// Reports that the money of a manual payment has gone back.
#[utoipa::path(
    put, path = "/payments/refunded/{id}", tag = "payments",
    params(
        ("id" = Uuid, Path, description = "The payment's id"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services, where there is one; or that of the payment service which took the payment"),
    ),
    request_body(content = ReportBody, description = "May be left out"),
    responses(
        (status = 200, description = "Recorded; a saga that waits for it goes on", body = inline(super::envelope::Envelope<PaymentBody>)),
        (status = "4XX", description = "No money was to go back (`payment_not_refunding`); or: no such payment, its provider alone says how it goes (`payment_not_manual`), the report names another amount, currency or order, or the secret is missing", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn refund(
    request: HttpRequest,
    query: Query,
    body: OptionalBody<ReportBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    settle(&request, query, body.value, &context, Settlement::Refunded).await
}

/// Takes a payment service's report on an order's payment.
#[utoipa::path(
    post, path = "/internal/payment-callback", tag = "payments",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters"),
        ("Authorization" = Option<String>, Header, description = "Bearer and the secret of one's own services, where there is one; or that of the payment service which took the payment"),
    ),
    request_body = CallbackBody,
    responses(
        (status = 200, description = "Recorded; a repeat changes nothing", body = inline(super::envelope::Envelope<PaymentBody>)),
        (status = "4XX", description = "No such order, another order's payment, it was reported under another id (`payment_reference_mismatch`), its provider alone says how it goes (`payment_not_manual`), the report names another amount or currency, it cannot go that way, or the secret is missing", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn settle_callback(
    request: HttpRequest,
    query: Query,
    body: Body<CallbackBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let claim = claim(&request, &body)?;
    let CallbackBody { order_id, payment_id, payment_status, amount, currency } = body.value;
    let order_id = OrderId::from_uuid(order_id);
    let by = reporter(&request, &context)?;
    let report = Report { settlement: payment_status.into(), by, order_id: Some(order_id), amount, currency };
    let accepted = context.service.settle_order_payment(order_id, &payment_id, report, claim).await?;
    Ok(success(StatusCode::OK, PaymentBody::of(&accepted.payment, context.vocabulary))
        .replayed(accepted.replayed)
        .finish())
}
