//! Cancelling: who may do it, until when, and what is undone.

use super::{
    given::at,
    journal::{FORWARD, Journal},
};
use backstitch::domain::{
    checkout::{self, Verb},
    reason::Reason,
    saga::{CancelBy, Outcome, Refused, Status},
};

/// Answers compensations with `Done` until the saga rests, and says which they were.
fn undone(journal: &mut Journal) -> Vec<&'static str> {
    let mut names = Vec::new();
    while let backstitch::domain::saga::Next::Run(tasks) = journal.saga.next() {
        for task in tasks {
            names.push(super::journal::name(task.step));
            journal.answer(task.step, Outcome::DONE);
        }
    }
    names
}

#[test]
fn an_operator_may_cancel_at_every_step_before_the_pivot() {
    for step in [Verb::CreateOrder, Verb::ProcessPayment, Verb::MarkOrderPaid] {
        let mut journal = Journal::at_step(step);
        let lines = journal.cancel(CancelBy::Operator).expect("the pivot is not started");
        assert_eq!(lines[..2], ["cancel cancelled_by_operator", "turned cancelled_by_operator"], "{step:?}");
        assert_eq!(undone(&mut journal).last(), Some(&"cancel_order"));
        let summary = journal.saga.summary();
        assert_eq!((summary.status, summary.reason), (Status::Compensated, Some(Reason::CancelledByOperator)));
        assert_eq!(checkout::message(&summary).as_deref(), Some("Order cancelled on request."));
    }
}

#[test]
fn a_customer_may_cancel_until_the_money_is_in() {
    for step in [Verb::CreateOrder, Verb::ProcessPayment] {
        let mut journal = Journal::at_step(step);
        let lines = journal.cancel(CancelBy::Customer).expect("the money is not in");
        assert_eq!(lines[..2], ["cancel cancelled_by_customer", "turned cancelled_by_customer"], "{step:?}");
    }
    for step in [Verb::MarkOrderPaid, Verb::StartShipping, Verb::CompleteOrder] {
        let mut journal = Journal::at_step(step);
        assert_eq!(journal.cancel(CancelBy::Customer), Err(Refused::AlreadyPaid), "{step:?}");
    }
}

#[test]
fn nobody_may_cancel_once_the_pivot_is_done() {
    let mut journal = Journal::at_step(Verb::CompleteOrder);
    let before = format!("{:?}", journal.saga);
    assert_eq!(journal.cancel(CancelBy::Operator), Err(Refused::PastPivot));
    assert_eq!(format!("{:?}", journal.saga), before, "a refused wish changes nothing");
}

#[test]
fn an_operator_cancels_until_the_pivot_is_done_and_the_pivot_is_undone_first() {
    let no_answer = [None, Some(Outcome::unknown("lost")), Some(Outcome::Pending { until: None })];
    for answer in no_answer {
        let mut journal = Journal::at_step(Verb::StartShipping);
        if let Some(answer) = answer {
            journal.answer(Verb::StartShipping, answer);
        }
        let lines = journal.cancel(CancelBy::Operator).expect("the goods have not left for certain");
        let turned = ["cancel cancelled_by_operator", "turned cancelled_by_operator", "started cancel_shipping#1"];
        assert_eq!(lines, turned);
        assert_eq!(journal.answer(Verb::StartShipping, Outcome::DONE), ["late start_shipping"]);
    }
}

#[test]
fn a_saga_that_has_ended_is_not_cancelled() {
    let mut completed = Journal::at_step(Verb::CompleteOrder);
    completed.answer(Verb::CompleteOrder, Outcome::DONE);
    assert_eq!(completed.cancel(CancelBy::Operator), Err(Refused::Ended("completed")));
    assert_eq!(completed.cancel(CancelBy::Customer), Err(Refused::AlreadyPaid));

    let mut compensated = Journal::undoing(Verb::CancelOrder);
    compensated.answer(Verb::CancelOrder, Outcome::DONE);
    for by in [CancelBy::Operator, CancelBy::Customer] {
        assert_eq!(compensated.cancel(by), Err(Refused::Ended("compensated")));
    }
}

#[test]
fn cancelling_a_saga_that_is_on_its_way_back_is_no_news() {
    let mut journal = Journal::undoing(Verb::RefundPayment);
    for by in [CancelBy::Operator, CancelBy::Customer] {
        assert_eq!(journal.cancel(by), Ok(vec![]));
    }
    assert_eq!(journal.saga.summary().reason, Some(Reason::ShippingFailed), "the first reason stays");
}

#[test]
fn a_saga_that_is_stuck_on_its_way_back_is_retried_not_cancelled() {
    let mut journal = Journal::undoing(Verb::RefundPayment);
    journal.answer(Verb::RefundPayment, Outcome::rejected(Reason::PaymentClosed));
    assert_eq!(journal.status(), Status::NeedsAttention);
    assert_eq!(journal.cancel(CancelBy::Operator), Err(Refused::Stuck));
}

#[test]
fn a_waiting_a_retrying_and_a_due_payment_can_be_cancelled() {
    let mut waiting = Journal::at_step(Verb::ProcessPayment);
    waiting.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(500)) });
    let mut due = Journal::at_step(Verb::ProcessPayment);
    due.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(500)) });
    due.wake_at(at(500));
    let mut retrying = Journal::at_step(Verb::ProcessPayment);
    retrying.answer(Verb::ProcessPayment, Outcome::unknown("lost"));

    for journal in [&mut waiting, &mut due, &mut retrying] {
        journal.cancel(CancelBy::Customer).expect("the money is not in");
        assert_eq!(undone(journal), ["refund_payment", "cancel_order"]);
        assert_eq!(journal.status(), Status::Compensated);
    }
}

#[test]
fn a_saga_that_needs_attention_before_the_pivot_can_be_cancelled() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    assert_eq!(journal.set_aside("the command panics"), ["attention_needed"]);
    assert_eq!(journal.status(), Status::NeedsAttention);
    journal.cancel(CancelBy::Operator).expect("the pivot is not started");
    assert_eq!(undone(&mut journal), ["refund_payment", "cancel_order"]);
    assert_eq!(journal.status(), Status::Compensated);
}

#[test]
fn each_place_to_turn_undoes_every_stage_up_to_the_one_that_may_have_started() {
    let undo_from = |step: Verb| {
        let mut journal = Journal::at_step(step);
        journal.answer(step, Outcome::rejected(Reason::OrderClosed));
        undone(&mut journal)
    };
    assert_eq!(
        undo_from(Verb::CreateOrder),
        ["refund_payment", "cancel_order"],
        "a client may have opened the payment as soon as it saw the order"
    );
    assert_eq!(undo_from(Verb::ProcessPayment), ["refund_payment", "cancel_order"]);
    assert_eq!(undo_from(Verb::MarkOrderPaid), ["refund_payment", "cancel_order"]);
    assert_eq!(undo_from(Verb::StartShipping), ["cancel_shipping", "refund_payment", "cancel_order"]);
}

#[test]
fn once_turned_a_saga_never_starts_a_forward_step_again() {
    for step in FORWARD.into_iter().take(4) {
        let mut journal = Journal::at_step(step);
        journal.answer(step, Outcome::rejected(Reason::OrderClosed));
        let turned_at = journal.log.len();
        for forward in FORWARD {
            journal.answer(forward, Outcome::DONE);
        }
        journal.retry().expect("it has not ended");
        journal.wake_at(at(1_000_000));
        undone(&mut journal);
        for (_, event) in &journal.log[turned_at..] {
            if let backstitch::domain::saga::Event::StepStarted { step, .. } = event {
                assert!(!FORWARD.contains(step), "{step:?} after the turn");
            }
        }
        assert_eq!(journal.status(), Status::Compensated);
    }
}
