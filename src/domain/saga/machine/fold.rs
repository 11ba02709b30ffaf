//! What a log adds up to: one event at a time, each checked against those before it.

use super::{
    super::{
        definition::{Action, Definition, Kind, Step},
        event::Event,
        outcome::refusal,
        record::{StepRecord, StepState},
    },
    End, Fate, Impossible, Saga, Undo,
};
use crate::domain::{ids::SagaId, reason::Reason, time::Timestamp};

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
            amendments: Vec::new(),
            retries: 0,
            ended: None,
            updated_at: now,
        }
    }

    /// Folds a log into the saga it tells of. `definition` finds the definition of a name and version that
    /// the input runs.
    ///
    /// # Errors
    /// The first event that cannot follow those before it, or a definition nobody knows.
    pub fn replay(
        id: SagaId,
        log: impl IntoIterator<Item = (Timestamp, Event<A, I>)>,
        definition: impl FnOnce(&str, u32, &I) -> Option<&'static Definition<A>>,
    ) -> Result<Self, Impossible> {
        let impossible = |event, why| Impossible { event, position: 0, why };
        let mut log = log.into_iter();
        let Some((at, Event::SagaStarted { definition: name, version, input })) = log.next() else {
            return Err(impossible("first event", "a log begins with saga_started"));
        };
        let definition = definition(&name, version, &input)
            .ok_or_else(|| impossible("saga_started", "its definition is unknown"))?;
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
                        self.widen_for(*step);
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
                record.receipt.clone_from(receipt);
                record.error = None;
                record.finished_at = Some(at);
                self.advance();
                Ok(())
            }
            Event::StepRejected { step, reason, detail, .. } => {
                let record = self.answered(*step)?;
                record.state = StepState::Rejected(*reason);
                record.error = Some(refusal(*reason, detail.as_ref()));
                record.detail.clone_from(detail);
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
            Event::AttentionCleared { step } => self.unstick(*step),
            Event::AmendmentStarted { revision, input } => self.fold_amendment_started(*revision, input),
            Event::AmendmentRefused { reason } => self.fold_amendment_refused(*reason),
            Event::AmendmentDone => self.fold_amendment_done(),
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
                if self.turned.is_none() || self.current_wave().is_some() || self.ended.is_some() {
                    return Err("not every compensation is done");
                }
                self.ended = Some(End::Compensated);
                Ok(())
            }
        }
    }

    /// The record of a step that may be worked on now: of the current stage, the amendment or the current wave of
    /// compensations.
    pub(super) fn current(&mut self, step: A) -> Result<&mut StepRecord, &'static str> {
        if self.ended.is_some() {
            return Err("the saga has ended");
        }
        if self.turned.is_some() {
            let wave = self.current_wave().ok_or("every compensation is done")?;
            let due = |undo: &&mut Undo<A>| undo.wave == wave && undo.step == step;
            let found = self.undo.iter_mut().find(due).map(|undo| &mut undo.record);
            return found.ok_or("another compensation is due");
        }
        if self.amending().is_some() {
            let due = |(verb, record): &&mut (A, StepRecord)| *verb == step && record.state != StepState::Done;
            let found = self.amending_mut().and_then(|amendment| amendment.steps.iter_mut().find(due));
            return found.map(|(_, record)| record).ok_or("the step is not the amendment's next");
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
    pub(super) fn answered(&mut self, step: A) -> Result<&mut StepRecord, &'static str> {
        let record = self.current(step)?;
        match record.state {
            StepState::Running | StepState::Due | StepState::Waiting { .. } => Ok(record),
            _ => Err("the step has no answer outstanding"),
        }
    }

    pub(super) fn record(&self, step: A) -> Option<&StepRecord> {
        let mut records = self.definition.steps().zip(&self.forward);
        records.find(|((_, candidate), _)| candidate.action == step).map(|(_, record)| record)
    }

    pub(super) fn record_mut(&mut self, step: A) -> Option<&mut StepRecord> {
        let index = self.definition.steps().position(|(_, candidate)| candidate.action == step)?;
        self.forward.get_mut(index)
    }

    pub(super) fn stage_records(&self, stage: usize) -> impl Iterator<Item = (&Step<A>, &StepRecord)> {
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
        let waves = self.definition.compensations(self.stage).into_iter().enumerate();
        let undo = |(wave, steps): (usize, Vec<A>)| {
            steps.into_iter().map(move |step| Undo { step, wave, record: StepRecord::default() })
        };
        self.undo = waves.flat_map(undo).collect();
        if let Some(amendment) = self.amending_mut() {
            amendment.fate = Fate::Overtaken;
        }
        self.turned = Some(reason);
        self.ended = None;
        Ok(())
    }

    fn refresh(&mut self) -> Result<(), &'static str> {
        if matches!(self.ended, Some(End::Completed | End::Compensated)) {
            return Err("the saga has ended");
        }
        self.ended = None;
        let amended = self.amendments.last_mut().into_iter().flat_map(|amendment| &mut amendment.steps);
        let undo = self.undo.iter_mut().map(|undo| &mut undo.record);
        for record in self.forward.iter_mut().chain(undo).chain(amended.map(|(_, record)| record)) {
            record.tries = 0;
        }
        self.retries += 1;
        Ok(())
    }

    /// What a stuck step was refused, or never told, has come true: the saga goes on where it was stuck.
    fn unstick(&mut self, step: A) -> Result<(), &'static str> {
        if !matches!(self.ended, Some(End::Attention(_))) {
            return Err("the saga is not set aside");
        }
        let was = self.ended.take();
        let record = match self.current(step) {
            Ok(record) if matches!(record.state, StepState::Rejected(_) | StepState::Exhausted) => record,
            _ => {
                self.ended = was;
                return Err("the step is not what the saga is stuck at");
            }
        };
        record.state = StepState::Running;
        record.finished_at = None;
        Ok(())
    }

    /// The wave of compensations that is due, once the saga has turned.
    pub(super) fn current_wave(&self) -> Option<usize> {
        self.undo.iter().find(|undo| undo.record.state != StepState::Done).map(|undo| undo.wave)
    }

    fn pivot(&self) -> Option<usize> {
        self.definition.stages().iter().position(|stage| stage.kind == Kind::Pivot)
    }

    pub(super) fn pivot_done(&self) -> bool {
        self.pivot().is_some_and(|pivot| self.stage > pivot)
    }
}

fn begin_attempt(record: &mut StepRecord, attempt: u32, at: Timestamp) {
    record.state = StepState::Running;
    record.attempts = attempt;
    record.tries += 1;
    record.started_at = Some(at);
    record.finished_at = None;
}
