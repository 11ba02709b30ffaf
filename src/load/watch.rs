//! Watches a run: reads the server's counters now and then, and shows progress on a terminal.

use super::{LoadError, options::Options, run::Run};
use indicatif::{ProgressBar, ProgressStyle};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often. Each reading costs the server one request.
const EVERY: Duration = Duration::from_millis(500);

/// Watches until it is dropped. Resolves only when the server has ended by itself.
pub(super) async fn go_on(run: &Run, bar: &ProgressBar) -> LoadError {
    let (mut seen, mut looked) = (0, Instant::now());
    loop {
        sleep(EVERY).await;
        run.nodes.read_counters().await;
        let restarts: f64 = run.nodes.counters().await.restarts().values().sum();
        if let Err(error) = run.nodes.look_after() {
            return error;
        }
        let tally = run.tally.borrow();
        let ended = tally.ended_in_all();
        let rate = super::schedule::as_f64(ended - seen) / looked.elapsed().as_secs_f64();
        (seen, looked) = (ended, Instant::now());
        bar.set_position(position(run, bar, ended));
        bar.set_message(format!(
            "{rate:.0} sagas/s  p99 {:.1} ms  errors {}  restarts {restarts:.0}",
            tally.latency.percentiles().p99,
            tally.errors,
        ));
    }
}

/// Where the bar stands: orders, or seconds where only time bounds the run.
fn position(run: &Run, bar: &ProgressBar, ended: u64) -> u64 {
    if bar.prefix() == ORDERS { ended } else { run.tally.borrow().since_start(Instant::now()).as_secs() }
}

const ORDERS: &str = "orders";

/// A bar for a run; invisible where there is no terminal.
pub(super) fn bar(options: &Options) -> ProgressBar {
    let (length, of) = match options.orders {
        Some(orders) => (orders, ORDERS),
        None => (options.longest().as_secs(), "seconds"),
    };
    let style = ProgressStyle::with_template("{bar:30} {human_pos}/{human_len} {prefix}  {msg}");
    ProgressBar::new(length).with_prefix(of).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
