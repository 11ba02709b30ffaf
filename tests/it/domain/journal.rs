//! A checkout saga with its log, for tests that say "given this log, when that, then these events".

use super::given::{at, checkout, saga_id};
use backstitch::domain::{
    checkout::{self, Checkout, CheckoutEvent, CheckoutSaga, Edit, Verb},
    payment::Provider,
    reason::Reason,
    saga::{CancelBy, Event, Next, Outcome, Refused, Saga, Status},
    time::Timestamp,
};
use std::sync::Arc;

/// Half of the jitter: retries of the checkout's first attempt come after 20 + 180 / 2 ms.
pub(super) const JITTER: f64 = 0.5;

/// A saga and everything its log holds. Every move checks that the log replays to the same saga.
pub(super) struct Journal {
    pub(super) saga: CheckoutSaga,
    pub(super) log: Vec<(Timestamp, CheckoutEvent)>,
    pub(super) now: Timestamp,
}

impl Journal {
    pub(super) fn begin() -> Self {
        Self::of(checkout(Provider::Manual))
    }

    pub(super) fn of(checkout: Checkout) -> Self {
        let (saga, events) = checkout::begin(saga_id(), Arc::new(checkout), at(0));
        let mut journal = Self { saga, log: Vec::new(), now: at(0) };
        journal.append(events);
        journal
    }

    /// A saga whose steps before `step` are done and whose `step` has just been started.
    pub(super) fn at_step(step: Verb) -> Self {
        let mut journal = Self::begin();
        for done in FORWARD.into_iter().take_while(|done| *done != step) {
            journal.answer(done, Outcome::DONE);
        }
        journal
    }

    /// A saga that was turned by a refused shipment and whose compensation `step` has just been started.
    pub(super) fn undoing(step: Verb) -> Self {
        let mut journal = Self::at_step(Verb::StartShipping);
        journal.answer(Verb::StartShipping, Outcome::rejected(Reason::ShippingFailed));
        for done in BACKWARD.into_iter().take_while(|done| *done != step) {
            journal.answer(done, Outcome::DONE);
        }
        journal
    }

    fn append(&mut self, events: Vec<CheckoutEvent>) -> Vec<String> {
        let lines = events.iter().map(line).collect();
        self.log.extend(events.into_iter().map(|event| (self.now, event)));
        let replayed = replay(&self.log);
        assert_eq!(format!("{replayed:?}"), format!("{:?}", self.saga), "the log replays to the same saga");
        lines
    }

    pub(super) fn answer(&mut self, step: Verb, outcome: Outcome) -> Vec<String> {
        let events = self.saga.outcome(step, outcome, self.now, JITTER).expect("an answer is never impossible");
        self.append(events)
    }

    pub(super) fn wake_at(&mut self, now: Timestamp) -> Vec<String> {
        self.now = now;
        let events = self.saga.wake(now).expect("waking is never impossible");
        self.append(events)
    }

    pub(super) fn cancel(&mut self, by: CancelBy) -> Result<Vec<String>, Refused> {
        let events = checkout::cancel(&mut self.saga, by, None, self.now)?;
        Ok(self.append(events))
    }

    pub(super) fn edit(&mut self, edit: &Edit) -> Result<Vec<String>, Refused> {
        let events = checkout::edit(&mut self.saga, edit, self.now)?;
        Ok(self.append(events))
    }

    pub(super) fn retry(&mut self) -> Result<Vec<String>, Refused> {
        let events = self.saga.retry(Some("try again".into()), self.now)?;
        Ok(self.append(events))
    }

    pub(super) fn set_aside(&mut self, why: &str) -> Vec<String> {
        let events = self.saga.set_aside(why.into(), self.now).expect("setting aside is never impossible");
        self.append(events)
    }

    /// Answers `step` with `Unknown` and wakes the saga for each retry, until the attempts are used up.
    /// Returns how many answers it took and the lines of the last one.
    pub(super) fn exhaust(&mut self, step: Verb) -> (usize, Vec<String>) {
        for answers in 1..100 {
            let lines = self.answer(step, Outcome::unknown("no answer"));
            match self.saga.next() {
                Next::Wait(Some(until)) if lines == [format!("unknown {}", name(step))] => self.wake_at(until),
                _ => return (answers, lines),
            };
        }
        panic!("{} is retried for ever", name(step));
    }

    pub(super) fn status(&self) -> Status {
        self.saga.summary().status
    }

    /// What must be in flight now, as `step→action#attempt`; empty when nothing must.
    pub(super) fn running(&self) -> Vec<String> {
        match self.saga.next() {
            Next::Run(tasks) => {
                tasks.iter().map(|task| format!("{}→{}#{}", name(task.step), name(task.action), task.attempt)).collect()
            }
            Next::Wait(_) | Next::Rest => Vec::new(),
        }
    }
}

pub(super) const FORWARD: [Verb; 5] =
    [Verb::CreateOrder, Verb::ProcessPayment, Verb::MarkOrderPaid, Verb::StartShipping, Verb::CompleteOrder];
pub(super) const BACKWARD: [Verb; 3] = [Verb::CancelShipping, Verb::RefundPayment, Verb::CancelOrder];

pub(super) fn replay(log: &[(Timestamp, CheckoutEvent)]) -> CheckoutSaga {
    Saga::replay(saga_id(), log.iter().cloned(), checkout::definition_of).expect("a log that was written replays")
}

pub(super) fn name(verb: Verb) -> &'static str {
    verb.into()
}

/// An event in one short line.
pub(super) fn line(event: &CheckoutEvent) -> String {
    match event {
        Event::StepStarted { step, attempt } => format!("started {}#{attempt}", name(*step)),
        Event::StepWaiting { step, .. } => format!("waiting {}", name(*step)),
        Event::StepDue { step } => format!("due {}", name(*step)),
        Event::StepDone { step, .. } => format!("done {}", name(*step)),
        Event::StepRejected { step, reason, .. } => format!("rejected {} {reason}", name(*step)),
        Event::StepUnknown { step, retry_at: Some(_), .. } => format!("unknown {}", name(*step)),
        Event::StepUnknown { step, retry_at: None, .. } => format!("exhausted {}", name(*step)),
        Event::SagaTurned { reason } => format!("turned {reason}"),
        Event::LateReply { step, .. } => format!("late {}", name(*step)),
        Event::CancelRequested { by, .. } => format!("cancel {by}"),
        Event::AmendmentStarted { revision, .. } => format!("amending #{revision}"),
        Event::AmendmentRefused { reason } => format!("amendment refused {reason}"),
        _ => event.name().to_owned(),
    }
}
