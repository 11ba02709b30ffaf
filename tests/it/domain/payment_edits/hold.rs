//! A payment is held while its order is edited, and what ends the hold.

use super::{
    after, ask_in_vain, closed, expire, failed, hold, manual, open, paid, process, refund, refunded, slow, total,
    waiting,
};
use crate::domain::{
    given::{TOTAL, at, payment_id, saga_id},
    row::Row,
};
use backstitch::domain::{
    payment::{ExpirePayment, PaymentCommand, PaymentRefusal, PaymentStatus, Payments, ProcessPayment, Terms},
    reason::Reason,
    saga::Outcome,
};

#[test]
fn a_waiting_payment_is_held_and_says_for_which_amendment() {
    let mut row = after(&[process(0)]);
    assert_eq!(row.ask(&hold(1)), Outcome::DONE);
    let held = row.payment();
    assert_eq!((held.held, held.amendment, held.status), (true, 1, PaymentStatus::Pending));
}

#[test]
fn a_payment_that_a_client_opened_before_its_saga_is_held_too() {
    let mut row = after(&[open(TOTAL, TOTAL)]);
    assert_eq!((row.ask(&hold(1)), row.payment().held), (Outcome::DONE, true));
}

#[test]
fn terms_from_before_the_amendment_that_holds_a_payment_come_late_and_do_not_let_it_go() {
    let before = Terms { amendment: 1, ..manual(0) };
    for late in [PaymentCommand::Process(ProcessPayment(before)), PaymentCommand::Expire(ExpirePayment(before))] {
        let mut row = after(&[process(0), hold(1), process(0), hold(2)]);
        assert!(matches!(ask_in_vain(&mut row, &late), Outcome::Unknown { .. }));
    }
    let mut row = after(&[process(0), hold(2)]);
    let late = PaymentCommand::Process(ProcessPayment(Terms { amendment: 1, ..manual(1) }));
    ask_in_vain(&mut row, &late);
}

#[test]
fn a_hold_that_comes_again_after_it_was_lifted_holds_nothing() {
    for lift in [process(0), expire(0), process(1), refund(0)] {
        let mut row = after(&[process(0), hold(1), lift]);
        assert!(!row.payment().held);
        assert_eq!(ask_in_vain(&mut row, &hold(1)), Outcome::DONE);
    }
}

#[test]
fn a_payment_is_not_held_while_its_provider_is_being_asked() {
    let mut row = after(&[PaymentCommand::Process(ProcessPayment(slow(0)))]);
    assert_eq!(ask_in_vain(&mut row, &hold(1)), closed(Reason::PaymentUnderWay));
}

#[test]
fn money_that_is_in_is_not_held() {
    let mut paid_for = after(&[process(0), paid(0)]);
    assert_eq!(ask_in_vain(&mut paid_for, &hold(1)), closed(Reason::PaymentAlreadyPaid));
    let mut paid_while_held = after(&[process(0), hold(1), paid(0)]);
    assert_eq!(ask_in_vain(&mut paid_while_held, &hold(2)), closed(Reason::PaymentAlreadyPaid));
}

#[test]
fn a_closed_payment_and_none_are_not_held() {
    let expired = [process(0), expire(0)];
    for history in [&[][..], &[refund(0)], &[process(0), failed(0)], &expired, &[process(0), paid(0), refund(0)]] {
        let mut row = Row::<Payments>::default();
        for command in history {
            row.send(command);
            row.now = at(10_000_000);
        }
        assert_eq!(ask_in_vain(&mut row, &hold(1)), closed(Reason::PaymentClosed), "{history:?}");
    }
}

#[test]
fn money_that_comes_for_a_held_payment_is_recorded_and_signals_nobody() {
    let mut row = after(&[process(0), hold(1)]);
    assert_eq!(row.send(&paid(0)).signal, None);
    let held = row.payment();
    assert_eq!((held.status, held.held, held.captured_at), (PaymentStatus::Pending, true, Some(at(0))));
    assert_eq!(row.moved(), (1, 0));
}

#[test]
fn a_held_payment_reported_as_failed_is_closed_and_stays_held_and_signals_nobody() {
    let mut row = after(&[process(0), hold(1)]);
    assert_eq!(row.send(&failed(0)).signal, None);
    assert_eq!((row.payment().status, row.payment().held), (PaymentStatus::Failed, true));
}

#[test]
fn money_that_came_for_a_held_payment_cannot_be_reported_as_failed() {
    let mut row = after(&[process(0), hold(1), paid(0)]);
    let before = row.stored.clone();
    assert_eq!(row.send(&failed(0)).result, Err(PaymentRefusal::AlreadyPaid));
    assert_eq!(row.stored, before);
}

#[test]
fn a_client_that_opens_a_held_payment_is_told_to_come_again() {
    let mut row = after(&[process(0), hold(1)]);
    for asked in [total(0), total(1)] {
        assert_eq!(row.send(&open(asked, total(0))).result, Err(PaymentRefusal::BeingAmended));
    }
    assert!(!row.payment().claimed);
}

#[test]
fn the_same_revision_takes_a_held_payment_up_again() {
    let mut row = after(&[process(0), hold(1)]).at(at(500));
    assert_eq!(row.ask(&process(0)), waiting(0));
    assert_eq!((row.payment().held, row.get().superseded().len()), (false, 0));
    assert_eq!(row.ask(&hold(2)), Outcome::DONE);
}

#[test]
fn money_that_came_during_a_hold_pays_the_revision_that_stands() {
    for lift in [process(0), expire(0)] {
        let mut row = after(&[process(0), hold(1), paid(0)]).at(at(10_000_000));
        assert_eq!(row.ask(&lift), Outcome::done(payment_id().uuid()));
        assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Paid, (1, 0)));
    }
}

#[test]
fn a_payment_that_failed_during_a_hold_has_failed_when_it_ends() {
    for lift in [process(0), expire(0)] {
        let mut row = after(&[process(0), hold(1), failed(0)]);
        assert_eq!(row.ask(&lift), closed(Reason::PaymentDeclined));
        assert!(!row.payment().held);
    }
}

#[test]
fn money_that_came_for_a_payment_that_failed_during_a_hold_goes_back_when_it_ends() {
    let held = [process(0), hold(1), failed(0), paid(0)];
    assert_eq!((after(&held).payment().status, after(&held).moved()), (PaymentStatus::Failed, (1, 0)));
    for lift in [process(0), expire(0), refund(0), process(1)] {
        let mut row = after(&held);
        row.send(&lift);
        let first = row.get().part(0);
        assert_eq!((first.status, first.call, first.held), (PaymentStatus::Refunding, None, false));
    }
}

#[test]
fn an_expiry_ends_the_hold_of_a_payment_whose_time_is_up() {
    let mut row = after(&[process(0), hold(1)]).at(at(10_000_000));
    assert_eq!(row.ask(&expire(0)), closed(Reason::PaymentExpired));
    assert!(!row.payment().held);
}

#[test]
fn a_refund_ends_a_hold_for_good() {
    let mut row = after(&[process(0), hold(1)]);
    assert_eq!(row.ask(&refund(0)), Outcome::done(payment_id().uuid()));
    assert!(!row.payment().held);
    for late in [hold(2), process(1), expire(1), hold(3)] {
        assert_eq!(ask_in_vain(&mut row, &late), closed(Reason::PaymentClosed), "{late:?}");
    }
}

#[test]
fn a_refund_gives_back_what_came_during_a_hold() {
    let mut row = after(&[process(0), hold(1), paid(0)]);
    assert_eq!(row.ask(&refund(0)), Outcome::Pending { until: None });
    assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Refunding, (1, 0)));
    assert_eq!(row.send(&refunded(0)).signal, Some(saga_id()));
    assert_eq!(row.ask(&refund(0)), Outcome::done(payment_id().uuid()));
    assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Refunded, (1, 1)));
}
