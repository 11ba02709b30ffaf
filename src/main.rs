//! The command line: thin, everything it does is in the library.

use anyhow::{anyhow, bail};
use backstitch::{
    app::{self, App},
    audit, clock, demo,
    domain::time::{Moment, Timestamp},
    exchange, grpc, http,
    lifecycle::Fatal,
    load, release,
    role::{Role, Roles},
    settings,
    store::{self, sqlite},
    telemetry,
};
use clap::{Parser, Subcommand};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Durable order fulfilment: orders, payments and shipments as sagas that survive their own crashes.
#[derive(Debug, Parser)]
#[command(version = release::VERSION, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
struct Common {
    /// A configuration file over config/default.toml and config/{profile}.toml.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one key over every other source, e.g. --set http.bind=127.0.0.1:9000. May be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve REST and gRPC, and drive sagas. The default.
    Serve {
        /// The roles that this process plays, of order, stock, payment, shipping and coordinator; all, unless the
        /// settings say otherwise. The others are played by the processes of [peers]. May be repeated.
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
        roles: Vec<Role>,
    },
    /// Bring the database up to this release; or, with --from and --to, move everything from SQLite to PostgreSQL.
    Migrate(Migrate),
    /// Print the OpenAPI document.
    Openapi,
    /// Ask the server that runs under these settings whether it is ready; exit 1 when it is not.
    Health,
    /// Check every promise over the database; exit 1 when one is broken.
    Audit {
        /// Print the report as JSON.
        #[arg(long)]
        json: bool,
        /// Judge what is late as of this time, RFC 3339 or a day: when a backup was made.
        #[arg(long)]
        at: Option<Moment>,
    },
    /// Copy the database as it is now to a new file, while a server runs on it or without one.
    Backup {
        /// The copy; must not exist yet.
        file: PathBuf,
    },
    /// Fill an empty database with a catalogue to try things with.
    Demo(demo::Options),
    /// Take products, offers or stock in from a CSV file: all of it, or nothing.
    Import(exchange::Import),
    /// Write products, offers or stock down as CSV.
    Export(exchange::Export),
    /// Load a server with orders, crash it on the way, and audit what is left; exit 1 when a promise is broken.
    Load(Box<load::Options>),
    Cluster(load::ClusterOptions),
}

#[derive(Debug, clap::Args)]
struct Migrate {
    /// The SQLite database to move, sqlite:PATH. No server may run on it. It stays as it is.
    #[arg(long, value_name = "URL", requires = "to")]
    from: Option<String>,
    /// The PostgreSQL database to move it to, written as in store.url. Must be empty, or what an interrupted move
    /// from the same file has left: that one goes on.
    #[arg(long, value_name = "URL", requires = "from")]
    to: Option<String>,
}

impl Common {
    /// The same, as arguments of another `backstitch`.
    fn arguments(&self) -> Vec<OsString> {
        let config = self.config.iter().flat_map(|file| ["--config".into(), file.into()]);
        let set = self.set.iter().flat_map(|(key, value)| ["--set".into(), format!("{key}={value}").into()]);
        config.chain(set).collect()
    }
}

fn assignment(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("{text:?} is not KEY=VALUE"))
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("backstitch: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let command = cli.command.unwrap_or(Command::Serve { roles: Vec::new() });
    if matches!(command, Command::Openapi) {
        println!("{:#}", http::openapi_document());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Load(options) = &command {
        let kept = actix_rt::System::new().block_on(load::run(options, cli.common.arguments()))?;
        return Ok(if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    if let Command::Cluster(options) = command {
        actix_rt::System::new().block_on(load::cluster(options, cli.common.arguments()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let sources = settings::Sources::new(std::env::vars_os()).file(cli.common.config);
    let sources = cli.common.set.into_iter().fold(sources, |sources, (key, value)| sources.set(key, value));
    let sources = match &command {
        Command::Serve { roles } if !roles.is_empty() => {
            sources.set("node.roles", roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(","))
        }
        _ => sources,
    };
    let settings = settings::Settings::load(&sources)?;
    let database = app::database(&settings);
    match command {
        Command::Openapi | Command::Load(_) | Command::Cluster(_) => unreachable!("handled above"),
        Command::Serve { .. } => serve(&settings),
        Command::Health => {
            app::health::ask(settings.http.bind)?;
            println!("ready");
            Ok(ExitCode::SUCCESS)
        }
        Command::Migrate(Migrate { from: Some(from), to: Some(to) }) => move_over(&settings, &from, &to),
        Command::Migrate(_) => {
            let applied = store::migrate(&database)?;
            for migration in &applied {
                println!("applied {migration}");
            }
            println!("{database} is up to date");
            Ok(ExitCode::SUCCESS)
        }
        Command::Backup { file } => back_up(&database, &file),
        Command::Demo(options) => fill(&settings, options),
        Command::Import(import) => take_in(&settings, &import),
        Command::Export(export) => {
            let source = store::open_export(&database)?;
            let rows = actix_rt::System::new().block_on(exchange::export(source.as_ref(), &export))?;
            eprintln!("{rows} rows of {} written", export.sheet);
            Ok(ExitCode::SUCCESS)
        }
        Command::Audit { json, at } => {
            let facts = store::open_facts(&database)?;
            let now = at.map_or_else(clock::now, Moment::start);
            actix_rt::System::new().block_on(async { report(app::facts(&settings, facts)?, json, now).await })
        }
    }
}

/// Prints what an audit finds.
async fn report(facts: Arc<dyn store::FactSource>, json: bool, now: Timestamp) -> anyhow::Result<ExitCode> {
    let report = audit::run_at(facts, now).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn move_over(settings: &settings::Settings, from: &str, to: &str) -> anyhow::Result<ExitCode> {
    let database = |flag: &str, url: &str| -> anyhow::Result<store::Database> {
        let mut settings = settings.clone();
        settings.store.url = url.parse().map_err(|error| anyhow!("{flag} {error}"))?;
        Ok(app::database(&settings))
    };
    let (source, target) = (database("--from", from)?, database("--to", to)?);
    let (store::Database::Sqlite(file), store::Database::Postgres(server)) = (&source, &target) else {
        bail!("a move is --from sqlite:PATH --to postgres://user:password@host/database; there is no way back");
    };
    store::transfer(&file.path, server, &mut |progress| {
        let store::Progress { table, rows, of, .. } = progress;
        let so_far = if rows < of { format!(" of {of}") } else { String::new() };
        eprintln!("{table:<20} {rows:>10}{so_far} rows, {:.0} rows/s", progress.rate());
    })?;
    println!("{source} is moved to {target}; as many rows of everything are there");
    let facts = store::open_facts(&target)?;
    // Nothing is late: no server was there to do it.
    actix_rt::System::new().block_on(report(facts, false, Timestamp::from_millis(0)))
}

fn back_up(database: &store::Database, file: &Path) -> anyhow::Result<ExitCode> {
    let store::Database::Sqlite(sqlite::Options { path, .. }) = database else {
        bail!(
            "backup copies SQLite databases; back PostgreSQL up with pg_dump, beside running servers or without them"
        );
    };
    let stop = Arc::new(AtomicBool::new(false));
    let copied = actix_rt::System::new().block_on(async {
        let (asked, database, to) = (Arc::clone(&stop), path.clone(), file.to_owned());
        let mut copying = actix_rt::task::spawn_blocking(move || sqlite::backup(&database, &to, &asked));
        tokio::select! {
            copied = &mut copying => copied,
            () = asked_to_stop() => {
                stop.store(true, Ordering::Relaxed);
                copying.await
            }
        }
    })??;
    println!("{} is a copy of {database}, {} bytes", file.display(), copied.bytes);
    Ok(ExitCode::SUCCESS)
}

fn serve(settings: &settings::Settings) -> anyhow::Result<ExitCode> {
    telemetry::init(&settings.telemetry)?;
    if let Some(fault) = release::PLANTED_FAULT {
        tracing::warn!(fault, "this build is BROKEN ON PURPOSE, for tests of the audit: no order is safe with it");
    }
    let metrics = telemetry::Metrics::install()?;
    actix_rt::System::new().block_on(async {
        let app = App::start(settings, metrics)?;
        for (role, address) in app.grpc_addresses() {
            tracing::info!(service = grpc::service_of(*role), %address, "gRPC is served");
        }
        for (resources, address) in app.further_addresses() {
            tracing::info!(?resources, %address, "served on an address of their own");
        }
        let (address, roles) = (app.address(), settings.node.roles);
        tracing::info!(%address, profile = settings.profile, %roles, "backstitch is listening");
        app.run(asked_to_stop()).await
    })?;
    Ok(ExitCode::SUCCESS)
}

fn fill(settings: &settings::Settings, options: demo::Options) -> anyhow::Result<ExitCode> {
    let report = actix_rt::System::new().block_on(async {
        let (fatal, database) = (Fatal::default(), app::database(settings));
        database.require(Roles::ALL)?;
        let store = store::open(&database, &fatal)?;
        let report = demo::run(&store, settings, &fatal, options).await;
        store.engine.close().await;
        anyhow::Ok(report?)
    })?;
    print!("{report}");
    Ok(ExitCode::SUCCESS)
}

fn take_in(settings: &settings::Settings, import: &exchange::Import) -> anyhow::Result<ExitCode> {
    let exchange::Imported { rows, added, changed } = actix_rt::System::new().block_on(async {
        let database = app::database(settings);
        database.require(Roles::of([Role::Stock]))?;
        // Nothing is made of a mistyped address.
        store::open_export(&database)?;
        let store = store::open(&database, &Fatal::default())?;
        let imported = exchange::import(store.bulk.as_ref(), import).await;
        store.engine.close().await;
        anyhow::Ok(imported?)
    })?;
    println!("{rows} rows of {}: {added} added, {changed} changed", import.sheet);
    Ok(ExitCode::SUCCESS)
}

/// Resolves on SIGTERM or SIGINT.
async fn asked_to_stop() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be received; the process stops only when it is killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
