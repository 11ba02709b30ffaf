//! An operator's retry: now, and with fresh attempts.

use super::{
    given::at,
    journal::{BACKWARD, Journal, name},
};
use backstitch::domain::{
    checkout::Verb,
    reason::Reason,
    saga::{Next, Outcome, Refused, RetryPolicy, Status},
};

#[test]
fn a_retry_starts_a_waiting_attempt_at_once() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    journal.answer(Verb::ProcessPayment, Outcome::unknown("lost"));
    assert_eq!(journal.retry(), Ok(vec!["retry_requested".into(), "started process_payment#2".into()]));
}

#[test]
fn a_retry_gives_a_stuck_step_all_its_attempts_again_and_counts_on() {
    let mut journal = Journal::at_step(Verb::CompleteOrder);
    let (first, _) = journal.exhaust(Verb::CompleteOrder);
    assert_eq!(journal.retry(), Ok(vec!["retry_requested".into(), format!("started complete_order#{}", first + 1)]));
    assert_eq!(journal.status(), Status::Running);
    let (second, lines) = journal.exhaust(Verb::CompleteOrder);
    assert_eq!((first, second), (15, 15));
    assert_eq!(lines, ["exhausted complete_order", "attention_needed"]);
    journal.retry().expect("it needs attention");
    assert_eq!(journal.answer(Verb::CompleteOrder, Outcome::DONE), ["done complete_order", "saga_completed"]);
    assert_eq!(journal.saga.progress()[4].attempts, 31);
}

#[test]
fn a_stuck_or_refused_compensation_is_retried_and_goes_on() {
    for step in BACKWARD {
        for refused in [true, false] {
            let mut journal = Journal::undoing(step);
            if refused {
                journal.answer(step, Outcome::rejected(Reason::OrderClosed));
            } else {
                journal.exhaust(step);
            }
            assert_eq!(journal.status(), Status::NeedsAttention);
            let lines = journal.retry().expect("it needs attention");
            assert!(lines[1].starts_with(&format!("started {}#", name(step))), "{lines:?}");
            for undo in BACKWARD.into_iter().skip_while(|undo| *undo != step) {
                journal.answer(undo, Outcome::DONE);
            }
            assert_eq!(journal.status(), Status::Compensated);
        }
    }
}

#[test]
fn a_retry_leaves_what_is_under_way_alone() {
    let mut running = Journal::at_step(Verb::ProcessPayment);
    assert_eq!(running.retry(), Ok(vec!["retry_requested".into()]));
    assert_eq!(running.running(), ["process_payment→process_payment#1"]);

    let mut waiting = Journal::at_step(Verb::ProcessPayment);
    waiting.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(500)) });
    assert_eq!(waiting.retry(), Ok(vec!["retry_requested".into()]));
    assert_eq!(waiting.saga.next(), Next::Wait(Some(at(500))));
}

#[test]
fn a_retry_takes_up_a_saga_that_was_set_aside_where_it_stood() {
    let mut running = Journal::at_step(Verb::ProcessPayment);
    running.set_aside("the command panics");
    assert!(running.set_aside("again").is_empty(), "once is enough");
    assert!(running.running().is_empty());
    running.retry().expect("it needs attention");
    assert_eq!(running.running(), ["process_payment→process_payment#1"]);

    let mut waiting = Journal::at_step(Verb::ProcessPayment);
    waiting.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(500)) });
    waiting.set_aside("the row cannot be read");
    assert!(waiting.saga.waiting_tasks().is_empty());
    waiting.retry().expect("it needs attention");
    assert_eq!(waiting.saga.next(), Next::Wait(Some(at(500))));
}

#[test]
fn a_saga_that_has_ended_well_is_not_retried_nor_set_aside() {
    let mut completed = Journal::at_step(Verb::CompleteOrder);
    completed.answer(Verb::CompleteOrder, Outcome::DONE);
    assert_eq!(completed.retry(), Err(Refused::Ended("completed")));
    assert!(completed.set_aside("no").is_empty());

    let mut compensated = Journal::undoing(Verb::CancelOrder);
    compensated.answer(Verb::CancelOrder, Outcome::DONE);
    assert_eq!(compensated.retry(), Err(Refused::Ended("compensated")));
    assert!(compensated.set_aside("no").is_empty());
}

#[test]
fn no_jitter_no_number_of_tries_and_no_wish_of_the_other_side_overflows_a_wait() {
    let policy = RetryPolicy { attempts: u32::MAX, floor_ms: 20, base_ms: u64::MAX, cap_ms: 60_000 };
    for tries in [0, 1, 2, 31, 32, 33, 64, u32::MAX - 1] {
        for jitter in [-1.0, 0.0, 0.5, 1.0, 2.0, f64::NAN, f64::INFINITY] {
            let wait = policy.wait_ms(tries, jitter, None).expect("attempts are left");
            assert!((20..=60_000).contains(&wait), "{tries} {jitter} {wait}");
        }
    }
    assert_eq!(policy.wait_ms(1, 0.5, Some(u64::MAX)), Some(u64::MAX));

    let mut journal = Journal::at_step(Verb::ProcessPayment);
    let never = Outcome::Unknown { error: "never".into(), retry_after_ms: Some(u64::MAX) };
    journal.answer(Verb::ProcessPayment, never);
    assert!(matches!(journal.saga.next(), Next::Wait(Some(_))));
}

#[test]
fn time_that_passes_for_a_saga_set_aside_starts_nothing() {
    let mut retrying = Journal::at_step(Verb::ProcessPayment);
    retrying.answer(Verb::ProcessPayment, Outcome::unknown("lost"));
    let mut waiting = Journal::at_step(Verb::ProcessPayment);
    waiting.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(500)) });
    for journal in [&mut retrying, &mut waiting] {
        journal.set_aside("poisoned");
        assert!(journal.wake_at(at(1_000_000)).is_empty(), "a timer that was set before is no news");
        assert_eq!(journal.status(), Status::NeedsAttention);
    }
}
