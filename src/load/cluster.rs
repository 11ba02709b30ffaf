//! Several servers on a PostgreSQL of their own, for a person to try: nothing is placed, and nothing is killed but by
//! whoever tries it.

use super::{
    LoadError,
    postgres::{Postgres, Setup},
    server::{self, How, Server},
    stop,
};
use clap::value_parser;
use std::{
    ffi::OsString,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How often it is looked whether a server still runs.
const LOOK: Duration = Duration::from_millis(100);
/// How long servers may take to stop.
const STOP_BOUND: Duration = Duration::from_secs(30);

/// Starts several servers on a PostgreSQL of their own, to try them; Ctrl-C ends all of it.
///
/// Needs the programs of PostgreSQL 15 or newer on this machine. The data is in a temporary directory (in TMPDIR) and
/// is removed at the end; --config and --set are handed to the servers.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct ClusterOptions {
    /// So many servers.
    #[arg(long, value_name = "N", default_value = "2", value_parser = value_parser!(u8).range(1..=16))]
    pub nodes: u8,
    /// The first one listens on this port of 127.0.0.1, the others on those after it.
    #[arg(long, value_name = "PORT", default_value = "8080", value_parser = value_parser!(u16).range(1..=65_000))]
    pub port: u16,
}

/// Starts them, says where they are, and ends them when that is asked for.
///
/// # Errors
/// When they cannot be started.
pub async fn cluster(options: ClusterOptions, arguments: Vec<OsString>) -> Result<(), LoadError> {
    let started = actix_rt::task::spawn_blocking(|| Postgres::start(Setup::default())).await;
    // Dropped last of all.
    let database = started.map_err(|error| LoadError::Database(error.to_string()))??;
    println!("PostgreSQL listens on 127.0.0.1:{}, database {}", database.port(), database.first_database());
    let mut servers = Vec::new();
    for number in 1..=options.nodes {
        let name = format!("node-{number}");
        let port = options.port + u16::from(number - 1);
        let how = How::to_be_watched(arguments.clone(), &database.first(), &name);
        let mut server = Server::start_on(port, how)?;
        let target = server.target();
        let check = || server.ended()?.map_or(Ok(()), |ended| Err(ended.into()));
        tokio::select! {
            ready = server::wait_until_ready(&target, check) => ready?,
            () = stop::asked() => return Ok(()),
        }
        println!("{name} listens on http://127.0.0.1:{port}, process {}", server.pid());
        servers.push((name, server));
    }
    println!("Ctrl-C ends all of it, and removes what was stored.");
    tokio::select! {
        ended = until_all_have_ended(&mut servers) => return ended,
        () = stop::asked() => {}
    }
    servers.iter().try_for_each(|(_, server)| server.terminate())?;
    let begun = Instant::now();
    while begun.elapsed() < STOP_BOUND {
        if servers.iter_mut().try_fold(true, |all, (_, server)| Ok::<_, LoadError>(server.ended()?.is_some() && all))? {
            break;
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// Says of each server that it has ended.
async fn until_all_have_ended(servers: &mut Vec<(String, Server)>) -> Result<(), LoadError> {
    while !servers.is_empty() {
        let mut running = Vec::with_capacity(servers.len());
        for (name, mut server) in servers.drain(..) {
            match server.ended()? {
                Some(ended) => println!("{name} has ended: {}", ended.status()),
                None => running.push((name, server)),
            }
        }
        *servers = running;
        sleep(LOOK).await;
    }
    Ok(())
}
