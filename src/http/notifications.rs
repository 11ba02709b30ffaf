//! What others are told of payments, over HTTP.

use super::{
    Context, Problem,
    body::NoBody,
    envelope::{list, success},
    idempotency::claim,
    params::{Query, path_id},
    resource,
    wire::{Given, Time},
};
use crate::{
    domain::{
        ids::NotificationId,
        notifier::{About, GivenId, Notification, TargetName},
    },
    service::ServiceError,
    store::NotificationFilter,
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::Serialize;
use utoipa::ToSchema;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/notifications", [(Method::GET, web::to(list_notifications))]);
    resource(config, "/notifications/{id}", [(Method::GET, web::to(read))]);
    resource(config, "/notifications/{id}/retry", [(Method::POST, web::to(retry))]);
}

/// What somebody is told of a payment.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NotificationBody {
    /// Its id, and its `webhook-id`, the same in every attempt.
    #[schema(value_type = Uuid)]
    id: NotificationId,
    /// Who is told, by the configuration's name.
    target: &'static str,
    /// What the payment has come to: `paid`, `failed`, `expired` or `refunded`.
    event: &'static str,
    payment_id: Given,
    order_id: Given,
    /// Who pays, where that is known.
    user_id: Option<Given>,
    amount: i64,
    currency: &'static str,
    /// Why the payment is closed.
    reason: Option<&'static str>,
    /// `pending`, `delivered` or `failed`.
    status: &'static str,
    /// How often it was sent, since it was last asked for.
    attempts: u32,
    /// When it is due, while it is pending.
    next_attempt_at: Option<Time>,
    /// What the target answered last.
    last_status: Option<u16>,
    /// Why the last attempt was in vain.
    last_error: Option<String>,
    delivered_at: Option<Time>,
    created_at: Time,
    updated_at: Time,
}

impl From<Notification> for NotificationBody {
    fn from(notification: Notification) -> Self {
        let About { payment_id, order_id, user_id, amount, currency, status: event, reason } = notification.about;
        Self {
            id: notification.id,
            target: notification.target.as_str(),
            event: event.as_str(),
            payment_id: Given(payment_id),
            order_id: Given(order_id),
            user_id: user_id.map(Given),
            amount: amount.get(),
            currency: currency.into(),
            reason: reason.map(crate::domain::reason::Reason::as_str),
            status: notification.status.as_str(),
            attempts: notification.attempts,
            next_attempt_at: notification.next_attempt_at.map(Time),
            last_status: notification.last_status,
            last_error: notification.last_error,
            delivered_at: notification.delivered_at.map(Time),
            created_at: Time(notification.created_at),
            updated_at: Time(notification.updated_at),
        }
    }
}

/// Lists notifications, newest first.
#[utoipa::path(
    get, path = "/notifications", tag = "notifications",
    params(
        ("status" = Option<String>, Query, description = "pending, delivered or failed, or several with commas"),
        ("target" = Option<String>, Query, description = "To this target, by the configuration's name"),
        ("payment_id" = Option<String>, Query, description = "About this payment"),
        ("order_id" = Option<String>, Query, description = "About a payment of this order"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<NotificationBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_notifications(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let statuses = query.several("status", "pending, delivered or failed");
    let target = query.text("target").map(TargetName::sought).and_then(|name| query.errors.check("target", name));
    let payment_id = given(&mut query, "payment_id");
    let order_id = given(&mut query, "order_id");
    let (limit, page) = query.page(NotificationId::from_uuid);
    query.finish()?;
    let filter = NotificationFilter { statuses, target, payment_id, order_id };
    let found = context.service.queries().notifier.notifications(filter, page).await.map_err(ServiceError::from)?;
    Ok(list(found, limit, |notification| notification.id.to_string(), NotificationBody::from))
}

fn given(query: &mut Query, name: &str) -> Option<GivenId> {
    let parsed = query.text(name).map(GivenId::text)?;
    query.errors.check(name, parsed)
}

/// Reads a notification.
#[utoipa::path(
    get, path = "/notifications/{id}", tag = "notifications",
    params(("id" = Uuid, Path, description = "The notification's id")),
    responses(
        (status = 200, description = "The notification", body = inline(super::envelope::Envelope<NotificationBody>)),
        (status = "4XX", description = "No such notification", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let notification = context.service.notification(path_id(&request, NotificationId::from_uuid)?).await?;
    Ok(success(StatusCode::OK, NotificationBody::from(notification)).finish())
}

/// Has a notification that is not delivered sent at once, and from its first attempt on again.
#[utoipa::path(
    post, path = "/notifications/{id}/retry", tag = "notifications",
    params(
        ("id" = Uuid, Path, description = "The notification's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters"),
    ),
    responses(
        (status = 202, description = "It is sent", body = inline(super::envelope::Envelope<NotificationBody>)),
        (status = "4XX", description = "No such notification, or it is delivered", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn retry(
    request: HttpRequest,
    query: Query,
    body: NoBody,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let id = path_id(&request, NotificationId::from_uuid)?;
    let retried = context.service.retry_notification(id, claim(&request, &body)?).await?;
    let body = NotificationBody::from(*retried.notification);
    Ok(success(StatusCode::ACCEPTED, body).replayed(retried.replayed).finish())
}
