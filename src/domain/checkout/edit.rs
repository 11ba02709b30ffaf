//! Editing an unpaid order: an amendment of its checkout (`docs/adr/0013`).

use super::{Checkout, CheckoutEvent, CheckoutSaga, PAYMENT_STAGE, PERSISTENT_RETRY, Verb, definition};
use crate::domain::{
    ids::PaymentId,
    order::{Basket, OrderStatus},
    reason::Reason,
    saga::{Amendment, AmendmentPlan, AmendmentStep, Fate, Refused},
    time::Timestamp,
};
use std::sync::Arc;

/// How often an order can be edited, in vain or not: each edit is kept in the log, and most with a payment.
pub const MAX_EDITS: u32 = 100;

/// What an unpaid order's lines are to become. Both are made up front, so that an edit that is sent again is
/// known to be the same.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The id that the payment of the new total gets.
    pub payment_id: PaymentId,
    /// What is bought instead.
    pub basket: Arc<Basket>,
}

/// How an unpaid order is edited. The hold and the reservation may be refused, and then the payment that is
/// asked for again is the old one; after them the order only has to hear of it.
pub(super) fn amendment() -> AmendmentPlan<Verb> {
    let step = |action, rejectable, renews| AmendmentStep { action, rejectable, renews };
    AmendmentPlan {
        awaited: Verb::ProcessPayment,
        onto: definition,
        steps: vec![
            step(Verb::HoldPayment, true, None),
            step(Verb::ReplaceReservation, true, Some(Verb::ReserveStock)),
            step(Verb::AmendOrder, false, None),
        ],
        retry: PERSISTENT_RETRY,
    }
}

/// Edits an order, once: the same edit, sent again, makes no events, and neither does one to the lines that the
/// order has.
///
/// # Errors
/// As [`Saga::amend`](crate::domain::saga::Saga::amend), [`Refused::AlreadyPaid`], and [`Refused::TooManyAmendments`].
pub fn edit(saga: &mut CheckoutSaga, edit: &Edit, now: Timestamp) -> Result<Vec<CheckoutEvent>, Refused> {
    if amendment_by(saga, edit).is_some() {
        return Ok(Vec::new());
    }
    if saga.turned().is_some() {
        return Err(Refused::Turned);
    }
    if saga.has_finished(PAYMENT_STAGE) {
        return Err(Refused::AlreadyPaid);
    }
    if edit.basket == saga.input().basket {
        return Ok(Vec::new());
    }
    let revision = saga.next_revision();
    if revision > MAX_EDITS {
        return Err(Refused::TooManyAmendments(MAX_EDITS));
    }
    let (payment_id, basket) = (edit.payment_id, Arc::clone(&edit.basket));
    let amended = Checkout { payment_id, basket, revision, ..Checkout::clone(saga.input()) };
    saga.amend(Arc::new(amended), now)
}

/// Why an order is not edited whose saga has been removed since it ended: what the saga would say. `None` for an
/// order that is not at its end.
pub const fn edit_ended(order: OrderStatus) -> Option<Refused> {
    match order {
        OrderStatus::Completed => Some(Refused::AlreadyPaid),
        OrderStatus::Failed | OrderStatus::Cancelled => Some(Refused::Turned),
        OrderStatus::Pending | OrderStatus::Paid => None,
    }
}

/// What has become of an edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edited {
    /// The saga has not heard of it.
    Unknown,
    /// Not decided yet, or the order's payment is not yet asked for again.
    UnderWay,
    /// The order has the new lines, or had them once.
    Done,
    /// It has the old ones.
    Refused(Refused),
    /// It has the old ones and is being undone, as soon as the log says so.
    Overtaken,
}

/// The amendment that an edit began.
fn amendment_by<'a>(saga: &'a CheckoutSaga, edit: &Edit) -> Option<&'a Amendment<Verb, Arc<Checkout>>> {
    saga.amendments().iter().find(|amendment| amendment.input().payment_id == edit.payment_id)
}

/// What has become of an edit.
pub fn edited(saga: &CheckoutSaga, edit: &Edit) -> Edited {
    let Some(amendment) = amendment_by(saga, edit) else {
        return if edit.basket == saga.input().basket { Edited::Done } else { Edited::Unknown };
    };
    // Not before the payment has answered: a client is shown which one to pay.
    let asked = |step| saga.is_running(step) || saga.is_tried_again(step);
    let is_latest = saga.amendment().is_some_and(|latest| latest.revision() == amendment.revision());
    let reopening = is_latest && saga.turned().is_none() && asked(Verb::ProcessPayment);
    match amendment.fate() {
        Fate::Overtaken => Edited::Overtaken,
        Fate::UnderWay => Edited::UnderWay,
        Fate::Done | Fate::Refused(_) if reopening => Edited::UnderWay,
        Fate::Done => Edited::Done,
        Fate::Refused(Reason::PaymentAlreadyPaid) => Edited::Refused(Refused::AlreadyPaid),
        Fate::Refused(reason) => Edited::Refused(Refused::Amendment(reason)),
    }
}
