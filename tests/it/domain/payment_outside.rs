//! What clients and callbacks may do to a payment: open it, settle it, and too late.

use super::{
    given::{TOTAL, at, order_id, payment_id, saga_id, script, terms},
    row::{Row, assert_repeats},
};
use backstitch::domain::{
    ids::PaymentId,
    money::{Amount, Currency},
    order::OrderStatus,
    payment::{
        ExpirePayment, OpenPayment, Payable, PaymentCall, PaymentCommand, PaymentRefusal, PaymentStatus, Payments,
        ProcessPayment, Provider, RecordPaymentCall, RefundPayment, Reported, Reporter, SettlePayment, Settlement,
    },
    reason::Reason,
    reference::Reference,
    saga::Outcome,
    simulation::{CallAnswer, Fault},
};
use uuid::Uuid;

/// The id that a client's own payment gets.
fn claimed_id() -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(0x77))
}

fn open_as(provider: Provider, amount: i64, status: OrderStatus) -> PaymentCommand {
    let amount = Amount::parse(amount).expect("a good amount");
    let total = Amount::parse(TOTAL).expect("a good total");
    let order = Payable { order_id: order_id(), total: Some(total), currency: Currency::Idr, payer: None, status };
    PaymentCommand::Open(OpenPayment { order, payment_id: claimed_id(), amount, provider })
}

fn open(provider: Provider) -> PaymentCommand {
    open_as(provider, TOTAL, OrderStatus::Pending)
}

fn settle_id(payment_id: PaymentId, settlement: Settlement) -> PaymentCommand {
    PaymentCommand::Settle(SettlePayment::trusted(order_id(), payment_id, settlement))
}

fn settle(settlement: Settlement) -> PaymentCommand {
    settle_id(payment_id(), settlement)
}

fn manual(make: impl Fn(backstitch::domain::payment::Terms) -> PaymentCommand) -> PaymentCommand {
    make(terms(Provider::Manual, script(None, 0)))
}

fn process() -> PaymentCommand {
    manual(|terms| PaymentCommand::Process(ProcessPayment(terms)))
}

fn expire() -> PaymentCommand {
    manual(|terms| PaymentCommand::Expire(ExpirePayment(terms)))
}

fn refund() -> PaymentCommand {
    manual(|terms| PaymentCommand::Refund(RefundPayment(terms)))
}

fn refunded() -> PaymentCommand {
    settle(Settlement::Refunded)
}

fn answered(call: PaymentCall) -> PaymentCommand {
    PaymentCommand::Record(RecordPaymentCall {
        order_id: order_id(),
        part: 0,
        call,
        attempts: 0,
        answer: CallAnswer::Done,
    })
}

const LATE: i64 = 10_000_000;

#[test]
fn a_report_settles_a_waiting_payment_once_and_signals_its_saga() {
    let mut paid = Row::<Payments>::after(&[process()]);
    assert_eq!(paid.send(&settle(Settlement::Success)).signal, Some(saga_id()));
    assert_eq!(paid.send(&settle(Settlement::Success)).signal, None, "said before");
    assert_eq!((paid.ask(&process()), paid.moved()), (Outcome::done(payment_id().uuid()), (1, 0)));

    let mut failed = Row::<Payments>::after(&[process()]);
    assert_eq!(failed.send(&settle(Settlement::Failed)).signal, Some(saga_id()));
    assert_eq!(failed.send(&settle(Settlement::Failed)).signal, None);
    assert_eq!((failed.ask(&process()), failed.moved()), (Outcome::rejected(Reason::PaymentDeclined), (0, 0)));
}

#[test]
fn money_that_has_come_cannot_be_reported_as_failed() {
    for history in [vec![process()], vec![process(), expire(), refund()], vec![refund()]] {
        let mut row = Row::<Payments>::after(&history).at(at(LATE));
        row.send(&settle(Settlement::Success));
        let before = row.stored.clone();
        assert_eq!(row.send(&settle(Settlement::Failed)).result, Err(PaymentRefusal::AlreadyPaid));
        assert_eq!(row.stored, before);
    }
}

#[test]
fn money_for_a_closed_payment_is_recorded_and_goes_back_once() {
    let expired = vec![process(), expire(), refund()];
    let failed = vec![process(), settle(Settlement::Failed), refund()];
    let cancelled = vec![process(), refund()];
    let tombstone = vec![refund()];
    for history in [expired, failed, cancelled, tombstone] {
        let mut row = Row::<Payments>::default().at(at(0));
        for command in &history {
            row.send(command);
            row.now = at(LATE);
        }
        let reason = row.payment().reason;
        row.send(&settle(Settlement::Success));
        assert_eq!((row.payment().call, row.payment().status), (None, PaymentStatus::Refunding));
        assert_eq!((row.moved(), row.payment().reason), ((1, 0), reason), "{history:?}");
        assert_eq!(row.ask(&refund()), Outcome::Pending { until: None });
        row.send(&settle(Settlement::Success));
        row.send(&refunded());
        row.send(&settle(Settlement::Success));
        row.send(&refunded());
        assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Refunded, (1, 1)), "{history:?}");
        assert!(matches!(row.ask(&process()), Outcome::Rejected { .. }));
    }
}

#[test]
fn money_before_the_expiry_wins_and_money_after_it_goes_back() {
    let mut before = Row::<Payments>::after(&[process()]).at(at(LATE));
    before.send(&settle(Settlement::Success));
    assert_eq!(before.ask(&expire()), Outcome::done(payment_id().uuid()));

    let mut after = Row::<Payments>::after(&[process()]).at(at(LATE));
    assert_eq!(after.ask(&expire()), Outcome::rejected(Reason::PaymentExpired));
    after.send(&settle(Settlement::Success));
    assert_eq!(after.ask(&expire()), Outcome::rejected(Reason::PaymentExpired));
    assert_eq!(after.payment().status, PaymentStatus::Refunding);
}

#[test]
fn a_payment_that_is_not_the_orders_is_not_settled() {
    let stranger = PaymentId::from_uuid(Uuid::from_u128(0xbad));
    let mut row = Row::<Payments>::after(&[process()]);
    for settlement in [Settlement::Success, Settlement::Failed] {
        assert_eq!(row.send(&settle_id(stranger, settlement)).result, Err(PaymentRefusal::NotTheOrders));
        let none = Row::<Payments>::default().send(&settle(settlement)).result;
        assert_eq!(none, Err(PaymentRefusal::NoPayment));
    }
    assert_eq!((row.payment().status, row.changes), (PaymentStatus::Pending, 1));
}

#[test]
fn a_client_opens_the_payment_before_the_stage_and_the_stage_adopts_it() {
    let mut row = Row::<Payments>::default();
    let answer = row.send(&open(Provider::Manual));
    let (payment, opened) = answer.result.expect("opened");
    assert_eq!((payment.id, payment.saga_id, payment.deadline_at, opened), (claimed_id(), None, None, true));
    row.now = at(1_000);
    let waiting = Outcome::Pending { until: Some(at(61_000)) };
    assert_eq!(row.ask(&process()), waiting, "the wait begins when the saga does");
    assert_eq!((row.payment().id, row.payment().saga_id), (claimed_id(), Some(saga_id())));
    row.send(&settle_id(claimed_id(), Settlement::Success));
    assert_eq!(row.ask(&process()), Outcome::done(claimed_id().uuid()));
}

#[test]
fn a_client_pays_at_once_before_the_stage_and_the_stage_finds_it_paid() {
    let mut row = Row::<Payments>::after(&[open(Provider::Simulated)]);
    assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Paid, (1, 0)));
    assert_eq!((row.ask(&process()), row.moved()), (Outcome::done(claimed_id().uuid()), (1, 0)));
}

#[test]
fn a_client_claims_the_payment_that_its_saga_opened_first() {
    let mut row = Row::<Payments>::after(&[process()]);
    let answer = row.send(&open(Provider::Simulated));
    assert_eq!(answer.signal, Some(saga_id()));
    let (payment, opened) = answer.result.expect("claimed");
    assert_eq!((payment.id, payment.provider, opened), (payment_id(), Provider::Simulated, true));
    assert_eq!((row.ask(&process()), row.moved()), (Outcome::done(payment_id().uuid()), (1, 0)));
}

#[test]
fn the_second_post_finds_the_first_ones_payment() {
    for history in [vec![open(Provider::Manual)], vec![process(), open(Provider::Manual)]] {
        for status in [OrderStatus::Pending, OrderStatus::Paid, OrderStatus::Cancelled] {
            let mut row = Row::<Payments>::after(&history);
            let (first, changes) = (row.stored.clone(), row.changes);
            let (payment, opened) = row.send(&open_as(Provider::Simulated, TOTAL, status)).result.expect("found");
            assert_eq!((Some(Payments::of(payment)), opened, row.changes), (first, false, changes));
        }
    }
}

#[test]
fn a_wrong_amount_and_a_closed_order_are_refused() {
    let total = Amount::parse(TOTAL).expect("a good total");
    for history in [vec![], vec![process()], vec![refund()]] {
        let mut row = Row::<Payments>::after(&history);
        let (before, changes) = (row.stored.clone(), row.changes);
        for wrong in [0, TOTAL - 1, TOTAL + 1] {
            let answer = row.send(&open_as(Provider::Manual, wrong, OrderStatus::Pending));
            assert_eq!(answer.result, Err(PaymentRefusal::AmountMismatch { total }));
        }
        assert_eq!((row.stored, row.changes), (before, changes));
    }
    for closed in [OrderStatus::Failed, OrderStatus::Cancelled] {
        let mut row = Row::<Payments>::default();
        let answer = row.send(&open_as(Provider::Simulated, TOTAL, closed));
        assert_eq!((answer.result, row.stored), (Err(PaymentRefusal::OrderClosed), None));
    }
}

#[test]
fn a_client_who_opens_a_closed_payment_is_told_that_it_is_closed() {
    let histories = [
        (vec![refund()], PaymentStatus::Failed),
        (vec![process(), settle(Settlement::Failed)], PaymentStatus::Failed),
        (vec![process(), settle(Settlement::Success), refund()], PaymentStatus::Refunding),
        (vec![process(), settle(Settlement::Success), refund(), refunded()], PaymentStatus::Refunded),
    ];
    for (history, status) in histories {
        let mut row = Row::<Payments>::after(&history);
        let before = row.stored.clone();
        assert_eq!(row.send(&open(Provider::Simulated)).result.unwrap_err(), PaymentRefusal::Closed(status));
        assert_eq!(row.stored, before);
    }
}

/// A report by somebody, of so much money in a currency, as far as it says.
fn report(
    by: Reporter,
    payment: Reported,
    settlement: Settlement,
    money: (Option<i64>, Option<&str>),
) -> PaymentCommand {
    let (amount, currency) = (money.0, money.1.map(str::to_owned));
    PaymentCommand::Settle(SettlePayment { order_id: order_id(), payment, settlement, by, amount, currency })
}

fn called(name: &str) -> Reported {
    Reported::Called(Reference::parse(name.to_owned()).expect("a name"))
}

const ALL: [Settlement; 3] = [Settlement::Success, Settlement::Failed, Settlement::Refunded];

#[test]
fn only_who_may_report_a_payment_settles_it() {
    let acme: Provider = "acme".parse().expect("a name");
    let (other, own) = (Reporter::Provider("other".parse().expect("a name")), Reported::Own(payment_id()));
    for provider in [Provider::Manual, Provider::Simulated, acme] {
        let own_service = Some(provider).filter(|provider| *provider != Provider::Manual).map(Reporter::Provider);
        let others = [Reporter::Trusted, Reporter::Anybody, Reporter::Stranger, other];
        for by in others.into_iter().chain(own_service) {
            let terms = terms(provider, script(None, 50));
            let mut row = Row::<Payments>::after(&[PaymentCommand::Process(ProcessPayment(terms))]);
            let before = row.stored.clone();
            let answer = row.send(&report(by, own.clone(), Settlement::Success, (None, None)));
            let expected = match (provider, by) {
                (Provider::Manual, Reporter::Trusted | Reporter::Anybody) => Ok(()),
                (Provider::Manual, _) => Err(PaymentRefusal::NotVouchedFor),
                (_, by) if by == Reporter::Provider(provider) => Ok(()),
                _ => Err(PaymentRefusal::NotManual(provider)),
            };
            assert_eq!(answer.result.map(drop), expected, "{provider:?} by {by:?}");
            assert_eq!(row.stored == before, expected.is_err(), "{provider:?} by {by:?}");
        }
    }
}

#[test]
fn a_report_that_says_what_the_record_says_needs_nobody_to_be_believed() {
    let mut row = Row::<Payments>::after(&[process(), settle(Settlement::Success)]);
    let own = Reported::Own(payment_id());
    assert!(
        row.send(&report(Reporter::Stranger, own.clone(), Settlement::Success, (Some(TOTAL), None))).result.is_ok()
    );
    let refused = row.send(&report(Reporter::Stranger, own, Settlement::Refunded, (None, None))).result;
    assert_eq!(refused.unwrap_err(), PaymentRefusal::NotVouchedFor);
}

#[test]
fn a_report_of_other_money_settles_nothing_and_is_kept_for_an_operator() {
    for (money, field) in [
        ((Some(1), None), "amount"),
        ((Some(TOTAL + 1), Some("IDR")), "amount"),
        ((Some(-TOTAL), None), "amount"),
        ((Some(TOTAL), Some("USD")), "currency"),
        ((None, Some("")), "currency"),
    ] {
        for settlement in ALL {
            let mut row = Row::<Payments>::after(&[process()]);
            let answer = row.send(&report(Reporter::Trusted, Reported::Current, settlement, money));
            let Err(PaymentRefusal::Differs(found)) = answer.result else { panic!("{money:?}: {answer:?}") };
            assert_eq!(found.field, field);
            let payment = row.payment();
            assert_eq!((payment.status, payment.captured_at), (PaymentStatus::Pending, None), "{money:?}");
            let kept = payment.trouble.as_ref().expect("it is kept");
            assert!(kept.error.contains(&found.to_string()) && kept.next_attempt_at.is_none(), "{kept:?}");
        }
    }
    let mut row = Row::<Payments>::after(&[process()]);
    let right = report(Reporter::Trusted, Reported::Current, Settlement::Success, (Some(TOTAL), Some("idr")));
    assert!(row.send(&right).result.is_ok());
    assert_eq!((row.payment().status, row.moved()), (PaymentStatus::Paid, (1, 0)));
}

#[test]
fn what_the_reporter_calls_a_manual_payment_is_its_reference_and_no_other_id_is_taken() {
    for settlement in [Settlement::Success, Settlement::Failed] {
        let mut row = Row::<Payments>::after(&[process()]);
        let first = report(Reporter::Anybody, called("PAY 7/é"), settlement, (None, None));
        assert!(row.send(&first).result.is_ok());
        let stored = row.stored.clone();
        assert!(row.send(&first).result.is_ok(), "a repeat");
        assert_eq!(row.stored, stored);
        let second = report(Reporter::Anybody, called("PAY 8"), settlement, (None, None));
        assert_eq!(row.send(&second).result.unwrap_err(), PaymentRefusal::OtherReference);
        assert_eq!((row.stored == stored, row.payment().reference.as_ref().expect("it").as_str()), (true, "PAY 7/é"));
    }
    let mut none = Row::<Payments>::default();
    let report = |settlement| report(Reporter::Anybody, called("P"), settlement, (None, None));
    assert_eq!(none.send(&report(Settlement::Success)).result.unwrap_err(), PaymentRefusal::NoPayment);
    let simulated = terms(Provider::Simulated, script(None, 50));
    let mut row = Row::<Payments>::after(&[PaymentCommand::Process(ProcessPayment(simulated))]);
    assert_eq!(row.send(&report(Settlement::Success)).result.unwrap_err(), PaymentRefusal::NotTheOrders);
}

#[test]
fn a_refund_is_reported_where_one_is_due_and_nowhere_else() {
    let report = report(Reporter::Trusted, Reported::Current, Settlement::Refunded, (None, None));
    for (history, status) in [
        (vec![process()], PaymentStatus::Pending),
        (vec![process(), settle(Settlement::Success)], PaymentStatus::Paid),
        (vec![process(), settle(Settlement::Failed)], PaymentStatus::Failed),
    ] {
        let mut row = Row::<Payments>::after(&history);
        let before = row.stored.clone();
        assert_eq!(row.send(&report).result.unwrap_err(), PaymentRefusal::NotRefunding(status));
        assert_eq!(row.stored, before);
    }
    let mut row = Row::<Payments>::after(&[process(), settle(Settlement::Success)]);
    assert_eq!(row.ask(&refund()), Outcome::Pending { until: None });
    assert_eq!((row.payment().status, row.payment().call), (PaymentStatus::Refunding, None), "nobody moved money yet");
    assert_eq!(row.send(&report).signal, Some(saga_id()));
    assert_eq!((row.ask(&refund()), row.moved()), (Outcome::done(payment_id().uuid()), (1, 1)));
    assert!(row.send(&report).result.is_ok(), "a repeat");
    assert_eq!(row.moved(), (1, 1));
}

#[test]
fn a_claim_while_the_charge_is_in_doubt_does_not_charge_twice() {
    let slow = terms(Provider::Simulated, script(None, 50));
    let mut row = Row::<Payments>::after(&[PaymentCommand::Process(ProcessPayment(slow))]);
    row.send(&open(Provider::Simulated));
    assert_eq!((row.payment().call, row.moved()), (Some(PaymentCall::Charge), (0, 0)));
    let by = Reporter::Provider(Provider::Simulated);
    row.send(&report(by, Reported::Current, Settlement::Success, (None, None)));
    row.send(&answered(PaymentCall::Charge));
    assert_eq!(row.moved(), (1, 0), "the callback and the call's answer tell of the same money");
}

#[test]
fn a_claim_after_an_error_without_effect_charges_and_the_stage_finds_it_paid() {
    let terms = terms(Provider::Simulated, script(Some(Fault::ErrorOnce), 0));
    let process = PaymentCommand::Process(ProcessPayment(terms));
    let mut row = Row::<Payments>::after(std::slice::from_ref(&process));
    assert_eq!(row.moved(), (0, 0));
    row.send(&open(Provider::Simulated));
    assert_eq!((row.ask(&process), row.moved()), (Outcome::done(payment_id().uuid()), (1, 0)));
}

#[test]
fn every_report_and_every_claim_repeated_changes_nothing_more() {
    let slow = terms(Provider::Simulated, script(None, 50));
    let histories: [&[PaymentCommand]; 7] = [
        &[],
        &[process()],
        &[PaymentCommand::Process(ProcessPayment(slow))],
        &[open(Provider::Manual)],
        &[process(), settle(Settlement::Success)],
        &[process(), settle(Settlement::Failed)],
        &[refund(), settle(Settlement::Success), refunded()],
    ];
    for history in histories {
        for command in [
            open(Provider::Manual),
            open(Provider::Simulated),
            settle(Settlement::Success),
            settle(Settlement::Failed),
            settle_id(claimed_id(), Settlement::Success),
        ] {
            assert_repeats(&Row::<Payments>::after(history), &command, &format!("{command:?} after {history:?}"));
        }
    }
}

#[test]
fn a_client_is_answered_with_the_payment_as_it_was_saved() {
    for command in [open(Provider::Simulated), settle(Settlement::Success), settle(Settlement::Failed)] {
        let mut row = Row::<Payments>::after(&[process()]).at(at(1_000));
        let (answered, _) = row.send(&command).result.expect("accepted");
        assert_eq!((answered.updated_at, &answered), (at(1_000), row.payment()), "{command:?}");
    }
}

#[test]
fn what_settles_a_payment_is_news_once() {
    let mut row = Row::<Payments>::default();
    assert_eq!(row.send(&process()).settled, [0; 0], "it waits");
    assert_eq!(row.send(&settle(Settlement::Success)).settled, [0]);
    assert_eq!(row.send(&settle(Settlement::Success)).settled, [0; 0], "it was paid before");
    assert_eq!(row.send(&refund()).settled, [0; 0], "the money is on its way back");
    assert_eq!(row.send(&refunded()).settled, [0]);
    assert_eq!(row.get().current().status, PaymentStatus::Refunded);
    assert_eq!(row.send(&refund()).settled, [0; 0]);
    let mut closed = Row::<Payments>::default();
    closed.send(&process());
    assert_eq!(closed.send(&settle(Settlement::Failed)).settled, [0]);
    assert_eq!(closed.send(&settle(Settlement::Success)).settled, [0; 0], "its money is on its way back");
}
