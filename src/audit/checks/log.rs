//! A saga's log tells the whole story, and its row says the same.

use super::{Judgement, must};
use crate::{
    audit::case::Case,
    domain::{
        checkout::{self, CheckoutEvent, Verb},
        saga::{Action, Event, Next, Status},
    },
    store::BrokenLog,
};
use std::error::Error;

/// How long a saga that waits may be without a wake-up: it is in hand, being asked. A server that is
/// alive gets an answer long before.
const IN_HAND_MS: u64 = 5 * 60 * 1000;

/// Promise 5: every entry of a log is what this release writes.
pub(super) fn saga_logs_are_readable(case: &Case<'_>) -> Judgement {
    Some(match case.log.as_ref()? {
        Err(error @ BrokenLog::Unreadable { .. }) => {
            Err(error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}")))
        }
        _ => Ok(()),
    })
}

/// Promise 1: no part of a log is lost, and no two drivers wrote at one place.
pub(super) fn saga_logs_have_no_gaps(case: &Case<'_>) -> Judgement {
    match case.log.as_ref()? {
        Err(error @ BrokenLog::Gap { .. }) => Some(Err(error.to_string())),
        Err(_) => None,
        Ok(_) => Some(Ok(())),
    }
}

/// Promise 2: recovery is a replay, so every log must allow one.
pub(super) fn saga_logs_replay(case: &Case<'_>) -> Judgement {
    Some(case.replayed.as_ref()?.as_ref().map(|_| ()).map_err(Clone::clone))
}

/// Promise 2: lists and timers look at the row, recovery at the log; they must not disagree. A saga
/// that was set aside because its log or its logic failed says so in its row alone.
pub(super) fn saga_rows_agree_with_their_logs(case: &Case<'_>) -> Judgement {
    let (row, saga) = (case.row()?, case.saga()?);
    let (log, definition) = (saga.summary(), saga.definition());
    if row.status != log.status && row.status != Status::NeedsAttention {
        return Some(Err(format!("its row says {}, its log {}", row.status.as_str(), log.status.as_str())));
    }
    if row.reason != log.reason {
        return Some(Err(format!("its row says reason {:?}, its log {:?}", row.reason, log.reason)));
    }
    must(row.definition == definition.name() && row.version == definition.version(), || {
        let (name, version) = (definition.name(), definition.version());
        format!("its row says {} version {}, its log {name} version {version}", row.definition, row.version)
    })
}

/// Promise 2, the way back: compensations run wave by wave, the last stage's first, each wave after all of the one
/// before it, and nothing goes forward once the saga has turned. Read from the events alone, so that it does not
/// rest on the state machine that wrote them.
pub(super) fn sagas_go_back_in_reverse_order(case: &Case<'_>) -> Judgement {
    let mut turned = false;
    let mut definition = None;
    for event in case.events()? {
        match event {
            Event::SagaStarted { definition: name, version, input } => {
                definition = checkout::definition_of(name, *version, input);
            }
            // An order that is edited can come to have what its first lines had no steps for.
            Event::StepStarted { step: Verb::ReplaceReservation, .. } => definition = Some(checkout::definition()),
            _ => {}
        }
    }
    let definition = definition?;
    let way_back = definition.compensations(definition.stages().len());
    // The wave that is being worked on, and which of its compensations have been sent and are not done yet.
    let mut latest: Option<usize> = None;
    let mut open: Vec<Verb> = Vec::new();
    for event in case.events()? {
        turned |= matches!(event, Event::SagaTurned { .. });
        let Some(verb) = worked_on(event) else { continue };
        let wave = way_back.iter().position(|wave| wave.contains(&verb));
        let Some(wave) = wave.filter(|_| turned) else {
            match (wave, turned) {
                (None, false) => continue,
                (Some(_), _) => return Some(Err(format!("{} was sent before the saga turned", verb.name()))),
                (None, true) => return Some(Err(format!("{} went forward after the saga turned", verb.name()))),
            }
        };
        if let Some(before) = latest.filter(|before| *before != wave)
            && !(open.is_empty() && wave == before + 1)
        {
            let before: Vec<_> = way_back[before].iter().map(|verb| verb.name()).collect();
            return Some(Err(format!("{} came out of turn after {}", verb.name(), before.join(" and "))));
        }
        latest = Some(wave);
        match event {
            Event::StepDone { .. } => open.retain(|sent| *sent != verb),
            _ if !open.contains(&verb) => open.push(verb),
            _ => {}
        }
    }
    if !turned {
        return None;
    }
    must(!case.is(Status::Compensated) || latest == Some(way_back.len() - 1) && open.is_empty(), || {
        "it ended before its last compensation was done".into()
    })
}

/// The verb that an event moves on; a late reply moves nothing.
fn worked_on(event: &CheckoutEvent) -> Option<Verb> {
    event.step().copied().filter(|_| !matches!(event, Event::LateReply { .. }))
}

/// Promise 2: a saga at rest has ended, once and for all to see; no other has, and none is woken.
pub(super) fn sagas_finish_when_they_come_to_rest(case: &Case<'_>) -> Judgement {
    let row = case.row()?;
    let (rests, status) = (row.status.is_at_rest(), row.status.as_str());
    if rests && row.wake_at.is_some() {
        return Some(Err(format!("it is {status} but has a wake-up")));
    }
    must(rests == row.finished_at.is_some(), || {
        if rests { format!("it is {status} but has no end") } else { format!("it has an end but is {status}") }
    })
}

/// Promise 2: a saga that waits is found again, at the latest when its deadline or retry is due.
pub(super) fn waiting_sagas_have_a_wake_up(case: &Case<'_>) -> Judgement {
    let (row, saga) = (case.row()?, case.saga()?);
    let Next::Wait(until) = saga.next() else { return None };
    if row.status.is_at_rest() {
        return None;
    }
    let Some(wake_at) = row.wake_at else {
        let in_hand = case.now.millis_since(saga.updated_at()) <= IN_HAND_MS;
        return must(in_hand, || format!("it waits since {} and only a restart would find it", saga.updated_at()));
    };
    let late = until.filter(|until| wake_at > *until);
    must(late.is_none(), || {
        late.map(|until| format!("it is due at {until} but sleeps until {wake_at}")).unwrap_or_default()
    })
}

/// Promise 2: what a person must look at is not hidden. Counts, and finds nothing wrong.
pub(super) fn sagas_that_need_attention(case: &Case<'_>) -> Judgement {
    case.is(Status::NeedsAttention).then_some(Ok(()))
}

#[cfg(test)]
mod tests;
