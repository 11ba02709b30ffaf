//! What a run came to, for a program: names are stable, units last.

use super::{
    counters::{Batches, Counters, per},
    latency::{Bar, Percentiles},
    options::Options,
    process::Usage,
    schedule::as_f64,
    tally::{Absence, DatabaseRestart, Tally},
    timeline::Point,
    verdict::Verdict,
};
use crate::release;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// Bars of the latency distribution to a factor of ten.
const BARS_PER_DECADE: u32 = 20;

/// A run's report.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// Whether the audit is clean and every acknowledged order is there with its saga at rest.
    pub(super) passed: bool,
    pub(super) version: &'static str,
    pub(super) run: Asked,
    /// From the first order to the last saga's end.
    pub(super) elapsed_s: f64,
    pub(super) placed: u64,
    pub(super) acknowledged: u64,
    pub(super) completed: u64,
    pub(super) compensated: u64,
    pub(super) compensated_by_cause: BTreeMap<String, u64>,
    pub(super) needs_attention: u64,
    /// Answers 503.
    pub(super) refused: u64,
    /// Requests that were not answered, and were sent again.
    pub(super) connections_lost: u64,
    pub(super) errors: u64,
    pub(super) error_examples: Vec<String>,
    pub(super) sagas_per_s: f64,
    pub(super) latency_ms: Percentiles,
    pub(super) crashes: u64,
    pub(super) kills: Vec<Absence>,
    pub(super) freezes: Vec<Absence>,
    pub(super) database_restarts: Vec<DatabaseRestart>,
    /// How often a node has ended because others had given it up.
    pub(super) nodes_given_up: u64,
    /// The longest time from the loss of a request to the end of its order's saga.
    pub(super) longest_recovery_s: f64,
    pub(super) actor_restarts: u64,
    pub(super) actor_restarts_by_actor: BTreeMap<String, u64>,
    pub(super) server: Server,
    /// Processor time of the load generator itself, in seconds.
    pub(super) generator_cpu_s: Option<f64>,
    pub(super) store: Store,
    pub(super) verdict: Verdict,
    pub(super) timeline_width_s: f64,
    pub(super) timeline: Vec<Point>,
    pub(super) latency_distribution: Vec<Bar>,
}

/// What was asked for.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    pub(super) concurrency: u16,
    /// Orders a second; nothing in a closed loop.
    pub(super) rate: Option<f64>,
    pub(super) orders: Option<u64>,
    pub(super) duration_s: f64,
    pub(super) mix: &'static str,
    /// What the random part of the orders comes from, where there is one.
    pub(super) seed: Option<u32>,
    pub(super) fail: f64,
    pub(super) crash: Option<String>,
    pub(super) kill_server_s: Option<f64>,
    /// Servers on one PostgreSQL.
    pub(super) nodes: Option<u8>,
    pub(super) kill_node_s: Option<f64>,
    pub(super) freeze_node_s: Option<f64>,
    pub(super) restart_db_s: Option<f64>,
    pub(super) own_server: bool,
}

/// What the server's processes used during the run; nothing is known of one behind a URL.
#[derive(Debug, Default, Serialize)]
pub(super) struct Server {
    pub(super) cpu_s: Option<f64>,
    pub(super) cpu_us_per_saga: Option<f64>,
    pub(super) peak_rss_mib: Option<f64>,
}

/// What the store did during the run.
#[derive(Debug, Default, Serialize)]
pub(super) struct Store {
    pub(super) commits_per_s: f64,
    pub(super) mean_batch: f64,
    pub(super) statements_per_saga: f64,
    pub(super) batch_sizes: Vec<Batches>,
}

/// What was measured beside the tally.
pub(super) struct Measured {
    pub(super) counters: Counters,
    pub(super) server: Option<Usage>,
    pub(super) generator: Option<Duration>,
    pub(super) crash: Option<String>,
    pub(super) seed: Option<u32>,
    pub(super) given_up: u64,
}

impl Report {
    pub(super) fn new(options: &Options, tally: &Tally, measured: &Measured, verdict: Verdict) -> Self {
        let took = tally.took();
        let took_s = took.as_secs_f64().max(1e-9);
        let seconds = |every: Option<Duration>| every.map(|every| every.as_secs_f64());
        let ended = tally.ended_in_all();
        let restarts: BTreeMap<String, u64> =
            measured.counters.restarts().into_iter().map(|(actor, restarts)| (actor, whole(restarts))).collect();
        Self {
            passed: verdict.is_good(),
            version: release::VERSION,
            run: Asked {
                concurrency: options.concurrency,
                rate: options.rate,
                orders: options.orders,
                duration_s: options.longest().as_secs_f64(),
                mix: options.mix.as_str(),
                seed: measured.seed,
                fail: options.fail,
                crash: measured.crash.clone(),
                kill_server_s: seconds(options.kill_server),
                nodes: options.nodes,
                kill_node_s: seconds(options.kill_node),
                freeze_node_s: seconds(options.freeze_node),
                restart_db_s: seconds(options.restart_db),
                own_server: options.url.is_none(),
            },
            elapsed_s: took.as_secs_f64(),
            placed: tally.placed,
            acknowledged: tally.acknowledged.len() as u64,
            completed: tally.completed,
            compensated: tally.compensated.values().sum(),
            compensated_by_cause: tally.compensated.clone(),
            needs_attention: tally.needs_attention,
            refused: tally.refused,
            connections_lost: tally.lost,
            errors: tally.errors,
            error_examples: tally.examples.clone(),
            sagas_per_s: tally.rate(),
            latency_ms: tally.latency.percentiles(),
            crashes: tally.crashes,
            kills: tally.kills.clone(),
            freezes: tally.freezes.clone(),
            database_restarts: tally.database_restarts.clone(),
            nodes_given_up: measured.given_up,
            longest_recovery_s: tally.longest_recovery.as_secs_f64(),
            actor_restarts: restarts.values().sum(),
            actor_restarts_by_actor: restarts,
            server: Server::new(measured.server, ended),
            generator_cpu_s: measured.generator.map(|cpu| cpu.as_secs_f64()),
            store: Store::new(&measured.counters, took_s, ended),
            verdict,
            timeline_width_s: tally.timeline.width().as_secs_f64(),
            timeline: tally.timeline.points(took),
            latency_distribution: tally.latency.bars(BARS_PER_DECADE),
        }
    }
}

impl Server {
    fn new(usage: Option<Usage>, ended: u64) -> Self {
        let cpu_s = usage.map(|usage| usage.cpu.as_secs_f64());
        Self {
            cpu_s,
            cpu_us_per_saga: cpu_s.map(|cpu| per(cpu * 1e6, ended)),
            peak_rss_mib: usage.map(|usage| as_f64(usage.peak_bytes) / f64::from(1 << 20)),
        }
    }
}

impl Store {
    fn new(counters: &Counters, seconds: f64, ended: u64) -> Self {
        let commits = counters.total("store_commits_total");
        let mean_batch = if commits > 0.0 { counters.total("store_commands_total") / commits } else { 0.0 };
        Self {
            commits_per_s: commits / seconds,
            mean_batch,
            statements_per_saga: per(counters.total("store_statements_total"), ended),
            batch_sizes: counters.batches(),
        }
    }
}

/// A counter, which is whole and not negative, as one.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a counter is whole and not negative")]
fn whole(counter: f64) -> u64 {
    counter.round() as u64
}
