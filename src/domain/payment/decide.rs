//! The payment's rules, command by command.

use super::{
    MovementKind, OpenPayment, Payment, PaymentAnswer, PaymentCall, PaymentRefusal, PaymentStatus, Provider,
    RecordPaymentCall, SettlePayment, Settlement, Terms,
};
use crate::domain::{
    aggregate::Decision,
    payment::Movement,
    reason::Reason,
    saga::Outcome,
    simulation::{CallAnswer, Script},
    time::Timestamp,
};

/// The row while a command is being decided, and what goes with it.
pub(super) struct Draft<'a> {
    before: Option<&'a Payment>,
    row: Option<Payment>,
    movements: Vec<Movement>,
    signal: bool,
    now: Timestamp,
}

impl<'a> Draft<'a> {
    pub(super) fn new(before: Option<&'a Payment>, now: Timestamp) -> Self {
        Self { before, row: before.cloned(), movements: Vec::new(), signal: false, now }
    }

    /// The row, made from the saga's terms where there is none.
    fn adopt(&mut self, terms: &Terms) -> &mut Payment {
        let now = self.now;
        let row = self.row.get_or_insert_with(|| Payment::open(terms, now));
        if row.saga_id.is_none() {
            row.saga_id = Some(terms.saga_id);
            row.deadline_at = Some(now.plus_millis(terms.deadline_ms));
        }
        row
    }

    /// Money has come. For an open payment it pays; for a closed one it goes back.
    fn capture(&mut self) {
        let now = self.now;
        let Some(row) = self.row.as_mut() else { return };
        if row.captured_at.is_some() {
            return;
        }
        row.captured_at = Some(now);
        row.call = None;
        self.movements.push(row.movement(MovementKind::Capture, now));
        if row.status == PaymentStatus::Pending {
            row.status = PaymentStatus::Paid;
        } else {
            self.give_back();
        }
    }

    /// Sends captured money back: at once where nobody outside must be called. Late money always
    /// takes the outside way, so that its arrival is durable before anything else happens.
    fn give_back(&mut self) {
        if let Some(row) = self.row.as_mut() {
            row.status = PaymentStatus::Refunding;
            row.call = Some(PaymentCall::Refund);
            row.attempts = 0;
        }
    }

    fn refunded(&mut self) {
        let now = self.now;
        if let Some(row) = self.row.as_mut() {
            row.status = PaymentStatus::Refunded;
            row.call = None;
            self.movements.push(row.movement(MovementKind::Refund, now));
        }
    }

    pub(super) fn finish(mut self, outcome: Outcome, result: Result<bool, PaymentRefusal>) -> Decision<Payment> {
        let changed = self.row.as_ref() != self.before;
        if let Some(row) = self.row.as_mut().filter(|_| changed) {
            row.updated_at = self.now;
        }
        let answer = PaymentAnswer {
            outcome,
            signal: self.row.as_ref().filter(|_| self.signal).and_then(|row| row.saga_id),
            result: result
                .and_then(|opened| self.row.clone().map(|row| (row, opened)).ok_or(PaymentRefusal::NoPayment)),
        };
        Decision { row: self.row.filter(|_| changed), movements: self.movements, answer }
    }
}

impl Payment {
    fn movement(&self, kind: MovementKind, at: Timestamp) -> Movement {
        Movement { order_id: self.order_id, payment_id: self.id, kind, amount: self.amount, at }
    }

    fn close(&mut self, status: PaymentStatus, reason: Reason) {
        self.status = status;
        self.reason = Some(reason);
    }
}

pub(super) fn process(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    // What many would write: "this was done before, so all is well". The row is seen, what it says is not.
    #[cfg(feature = "planted-fault")]
    if let Some(decided) = draft.before.filter(|row| row.status != PaymentStatus::Pending) {
        return Outcome::done(decided.id.uuid());
    }
    draft.adopt(terms);
    charge_if_due(draft)
}

/// Takes the money of a pending payment where its provider is to be asked, and says how it stands.
fn charge_if_due(draft: &mut Draft<'_>) -> Outcome {
    let Some(row) = draft.row.as_mut() else { return Outcome::unknown("no payment") };
    let due = row.status == PaymentStatus::Pending && row.call.is_none() && row.provider == Provider::Simulated;
    if due && row.answers_at_once() {
        row.attempts += 1;
        match row.script.answer(row.attempts, Reason::PaymentDeclined) {
            CallAnswer::Done => draft.capture(),
            CallAnswer::Rejected(reason) => row.close(PaymentStatus::Failed, reason),
            CallAnswer::Unknown { happened, error } => {
                if happened {
                    draft.capture();
                }
                return Outcome::unknown(error);
            }
        }
    } else if due {
        row.call = Some(PaymentCall::Charge);
        row.attempts = 0;
    }
    draft.row.as_ref().map_or(Outcome::DONE, Payment::outcome)
}

pub(super) fn expire(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    let now = draft.now;
    let row = draft.adopt(terms);
    if row.status == PaymentStatus::Pending && row.deadline_at.is_none_or(|deadline| deadline <= now) {
        row.close(PaymentStatus::Expired, Reason::PaymentExpired);
    }
    row.outcome()
}

pub(super) fn refund(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    let row = draft.adopt(terms);
    match row.status {
        // Closed for good, whether or not a charge is in doubt: its answer decides what is refunded.
        PaymentStatus::Pending => row.close(PaymentStatus::Failed, Reason::PaymentClosed),
        PaymentStatus::Paid if row.answers_at_once() => draft.refunded(),
        PaymentStatus::Paid => draft.give_back(),
        _ => {}
    }
    draft.row.as_ref().map_or(Outcome::DONE, Payment::refund_outcome)
}

pub(super) fn open(draft: &mut Draft<'_>, open: &OpenPayment) -> Result<bool, PaymentRefusal> {
    if open.amount != open.order.total {
        return Err(PaymentRefusal::AmountMismatch { total: open.order.total });
    }
    let now = draft.now;
    match draft.row.as_mut() {
        None if open.order.status.is_closed() => return Err(PaymentRefusal::OrderClosed),
        None => {
            draft.row = Some(Payment {
                id: open.payment_id,
                order_id: open.order.order_id,
                saga_id: None,
                amount: open.amount,
                currency: open.order.currency,
                provider: open.provider,
                script: Script::default(),
                status: PaymentStatus::Pending,
                reason: None,
                deadline_at: None,
                call: None,
                attempts: 0,
                claimed: true,
                captured_at: None,
                created_at: now,
                updated_at: now,
            });
        }
        // The saga's payment stage was faster; the client's choice of provider still counts, so that
        // the answer does not depend on who won.
        Some(row) if row.status == PaymentStatus::Pending && !row.claimed && row.call.is_none() => {
            row.claimed = true;
            row.provider = open.provider;
        }
        Some(_) => return Ok(false),
    }
    charge_if_due(draft);
    draft.signal = true;
    Ok(true)
}

pub(super) fn settle(draft: &mut Draft<'_>, settle: &SettlePayment) -> Result<(), PaymentRefusal> {
    let row = draft.row.as_mut().ok_or(PaymentRefusal::NoPayment)?;
    if row.id != settle.payment_id {
        return Err(PaymentRefusal::NotTheOrders);
    }
    match settle.settlement {
        Settlement::Success => {
            draft.signal = row.captured_at.is_none();
            draft.capture();
        }
        Settlement::Failed if row.captured_at.is_some() => return Err(PaymentRefusal::AlreadyPaid),
        Settlement::Failed if row.status == PaymentStatus::Pending => {
            row.close(PaymentStatus::Failed, Reason::PaymentDeclined);
            draft.signal = true;
        }
        Settlement::Failed => {}
    }
    Ok(())
}

/// Takes in a provider's answer. One that nobody waits for any more changes nothing.
pub(super) fn record(draft: &mut Draft<'_>, record: &RecordPaymentCall) -> Outcome {
    let Some(row) = draft.row.as_mut().filter(|row| row.call == Some(record.call)) else {
        return Outcome::DONE;
    };
    match (record.call, &record.answer) {
        (PaymentCall::Charge, CallAnswer::Done) => draft.capture(),
        (PaymentCall::Refund, CallAnswer::Done) => draft.refunded(),
        (PaymentCall::Charge, CallAnswer::Rejected(reason)) => {
            row.call = None;
            if row.status == PaymentStatus::Pending {
                row.close(PaymentStatus::Failed, *reason);
            }
        }
        // A provider that will not give money back is asked again: nothing else would be true.
        (_, CallAnswer::Unknown { .. }) | (PaymentCall::Refund, CallAnswer::Rejected(_)) => {
            row.attempts += 1;
            return Outcome::DONE;
        }
    }
    draft.signal = true;
    Outcome::DONE
}
