//! Promise 2: what was begun goes on by itself, and in time. A saga that is stuck breaks nothing else: its rows agree, and
//! nothing moves.
//!
//! The bounds are far beyond what load, crashes and the loss of a node cost: a saga whose time has come is woken within a
//! second, a node's sagas are taken over within its lease, and a call is made again after half a minute, or after five
//! minutes where its service asks for that. A saga that waits, for money or for a report, has its next wake-up ahead of it
//! and is not late, however many days it waits.

use super::{Judgement, must};
use crate::{
    audit::case::Case,
    domain::{aggregate::Outgoing, payment::Payments, saga::Next, shipment::Shipping, time::Timestamp},
};

/// How late a saga may be woken or driven.
const LATE_MS: u64 = 10 * 60 * 1000;
/// How late a call may be made again. A service that does not answer is asked by so many callers at a time, each of whom
/// waits for its time limit; the others wait for their turn.
const LATE_CALL_MS: u64 = 60 * 60 * 1000;

/// A saga whose time has come is woken.
pub(super) fn due_sagas_are_woken(case: &Case<'_>) -> Judgement {
    let row = case.row().filter(|row| !row.status.is_at_rest())?;
    let due = row.wake_at?;
    must(case.now.millis_since(due) <= LATE_MS, || {
        format!("it is {} and due since {due}, and nobody has woken it", row.status.as_str())
    })
}

/// A saga with something to do is driven: each step that is answered, and each that is tried in vain, is in its log.
pub(super) fn sagas_with_work_are_driven(case: &Case<'_>) -> Judgement {
    let (row, saga) = (case.row()?, case.saga()?);
    if row.status.is_at_rest() || !matches!(saga.next(), Next::Run(_)) {
        return None;
    }
    let since = saga.updated_at();
    must(case.now.millis_since(since) <= LATE_MS, || {
        format!("it is {} and has had work to do since {since}, and nobody drives it", row.status.as_str())
    })
}

/// A call whose answer is not known is made, and made again.
pub(super) fn outside_calls_are_made_again(case: &Case<'_>) -> Judgement {
    let payment = case.payments().and_then(|rows: &Payments| waits(case, rows, |part| rows.part(part).updated_at));
    let shipping = case.facts.shipping.as_ref().and_then(|shipping| shipping.as_ref().ok());
    let shipment = shipping.and_then(|rows: &Shipping| waits(case, rows, |part| rows.shipments()[part].updated_at));
    match (payment, shipment) {
        (None, None) => None,
        (Some(Err(why)), _) => Some(Err(format!("its payment {why}"))),
        (_, Some(Err(why))) => Some(Err(format!("its shipment {why}"))),
        _ => Some(Ok(())),
    }
}

/// A word on the calls of one owner's rows, where there are some: one that was made in vain has a next time, and one that
/// no service outside answers is none of this rule's.
fn waits<A: Outgoing>(
    case: &Case<'_>,
    rows: &A,
    updated_at: impl Fn(usize) -> Timestamp,
) -> Option<Result<(), String>> {
    let calls = (0..rows.parts()).filter(|part| rows.outstanding(*part).is_some());
    let due = calls.filter_map(|part| {
        let first = rows.service(part).map(|_| updated_at(part));
        rows.next_attempt_at(part).or(first)
    });
    let due = due.min()?;
    Some(if case.now.millis_since(due) <= LATE_CALL_MS {
        Ok(())
    } else {
        Err(format!("has a call that was to be made at {due}, and nobody has made it"))
    })
}
