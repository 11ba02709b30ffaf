//! A notification, and when it is sent again.

use super::{About, TargetName};
use crate::domain::{ids::NotificationId, time::Timestamp};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// How often one is sent before it is given up.
pub const ATTEMPTS: u32 = 10;
/// How long it waits after each unsuccessful attempt but the last, in seconds: 75 hours in all.
const WAITS: [u64; ATTEMPTS as usize - 1] =
    [5, 5 * 60, 30 * 60, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR];
const HOUR: u64 = 3_600;
/// Why one is given up that cannot be read: it is not sent, and would be claimed for ever.
pub const UNREADABLE: &str = "cannot be read";
/// What is kept of why an attempt was unsuccessful, in characters.
const MOST_SAID: usize = 500;

/// Where a notification stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum NotificationStatus {
    /// It is to be sent, for the first time or again.
    Pending,
    /// Its target has taken it.
    Delivered,
    /// Every attempt was in vain.
    Failed,
}

impl NotificationStatus {
    /// The status's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// How sending one has gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The target has taken it, and answered with this status.
    Delivered(u16),
    /// It has not, or nobody knows.
    Failed {
        /// What it answered, where it did.
        status: Option<u16>,
        /// Why; never with a secret.
        why: String,
    },
}

/// Takes in how sending one has gone.
#[derive(Clone, Debug)]
pub struct RecordDelivery {
    /// Which one.
    pub id: NotificationId,
    /// Until when whoever sent it had claimed it, which tells one claim from another.
    pub claimed_until: Timestamp,
    /// How it went.
    pub delivery: Delivery,
}

/// Why a client's command is refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum NotificationRefusal {
    /// Its target has it.
    #[error("the notification is delivered; there is nothing to send again")]
    Delivered,
}

/// What one target is to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    /// Its id, the same in every attempt: what its target tells a repeat by.
    pub id: NotificationId,
    /// Who is told.
    pub target: TargetName,
    /// What.
    pub about: About,
    /// Where it stands.
    pub status: NotificationStatus,
    /// How often it was sent, since it was last asked for.
    pub attempts: u32,
    /// When it is due, while it is pending.
    pub next_attempt_at: Option<Timestamp>,
    /// Until when somebody sends it, whom others leave it to.
    pub claimed_until: Option<Timestamp>,
    /// What its target answered last.
    pub last_status: Option<u16>,
    /// Why the last attempt was in vain.
    pub last_error: Option<String>,
    /// When its target took it.
    pub delivered_at: Option<Timestamp>,
    /// When the payment settled.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Notification {
    /// One that is due now.
    pub(super) fn new(target: TargetName, about: About, now: Timestamp) -> Self {
        Self {
            id: about.id_for(target.as_str(), now),
            target,
            about,
            status: NotificationStatus::Pending,
            attempts: 0,
            next_attempt_at: Some(now),
            claimed_until: None,
            last_status: None,
            last_error: None,
            delivered_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Takes in how sending it has gone; whether that changes anything. A success counts whoever had it. A failure of
    /// somebody whose claim is over does not: it is being sent again already.
    pub fn record(&mut self, record: &RecordDelivery, now: Timestamp) -> bool {
        let is_claimed = self.claimed_until == Some(record.claimed_until);
        match &record.delivery {
            _ if self.status == NotificationStatus::Delivered => return false,
            Delivery::Delivered(status) => {
                self.status = NotificationStatus::Delivered;
                self.next_attempt_at = None;
                self.last_status = Some(*status);
                self.last_error = None;
                self.delivered_at = Some(now);
            }
            Delivery::Failed { .. } if !is_claimed => return false,
            Delivery::Failed { status, why } => {
                self.last_status = *status;
                self.last_error = Some(why.chars().take(MOST_SAID).collect());
                self.next_attempt_at = wait_ms(self.attempts + 1, self.jitter()).map(|wait| now.plus_millis(wait));
                if self.next_attempt_at.is_none() {
                    self.status = NotificationStatus::Failed;
                }
            }
        }
        self.attempts += 1;
        self.claimed_until = None;
        self.updated_at = now;
        true
    }

    /// Has it sent again at once, with all attempts before it.
    ///
    /// # Errors
    /// It is delivered.
    pub fn retry(&mut self, now: Timestamp) -> Result<(), NotificationRefusal> {
        if self.status == NotificationStatus::Delivered {
            return Err(NotificationRefusal::Delivered);
        }
        self.status = NotificationStatus::Pending;
        self.attempts = 0;
        self.next_attempt_at = Some(now);
        self.claimed_until = None;
        self.updated_at = now;
        Ok(())
    }

    /// From 0 to 1, another one for each attempt of each notification: its id ends in what nobody can foresee.
    fn jitter(&self) -> f64 {
        let tail = &self.id.bytes()[9..];
        f64::from(tail[self.attempts as usize % tail.len()]) / 255.0
    }
}

/// How long one waits after so many attempts, in milliseconds; `None` when it is given up. `jitter`, from 0 to 1, makes
/// it up to a tenth longer or shorter, so that those that have failed together do not come back together.
pub fn wait_ms(attempts: u32, jitter: f64) -> Option<u64> {
    let seconds = *WAITS.get(attempts.checked_sub(1)? as usize)?;
    let least = seconds * 900;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a jitter needs no exact milliseconds, and the product is within a few hours"
    )]
    let more = (seconds as f64 * 200.0 * jitter.clamp(0.0, 1.0)) as u64;
    Some(least + more)
}

#[cfg(test)]
pub(super) mod tests {
    use super::{super::GivenId, *};
    use crate::domain::{
        money::{Amount, Currency},
        payment::PaymentStatus,
    };

    pub(in super::super) fn about() -> About {
        About {
            payment_id: GivenId::Number(1),
            order_id: GivenId::Text("A-1".into()),
            user_id: Some(GivenId::Number(7)),
            amount: Amount::parse(20_000).unwrap(),
            currency: Currency::Idr,
            status: PaymentStatus::Paid,
            reason: None,
        }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn pending() -> Notification {
        Notification::new("orders".parse().unwrap(), about(), at(0))
    }

    fn claimed(until: Timestamp) -> Notification {
        Notification { claimed_until: Some(until), ..pending() }
    }

    fn record(row: &mut Notification, claimed_until: Timestamp, delivery: Delivery) -> bool {
        let (id, now) = (row.id, claimed_until);
        row.record(&RecordDelivery { id, claimed_until, delivery }, now)
    }

    fn failed() -> Delivery {
        Delivery::Failed { status: Some(500), why: "it answers 500".into() }
    }

    #[test]
    fn ten_attempts_take_about_three_days_whatever_the_jitter() {
        const DAY: u64 = 24 * 3_600_000;
        for jitter in [0.0, 0.5, 1.0, 7.0] {
            let waits: Vec<_> = (1..).map_while(|attempts| wait_ms(attempts, jitter)).collect();
            assert_eq!(waits.len() + 1, ATTEMPTS as usize);
            assert!(waits.is_sorted(), "{waits:?}");
            let all: u64 = waits.iter().sum();
            assert!((5 * DAY / 2..7 * DAY / 2).contains(&all), "{all}");
        }
        assert_eq!((wait_ms(0, 0.5), wait_ms(1, 0.0), wait_ms(1, 1.0)), (None, Some(4_500), Some(5_500)));
    }

    #[test]
    fn one_that_is_taken_is_delivered_and_one_that_is_not_is_due_again_until_it_is_given_up() {
        let mut row = claimed(at(10));
        assert!(record(&mut row, at(10), Delivery::Delivered(204)));
        assert_eq!((row.status, row.attempts, row.last_status), (NotificationStatus::Delivered, 1, Some(204)));
        assert_eq!((row.next_attempt_at, row.claimed_until, row.delivered_at), (None, None, Some(at(10))));

        let mut row = pending();
        for attempt in 1..=ATTEMPTS {
            assert_eq!((row.status, row.attempts), (NotificationStatus::Pending, attempt - 1));
            let now = row.next_attempt_at.expect("it is due");
            row.claimed_until = Some(now);
            assert!(record(&mut row, now, failed()));
            assert_eq!((row.last_status, row.last_error.as_deref()), (Some(500), Some("it answers 500")));
        }
        assert_eq!((row.status, row.attempts, row.next_attempt_at), (NotificationStatus::Failed, ATTEMPTS, None));
    }

    #[test]
    fn a_failure_counts_once_and_a_success_whoever_had_it() {
        let mut row = claimed(at(10));
        assert!(!record(&mut row, at(5), failed()), "its claim was over");
        assert!(record(&mut row, at(10), failed()));
        assert!(!record(&mut row, at(10), failed()), "it was taken in");
        assert_eq!(row.attempts, 1);
        assert!(record(&mut row, at(5), Delivery::Delivered(200)));
        assert!(!record(&mut row, at(6), Delivery::Delivered(200)));
        assert_eq!((row.status, row.attempts), (NotificationStatus::Delivered, 2));
    }

    #[test]
    fn a_retry_begins_anew_unless_it_is_delivered() {
        let mut row = Notification {
            status: NotificationStatus::Failed,
            attempts: ATTEMPTS,
            next_attempt_at: None,
            ..claimed(at(10))
        };
        assert_eq!(row.retry(at(20)), Ok(()));
        assert_eq!((row.status, row.attempts), (NotificationStatus::Pending, 0));
        assert_eq!((row.next_attempt_at, row.claimed_until), (Some(at(20)), None));
        assert!(!record(&mut row, at(10), failed()), "what was under way is none of the new attempts");
        record(&mut row, at(10), Delivery::Delivered(200));
        assert_eq!(row.retry(at(30)), Err(NotificationRefusal::Delivered));
    }

    #[test]
    fn those_that_fail_together_do_not_come_back_together() {
        let due = |name: &str| {
            let mut row = Notification::new(name.parse().unwrap(), about(), at(0));
            row.claimed_until = Some(at(1));
            record(&mut row, at(1), failed());
            row.next_attempt_at
        };
        assert_ne!(due("orders"), due("users"));
    }
}
