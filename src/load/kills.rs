//! SIGKILL of a server, again and again, while orders run.

use super::{LoadError, run::Run};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How often it is looked whether half of the orders are placed.
const LOOK: Duration = Duration::from_millis(5);

/// Kills until it is dropped. Resolves only when a server cannot be started again.
pub(super) async fn go_on(run: &Run, every: Duration) -> LoadError {
    first(run, every).await;
    loop {
        run.goes_on().await;
        let begun = Instant::now();
        if let Err(error) = one(run).await {
            return error;
        }
        sleep(every.saturating_sub(begun.elapsed())).await;
    }
}

async fn one(run: &Run) -> Result<(), LoadError> {
    let Some(node) = run.nodes.take() else { return Ok(()) };
    let _held = run.trouble();
    let killed = Instant::now();
    node.kill().await?;
    node.until_ready().await?;
    run.tally.borrow_mut().killed(&node.name, killed, Instant::now());
    Ok(())
}

/// Waits for the time of the first trouble: a run that is faster than `every` has it in its middle, so that what
/// was asked for happens in every run.
pub(super) async fn first(run: &Run, every: Duration) {
    let began = Instant::now();
    while began.elapsed() < every && run.schedule.borrow().handed_out() < run.half {
        sleep(LOOK).await;
    }
}
