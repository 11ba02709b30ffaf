//! What editing an order does to its payments: a hold, and a payment for each revision of the lines.

mod hold;
mod revisions;

use super::{
    given::{DEADLINE_MS, TOTAL, at, order_id, payment_id, script, terms},
    row::Row,
};
use backstitch::domain::{
    ids::PaymentId,
    money::{Amount, Currency},
    order::OrderStatus,
    payment::{
        ExpirePayment, HoldPayment, OpenPayment, Payable, PaymentCommand, Payments, ProcessPayment, Provider,
        RefundPayment, SettlePayment, Settlement, Terms,
    },
    reason::Reason,
    saga::Outcome,
};
use uuid::Uuid;

pub(super) fn amount(value: i64) -> Amount {
    Amount::parse(value).expect("a good amount")
}

/// The payment that a saga makes for a revision.
pub(super) fn id(revision: u32) -> PaymentId {
    if revision == 0 { payment_id() } else { PaymentId::from_uuid(Uuid::from_u128(0x30 + u128::from(revision))) }
}

/// What a revision costs.
pub(super) fn total(revision: u32) -> i64 {
    TOTAL + i64::from(revision) * 1_000
}

/// Of a saga that knows of every amendment that there was.
pub(super) fn of(revision: u32, terms: Terms) -> Terms {
    Terms { revision, amendment: u32::MAX, payment_id: id(revision), amount: amount(total(revision)), ..terms }
}

pub(super) fn manual(revision: u32) -> Terms {
    of(revision, terms(Provider::Manual, script(None, 0)))
}

pub(super) fn slow(revision: u32) -> Terms {
    of(revision, terms(Provider::Simulated, script(None, 50)))
}

pub(super) fn process(revision: u32) -> PaymentCommand {
    PaymentCommand::Process(ProcessPayment(manual(revision)))
}

pub(super) fn expire(revision: u32) -> PaymentCommand {
    PaymentCommand::Expire(ExpirePayment(manual(revision)))
}

pub(super) fn refund(revision: u32) -> PaymentCommand {
    PaymentCommand::Refund(RefundPayment(manual(revision)))
}

pub(super) fn hold(amendment: u32) -> PaymentCommand {
    PaymentCommand::Hold(HoldPayment { order_id: order_id(), amendment })
}

pub(super) fn settle(revision: u32, settlement: Settlement) -> PaymentCommand {
    PaymentCommand::Settle(SettlePayment::trusted(order_id(), id(revision), settlement))
}

pub(super) fn paid(revision: u32) -> PaymentCommand {
    settle(revision, Settlement::Success)
}

pub(super) fn failed(revision: u32) -> PaymentCommand {
    settle(revision, Settlement::Failed)
}

pub(super) fn refunded(revision: u32) -> PaymentCommand {
    settle(revision, Settlement::Refunded)
}

pub(super) fn open(amount_asked: i64, total_read: i64) -> PaymentCommand {
    let order = Payable {
        order_id: order_id(),
        total: Some(amount(total_read)),
        currency: Currency::Idr,
        payer: None,
        status: OrderStatus::Pending,
    };
    let payment_id = PaymentId::from_uuid(Uuid::from_u128(0x77));
    PaymentCommand::Open(OpenPayment { order, payment_id, amount: amount(amount_asked), provider: Provider::Manual })
}

pub(super) fn after(commands: &[PaymentCommand]) -> Row<Payments> {
    Row::<Payments>::after(commands)
}

/// Held by the first amendment, paid for the second revision.
pub(super) fn edited() -> Row<Payments> {
    after(&[process(0), hold(1), process(1)])
}

pub(super) fn waiting(from: i64) -> Outcome {
    Outcome::Pending { until: Some(at(from + i64::try_from(DEADLINE_MS).expect("a small deadline"))) }
}

pub(super) fn closed(reason: Reason) -> Outcome {
    Outcome::rejected(reason)
}

/// Asks, and sees that nothing has changed.
pub(super) fn ask_in_vain(row: &mut Row<Payments>, command: &PaymentCommand) -> Outcome {
    let (before, changes) = (row.stored.clone(), row.changes);
    let outcome = row.ask(command);
    assert_eq!((&row.stored, row.changes), (&before, changes), "{command:?}");
    outcome
}
