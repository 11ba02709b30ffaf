//! The server's own counters, read from `/metrics` and added up over its restarts.

use super::{client::Client, schedule::as_f64, target::Target};
use hyper::http::Uri;
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// The counters that a report needs; everything else is skipped.
const NEEDED: [&str; 5] = [
    "store_commits_total",
    "store_commands_total",
    "store_statements_total",
    "store_batch_commands_bucket",
    "actor_restarts_total",
];

/// Counters since the start of the run. A killed server counts from zero again; what it counted after
/// the last reading is lost.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    /// By name and labels, as they are written.
    series: BTreeMap<String, Series>,
    /// Whether the first reading, which later ones are compared with, has been made.
    read: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Series {
    last: f64,
    total: f64,
}

/// Commits by the number of commands in them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Batches {
    /// At most so many commands, and more than those of the bar before; `None` without a limit.
    pub(super) up_to: Option<f64>,
    pub(super) commits: f64,
}

impl Counters {
    /// Takes in what the server says now.
    pub(super) fn take(&mut self, text: &str) {
        for line in text.lines() {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            let bare = name.split('{').next().unwrap_or(name);
            let Ok(value) = value.parse::<f64>() else { continue };
            if !NEEDED.contains(&bare) {
                continue;
            }
            let series = self.series.entry(name.to_owned()).or_default();
            if self.read {
                // Less than before: the server was restarted, and counted all of it since.
                series.total += if value < series.last { value } else { value - series.last };
            }
            series.last = value;
        }
        self.read = true;
    }

    /// The server counts from zero again.
    pub(super) fn restarted(&mut self) {
        self.series.values_mut().for_each(|series| series.last = 0.0);
    }

    /// What another server has counted, too.
    pub(super) fn add(&mut self, other: &Self) {
        for (name, series) in &other.series {
            self.series.entry(name.clone()).or_default().total += series.total;
        }
    }

    /// A counter without labels.
    pub(super) fn total(&self, name: &str) -> f64 {
        self.series.get(name).map_or(0.0, |series| series.total)
    }

    /// Restarts by actor.
    pub(super) fn restarts(&self) -> BTreeMap<String, f64> {
        let of = |(name, series): (&String, &Series)| {
            let actor = name.strip_prefix("actor_restarts_total{")?.split('"').nth(1)?;
            Some((actor.to_owned(), series.total))
        };
        self.series.iter().filter_map(of).collect()
    }

    /// Commits by batch size, smallest first. The server's buckets each hold all smaller ones too.
    pub(super) fn batches(&self) -> Vec<Batches> {
        let of = |(name, series): (&String, &Series)| {
            let bound = name.strip_prefix("store_batch_commands_bucket{")?.split('"').nth(1)?;
            Some((bound.parse::<f64>().ok()?, series.total))
        };
        let mut cumulative: Vec<(f64, f64)> = self.series.iter().filter_map(of).collect();
        cumulative.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut below = 0.0;
        let bar = |(bound, total): (f64, f64)| {
            let commits = (total - below).max(0.0);
            below = total;
            Batches { up_to: bound.is_finite().then_some(bound), commits }
        };
        cumulative.into_iter().map(bar).collect()
    }
}

/// Reads a server's counters, one reading at a time.
pub(super) struct Scraper {
    client: Client,
    path: Uri,
    pub(super) counters: Counters,
}

impl Scraper {
    pub(super) fn new(target: Target) -> Self {
        let client = Client::new(target, Duration::from_secs(5));
        Self { client, path: Uri::from_static("/metrics"), counters: Counters::default() }
    }

    /// Reads once, if the server answers: a server that does not is asked again the next time.
    pub(super) async fn read(&mut self) -> bool {
        let answer = self.client.get(&self.path).await.ok().filter(|answer| answer.status.is_success());
        answer.map(|answer| self.counters.take(&String::from_utf8_lossy(&answer.body))).is_some()
    }
}

/// One number for each of another.
pub(super) fn per(amount: f64, each: u64) -> f64 {
    if each == 0 { 0.0 } else { amount / as_f64(each) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_count_from_the_first_reading_and_over_restarts() {
        let mut counters = Counters::default();
        counters.take("# TYPE store_commits_total counter\nstore_commits_total 100\nother_total 7\n");
        counters.take("store_commits_total 130\nactor_restarts_total{actor=\"payment\"} 2\n");
        counters.restarted();
        counters.take("store_commits_total 140\nactor_restarts_total{actor=\"payment\"} 1\n");
        // A restart that nobody told of shows by itself.
        counters.take("store_commits_total 5\n");
        let found =
            [counters.total("store_commits_total"), counters.restarts()["payment"], counters.total("other_total")];
        for (found, expected) in found.into_iter().zip([30.0 + 140.0 + 5.0, 3.0, 0.0]) {
            assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
        }
    }

    #[test]
    fn batches_are_told_apart_by_size() {
        let mut counters = Counters::default();
        counters.take("");
        counters.take(
            "store_batch_commands_bucket{le=\"+Inf\"} 10\nstore_batch_commands_bucket{le=\"1\"} 4\n\
             store_batch_commands_bucket{le=\"2\"} 9\n",
        );
        let batches: Vec<_> = counters.batches().iter().map(|bar| (bar.up_to, bar.commits)).collect();
        assert_eq!(batches, [(Some(1.0), 4.0), (Some(2.0), 5.0), (None, 1.0)]);
    }
}
