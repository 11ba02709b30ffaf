//! The load generator: places orders, crashes what it is told to crash, and audits what is left.
//!
//! ```text
//!   Options ─▶ Nodes (child processes, or a URL) ◀── kills · freezes · crashes ──┐
//!                 ▲  ▲   └── PostgreSQL, where there are several ◀── restarts ───┤
//!                 │  └── Shops to order from, where the mix has any              │
//!       clients ──┘ Schedule hands out orders, Tally counts                      │ one thread
//!       watch ───── /metrics, /proc, the progress bar ───────────────────────────┘
//!                  ▼
//!   every saga rests ─▶ audit, acknowledged orders looked up ─▶ Report: table, JSON, page
//! ```
//!
//! Owns how load is made and measured. Sees the server as any client does, over HTTP, and judges it by
//! the audit of the library; must not reach into a server, nor know how it works.
//!
//! It shares its machine with the server, so it is lean: one thread, hyper's bare connections, bodies made
//! once where they are alike, and of an answer only what counts is read.

pub mod postgres;

mod chart;
mod client;
mod clients;
mod cluster;
mod counters;
mod crashes;
mod error;
mod freezes;
mod grpc;
mod kills;
mod latency;
mod nodes;
mod options;
mod order;
mod page;
mod plots;
mod process;
mod report;
mod restarts;
mod run;
mod schedule;
mod server;
mod shops;
mod stop;
mod table;
mod tally;
mod target;
mod timeline;
mod verdict;
mod watch;

pub use cluster::{ClusterOptions, cluster};
pub use crashes::CrashPlan;
pub use error::LoadError;
pub use options::{Mix, Options};
pub use target::Target;

use client::Client;
use clients::Customer;
use futures::future::{LocalBoxFuture, join_all, select_all};
use hyper::http::Uri;
use nodes::Nodes;
use order::{Orders, read};
use process::Usage;
use report::{Measured, Report};
use run::Run;
use schedule::Schedule;
use serde::Deserialize;
use shops::Shops;
use std::{
    cell::{Cell, RefCell},
    ffi::OsString,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};
use tally::Tally;
use tokio::time::sleep;
use verdict::Verdict;

/// How long sagas whose end no client has seen may take to rest after the last order.
const REST_BOUND: Duration = Duration::from_mins(1);
/// How often it is looked whether the last trouble is over.
const LOOK: Duration = Duration::from_millis(5);

/// Runs a load and prints what it came to; whether every promise was kept. `server_arguments` are handed
/// to the servers that it starts, if it starts any.
///
/// # Errors
/// When the run cannot be made or judged.
pub async fn run(options: &Options, server_arguments: Vec<OsString>) -> Result<bool, LoadError> {
    let (json, html) = (create(options.json.as_deref())?, create(options.html.as_deref())?);
    let nodes = Rc::new(tokio::select! {
        started = Nodes::start(options, server_arguments) => started?,
        () = stop::asked() => return Err(LoadError::Interrupted),
    });
    let loaded = tokio::select! {
        report = load(options, &nodes) => report,
        () = stop::asked_again() => Err(LoadError::Interrupted),
    };
    let kept = match &loaded {
        Ok(Report { passed: true, .. }) | Err(LoadError::Interrupted) => Vec::new(),
        Ok(_) | Err(_) => nodes.keep(),
    };
    nodes.end();
    if let Ok(report) = &loaded {
        print!("{report}");
    }
    kept.iter().for_each(|line| println!("{line}"));
    let report = loaded?;
    if let Some((path, mut file)) = json {
        let written = serde_json::to_writer_pretty(&mut file, &report).map_err(io::Error::from);
        written.and_then(|()| writeln!(file)).map_err(|source| LoadError::Write { path, source })?;
    }
    if let Some((path, mut file)) = html {
        file.write_all(page::page(&report).as_bytes()).map_err(|source| LoadError::Write { path, source })?;
    }
    Ok(report.passed)
}

/// Opens a report's file before the run, so that no run is lost because of a mistyped path.
fn create(path: Option<&Path>) -> Result<Option<(PathBuf, File)>, LoadError> {
    let Some(path) = path else { return Ok(None) };
    let file = File::create(path).map_err(|source| LoadError::Write { path: path.to_owned(), source })?;
    Ok(Some((path.to_owned(), file)))
}

/// Loads the servers, waits until every saga rests, and judges.
async fn load(options: &Options, nodes: &Rc<Nodes>) -> Result<Report, LoadError> {
    nodes.until_ready().await?;
    let targets = nodes.targets();
    let first = targets.first().ok_or_else(|| LoadError::NotReady("there is none".to_owned()))?;
    let plan = crash_plan(options, first).await?;
    let key = format!("load-{:016x}", fastrand::u64(..));
    let orders = orders(options, first, &key).await?;
    nodes.read_counters().await;
    let used = || (nodes.usage(), Usage::of(std::process::id()));
    let (server_before, own_before) = used();

    let callers = nodes.grpc_address().map(grpc::callers).unwrap_or_default();
    let clients = clients::connected(&targets, callers, options.concurrency).await;
    let run = Rc::new(begin(options, Rc::clone(nodes), key, orders));
    place_all(options, &run, clients, plan.as_ref()).await?;

    nodes.until_ready().await?;
    nodes.read_counters().await;
    let (server_after, own_after) = used();
    see_the_rest(&run).await;
    let measured = Measured {
        counters: nodes.counters().await,
        server: server_after.map(|after| after.since(server_before.unwrap_or_default())),
        generator: own_after.map(|after| after.since(own_before.unwrap_or_default()).cpu),
        crash: plan.map(|plan| plan.to_string()),
        seed: run.orders.seed(),
        given_up: nodes.given_up(),
    };
    let verdict = judge(&run).await?;
    Ok(Report::new(options, &run.tally.borrow(), &measured, verdict))
}

/// What is ordered. Makes the shops that the orders need.
async fn orders(options: &Options, target: &Target, key: &str) -> Result<Orders, LoadError> {
    let shops = match options.mix {
        Mix::Simple => None,
        Mix::Shops | Mix::Mixed => Some(Shops::make(target, key).await?),
    };
    let seed = options.seed.unwrap_or_else(|| fastrand::u32(..));
    Ok(Orders::new(options.mix, shops, options.fail, seed))
}

fn begin(options: &Options, nodes: Rc<Nodes>, key: String, orders: Orders) -> Run {
    let start = Instant::now();
    Run {
        nodes,
        orders,
        schedule: RefCell::new(Schedule::new(start, options.most_orders(), options.longest(), options.rate)),
        tally: RefCell::new(Tally::new(start, options.longest())),
        half: options.orders.map_or(u64::MAX, |orders| orders / 2),
        key,
        is_over: Cell::new(false),
        troubles: Cell::new(0),
    }
}

/// Has every order placed and waited for, while making the trouble that is asked for.
async fn place_all(
    options: &Options,
    run: &Rc<Run>,
    clients: Vec<Customer>,
    plan: Option<&CrashPlan>,
) -> Result<(), LoadError> {
    let bar = watch::bar(options);
    let place = |client| actix_rt::spawn(clients::place_orders(Rc::clone(run), client));
    let clients = join_all(clients.into_iter().map(place));
    let all_is_quiet = async {
        clients.await;
        run.is_over.set(true);
        while run.troubles.get() > 0 {
            sleep(LOOK).await;
        }
    };
    let ended = tokio::select! {
        () = all_is_quiet => Ok(()),
        error = trouble(options, run, plan) => Err(error),
        error = watch::go_on(run, &bar) => Err(error),
        () = stop::when_asked(run) => Ok(()),
    };
    bar.finish_and_clear();
    ended
}

/// Makes all the trouble that is asked for. Resolves only when it can be made no more.
async fn trouble(options: &Options, run: &Run, plan: Option<&CrashPlan>) -> LoadError {
    let mut all: Vec<LocalBoxFuture<'_, LoadError>> = vec![Box::pin(std::future::pending())];
    for crashes in plan.iter().flat_map(|CrashPlan(plan)| plan) {
        all.push(Box::pin(async { LoadError::Crash(crashes.go_on(run).await) }));
    }
    if let Some(every) = options.kill_server.or(options.kill_node) {
        all.push(Box::pin(kills::go_on(run, every)));
    }
    if let Some(every) = options.freeze_node {
        all.push(Box::pin(freezes::go_on(run, every)));
    }
    if let (Some(every), Some(database)) = (options.restart_db, run.nodes.postgres()) {
        all.push(Box::pin(async move { restarts::go_on(run, &database, every).await }));
    }
    select_all(all).await.0
}

/// Sees the orders that were acknowledged, but whose end their clients gave up waiting for, to their end.
async fn see_the_rest(run: &Run) {
    let unfinished = std::mem::take(&mut run.tally.borrow_mut().unfinished);
    let give_up = Instant::now() + REST_BOUND;
    let mut client = clients::onlooker(run);
    for saga in unfinished {
        // What is not at rest by then is reported as such.
        let _ = clients::end_of(&mut client, saga, give_up).await;
    }
}

async fn judge(run: &Run) -> Result<Verdict, LoadError> {
    let acknowledged = run.tally.borrow().acknowledged.clone();
    if let Some(path) = run.nodes.sqlite() {
        return verdict::of_database(&path, &acknowledged).await;
    }
    let targets = run.nodes.targets();
    let unfinished = match (run.nodes.postgres(), targets.first()) {
        (Some(_), Some(first)) => Some(verdict::unfinished(first, Instant::now() + REST_BOUND).await?),
        _ => None,
    };
    let verdict = verdict::of_servers(&targets, &acknowledged).await?;
    Ok(Verdict { unfinished, ..verdict })
}

/// What is to be crashed; an error when the server has no such actor.
async fn crash_plan(options: &Options, target: &Target) -> Result<Option<CrashPlan>, LoadError> {
    #[derive(Deserialize)]
    struct Actor {
        name: String,
    }
    if options.crash.is_none() && options.crash_all.is_none() {
        return Ok(None);
    }
    let mut client = Client::new(target.clone(), Duration::from_secs(5));
    let failed = |error: String| LoadError::Crash(format!("cannot list the server's actors: {error}"));
    let answer = client.get(&Uri::from_static("/admin/actors")).await.map_err(|error| failed(error.to_string()))?;
    let mut known: Vec<String> =
        read::<Vec<Actor>>(&answer.body).map_err(failed)?.into_iter().map(|actor| actor.name).collect();
    // Shards of one actor share its name.
    known.sort();
    known.dedup();
    if let Some(unknown) = options.crash.as_ref().and_then(|plan| plan.unknown(&known)) {
        return Err(LoadError::Crash(format!("this server has no actor {unknown}: it has {}", known.join(", "))));
    }
    Ok(options.crash.clone().or_else(|| options.crash_all.map(|rate| CrashPlan::all(known, rate))))
}
