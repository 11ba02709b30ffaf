//! How often and when an `Unknown` is asked again.

/// Exponential backoff with full jitter, a floor and a cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// Shortest wait, in milliseconds.
    pub floor_ms: u64,
    /// Upper bound of the first wait, in milliseconds; doubles with every attempt.
    pub base_ms: u64,
    /// Upper bound of any wait, in milliseconds.
    pub cap_ms: u64,
}

impl RetryPolicy {
    /// The wait after the `tries`-th failed attempt, or `None` when that was the last.
    ///
    /// `jitter` is uniform in `[0, 1)`; `retry_after_ms` is the other side's wish and only ever
    /// lengthens the wait.
    pub fn wait_ms(&self, tries: u32, jitter: f64, retry_after_ms: Option<u64>) -> Option<u64> {
        if tries >= self.attempts {
            return None;
        }
        let doublings = tries.saturating_sub(1).min(32);
        let bound = self.base_ms.saturating_mul(1 << doublings).min(self.cap_ms).max(self.floor_ms);
        let spread = bound - self.floor_ms;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a jitter needs no exact milliseconds, and the product is within 0..=spread"
        )]
        let wait = self.floor_ms + (spread as f64 * jitter.clamp(0.0, 1.0)) as u64;
        Some(wait.max(retry_after_ms.unwrap_or(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy = RetryPolicy { attempts: 4, floor_ms: 10, base_ms: 100, cap_ms: 150 };

    #[test]
    fn waits_grow_to_the_cap_and_end_with_the_attempts() {
        let longest = |tries| POLICY.wait_ms(tries, 1.0, None);
        assert_eq!([1, 2, 3, 4].map(longest), [Some(100), Some(150), Some(150), None]);
    }

    #[test]
    fn jitter_spreads_the_wait_down_to_the_floor() {
        assert_eq!(POLICY.wait_ms(1, 0.0, None), Some(10));
    }

    #[test]
    fn a_retry_after_only_lengthens_the_wait() {
        assert_eq!(POLICY.wait_ms(1, 0.0, Some(700)), Some(700));
        assert_eq!(POLICY.wait_ms(1, 1.0, Some(1)), Some(100));
    }
}
