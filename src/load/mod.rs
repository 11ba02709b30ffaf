//! The load generator: places orders, crashes what it is told to crash, and audits what is left.
//!
//! ```text
//!   Options ─▶ Server (a child process, or a URL) ◀── kills · crashes ──┐
//!                  ▲  ▲── Shops to order from, where the mix has any    │
//!        clients ──┘ Schedule hands out orders, Tally counts            │ one thread
//!        watch ───── /metrics, /proc, the progress bar ─────────────────┘
//!                  ▼
//!   every saga rests ─▶ audit, acknowledged orders looked up ─▶ Report: table, JSON, page
//! ```
//!
//! Owns how load is made and measured. Sees the server as any client does, over HTTP, and judges it by
//! the audit of the library; must not reach into a server, nor know how it works.
//!
//! It shares its machine with the server, so it is lean: one thread, hyper's bare connections, bodies made
//! once where they are alike, and of an answer only what counts is read.

mod chart;
mod client;
mod clients;
mod counters;
mod crashes;
mod error;
mod kills;
mod latency;
mod options;
mod order;
mod page;
mod plots;
pub mod postgres;
mod process;
mod report;
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

pub use crashes::CrashPlan;
pub use error::LoadError;
pub use options::{Mix, Options};
pub use target::Target;

use client::Client;
use counters::Scraper;
use futures::future::{join_all, select_all};
use hyper::http::Uri;
use order::{Orders, read};
use process::Usage;
use report::{Measured, Report};
use run::Run;
use schedule::Schedule;
use serde::Deserialize;
use server::Server;
use shops::Shops;
use std::{
    cell::RefCell,
    ffi::OsString,
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};
use tally::Tally;
use tokio::sync::Mutex;
use verdict::Verdict;

/// How long sagas whose end no client has seen may take to rest after the last order.
const REST_BOUND: Duration = Duration::from_mins(1);

/// Runs a load and prints what it came to; whether every promise was kept. `server_arguments` are handed
/// to the server that it starts, if it starts one.
///
/// # Errors
/// When the run cannot be made or judged.
pub async fn run(options: &Options, server_arguments: Vec<OsString>) -> Result<bool, LoadError> {
    let (json, html) = (create(options.json.as_deref())?, create(options.html.as_deref())?);
    let server = match options.url {
        Some(_) => None,
        None => Some(RefCell::new(Server::start(server_arguments)?)),
    };
    let report = tokio::select! {
        report = load(options, server.as_ref()) => report?,
        () = stop::asked_again() => return Err(LoadError::Interrupted),
    };
    print!("{report}");
    if let Some((path, mut file)) = json {
        let written = serde_json::to_writer_pretty(&mut file, &report).map_err(io::Error::from);
        written.and_then(|()| writeln!(file)).map_err(|source| LoadError::Write { path, source })?;
    }
    if let Some((path, mut file)) = html {
        file.write_all(page::page(&report).as_bytes()).map_err(|source| LoadError::Write { path, source })?;
    }
    if !report.passed
        && let Some(server) = server
    {
        println!("the database is kept: {}", server.into_inner().keep_database().display());
    }
    Ok(report.passed)
}

/// Opens a report's file before the run, so that no run is lost because of a mistyped path.
fn create(path: Option<&Path>) -> Result<Option<(PathBuf, File)>, LoadError> {
    let Some(path) = path else { return Ok(None) };
    let file = File::create(path).map_err(|source| LoadError::Write { path: path.to_owned(), source })?;
    Ok(Some((path.to_owned(), file)))
}

/// Loads a server, waits until every saga rests, and judges.
async fn load(options: &Options, server: Option<&RefCell<Server>>) -> Result<Report, LoadError> {
    let target = match (&options.url, server) {
        (Some(target), _) => target.clone(),
        (None, Some(server)) => server.borrow().target(),
        (None, None) => return Err(LoadError::NotReady("there is none".to_owned())),
    };
    let check = || server.map_or(Ok(()), |server| server.borrow_mut().note_end());
    server::wait_until_ready(&target, check).await?;
    let plan = crash_plan(options, &target).await?;
    let key = format!("load-{:016x}", fastrand::u64(..));
    let orders = orders(options, &target, &key).await?;
    let mut scraper = Scraper::new(target.clone());
    scraper.read().await;
    let scraper = Mutex::new(scraper);
    let used = || (server.map(|server| server.borrow().usage()), Usage::of(std::process::id()));
    let (server_before, own_before) = used();

    let clients = clients::connected(&target, options.concurrency).await;
    let run = Rc::new(begin(options, target, key, orders));
    place_all(options, &run, clients, server, &scraper, plan.as_ref()).await?;

    let check = || server.map_or(Ok(()), |server| server.borrow_mut().note_end());
    server::wait_until_ready(&run.target, check).await?;
    let mut scraper = scraper.into_inner();
    scraper.read().await;
    let (server_after, own_after) = used();
    see_the_rest(&run).await;
    let measured = Measured {
        counters: std::mem::take(&mut scraper.counters),
        server: server_after.map(|after| after.since(server_before.unwrap_or_default())),
        generator: own_after.map(|after| after.since(own_before.unwrap_or_default()).cpu),
        crash: plan.map(|plan| plan.to_string()),
        seed: run.orders.seed(),
    };
    let verdict = judge(&run, server).await?;
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

fn begin(options: &Options, target: Target, key: String, orders: Orders) -> Run {
    let start = Instant::now();
    Run {
        target,
        orders,
        schedule: RefCell::new(Schedule::new(start, options.most_orders(), options.longest(), options.rate)),
        tally: RefCell::new(Tally::new(start, options.longest())),
        key,
    }
}

/// Has every order placed and waited for, while crashing and killing as asked.
async fn place_all(
    options: &Options,
    run: &Rc<Run>,
    clients: Vec<Client>,
    server: Option<&RefCell<Server>>,
    scraper: &Mutex<Scraper>,
    plan: Option<&CrashPlan>,
) -> Result<(), LoadError> {
    let bar = watch::bar(options);
    let place = |client| actix_rt::spawn(clients::place_orders(Rc::clone(run), client));
    let clients = join_all(clients.into_iter().map(place));
    let crashes = async {
        match plan {
            Some(CrashPlan(plan)) => {
                let each = plan.iter().map(|crashes| Box::pin(crashes.go_on(run, clients::operator(run))));
                select_all(each).await.0
            }
            None => std::future::pending().await,
        }
    };
    let kills = async {
        match (options.kill_server, server) {
            (Some(every), Some(server)) => {
                let half = options.orders.map_or(u64::MAX, |orders| orders / 2);
                kills::go_on(run, server, scraper, every, half).await
            }
            _ => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        _ = clients => Ok(()),
        refused = crashes => Err(LoadError::Crash(refused)),
        error = kills => Err(error),
        error = watch::go_on(run, server, scraper, &bar) => Err(error),
        () = stop::when_asked(run) => Ok(()),
    };
    bar.finish_and_clear();
    ended
}

/// Sees the orders that were acknowledged, but whose end their clients gave up waiting for, to their end.
async fn see_the_rest(run: &Run) {
    let unfinished = std::mem::take(&mut run.tally.borrow_mut().unfinished);
    let give_up = Instant::now() + REST_BOUND;
    let mut client = clients::operator(run);
    for saga in unfinished {
        // What is not at rest by then is reported as such.
        let _ = clients::end_of(&mut client, saga, give_up).await;
    }
}

async fn judge(run: &Run, server: Option<&RefCell<Server>>) -> Result<Verdict, LoadError> {
    let acknowledged = run.tally.borrow().acknowledged.clone();
    match server {
        Some(server) => {
            let path = server.borrow().database();
            verdict::of_database(&path, acknowledged).await
        }
        None => verdict::of_server(&run.target, &acknowledged).await,
    }
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
