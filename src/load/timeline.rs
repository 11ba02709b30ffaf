//! What happened when: a bounded number of windows of equal width, however long the run is.

use super::latency::{Latency, millis};
use serde::Serialize;
use std::time::Duration;

/// Most windows; twice as many as a plot needs to be smooth at half of it.
const MOST: usize = 240;
/// How wide a window is at first.
const WIDTH: Duration = Duration::from_millis(100);

/// Windows since the start. When there are too many, each two become one of twice the width.
#[derive(Debug)]
pub(super) struct Timeline {
    width: Duration,
    windows: Vec<Window>,
}

#[derive(Debug)]
struct Window {
    latency: Latency,
    refused: u64,
    errors: u64,
    crashes: u64,
}

/// What can happen in a window.
#[derive(Clone, Copy, Debug)]
pub(super) enum Happened {
    /// An order's saga ended, so long after the order was due.
    Ended(Duration),
    /// The server was too busy for an order.
    Refused,
    /// An order was answered with an error, or not at all.
    Failed,
    /// An actor was crashed on purpose.
    Crashed,
}

/// A window, as it is reported.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Point {
    /// Where the window begins, in seconds since the start.
    pub(super) at_s: f64,
    pub(super) sagas_per_s: f64,
    /// Latencies of the sagas that ended in it; nothing where none did.
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) refused: u64,
    pub(super) errors: u64,
    pub(super) crashes: u64,
}

impl Window {
    fn new() -> Self {
        Self { latency: Latency::coarse(), refused: 0, errors: 0, crashes: 0 }
    }

    fn absorb(&mut self, other: &Self) {
        self.latency.add(&other.latency);
        self.refused += other.refused;
        self.errors += other.errors;
        self.crashes += other.crashes;
    }
}

impl Timeline {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self { width: WIDTH, windows: Vec::new() }
    }

    /// Something happened so long after the start.
    pub(super) fn note(&mut self, after: Duration, happened: Happened) {
        let window = self.window(after);
        match happened {
            Happened::Ended(latency) => window.latency.record(latency),
            Happened::Refused => window.refused += 1,
            Happened::Failed => window.errors += 1,
            Happened::Crashed => window.crashes += 1,
        }
    }

    fn window(&mut self, after: Duration) -> &mut Window {
        loop {
            let index = usize::try_from(after.as_nanos() / self.width.as_nanos()).unwrap_or(usize::MAX);
            if index < MOST {
                while self.windows.len() <= index {
                    self.windows.push(Window::new());
                }
                return &mut self.windows[index];
            }
            self.halve();
        }
    }

    fn halve(&mut self) {
        self.width *= 2;
        let mut halved: Vec<Window> = Vec::with_capacity(MOST);
        for (index, window) in self.windows.drain(..).enumerate() {
            match halved.last_mut() {
                Some(last) if index % 2 == 1 => last.absorb(&window),
                _ => halved.push(window),
            }
        }
        self.windows = halved;
    }

    /// How wide a window is.
    pub(super) const fn width(&self) -> Duration {
        self.width
    }

    /// The windows of a run that took `total`; the last one may be a part of one.
    pub(super) fn points(&self, total: Duration) -> Vec<Point> {
        let mut points = Vec::with_capacity(self.windows.len());
        let mut begins = Duration::ZERO;
        for window in &self.windows {
            let lasts = total.saturating_sub(begins).min(self.width).max(self.width / 10);
            let ended = window.latency.count();
            points.push(Point {
                at_s: begins.as_secs_f64(),
                sagas_per_s: super::schedule::as_f64(ended) / lasts.as_secs_f64(),
                p50_ms: (ended > 0).then(|| millis(window.latency.quantile(0.5))),
                p99_ms: (ended > 0).then(|| millis(window.latency.quantile(0.99))),
                refused: window.refused,
                errors: window.errors,
                crashes: window.crashes,
            });
            begins += self.width;
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_stay_few_and_lose_nothing() {
        let mut timeline = Timeline::new();
        for tenth in 0..10_000 {
            timeline.note(Duration::from_millis(100) * tenth, Happened::Ended(Duration::from_millis(2)));
            timeline.note(Duration::from_millis(100) * tenth, Happened::Crashed);
        }
        let total = Duration::from_secs(1_000);
        let points = timeline.points(total);
        assert!(points.len() <= MOST && points.len() > MOST / 2, "{}", points.len());
        assert_eq!(points.iter().map(|point| point.crashes).sum::<u64>(), 10_000);
        let (first, last) = (points[0], points[points.len() - 1]);
        assert!((first.sagas_per_s - 10.0).abs() < 1e-6, "{first:?}");
        assert!((last.sagas_per_s - 10.0).abs() < 1.0, "a part of a window counts as a part: {last:?}");
        assert!((first.p99_ms.unwrap() - 2.0).abs() < 0.05, "{first:?}");
    }

    #[test]
    fn a_window_in_which_nothing_ended_has_no_latency() {
        let mut timeline = Timeline::new();
        timeline.note(Duration::from_millis(250), Happened::Ended(Duration::from_millis(1)));
        let points = timeline.points(Duration::from_millis(300));
        assert_eq!(points.len(), 3);
        assert_eq!((points[0].p50_ms, points[0].sagas_per_s), (None, 0.0));
    }
}
