//! What a checkout waits for, and why: its log tells which step, its payment and its shipments tell the rest.

use crate::domain::{
    call::Trouble,
    payment::{Payment, PaymentCall, PaymentStatus, Provider},
    saga::{Progress, Status, Summary},
    shipment::{Shipment, ShipmentCall},
};
use strum::IntoStaticStr;

/// Who or what a checkout waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum WaitingOn {
    /// The customer pays, or does not until the deadline.
    Customer,
    /// The payment service outside has not decided, or does not answer.
    PaymentService,
    /// The carrier has not decided, or does not answer.
    Carrier,
    /// Somebody who moves money or goods by hand reports what was done.
    Report,
    /// The time of the next attempt.
    NextAttempt,
    /// An operator: the saga needs attention.
    Operator,
}

impl WaitingOn {
    /// Its stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A call to the outside that is not answered.
struct Open<'a> {
    of: WaitingOn,
    participant: &'static str,
    attempts: u32,
    trouble: Option<&'a Trouble>,
}

fn of_payment(payment: &Payment) -> Option<Open<'_>> {
    let outside = [PaymentCall::Charge, PaymentCall::Refund, PaymentCall::RefundAgain];
    payment.call.filter(|call| outside.contains(call)).map(|_| Open {
        of: WaitingOn::PaymentService,
        participant: "payment",
        attempts: payment.attempts,
        trouble: payment.trouble.as_deref(),
    })
}

fn of_shipment(shipment: &Shipment) -> Option<Open<'_>> {
    let outside = [ShipmentCall::Dispatch, ShipmentCall::Recall, ShipmentCall::RecallAgain];
    shipment.call.filter(|call| outside.contains(call)).map(|_| Open {
        of: WaitingOn::Carrier,
        participant: "shipping",
        attempts: shipment.attempts,
        trouble: shipment.trouble.as_deref(),
    })
}

/// The open call that a step waits for: of several shipments the one that has been in vain the longest.
fn open_call<'a>(participant: &str, payment: Option<&'a Payment>, shipments: &'a [Shipment]) -> Option<Open<'a>> {
    let calls = payment.and_then(of_payment).into_iter().chain(shipments.iter().filter_map(of_shipment));
    calls.filter(|call| call.participant == participant).max_by_key(|call| call.attempts)
}

/// Tells the steps that wait for a service outside what became of its calls.
pub fn explain(steps: &mut [Progress], payment: Option<&Payment>, shipments: &[Shipment]) {
    for step in steps.iter_mut().filter(|step| matches!(step.state, "running" | "waiting" | "compensating")) {
        let Some(call) = open_call(step.participant, payment, shipments) else { continue };
        step.attempts = step.attempts.max(call.attempts);
        if let Some(trouble) = call.trouble {
            step.error = Some(trouble.error.clone());
            step.last_status = trouble.status;
            step.next_attempt_at = trouble.next_attempt_at;
        }
    }
}

/// Who or what a checkout waits for; nothing while it goes on, and where it has ended well.
pub fn waiting_on(
    summary: &Summary,
    steps: &[Progress],
    payment: Option<&Payment>,
    shipments: &[Shipment],
) -> Option<WaitingOn> {
    if summary.status == Status::NeedsAttention {
        return Some(WaitingOn::Operator);
    }
    if summary.status.is_at_rest() {
        return None;
    }
    let participant = match summary.waiting_for? {
        "process_payment" | "refund_payment" => "payment",
        "start_shipping" | "cancel_shipping" => "shipping",
        _ => return Some(WaitingOn::NextAttempt),
    };
    if let Some(call) = open_call(participant, payment, shipments) {
        return Some(call.of);
    }
    match (participant, payment) {
        ("payment", Some(payment)) if payment.provider == Provider::Manual => Some(match payment.status {
            PaymentStatus::Pending => WaitingOn::Customer,
            _ => WaitingOn::Report,
        }),
        ("shipping", _) if !steps.iter().any(|step| step.next_attempt_at.is_some()) => Some(WaitingOn::Report),
        _ => Some(WaitingOn::NextAttempt),
    }
}

/// What a person does about a checkout that is stuck at this step, in one sentence.
pub(super) fn advice(stuck_at: Option<&str>) -> &'static str {
    match stuck_at {
        Some("refund_payment") => {
            "Have the payment service give the money back, or give it back by hand and report it; the saga then goes on by \
             itself, and a retry asks at once."
        }
        Some("cancel_shipping") => {
            "Have the carrier call the goods back, or report the shipment as cancelled; the saga then goes on by itself, and \
             a retry asks at once."
        }
        Some("complete_order" | "cancel_order" | "mark_order_paid") => {
            "See that the order participant works (GET /readyz, GET /admin/actors), then retry the saga."
        }
        Some("release_stock" | "commit_stock") => {
            "See that the stock participant works (GET /readyz, GET /admin/actors), then retry the saga."
        }
        _ => "Read the saga's log (GET /sagas/{id}/log), remove the cause, then retry or cancel the saga.",
    }
}
