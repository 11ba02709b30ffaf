//! A saga's log over HTTP: whole, or as a stream of server-sent events (WHATWG HTML, section 9.2).
//!
//! ```text
//!   retry: 1000
//!   id: 7                                    one for each event of the log, from 0 or after Last-Event-ID
//!   data: {"seq":7,"event":"step_done",…}
//!   : still here                             every 15 s, so that nobody on the way takes the silence for an end
//!   event: rest                              the last one: the saga
//!   data: {"id":"…","status":"completed",…}
//! ```
//!
//! A stream that breaks off is gone on with by `Last-Event-ID`, on any node; a saga that rests and has nothing more
//! to tell answers 204, which ends a browser's reconnecting.

use super::{Context, Problem, envelope::success, params::path_id, resource, sagas::SagaBody, wire::Time};
use crate::{
    domain::ids::SagaId,
    service::{Followed, Follower, LoggedEvent},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web::{self, Bytes},
};
use futures::stream;
use serde::Serialize;
use std::{convert::Infallible, fmt::Write as _, time::Duration};
use tokio::time::timeout;
use utoipa::ToSchema;

/// The longest silence of a stream. Proxies give up on a connection after 30 s or more without a byte.
const SILENCE: Duration = Duration::from_secs(15);
/// What a stream begins with: a client whose stream breaks off comes back after a second.
const HELLO: &str = "retry: 1000\n\n";
const STILL_HERE: &str = ": still here\n\n";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/sagas/{id}/log", [(Method::GET, web::to(read))]);
    resource(config, "/sagas/{id}/events", [(Method::GET, web::to(follow))]);
}

/// An event of a saga's log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EventBody {
    /// The event's number in the log, from 0.
    seq: u32,
    at: Time,
    /// The node that wrote it.
    #[schema(value_type = String)]
    node: std::sync::Arc<str>,
    /// What happened.
    event: &'static str,
    stage: Option<&'static str>,
    step: Option<&'static str>,
    attempt: Option<u32>,
    duration_ms: Option<u64>,
    /// What went wrong, or why it was refused.
    error: Option<String>,
    /// What an operator said who cancelled or retried the saga.
    note: Option<String>,
}

impl From<LoggedEvent> for EventBody {
    fn from(logged: LoggedEvent) -> Self {
        let LoggedEvent { seq, at, node, event, stage, step, attempt, duration_ms, error, note } = logged;
        Self { seq, at: Time(at), node, event, stage, step, attempt, duration_ms, error, note }
    }
}

/// A message of a stream of server-sent events, field by field. Never made: the stream is written as text.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it documents what is written as text")]
pub(super) struct MessageBody {
    /// The event's number in the log; none with `rest`.
    id: Option<String>,
    /// `rest` with the last message, nothing with others.
    event: Option<String>,
    /// JSON: an event of the log, or with `rest` the saga.
    data: Option<String>,
    /// How long to wait before coming back, in milliseconds.
    retry: Option<u32>,
}

/// Reads a saga's log.
#[utoipa::path(
    get, path = "/sagas/{id}/log", tag = "sagas",
    params(("id" = Uuid, Path, description = "The saga's id")),
    responses(
        (status = 200, description = "Every event, in order", body = inline(super::envelope::Envelope<Vec<EventBody>>)),
        (status = "4XX", description = "No such saga, or its log cannot be used", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn read(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let log = context.service.saga_log(path_id(&request, SagaId::from_uuid)?).await?;
    let bodies: Vec<_> = log.into_iter().map(EventBody::from).collect();
    Ok(success(StatusCode::OK, bodies).finish())
}

/// Follows a saga's log as server-sent events, until the saga rests.
#[utoipa::path(
    get, path = "/sagas/{id}/events", tag = "sagas",
    params(
        ("id" = Uuid, Path, description = "The saga's id"),
        ("Last-Event-ID" = Option<u32>, Header, description = "The seq of the last event that was received: the stream goes on after it"),
    ),
    responses(
        (status = 200, description = "A message for each event of the log, its id the seq and its data as in the log; once the saga rests, an event `rest` with the saga", body = MessageBody, content_type = "text/event-stream"),
        (status = 204, description = "The saga rests, and there are no further events"),
        (status = "4XX", description = "No such saga, or its log cannot be used", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
        (status = 503, description = "Too many sagas are followed, or storage is away", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn follow(request: HttpRequest, context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let id = path_id(&request, SagaId::from_uuid)?;
    let last = last_event_id(&request)?;
    let mut follower = context.service.follow(id, last.map_or(0, |last| last.saturating_add(1)))?;
    let first = follower.look().await?;
    if last.is_some() && matches!(first, Some(Followed::Rests(_))) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut text = HELLO.to_owned();
    let over = first.is_some_and(|first| write(&mut text, first));
    let begun = Stream { unsent: Some(text), follower: (!over).then_some(follower) };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        // Some proxies would otherwise gather what is meant to be seen at once.
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(stream::unfold(begun, Stream::go_on)))
}

/// The header that a browser sends by itself when it comes back.
fn last_event_id(request: &HttpRequest) -> Result<Option<u32>, Problem> {
    let Some(given) = request.headers().get("last-event-id").filter(|given| !given.is_empty()) else {
        return Ok(None);
    };
    let number = given.to_str().ok().and_then(|given| given.parse().ok());
    number.map(Some).ok_or_else(|| Problem::field("Last-Event-ID", "must be the id of an event, a whole number from 0"))
}

/// A stream of messages: what is to be sent first, and who finds out what follows, if anything does.
struct Stream {
    unsent: Option<String>,
    follower: Option<Follower>,
}

impl Stream {
    async fn go_on(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if let Some(text) = self.unsent.take() {
            return Some((Ok(text.into()), self));
        }
        let mut follower = self.follower.take()?;
        let mut text = String::new();
        match timeout(SILENCE, follower.next()).await {
            Err(_) => text.push_str(STILL_HERE),
            Ok(Ok(Followed::Stopping)) => return None,
            Ok(Ok(done)) => {
                if write(&mut text, done) {
                    return Some((Ok(text.into()), self));
                }
            }
            // The client comes back, and is told then.
            Ok(Err(error)) => {
                tracing::warn!(%error, "a saga cannot be followed any further");
                return None;
            }
        }
        self.follower = Some(follower);
        Some((Ok(text.into()), self))
    }
}

/// Writes what a saga has done as messages; whether nothing follows.
fn write(text: &mut String, done: Followed) -> bool {
    match done {
        Followed::Events(events) => {
            for event in events {
                let seq = event.seq;
                let json = serde_json::to_string(&EventBody::from(event)).unwrap_or_default();
                let _ = write!(text, "id: {seq}\ndata: {json}\n\n");
            }
            false
        }
        Followed::Rests(view) => {
            let json = serde_json::to_string(&SagaBody::from(*view)).unwrap_or_default();
            let _ = write!(text, "event: rest\ndata: {json}\n\n");
            true
        }
        Followed::Stopping => true,
    }
}
