//! A later revision of an order's lines has a payment of its own, and the one before is superseded.

use super::{
    after, amount, ask_in_vain, closed, edited, expire, failed, hold, id, of, open, paid, process, refund, refunded,
    total, waiting,
};
use crate::domain::{
    given::{TOTAL, at, payment_id, saga_id, script, terms},
    row::{Row, assert_repeats},
};
use backstitch::domain::{
    aggregate::{Aggregate, Outgoing},
    payment::{PaymentCommand, PaymentRefusal, PaymentStatus, Payments, ProcessPayment, Provider},
    reason::Reason,
    saga::Outcome,
    simulation::Fault,
};

#[test]
fn a_client_pays_what_the_payment_says_however_old_the_total_is_that_it_was_compared_with() {
    let mut row = edited();
    let answer = row.send(&open(total(0), total(0)));
    assert_eq!(answer.result, Err(PaymentRefusal::AmountMismatch { total: amount(total(1)) }));
    let (payment, opened) = row.send(&open(total(1), total(0))).result.expect("claimed");
    assert_eq!((payment.id, opened), (id(1), true));
}

#[test]
fn a_later_revision_supersedes_a_held_payment_and_opens_one_on_its_own_terms() {
    let mut row = after(&[process(0), hold(1)]).at(at(500));
    assert_eq!(row.ask(&process(1)), waiting(500), "a deadline of its own");
    let [old] = row.get().superseded() else { panic!("one") };
    assert_eq!((old.status, old.reason), (PaymentStatus::Failed, Some(Reason::PaymentSuperseded)));
    assert_eq!((old.held, old.updated_at), (false, at(500)));
    let new = row.payment();
    assert_eq!((new.id, new.revision, new.amount), (id(1), 1, amount(total(1))));
    assert_eq!((new.status, new.held, new.amendment, new.claimed), (PaymentStatus::Pending, false, 1, false));
    assert_eq!((new.saga_id, new.created_at), (Some(saga_id()), at(500)));
}

#[test]
fn a_new_payment_keeps_the_provider_that_a_client_chose() {
    let simulated = |revision| of(revision, terms(Provider::Simulated, script(Some(Fault::ErrorOnce), 0)));
    let mut row = after(&[open(TOTAL, TOTAL), hold(1)]);
    row.send(&PaymentCommand::Process(ProcessPayment(simulated(1))));
    assert_eq!((row.payment().provider, row.payment().status), (Provider::Manual, PaymentStatus::Pending));
}

#[test]
fn a_new_payment_is_charged_as_a_first_one_would_be() {
    let once = |revision| {
        let terms = of(revision, terms(Provider::Simulated, script(Some(Fault::ErrorOnce), 0)));
        PaymentCommand::Process(ProcessPayment(terms))
    };
    let mut row = after(&[once(0), hold(1)]);
    assert!(matches!(row.ask(&once(1)), Outcome::Unknown { .. }));
    assert_eq!((row.ask(&once(1)), row.moved()), (Outcome::done(id(1).uuid()), (1, 0)));
}

#[test]
fn money_that_came_for_a_held_payment_goes_back_when_it_is_superseded() {
    let mut row = after(&[process(0), hold(1), paid(0)]);
    assert_eq!(row.ask(&process(1)), waiting(0));
    let [old] = row.get().superseded() else { panic!("one") };
    assert_eq!((old.status, old.reason), (PaymentStatus::Refunding, Some(Reason::PaymentSuperseded)));
    assert_eq!((row.get().outstanding(0), row.get().outstanding(1)), (None, None), "people are not called");
    assert_eq!(row.send(&refunded(0)).signal, None, "nobody waits for it");
    assert_eq!((row.get().part(0).status, row.moved()), (PaymentStatus::Refunded, (1, 1)));
}

#[test]
fn a_payment_that_failed_during_a_hold_keeps_its_reason_and_lets_the_next_one_open() {
    let mut row = after(&[process(0), hold(1), failed(0)]);
    assert_eq!(row.ask(&process(1)), waiting(0));
    assert_eq!(row.get().part(0).reason, Some(Reason::PaymentDeclined));
}

#[test]
fn money_for_an_old_revision_is_recorded_and_goes_back_and_the_current_one_still_waits() {
    let mut row = edited();
    let answer = row.send(&paid(0));
    let (settled, _) = answer.result.expect("recorded");
    assert_eq!((settled.id, settled.status, answer.signal), (id(0), PaymentStatus::Refunding, None));
    assert_eq!(row.payment().status, PaymentStatus::Pending);
    row.send(&paid(0));
    row.send(&refunded(0));
    row.send(&refunded(0));
    row.send(&paid(0));
    assert_eq!((row.get().part(0).status, row.moved()), (PaymentStatus::Refunded, (1, 1)));
    assert_eq!(row.send(&paid(1)).signal, Some(saga_id()));
    assert_eq!((row.ask(&process(1)), row.moved()), (Outcome::done(id(1).uuid()), (2, 1)));
}

#[test]
fn a_failure_reported_for_an_old_revision_changes_nothing() {
    let mut row = edited();
    let (before, answer) = (row.stored.clone(), row.send(&failed(0)));
    assert_eq!(answer.result.expect("known").0.id, id(0));
    assert_eq!((row.stored, answer.signal), (before, None));
}

#[test]
fn a_payment_that_is_none_of_the_orders_is_not_settled() {
    assert_eq!(edited().send(&paid(2)).result, Err(PaymentRefusal::NotTheOrders));
}

#[test]
fn a_later_revision_opens_nothing_over_a_payment_that_is_not_held() {
    let charged = [process(0), hold(1), process(0), paid(0)];
    for (history, answer) in [
        (&[process(0)][..], closed(Reason::PaymentClosed)),
        (&[process(0), hold(1), process(0)], closed(Reason::PaymentClosed)),
        (&[process(0), failed(0)], closed(Reason::PaymentDeclined)),
        (&[refund(0)], closed(Reason::PaymentClosed)),
        (&[process(0), hold(1), refund(0)], closed(Reason::PaymentClosed)),
        (&charged, Outcome::done(payment_id().uuid())),
    ] {
        let mut row = after(history);
        assert_eq!(ask_in_vain(&mut row, &process(1)), answer, "{history:?}");
        assert_eq!(ask_in_vain(&mut row, &expire(1)), answer, "{history:?}");
    }
}

#[test]
fn an_expiry_of_a_later_revision_opens_nothing_over_a_held_payment_either() {
    let mut row = after(&[process(0), hold(1)]);
    assert_eq!(ask_in_vain(&mut row, &expire(1)), closed(Reason::PaymentClosed));
}

#[test]
fn commands_of_an_old_revision_come_late_and_change_nothing() {
    for history in [vec![], vec![hold(2)], vec![paid(1)], vec![refund(1)]] {
        let mut row = edited();
        for command in &history {
            row.send(command);
        }
        for late in [process(0), expire(0)] {
            assert!(matches!(ask_in_vain(&mut row, &late), Outcome::Unknown { .. }), "{late:?} after {history:?}");
        }
    }
}

#[test]
fn a_refund_closes_the_current_payment_whatever_revision_it_names() {
    for named in [0, 1, 2] {
        let mut row = edited();
        assert_eq!(row.ask(&refund(named)), Outcome::done(id(1).uuid()));
        assert_eq!((row.payment().status, row.payment().reason), (PaymentStatus::Failed, Some(Reason::PaymentClosed)));
        assert_eq!(row.get().parts(), 2);
    }
}

#[test]
fn a_refund_does_not_wait_for_the_money_of_old_revisions() {
    let mut row = after(&[process(0), hold(1), paid(0), process(1)]);
    assert_eq!(row.ask(&refund(1)), Outcome::done(id(1).uuid()));
    assert_eq!(row.get().part(0).status, PaymentStatus::Refunding, "it goes back whenever somebody reports it");
}

#[test]
fn an_answer_is_taken_in_by_the_payment_that_was_called() {
    let mut row = after(&[process(0), hold(1), paid(0), process(1), paid(1)]);
    for (part, status) in [(1, PaymentStatus::Refunding), (2, PaymentStatus::Refunding), (0, PaymentStatus::Refunded)] {
        row.send(&refunded(part));
        assert_eq!(row.get().part(0).status, status, "answer for {part}");
        assert_eq!(row.payment().status, PaymentStatus::Paid);
    }
}

#[test]
fn an_order_can_be_edited_again_and_again() {
    let mut row = after(&[process(0)]);
    for revision in 1..=5 {
        assert_eq!(row.ask(&hold(revision)), Outcome::DONE);
        assert_eq!(row.ask(&process(revision)), waiting(0));
    }
    let revisions: Vec<_> = row.get().all().map(|payment| payment.revision).collect();
    assert_eq!(revisions, [0, 1, 2, 3, 4, 5]);
    assert_eq!((row.payment().amendment, row.moved()), (5, (0, 0)));
}

#[test]
fn an_amendment_that_came_to_nothing_leaves_the_revision_for_the_next_one() {
    let mut row = after(&[process(0), hold(1), process(0), hold(2)]);
    assert_eq!(row.ask(&process(1)), waiting(0));
    assert_eq!((row.payment().revision, row.payment().amendment), (1, 2));
}

#[test]
fn only_the_first_revision_begins_a_row() {
    assert!(Payments::begins(&process(0)));
    for command in [process(1), expire(0), refund(0), hold(1), paid(0), refunded(0)] {
        assert!(!Payments::begins(&command), "{command:?}");
    }
}

#[test]
fn an_answer_says_which_of_the_payments_it_is_about_for_whoever_repeats_the_request() {
    let mut row = edited();
    for (command, part) in [(paid(0), 0), (paid(1), 1), (open(total(1), total(1)), 1)] {
        assert_eq!(Payments::part_of(&row.send(&command)), part, "{command:?}");
    }
}

#[test]
fn every_command_repeated_in_every_state_gives_the_same_answer_and_no_new_change() {
    let histories: [&[PaymentCommand]; 11] = [
        &[],
        &[process(0)],
        &[process(0), hold(1)],
        &[process(0), hold(1), paid(0)],
        &[process(0), hold(1), failed(0)],
        &[process(0), hold(1), failed(0), paid(0)],
        &[process(0), hold(1), process(1)],
        &[process(0), hold(1), process(1), paid(0)],
        &[process(0), hold(1), process(1), paid(1)],
        &[process(0), hold(1), process(1), hold(2)],
        &[process(0), hold(1), paid(0), process(1), refund(1)],
    ];
    for history in histories {
        for now in [at(0), at(10_000_000)] {
            for revision in [0, 1, 2] {
                let (opened, read) = (total(revision), total(0));
                let reports = [paid(revision), failed(revision), refunded(revision), open(opened, read)];
                for command in [process(revision), expire(revision), refund(revision), hold(revision + 1)]
                    .into_iter()
                    .chain(reports)
                {
                    let row = Row::<Payments>::after(history).at(now);
                    assert_repeats(&row, &command, &format!("{command:?} after {history:?}"));
                }
            }
        }
    }
}

#[test]
fn a_payment_that_is_superseded_is_news_in_its_own_place() {
    let mut row = after(&[process(0), hold(1)]);
    assert_eq!(row.send(&process(1)).settled, [0]);
    assert_eq!(row.send(&process(1)).settled, [0; 0]);
    assert_eq!(row.send(&paid(1)).settled, [1]);
}
