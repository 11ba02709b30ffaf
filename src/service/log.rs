//! A saga's log as it is shown: event by event, whole or as it grows.

use super::{SagaView, Service, ServiceError};
use crate::{
    actors::coordinator::Follow,
    domain::{
        checkout::{self, CheckoutEvent, Verb},
        ids::{IdMap, SagaId},
        saga::{AMENDMENT_STAGE, Action, Event, Late},
        time::Timestamp,
    },
    store::{LogEntry, StoredSaga},
};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Sagas that may be followed at once: each is a connection that stays open, of which a server has 10,000.
pub(super) const MAX_FOLLOWERS: usize = 1000;

/// An event of a saga's log, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// Its number in the log, from 0.
    pub seq: u32,
    /// When it was written.
    pub at: Timestamp,
    /// The node that wrote it.
    pub node: Arc<str>,
    /// What happened.
    pub event: &'static str,
    /// The stage of the step.
    pub stage: Option<&'static str>,
    /// The step or compensation that it is about.
    pub step: Option<&'static str>,
    /// Which attempt of the step, from 1.
    pub attempt: Option<u32>,
    /// From the attempt's start to its answer.
    pub duration_ms: Option<u64>,
    /// What went wrong, or why it was refused.
    pub error: Option<String>,
    /// What an operator said.
    pub note: Option<String>,
}

/// What a saga has done since it was last asked.
#[derive(Clone, Debug)]
pub enum Followed {
    /// These events were written.
    Events(Vec<LoggedEvent>),
    /// It rests, and there are no further events.
    Rests(Box<SagaView>),
    /// The process is stopping: whoever wants to go on asks again, elsewhere or later.
    Stopping,
}

/// Follows one saga's log, on whichever node the saga is driven.
pub struct Follower {
    service: Service,
    saga_id: SagaId,
    /// The first event that was not shown yet.
    next: u32,
    _place: OwnedSemaphorePermit,
}

impl Service {
    /// One saga's log.
    ///
    /// # Errors
    /// No such saga, a log that cannot be used, or storage away.
    pub async fn saga_log(&self, id: SagaId) -> Result<Vec<LoggedEvent>, ServiceError> {
        shown(&self.stored_saga(id).await?)
    }

    /// Follows a saga's log from its event number `from` on.
    ///
    /// # Errors
    /// Too many sagas are followed.
    pub fn follow(&self, saga_id: SagaId, from: u32) -> Result<Follower, ServiceError> {
        let place = Arc::clone(&self.followers).try_acquire_owned().map_err(|_| ServiceError::TooManyFollowers)?;
        Ok(Follower { service: self.clone(), saga_id, next: from, _place: place })
    }
}

impl Follower {
    /// What there is to show by now, if anything: the events that follow those which were shown, or that the saga rests.
    ///
    /// # Errors
    /// No such saga, a log that cannot be used, or storage away.
    pub async fn look(&mut self) -> Result<Option<Followed>, ServiceError> {
        let stored = self.service.stored_saga(self.saga_id).await?;
        let mut events = match shown(&stored) {
            // It was set aside for that.
            Err(_) if stored.row.status.is_at_rest() => Vec::new(),
            shown => shown?,
        };
        events.retain(|event| event.seq >= self.next);
        Ok(match events.last() {
            Some(last) => {
                self.next = last.seq + 1;
                Some(Followed::Events(events))
            }
            None if stored.row.status.is_at_rest() => Some(Followed::Rests(Box::new(SagaView::of(stored)))),
            None => None,
        })
    }

    /// As [`Self::look`], once there is something. May be dropped while it waits.
    ///
    /// # Errors
    /// No such saga, a log that cannot be used, or storage away.
    pub async fn next(&mut self) -> Result<Followed, ServiceError> {
        loop {
            // Subscribing before looking leaves no gap in which an event could be missed.
            let follow = Follow { saga_id: self.saga_id, from: self.next };
            let grown = self.service.ask_coordinator(|| follow).await?;
            if let Some(found) = self.look().await? {
                return Ok(found);
            }
            if !self.grows(grown).await {
                return Ok(Followed::Stopping);
            }
        }
    }

    /// Waits until there may be more; not so when the process is stopping. Where nobody knows any more who waits, there
    /// may be more.
    async fn grows(&self, grown: oneshot::Receiver<()>) -> bool {
        let mut stopping = self.service.stopping.clone();
        tokio::select! {
            _ = grown => true,
            _ = stopping.wait_for(|stopping| *stopping) => false,
        }
    }
}

fn shown(stored: &StoredSaga) -> Result<Vec<LoggedEvent>, ServiceError> {
    let log = stored.log().map_err(|error| ServiceError::UnusableLog(error.to_string()))?;
    Ok(logged_events(log))
}

fn logged_events(log: Vec<(u32, LogEntry)>) -> Vec<LoggedEvent> {
    let mut attempts = IdMap::default();
    let mut shown = Vec::new();
    for (first, entry) in log {
        for (seq, event) in (first..).zip(&entry.events) {
            let step = event.step().copied();
            if let Event::StepStarted { step, attempt } = event {
                attempts.insert(*step, *attempt);
            }
            let (duration_ms, error, note) = details(event);
            shown.push(LoggedEvent {
                seq,
                at: entry.at,
                node: entry.node.clone(),
                event: event.name(),
                stage: step.and_then(stage_of),
                step: step.map(Action::name),
                attempt: step.and_then(|step| attempts.get(&step).copied()),
                duration_ms,
                error,
                note,
            });
        }
    }
    shown
}

/// The stage of an action, or of the first action that a compensation undoes.
fn stage_of(verb: Verb) -> Option<&'static str> {
    let definition = checkout::definition();
    if definition.amendment().is_some_and(|plan| plan.steps.iter().any(|step| step.action == verb)) {
        return Some(AMENDMENT_STAGE);
    }
    let (stage, _) = definition.steps().find(|(_, step)| step.action == verb || step.compensation == Some(verb))?;
    Some(definition.stages()[stage].name)
}

/// How long it took, what went wrong, and what somebody said.
fn details(event: &CheckoutEvent) -> (Option<u64>, Option<String>, Option<String>) {
    match event {
        Event::StepDone { duration_ms, .. } => (Some(*duration_ms), None, None),
        Event::StepRejected { duration_ms, .. } => (Some(*duration_ms), event.refusal(), None),
        Event::StepUnknown { duration_ms, error, .. } => (Some(*duration_ms), Some(error.clone()), None),
        Event::SagaTurned { reason } | Event::AmendmentRefused { reason } => (None, Some(reason.to_string()), None),
        Event::LateReply { outcome, .. } => (None, Some(Late(outcome).to_string()), None),
        Event::AttentionNeeded { why } => (None, Some(why.clone()), None),
        Event::CancelRequested { note, .. } | Event::RetryRequested { note } => (None, None, note.clone()),
        _ => (None, None, None),
    }
}
