//! Promises 3 and 4 in numbers: what was asked is what was bought, and the ledger adds up.
//!
//! The rules hold at any moment, because a payment and its movements change in one transaction.

use super::{Judgement, must};
use crate::{
    audit::case::Case,
    domain::payment::{Movement, MovementKind, Payment, PaymentCall, PaymentStatus, Payments, Provider},
};

/// Promise 4: an order costs what its lines add up to. One without lines costs nothing: the tombstone of an order
/// that was undone before it was created, or a direct order, which costs what is paid for it.
pub(super) fn order_totals_are_the_sum_of_their_lines(case: &Case<'_>) -> Judgement {
    let order = case.order()?;
    if order.basket.lines().is_empty() && !order.status.is_closed() && order.saga_id.is_some() {
        return Some(Err(format!("it is {} but has no lines", order.status.as_str())));
    }
    let (total, sum) = (order.basket.total(), order.basket.sum());
    must(sum == Some(total), || match sum {
        Some(sum) => format!("its total is {total}, its lines add up to {sum}"),
        None => format!("its total is {total}, its lines add up to more than an amount can hold"),
    })
}

/// Promise 4: a payment is for what was bought. Compared with the lines and not the order's total, so
/// that a wrong total is one violation and not two. While an order is edited, the two are for different lines.
pub(super) fn payments_are_for_the_whole_order(case: &Case<'_>) -> Judgement {
    let order = case.order()?;
    let payment = case.payment().filter(|payment| payment.revision == order.revision)?;
    let sum = order.basket.sum().filter(|_| !order.basket.lines().is_empty())?;
    must(payment.amount == sum && payment.currency == order.currency, || {
        format!("its payment is for {}, its lines add up to {sum}", payment.amount)
    })
}

/// Promise 3: a payment says of money what the ledger says. One that is held has money come without being paid
/// for that.
pub(super) fn payments_agree_with_their_ledger(case: &Case<'_>) -> Judgement {
    each(case, |payment| {
        let captured = of(case, payment, MovementKind::Capture).next().is_some();
        let refunded = of(case, payment, MovementKind::Refund).next().is_some();
        let expected = match payment.status {
            PaymentStatus::Pending | PaymentStatus::Failed if payment.held => (captured, false),
            PaymentStatus::Pending | PaymentStatus::Failed | PaymentStatus::Expired => (false, false),
            PaymentStatus::Paid | PaymentStatus::Refunding => (true, false),
            PaymentStatus::Refunded => (true, true),
        };
        if (captured, refunded) != expected {
            let has = |there| if there { "a" } else { "no" };
            let status = payment.status.as_str();
            return Err(format!("its payment is {status} with {} capture and {} refund", has(captured), has(refunded)));
        }
        match (payment.captured_at.is_some(), captured) {
            (false, true) => Err("money came, its payment does not say when".into()),
            (true, false) => Err("its payment says when money came, none did".into()),
            _ => Ok(()),
        }
    })
}

/// Promise 3: a payment is charged once and refunded once, whatever was sent again.
pub(super) fn nothing_is_charged_or_refunded_twice(case: &Case<'_>) -> Judgement {
    case.movements().first()?;
    each(case, |payment| {
        let count = |kind| of(case, payment, kind).count();
        let (captures, refunds) = (count(MovementKind::Capture), count(MovementKind::Refund));
        if captures > 1 || refunds > 1 {
            return Err(format!("it has {captures} captures and {refunds} refunds"));
        }
        Ok(())
    })
}

/// Promise 4: money goes back only after it came, and no more than came. The ledger's times are not
/// compared: a clock may be set back between a capture and its refund.
pub(super) fn refunds_give_back_what_was_captured(case: &Case<'_>) -> Judgement {
    case.movements().iter().find(|movement| movement.kind == MovementKind::Refund)?;
    each(case, |payment| {
        // Enough for any number of amounts that each fit in 63 bits.
        let sum = |kind| of(case, payment, kind).map(|movement| i128::from(movement.amount.get())).sum::<i128>();
        let (captured, refunded) = (sum(MovementKind::Capture), sum(MovementKind::Refund));
        if refunded > captured {
            return Err(format!("{captured} came and {refunded} went back"));
        }
        Ok(())
    })
}

/// Promise 2: money on its way back is driven until it arrives; without a call nobody does so, unless it goes back by hand.
pub(super) fn refunds_on_their_way_are_driven(case: &Case<'_>) -> Judgement {
    let mut refunding = case.payments()?.all().filter(|payment| payment.status == PaymentStatus::Refunding).peekable();
    refunding.peek()?;
    let is_driven = |payment: &Payment| match payment.provider {
        Provider::Manual => payment.call.is_none(),
        _ => matches!(payment.call, Some(PaymentCall::Refund | PaymentCall::RefundAgain)),
    };
    must(refunding.all(is_driven), || "its payment is refunding, but nobody calls the provider".into())
}

/// Promise 3: every movement is its payment's, and of its amount.
pub(super) fn movements_match_their_payment(case: &Case<'_>) -> Judgement {
    case.movements().first()?;
    let Some(stored) = &case.facts.payment.as_ref()?.payments else {
        return Some(Err("money moved, but there is no payment".into()));
    };
    let payments = stored.as_ref().ok()?;
    let stranger = case.movements().iter().find(|movement| {
        let is_of = |payment: &Payment| movement.payment_id == payment.id && movement.amount == payment.amount;
        !payments.all().any(is_of)
    });
    Some(stranger.map_or(Ok(()), |stranger| {
        let (kind, payment) = (stranger.kind.as_str(), meant(payments, stranger));
        Err(format!(
            "a {kind} of {} for payment {}, its payment is {} of {}",
            stranger.amount, stranger.payment_id, payment.id, payment.amount
        ))
    }))
}

/// Promise 4: an order is paid for once. A payment for lines that the order has no more is closed and holds no
/// money: what came for it is back or on its way.
pub(super) fn superseded_payments_keep_no_money(case: &Case<'_>) -> Judgement {
    let superseded = case.payments()?.superseded();
    superseded.first()?;
    let stray = superseded.iter().find(|payment| match payment.status {
        PaymentStatus::Pending | PaymentStatus::Paid => true,
        PaymentStatus::Failed | PaymentStatus::Expired => payment.held || payment.call.is_some(),
        PaymentStatus::Refunding | PaymentStatus::Refunded => payment.held,
    });
    must(stray.is_none(), || {
        let (id, status) = stray.map_or_else(Default::default, |stray| (stray.id.to_string(), stray.status.as_str()));
        let held = if stray.is_some_and(|stray| stray.held) { " and held" } else { "" };
        format!("its payment {id} has been superseded, and is {status}{held}")
    })
}

/// Promise 3: an order has one payment for a revision of its lines, the later one the current.
pub(super) fn payments_are_for_a_revision_each(case: &Case<'_>) -> Judgement {
    let payments = case.payments()?;
    payments.superseded().first()?;
    must(payments.all().is_sorted_by(|earlier, later| earlier.revision < later.revision), || {
        let revisions: Vec<_> = payments.all().map(|payment| payment.revision.to_string()).collect();
        format!("its payments are for revisions {}", revisions.join(", "))
    })
}

/// A word on each of an order's payments: the first that is wrong.
fn each(case: &Case<'_>, judge: impl FnMut(&Payment) -> Result<(), String>) -> Judgement {
    Some(case.payments()?.all().try_for_each(judge))
}

/// The payment that a movement is about. One that names none of the order's is taken for the current one's here:
/// that it is a stranger is for [`movements_match_their_payment`] to say.
fn meant<'a>(payments: &'a Payments, movement: &Movement) -> &'a Payment {
    payments.all().find(|payment| payment.id == movement.payment_id).unwrap_or_else(|| payments.current())
}

fn of<'a>(case: &Case<'a>, payment: &Payment, kind: MovementKind) -> impl Iterator<Item = &'a Movement> {
    let (payments, id) = (case.payments(), payment.id);
    let is_its = move |movement: &Movement| payments.is_some_and(|payments| meant(payments, movement).id == id);
    case.movements().iter().filter(move |movement| movement.kind == kind && is_its(movement))
}

#[cfg(test)]
mod tests;
