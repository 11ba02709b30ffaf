//! Health, readiness and metrics.

use super::{Context, Problem, resource};
use crate::store::Stats;
use actix_web::{HttpResponse, http::Method, http::header, web};
use serde::Serialize;
use std::sync::atomic::AtomicU64;
use utoipa::ToSchema;

pub(super) fn routes(config: &mut web::ServiceConfig) {
    resource(config, "/healthz", [(Method::GET, web::to(health))]);
    resource(config, "/readyz", [(Method::GET, web::to(ready))]);
    resource(config, "/metrics", [(Method::GET, web::to(metrics))]);
}

/// Whether the server is well.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct HealthBody {
    /// `ok`.
    status: &'static str,
}

/// Says that the process is alive.
#[utoipa::path(
    get, path = "/healthz", tag = "operations",
    responses((status = 200, description = "The process is alive", body = HealthBody))
)]
pub(super) async fn health() -> HttpResponse {
    HttpResponse::Ok().json(HealthBody { status: "ok" })
}

/// Says whether the server accepts work and accepted work advances.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses(
        (status = 200, description = "Ready", body = HealthBody),
        (status = 503, description = "Not ready", body = super::problem::ProblemDocument, content_type = "application/problem+json"),
    )
)]
pub(super) async fn ready(context: web::Data<Context>) -> Result<HttpResponse, Problem> {
    context.service.ready(&context.fatal).await?;
    Ok(HttpResponse::Ok().json(HealthBody { status: "ok" }))
}

/// Metrics for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus text", body = String, content_type = "text/plain"))
)]
pub(super) async fn metrics(context: web::Data<Context>) -> HttpResponse {
    context.service.refresh_gauges().await;
    publish(&context);
    let text = context.metrics.render();
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4")).body(text)
}

/// Hands over what is counted elsewhere, where counting costs nothing on the hot path.
fn publish(context: &Context) {
    let service = &context.service;
    let stats = service.store_stats();
    let counters: [(&'static str, &AtomicU64); 4] = [
        ("store_commits_total", &stats.commits),
        ("store_commands_total", &stats.commands),
        ("store_statements_total", &stats.statements),
        ("store_reruns_total", &stats.reruns),
    ];
    for (name, counter) in counters {
        metrics::counter!(name).absolute(Stats::get(counter));
    }
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    metrics::gauge!("sagas_in_hand").set(service.actors().admission.in_hand() as f64);
    for peer in service.peers() {
        let is_there = peer.state().away.is_none();
        metrics::gauge!("peer_there", "role" => peer.role().as_str()).set(f64::from(u8::from(is_there)));
    }
    for watched in service.actors().watched() {
        let actor = &watched.status;
        let (batches, commands) = actor.work();
        let labels = [("actor", actor.name())];
        metrics::counter!("actor_restarts_total", &labels).absolute(actor.restarts());
        metrics::counter!("actor_batches_total", &labels).absolute(batches);
        metrics::counter!("actor_commands_total", &labels).absolute(commands);
    }
}
