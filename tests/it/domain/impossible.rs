//! Events that cannot follow the log before them are errors: never a panic, and nothing changes.

use super::{
    given::{at, checkout, saga_id},
    journal::{BACKWARD, FORWARD, Journal},
};
use backstitch::domain::{
    checkout::{self, CheckoutEvent, Verb},
    payment::Provider,
    reason::Reason,
    saga::{CancelBy, Event, Impossible, Outcome, Saga},
};
use std::sync::Arc;

const EVERY_VERB: [Verb; 9] = [
    Verb::CreateOrder,
    Verb::CancelOrder,
    Verb::ProcessPayment,
    Verb::ExpirePayment,
    Verb::RefundPayment,
    Verb::MarkOrderPaid,
    Verb::StartShipping,
    Verb::CancelShipping,
    Verb::CompleteOrder,
];

fn start() -> CheckoutEvent {
    Event::SagaStarted { definition: "checkout".into(), version: 1, input: Arc::new(checkout(Provider::Manual)) }
}

fn step_events(step: Verb) -> Vec<CheckoutEvent> {
    vec![
        Event::StepStarted { step, attempt: 0 },
        Event::StepStarted { step, attempt: 1 },
        Event::StepStarted { step, attempt: 2 },
        Event::StepStarted { step, attempt: u32::MAX },
        Event::StepWaiting { step, until: None },
        Event::StepDue { step },
        Event::StepDone { step, receipt: None, duration_ms: 0 },
        Event::StepRejected { step, reason: Reason::OrderClosed, detail: None, duration_ms: 0 },
        Event::StepUnknown { step, error: "?".into(), retry_at: None, duration_ms: 0 },
        Event::StepUnknown { step, error: "?".into(), retry_at: Some(at(9)), duration_ms: 0 },
        Event::LateReply { step, outcome: Outcome::DONE },
    ]
}

fn every_event() -> Vec<CheckoutEvent> {
    let mut events: Vec<_> = EVERY_VERB.into_iter().flat_map(step_events).collect();
    events.extend([
        start(),
        Event::SagaTurned { reason: Reason::OrderError },
        Event::CancelRequested { by: Reason::CancelledByOperator, note: None },
        Event::RetryRequested { note: None },
        Event::AttentionNeeded { why: "?".into() },
        Event::SagaCompleted,
        Event::SagaCompensated,
    ]);
    events
}

/// Sagas in every kind of state, each with the one verb that may be answered there.
fn situations() -> Vec<(Journal, Option<Verb>)> {
    let mut all: Vec<_> = FORWARD.map(|step| (Journal::at_step(step), Some(step))).into();
    all.extend(BACKWARD.map(|step| (Journal::undoing(step), Some(step))));
    let mut retrying = Journal::at_step(Verb::ProcessPayment);
    retrying.answer(Verb::ProcessPayment, Outcome::unknown("lost"));
    let mut waiting = Journal::at_step(Verb::ProcessPayment);
    waiting.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(5)) });
    let mut due = Journal::at_step(Verb::ProcessPayment);
    due.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(5)) });
    due.wake_at(at(5));
    let mut completed = Journal::at_step(Verb::CompleteOrder);
    completed.answer(Verb::CompleteOrder, Outcome::DONE);
    let mut compensated = Journal::undoing(Verb::CancelOrder);
    compensated.answer(Verb::CancelOrder, Outcome::DONE);
    let mut stuck = Journal::at_step(Verb::CompleteOrder);
    stuck.exhaust(Verb::CompleteOrder);
    let mut set_aside = Journal::at_step(Verb::ProcessPayment);
    set_aside.set_aside("poisoned");
    let mut cancelled = Journal::at_step(Verb::ProcessPayment);
    cancelled.cancel(CancelBy::Operator).expect("before the pivot");
    all.extend([
        (retrying, None),
        (waiting, Some(Verb::ProcessPayment)),
        (due, Some(Verb::ProcessPayment)),
        (completed, None),
        (compensated, None),
        (stuck, None),
        (set_aside, None),
        (cancelled, Some(Verb::RefundPayment)),
    ]);
    all
}

fn verb_of(event: &CheckoutEvent) -> Option<Verb> {
    match event {
        Event::StepWaiting { step, .. }
        | Event::StepDone { step, .. }
        | Event::StepRejected { step, .. }
        | Event::StepUnknown { step, .. } => Some(*step),
        _ => None,
    }
}

#[test]
fn every_event_in_every_state_is_applied_or_refused_and_a_refusal_changes_nothing() {
    for (journal, _) in situations() {
        for event in every_event() {
            let mut saga = journal.saga.clone();
            match saga.apply(&event, at(77)) {
                Ok(()) => assert_eq!(saga.events(), journal.saga.events() + 1),
                Err(impossible) => {
                    assert_eq!((impossible.event, impossible.position), (event.name(), journal.saga.events()));
                    assert_eq!(format!("{saga:?}"), format!("{:?}", journal.saga), "after {event:?}");
                }
            }
            // Whatever was applied, every question still has an answer.
            let _ = (saga.next(), saga.waiting_tasks(), saga.summary(), saga.progress());
        }
    }
}

#[test]
fn only_the_step_that_is_under_way_can_be_answered() {
    for (journal, answerable) in situations() {
        for event in every_event() {
            if let Some(verb) = verb_of(&event) {
                let applied = journal.saga.clone().apply(&event, at(77)).is_ok();
                assert_eq!(applied, answerable == Some(verb), "{event:?} after {:?}", journal.log.last());
            }
        }
    }
}

#[test]
fn an_attempt_is_started_only_when_none_is_under_way_and_with_the_next_number() {
    for (journal, answerable) in situations() {
        if let Some(step) = answerable {
            for attempt in [0, 1, 2, 3, u32::MAX] {
                assert!(journal.saga.clone().apply(&Event::StepStarted { step, attempt }, at(77)).is_err());
            }
        }
    }
    let mut retrying = Journal::at_step(Verb::ProcessPayment);
    retrying.answer(Verb::ProcessPayment, Outcome::unknown("lost"));
    for attempt in [0, 1, 3, u32::MAX] {
        let event = Event::StepStarted { step: Verb::ProcessPayment, attempt };
        assert!(retrying.saga.clone().apply(&event, at(77)).is_err(), "{attempt}");
    }
}

#[test]
fn a_saga_starts_once_turns_once_and_ends_once() {
    let end = [Event::SagaCompleted, Event::SagaCompensated];
    for (journal, _) in situations() {
        let refused = |event: &CheckoutEvent| journal.saga.clone().apply(event, at(77)).is_err();
        assert!(refused(&start()));
        assert!(end.iter().all(refused), "a machine that ends by itself leaves no end to add");
        if journal.saga.turned().is_some() || journal.saga.summary().status.as_str() == "completed" {
            assert!(refused(&Event::SagaTurned { reason: Reason::OrderError }));
        }
    }
    let past_pivot = Journal::at_step(Verb::CompleteOrder);
    assert!(past_pivot.saga.clone().apply(&Event::SagaTurned { reason: Reason::OrderError }, at(77)).is_err());
}

#[test]
fn a_saga_that_ended_well_takes_no_attention_and_no_retry() {
    let mut completed = Journal::at_step(Verb::CompleteOrder);
    completed.answer(Verb::CompleteOrder, Outcome::DONE);
    let mut compensated = Journal::undoing(Verb::CancelOrder);
    compensated.answer(Verb::CancelOrder, Outcome::DONE);
    for journal in [completed, compensated] {
        assert!(journal.saga.clone().apply(&Event::AttentionNeeded { why: "?".into() }, at(77)).is_err());
        assert!(journal.saga.clone().apply(&Event::RetryRequested { note: None }, at(77)).is_err());
    }
}

#[test]
fn a_log_that_does_not_begin_or_whose_definition_is_unknown_is_not_replayed() {
    let replay = |log: Vec<CheckoutEvent>| {
        let log = log.into_iter().map(|event| (at(0), event));
        Saga::replay(saga_id(), log, checkout::definition_of).map(|saga| saga.events())
    };
    let why = |result: Result<u32, Impossible>| result.expect_err("the log is wrong").why;
    assert_eq!(why(replay(vec![])), "a log begins with saga_started");
    assert_eq!(why(replay(vec![Event::SagaCompleted])), "a log begins with saga_started");
    assert_eq!(why(replay(vec![start(), start()])), "a saga starts once");
    let stranger =
        Event::SagaStarted { definition: "refund".into(), version: 1, input: Arc::new(checkout(Provider::Manual)) };
    assert_eq!(why(replay(vec![stranger])), "its definition is unknown");
    assert_eq!(replay(vec![start()]), Ok(1));
}

#[test]
fn a_log_with_a_hole_is_refused() {
    let mut completed = Journal::at_step(Verb::CompleteOrder);
    completed.answer(Verb::CompleteOrder, Outcome::DONE);
    for journal in [completed, Journal::undoing(Verb::CancelOrder)] {
        for hole in 0..journal.log.len() - 1 {
            // A saga may turn without a refusal: somebody cancelled it.
            if !matches!(journal.log[hole].1, Event::StepRejected { .. }) {
                let mut log = journal.log.clone();
                log.remove(hole);
                let replayed = Saga::replay(saga_id(), log, checkout::definition_of);
                assert!(replayed.is_err(), "without event {hole}");
            }
        }
    }
}
