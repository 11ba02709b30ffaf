//! The checkout going forward, and turning at each place where a participant may say no.

use super::{
    given::{at, checkout as checkout_by, stocked_basket},
    journal::{FORWARD, Journal, name},
};
use backstitch::domain::{
    checkout::{self, Checkout, MissingReceipt, Verb},
    payment::Provider,
    reason::Reason,
    saga::{Next, Outcome, Status},
};

fn pending_until(ms: i64) -> Outcome {
    Outcome::Pending { until: Some(at(ms)) }
}

#[test]
fn a_checkout_begins_with_its_first_attempt_in_the_log() {
    let journal = Journal::begin();
    assert_eq!(journal.running(), ["create_order→create_order#1"]);
    assert_eq!(journal.saga.events(), 2);
    assert_eq!(journal.status(), Status::Running);
}

#[test]
fn each_step_is_started_by_the_append_that_finishes_the_one_before_it() {
    let mut journal = Journal::begin();
    for pair in FORWARD.windows(2) {
        let lines = journal.answer(pair[0], Outcome::DONE);
        assert_eq!(lines, [format!("done {}", name(pair[0])), format!("started {}#1", name(pair[1]))]);
    }
    assert_eq!(journal.answer(Verb::CompleteOrder, Outcome::DONE), ["done complete_order", "saga_completed"]);
    assert_eq!(journal.status(), Status::Completed);
    assert_eq!(journal.saga.next(), Next::Rest);
    assert_eq!(checkout::message(&journal.saga.summary()).as_deref(), Some("All steps completed successfully"));
}

#[test]
fn a_declined_payment_is_undone_from_the_payment_back() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    let lines = journal.answer(Verb::ProcessPayment, Outcome::rejected(Reason::PaymentDeclined));
    assert_eq!(
        lines,
        ["rejected process_payment payment_declined", "turned payment_declined", "started refund_payment#1"]
    );
    assert_eq!(journal.answer(Verb::RefundPayment, Outcome::DONE), ["done refund_payment", "started cancel_order#1"]);
    assert_eq!(journal.answer(Verb::CancelOrder, Outcome::DONE), ["done cancel_order", "saga_compensated"]);
    let summary = journal.saga.summary();
    assert_eq!((summary.status, summary.reason), (Status::Compensated, Some(Reason::PaymentDeclined)));
    assert_eq!(checkout::message(&summary).as_deref(), Some("Payment failed. Order has been cancelled."));
}

#[test]
fn a_refused_shipment_is_undone_from_shipping_back() {
    let mut journal = Journal::at_step(Verb::StartShipping);
    let mut lines = journal.answer(Verb::StartShipping, Outcome::rejected(Reason::ShippingFailed));
    for undo in [Verb::CancelShipping, Verb::RefundPayment, Verb::CancelOrder] {
        lines.extend(journal.answer(undo, Outcome::DONE));
    }
    assert_eq!(
        lines,
        [
            "rejected start_shipping shipping_failed",
            "turned shipping_failed",
            "started cancel_shipping#1",
            "done cancel_shipping",
            "started refund_payment#1",
            "done refund_payment",
            "started cancel_order#1",
            "done cancel_order",
            "saga_compensated",
        ]
    );
    let message = checkout::message(&journal.saga.summary());
    assert_eq!(message.as_deref(), Some("Shipping failed. Payment refunded and order cancelled."));
}

#[test]
fn a_pending_payment_waits_for_its_deadline_and_a_signal_asks_again() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    assert_eq!(journal.answer(Verb::ProcessPayment, pending_until(500)), ["waiting process_payment"]);
    assert_eq!(journal.saga.next(), Next::Wait(Some(at(500))));
    let summary = journal.saga.summary();
    assert_eq!((summary.status, summary.waiting_for), (Status::Waiting, Some("process_payment")));

    let asked = journal.saga.waiting_tasks();
    assert_eq!(asked.iter().map(|task| (task.action, task.attempt)).collect::<Vec<_>>(), [(Verb::ProcessPayment, 1)]);
    assert!(journal.answer(Verb::ProcessPayment, pending_until(500)).is_empty(), "still pending is no news");
    let lines = journal.answer(Verb::ProcessPayment, Outcome::DONE);
    assert_eq!(lines, ["done process_payment", "started mark_order_paid#1"]);
    assert!(journal.saga.waiting_tasks().is_empty());
}

#[test]
fn a_payment_that_is_late_is_asked_to_expire_and_undone_with_that_reason() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    journal.answer(Verb::ProcessPayment, pending_until(500));
    assert!(journal.wake_at(at(499)).is_empty(), "not yet");
    assert_eq!(journal.wake_at(at(500)), ["due process_payment"]);
    assert_eq!(journal.running(), ["process_payment→expire_payment#1"]);
    let lines = journal.answer(Verb::ProcessPayment, Outcome::rejected(Reason::PaymentExpired));
    assert_eq!(
        lines,
        ["rejected process_payment payment_expired", "turned payment_expired", "started refund_payment#1"]
    );
    for undo in [Verb::RefundPayment, Verb::CancelOrder] {
        journal.answer(undo, Outcome::DONE);
    }
    let message = checkout::message(&journal.saga.summary());
    assert_eq!(message.as_deref(), Some("Payment expired. Order has been cancelled."));
}

#[test]
fn money_that_wins_the_race_against_expiry_pays() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    journal.answer(Verb::ProcessPayment, pending_until(500));
    journal.wake_at(at(500));
    let lines = journal.answer(Verb::ProcessPayment, Outcome::DONE);
    assert_eq!(lines, ["done process_payment", "started mark_order_paid#1"], "the row decided, not the clock");
}

#[test]
fn an_expiry_that_comes_a_little_early_is_not_sent_in_a_tight_loop() {
    let mut journal = Journal::at_step(Verb::ProcessPayment);
    journal.answer(Verb::ProcessPayment, pending_until(500));
    journal.wake_at(at(500));
    assert_eq!(journal.answer(Verb::ProcessPayment, pending_until(500)), ["waiting process_payment"]);
    assert_eq!(journal.saga.next(), Next::Wait(Some(at(550))));
    assert_eq!(journal.wake_at(at(550)), ["due process_payment"]);
}

#[test]
fn an_answer_to_a_step_that_is_not_under_way_changes_nothing() {
    let mut journal = Journal::at_step(Verb::MarkOrderPaid);
    let before = format!("{:?}", journal.saga);
    for step in [Verb::CreateOrder, Verb::ProcessPayment, Verb::StartShipping, Verb::CancelOrder] {
        for outcome in [Outcome::DONE, Outcome::rejected(Reason::OrderClosed), Outcome::unknown("?")] {
            assert!(journal.answer(step, outcome).is_empty(), "{step:?}");
        }
    }
    assert_eq!(format!("{:?}", journal.saga), before);
}

#[test]
fn an_order_that_the_participant_already_closed_is_unwound() {
    let mut journal = Journal::begin();
    let lines = journal.answer(Verb::CreateOrder, Outcome::rejected(Reason::OrderClosed));
    assert_eq!(lines[..2], ["rejected create_order order_closed", "turned order_closed"]);
    assert_eq!(journal.status(), Status::Compensating);
}

#[test]
fn progress_names_every_step_and_how_it_stands() {
    let mut journal = Journal::at_step(Verb::StartShipping);
    let states = |journal: &Journal| journal.saga.progress().iter().map(|step| step.state).collect::<Vec<_>>();
    assert_eq!(states(&journal), ["done", "done", "done", "running", "pending"]);
    journal.answer(Verb::StartShipping, Outcome::rejected(Reason::ShippingFailed));
    assert_eq!(states(&journal), ["compensating", "compensating", "compensating", "rejected", "pending"]);
    for undo in [Verb::CancelShipping, Verb::RefundPayment] {
        journal.answer(undo, Outcome::DONE);
    }
    assert_eq!(states(&journal), ["compensating", "compensated", "compensating", "rejected", "pending"]);
    journal.answer(Verb::CancelOrder, Outcome::DONE);
    assert_eq!(states(&journal), ["compensated", "compensated", "compensated", "rejected", "pending"]);
}

#[test]
fn a_stocked_order_whose_log_does_not_say_where_its_goods_are_is_not_shipped_but_can_be_undone() {
    let mut journal = Journal::of(Checkout { basket: stocked_basket(2), ..checkout_by(Provider::Manual) });
    for step in [Verb::CreateOrder, Verb::ReserveStock, Verb::ProcessPayment, Verb::MarkOrderPaid, Verb::CommitStock] {
        journal.answer(step, Outcome::DONE);
    }
    let command = |verb| checkout::command(&journal.saga, verb);
    assert_eq!(command(Verb::StartShipping).err(), Some(MissingReceipt));
    assert!(command(Verb::CancelShipping).is_ok());
}
