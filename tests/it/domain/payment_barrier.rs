//! The payment's row as its participant's barrier: the saga's commands, and the provider's answers.

use super::{
    given::{DEADLINE_MS, at, order_id, payment_id, saga_id, script, terms},
    row::{Row, assert_repeats},
};
use backstitch::domain::{
    aggregate::Outgoing,
    payment::{
        ExpirePayment, PaymentCall, PaymentCommand, PaymentStatus, Payments, ProcessPayment, Provider,
        RecordPaymentCall, RefundPayment, Terms,
    },
    reason::Reason,
    saga::Outcome,
    simulation::{CallAnswer, Fault},
};

fn process(terms: Terms) -> PaymentCommand {
    PaymentCommand::Process(ProcessPayment(terms))
}

fn expire(terms: Terms) -> PaymentCommand {
    PaymentCommand::Expire(ExpirePayment(terms))
}

fn refund(terms: Terms) -> PaymentCommand {
    PaymentCommand::Refund(RefundPayment(terms))
}

fn charged(answer: CallAnswer) -> PaymentCommand {
    PaymentCommand::Record(RecordPaymentCall {
        order_id: order_id(),
        part: 0,
        call: PaymentCall::Charge,
        attempts: 0,
        answer,
    })
}

fn refund_answered(answer: CallAnswer) -> PaymentCommand {
    PaymentCommand::Record(RecordPaymentCall {
        order_id: order_id(),
        part: 0,
        call: PaymentCall::Refund,
        attempts: 0,
        answer,
    })
}

fn lost() -> CallAnswer {
    CallAnswer::Unknown { happened: true, error: "lost".into() }
}

fn manual() -> Terms {
    terms(Provider::Manual, script(None, 0))
}

fn simulated(fault: Option<Fault>) -> Terms {
    terms(Provider::Simulated, script(fault, 0))
}

fn slow() -> Terms {
    terms(Provider::Simulated, script(None, 50))
}

fn done() -> Outcome {
    Outcome::done(payment_id().uuid())
}

const PENDING: Outcome = Outcome::Pending { until: None };

#[test]
fn a_simulated_payment_without_delay_is_decided_at_once() {
    let mut row = Row::<Payments>::default();
    assert_eq!(row.ask(&process(simulated(None))), done());
    assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Paid, (1, 0)));
    assert_eq!(row.ask(&refund(simulated(None))), done());
    assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Refunded, (1, 1)));
    assert_eq!(row.movements.iter().map(|movement| movement.amount.get()).sum::<i64>(), 2 * super::given::TOTAL);
    assert_eq!(row.ask(&process(simulated(None))), Outcome::rejected(Reason::PaymentClosed));
    assert_eq!(row.moved(), (1, 1));
}

#[test]
fn each_fault_of_the_script_is_answered_and_over_after_the_first_attempt() {
    let mut declined = Row::<Payments>::default();
    let no = Outcome::rejected(Reason::PaymentDeclined);
    assert_eq!(declined.ask(&process(simulated(Some(Fault::Reject)))), no);
    assert_eq!(declined.ask(&process(simulated(Some(Fault::Reject)))), no);
    assert_eq!(declined.ask(&refund(simulated(Some(Fault::Reject)))), done());
    assert_eq!(declined.ask(&process(simulated(Some(Fault::Reject)))), no);
    assert_eq!(declined.moved(), (0, 0));

    for (fault, moved) in [(Fault::Timeout, (1, 0)), (Fault::ErrorOnce, (0, 0))] {
        let mut row = Row::<Payments>::default();
        assert!(matches!(row.ask(&process(simulated(Some(fault)))), Outcome::Unknown { .. }));
        assert_eq!(row.moved(), moved, "{fault:?}");
        assert_eq!(row.ask(&process(simulated(Some(fault)))), done());
        assert_eq!(row.moved(), (1, 0));
    }
}

#[test]
fn a_manual_payment_waits_until_its_deadline_and_then_expires() {
    let mut row = Row::<Payments>::default();
    let deadline = at(i64::try_from(DEADLINE_MS).expect("a small deadline"));
    let waiting = Outcome::Pending { until: Some(deadline) };
    assert_eq!(row.ask(&process(manual())), waiting);
    row = row.at(at(1_000));
    assert_eq!(row.ask(&process(manual())), waiting, "asking again does not put the deadline off");
    assert_eq!(row.ask(&expire(manual())), waiting, "too early");
    row = row.at(deadline);
    assert_eq!(row.ask(&process(manual())), waiting, "only the expiry expires");
    assert_eq!(row.ask(&expire(manual())), Outcome::rejected(Reason::PaymentExpired));
    assert_eq!(row.ask(&process(manual())), Outcome::rejected(Reason::PaymentExpired));
    assert_eq!(row.ask(&refund(manual())), done());
    assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Expired, (0, 0)));
}

#[test]
fn refunding_before_anything_was_paid_leaves_a_tombstone() {
    for terms in [manual(), simulated(None), slow()] {
        let mut row = Row::<Payments>::default();
        assert_eq!(row.ask(&refund(terms)), done());
        for action in [process(terms), expire(terms)] {
            assert_eq!(row.ask(&action), Outcome::rejected(Reason::PaymentClosed));
        }
        assert_eq!((row.payment().status, row.payment().call, row.changes), (PaymentStatus::Failed, None, 1));
        assert_eq!(row.moved(), (0, 0));
    }
}

#[test]
fn an_expiry_before_the_payment_was_processed_makes_a_row_that_still_waits() {
    let mut row = Row::<Payments>::default();
    assert!(matches!(row.ask(&expire(slow())), Outcome::Pending { until: Some(_) }));
    assert_eq!(row.payment().call, None);
    row.ask(&process(slow()));
    assert_eq!(row.payment().call, Some(PaymentCall::Charge));
}

#[test]
fn a_call_that_was_made_twice_without_a_usable_answer_is_made_again_once() {
    let mut row = Row::<Payments>::after(&[process(slow())]);
    let requested = |row: &mut Row<Payments>| row.send(&charged(lost())).requested;
    assert_eq!([requested(&mut row), requested(&mut row)], [vec![0], vec![]]);
    assert_eq!(row.get().outstanding(0), Some((PaymentCall::Charge, 1)));
    row.send(&charged(CallAnswer::Done));
    assert_eq!(row.moved(), (1, 0), "whichever of them was heard");
}

#[test]
fn a_call_is_requested_by_the_command_that_asks_for_it_and_by_no_other() {
    let mut row = Row::<Payments>::default();
    let mut requested = |command: &PaymentCommand| row.send(command).requested;
    assert_eq!(requested(&process(slow())), [0]);
    for command in [process(slow()), expire(slow()), refund(slow())] {
        assert!(requested(&command).is_empty(), "{command:?}");
    }
    assert_eq!(requested(&charged(CallAnswer::Done)), [0], "late money goes back");
    assert!(requested(&refund(slow())).is_empty());
    assert!(requested(&refund_answered(CallAnswer::Done)).is_empty());
}

#[test]
fn a_provider_is_called_after_the_call_is_committed_and_its_answer_signals_the_saga() {
    let mut row = Row::<Payments>::default();
    let answer = row.send(&process(slow()));
    assert!(matches!(answer.outcome, Outcome::Pending { .. }));
    assert_eq!(row.get().outstanding(0), Some((PaymentCall::Charge, 0)));
    let unknown = row.send(&charged(lost()));
    assert_eq!(unknown.signal, None);
    assert_eq!(row.get().outstanding(0), Some((PaymentCall::Charge, 1)), "asked again");
    assert_eq!(row.moved(), (0, 0), "nobody knows yet");
    assert_eq!(row.send(&charged(CallAnswer::Done)).signal, Some(saga_id()));
    assert_eq!((row.ask(&process(slow())), row.moved()), (done(), (1, 0)));

    assert_eq!(row.ask(&refund(slow())), PENDING);
    assert_eq!(row.payment().call, Some(PaymentCall::Refund));
    assert_eq!(row.send(&refund_answered(lost())).signal, None);
    assert_eq!((row.ask(&refund(slow())), row.moved()), (PENDING, (1, 0)));
    assert_eq!(row.send(&refund_answered(CallAnswer::Done)).signal, Some(saga_id()));
    assert_eq!((row.ask(&refund(slow())), row.moved()), (done(), (1, 1)));
}

#[test]
fn a_provider_that_will_not_give_money_back_is_asked_again_and_its_saga_hears_of_it_once() {
    let order_id = order_id();
    let again = |answer, attempts| {
        let call = PaymentCall::RefundAgain;
        PaymentCommand::Record(RecordPaymentCall { order_id, part: 0, call, attempts, answer })
    };
    let no = || CallAnswer::Rejected(Reason::PaymentDeclined);
    let mut row = Row::<Payments>::after(&[process(slow()), charged(CallAnswer::Done), refund(slow())]);
    let told = row.send(&refund_answered(no()));
    assert_eq!((told.signal, told.requested), (Some(saga_id()), vec![0]));
    assert_eq!(row.get().outstanding(0), Some((PaymentCall::RefundAgain, 1)));
    let refused = Outcome::rejected(Reason::RefundRefused);
    assert_eq!((row.ask(&refund(slow())), row.moved()), (refused.clone(), (1, 0)));
    assert_eq!(row.send(&again(no(), 1)).signal, None, "it has heard");
    assert_eq!(row.get().outstanding(0), Some((PaymentCall::RefundAgain, 2)));
    row.send(&refund_answered(CallAnswer::Done));
    assert_eq!((row.ask(&refund(slow())), row.moved()), (refused, (1, 0)), "an answer to the first call comes late");
    assert_eq!(row.send(&again(CallAnswer::Done, 2)).signal, Some(saga_id()));
    assert_eq!((row.ask(&refund(slow())), row.moved()), (done(), (1, 1)));
}

#[test]
fn a_provider_that_says_no_declines_the_payment() {
    let mut row = Row::<Payments>::after(&[process(slow())]);
    assert_eq!(row.send(&charged(CallAnswer::Rejected(Reason::PaymentDeclined))).signal, Some(saga_id()));
    assert_eq!(row.ask(&process(slow())), Outcome::rejected(Reason::PaymentDeclined));
    assert_eq!(row.ask(&refund(slow())), done());
}

#[test]
fn closing_a_payment_whose_charge_is_in_doubt_keeps_nobody_waiting_and_gives_back_what_comes_of_it() {
    let deadline = at(i64::try_from(DEADLINE_MS).expect("a small deadline"));
    for close in [vec![refund(slow())], vec![expire(slow()), refund(slow())]] {
        let mut paid = Row::<Payments>::after(&[process(slow())]).at(deadline);
        for command in &close {
            paid.send(command);
        }
        assert_eq!(paid.ask(&refund(slow())), done(), "the charge is in doubt, and no order waits for it");
        let answer = paid.send(&charged(CallAnswer::Done));
        assert_eq!((paid.payment().call, answer.signal), (Some(PaymentCall::Refund), Some(saga_id())));
        assert!(matches!(paid.ask(&process(slow())), Outcome::Rejected { .. }));
        assert_eq!((paid.ask(&refund(slow())), paid.moved()), (PENDING, (1, 0)));
        paid.send(&refund_answered(CallAnswer::Done));
        assert_eq!((paid.ask(&refund(slow())), paid.moved()), (done(), (1, 1)));

        let mut declined = Row::<Payments>::after(&[process(slow())]).at(deadline);
        for command in &close {
            declined.send(command);
        }
        let answer = declined.send(&charged(CallAnswer::Rejected(Reason::PaymentDeclined)));
        assert_eq!((declined.payment().call, answer.signal), (None, Some(saga_id())));
        assert_eq!((declined.ask(&refund(slow())), declined.moved()), (done(), (0, 0)));
    }
}

#[test]
fn an_answer_to_a_call_that_is_not_outstanding_changes_nothing() {
    let histories: [&[PaymentCommand]; 5] = [
        &[],
        &[process(manual())],
        &[process(slow()), charged(CallAnswer::Done)],
        &[process(slow()), charged(CallAnswer::Done), refund(slow()), refund_answered(CallAnswer::Done)],
        &[refund(slow())],
    ];
    for history in histories {
        let mut row = Row::<Payments>::after(history);
        let (before, changes) = (row.stored.clone(), row.changes);
        let no = CallAnswer::Rejected(Reason::PaymentDeclined);
        for answer in [CallAnswer::Done, no, lost()] {
            assert_eq!(row.send(&charged(answer.clone())).signal, None);
            assert_eq!(row.send(&refund_answered(answer)).signal, None);
        }
        assert_eq!((&row.stored, row.changes), (&before, changes), "{history:?}");
    }
}

#[test]
fn every_command_repeated_in_every_state_gives_the_same_answer_and_no_new_change() {
    let late = at(10_000_000);
    for terms in [manual(), simulated(None), simulated(Some(Fault::Reject)), slow()] {
        let histories: [&[PaymentCommand]; 8] = [
            &[],
            &[process(terms)],
            &[expire(terms)],
            &[refund(terms)],
            &[process(terms), charged(CallAnswer::Done)],
            &[process(terms), refund(terms)],
            &[process(terms), charged(CallAnswer::Done), refund(terms)],
            &[process(terms), charged(CallAnswer::Done), refund(terms), refund_answered(CallAnswer::Done)],
        ];
        for history in histories {
            for now in [at(0), late] {
                for command in [process(terms), expire(terms), refund(terms)] {
                    let row = Row::<Payments>::after(history).at(now);
                    assert_repeats(&row, &command, &format!("{command:?} after {history:?}"));
                }
            }
        }
    }
}
