//! The process's one clock, for everything outside the domain.
//!
//! Where several processes share a database, theirs is that one's: what one of them has put down for a certain time,
//! another one looks at.

use crate::domain::time::Timestamp;
use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// By how many milliseconds the clock that is followed is ahead of the system's.
static AHEAD: AtomicI64 = AtomicI64::new(0);
/// A smaller difference may be that of the question's way.
const NOTICED_MS: i64 = 20;

/// Now.
pub fn now() -> Timestamp {
    Timestamp::from_millis(local().millis().saturating_add(AHEAD.load(Ordering::Relaxed)))
}

/// Now, by the system's clock.
pub fn local() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// Follows another clock, which has shown `theirs` between two times of the system's clock.
pub fn follow(theirs: Timestamp, asked: Timestamp, answered: Timestamp) {
    let way = answered.millis().saturating_sub(asked.millis());
    let ahead = theirs.millis().saturating_sub(asked.millis().saturating_add(way / 2));
    let known = AHEAD.load(Ordering::Relaxed);
    if ahead.abs_diff(known) > way.unsigned_abs() + NOTICED_MS.unsigned_abs() {
        tracing::info!(ahead_ms = ahead, "the database's clock is followed");
        AHEAD.store(ahead, Ordering::Relaxed);
    }
}
