//! Amendments: when an order can be edited, by which steps, and what a refusal, a failure or a cancellation
//! leaves behind.

use super::{
    given::{at, basket, checkout, line, payment_id, stocked_basket},
    journal::{Journal, name},
};
use backstitch::domain::{
    checkout::{self, Checkout, Edit, Edited, Verb},
    ids::{PaymentId, ShopId, VariantId, WarehouseId},
    money::Quantity,
    order::Basket,
    payment::Provider,
    reason::Reason,
    saga::{CancelBy, Next, Outcome, Receipt, Refused, Status},
    stock::Allotment,
};
use std::sync::Arc;
use uuid::Uuid;

const HOLD: Verb = Verb::HoldPayment;
const REPLACE: Verb = Verb::ReplaceReservation;
const AMEND: Verb = Verb::AmendOrder;
const PAY: Verb = Verb::ProcessPayment;

fn free_text() -> Arc<Basket> {
    let lines = vec![line("Teh Melati", 3, 20_000)];
    Arc::new(Basket::parse(lines, |_, field| field.to_owned()).expect("a good basket"))
}

/// The edit that a client asks for as its `number`th.
fn edit(number: u128, basket: Arc<Basket>) -> Edit {
    Edit { payment_id: PaymentId::from_uuid(Uuid::from_u128(0x30 + number)), basket }
}

/// What the stock gives: so many pieces from one warehouse.
fn given(pieces: i64) -> Receipt {
    let id = Uuid::from_u128;
    Receipt::Allotments(Arc::new([Allotment {
        shop_id: ShopId::from_uuid(id(1)),
        warehouse_id: WarehouseId::from_uuid(id(2)),
        variant_id: VariantId::from_uuid(id(3)),
        quantity: Quantity::parse(pieces).expect("a quantity").into(),
    }]))
}

fn reserved(pieces: i64) -> Outcome {
    Outcome::Done { receipt: Some(given(pieces)) }
}

/// An order of free text that waits for its money.
fn waiting() -> Journal {
    let mut journal = Journal::at_step(PAY);
    journal.answer(PAY, Outcome::Pending { until: Some(at(60_000)) });
    journal
}

/// One of two pieces.
fn stocked() -> Journal {
    let mut journal = Journal::of(Checkout { basket: stocked_basket(2), ..checkout(Provider::Manual) });
    journal.answer(Verb::CreateOrder, Outcome::DONE);
    journal.answer(Verb::ReserveStock, reserved(2));
    journal.answer(PAY, Outcome::Pending { until: Some(at(60_000)) });
    journal
}

/// A stocked order whose edit has come as far as `step`.
fn editing(step: Verb) -> Journal {
    let mut journal = stocked();
    journal.edit(&edit(1, stocked_basket(3))).expect("it waits");
    for (verb, outcome) in [(HOLD, Outcome::DONE), (REPLACE, reserved(3))] {
        if verb == step {
            break;
        }
        journal.answer(verb, outcome);
    }
    journal
}

/// What has become of the first edit.
fn fate(journal: &Journal) -> Edited {
    checkout::edited(&journal.saga, &edit(1, stocked_basket(3)))
}

#[test]
fn a_waiting_order_is_edited_by_logged_steps_and_then_asks_for_the_new_payment() {
    let mut journal = stocked();
    assert_eq!(journal.edit(&edit(1, stocked_basket(3))).unwrap(), ["amending #1", "started hold_payment#1"]);
    assert_eq!(journal.answer(HOLD, Outcome::DONE), ["done hold_payment", "started replace_reservation#1"]);
    assert_eq!(journal.answer(REPLACE, reserved(3)), ["done replace_reservation", "started amend_order#1"]);
    assert_eq!(fate(&journal), Edited::UnderWay);
    assert_eq!(
        journal.answer(AMEND, Outcome::DONE),
        ["done amend_order", "amendment_done", "started process_payment#2"]
    );
    assert_eq!(fate(&journal), Edited::UnderWay, "the new payment is not there yet");
    journal.answer(PAY, Outcome::Pending { until: Some(at(90_000)) });
    assert_eq!((fate(&journal), journal.status()), (Edited::Done, Status::Waiting));
    let input = journal.saga.input();
    assert_eq!((input.revision, input.payment_id), (1, edit(1, basket()).payment_id));
    assert_eq!(input.basket, stocked_basket(3));
    assert_eq!(journal.saga.receipt(Verb::ReserveStock), Some(&given(3)), "shipping sends what the new lines have");
}

#[test]
fn an_order_of_free_text_can_have_goods_of_a_shop_and_then_has_the_steps_for_them() {
    let mut journal = waiting();
    journal.edit(&edit(1, stocked_basket(2))).expect("it waits");
    assert_eq!(journal.saga.progress().len(), 5 + 3);
    assert_eq!(journal.answer(HOLD, Outcome::DONE)[1], "started replace_reservation#1");
    assert_eq!(journal.saga.progress().len(), 6 + 3, "the reservation is the amendment's");
    journal.answer(REPLACE, reserved(2));
    journal.answer(AMEND, Outcome::DONE);
    assert_eq!(journal.saga.receipt(Verb::ReserveStock), Some(&given(2)));
    journal.answer(PAY, Outcome::DONE);
    assert_eq!(journal.running(), ["mark_order_paid→mark_order_paid#1", "commit_stock→commit_stock#1"]);
}

#[test]
fn an_order_of_free_text_that_cannot_have_goods_of_a_shop_still_ends_what_the_stock_has_begun() {
    let mut journal = waiting();
    journal.edit(&edit(1, stocked_basket(9))).expect("it waits");
    journal.answer(HOLD, Outcome::DONE);
    journal.answer(REPLACE, Outcome::rejected(Reason::OutOfStock));
    journal.cancel(CancelBy::Customer).expect("the money is not in");
    journal.answer(Verb::RefundPayment, Outcome::DONE);
    assert_eq!(journal.running(), ["release_stock→release_stock#1"]);
}

#[test]
fn an_edited_order_goes_on_to_its_end() {
    let mut journal = editing(AMEND);
    journal.answer(AMEND, Outcome::DONE);
    for step in [PAY, Verb::MarkOrderPaid, Verb::CommitStock, Verb::StartShipping, Verb::CompleteOrder] {
        journal.answer(step, Outcome::DONE);
    }
    assert_eq!(journal.status(), Status::Completed);
}

#[test]
fn where_the_stock_says_no_the_old_lines_stand_and_the_old_payment_is_asked_for_again() {
    let mut journal = editing(REPLACE);
    assert_eq!(
        journal.answer(REPLACE, Outcome::rejected(Reason::OutOfStock)),
        ["rejected replace_reservation out_of_stock", "amendment refused out_of_stock", "started process_payment#2"]
    );
    journal.answer(PAY, Outcome::Pending { until: Some(at(60_000)) });
    assert_eq!(fate(&journal), Edited::Refused(Refused::Amendment(Reason::OutOfStock)));
    let input = journal.saga.input();
    assert_eq!((input.revision, input.payment_id, &input.basket), (0, payment_id(), &stocked_basket(2)));
    assert_eq!(journal.saga.receipt(Verb::ReserveStock), Some(&given(2)));
}

#[test]
fn where_the_money_is_in_the_edit_is_refused_and_the_order_goes_on_paid() {
    let mut journal = editing(HOLD);
    journal.answer(HOLD, Outcome::rejected(Reason::PaymentAlreadyPaid));
    journal.answer(PAY, Outcome::DONE);
    assert_eq!(fate(&journal), Edited::Refused(Refused::AlreadyPaid));
    assert_eq!(journal.running(), ["mark_order_paid→mark_order_paid#1", "commit_stock→commit_stock#1"]);
}

#[test]
fn a_refused_edit_is_counted_so_that_the_next_one_has_a_number_of_its_own() {
    let mut journal = editing(REPLACE);
    journal.answer(REPLACE, Outcome::rejected(Reason::OutOfStock));
    journal.answer(PAY, Outcome::Pending { until: None });
    assert_eq!(journal.edit(&edit(2, stocked_basket(1))).unwrap()[0], "amending #2");
    for step in [HOLD, REPLACE, AMEND] {
        journal.answer(step, Outcome::DONE);
    }
    assert_eq!(journal.saga.input().revision, 2);
    assert_eq!(fate(&journal), Edited::Refused(Refused::Amendment(Reason::OutOfStock)), "it is not forgotten");
}

#[test]
fn the_same_edit_sent_again_is_no_news_and_another_one_has_to_wait() {
    for step in [HOLD, REPLACE, AMEND] {
        let mut journal = editing(step);
        assert_eq!(journal.edit(&edit(1, stocked_basket(3))), Ok(vec![]));
        assert_eq!(journal.edit(&edit(2, stocked_basket(1))), Err(Refused::Busy), "{step:?}");
    }
    let mut journal = editing(AMEND);
    journal.answer(AMEND, Outcome::DONE);
    assert_eq!(journal.edit(&edit(1, stocked_basket(3))), Ok(vec![]), "done already");
}

#[test]
fn an_order_is_edited_only_while_it_waits_for_its_money() {
    let refused = |mut journal: Journal| {
        let before = format!("{:?}", journal.saga);
        let refused = journal.edit(&edit(1, free_text())).expect_err("not now");
        assert_eq!(format!("{:?}", journal.saga), before, "a refused wish changes nothing");
        refused
    };
    let mut due = waiting();
    due.wake_at(at(60_000));
    let mut retrying = Journal::at_step(PAY);
    retrying.answer(PAY, Outcome::unknown("lost"));
    let mut aside = waiting();
    aside.set_aside("the command panics");
    for journal in [Journal::begin(), Journal::at_step(PAY), due, retrying, aside] {
        assert_eq!(refused(journal), Refused::Busy);
    }
    for step in [Verb::MarkOrderPaid, Verb::StartShipping, Verb::CompleteOrder] {
        assert_eq!(refused(Journal::at_step(step)), Refused::AlreadyPaid);
    }
    let mut completed = Journal::at_step(Verb::CompleteOrder);
    completed.answer(Verb::CompleteOrder, Outcome::DONE);
    assert_eq!(refused(completed), Refused::AlreadyPaid);
    for step in [Verb::RefundPayment, Verb::CancelOrder] {
        assert_eq!(refused(Journal::undoing(step)), Refused::Turned);
    }
}

#[test]
fn a_step_of_an_edit_without_an_answer_is_sent_again_and_in_the_end_needs_a_person_who_retries_it() {
    for step in [HOLD, REPLACE, AMEND] {
        let mut journal = editing(step);
        let (answers, lines) = journal.exhaust(step);
        assert_eq!(answers, 15);
        assert_eq!(lines, [format!("exhausted {}", name(step)), "attention_needed".into()]);
        assert_eq!(fate(&journal), Edited::UnderWay);
        let lines = journal.retry().expect("it has not ended");
        assert_eq!(lines[1], format!("started {}#16", name(step)));
        assert_eq!(journal.answer(step, reserved(3))[0], format!("done {}", name(step)), "and goes on");
    }
}

#[test]
fn an_order_that_will_not_hear_of_its_new_lines_needs_a_person() {
    let mut journal = editing(AMEND);
    let lines = journal.answer(AMEND, Outcome::rejected(Reason::OrderClosed));
    assert_eq!(lines, ["rejected amend_order order_closed", "attention_needed"]);
}

#[test]
fn a_cancellation_overtakes_an_edit_and_undoes_everything() {
    for step in [HOLD, REPLACE, AMEND] {
        let mut journal = editing(step);
        let lines = journal.cancel(CancelBy::Customer).expect("the money is not in");
        assert_eq!(lines[2], "started refund_payment#1", "{step:?}");
        assert_eq!(fate(&journal), Edited::Overtaken);
        assert_eq!(journal.answer(step, Outcome::DONE), Vec::<String>::new(), "a late answer is no news");
        for undo in [Verb::RefundPayment, Verb::ReleaseStock, Verb::CancelOrder] {
            journal.answer(undo, Outcome::DONE);
        }
        assert_eq!(journal.status(), Status::Compensated);
    }
}

#[test]
fn during_an_edit_the_old_payment_neither_pays_nor_expires_the_order() {
    for step in [HOLD, REPLACE, AMEND] {
        let mut journal = editing(step);
        assert_eq!(journal.answer(PAY, Outcome::DONE), Vec::<String>::new());
        assert_eq!(journal.wake_at(at(70_000)), Vec::<String>::new());
        assert!(matches!(journal.saga.next(), Next::Run(tasks) if tasks[0].step == step));
    }
}

#[test]
fn what_the_payment_was_asked_before_an_edit_is_no_answer_after_it() {
    let mut journal = editing(AMEND);
    assert!(!journal.saga.is_overtaken(PAY, 1));
    journal.answer(AMEND, Outcome::DONE);
    assert!(journal.saga.is_overtaken(PAY, 1));
    assert!(!journal.saga.is_overtaken(PAY, 2));
}

#[test]
fn the_steps_of_the_latest_edit_are_shown_after_those_of_the_saga() {
    let mut journal = editing(REPLACE);
    journal.answer(REPLACE, Outcome::rejected(Reason::OutOfStock));
    let shown: Vec<_> = journal.saga.progress().into_iter().map(|step| (step.stage, step.step, step.state)).collect();
    assert_eq!(
        shown[7..],
        [
            ("amendment", "hold_payment", "done"),
            ("amendment", "replace_reservation", "rejected"),
            ("amendment", "amend_order", "pending")
        ]
    );
}

#[test]
fn an_order_is_edited_a_hundred_times_and_no_more() {
    let mut journal = waiting();
    for number in 1..=100 {
        assert_eq!(journal.edit(&edit(number, free_text())).expect("it waits").len(), 2);
        journal.answer(HOLD, Outcome::rejected(Reason::PaymentUnderWay));
        journal.answer(PAY, Outcome::Pending { until: None });
    }
    assert_eq!(journal.edit(&edit(101, free_text())), Err(Refused::TooManyAmendments(100)));
}

#[test]
fn an_edit_that_was_done_is_not_done_again_when_its_message_comes_after_a_later_one() {
    let mut journal = stocked();
    for (number, pieces) in [(1, 3), (2, 4)] {
        journal.edit(&edit(number, stocked_basket(pieces))).expect("it waits");
        for (verb, outcome) in [(HOLD, Outcome::DONE), (REPLACE, reserved(pieces)), (AMEND, Outcome::DONE)] {
            journal.answer(verb, outcome);
        }
        journal.answer(PAY, Outcome::Pending { until: Some(at(90_000)) });
    }
    assert_eq!(journal.edit(&edit(1, stocked_basket(3))), Ok(vec![]));
    assert_eq!((fate(&journal), journal.saga.input().revision), (Edited::Done, 2));
}

#[test]
fn an_edit_to_the_lines_that_the_order_has_is_done_without_anything_being_done() {
    let mut journal = stocked();
    assert_eq!(journal.edit(&edit(1, stocked_basket(2))), Ok(vec![]));
    assert_eq!(checkout::edited(&journal.saga, &edit(1, stocked_basket(2))), Edited::Done);
    assert_eq!(fate(&journal), Edited::Unknown, "and one that was never heard of is not");
}

#[test]
fn no_step_of_an_edit_is_shown_as_running_once_the_saga_is_compensated() {
    for step in [HOLD, REPLACE, AMEND] {
        let mut journal = editing(step);
        journal.cancel(CancelBy::Customer).expect("the money is not in");
        for undo in [Verb::RefundPayment, Verb::ReleaseStock, Verb::CancelOrder] {
            journal.answer(undo, Outcome::DONE);
        }
        assert_eq!(journal.status(), Status::Compensated);
        let running: Vec<_> = journal.saga.progress().into_iter().filter(|step| step.state == "running").collect();
        assert!(running.is_empty(), "{running:?}");
    }
}

#[test]
fn an_edit_is_not_done_while_its_payment_is_still_the_old_one_because_nobody_has_answered() {
    let mut journal = editing(AMEND);
    journal.answer(AMEND, Outcome::DONE);
    journal.answer(PAY, Outcome::unknown("the store is away"));
    assert_eq!(fate(&journal), Edited::UnderWay);
}
