//! Promises 3 and 4 at a saga's end: what was paid is shipped, or the money is back.
//!
//! That rows are there at all is for [`super::record`] to say, and that payments tell the truth about
//! money for [`super::money`]; so each fault turns one check red.

use super::{Judgement, must};
use crate::{
    audit::case::Case,
    domain::{
        order::OrderStatus,
        payment::{PaymentCall, PaymentStatus},
        saga::Status,
        shipment::ShipmentStatus,
        stock::ReservationStatus,
    },
};

/// Promise 4: a completed saga's order is completed.
pub(super) fn completed_sagas_completed_their_order(case: &Case<'_>) -> Judgement {
    let order = case.order().filter(|_| case.is(Status::Completed))?;
    must(order.status == OrderStatus::Completed, || format!("its saga has completed, it is {}", order.status.as_str()))
}

/// Promise 4: a completed saga's order is paid, and nothing about the money is in doubt.
pub(super) fn completed_sagas_are_paid(case: &Case<'_>) -> Judgement {
    let payment = case.payment().filter(|_| case.is(Status::Completed))?;
    if let Some(call) = payment.call {
        return Some(Err(format!("its saga has completed, the provider's answer to a {} is unknown", call.as_str())));
    }
    let status = payment.status;
    must(status == PaymentStatus::Paid, || format!("its saga has completed, its payment is {}", status.as_str()))
}

/// Promise 4: all of a completed saga's goods are on their way, and nothing about them is in doubt.
pub(super) fn completed_sagas_are_shipped(case: &Case<'_>) -> Judgement {
    stand(case, Status::Completed, "has completed", ShipmentStatus::Shipped)
}

/// Whether all shipments of a saga at rest stand where its end left them.
fn stand(case: &Case<'_>, ended: Status, how: &str, end: ShipmentStatus) -> Judgement {
    let shipments = Some(case.shipments()).filter(|shipments| !shipments.is_empty() && case.is(ended))?;
    let stray = shipments.iter().find(|shipment| shipment.status != end || shipment.call.is_some());
    Some(stray.map_or(Ok(()), |stray| {
        let call = stray.call.map(|call| format!(", a {} is in doubt", call.as_str())).unwrap_or_default();
        Err(format!("its saga {how}, its shipment {} is {}{call}", stray.id, stray.status.as_str()))
    }))
}

/// Promise 2: a compensated saga's order is closed, as the saga's reason says.
pub(super) fn compensated_sagas_closed_their_order(case: &Case<'_>) -> Judgement {
    let order = case.order().filter(|_| case.is(Status::Compensated))?;
    let Some(reason) = case.row()?.reason else {
        return Some(Err("its saga is compensated without a reason".into()));
    };
    let closed = OrderStatus::unwound(reason);
    must(order.status == closed && order.reason == Some(reason), || {
        let (status, why) = (order.status.as_str(), order.reason.map_or("none", |reason| reason.as_str()));
        format!("it was unwound for {reason} and must be {}; it is {status}, reason {why}", closed.as_str())
    })
}

/// Promise 4: a compensated saga keeps nobody's money. Its payment is closed, and what had come is
/// back or on its way back. A charge may still be in doubt: the closed payment gives back what comes of it.
pub(super) fn compensated_sagas_hold_no_money(case: &Case<'_>) -> Judgement {
    let payment = case.payment().filter(|_| case.is(Status::Compensated))?;
    let closed = match payment.status {
        PaymentStatus::Pending | PaymentStatus::Paid => false,
        PaymentStatus::Failed | PaymentStatus::Expired => matches!(payment.call, None | Some(PaymentCall::Charge)),
        PaymentStatus::Refunded => payment.call.is_none(),
        PaymentStatus::Refunding => true,
    };
    must(closed, || {
        let call = payment.call.map(|call| format!(", a {} is in doubt", call.as_str())).unwrap_or_default();
        format!("its saga is compensated, its payment is {}{call}", payment.status.as_str())
    })
}

/// Promise 2: nobody lifts a hold any more once the saga has ended.
pub(super) fn ended_sagas_hold_no_payment_back(case: &Case<'_>) -> Judgement {
    let payment = case.payment().filter(|_| case.is(Status::Completed) || case.is(Status::Compensated))?;
    must(!payment.held, || "its saga has ended, its payment is held for an amendment".into())
}

/// Promise 4: a compensated saga has nothing on the way to a customer who does not pay for it.
pub(super) fn compensated_sagas_have_no_goods_out(case: &Case<'_>) -> Judgement {
    stand(case, Status::Compensated, "is compensated", ShipmentStatus::Cancelled)
}

/// Promise 4 at any moment of a saga under way or set aside: an order is not called paid and its pieces do
/// not leave the stock before its money came, and no goods are out whose money is not held.
pub(super) fn unfinished_sagas_are_not_ahead_of_the_money(case: &Case<'_>) -> Judgement {
    if case.is(Status::Completed) || case.is(Status::Compensated) {
        return None;
    }
    let called_paid =
        case.order().is_some_and(|order| matches!(order.status, OrderStatus::Paid | OrderStatus::Completed));
    let goods_out = case.shipments().iter().any(|shipment| shipment.status == ShipmentStatus::Shipped);
    let taken = case.reservation().is_some_and(|row| row.status == ReservationStatus::Committed);
    if !called_paid && !taken && !goods_out {
        return None;
    }
    let payment = case.payment()?;
    if goods_out && payment.status != PaymentStatus::Paid {
        return Some(Err(format!("its goods are on their way, its payment is {}", payment.status.as_str())));
    }
    must(payment.captured_at.is_some(), || {
        let ahead = if called_paid { "it is called paid" } else { "its pieces have left the stock" };
        format!("{ahead}, but no money came")
    })
}

#[cfg(test)]
mod tests;
