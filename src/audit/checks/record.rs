//! What was accepted is there, can be read and is told apart.

use super::{Judgement, must};
use crate::{
    audit::case::Case,
    domain::{
        checkout::Verb,
        ids::ShopId,
        payment::Payments,
        saga::{Action, Amendment, Event, Status},
    },
    store::OrderFacts,
};
use std::collections::BTreeSet;

/// Promise 5: a row that this release cannot read is seen, and ends neither the audit nor anything
/// else.
#[expect(clippy::unnecessary_wraps, reason = "a judgement is also None, where a rule does not apply")]
pub(super) fn rows_are_readable(case: &Case<'_>) -> Judgement {
    let facts = case.facts;
    let payments = facts.payment.as_ref().and_then(|payment| payment.payments.as_ref());
    let reservation = facts.stock.as_ref().and_then(|stock| stock.reservation.as_ref());
    let unreadable = [
        ("order", facts.order.as_ref().and_then(|row| row.as_ref().err())),
        ("payment", payments.and_then(|rows| rows.as_ref().err())),
        ("shipment", facts.shipping.as_ref().and_then(|row| row.as_ref().err())),
        ("reservation", reservation.and_then(|row| row.as_ref().err())),
        ("saga", facts.saga.as_ref().and_then(|row| row.as_ref().err())),
    ];
    let found = unreadable.into_iter().find_map(|(owner, why)| why.map(|why| format!("its {owner}: {why}")));
    Some(found.map_or(Ok(()), Err))
}

/// Promise 1: an order that was acknowledged, or whose saga has ended, is there. One that was undone
/// before it was created has left a tombstone.
pub(super) fn accepted_orders_exist(case: &Case<'_>) -> Judgement {
    let ended = case.is(Status::Completed) || case.is(Status::Compensated);
    if !ended && !has_done(case, "order") {
        return None;
    }
    must(case.facts.order.is_some(), || "its saga has recorded it, but there is no such order".into())
}

/// Promise 2: nothing is done for an order that no saga brings to an end, unless its client drives it. One that ended
/// before all that have been removed may have been among them.
pub(super) fn orders_have_their_saga(case: &Case<'_>) -> Judgement {
    let facts = case.facts;
    // A shop's list alone is for another rule.
    let listed_only = *facts
        == OrderFacts { shops: facts.shops.clone(), removed: facts.removed, ..OrderFacts::nothing_of(facts.order_id) };
    if listed_only || case.direct_order().is_some() && facts.saga.is_none() {
        return None;
    }
    must(case.facts.saga.is_some() || case.may_be_removed(), || {
        let known = [
            facts.order.as_ref().map(|_| "an order"),
            facts.payment.as_ref().map(|_| "a payment"),
            facts.shipping.as_ref().map(|_| "a shipment"),
            facts.stock.as_ref().map(|_| "a reservation"),
        ];
        format!("there is {}, but no saga", known.into_iter().flatten().collect::<Vec<_>>().join(" and "))
    })
}

/// Promise 2: an order is moved by its one saga. Every owner's row and the saga's own log mean the
/// same two.
pub(super) fn orders_and_sagas_name_each_other(case: &Case<'_>) -> Judgement {
    let row = case.row()?;
    if case.direct_order().is_some() {
        return Some(Err(format!("its order says that no saga drives it, and there is saga {}", row.id)));
    }
    let named = [
        ("order", case.order().and_then(|order| order.saga_id)),
        ("reservation", case.reservation().map(|reservation| reservation.saga_id)),
    ];
    let payments = case.payments().into_iter().flat_map(Payments::all).map(|payment| ("payment", payment.saga_id));
    let shipments = case.shipments().iter().map(|shipment| ("shipment", shipment.saga_id));
    let stranger = named
        .into_iter()
        .chain(payments)
        .chain(shipments)
        .filter_map(|(owner, named)| Some((owner, named?)))
        .find(|(_, named)| *named != row.id)
        .map(|(owner, named)| format!("its {owner} names saga {named}, its saga is {}", row.id));
    let meant = case.saga().map(|saga| saga.input().order_id).filter(|meant| *meant != case.facts.order_id);
    let stranger = stranger.or_else(|| meant.map(|meant| format!("the log of saga {} is about order {meant}", row.id)));
    Some(stranger.map_or(Ok(()), Err))
}

/// Promise 1: what a participant has answered for is durable. A step or compensation that is logged
/// as done has left its row, be it a tombstone.
pub(super) fn finished_steps_left_their_rows(case: &Case<'_>) -> Judgement {
    case.log.as_ref()?.as_ref().ok()?;
    let facts = case.facts;
    let payment = facts.payment.as_ref().is_some_and(|payment| payment.payments.is_some());
    let reservation = facts.stock.as_ref().is_some_and(|stock| stock.reservation.is_some());
    let lost = [("payment", payment), ("stock", reservation), ("shipping", facts.shipping.is_some())]
        .into_iter()
        .find(|(participant, there)| !there && has_done(case, participant));
    must(lost.is_none(), || {
        let participant = lost.map_or("", |(participant, _)| participant);
        format!("{participant} has done a step of its saga, but has no row for it")
    })
}

/// Promise 2, of an order that may have been edited: it ends in the old lines or in the new ones, never between.
/// Its saga, its own row, its reservation and its payment are of the same revision when the saga has completed, and
/// while it waits for the money; and no amendment that the saga does not know of holds the payment then.
pub(super) fn orders_are_of_one_revision(case: &Case<'_>) -> Judgement {
    let (saga, order) = (case.saga()?, case.order()?);
    let waits = saga.waiting_tasks().iter().any(|task| task.step == Verb::ProcessPayment);
    if !(waits || case.is(Status::Completed)) {
        return None;
    }
    let revision = saga.input().revision;
    let others = [
        ("order", Some(order.revision)),
        ("reservation", case.reservation().map(|row| row.revision)),
        ("payment", case.payment().map(|row| row.revision)),
    ];
    let stray = others.into_iter().find(|(_, found)| found.is_some_and(|found| found != revision));
    if let Some((owner, Some(found))) = stray {
        return Some(Err(format!("its saga is at revision {revision} of its lines, its {owner} at {found}")));
    }
    let known = saga.amendment().map_or(0, Amendment::revision);
    if let Some(payment) = case.payment().filter(|payment| payment.held && waits || payment.amendment > known) {
        let by = payment.amendment;
        return Some(Err(format!("its saga knows of {known} amendments, its payment was held by number {by}")));
    }
    // The lines of one that never was are what they were from the start: their sum is for others to judge.
    must(known == 0 || order.basket == saga.input().basket, || {
        format!("revision {revision} of its lines is not what its saga says")
    })
}

/// Promise 5: the list of a shop's orders has all orders with something of that shop, and no others. What the lines say
/// and what the list says are written together.
pub(super) fn shops_list_what_is_sold_for_them(case: &Case<'_>) -> Judgement {
    let listed: BTreeSet<ShopId> = case.facts.shops.iter().copied().collect();
    let sold: BTreeSet<ShopId> = match &case.facts.order {
        Some(Ok(order)) => order.basket.shop_orders().into_iter().map(|part| part.shop_id).collect(),
        Some(Err(_)) => return None,
        None => BTreeSet::new(),
    };
    if listed.is_empty() && sold.is_empty() {
        return None;
    }
    Some(match (sold.difference(&listed).next(), listed.difference(&sold).next()) {
        (Some(shop), _) => Err(format!("it has something of shop {shop}, whose list leaves it out")),
        (None, Some(shop)) => Err(format!("it is in the list of shop {shop}, and has nothing of that shop")),
        (None, None) => Ok(()),
    })
}

/// Whether the log says that a participant has done anything.
fn has_done(case: &Case<'_>, participant: &str) -> bool {
    let done = |event: &_| match event {
        Event::StepDone { step, .. } => Verb::participant(*step) == participant,
        _ => false,
    };
    case.events().is_some_and(|mut events| events.any(done))
}

#[cfg(test)]
mod tests;
