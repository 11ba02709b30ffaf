//! Sagas whose next step is a participant's that cannot be reached: parked, and taken in hand again when it can be.
//!
//! ```text
//!   away ─▶ a row with a wake_at, no attempt ─┬─ the participant answers somebody ─▶ in hand again, paced
//!                                             └─ its time has come ────────────────▶ asked again
//! ```
//!
//! What is remembered here only saves time: a coordinator that has forgotten it asks when the row says so.

use super::{SagaCoordinator, drive::Purpose, outbox::After};
use crate::{
    clock,
    domain::{
        checkout::{self, Verb},
        ids::{IdSet, SagaId},
        saga::{Action as _, Next},
    },
    store::SagaCommand,
};
use std::collections::{HashMap, VecDeque};

/// A saga is sent again after half the time that it has stood still, within these bounds, in ms.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 1_000..=60_000;
/// Sagas taken in hand again above which nobody is taken up here, so that new orders go on meanwhile.
const BOUND: usize = 1024;
/// Sagas taken in hand again with one answer of a participant that is back.
const PORTION: usize = 128;
/// Sagas remembered for one participant; the others wait for their time.
const MOST: usize = 100_000;

/// Parked sagas, by the participant that they wait for, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Stranded(HashMap<&'static str, Line>);

#[derive(Debug, Default)]
struct Line {
    sagas: VecDeque<SagaId>,
    known: IdSet<SagaId>,
}

impl Stranded {
    fn add(&mut self, participant: &'static str, saga_id: SagaId) {
        let Line { sagas, known } = self.0.entry(participant).or_default();
        if known.len() < MOST && known.insert(saga_id) {
            sagas.push_back(saga_id);
        }
    }

    /// The first of those that wait for a participant, who are not waiting any more.
    fn portion(&mut self, participant: &'static str) -> Vec<SagaId> {
        let Some(Line { sagas, known }) = self.0.get_mut(participant) else { return Vec::new() };
        let portion: Vec<_> = sagas.drain(..sagas.len().min(PORTION)).collect();
        portion.iter().for_each(|saga_id| {
            known.remove(saga_id);
        });
        if sagas.is_empty() {
            self.0.remove(participant);
        }
        portion
    }
}

impl SagaCoordinator {
    /// A step's participant cannot be reached: parks the saga, unless another step of it is under way, whose answer
    /// sends this one again.
    pub(super) fn strand(&mut self, saga_id: SagaId, step: Verb, why: &str) {
        let Some(in_hand) = self.hands.active.get(&saga_id).filter(|in_hand| in_hand.in_flight.is_empty()) else {
            return;
        };
        let now = clock::now();
        tracing::debug!(%saga_id, step = step.name(), why, "a step's participant is away");
        self.stranded.add(step.participant(), saga_id);
        if checkout::has_order(&in_hand.saga) {
            self.waiters.placed(saga_id, in_hand.saga.input().order_id, in_hand.saga.turned());
        }
        if !matches!(in_hand.saga.next(), Next::Run(_)) {
            return self.moved(saga_id, Vec::new(), now, None, None);
        }
        let stood = now.millis_since(in_hand.saga.updated_at());
        let wake_at = now.plus_millis((stood / 2).clamp(*PAUSE_MS.start(), *PAUSE_MS.end()));
        let after = After::Appended { rest: false, wake_at: Some(wake_at), reply: None };
        self.outbox.store(saga_id, SagaCommand::Park { saga_id, wake_at }, after);
        self.hands.forget(saga_id);
    }

    /// A participant answers: takes sagas in hand again that wait for it, as many as there is room for.
    pub(super) fn take_up_stranded(&mut self, participant: &'static str) {
        if self.stranded.0.is_empty() || self.timers.is_stopped() || self.hands.resumed() >= BOUND {
            return;
        }
        for saga_id in self.stranded.portion(participant) {
            self.take_up(saga_id, Purpose::Drive);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn those_who_wait_for_one_participant_are_taken_once_each_and_in_portions() {
        let saga = |number: usize| SagaId::from_uuid(Uuid::from_u128(number as u128));
        let mut stranded = Stranded::default();
        (0..PORTION + 5).for_each(|number| stranded.add("payment", saga(number)));
        stranded.add("payment", saga(0));
        stranded.add("order", saga(0));
        let mut taken = stranded.portion("payment");
        assert_eq!(taken.len(), PORTION);
        taken.extend(stranded.portion("payment"));
        assert_eq!(taken, (0..PORTION + 5).map(saga).collect::<Vec<_>>());
        assert!(stranded.portion("payment").is_empty());
        assert_eq!(stranded.portion("order"), [saga(0)]);
    }
}
