//! What a saga does about an answer, the time, or a wish: the events that follow, applied.

use super::{
    super::{
        definition::{Action, Step},
        event::Event,
        outcome::Outcome,
        record::{StepRecord, StepState},
        retry::RetryPolicy,
    },
    Amendment, CancelBy, End, Impossible, Refused, Saga, Status, Undo,
};
use crate::domain::{reason::Reason, time::Timestamp};

impl<A: Action, I: Clone> Saga<A, I> {
    /// Takes in what a participant answered to `step`. Returns the events it leads to; none when the
    /// answer says nothing new.
    ///
    /// `jitter` is uniform in `[0, 1)`.
    ///
    /// # Errors
    /// Only when the machine itself is wrong; the saga must then be set aside.
    pub fn outcome(
        &mut self,
        step: A,
        outcome: Outcome,
        now: Timestamp,
        jitter: f64,
    ) -> Result<Vec<Event<A, I>>, Impossible> {
        let mut made = Vec::new();
        if matches!(outcome, Outcome::Done { .. }) && self.stuck_tasks().iter().any(|task| task.step == step) {
            self.make(&mut made, Event::AttentionCleared { step }, now)?;
        }
        let Ok(record) = self.answered(step) else {
            if self.is_late_news(step, &outcome) {
                self.make(&mut made, Event::LateReply { step, outcome }, now)?;
            }
            return Ok(made);
        };
        let (state, tries) = (record.state.clone(), record.tries);
        let duration_ms = record.started_at.map_or(0, |start| now.millis_since(start));
        match outcome {
            Outcome::Done { receipt } => {
                self.make(&mut made, Event::StepDone { step, receipt, duration_ms }, now)?;
                self.go_on(&mut made, now)?;
            }
            Outcome::Rejected { reason, detail } => {
                self.make(&mut made, Event::StepRejected { step, reason, detail, duration_ms }, now)?;
                self.give_up(&mut made, step, now)?;
            }
            Outcome::Pending { until } => {
                // A deadline action that comes early, by the participant's clock, must not be sent in a tight loop.
                let early = until.map_or(0, |until| now.millis_since(until));
                let again = now.plus_millis((early / 2).clamp(50, 5_000));
                let until = if state == StepState::Due { until.max(Some(again)) } else { until };
                if state != (StepState::Waiting { until }) {
                    self.make(&mut made, Event::StepWaiting { step, until }, now)?;
                }
            }
            Outcome::Unknown { error, retry_after_ms } => {
                let wait = self.policy(step).and_then(|policy| policy.wait_ms(tries, jitter, retry_after_ms));
                let retry_at = wait.map(|wait| now.plus_millis(wait));
                self.make(&mut made, Event::StepUnknown { step, error, retry_at, duration_ms }, now)?;
                if retry_at.is_none() {
                    self.give_up(&mut made, step, now)?;
                }
            }
        }
        if self.turned.is_some() || self.pivot_done() {
            // This was the answer that another step's failure has waited for.
            self.complete_if_cut_short(&mut made, now)?;
        }
        Ok(made)
    }

    /// Takes in that time has passed: starts the retries and deadline actions that are due, and what a
    /// log that was cut short left unsaid. No events when the saga rests: a timer that was set before
    /// it was set aside is no news.
    ///
    /// # Errors
    /// Only when the machine itself is wrong; the saga must then be set aside.
    pub fn wake(&mut self, now: Timestamp) -> Result<Vec<Event<A, I>>, Impossible> {
        if self.ended.is_some() {
            return Ok(Vec::new());
        }
        let due: Vec<_> = self
            .in_scope()
            .filter_map(|(step, record, on_deadline)| match record.state {
                StepState::Backoff { until } if until <= now => {
                    Some(Event::StepStarted { step, attempt: record.attempts + 1 })
                }
                StepState::Waiting { until: Some(until) } if until <= now && on_deadline.is_some() => {
                    Some(Event::StepDue { step })
                }
                _ => None,
            })
            .collect();
        let mut made = Vec::new();
        for event in due {
            self.make(&mut made, event, now)?;
        }
        self.complete_if_cut_short(&mut made, now)?;
        Ok(made)
    }

    /// Turns the saga back because somebody asked. No events when it is on its way back already.
    ///
    /// # Errors
    /// Refused once it has ended well or the pivot is done.
    pub fn cancel(&mut self, by: CancelBy, note: Option<String>, now: Timestamp) -> Result<Vec<Event<A, I>>, Refused> {
        match self.ended {
            Some(End::Completed) => return Err(Refused::Ended(Status::Completed.as_str())),
            Some(End::Compensated) => return Err(Refused::Ended(Status::Compensated.as_str())),
            _ => {}
        }
        if self.turned.is_some() {
            return if self.ended.is_some() { Err(Refused::Stuck) } else { Ok(Vec::new()) };
        }
        if self.pivot_done() {
            return Err(Refused::PastPivot);
        }
        let mut made = Vec::new();
        let turned = self
            .make(&mut made, Event::CancelRequested { by: by.reason(), note }, now)
            .and_then(|()| self.turn_back(&mut made, by.reason(), now));
        debug_assert!(turned.is_ok(), "{turned:?}");
        turned.map(|()| made).map_err(|_| Refused::PastPivot)
    }

    /// Tries again, now and with fresh attempts, what is stuck or waits for a retry.
    ///
    /// # Errors
    /// Refused once the saga has completed or is compensated.
    pub fn retry(&mut self, note: Option<String>, now: Timestamp) -> Result<Vec<Event<A, I>>, Refused> {
        match self.ended {
            Some(End::Completed) => return Err(Refused::Ended(Status::Completed.as_str())),
            Some(End::Compensated) => return Err(Refused::Ended(Status::Compensated.as_str())),
            _ => {}
        }
        let mut made = Vec::new();
        let retried = self.make(&mut made, Event::RetryRequested { note }, now).and_then(|()| {
            let stuck: Vec<_> = self
                .in_scope()
                .filter(|(_, record, _)| {
                    matches!(
                        record.state,
                        StepState::Backoff { .. } | StepState::Exhausted | StepState::Rejected(_) | StepState::Idle
                    )
                })
                .map(|(step, record, _)| Event::StepStarted { step, attempt: record.attempts + 1 })
                .collect();
            stuck.into_iter().try_for_each(|event| self.make(&mut made, event, now))
        });
        debug_assert!(retried.is_ok(), "{retried:?}");
        retried.map(|()| made).map_err(|_| Refused::Ended("unknown"))
    }

    /// Sets the saga aside for a person. No events when it has ended already.
    ///
    /// # Errors
    /// Only when the machine itself is wrong.
    pub fn set_aside(&mut self, why: String, now: Timestamp) -> Result<Vec<Event<A, I>>, Impossible> {
        let mut made = Vec::new();
        if self.ended.is_none() {
            self.make(&mut made, Event::AttentionNeeded { why }, now)?;
        }
        Ok(made)
    }

    pub(super) fn make(
        &mut self,
        made: &mut Vec<Event<A, I>>,
        event: Event<A, I>,
        now: Timestamp,
    ) -> Result<(), Impossible> {
        self.apply(&event, now)?;
        made.push(event);
        Ok(())
    }

    /// After a step is done: the next stage, the next compensation, or the end.
    fn go_on(&mut self, made: &mut Vec<Event<A, I>>, now: Timestamp) -> Result<(), Impossible> {
        if self.turned.is_some() {
            return self.next_undo(made, now);
        }
        if self.amending().is_some() {
            return self.next_amendment_step(made, now);
        }
        if self.stage == self.definition.stages().len() {
            return self.make(made, Event::SagaCompleted, now);
        }
        let idle: Vec<A> = self
            .stage_records(self.stage)
            .filter(|(_, record)| record.attempts == 0)
            .map(|(step, _)| step.action)
            .collect();
        idle.into_iter().try_for_each(|step| self.make(made, Event::StepStarted { step, attempt: 1 }, now))
    }

    /// After a step has failed for good: back, or, where there is no way back, to a person.
    fn give_up(&mut self, made: &mut Vec<Event<A, I>>, step: A, now: Timestamp) -> Result<(), Impossible> {
        let Some((_, record, _)) = self.in_scope().find(|(candidate, ..)| *candidate == step) else { return Ok(()) };
        let name = step.name();
        let amending = self.amending().is_some();
        if let StepState::Rejected(reason) = record.state
            && amending
        {
            return self.refuse_amendment(made, step, reason, now);
        }
        let (reason, why) = if let StepState::Rejected(reason) = record.state {
            (reason, format!("{name} was refused ({reason}) where nothing may be"))
        } else {
            let reason = self.forward_step(step).map_or(Reason::OrderError, |step| step.exhausted);
            let (tries, error) = (record.tries, record.error.as_deref().unwrap_or_default());
            (reason, format!("{name} gave no usable answer in {tries} attempts: {error}"))
        };
        if self.turned.is_some() || self.pivot_done() || amending {
            if self.is_busy_beside_failure() {
                return Ok(());
            }
            self.make(made, Event::AttentionNeeded { why }, now)
        } else {
            self.turn_back(made, reason, now)
        }
    }

    /// Whether the log ends before events that belong to the same append as its last one. An append is
    /// atomic, so this takes a log that was cut by force.
    pub(super) fn is_cut_short(&self) -> bool {
        self.in_scope().next().is_none()
            || self.in_scope().any(|(_, record, _)| match record.state {
                StepState::Idle => true,
                StepState::Rejected(_) | StepState::Exhausted => !self.is_busy_beside_failure(),
                _ => false,
            })
    }

    /// Whether steps beside one that has failed are still under way where there is no way back. A person is called
    /// when those have their answers: a saga that is set aside sends nothing any more, and what it had to give back
    /// meanwhile would stay where it is.
    fn is_busy_beside_failure(&self) -> bool {
        let busy = |state: &StepState| matches!(state, StepState::Running | StepState::Due | StepState::Backoff { .. });
        (self.turned.is_some() || self.pivot_done()) && self.in_scope().any(|(_, record, _)| busy(&record.state))
    }

    fn complete_if_cut_short(&mut self, made: &mut Vec<Event<A, I>>, now: Timestamp) -> Result<(), Impossible> {
        if self.ended.is_none() && self.is_cut_short() { self.complete_append(made, now) } else { Ok(()) }
    }

    /// Makes the events that [`Self::is_cut_short`] misses.
    fn complete_append(&mut self, made: &mut Vec<Event<A, I>>, now: Timestamp) -> Result<(), Impossible> {
        if self.in_scope().next().is_none() {
            return self.go_on(made, now);
        }
        let failed = |record: &StepRecord| matches!(record.state, StepState::Rejected(_) | StepState::Exhausted);
        // No tries after a failure: an operator has asked for fresh ones.
        let gives_up = self.in_scope().find(|(_, record, _)| failed(record) && record.tries > 0).map(|(step, ..)| step);
        if let Some(step) = gives_up {
            return self.give_up(made, step, now);
        }
        let starts: Vec<_> = self
            .in_scope()
            .filter(|(_, record, _)| failed(record) || record.state == StepState::Idle)
            .map(|(step, record, _)| Event::StepStarted { step, attempt: record.attempts + 1 })
            .collect();
        starts.into_iter().try_for_each(|event| self.make(made, event, now))
    }

    fn turn_back(&mut self, made: &mut Vec<Event<A, I>>, reason: Reason, now: Timestamp) -> Result<(), Impossible> {
        self.make(made, Event::SagaTurned { reason }, now)?;
        self.next_undo(made, now)
    }

    /// Starts the wave of compensations that is due, or what is left to be started of it.
    fn next_undo(&mut self, made: &mut Vec<Event<A, I>>, now: Timestamp) -> Result<(), Impossible> {
        let Some(wave) = self.current_wave() else { return self.make(made, Event::SagaCompensated, now) };
        let idle = |undo: &&Undo<A>| undo.wave == wave && undo.record.attempts == 0;
        let idle: Vec<A> = self.undo.iter().filter(idle).map(|undo| undo.step).collect();
        idle.into_iter().try_for_each(|step| self.make(made, Event::StepStarted { step, attempt: 1 }, now))
    }

    /// Only a reply to a forward step that was under way when the saga turned is news.
    fn is_late_news(&self, step: A, outcome: &Outcome) -> bool {
        self.turned.is_some()
            && !matches!(outcome, Outcome::Pending { .. })
            && self
                .definition
                .steps()
                .zip(&self.forward)
                .any(|((_, candidate), record)| candidate.action == step && record.attempts > 0 && !record.is_final())
    }

    pub(super) fn forward_step(&self, action: A) -> Option<&Step<A>> {
        self.definition.steps().map(|(_, step)| step).find(|step| step.action == action)
    }

    fn policy(&self, step: A) -> Option<RetryPolicy> {
        if self.turned.is_some() {
            return Some(self.definition.compensation_retry());
        }
        if self.amending().is_some() {
            return self.definition.amendment().map(|plan| plan.retry);
        }
        self.forward_step(step).map(|step| step.retry)
    }

    /// The steps that the saga works on now, with their deadline actions.
    pub(super) fn in_scope(&self) -> impl Iterator<Item = (A, &StepRecord, Option<A>)> {
        let wave = self.current_wave();
        let due = move |undo: &&Undo<A>| Some(undo.wave) == wave && undo.record.state != StepState::Done;
        let undo = self.undo.iter().filter(due).map(|undo| (undo.step, &undo.record, None));
        let amended = self.amending().and_then(Amendment::current).map(|(step, record)| (step, record, None));
        let forward = (self.turned.is_none() && self.amending().is_none())
            .then(|| self.stage_records(self.stage).map(|(step, record)| (step.action, record, step.on_deadline)));
        undo.into_iter().chain(amended).chain(forward.into_iter().flatten())
    }
}
