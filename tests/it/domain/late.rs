//! Replies that come after the saga has turned: recorded, never applied.

use super::{
    given::at,
    journal::{FORWARD, Journal, name},
};
use backstitch::domain::{
    checkout::Verb,
    reason::Reason,
    saga::{CancelBy, Event, Outcome, Status},
};

#[test]
fn the_answer_to_a_step_that_was_under_way_when_the_saga_turned_is_recorded_not_applied() {
    for step in [Verb::CreateOrder, Verb::ProcessPayment, Verb::MarkOrderPaid] {
        for outcome in [Outcome::DONE, Outcome::rejected(Reason::OrderClosed), Outcome::unknown("lost")] {
            let mut journal = Journal::at_step(step);
            journal.cancel(CancelBy::Operator).expect("before the pivot");
            let running = journal.running();
            assert_eq!(journal.answer(step, outcome.clone()), [format!("late {}", name(step))]);
            assert_eq!(journal.log.last().map(|(_, event)| event), Some(&Event::LateReply { step, outcome }));
            assert_eq!(journal.running(), running);
            assert_eq!(journal.status(), Status::Compensating);
        }
    }
}

#[test]
fn a_late_still_pending_is_not_worth_a_line() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    journal.cancel(CancelBy::Operator).expect("before the pivot");
    assert!(journal.answer(Verb::ProcessPayment, Outcome::Pending { until: None }).is_empty());
}

#[test]
fn answers_of_steps_that_had_finished_or_never_started_are_not_recorded() {
    let mut journal = Journal::undoing(Verb::RefundPayment);
    for step in FORWARD {
        assert!(journal.answer(step, Outcome::DONE).is_empty(), "{step:?}");
    }
}

#[test]
fn a_late_answer_is_recorded_even_after_the_saga_has_ended() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    journal.cancel(CancelBy::Operator).expect("before the pivot");
    journal.answer(Verb::RefundPayment, Outcome::DONE);
    journal.answer(Verb::CancelOrder, Outcome::DONE);
    assert_eq!(journal.status(), Status::Compensated);
    assert_eq!(journal.answer(Verb::ProcessPayment, Outcome::DONE), ["late process_payment"]);
    assert_eq!(journal.status(), Status::Compensated);
}

#[test]
fn waking_a_turned_saga_starts_nothing_forward() {
    let mut retrying = Journal::at_step(Verb::ProcessPayment);
    retrying.answer(Verb::ProcessPayment, Outcome::unknown("lost"));
    retrying.cancel(CancelBy::Operator).expect("before the pivot");
    assert!(retrying.wake_at(at(1_000_000)).is_empty());

    let mut waiting = Journal::at_step(Verb::ProcessPayment);
    waiting.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(500)) });
    waiting.cancel(CancelBy::Operator).expect("before the pivot");
    assert!(waiting.wake_at(at(1_000_000)).is_empty());
    assert!(waiting.saga.waiting_tasks().is_empty());
}

#[test]
fn answers_that_come_twice_are_taken_once() {
    let mut journal = Journal::begin();
    for step in FORWARD {
        assert!(!journal.answer(step, Outcome::DONE).is_empty());
        assert!(journal.answer(step, Outcome::DONE).is_empty(), "{step:?} again");
    }
    let mut journal = Journal::undoing(Verb::CancelShipping);
    for step in super::journal::BACKWARD {
        assert!(!journal.answer(step, Outcome::DONE).is_empty());
        assert!(journal.answer(step, Outcome::DONE).is_empty(), "{step:?} again");
    }
}
