//! Latencies, in an HDR histogram of microseconds.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// The longest latency that is told apart, in µs; an order is given up before.
const LONGEST_US: u64 = 300_000_000;

/// Many latencies.
#[derive(Clone, Debug)]
pub(super) struct Latency(Histogram<u64>);

/// Latencies in milliseconds, as they are reported.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Percentiles {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) p99_9: f64,
    pub(super) max: f64,
    pub(super) mean: f64,
}

/// How many latencies lie between two bounds.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Bar {
    pub(super) from_ms: f64,
    pub(super) to_ms: f64,
    pub(super) count: u64,
}

impl Latency {
    /// To one thousandth of each latency.
    pub(super) fn fine() -> Self {
        Self::with_digits(3)
    }

    /// To one hundredth, in less memory.
    pub(super) fn coarse() -> Self {
        Self::with_digits(2)
    }

    fn with_digits(digits: u8) -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, digits);
        // Only bounds that contradict each other are refused, and these are constants; see the test.
        Self(histogram.unwrap_or_else(|_| unreachable!("1 to {LONGEST_US} with {digits} digits is a histogram")))
    }

    /// One more.
    pub(super) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX).max(1));
    }

    /// All of another's.
    pub(super) fn add(&mut self, other: &Self) {
        // Both have the same bounds, so that nothing is out of range.
        let _ = self.0.add(&other.0);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    pub(super) fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.0.value_at_quantile(quantile))
    }

    pub(super) fn percentiles(&self) -> Percentiles {
        let at = |quantile| millis(self.quantile(quantile));
        Percentiles {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p99_9: at(0.999),
            max: millis(Duration::from_micros(self.0.max())),
            mean: self.0.mean() / 1_000.0,
        }
    }

    /// The distribution, in bars that are equally wide on a logarithmic axis: so many to each factor of ten.
    pub(super) fn bars(&self, per_decade: u32) -> Vec<Bar> {
        let step = 10_f64.powf(1.0 / f64::from(per_decade));
        let mut bars: Vec<Bar> = Vec::new();
        for value in self.0.iter_recorded() {
            #[expect(clippy::cast_precision_loss, reason = "a latency is far below 2^52 µs")]
            let ms = value.value_iterated_to() as f64 / 1_000.0;
            let index = (ms.ln() / step.ln()).floor();
            let (from_ms, to_ms) = (step.powf(index), step.powf(index + 1.0));
            let count = value.count_at_value();
            match bars.last_mut() {
                Some(last) if (last.from_ms / from_ms - 1.0).abs() < 1e-6 => last.count += count,
                _ => bars.push(Bar { from_ms, to_ms, count }),
            }
        }
        bars
    }
}

/// A time in milliseconds.
pub(super) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latency = Latency::fine();
        for ms in 1..=1_000 {
            latency.record(Duration::from_millis(ms));
        }
        let found = latency.percentiles();
        for (found, expected) in
            [(found.p50, 500.0), (found.p90, 900.0), (found.p99, 990.0), (found.p99_9, 999.0), (found.max, 1_000.0)]
        {
            assert!((found / expected - 1.0).abs() < 0.002, "{found} is not {expected}");
        }
        assert!((found.mean / 500.5 - 1.0).abs() < 0.002, "{}", found.mean);
    }

    #[test]
    fn what_is_out_of_range_counts_as_the_nearest_that_is_in_it() {
        let mut latency = Latency::coarse();
        latency.record(Duration::ZERO);
        latency.record(Duration::from_hours(24));
        assert_eq!(latency.count(), 2);
        assert!(latency.percentiles().max >= 299_000.0);
        assert!(Latency::fine().percentiles().max.abs() < 1e-9);
    }

    #[test]
    fn bars_hold_everything_once_and_follow_each_other() {
        let mut latency = Latency::fine();
        for us in (1..200_000).step_by(7) {
            latency.record(Duration::from_micros(us));
        }
        let bars = latency.bars(10);
        assert_eq!(bars.iter().map(|bar| bar.count).sum::<u64>(), latency.count());
        assert!(bars.windows(2).all(|pair| pair[0].from_ms < pair[1].from_ms), "{bars:?}");
    }
}
