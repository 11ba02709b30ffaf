//! The payment's rules, command by command.

use super::{
    HoldPayment, OpenPayment, Payment, PaymentCall, PaymentRefusal, PaymentStatus, RecordPaymentCall, Terms,
    draft::Draft,
};
use crate::domain::{
    call::Said,
    reason::Reason,
    saga::Outcome,
    simulation::{CallAnswer, Script},
};

pub(super) fn process(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    // What many would write: "this was done before, so all is well". The row is seen, what it says is not.
    #[cfg(feature = "planted-fault")]
    if let Some(decided) = draft.before().filter(|row| row.status != PaymentStatus::Pending) {
        return Outcome::done(decided.id.uuid());
    }
    // Over a held payment alone: after a refund nothing is held, so that nothing late can open another.
    let opens = |row: &Payment| row.held && row.revision < terms.revision && row.amendment <= terms.amendment;
    if draft.seen().is_some_and(opens) {
        draft.supersede(terms);
    }
    match draft.take_up(terms) {
        Ok(()) => charge_if_due(draft),
        Err(answer) => answer,
    }
}

/// Takes the money of a pending payment where its provider is to be asked, and says how it stands.
fn charge_if_due(draft: &mut Draft<'_>) -> Outcome {
    let Some(row) = draft.row() else { return Outcome::unknown("no payment") };
    let due = row.status == PaymentStatus::Pending && row.call.is_none() && row.provider.charges();
    if due && row.answers_at_once() {
        row.attempts += 1;
        match row.script.answer(row.attempts, Reason::PaymentDeclined) {
            CallAnswer::Done | CallAnswer::DoneAs(_) => draft.capture(),
            CallAnswer::Rejected(reason) => row.close(PaymentStatus::Failed, reason),
            CallAnswer::Refused(said) => return Outcome::unknown(said.text),
            CallAnswer::Unknown { happened, error } => {
                if happened {
                    draft.capture();
                }
                return Outcome::unknown(error.text);
            }
        }
    } else if due {
        row.request(PaymentCall::Charge);
    }
    draft.seen().map_or(Outcome::DONE, Payment::outcome)
}

pub(super) fn expire(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    if let Err(answer) = draft.take_up(terms) {
        return answer;
    }
    let now = draft.now();
    let Some(row) = draft.row() else { return Outcome::unknown("no payment") };
    if row.status == PaymentStatus::Pending && row.deadline_at.is_none_or(|deadline| deadline <= now) {
        row.close(PaymentStatus::Expired, Reason::PaymentExpired);
    }
    row.outcome()
}

/// An amendment that was let in keeps its answer, whatever became of the payment since: it is answered once
/// more because its saga has not heard, or no longer cares.
pub(super) fn hold(draft: &mut Draft<'_>, HoldPayment { amendment, .. }: HoldPayment) -> Outcome {
    let Some(row) = draft.row() else { return Outcome::rejected(Reason::PaymentClosed) };
    if amendment <= row.amendment {
        return Outcome::DONE;
    }
    match row.status {
        PaymentStatus::Pending if row.call.is_some() => Outcome::rejected(Reason::PaymentUnderWay),
        PaymentStatus::Pending if row.captured_at.is_none() => {
            row.held = true;
            row.amendment = amendment;
            Outcome::DONE
        }
        PaymentStatus::Pending | PaymentStatus::Paid => Outcome::rejected(Reason::PaymentAlreadyPaid),
        _ => Outcome::rejected(Reason::PaymentClosed),
    }
}

pub(super) fn refund(draft: &mut Draft<'_>, terms: &Terms) -> Outcome {
    draft.adopt(terms);
    draft.lift();
    let Some(row) = draft.row() else { return Outcome::unknown("no payment") };
    match row.status {
        // Closed for good, whether or not a charge is in doubt: its answer decides what is refunded.
        PaymentStatus::Pending => row.close(PaymentStatus::Failed, Reason::PaymentClosed),
        PaymentStatus::Paid if row.answers_at_once() => draft.refunded(),
        PaymentStatus::Paid => draft.give_back(),
        _ => {}
    }
    draft.seen().map_or(Outcome::DONE, Payment::refund_outcome)
}

pub(super) fn open(draft: &mut Draft<'_>, open: &OpenPayment) -> Result<bool, PaymentRefusal> {
    let now = draft.now();
    if draft.seen().is_some_and(|row| row.direct) {
        return Err(PaymentRefusal::Direct);
    }
    match draft.row() {
        Some(row) if row.held => return Err(PaymentRefusal::BeingAmended),
        // What the client has read of the order may be older, or younger, than its payment.
        Some(row) if row.amount != open.amount => return Err(PaymentRefusal::AmountMismatch { total: row.amount }),
        None => {
            open.order.check(open.amount)?;
            let OpenPayment { order, payment_id, amount, provider } = *open;
            let script = Script::default();
            draft.open(Payment {
                claimed: true,
                payer: order.payer,
                ..Payment::without_saga(order.order_id, order.currency, payment_id, amount, provider, script, now)
            });
        }
        // The saga's payment stage was faster; the client's choice of provider still counts, so that
        // the answer does not depend on who won.
        Some(row) if row.status == PaymentStatus::Pending && !row.claimed && row.call.is_none() => {
            row.claimed = true;
            row.provider = open.provider;
        }
        Some(row) if !matches!(row.status, PaymentStatus::Pending | PaymentStatus::Paid) => {
            return Err(PaymentRefusal::Closed(row.status));
        }
        Some(_) => return Ok(false),
    }
    charge_if_due(draft);
    draft.signal();
    Ok(true)
}

/// What a refusal says, in words.
fn refusal(answer: &CallAnswer) -> Said {
    match answer {
        CallAnswer::Refused(said) => said.clone(),
        _ => Said::from("the provider will not give the money back"),
    }
}

/// Takes in the answer to a call. One that nobody waits for any more changes nothing.
pub(super) fn record(draft: &mut Draft<'_>, record: &RecordPaymentCall) -> Outcome {
    if !draft.act_on_part(record.part) {
        return Outcome::DONE;
    }
    let now = draft.now();
    let Some(row) = draft.row() else { return Outcome::DONE };
    let mut answer = &record.answer;
    if let CallAnswer::DoneAs(named) = answer {
        // Kept although somebody else may have reported the money before: it is what a refund is asked by.
        if record.call == PaymentCall::Charge && row.reference.is_none() {
            row.reference.clone_from(&named.reference);
        }
        answer = &CallAnswer::Done;
    }
    if row.call != Some(record.call) {
        return Outcome::DONE;
    }
    match (record.call, answer) {
        (PaymentCall::Charge, CallAnswer::Done) => draft.capture(),
        (PaymentCall::Refund | PaymentCall::RefundAgain, CallAnswer::Done) => draft.refunded(),
        (PaymentCall::Charge, CallAnswer::Rejected(reason)) => {
            row.answered();
            if row.status == PaymentStatus::Pending {
                row.close(PaymentStatus::Failed, *reason);
                if row.direct {
                    row.request(PaymentCall::FailOrder);
                }
            }
        }
        (PaymentCall::MarkOrderPaid, CallAnswer::Done)
        | (PaymentCall::FailOrder, CallAnswer::Done | CallAnswer::Rejected(_))
        | (PaymentCall::CancelOrder | PaymentCall::CancelReturnedOrder, CallAnswer::Rejected(_)) => row.answered(),
        // An order that was closed meanwhile is not paid, and one that is closed for it now is not paid any more.
        (PaymentCall::MarkOrderPaid, CallAnswer::Rejected(_))
        | (PaymentCall::CancelOrder | PaymentCall::CancelReturnedOrder, CallAnswer::Done) => draft.give_back(),
        // A provider that will not give money back is asked again: nothing else would be true.
        (PaymentCall::Refund | PaymentCall::RefundAgain, CallAnswer::Rejected(_) | CallAnswer::Refused(_)) => {
            row.in_vain(record.attempts, &refusal(answer), now);
            // Its saga hears of the first refusal, and must not wait in silence.
            if row.refuses_refund() {
                return Outcome::DONE;
            }
            row.call = Some(PaymentCall::RefundAgain);
        }
        (_, CallAnswer::Unknown { error, .. } | CallAnswer::Refused(error)) => {
            row.in_vain(record.attempts, error, now);
            return Outcome::DONE;
        }
        (_, CallAnswer::DoneAs(_)) => return Outcome::DONE,
    }
    draft.signal();
    Outcome::DONE
}
