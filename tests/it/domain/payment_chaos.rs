//! Any commands to an order's payments in any order, repeated and late: money is conserved, one payment at most
//! is paid, and after the compensation nothing opens.

use super::{
    given::{TOTAL, at, order_id, payment_id, script, terms},
    row::Row,
};
use backstitch::domain::{
    aggregate::Outgoing,
    ids::PaymentId,
    money::{Amount, Currency},
    order::OrderStatus,
    payment::{
        ExpirePayment, HoldPayment, MovementKind, OpenPayment, Payable, Payment, PaymentCall, PaymentCommand,
        PaymentStatus, Payments, ProcessPayment, Provider, RecordPaymentCall, RefundPayment, Reporter, SettlePayment,
        Settlement, Terms,
    },
    reason::Reason,
    simulation::{CallAnswer, Fault},
};
use proptest::prelude::*;
use uuid::Uuid;

const REVISIONS: u32 = 4;

fn amount(revision: u32) -> Amount {
    Amount::parse(TOTAL + i64::from(revision) * 1_000).expect("a good amount")
}

fn id(revision: u32) -> PaymentId {
    if revision == 0 { payment_id() } else { PaymentId::from_uuid(Uuid::from_u128(0x30 + u128::from(revision))) }
}

/// The payment that a client opens itself.
fn claimed_id() -> PaymentId {
    PaymentId::from_uuid(Uuid::from_u128(0x77))
}

/// Terms as of so many amendments.
fn of(revision: u32, amendment: u32, (provider, fault, delay_ms): (Provider, Option<Fault>, u32)) -> Terms {
    let terms = terms(provider, script(fault, delay_ms));
    Terms { revision, amendment, payment_id: id(revision), amount: amount(revision), ..terms }
}

fn open(revision: u32, provider: Provider) -> PaymentCommand {
    let (order_id, total) = (order_id(), amount(revision));
    let order =
        Payable { order_id, total: Some(total), currency: Currency::Idr, payer: None, status: OrderStatus::Pending };
    PaymentCommand::Open(OpenPayment { order, payment_id: claimed_id(), amount: total, provider })
}

/// A command, or time that passes.
#[derive(Clone, Debug)]
enum Move {
    Send(PaymentCommand),
    Pass(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let provider = prop_oneof![3 => Just(Provider::Manual), 1 => Just(Provider::Simulated)];
    let fault = prop_oneof![4 => Just(None), 1 => Just(Some(Fault::Reject)), 1 => Just(Some(Fault::Timeout)), 1 => Just(Some(Fault::ErrorOnce))];
    let script = (provider.clone(), fault, prop_oneof![Just(0_u32), Just(50)]);
    let terms = move || {
        (0..REVISIONS, 0..6_u32, script.clone())
            .prop_map(|(revision, amendment, script)| of(revision, amendment, script))
    };
    let reported = prop_oneof![4 => (0..REVISIONS).prop_map(id), 1 => Just(claimed_id())];
    let settlement = prop_oneof![
        3 => Just(Settlement::Success),
        1 => Just(Settlement::Failed),
        1 => Just(Settlement::Refunded),
    ];
    let by = prop_oneof![Just(Reporter::Trusted), Just(Reporter::Provider(Provider::Simulated))];
    let money = prop_oneof![4 => Just(None), 1 => Just(Some(1_i64))];
    let answer = prop_oneof![
        3 => Just(CallAnswer::Done),
        1 => Just(CallAnswer::Rejected(Reason::PaymentDeclined)),
        1 => Just(CallAnswer::Unknown { happened: true, error: "lost".into() }),
    ];
    let call = prop_oneof![Just(PaymentCall::Charge), Just(PaymentCall::Refund), Just(PaymentCall::RefundAgain)];
    let order_id = order_id();
    let send = prop_oneof![
        6 => terms().prop_map(|terms| PaymentCommand::Process(ProcessPayment(terms))),
        1 => terms().prop_map(|terms| PaymentCommand::Expire(ExpirePayment(terms))),
        1 => terms().prop_map(|terms| PaymentCommand::Refund(RefundPayment(terms))),
        5 => (1..6_u32).prop_map(move |amendment| PaymentCommand::Hold(HoldPayment { order_id, amendment })),
        1 => (0..REVISIONS, provider).prop_map(|(revision, provider)| open(revision, provider)),
        3 => (reported, settlement, by, money).prop_map(move |(payment_id, settlement, by, amount)| {
            let report = SettlePayment::trusted(order_id, payment_id, settlement);
            PaymentCommand::Settle(SettlePayment { by, amount, ..report })
        }),
        3 => (0..4_usize, call, answer).prop_map(move |(part, call, answer)| {
            PaymentCommand::Record(RecordPaymentCall { order_id, part, call, attempts: 0, answer })
        }),
    ];
    prop::collection::vec(
        prop_oneof![20 => send.prop_map(Move::Send), 1 => (0..70_000_u64).prop_map(Move::Pass)],
        0..50,
    )
}

fn sum(row: &Row<Payments>, kind: MovementKind, of: impl Fn(PaymentId) -> bool) -> i64 {
    let movements = row.movements.iter().filter(|movement| movement.kind == kind && of(movement.payment_id));
    movements.map(|movement| movement.amount.get()).sum()
}

fn all(row: &Row<Payments>) -> Vec<&Payment> {
    row.stored.iter().flat_map(Payments::all).collect()
}

/// What must be true of an order's payments at any moment.
fn assert_safe(row: &Row<Payments>) {
    for payment in all(row) {
        let captured = sum(row, MovementKind::Capture, |id| id == payment.id);
        let refunded = sum(row, MovementKind::Refund, |id| id == payment.id);
        assert!(captured == 0 || captured == payment.amount.get(), "charged once: {payment:?}");
        let kept = match payment.status {
            PaymentStatus::Paid | PaymentStatus::Refunding => payment.amount.get(),
            PaymentStatus::Pending | PaymentStatus::Failed if payment.held => captured,
            _ => 0,
        };
        assert_eq!(captured - refunded, kept, "{payment:?}");
        let is_holdable = matches!(payment.status, PaymentStatus::Pending | PaymentStatus::Failed);
        assert!(!payment.held || is_holdable && payment.call.is_none(), "{payment:?}");
        let is_driven = matches!(payment.call, Some(PaymentCall::Refund | PaymentCall::RefundAgain));
        let by_hand = payment.provider == Provider::Manual;
        assert_eq!(payment.status == PaymentStatus::Refunding && !by_hand, is_driven, "{payment:?}");
    }
    let on_its_way = all(row).into_iter().filter(|payment| payment.status == PaymentStatus::Refunding);
    let on_its_way: i64 = on_its_way.map(|payment| payment.amount.get()).sum();
    let held = sum(row, MovementKind::Capture, |_| true) - sum(row, MovementKind::Refund, |_| true) - on_its_way;
    let current = row.stored.as_ref().map(Payments::current);
    let keeps = current.filter(|row| row.status == PaymentStatus::Paid || row.held && row.captured_at.is_some());
    assert_eq!(held, keeps.map_or(0, |payment| payment.amount.get()), "the current payment's money alone is kept");
    for old in row.stored.iter().flat_map(Payments::superseded) {
        assert!(!old.held && old.call != Some(PaymentCall::Charge), "{old:?}");
        assert!(!matches!(old.status, PaymentStatus::Pending | PaymentStatus::Paid), "{old:?}");
    }
    assert!(all(row).is_sorted_by(|earlier, later| earlier.revision < later.revision));
}

/// Whether a command may do more when it is sent again: the world has not answered it for good.
fn is_tried_again(command: &PaymentCommand) -> bool {
    match command {
        PaymentCommand::Process(ProcessPayment(terms)) => {
            matches!(terms.script.fault, Some(Fault::Timeout | Fault::ErrorOnce))
        }
        PaymentCommand::Record(record) => record.answer != CallAnswer::Done,
        _ => false,
    }
}

/// Sends a command, and once more.
fn send(row: &mut Row<Payments>, command: &PaymentCommand) {
    let opened = all(row).len();
    let is_closed = row.stored.is_some() && !matches!(command, PaymentCommand::Process(_));
    let first = row.send(command);
    assert!(!is_closed || all(row).len() == opened, "a later payment is opened by a saga alone");
    assert_safe(row);
    if is_tried_again(command) || all(row).iter().any(|row| row.script.fault.is_some()) {
        return;
    }
    let (before, movements) = (row.stored.clone(), row.movements.len());
    let again = row.send(command);
    assert_eq!((&row.stored, row.movements.len()), (&before, movements), "{command:?} again");
    assert_eq!(again.outcome, first.outcome, "{command:?} again");
}

/// The outside world answers everything that it was asked.
fn answer_all(row: &mut Row<Payments>) {
    for part in 0..row.get().parts() {
        while let Some((call, _)) = row.get().outstanding(part) {
            let (order_id, answer) = (order_id(), CallAnswer::Done);
            row.send(&PaymentCommand::Record(RecordPaymentCall { order_id, part, call, attempts: 0, answer }));
            assert_safe(row);
        }
        let payment = row.get().part(part);
        if payment.status == PaymentStatus::Refunding {
            let report = SettlePayment::trusted(order_id(), payment.id, Settlement::Refunded);
            row.send(&PaymentCommand::Settle(report));
            assert_safe(row);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_in_whatever_order_money_is_conserved(moves in moves()) {
        let mut row = Row::<Payments>::default().at(at(0));
        for what in &moves {
            match what {
                Move::Send(command) => send(&mut row, command),
                Move::Pass(ms) => row.now = row.now.plus_millis(*ms),
            }
        }
    }

    #[test]
    fn once_refunded_nothing_opens_and_all_money_goes_back(
        before in moves(), revision in 0..REVISIONS, after in moves(),
    ) {
        let mut row = Row::<Payments>::default().at(at(0));
        let refund = PaymentCommand::Refund(RefundPayment(of(revision, 0, (Provider::Manual, None, 0))));
        let mut opened = None;
        for what in before.iter().chain([&Move::Send(refund.clone())]).chain(&after) {
            match what {
                Move::Send(command) => {
                    send(&mut row, command);
                    if opened.is_some() || matches!(command, PaymentCommand::Refund(_)) {
                        let count = all(&row).len();
                        prop_assert_eq!(*opened.get_or_insert(count), count, "{:?} opens a payment", command);
                        let now = row.payment().status;
                        prop_assert!(!matches!(now, PaymentStatus::Pending | PaymentStatus::Paid), "{:?}", now);
                        prop_assert!(!row.payment().held);
                    }
                }
                Move::Pass(ms) => row.now = row.now.plus_millis(*ms),
            }
        }
        answer_all(&mut row);
        send(&mut row, &refund);
        prop_assert_eq!(sum(&row, MovementKind::Capture, |_| true), sum(&row, MovementKind::Refund, |_| true));
    }
}
