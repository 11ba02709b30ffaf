//! No usable answer: retried with backoff, then back before the pivot, to a person after it.

use super::{
    given::at,
    journal::{BACKWARD, FORWARD, Journal, name},
};
use backstitch::domain::{
    checkout::{self, Verb},
    reason::Reason,
    saga::{Next, Outcome, Status},
};

const ACTION_ATTEMPTS: usize = 6;
const PERSISTENT_ATTEMPTS: usize = 15;

#[test]
fn an_unknown_is_tried_again_after_its_backoff_under_the_next_attempts_number() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    assert_eq!(journal.answer(Verb::ProcessPayment, Outcome::unknown("timeout")), ["unknown process_payment"]);
    assert_eq!(journal.saga.next(), Next::Wait(Some(at(110))), "20 ms and half of the 180 above it");
    assert_eq!(journal.status(), Status::Waiting);
    assert!(journal.wake_at(at(109)).is_empty());
    assert_eq!(journal.wake_at(at(110)), ["started process_payment#2"]);
    assert_eq!(journal.running(), ["process_payment→process_payment#2"]);
    assert_eq!(journal.answer(Verb::ProcessPayment, Outcome::DONE)[0], "done process_payment");
}

#[test]
fn a_wait_that_the_other_side_names_is_honoured() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    let busy = Outcome::Unknown { error: "busy".into(), retry_after_ms: Some(5_000) };
    journal.answer(Verb::ProcessPayment, busy);
    assert_eq!(journal.saga.next(), Next::Wait(Some(at(5_000))));
}

#[test]
fn before_the_pivot_is_done_used_up_attempts_turn_the_saga() {
    for (step, reason) in [
        (Verb::CreateOrder, Reason::OrderError),
        (Verb::ProcessPayment, Reason::PaymentError),
        (Verb::MarkOrderPaid, Reason::OrderError),
        (Verb::StartShipping, Reason::ShippingError),
    ] {
        let mut journal = Journal::at_step(step);
        let (answers, lines) = journal.exhaust(step);
        assert_eq!(answers, ACTION_ATTEMPTS, "{step:?}");
        assert_eq!(lines[..2], [format!("exhausted {}", name(step)), format!("turned {reason}")]);
        assert_eq!(journal.status(), Status::Compensating);
    }
}

#[test]
fn after_the_pivot_used_up_attempts_need_a_person() {
    let mut journal = Journal::at_step(Verb::CompleteOrder);
    let (answers, lines) = journal.exhaust(Verb::CompleteOrder);
    assert_eq!(answers, PERSISTENT_ATTEMPTS);
    assert_eq!(lines, ["exhausted complete_order", "attention_needed"]);
    assert_eq!(journal.saga.next(), Next::Rest);
    let summary = journal.saga.summary();
    assert_eq!((summary.status, summary.waiting_for), (Status::NeedsAttention, Some("complete_order")));
    assert_eq!(
        checkout::message(&summary).as_deref(),
        Some(
            "Needs attention: complete_order gave no usable answer in 15 attempts: no answer. See that the order \
             participant works (GET /readyz, GET /admin/actors), then retry the saga."
        )
    );
}

#[test]
fn a_compensation_whose_attempts_are_used_up_needs_a_person() {
    for step in BACKWARD {
        let mut journal = Journal::undoing(step);
        let (answers, lines) = journal.exhaust(step);
        assert_eq!(answers, PERSISTENT_ATTEMPTS, "{step:?}");
        assert_eq!(lines, [format!("exhausted {}", name(step)), "attention_needed".to_owned()]);
        assert_eq!(journal.saga.summary().reason, Some(Reason::ShippingFailed), "it still says why it turned");
    }
}

#[test]
fn where_nothing_may_be_refused_a_refusal_needs_a_person() {
    let mut after_pivot = Journal::at_step(Verb::CompleteOrder);
    let lines = after_pivot.answer(Verb::CompleteOrder, Outcome::rejected(Reason::OrderClosed));
    assert_eq!(lines, ["rejected complete_order order_closed", "attention_needed"]);

    for step in BACKWARD {
        let mut journal = Journal::undoing(step);
        let lines = journal.answer(step, Outcome::rejected(Reason::OrderClosed));
        assert_eq!(lines, [format!("rejected {} order_closed", name(step)), "attention_needed".to_owned()]);
    }
}

#[test]
fn one_lost_answer_at_any_step_changes_nothing_but_the_number_of_attempts() {
    for step in FORWARD {
        let mut journal = Journal::at_step(step);
        journal.answer(step, Outcome::unknown("lost"));
        journal.wake_at(at(10_000));
        for later in FORWARD.into_iter().skip_while(|later| *later != step) {
            journal.answer(later, Outcome::DONE);
        }
        assert_eq!(journal.status(), Status::Completed, "{step:?}");
        let attempts: Vec<_> = journal.saga.progress().iter().map(|step| step.attempts).collect();
        assert_eq!(attempts, FORWARD.map(|each| if each == step { 2 } else { 1 }));
    }
}

#[test]
fn an_expiry_without_an_answer_is_followed_by_asking_how_the_payment_stands() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    let pending = Outcome::Pending { until: Some(at(500)) };
    journal.answer(Verb::ProcessPayment, pending.clone());
    journal.wake_at(at(500));
    journal.answer(Verb::ProcessPayment, Outcome::unknown("lost"));
    assert_eq!(journal.wake_at(at(5_000)), ["started process_payment#2"]);
    assert_eq!(journal.answer(Verb::ProcessPayment, pending), ["waiting process_payment"]);
    assert_eq!(journal.wake_at(at(5_000)), ["due process_payment"]);
    assert_eq!(journal.running(), ["process_payment→expire_payment#2"]);
}

#[test]
fn an_expiry_that_never_answers_ends_although_the_payment_still_says_pending() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    for round in 0..20 {
        journal.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(500)) });
        let later = at(500 + round * 100_000);
        assert_eq!(journal.wake_at(later), ["due process_payment"]);
        journal.answer(Verb::ProcessPayment, Outcome::unknown("lost"));
        if journal.status() == Status::Compensating {
            return;
        }
        journal.wake_at(at(500 + round * 100_000 + 50_000));
    }
    panic!("the saga asks for ever");
}

#[test]
fn a_long_wait_is_not_counted_out_by_questions_that_got_no_answer() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    let pending = Outcome::Pending { until: Some(at(30 * 24 * 60 * 60 * 1000)) };
    journal.answer(Verb::ProcessPayment, pending.clone());
    for day in 1..29 {
        journal.wake_at(at(day * 24 * 60 * 60 * 1000));
        journal.answer(Verb::ProcessPayment, Outcome::unknown("timeout"));
        let Next::Wait(Some(retry_at)) = journal.saga.next() else { panic!("{:?}", journal.saga.next()) };
        journal.wake_at(retry_at);
        journal.answer(Verb::ProcessPayment, pending.clone());
        assert_eq!(journal.status(), Status::Waiting, "day {day}: the payment is still open");
    }
    let (answers, lines) = journal.exhaust(Verb::ProcessPayment);
    assert_eq!((answers, lines[0].as_str()), (ACTION_ATTEMPTS, "exhausted process_payment"), "in a row they count");
}
