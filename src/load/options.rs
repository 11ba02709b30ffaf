//! What can be asked of a load run, checked once, when the command line is read.

use super::{crashes::CrashPlan, target::Target};
use clap::{ValueEnum, value_parser};
use std::{path::PathBuf, time::Duration};
use strum::IntoStaticStr;

/// Most orders of one run: each acknowledged one is remembered until it has been looked up.
const MAX_ORDERS: u64 = 5_000_000;
/// The longest run, in seconds.
const MAX_SECONDS: f64 = 3_600.0;
/// How long a run places orders when nothing else bounds it.
const DEFAULT_DURATION: Duration = Duration::from_secs(10);
/// How long a run goes on that has a number of orders to place and no time to do it in.
const LONGEST_FOR_ORDERS: Duration = Duration::from_mins(10);
/// Most events a second that a rate may ask for.
const MAX_RATE: f64 = 1_000_000.0;
/// Most crashes a second: an actor that cannot start between two crashes does no work to disturb.
const MAX_CRASH_RATE: f64 = 1_000.0;
/// Most nodes: all of them share this machine.
const MAX_NODES: i64 = 16;

/// Places orders, crashes what it is told to crash, and audits what is left.
///
/// Starts a server of its own on a temporary database (in TMPDIR; --config and --set are handed to it),
/// unless --url names one, or --nodes has several started on one PostgreSQL.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Load the server at this address instead of one started for the run, e.g. `http://127.0.0.1:8080`.
    #[arg(long, value_name = "URL", value_parser = Target::parse)]
    pub url: Option<Target>,
    /// Place so many orders (at most 5,000,000; for at most 10 minutes unless --duration says otherwise).
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..=MAX_ORDERS))]
    pub orders: Option<u64>,
    /// Place orders for so many seconds [default: 10, without --orders].
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub duration: Option<Duration>,
    /// Clients, each with a connection of its own and at most one order under way.
    #[arg(long, value_name = "C", default_value = "64", value_parser = value_parser!(u16).range(1..=4096))]
    pub concurrency: u16,
    /// Place so many orders a second, whatever the server does; latency counts from the moment an
    /// order was due. Without it each client places its next order when its saga has ended.
    #[arg(long, value_name = "R", value_parser = rate)]
    pub rate: Option<f64>,
    /// What the orders are like.
    #[arg(long, value_name = "MIX", default_value = "simple")]
    pub mix: Mix,
    /// Place the orders over gRPC, on a few connections that all clients share; simple ones, on a server of the run's
    /// own.
    #[arg(long, conflicts_with_all = ["url", "nodes", "mix"])]
    pub grpc: bool,
    /// What is random in the orders comes from this number; another one each time when left out.
    #[arg(long, value_name = "N")]
    pub seed: Option<u32>,
    /// The share of orders that fail, from 0 to 1: a declined payment, a failed shipment and, in mixes with
    /// shops, too little stock, in turn.
    #[arg(long, value_name = "F", default_value = "0", value_parser = share)]
    pub fail: f64,
    /// Crash these actors so often, in every mode in turn, e.g. `payment=2/s,coordinator=1/s`.
    #[arg(long, value_name = "ACTOR=RATE/s,…", value_parser = CrashPlan::parse, conflicts_with = "crash_all")]
    pub crash: Option<CrashPlan>,
    /// Crash an actor so many times a second: every actor in every mode in turn.
    #[arg(long, value_name = "RATE", value_parser = crash_rate)]
    pub crash_all: Option<f64>,
    /// Kill the server (SIGKILL) every so many seconds and start it again on its database; the first
    /// time at the latest when half of --orders are placed.
    #[arg(long, value_name = "S", value_parser = seconds, conflicts_with = "url")]
    pub kill_server: Option<Duration>,
    /// Load so many servers on one PostgreSQL, which is started for the run as well: this needs its programs
    /// on this machine (Debian: apt-get install postgresql).
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(1..=MAX_NODES), conflicts_with_all = ["url", "kill_server"])]
    pub nodes: Option<u8>,
    /// Use this PostgreSQL database instead of one of the run's own, e.g. `postgres://user:password@host/database`.
    /// What is placed stays in it.
    #[arg(long, value_name = "URL", requires = "nodes", conflicts_with = "restart_db")]
    pub database: Option<String>,
    /// Kill a random node (SIGKILL) every so many seconds and start it again; the first time as --kill-server does.
    #[arg(long, value_name = "S", value_parser = seconds, requires = "nodes")]
    pub kill_node: Option<Duration>,
    /// Freeze a random node (SIGSTOP) every so many seconds until the others have given it up, then let it go on
    /// (SIGCONT): it must end by itself, and is started again.
    #[arg(long, value_name = "S", value_parser = seconds, requires = "nodes")]
    pub freeze_node: Option<Duration>,
    /// Restart PostgreSQL (`pg_ctl -m immediate`) every so many seconds.
    #[arg(long, value_name = "S", value_parser = seconds, requires = "nodes")]
    pub restart_db: Option<Duration>,
    /// Write the report to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the report to this file, as a page with plots.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// A mix of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Mix {
    /// One free-text line each, paid by the simulated provider.
    Simple,
    /// Three lines from two of several shops each, taken from the stock of their warehouses. The shops are
    /// made through the API before the run begins.
    Shops,
    /// Half of them simple, half of them from shops.
    Mixed,
}

impl Mix {
    /// The mix's stable name.
    pub(super) fn as_str(self) -> &'static str {
        self.into()
    }
}

impl Options {
    /// How many orders are placed at most.
    pub(super) fn most_orders(&self) -> u64 {
        self.orders.unwrap_or(MAX_ORDERS)
    }

    /// For how long orders are placed at most.
    pub(super) fn longest(&self) -> Duration {
        let unsaid = if self.orders.is_some() { LONGEST_FOR_ORDERS } else { DEFAULT_DURATION };
        self.duration.unwrap_or(unsaid)
    }
}

/// A number in a range, or a message that says what is allowed.
fn number(text: &str, from: f64, to: f64, what: &str) -> Result<f64, String> {
    let parsed = text.trim().parse::<f64>().ok().filter(|number| (from..=to).contains(number));
    parsed.ok_or_else(|| format!("must be {what} from {from} to {to}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    number(text.strip_suffix('s').unwrap_or(text), 0.1, MAX_SECONDS, "seconds").map(Duration::from_secs_f64)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0, "a share")
}

/// So many a second: `5`, `0.5` or `5/s`.
fn per_second(text: &str, most: f64) -> Result<f64, String> {
    number(text.trim().strip_suffix("/s").unwrap_or(text), 0.01, most, "a number a second")
}

fn rate(text: &str) -> Result<f64, String> {
    per_second(text, MAX_RATE)
}

/// So many crashes a second.
pub(super) fn crash_rate(text: &str) -> Result<f64, String> {
    per_second(text, MAX_CRASH_RATE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        options: Options,
    }

    fn parsed(arguments: &[&str]) -> Result<Options, String> {
        let line = Line::try_parse_from([&["load"], arguments].concat());
        line.map(|line| line.options).map_err(|error| error.to_string())
    }

    #[test]
    fn a_run_is_bounded_whatever_is_left_out() {
        let bounds = |arguments: &[&str]| {
            let options = parsed(arguments).unwrap();
            (options.most_orders(), options.longest().as_secs())
        };
        assert_eq!(bounds(&[]), (MAX_ORDERS, 10));
        assert_eq!(bounds(&["--orders", "3"]), (3, 600));
        assert_eq!(bounds(&["--duration", "30"]), (MAX_ORDERS, 30));
        assert_eq!(bounds(&["--orders", "3", "--duration", "1s"]), (3, 1));
    }

    #[test]
    fn rates_are_numbers_a_second() {
        for (text, expected) in [("5", 5.0), ("0.5", 0.5), ("20/s", 20.0), (" 2/s ", 2.0)] {
            assert_eq!(crash_rate(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "-1", "x", "2/m", "nan", "inf", "1e9"] {
            assert!(crash_rate(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_allowed_is_refused_with_its_name() {
        let refused: [(&[&str], &str); 13] = [
            (&["--fail", "1.5"], "--fail"),
            (&["--concurrency", "0"], "--concurrency"),
            (&["--orders", "0"], "--orders"),
            (&["--duration", "0"], "--duration"),
            (&["--rate", "fast"], "--rate"),
            (&["--mix", "commerce"], "--mix"),
            (&["--url", "https://127.0.0.1"], "--url"),
            (&["--url", "http://127.0.0.1:1", "--kill-server", "1"], "--kill-server"),
            (&["--nodes", "17"], "--nodes"),
            (&["--nodes", "2", "--kill-server", "1"], "--kill-server"),
            (&["--kill-node", "1"], "--nodes"),
            (&["--database", "postgres://h/d"], "--nodes"),
            (&["--nodes", "2", "--database", "postgres://h/d", "--restart-db", "1"], "--restart-db"),
        ];
        for (arguments, name) in refused {
            let message = parsed(arguments).unwrap_err();
            assert!(message.contains(name), "{arguments:?}: {message}");
        }
    }
}
