//! Sagas over HTTP.

use super::{
    Context, Problem,
    body::{OptionalBody, Ruled, faults_of},
    envelope::{list, success},
    idempotency::claim,
    params::{Query, path_id},
    resource,
    wire::Time,
};
use crate::{
    domain::{
        checkout::{self, Policy, WaitingOn},
        field::{FieldError, FieldErrors, Note},
        ids::{OrderId, SagaId},
        saga::{CancelBy, Progress},
    },
    service::{SagaView, ServiceError, row_message},
    store::{SagaFilter, SagaRow},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/sagas", [(Method::GET, web::to(list_sagas))]);
    resource(config, "/sagas/{id}", [(Method::GET, web::to(read))]);
    resource(config, "/sagas/{id}/cancel", [(Method::POST, web::to(cancel))]);
    resource(config, "/sagas/{id}/retry", [(Method::POST, web::to(retry))]);
}

/// What an operator says to it.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OperatorBody {
    /// Why; recorded in the saga's log.
    #[schema(min_length = 1, max_length = 500, example = "the customer called")]
    reason: Option<String>,
}

impl Ruled for OperatorBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        let mut errors = FieldErrors::default();
        self.reason.and_then(|reason| errors.check("reason", Note::parse(reason)));
        errors.finish().err().unwrap_or_default()
    }
}

/// Why an operator has undone what cannot be done again.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelBody {
    /// Why; recorded in the saga's log.
    #[schema(value_type = String, required = true, min_length = 1, max_length = 500, example = "the customer called")]
    reason: Option<String>,
}

impl CancelBody {
    fn note(self) -> Result<Option<String>, Problem> {
        if self.reason.is_none() {
            let why = "is missing: say why, in 1 to 500 characters; it is kept in the saga's log";
            return Err(Problem::field("reason", why));
        }
        note(OperatorBody { reason: self.reason })
    }
}

impl Ruled for CancelBody {
    fn faults(self, _: &Policy) -> Vec<FieldError> {
        faults_of(self.note())
    }
}

/// An order's saga, in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SagaLink {
    #[schema(value_type = Uuid)]
    id: SagaId,
    status: &'static str,
    message: Option<String>,
}

impl From<SagaRow> for SagaLink {
    fn from(row: SagaRow) -> Self {
        Self { id: row.id, status: row.status.as_str(), message: row_message(&row) }
    }
}

/// A saga.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SagaBody {
    #[schema(value_type = Uuid)]
    id: SagaId,
    definition: String,
    version: u32,
    #[schema(value_type = Uuid)]
    order_id: OrderId,
    /// `running`, `waiting`, `compensating`, `completed`, `compensated` or `needs_attention`.
    status: &'static str,
    /// The step it waits for or is stuck at.
    waiting_for: Option<String>,
    /// Who or what it waits for: `customer`, `payment_service`, `carrier`, `report` (of money or goods that are moved by
    /// hand), `next_attempt` or `operator`; null in lists, and while nothing is waited for.
    waiting_on: Option<&'static str>,
    /// What a person is told once it rests.
    message: Option<String>,
    /// Why it is unwound.
    reason: Option<&'static str>,
    /// Its steps; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<StepBody>>,
    created_at: Time,
    updated_at: Time,
    finished_at: Option<Time>,
}

/// A step of a saga.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepBody {
    stage: &'static str,
    step: &'static str,
    participant: &'static str,
    /// `compensatable`, `pivot` or `retriable`.
    kind: &'static str,
    /// `pending`, `running`, `waiting`, `done`, `rejected`, `unknown`, `compensating` or `compensated`.
    state: &'static str,
    attempts: u32,
    started_at: Option<Time>,
    finished_at: Option<Time>,
    /// The latest error or refusal, of the service outside too that it waits for.
    error: Option<String>,
    /// The HTTP status of that, where a service outside has said one.
    last_status: Option<u16>,
    /// When it is tried again.
    next_attempt_at: Option<Time>,
}

impl From<Progress> for StepBody {
    fn from(progress: Progress) -> Self {
        Self {
            stage: progress.stage,
            step: progress.step,
            participant: progress.participant,
            kind: progress.kind.as_str(),
            state: progress.state,
            attempts: progress.attempts,
            started_at: progress.started_at.map(Time),
            finished_at: progress.finished_at.map(Time),
            error: progress.error,
            last_status: progress.last_status,
            next_attempt_at: progress.next_attempt_at.map(Time),
        }
    }
}

impl From<SagaRow> for SagaBody {
    fn from(row: SagaRow) -> Self {
        let message = row_message(&row);
        Self {
            id: row.id,
            definition: row.definition,
            version: row.version,
            order_id: row.order_id,
            status: row.status.as_str(),
            waiting_for: row.waiting_for,
            waiting_on: None,
            message,
            reason: row.reason.map(crate::domain::reason::Reason::as_str),
            steps: None,
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            finished_at: row.finished_at.map(Time),
        }
    }
}

impl From<SagaView> for SagaBody {
    fn from(view: SagaView) -> Self {
        let SagaView { row, summary, steps, waiting_on } = view;
        Self {
            status: summary.status.as_str(),
            waiting_for: summary.waiting_for.map(str::to_owned),
            waiting_on: waiting_on.map(WaitingOn::as_str),
            message: checkout::message(&summary),
            reason: summary.reason.map(crate::domain::reason::Reason::as_str),
            steps: Some(steps.into_iter().map(StepBody::from).collect()),
            ..Self::from(row)
        }
    }
}

/// Lists sagas, newest first.
#[utoipa::path(
    get, path = "/sagas", tag = "sagas",
    params(
        ("status" = Option<String>, Query, description = "running, waiting, compensating, completed, compensated or needs_attention, or several with commas"),
        ("definition" = Option<String>, Query, description = "Of this definition"),
        ("step" = Option<String>, Query, description = "Waiting for or stuck at this step"),
        ("created_before" = Option<String>, Query, description = "Started earlier: an RFC 3339 time, or a day in UTC"),
        ("limit" = Option<u32>, Query, description = "1-100, 20 when left out"),
        ("cursor" = Option<String>, Query, description = "next_cursor of an earlier answer"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = inline(super::envelope::ListEnvelope<SagaBody>)),
        (status = "4XX", description = "A parameter cannot be accepted", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn list_sagas(mut query: Query, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let statuses = "running, waiting, compensating, completed, compensated or needs_attention";
    let filter = SagaFilter {
        statuses: query.several("status", statuses),
        definition: query.text("definition"),
        step: query.text("step"),
        created_before: query.time("created_before"),
    };
    let (limit, page) = query.page(SagaId::from_uuid);
    query.finish()?;
    let sagas = context.service.queries().sagas.sagas(filter, page).await.map_err(ServiceError::from)?;
    Ok(list(sagas, limit, |row| row.id.to_string(), SagaBody::from))
}

/// Reads a saga.
#[utoipa::path(
    get, path = "/sagas/{id}", tag = "sagas",
    params(
        ("id" = Uuid, Path, description = "The saga's id"),
        ("wait" = Option<u32>, Query, description = "Answer when the saga rests or so many seconds (0-60) have passed"),
    ),
    responses(
        (status = 200, description = "The saga", body = inline(super::envelope::Envelope<SagaBody>)),
        (status = "4XX", description = "No such saga", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(
    request: HttpRequest,
    mut query: Query,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, SagaId::from_uuid)?;
    let wait = query.wait();
    query.finish()?;
    context.service.wait_for_rest(id, wait).await?;
    let view = context.service.saga_view(id).await?;
    Ok(success(StatusCode::OK, SagaBody::from(view)).finish())
}

/// The reason, where one is given.
fn note(body: OperatorBody) -> Result<Option<String>, Problem> {
    let note = body.reason.map(Note::parse).transpose();
    note.map(|note| note.map(|note| note.as_str().to_owned()))
        .map_err(|error| Problem::field("reason", error.to_string()))
}

/// Turns a saga back.
#[utoipa::path(
    post, path = "/sagas/{id}/cancel", tag = "sagas",
    params(
        ("id" = Uuid, Path, description = "The saga's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters"),
    ),
    request_body = CancelBody,
    responses(
        (status = 202, description = "The saga is on its way back", body = inline(super::envelope::Envelope<SagaBody>)),
        (status = "4XX", description = "No such saga, past its pivot, or over", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn cancel(
    request: HttpRequest,
    query: Query,
    body: OptionalBody<CancelBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let id = path_id(&request, SagaId::from_uuid)?;
    let claim = claim(&request, &body)?;
    let replayed = context.service.cancel_saga(id, CancelBy::Operator, body.value.note()?, claim).await?;
    let saga = SagaBody::from(context.service.saga_view(id).await?);
    Ok(success(StatusCode::ACCEPTED, saga).replayed(replayed).finish())
}

/// Tries a stuck or waiting saga again, now and with fresh attempts.
#[utoipa::path(
    post, path = "/sagas/{id}/retry", tag = "sagas",
    params(
        ("id" = Uuid, Path, description = "The saga's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1-255 visible characters"),
    ),
    request_body(content = Option<OperatorBody>),
    responses(
        (status = 202, description = "The saga goes on", body = inline(super::envelope::Envelope<SagaBody>)),
        (status = "4XX", description = "No such saga, or over", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn retry(
    request: HttpRequest,
    query: Query,
    body: OptionalBody<OperatorBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    query.finish()?;
    let id = path_id(&request, SagaId::from_uuid)?;
    let claim = claim(&request, &body)?;
    let replayed = context.service.retry_saga(id, note(body.value)?, claim).await?;
    let saga = SagaBody::from(context.service.saga_view(id).await?);
    Ok(success(StatusCode::ACCEPTED, saga).replayed(replayed).finish())
}
