//! Calls to services outside: what they say, when a call is made again, and what a person is told meanwhile.

use super::time::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest that what a service says is kept, in characters: it may be a whole page.
const MOST_SAID: usize = 500;
/// The longest wait that a service can ask for, in milliseconds: 5 minutes.
const LONGEST_WAIT_MS: u64 = 5 * 60 * 1000;

/// What a service says instead of a usable answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// In words, for a person.
    pub text: String,
    /// The HTTP status, where it has said one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it wants to be left alone, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl From<&str> for Said {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

/// Why a call is not answered yet, and when it is made again: what a person is shown while it is outstanding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What the service said last.
    pub error: String,
    /// The HTTP status of that, where there was one.
    pub status: Option<u16>,
    /// When the call is made again, where there is one.
    pub next_attempt_at: Option<Timestamp>,
}

impl Trouble {
    /// What is known after `attempts` unusable answers, of which this is the last.
    pub fn after(attempts: u32, said: &Said, now: Timestamp) -> Self {
        let wait = backoff_ms(attempts).max(said.retry_after_ms.unwrap_or(0).min(LONGEST_WAIT_MS));
        Self {
            error: said.text.chars().take(MOST_SAID).collect(),
            status: said.status,
            next_attempt_at: Some(now.plus_millis(wait)),
        }
    }
}

/// The wait before a call is made again after so many unusable answers, in milliseconds: 100 doubling to 30,000. An effect
/// outside that is in doubt is asked about until the answer is known.
pub const fn backoff_ms(attempts: u32) -> u64 {
    if attempts == 0 {
        return 0;
    }
    let doublings = if attempts > 10 { 9 } else { attempts - 1 };
    let wait = 100 << doublings;
    if wait > 30_000 { 30_000 } else { wait }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_made_again_after_waits_that_double_to_half_a_minute() {
        let waits = [0, 1, 2, 3, 9, 10, 11, u32::MAX].map(backoff_ms);
        assert_eq!(waits, [0, 100, 200, 400, 25_600, 30_000, 30_000, 30_000]);
    }

    #[test]
    fn a_wait_that_the_service_asks_for_is_kept_within_bounds() {
        let now = Timestamp::from_millis(1_000);
        let next = |retry_after_ms| {
            let said = Said { retry_after_ms, ..Said::from("busy") };
            Trouble::after(1, &said, now).next_attempt_at.expect("a time").millis() - 1_000
        };
        assert_eq!([None, Some(7), Some(2_000), Some(u64::MAX)].map(next), [100, 100, 2_000, 300_000]);
    }

    #[test]
    fn a_page_is_cut() {
        let said = Said::from("é".repeat(2_000));
        assert_eq!(Trouble::after(1, &said, Timestamp::from_millis(0)).error.chars().count(), MOST_SAID);
    }
}
