//! What operators see and do: actors, crashes on purpose, the audit.

use super::{
    Code, Context, Problem,
    body::{Body, Ruled},
    envelope::success,
    idempotency::claim,
    params::Query,
    resource,
    wire::Time,
};
use crate::{
    actors::{CrashMode, Watched},
    audit::Report,
    peers::LinkState,
    service::{ServiceError, What},
    store::{Node, NodeState},
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/admin/actors", [(Method::GET, web::to(list_actors))]);
    resource(config, "/admin/actors/{name}/crash", [(Method::POST, web::to(crash))]);
    resource(config, "/admin/nodes", [(Method::GET, web::to(list_nodes))]);
    resource(config, "/admin/peers", [(Method::GET, web::to(list_peers))]);
}

/// An audit needs what every owner has stored, and so the peers of a coordinator.
pub(super) fn audit_routes(config: &mut web::ServiceConfig) {
    resource(config, "/admin/audit", [(Method::GET, web::to(run_audit))]);
}

/// A supervised actor.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ActorBody {
    /// `order`, `stock`, `payment`, `notifier`, `shipping`, `catalog` or `coordinator`; where roles run apart,
    /// `payment_proxy` carries messages to the process that has the payments, and so on.
    name: &'static str,
    shard: u32,
    /// `running`, `restarting` or `failed`.
    state: &'static str,
    /// Restarts since the process started.
    restarts: u64,
    /// What its latest panic said.
    last_panic: Option<String>,
    /// Batches committed since the process started.
    batches: u64,
    /// Commands in a batch, on average.
    mean_batch: f64,
    /// When it entered its state.
    since: Time,
}

impl From<&Watched> for ActorBody {
    fn from(watched: &Watched) -> Self {
        let status = &watched.status;
        let (batches, commands) = status.work();
        #[expect(clippy::cast_precision_loss, reason = "an average for people")]
        let mean_batch = if batches == 0 { 0.0 } else { commands as f64 / batches as f64 };
        Self {
            name: status.name(),
            shard: 0,
            state: status.state().as_str(),
            restarts: status.restarts(),
            last_panic: status.last_panic(),
            batches,
            mean_batch: (mean_batch * 100.0).round() / 100.0,
            since: Time(status.since()),
        }
    }
}

/// A process that drives sagas.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NodeBody {
    /// Its name, `node.id`.
    id: String,
    /// Which start of it; a later one has a higher. 0 on SQLite.
    epoch: i64,
    /// The release that it runs.
    version: String,
    /// `alive`; `late`, when its lease has ended; `given_up`, when it has stopped or others take its sagas over.
    state: &'static str,
    started_at: Time,
    /// When it renewed its lease last, by the database's clock, as all times here.
    last_seen_at: Time,
    /// When its lease ends unless it renews it. `null` on SQLite, which has one node alone.
    lease_until: Option<Time>,
    /// Sagas that it owns and that have not come to rest.
    sagas: u64,
    /// Whether it is the one that answers.
    is_this: bool,
}

impl From<Node> for NodeBody {
    fn from(node: Node) -> Self {
        Self {
            id: node.id,
            epoch: node.epoch,
            version: node.version,
            state: match node.state {
                NodeState::Alive => "alive",
                NodeState::Late => "late",
                NodeState::GivenUp => "given_up",
            },
            started_at: Time(node.started_at),
            last_seen_at: Time(node.seen_at),
            lease_until: node.lease_until.map(Time),
            sagas: node.sagas,
            is_this: node.is_this,
        }
    }
}

/// A process that plays a role that this one asks something of.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PeerBody {
    /// `order`, `stock`, `payment`, `shipping` or `coordinator`.
    role: &'static str,
    /// Its gRPC address.
    url: String,
    /// `there`; `away`, when it has not answered last.
    state: &'static str,
    /// For how long it has not answered, in milliseconds.
    away_ms: Option<u64>,
    /// What went wrong last.
    error: Option<String>,
}

impl From<LinkState> for PeerBody {
    fn from(link: LinkState) -> Self {
        let (away_for, error) = link.away.unzip();
        Self {
            role: link.role.as_str(),
            url: link.url,
            state: if error.is_some() { "away" } else { "there" },
            away_ms: away_for.map(|away| u64::try_from(away.as_millis()).unwrap_or(u64::MAX)),
            error,
        }
    }
}

/// How to crash an actor.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CrashBody {
    mode: CrashModeName,
}

impl Ruled for CrashBody {}

/// A way to crash.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum CrashModeName {
    /// A handler panics.
    Panic,
    /// The actor stops.
    Stop,
    /// One of the actor's futures panics.
    PanicInFuture,
}

impl From<CrashModeName> for CrashMode {
    fn from(name: CrashModeName) -> Self {
        match name {
            CrashModeName::Panic => Self::Panic,
            CrashModeName::Stop => Self::Stop,
            CrashModeName::PanicInFuture => Self::PanicInFuture,
        }
    }
}

/// An actor that is about to crash.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CrashedBody {
    name: String,
}

/// Lists the actors.
#[utoipa::path(
    get, path = "/admin/actors", tag = "admin",
    responses((status = 200, description = "Every actor", body = inline(super::envelope::Envelope<Vec<ActorBody>>)))
)]
pub(super) async fn list_actors(context: web::Data<Context>) -> HttpResponse {
    let actors: Vec<_> = context.service.actors().watched().iter().map(ActorBody::from).collect();
    success(StatusCode::OK, actors).finish()
}

/// Lists the nodes.
#[utoipa::path(
    get, path = "/admin/nodes", tag = "admin",
    responses((status = 200, description = "Every node, the latest first, and those that were given up lately", body = inline(super::envelope::Envelope<Vec<NodeBody>>)))
)]
pub(super) async fn list_nodes(context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let nodes: Vec<_> = context.service.nodes().await?.into_iter().map(NodeBody::from).collect();
    Ok(success(StatusCode::OK, nodes).finish())
}

/// Lists the processes that play roles that this one asks something of; none where one process plays all.
#[utoipa::path(
    get, path = "/admin/peers", tag = "admin",
    responses((status = 200, description = "Every peer", body = inline(super::envelope::Envelope<Vec<PeerBody>>)))
)]
pub(super) async fn list_peers(context: web::Data<Context>) -> HttpResponse {
    let peers: Vec<_> = context.service.peers().iter().map(|peer| PeerBody::from(peer.state())).collect();
    success(StatusCode::OK, peers).finish()
}

/// Crashes an actor, where simulation is enabled.
#[utoipa::path(
    post, path = "/admin/actors/{name}/crash", tag = "admin",
    params(("name" = String, Path, description = "order, stock, payment, notifier, shipping, catalog or coordinator")),
    request_body = CrashBody,
    responses(
        (status = 202, description = "The actor crashes and is restarted", body = inline(super::envelope::Envelope<CrashedBody>)),
        (status = "4XX", description = "No such actor, or simulation is not enabled", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn crash(
    request: HttpRequest,
    query: Query,
    body: Body<CrashBody>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Problem> {
    if !context.service.policy().simulation {
        return Err(Problem::new(Code::NotFound, "actors can be crashed only where simulation.enabled is set"));
    }
    query.finish()?;
    let claim = claim(&request, &body)?;
    let name = request.match_info().query("name");
    let actors = context.service.actors();
    if !actors.watched().iter().any(|watched| watched.status.name() == name) {
        return Err(ServiceError::NotFound(What::Actor, name.to_owned()).into());
    }
    let replayed = context.crash_claims.is_repeated(claim)?;
    if !replayed {
        actors.crash(name, body.value.mode.into());
    }
    Ok(success(StatusCode::ACCEPTED, CrashedBody { name: name.to_owned() }).replayed(replayed).finish())
}

/// Checks every promise over the database. One pass is made at a time, and all who ask meanwhile share its report.
#[utoipa::path(
    get, path = "/admin/audit", tag = "admin",
    responses((status = 200, description = "Every check with its count and its offenders", body = inline(super::envelope::Envelope<Report>)))
)]
pub(super) async fn run_audit(context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    let report = context.service.audit().await?;
    Ok(success(StatusCode::OK, report.as_ref()).finish())
}
