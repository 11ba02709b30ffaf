//! SIGKILL of the server, again and again, while orders run.

use super::{LoadError, counters::Scraper, run::Run, server::Server};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::sleep};

/// How often the first kill looks whether half of the orders are placed.
const LOOK: Duration = Duration::from_millis(5);

/// Kills until it is dropped. Resolves only when the server cannot be started again.
pub(super) async fn go_on(
    run: &Run,
    server: &RefCell<Server>,
    scraper: &Mutex<Scraper>,
    every: Duration,
    half: u64,
) -> LoadError {
    first(run, every, half).await;
    loop {
        // Held over the restart: nobody reads the counters of a server that is not there.
        let mut scraper = scraper.lock().await;
        scraper.read().await;
        let killed = Instant::now();
        if let Err(error) = server.borrow_mut().kill_and_restart() {
            return error;
        }
        scraper.counters.restarted();
        drop(scraper);
        let ready = super::server::wait_until_ready(&run.target, || server.borrow_mut().note_end()).await;
        if let Err(error) = ready {
            return error;
        }
        run.tally.borrow_mut().killed(killed, Instant::now());
        sleep(every.saturating_sub(killed.elapsed())).await;
    }
}

/// Waits for the time of the first kill: a run that is faster than `every` is killed in its middle, so
/// that what was asked for happens in every run.
async fn first(run: &Run, every: Duration, half: u64) {
    let began = Instant::now();
    while began.elapsed() < every && run.schedule.borrow().handed_out() < half {
        sleep(LOOK).await;
    }
}
