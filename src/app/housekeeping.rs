//! What is removed because it is old: idempotency keys first, then sagas that ended long ago.
//!
//! In portions, with a pause between them, so that no order waits longer than for one of them.

use crate::{
    clock,
    domain::time::Timestamp,
    settings::Settings,
    store::{Store, StoreError},
};
use std::time::{Duration, Instant};

/// How often it is looked for what has become old.
const EVERY: Duration = Duration::from_secs(30);
/// The longest pause that lets commands through between two portions.
const PAUSE: Duration = Duration::from_millis(50);
/// A portion of keys that is full: there are probably more.
const FULL: usize = 500;

/// How long what is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Housekeeping {
    keys_ms: u64,
    /// `None`: for ever.
    sagas_ms: Option<u64>,
}

impl Housekeeping {
    pub(super) fn of(settings: &Settings) -> Self {
        let hours = |hours: u32| u64::from(hours) * 3_600_000;
        Self {
            keys_ms: hours(settings.idempotency.keep_hours),
            sagas_ms: settings.retention.days.map(|days| hours(days.get()) * 24),
        }
    }

    /// Goes on until it is dropped.
    pub(super) async fn run(self, store: Store) {
        let mut removed = 0;
        loop {
            let begun = Instant::now();
            let (pause, is_over) = match self.portion(&store).await {
                Ok(Portion { sagas, more }) => {
                    removed += sagas;
                    // As long as the portion took: what is old goes faster than it comes, and takes half of the time at most.
                    if more { (begun.elapsed().min(PAUSE), false) } else { (EVERY, true) }
                }
                Err(error) => {
                    tracing::warn!(%error, "what is old cannot be removed now");
                    (EVERY, true)
                }
            };
            if is_over && removed > 0 {
                tracing::info!(sagas = removed, "sagas that ended long ago are removed");
                removed = 0;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn portion(&self, store: &Store) -> Result<Portion, StoreError> {
        let now = clock::now();
        let keys = store.engine.forget_keys(now.minus_millis(self.keys_ms)).await?;
        let Some(sagas_ms) = self.sagas_ms else { return Ok(Portion { sagas: 0, more: keys >= FULL }) };
        let before: Timestamp = now.minus_millis(sagas_ms);
        let removed = store.engine.remove_sagas(before).await?;
        metrics::counter!("sagas_removed_total").increment(removed.sagas.into());
        Ok(Portion { sagas: removed.sagas, more: keys >= FULL || removed.more })
    }
}

/// What one portion has come to.
struct Portion {
    sagas: u32,
    more: bool,
}
