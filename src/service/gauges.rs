//! What stands open, counted for the metrics when somebody asks for them.
//!
//! The counts are of the whole database, whichever node is asked. They are made when metrics are scraped, by one scrape at
//! a time, and are good for a while: for [`FRESH`], or for [`SHARE`] times as long as counting takes, so that it costs a
//! twentieth of one connection at most.

use super::Service;
use crate::{
    clock,
    domain::time::Timestamp,
    store::{Census, OPEN},
};
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::timeout};

/// How old counts may be.
const FRESH: Duration = Duration::from_secs(5);
/// How many times as long as they took to make they are good for.
const SHARE: u32 = 20;
/// How long a scrape waits for them; after that it has those from before.
const PATIENCE: Duration = Duration::from_secs(1);

/// When it was counted last, and whom a gauge has been about.
#[derive(Clone, Debug, Default)]
pub(super) struct Gauges(Arc<Mutex<Counted>>);

#[derive(Debug, Default)]
struct Counted {
    until: Option<Instant>,
    targets: BTreeSet<String>,
}

impl Service {
    /// Brings the gauges of what stands open up to date, unless they are.
    pub async fn refresh_gauges(&self) {
        let Ok(mut counted) = timeout(PATIENCE, Arc::clone(&self.gauges.0).lock_owned()).await else { return };
        let begun = Instant::now();
        if counted.until.is_some_and(|until| begun < until) {
            return;
        }
        let census = self.store.engine.census();
        let counting = tokio::spawn(async move {
            match census.await {
                Ok(census) => publish(&census, &mut counted.targets, clock::now()),
                Err(error) => tracing::debug!(%error, "what stands open cannot be counted now"),
            }
            counted.until = Some(Instant::now() + FRESH.max(begun.elapsed() * SHARE));
        });
        let _ = timeout(PATIENCE, counting).await;
    }
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn publish(census: &Census, targets: &mut BTreeSet<String>, now: Timestamp) {
    let seconds = |since: Option<Timestamp>| since.map_or(0.0, |since| now.millis_since(since) as f64 / 1000.0);
    if let Some(sagas) = &census.sagas {
        for status in OPEN {
            let open = sagas.iter().find(|open| open.status == status);
            metrics::gauge!("sagas", "status" => status.as_str()).set(open.map_or(0.0, |open| open.count as f64));
            let oldest = seconds(open.and_then(|open| open.oldest));
            metrics::gauge!("sagas_oldest_age_seconds", "status" => status.as_str()).set(oldest);
        }
        let due = sagas.iter().filter_map(|open| open.due).min();
        metrics::gauge!("sagas_overdue_seconds").set(seconds(due));
    }
    if let Some(bytes) = census.wal_bytes {
        metrics::gauge!("store_wal_bytes").set(bytes as f64);
    }
    if let Some(notifications) = &census.notifications {
        targets.extend(notifications.iter().map(|open| open.target.clone()));
        for target in targets.iter() {
            for failed in [false, true] {
                let status = if failed { "failed" } else { "pending" };
                let labels = [("target", target.clone()), ("status", status.to_owned())];
                let is_it = |open: &&_| -> bool { matches_target(open, target, failed) };
                let open = notifications.iter().find(is_it);
                metrics::gauge!("notifications_open", &labels).set(open.map_or(0.0, |open| open.count as f64));
                if !failed {
                    let oldest = seconds(open.and_then(|open| open.oldest));
                    metrics::gauge!("notifications_oldest_age_seconds", "target" => target.clone()).set(oldest);
                }
            }
        }
    }
}

fn matches_target(open: &crate::store::OpenNotifications, target: &str, failed: bool) -> bool {
    open.target == target && open.failed == failed
}
