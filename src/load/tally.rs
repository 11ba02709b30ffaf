//! What a run has counted so far.

use super::{
    latency::Latency,
    order::End,
    schedule::as_f64,
    timeline::{Happened, Timeline},
};
use crate::domain::ids::{OrderId, SagaId};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Errors that are told in full; the others are only counted.
const MOST_EXAMPLES: usize = 5;

/// Counts, latencies, and what was promised.
#[derive(Debug)]
pub(super) struct Tally {
    start: Instant,
    /// For how long orders are placed at most.
    longest: Duration,
    /// Sagas that ended while orders were placed.
    ended_in_time: u64,
    /// Orders that were sent, each once however often it was sent again.
    pub(super) placed: u64,
    pub(super) completed: u64,
    /// Compensated sagas, by the reason that their orders give.
    pub(super) compensated: BTreeMap<String, u64>,
    pub(super) needs_attention: u64,
    /// Answers 503: each is sent again later.
    pub(super) refused: u64,
    /// Requests without an answer: each is sent again.
    pub(super) lost: u64,
    /// Answers that no order should get, and orders that were given up.
    pub(super) errors: u64,
    pub(super) examples: Vec<String>,
    pub(super) crashes: u64,
    pub(super) kills: Vec<Absence>,
    pub(super) freezes: Vec<Absence>,
    pub(super) database_restarts: Vec<DatabaseRestart>,
    /// The longest time from the loss of a request to the end of its order's saga.
    pub(super) longest_recovery: Duration,
    pub(super) latency: Latency,
    pub(super) timeline: Timeline,
    /// What the servers promised to keep.
    pub(super) acknowledged: Vec<Promise>,
    /// Those among them whose end nobody has seen yet.
    pub(super) unfinished: Vec<SagaId>,
    /// When the latest saga ended.
    last_end: Option<Instant>,
}

/// An order that was acknowledged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promise {
    pub(super) order: OrderId,
    pub(super) saga: SagaId,
    /// The node that has promised it.
    pub(super) by: usize,
}

/// A time for which a server was not there.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Absence {
    /// Which.
    pub(super) server: String,
    /// When, in seconds since the start.
    pub(super) at_s: f64,
    /// How long it took until the server was ready again.
    pub(super) away_s: f64,
}

/// A restart of the database.
#[expect(clippy::struct_field_names, reason = "the unit is a part of each name")]
#[derive(Clone, Debug, Serialize)]
pub(super) struct DatabaseRestart {
    /// When, in seconds since the start.
    pub(super) at_s: f64,
    /// How long it took until the database was there again.
    pub(super) away_s: f64,
    /// How long after that the first saga ended; nothing when none did.
    pub(super) served_after_s: Option<f64>,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(start: Instant, longest: Duration) -> Self {
        Self {
            start,
            longest,
            ended_in_time: 0,
            placed: 0,
            completed: 0,
            compensated: BTreeMap::new(),
            needs_attention: 0,
            refused: 0,
            lost: 0,
            errors: 0,
            examples: Vec::new(),
            crashes: 0,
            kills: Vec::new(),
            freezes: Vec::new(),
            database_restarts: Vec::new(),
            longest_recovery: Duration::ZERO,
            latency: Latency::fine(),
            timeline: Timeline::new(),
            acknowledged: Vec::new(),
            unfinished: Vec::new(),
            last_end: None,
        }
    }

    fn note(&mut self, now: Instant, happened: Happened) {
        self.timeline.note(now.saturating_duration_since(self.start), happened);
    }

    /// A saga ended; latency counts from `from`.
    pub(super) fn ended(&mut self, end: End, from: Instant, now: Instant) {
        let latency = now.saturating_duration_since(from);
        match end {
            End::Completed => self.completed += 1,
            End::Compensated(reason) => *self.compensated.entry(reason).or_default() += 1,
            End::NeedsAttention => self.needs_attention += 1,
        }
        self.latency.record(latency);
        self.ended_in_time += u64::from(self.since_start(now) <= self.longest);
        self.note(now, Happened::Ended(latency));
        self.last_end = Some(now);
    }

    /// The server was too busy.
    pub(super) fn refused(&mut self, now: Instant) {
        self.refused += 1;
        self.note(now, Happened::Refused);
    }

    /// A request was not answered.
    pub(super) fn lost(&mut self, now: Instant) {
        self.lost += 1;
        self.note(now, Happened::Failed);
    }

    /// An order went wrong as no order should.
    pub(super) fn error(&mut self, now: Instant, what: String) {
        self.errors += 1;
        self.note(now, Happened::Failed);
        if self.examples.len() < MOST_EXAMPLES && !self.examples.contains(&what) {
            self.examples.push(what);
        }
    }

    /// An actor was crashed.
    pub(super) fn crashed(&mut self, now: Instant) {
        self.crashes += 1;
        self.note(now, Happened::Crashed);
    }

    /// A server was killed, and is ready again.
    pub(super) fn killed(&mut self, server: &str, killed: Instant, ready: Instant) {
        let absence = self.absence(server, killed, ready);
        self.kills.push(absence);
    }

    /// A server was frozen, and is ready again.
    pub(super) fn frozen(&mut self, server: &str, frozen: Instant, ready: Instant) {
        let absence = self.absence(server, frozen, ready);
        self.freezes.push(absence);
    }

    fn absence(&self, server: &str, from: Instant, ready: Instant) -> Absence {
        Absence {
            server: server.to_owned(),
            at_s: self.since_start(from).as_secs_f64(),
            away_s: ready.saturating_duration_since(from).as_secs_f64(),
        }
    }

    /// The database was restarted.
    pub(super) fn database_restarted(&mut self, begun: Instant, back: Instant, served: Option<Instant>) {
        self.database_restarts.push(DatabaseRestart {
            at_s: self.since_start(begun).as_secs_f64(),
            away_s: back.saturating_duration_since(begun).as_secs_f64(),
            served_after_s: served.map(|served| served.saturating_duration_since(back).as_secs_f64()),
        });
    }

    /// The saga of an order has ended of which a request was lost at `lost`.
    pub(super) fn recovered(&mut self, lost: Instant, now: Instant) {
        self.longest_recovery = self.longest_recovery.max(now.saturating_duration_since(lost));
    }

    /// Whether a saga has ended since.
    pub(super) fn ended_since(&self, when: Instant) -> bool {
        self.last_end.is_some_and(|end| end > when)
    }

    /// Sagas that ended, however they ended.
    pub(super) fn ended_in_all(&self) -> u64 {
        self.completed + self.compensated.values().sum::<u64>() + self.needs_attention
    }

    /// Sagas that ended in a second. Of a run that is bounded by time, those count that ended within it: the
    /// stragglers after it would be divided by a time in which nothing was asked for.
    pub(super) fn rate(&self) -> f64 {
        let over = self.took().min(self.longest);
        if over.is_zero() { 0.0 } else { as_f64(self.ended_in_time) / over.as_secs_f64() }
    }

    /// From the start to the end of the latest saga.
    pub(super) fn took(&self) -> Duration {
        self.last_end.map_or(Duration::ZERO, |end| end.saturating_duration_since(self.start))
    }

    /// Since the start.
    pub(super) fn since_start(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stragglers_after_the_time_are_counted_and_do_not_dilute_the_rate() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut tally = Tally::new(start, 2 * second);
        for _ in 0..10 {
            tally.ended(End::Completed, start, start + second);
        }
        assert!((tally.rate() - 10.0).abs() < 1e-9, "a run that is done early took as long as it took");
        tally.ended(End::Compensated("payment_declined".to_owned()), start, start + 9 * second);
        assert!((tally.rate() - 5.0).abs() < 1e-9, "{}", tally.rate());
        assert_eq!(tally.ended_in_all(), 11);
        assert_eq!(tally.took(), 9 * second);
    }
}
