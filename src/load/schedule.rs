//! When each order is due.
//!
//! Closed loop: whenever a client is free. Open loop: at a fixed rate that no stall of the server slows
//! down. Whichever client is free takes the next order; one that is late is sent at once and its latency
//! counts from when it was due, so that a stall shows in every order that it held up.

use std::time::{Duration, Instant};

/// A timer's precision. A client that waits for an order's time aims so much earlier, so that the timer's
/// own delay is not counted as the server's.
const TIMER: Duration = Duration::from_millis(1);

/// The orders of a run, handed out one by one.
#[derive(Debug)]
pub(super) struct Schedule {
    start: Instant,
    /// The time between two orders; `None` in a closed loop.
    every: Option<Duration>,
    longest: Duration,
    most: u64,
    next: u64,
    stopped: bool,
}

/// An order to be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Its number, from 0.
    pub(super) number: u64,
    /// When it is due; `None` at once.
    pub(super) at: Option<Instant>,
}

impl Schedule {
    /// At most `most` orders, due within `longest` from `start`; `rate` a second, or as clients are free.
    pub(super) fn new(start: Instant, most: u64, longest: Duration, rate: Option<f64>) -> Self {
        let every = rate.map(|rate| Duration::from_secs_f64(1.0 / rate));
        Self { start, every, longest, most, next: 0, stopped: false }
    }

    /// The next order, unless there are enough.
    pub(super) fn next(&mut self, now: Instant) -> Option<Due> {
        if self.stopped || self.next >= self.most || now.saturating_duration_since(self.start) >= self.longest {
            return None;
        }
        let number = self.next;
        let at = match self.every {
            None => None,
            // Counted from the start each time, so that rounding does not add up.
            Some(every) => {
                let after = Duration::from_secs_f64(every.as_secs_f64() * as_f64(number));
                if after >= self.longest {
                    return None;
                }
                Some(self.start + after)
            }
        };
        self.next += 1;
        Some(Due { number, at })
    }

    /// No more orders.
    pub(super) const fn stop(&mut self) {
        self.stopped = true;
    }

    /// Orders handed out.
    pub(super) const fn handed_out(&self) -> u64 {
        self.next
    }
}

impl Due {
    /// Until when a client that is free at `now` should sleep before it places this order.
    pub(super) fn sleep_until(self, now: Instant) -> Option<Instant> {
        self.at.and_then(|at| at.checked_sub(TIMER)).filter(|wake| *wake > now)
    }

    /// What the latency of this order counts from, when it is sent at `sent`: the time that it was due, or
    /// when it was sent if that was a moment earlier.
    pub(super) fn counts_from(self, sent: Instant) -> Instant {
        self.at.map_or(sent, |at| at.min(sent))
    }
}

/// A count as a number to calculate with; exact far beyond any count of a run.
#[expect(clippy::cast_precision_loss, reason = "counts of a run are far below 2^52")]
pub(super) const fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_closed_loop_hands_out_orders_as_asked_until_there_are_enough() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 2, SECOND, None);
        assert_eq!(schedule.next(start), Some(Due { number: 0, at: None }));
        assert_eq!(schedule.next(start), Some(Due { number: 1, at: None }));
        assert_eq!(schedule.next(start), None);
        assert_eq!(schedule.handed_out(), 2);
    }

    #[test]
    fn a_closed_loop_ends_when_its_time_is_over_or_it_is_stopped() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 10, SECOND, None);
        assert!(schedule.next(start + SECOND / 2).is_some());
        assert!(schedule.next(start + SECOND).is_none());
        schedule.stop();
        assert!(schedule.next(start).is_none());
    }

    #[test]
    fn an_open_loop_hands_out_its_rate_whatever_the_clients_do() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 1_000, SECOND, Some(100.0));
        // A stall of half a second: what was due meanwhile is handed out late, as due when it was due.
        let late = start + SECOND / 2;
        let due: Vec<_> = std::iter::from_fn(|| schedule.next(late)).collect();
        assert_eq!(due.len(), 100);
        assert_eq!(due[0].at, Some(start));
        assert_eq!(due[10].at, Some(start + SECOND / 10));
        assert_eq!(due[99].at, Some(start + SECOND * 99 / 100));
    }

    #[test]
    fn latency_counts_from_when_an_order_was_due_and_never_from_after_it_was_sent() {
        let start = Instant::now();
        let due = Due { number: 0, at: Some(start + SECOND) };
        assert_eq!(due.counts_from(start + 3 * SECOND), start + SECOND);
        assert_eq!(due.counts_from(start), start);
        assert_eq!(Due { number: 0, at: None }.counts_from(start), start);
    }

    #[test]
    fn who_is_early_sleeps_until_just_before_and_who_is_late_does_not() {
        let start = Instant::now();
        let due = Due { number: 0, at: Some(start + SECOND) };
        assert_eq!(due.sleep_until(start), (start + SECOND).checked_sub(TIMER));
        assert_eq!(due.sleep_until(start + SECOND), None);
        assert_eq!(Due { number: 0, at: None }.sleep_until(start), None);
    }
}
