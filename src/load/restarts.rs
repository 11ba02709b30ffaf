//! Restarts of PostgreSQL, again and again, while orders run.

use super::{LoadError, kills, postgres::Postgres, run::Run};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How often it is looked whether sagas end again.
const LOOK: Duration = Duration::from_millis(2);
/// How long it is waited for.
const BOUND: Duration = Duration::from_secs(30);

/// Restarts until it is dropped. Resolves only when PostgreSQL does not come back.
pub(super) async fn go_on(run: &Run, database: &Arc<Mutex<Postgres>>, every: Duration) -> LoadError {
    kills::first(run, every).await;
    loop {
        run.goes_on().await;
        let begun = Instant::now();
        let held = run.trouble();
        let database = Arc::clone(database);
        let restarted = actix_rt::task::spawn_blocking(move || {
            let mut database = database.lock().unwrap_or_else(PoisonError::into_inner);
            database.kill().and_then(|()| database.restart())
        });
        match restarted.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error.into(),
            Err(error) => return LoadError::Database(error.to_string()),
        }
        let back = Instant::now();
        drop(held);
        let served = loop {
            if run.tally.borrow().ended_since(back) {
                break Some(Instant::now());
            }
            if back.elapsed() > BOUND || run.is_over.get() {
                break None;
            }
            sleep(LOOK).await;
        };
        run.tally.borrow_mut().database_restarted(begun, back, served);
        sleep(every.saturating_sub(begun.elapsed())).await;
    }
}
