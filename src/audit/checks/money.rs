//! Promises 3 and 4 in numbers: what was asked is what was bought, and the ledger adds up.
//!
//! The rules hold at any moment, because a payment and its movements change in one transaction.

use super::{Judgement, must};
use crate::{
    audit::case::Case,
    domain::payment::{Movement, MovementKind, PaymentCall, PaymentStatus},
};

/// Promise 4: an order costs what its lines add up to. One without lines is the tombstone of an order
/// that was undone before it was created, and costs nothing.
pub(super) fn order_totals_are_the_sum_of_their_lines(case: &Case<'_>) -> Judgement {
    let order = case.order()?;
    if order.basket.lines().is_empty() && !order.status.is_closed() {
        return Some(Err(format!("it is {} but has no lines", order.status.as_str())));
    }
    let (total, sum) = (order.basket.total(), order.basket.sum());
    must(sum == Some(total), || match sum {
        Some(sum) => format!("its total is {total}, its lines add up to {sum}"),
        None => format!("its total is {total}, its lines add up to more than an amount can hold"),
    })
}

/// Promise 4: a payment is for what was bought. Compared with the lines and not the order's total, so
/// that a wrong total is one violation and not two.
pub(super) fn payments_are_for_the_whole_order(case: &Case<'_>) -> Judgement {
    let (payment, order) = (case.payment()?, case.order()?);
    let sum = order.basket.sum().filter(|_| !order.basket.lines().is_empty())?;
    must(payment.amount == sum && payment.currency == order.currency, || {
        format!("its payment is for {}, its lines add up to {sum}", payment.amount)
    })
}

/// Promise 3: a payment says of money what the ledger says.
pub(super) fn payments_agree_with_their_ledger(case: &Case<'_>) -> Judgement {
    let payment = case.payment()?;
    let captured = of(case, MovementKind::Capture).next().is_some();
    let refunded = of(case, MovementKind::Refund).next().is_some();
    let expected = match payment.status {
        PaymentStatus::Pending | PaymentStatus::Failed | PaymentStatus::Expired => (false, false),
        PaymentStatus::Paid | PaymentStatus::Refunding => (true, false),
        PaymentStatus::Refunded => (true, true),
    };
    if (captured, refunded) != expected {
        let has = |there| if there { "a" } else { "no" };
        let status = payment.status.as_str();
        return Some(Err(format!(
            "its payment is {status} with {} capture and {} refund",
            has(captured),
            has(refunded)
        )));
    }
    must(payment.captured_at.is_some() == captured, || {
        if captured {
            "money came, its payment does not say when"
        } else {
            "its payment says when money came, none did"
        }
        .into()
    })
}

/// Promise 3: an order is charged once and refunded once, whatever was sent again.
pub(super) fn nothing_is_charged_or_refunded_twice(case: &Case<'_>) -> Judgement {
    case.movements().first()?;
    let (captures, refunds) = (of(case, MovementKind::Capture).count(), of(case, MovementKind::Refund).count());
    must(captures <= 1 && refunds <= 1, || format!("it has {captures} captures and {refunds} refunds"))
}

/// Promise 4: money goes back only after it came, and no more than came. The ledger's times are not
/// compared: a clock may be set back between a capture and its refund.
pub(super) fn refunds_give_back_what_was_captured(case: &Case<'_>) -> Judgement {
    of(case, MovementKind::Refund).next()?;
    // Enough for any number of amounts that each fit in 63 bits.
    let sum = |kind| of(case, kind).map(|movement| i128::from(movement.amount.get())).sum::<i128>();
    let (captured, refunded) = (sum(MovementKind::Capture), sum(MovementKind::Refund));
    must(refunded <= captured, || format!("{captured} came and {refunded} went back"))
}

/// Promise 2: money on its way back is driven until it arrives; without a call nobody does so.
pub(super) fn refunds_on_their_way_are_driven(case: &Case<'_>) -> Judgement {
    let payment = case.payment().filter(|payment| payment.status == PaymentStatus::Refunding)?;
    must(payment.call == Some(PaymentCall::Refund), || "its payment is refunding, but nobody calls the provider".into())
}

/// Promise 3: every movement is its payment's, and of its amount.
pub(super) fn movements_match_their_payment(case: &Case<'_>) -> Judgement {
    case.movements().first()?;
    let Some(stored) = &case.facts.payment.as_ref()?.payment else {
        return Some(Err("money moved, but there is no payment".into()));
    };
    let payment = stored.as_ref().ok()?;
    let stranger =
        case.movements().iter().find(|movement| movement.payment_id != payment.id || movement.amount != payment.amount);
    Some(stranger.map_or(Ok(()), |stranger| {
        let kind = stranger.kind.as_str();
        Err(format!(
            "a {kind} of {} for payment {}, its payment is {} of {}",
            stranger.amount, stranger.payment_id, payment.id, payment.amount
        ))
    }))
}

fn of<'a>(case: &Case<'a>, kind: MovementKind) -> impl Iterator<Item = &'a Movement> {
    case.movements().iter().filter(move |movement| movement.kind == kind)
}

#[cfg(test)]
mod tests;
