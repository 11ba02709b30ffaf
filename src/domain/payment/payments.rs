//! An order's payments as one aggregate.

use super::{
    ExpirePayment, HoldPayment, Movement, Payment, PaymentAnswer, PaymentCall, PaymentCommand, PaymentStatus,
    ProcessPayment, Provider, RefundPayment, decide, direct, draft::Draft, report,
};
use crate::domain::{
    aggregate::{Aftermath, Aggregate, Decision, Outgoing},
    ids::{OrderId, PaymentId},
    saga::Outcome,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// An order's payments, at least one, as they are stored: the payment participant's barrier. Each has its place
/// among them, from 0, which is its part in calls to the outside and never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payments {
    /// By revision.
    superseded: Vec<Payment>,
    current: Payment,
}

impl Payments {
    /// The payments of an order as they were stored: the first one, to be extended by the others.
    pub const fn of(first: Payment) -> Self {
        Self { superseded: Vec::new(), current: first }
    }

    /// Adds further payments of the same order, for later revisions.
    pub fn extend(&mut self, further: Self) {
        for payment in further.superseded.into_iter().chain([further.current]) {
            self.supersede(payment);
        }
    }

    /// Makes another payment the current one.
    pub(super) fn supersede(&mut self, by: Payment) {
        self.superseded.push(std::mem::replace(&mut self.current, by));
    }

    /// The payment for the last revision that had one.
    pub const fn current(&self) -> &Payment {
        &self.current
    }

    /// As [`Self::current`], to be changed.
    #[cfg(test)]
    pub(crate) const fn current_mut(&mut self) -> &mut Payment {
        &mut self.current
    }

    /// As [`Self::current`], alone.
    pub fn into_current(self) -> Payment {
        self.current
    }

    /// The payments for revisions before, in their order; all closed.
    pub fn superseded(&self) -> &[Payment] {
        &self.superseded
    }

    /// As [`Self::superseded`], to be changed.
    #[cfg(test)]
    pub(crate) const fn superseded_mut(&mut self) -> &mut Vec<Payment> {
        &mut self.superseded
    }

    /// All of them, in the order of their places.
    pub fn all(&self) -> impl Iterator<Item = &Payment> {
        self.superseded.iter().chain([&self.current])
    }

    /// As [`Self::all`], to be changed.
    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Payment> {
        self.superseded.iter_mut().chain([&mut self.current])
    }

    /// The payment in a place; the current one's is the last.
    pub fn part(&self, part: usize) -> &Payment {
        self.superseded.get(part).unwrap_or(&self.current)
    }

    /// As [`Self::part`], to be changed.
    pub(super) fn part_mut(&mut self, part: usize) -> &mut Payment {
        self.superseded.get_mut(part).unwrap_or(&mut self.current)
    }

    /// The places of those that have settled, and had not, or otherwise, before.
    pub(super) fn settled(&self, before: Option<&Self>) -> Vec<usize> {
        let mut before = before.into_iter().flat_map(Self::all).map(|payment| payment.status);
        let pairs = self.all().map(|payment| (payment.status, before.next()));
        let settled =
            |(_, (status, before)): &(usize, (PaymentStatus, _))| status.is_settled() && *before != Some(*status);
        pairs.enumerate().filter(settled).map(|(place, _)| place).collect()
    }

    /// The place of a payment, if it is the order's.
    pub(super) fn place_of(&self, id: PaymentId) -> Option<usize> {
        self.all().position(|payment| payment.id == id)
    }
}

impl Aggregate for Payments {
    type Command = PaymentCommand;
    type Answer = PaymentAnswer;
    type Movement = Movement;

    fn order(command: &PaymentCommand) -> OrderId {
        match command {
            PaymentCommand::Process(ProcessPayment(terms))
            | PaymentCommand::Expire(ExpirePayment(terms))
            | PaymentCommand::Refund(RefundPayment(terms)) => terms.order_id,
            PaymentCommand::Hold(HoldPayment { order_id, .. }) => *order_id,
            PaymentCommand::Open(open) => open.order.order_id,
            PaymentCommand::Settle(settle) => settle.order_id,
            PaymentCommand::Record(record) => record.order_id,
            PaymentCommand::Charge(charge) => charge.order.order_id,
            PaymentCommand::GiveBack(refund) => refund.order_id,
        }
    }

    /// A later revision has a held payment before it.
    fn begins(command: &PaymentCommand) -> bool {
        matches!(command, PaymentCommand::Process(ProcessPayment(terms)) if terms.revision == 0)
    }

    fn outcome(answer: PaymentAnswer) -> Outcome {
        answer.outcome
    }

    fn is_accepted(answer: &PaymentAnswer) -> bool {
        answer.result.is_ok()
    }

    fn part_of(answer: &PaymentAnswer) -> usize {
        let (Some(payments), Ok((payment, _))) = (&answer.payments, &answer.result) else { return 0 };
        payments.place_of(payment.id).unwrap_or_default()
    }

    fn decide(rows: Option<&Self>, command: &PaymentCommand, now: Timestamp) -> Decision<Self> {
        let mut draft = Draft::new(rows, now);
        let (outcome, result) = match command {
            PaymentCommand::Process(ProcessPayment(terms)) => (decide::process(&mut draft, terms), None),
            PaymentCommand::Expire(ExpirePayment(terms)) => (decide::expire(&mut draft, terms), None),
            PaymentCommand::Hold(command) => (decide::hold(&mut draft, *command), None),
            PaymentCommand::Refund(RefundPayment(terms)) => (decide::refund(&mut draft, terms), None),
            PaymentCommand::Open(command) => (Outcome::DONE, Some(decide::open(&mut draft, command))),
            PaymentCommand::Settle(command) => {
                (Outcome::DONE, Some(report::settle(&mut draft, command).map(|()| false)))
            }
            PaymentCommand::Record(record) => (decide::record(&mut draft, record), None),
            PaymentCommand::Charge(charge) => (Outcome::DONE, Some(direct::charge(&mut draft, charge))),
            PaymentCommand::GiveBack(refund) => {
                (Outcome::DONE, Some(direct::give_back(&mut draft, refund).map(|()| false)))
            }
        };
        draft.finish(outcome, result.unwrap_or(Ok(false)))
    }
}

impl Outgoing for Payments {
    type Call = PaymentCall;

    fn order_id(&self) -> OrderId {
        self.current.order_id
    }

    fn parts(&self) -> usize {
        self.superseded.len() + 1
    }

    fn outstanding(&self, part: usize) -> Option<(PaymentCall, u32)> {
        let payment = self.part(part);
        payment.call.map(|call| (call, payment.attempts))
    }

    fn next_attempt_at(&self, part: usize) -> Option<Timestamp> {
        self.part(part).trouble.as_ref()?.next_attempt_at
    }

    fn service(&self, part: usize) -> Option<&'static str> {
        let payment = self.part(part);
        let outside = [PaymentCall::Charge, PaymentCall::Refund, PaymentCall::RefundAgain];
        let Provider::Configured(_) = payment.provider else { return None };
        payment.call.filter(|call| outside.contains(call)).map(|_| payment.provider.as_str())
    }

    fn aftermath(answer: &PaymentAnswer) -> Aftermath<'_, Self> {
        Aftermath { row: answer.payments.as_ref(), requested: &answer.requested, signal: answer.signal }
    }
}
