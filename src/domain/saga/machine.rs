//! The state machine: a saga is the fold of its log, and every move is a function of that fold.

use super::{
    definition::{Action, Definition, Kind, Step},
    event::Event,
    outcome::Outcome,
    record::{Progress, StepRecord, StepState, state_word},
    retry::RetryPolicy,
};
use crate::domain::{ids::SagaId, reason::Reason, time::Timestamp};

/// A saga as its log says it is. `A` is the definition's verb, `I` its input.
///
/// The methods that move it return the events that they made, already applied. The caller appends
/// them to the log; when that fails it must drop this value and replay.
#[derive(Clone, Debug)]
pub struct Saga<A: Action + 'static, I> {
    id: SagaId,
    definition: &'static Definition<A>,
    input: I,
    /// Events in the log, which is also the next event's sequence number counted from 0.
    events: u32,
    /// Index of the forward stage being worked on; `stages().len()` when all are done.
    stage: usize,
    forward: Vec<StepRecord>,
    /// `Some` once the saga has turned, never to go forward again.
    turned: Option<Reason>,
    /// Compensations in the order they are sent; empty until the saga turns.
    undo: Vec<(A, StepRecord)>,
    ended: Option<End>,
    started_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Completed,
    Compensated,
    Attention(String),
}

/// An event that cannot follow the log before it. The saga is set aside; nothing panics.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {event} cannot follow the {position} events before it: {why}")]
pub struct Impossible {
    /// The event's name.
    pub event: &'static str,
    /// How many events came before.
    pub position: u32,
    /// The rule it breaks.
    pub why: &'static str,
}

/// Why an operator's or a customer's wish is refused. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The point of no return is logged as started.
    #[error("the saga has reached its pivot and can only go forward")]
    PastPivot,
    /// It is over.
    #[error("the saga has already ended as {0}")]
    Ended(&'static str),
    /// The money is in.
    #[error("the order is already paid")]
    AlreadyPaid,
    /// It is on its way back, and stuck there.
    #[error("the saga is being undone already, and is stuck; retry it instead")]
    Stuck,
}

/// Who cancels, which decides the reason the order ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelBy {
    /// The order's customer.
    Customer,
    /// An operator.
    Operator,
}

impl CancelBy {
    /// The reason the order is unwound with.
    pub const fn reason(self) -> Reason {
        match self {
            Self::Customer => Reason::CancelledByCustomer,
            Self::Operator => Reason::CancelledByOperator,
        }
    }
}

/// A verb to send to its participant on behalf of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task<A> {
    /// The step or compensation whose outcome the answer is.
    pub step: A,
    /// What to send: the step's own verb, or its deadline action.
    pub action: A,
    /// The attempt it belongs to, from 1.
    pub attempt: u32,
}

/// What a saga wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<A> {
    /// These must be in flight.
    Run(Vec<Task<A>>),
    /// Nothing to do before then; `None` waits for a signal alone.
    Wait(Option<Timestamp>),
    /// It has ended.
    Rest,
}

/// A saga's status as everybody sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Going forward.
    Running,
    /// Going forward, but nothing is in flight: a result or a retry is due later.
    Waiting,
    /// Going back.
    Compensating,
    /// Every step is done.
    Completed,
    /// Everything that may have happened is undone.
    Compensated,
    /// A person must act.
    NeedsAttention,
}

impl Status {
    /// The status's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it rests: nothing more happens by itself.
    pub const fn is_at_rest(self) -> bool {
        matches!(self, Self::Completed | Self::Compensated | Self::NeedsAttention)
    }
}

/// The part of a saga that is kept in its row, so that lists and timers need no replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Its status.
    pub status: Status,
    /// The step it waits for or is stuck at.
    pub waiting_for: Option<&'static str>,
    /// Why it is unwound.
    pub reason: Option<Reason>,
    /// What a person needs to know, where one must act.
    pub attention: Option<String>,
}

impl<A: Action, I: Clone> Saga<A, I> {
    /// Starts a saga: its first events are the start itself and the first stage's attempts.
    pub fn begin(id: SagaId, definition: &'static Definition<A>, input: I, now: Timestamp) -> (Self, Vec<Event<A, I>>) {
        let mut saga = Self::empty(id, definition, input.clone(), now);
        let mut events =
            vec![Event::SagaStarted { definition: definition.name().to_owned(), version: definition.version(), input }];
        saga.events = 1;
        for step in &definition.stages()[0].steps {
            let event = Event::StepStarted { step: step.action, attempt: 1 };
            if let Some(record) = saga.record_mut(step.action) {
                begin_attempt(record, 1, now);
            }
            saga.events += 1;
            events.push(event);
        }
        (saga, events)
    }

    fn empty(id: SagaId, definition: &'static Definition<A>, input: I, now: Timestamp) -> Self {
        Self {
            id,
            definition,
            input,
            events: 0,
            stage: 0,
            forward: vec![StepRecord::default(); definition.steps().count()],
            turned: None,
            undo: Vec::new(),
            ended: None,
            started_at: now,
            updated_at: now,
        }
    }

    /// Folds a log into the saga it tells of. `definition` finds a definition by name and version.
    ///
    /// # Errors
    /// The first event that cannot follow those before it, or a definition nobody knows.
    pub fn replay(
        id: SagaId,
        log: impl IntoIterator<Item = (Timestamp, Event<A, I>)>,
        definition: impl FnOnce(&str, u32) -> Option<&'static Definition<A>>,
    ) -> Result<Self, Impossible> {
        let impossible = |event, why| Impossible { event, position: 0, why };
        let mut log = log.into_iter();
        let Some((at, Event::SagaStarted { definition: name, version, input })) = log.next() else {
            return Err(impossible("first event", "a log begins with saga_started"));
        };
        let definition =
            definition(&name, version).ok_or_else(|| impossible("saga_started", "its definition is unknown"))?;
        let mut saga = Self::empty(id, definition, input, at);
        saga.events = 1;
        for (at, event) in log {
            saga.apply(&event, at)?;
        }
        Ok(saga)
    }

    /// Adds one event to the fold.
    ///
    /// # Errors
    /// When the event cannot follow those before it; the saga is then unchanged.
    pub fn apply(&mut self, event: &Event<A, I>, at: Timestamp) -> Result<(), Impossible> {
        let position = self.events;
        self.fold(event, at).map_err(|why| Impossible { event: event.name(), position, why })?;
        self.events += 1;
        self.updated_at = at;
        Ok(())
    }

    fn fold(&mut self, event: &Event<A, I>, at: Timestamp) -> Result<(), &'static str> {
        match event {
            Event::SagaStarted { .. } => Err("a saga starts once"),
            Event::StepStarted { step, attempt } => {
                let record = self.current(*step)?;
                match record.state {
                    StepState::Running | StepState::Due | StepState::Waiting { .. } | StepState::Done => {
                        Err("the step is already under way or done")
                    }
                    _ if *attempt != record.attempts + 1 => Err("attempts are numbered one by one"),
                    _ => {
                        begin_attempt(record, *attempt, at);
                        Ok(())
                    }
                }
            }
            Event::StepWaiting { step, until } => {
                let record = self.answered(*step)?;
                // An answer ends a run of failures: a wait of days must not be counted out by a timeout
                // now and then. Past its deadline it counts on, so that it ends even if nobody can
                // expire it.
                if record.state != StepState::Due && until.is_none_or(|until| until > at) {
                    record.tries = record.tries.min(1);
                }
                record.state = StepState::Waiting { until: *until };
                Ok(())
            }
            Event::StepDue { step } => {
                let record = self.current(*step)?;
                if !matches!(record.state, StepState::Waiting { .. }) {
                    return Err("only a waiting step comes due");
                }
                record.state = StepState::Due;
                Ok(())
            }
            Event::StepDone { step, receipt, .. } => {
                let record = self.answered(*step)?;
                record.state = StepState::Done;
                record.receipt = *receipt;
                record.error = None;
                record.finished_at = Some(at);
                self.advance();
                Ok(())
            }
            Event::StepRejected { step, reason, .. } => {
                let record = self.answered(*step)?;
                record.state = StepState::Rejected(*reason);
                record.error = Some(reason.to_string());
                record.finished_at = Some(at);
                Ok(())
            }
            Event::StepUnknown { step, error, retry_at, .. } => {
                let record = self.answered(*step)?;
                record.error = Some(error.clone());
                if let Some(until) = *retry_at {
                    record.state = StepState::Backoff { until };
                } else {
                    record.state = StepState::Exhausted;
                    record.finished_at = Some(at);
                }
                Ok(())
            }
            Event::SagaTurned { reason } => self.turn(*reason),
            Event::LateReply { .. } | Event::CancelRequested { .. } => Ok(()),
            Event::RetryRequested { .. } => self.refresh(),
            Event::AttentionNeeded { why } => match self.ended {
                Some(End::Completed | End::Compensated) => Err("the saga has ended"),
                _ => {
                    self.ended = Some(End::Attention(why.clone()));
                    Ok(())
                }
            },
            Event::SagaCompleted => {
                if self.turned.is_some() || self.stage < self.definition.stages().len() || self.ended.is_some() {
                    return Err("not every step is done");
                }
                self.ended = Some(End::Completed);
                Ok(())
            }
            Event::SagaCompensated => {
                if self.turned.is_none() || self.current_undo().is_some() || self.ended.is_some() {
                    return Err("not every compensation is done");
                }
                self.ended = Some(End::Compensated);
                Ok(())
            }
        }
    }

    /// The record of a step that may be worked on now: of the current stage, or the current undo.
    fn current(&mut self, step: A) -> Result<&mut StepRecord, &'static str> {
        if self.ended.is_some() {
            return Err("the saga has ended");
        }
        if self.turned.is_some() {
            let position = self.current_undo().ok_or("every compensation is done")?;
            let (verb, record) = &mut self.undo[position];
            return if *verb == step { Ok(record) } else { Err("another compensation is due") };
        }
        let stage = self.stage;
        let index = self
            .definition
            .steps()
            .position(|(of, candidate)| of == stage && candidate.action == step)
            .ok_or("the step is not of the current stage")?;
        Ok(&mut self.forward[index])
    }

    /// As [`Self::current`], of a step that an answer can be applied to.
    fn answered(&mut self, step: A) -> Result<&mut StepRecord, &'static str> {
        let record = self.current(step)?;
        match record.state {
            StepState::Running | StepState::Due | StepState::Waiting { .. } => Ok(record),
            _ => Err("the step has no answer outstanding"),
        }
    }

    fn record_mut(&mut self, step: A) -> Option<&mut StepRecord> {
        let index = self.definition.steps().position(|(_, candidate)| candidate.action == step)?;
        self.forward.get_mut(index)
    }

    fn stage_records(&self, stage: usize) -> impl Iterator<Item = (&Step<A>, &StepRecord)> {
        self.definition.steps().zip(&self.forward).filter(move |((of, _), _)| *of == stage).map(|((_, s), r)| (s, r))
    }

    fn advance(&mut self) {
        let stages = self.definition.stages().len();
        if self.turned.is_none()
            && self.stage < stages
            && self.stage_records(self.stage).all(|(_, record)| record.state == StepState::Done)
        {
            self.stage += 1;
        }
    }

    fn turn(&mut self, reason: Reason) -> Result<(), &'static str> {
        if matches!(self.ended, Some(End::Completed | End::Compensated)) {
            return Err("the saga has ended");
        }
        if self.turned.is_some() {
            return Err("a saga turns once");
        }
        if self.pivot_done() {
            return Err("the pivot is done");
        }
        // The stage after the last finished one may have started, or started in part, whatever its
        // outcome: it is compensated with those before it. `self.stage` is that stage. So is what
        // somebody outside may have begun ahead of it.
        self.undo =
            self.definition.compensations(self.stage).into_iter().map(|undo| (undo, StepRecord::default())).collect();
        self.turned = Some(reason);
        self.ended = None;
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), &'static str> {
        if matches!(self.ended, Some(End::Completed | End::Compensated)) {
            return Err("the saga has ended");
        }
        self.ended = None;
        for record in self.forward.iter_mut().chain(self.undo.iter_mut().map(|(_, record)| record)) {
            record.tries = 0;
        }
        Ok(())
    }

    fn current_undo(&self) -> Option<usize> {
        self.undo.iter().position(|(_, record)| record.state != StepState::Done)
    }

    fn pivot(&self) -> Option<usize> {
        self.definition.stages().iter().position(|stage| stage.kind == Kind::Pivot)
    }

    fn pivot_done(&self) -> bool {
        self.pivot().is_some_and(|pivot| self.stage > pivot)
    }

    fn pivot_started(&self) -> bool {
        self.pivot().is_some_and(|pivot| self.stage_records(pivot).any(|(_, record)| record.attempts > 0))
    }
}

/// The moves.
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
            Outcome::Rejected { reason } => {
                self.make(&mut made, Event::StepRejected { step, reason, duration_ms }, now)?;
                self.give_up(&mut made, step, now)?;
            }
            Outcome::Pending { until } => {
                // A deadline action that comes a little early must not be sent in a tight loop.
                let until = if state == StepState::Due { until.max(Some(now.plus_millis(50))) } else { until };
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
        if self.is_cut_short() {
            self.complete_append(&mut made, now)?;
        }
        Ok(made)
    }

    /// Turns the saga back because somebody asked. No events when it is on its way back already.
    ///
    /// # Errors
    /// Refused once it has ended well or the pivot is logged as started.
    pub fn cancel(&mut self, by: CancelBy, note: Option<String>, now: Timestamp) -> Result<Vec<Event<A, I>>, Refused> {
        match self.ended {
            Some(End::Completed) => return Err(Refused::Ended(Status::Completed.as_str())),
            Some(End::Compensated) => return Err(Refused::Ended(Status::Compensated.as_str())),
            _ => {}
        }
        if self.turned.is_some() {
            return if self.ended.is_some() { Err(Refused::Stuck) } else { Ok(Vec::new()) };
        }
        if self.pivot_started() {
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

    fn make(&mut self, made: &mut Vec<Event<A, I>>, event: Event<A, I>, now: Timestamp) -> Result<(), Impossible> {
        self.apply(&event, now)?;
        made.push(event);
        Ok(())
    }

    /// After a step is done: the next stage, the next compensation, or the end.
    fn go_on(&mut self, made: &mut Vec<Event<A, I>>, now: Timestamp) -> Result<(), Impossible> {
        if self.turned.is_some() {
            return self.next_undo(made, now);
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
        let (reason, why) = if let StepState::Rejected(reason) = record.state {
            (reason, format!("{name} was refused ({reason}) where nothing may be"))
        } else {
            let reason = self.forward_step(step).map_or(Reason::OrderError, |step| step.exhausted);
            let (tries, error) = (record.tries, record.error.as_deref().unwrap_or_default());
            (reason, format!("{name} gave no usable answer in {tries} attempts: {error}"))
        };
        if self.turned.is_some() || self.pivot_done() {
            self.make(made, Event::AttentionNeeded { why }, now)
        } else {
            self.turn_back(made, reason, now)
        }
    }

    /// Whether the log ends before events that belong to the same append as its last one. An append is
    /// atomic, so this takes a log that was cut by force.
    fn is_cut_short(&self) -> bool {
        self.in_scope().next().is_none()
            || self.in_scope().any(|(_, record, _)| {
                matches!(record.state, StepState::Idle | StepState::Rejected(_) | StepState::Exhausted)
            })
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

    fn next_undo(&mut self, made: &mut Vec<Event<A, I>>, now: Timestamp) -> Result<(), Impossible> {
        match self.current_undo() {
            Some(position) => {
                let step = self.undo[position].0;
                self.make(made, Event::StepStarted { step, attempt: 1 }, now)
            }
            None => self.make(made, Event::SagaCompensated, now),
        }
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

    fn forward_step(&self, action: A) -> Option<&Step<A>> {
        self.definition.steps().map(|(_, step)| step).find(|step| step.action == action)
    }

    fn policy(&self, step: A) -> Option<RetryPolicy> {
        if self.turned.is_some() {
            return Some(self.definition.compensation_retry());
        }
        self.forward_step(step).map(|step| step.retry)
    }

    /// The steps that the saga works on now, with their deadline actions.
    fn in_scope(&self) -> impl Iterator<Item = (A, &StepRecord, Option<A>)> {
        let undo = self.current_undo().map(|position| (self.undo[position].0, &self.undo[position].1, None));
        let forward = self
            .turned
            .is_none()
            .then(|| self.stage_records(self.stage).map(|(step, record)| (step.action, record, step.on_deadline)));
        undo.into_iter().chain(forward.into_iter().flatten())
    }
}

/// The questions.
impl<A: Action, I: Clone> Saga<A, I> {
    /// What it wants: tasks in flight, time to pass, or nothing. A log that was cut in the middle of an
    /// append waits for a time that has passed already, and [`Self::wake`] makes the rest of it.
    pub fn next(&self) -> Next<A> {
        if self.ended.is_some() {
            return Next::Rest;
        }
        let mut tasks = Vec::new();
        let mut until: Option<Timestamp> = None;
        for (step, record, on_deadline) in self.in_scope() {
            let earliest = |at: Timestamp| Some(until.map_or(at, |known| known.min(at)));
            match record.state {
                StepState::Running => tasks.push(Task { step, action: step, attempt: record.attempts }),
                StepState::Due => {
                    tasks.push(Task { step, action: on_deadline.unwrap_or(step), attempt: record.attempts });
                }
                StepState::Waiting { until: Some(at) } if on_deadline.is_some() => until = earliest(at),
                StepState::Backoff { until: at } => until = earliest(at),
                _ => {}
            }
        }
        if self.is_cut_short() {
            until = Some(self.updated_at);
        }
        if tasks.is_empty() { Next::Wait(until) } else { Next::Run(tasks) }
    }

    /// The waiting steps, to be asked again: after a signal, after a replay, and now and then.
    pub fn waiting_tasks(&self) -> Vec<Task<A>> {
        if self.ended.is_some() {
            return Vec::new();
        }
        self.in_scope()
            .filter(|(_, record, _)| matches!(record.state, StepState::Waiting { .. }))
            .map(|(step, record, _)| Task { step, action: step, attempt: record.attempts })
            .collect()
    }

    /// The saga's id.
    pub const fn id(&self) -> SagaId {
        self.id
    }

    /// What it was started with.
    pub const fn input(&self) -> &I {
        &self.input
    }

    /// Its definition.
    pub const fn definition(&self) -> &'static Definition<A> {
        self.definition
    }

    /// How many events its log has: the sequence number of the next one, counted from 0.
    pub const fn events(&self) -> u32 {
        self.events
    }

    /// When it started.
    pub const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    /// When its latest event was made.
    pub const fn updated_at(&self) -> Timestamp {
        self.updated_at
    }

    /// Why it is unwound, once it has turned.
    pub const fn turned(&self) -> Option<Reason> {
        self.turned
    }

    /// Whether every step of the stage with this name is done.
    pub fn has_finished(&self, stage: &str) -> bool {
        self.definition
            .stages()
            .iter()
            .position(|candidate| candidate.name == stage)
            .is_some_and(|index| self.stage_records(index).all(|(_, record)| record.state == StepState::Done))
    }

    /// Whether a participant has answered the step with this verb, whatever it said.
    pub fn has_answer(&self, step: A) -> bool {
        let answered = |record: &StepRecord| match record.state {
            StepState::Idle => false,
            StepState::Running => record.attempts > 1,
            _ => true,
        };
        self.definition
            .steps()
            .zip(&self.forward)
            .any(|((_, candidate), record)| candidate.action == step && answered(record))
    }

    /// The part of it that its row keeps.
    pub fn summary(&self) -> Summary {
        let parked = matches!(self.next(), Next::Wait(_));
        let status = match &self.ended {
            Some(End::Completed) => Status::Completed,
            Some(End::Compensated) => Status::Compensated,
            Some(End::Attention(_)) => Status::NeedsAttention,
            None if self.turned.is_some() => Status::Compensating,
            None if parked => Status::Waiting,
            None => Status::Running,
        };
        let stuck = parked || status == Status::NeedsAttention;
        Summary {
            status,
            waiting_for: if stuck {
                self.in_scope().find(|(_, record, _)| record.state != StepState::Done).map(|(step, ..)| step.name())
            } else {
                None
            },
            reason: self.turned,
            attention: match &self.ended {
                Some(End::Attention(why)) => Some(why.clone()),
                _ => None,
            },
        }
    }

    /// Every step as shown to a person, in order.
    pub fn progress(&self) -> Vec<Progress> {
        let stages = self.definition.stages();
        self.definition
            .steps()
            .zip(&self.forward)
            .map(|((stage, step), record)| {
                let undo = step
                    .compensation
                    .and_then(|verb| self.undo.iter().find(|(candidate, _)| *candidate == verb))
                    .map(|(_, undo)| undo);
                Progress {
                    stage: stages[stage].name,
                    step: step.action.name(),
                    participant: step.action.participant(),
                    kind: stages[stage].kind,
                    state: state_word(record, undo),
                    attempts: record.attempts,
                    started_at: record.started_at,
                    finished_at: record.finished_at,
                    error: undo.and_then(|undo| undo.error.clone()).or_else(|| record.error.clone()),
                }
            })
            .collect()
    }
}

fn begin_attempt(record: &mut StepRecord, attempt: u32, at: Timestamp) {
    record.state = StepState::Running;
    record.attempts = attempt;
    record.tries += 1;
    record.started_at = Some(at);
    record.finished_at = None;
}
