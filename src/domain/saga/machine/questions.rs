//! What a saga says of itself.

use super::{
    super::{
        definition::{AMENDMENT_STAGE, Action, Definition, Kind},
        outcome::{Detail, Receipt},
        record::{Progress, StepRecord, StepState, next_attempt, state_word},
    },
    End, Fate, Next, Saga, Status, Summary, Task,
};
use crate::domain::{ids::SagaId, reason::Reason, time::Timestamp};

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

    /// The steps that the saga is stuck at, to be asked again: one of them may be done by now.
    pub fn stuck_tasks(&self) -> Vec<Task<A>> {
        if !matches!(self.ended, Some(End::Attention(_))) {
            return Vec::new();
        }
        let is_stuck = |record: &StepRecord| matches!(record.state, StepState::Rejected(_) | StepState::Exhausted);
        let stuck = self.in_scope().filter(|(_, record, _)| is_stuck(record));
        stuck.map(|(step, record, _)| Task { step, action: step, attempt: record.attempts }).collect()
    }

    /// How often an operator has asked for it to be tried again.
    pub const fn retries(&self) -> u32 {
        self.retries
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
        self.record(step).is_some_and(answered)
    }

    /// Whether the step with this verb has been tried in vain and is, or would be, tried again.
    pub fn is_tried_again(&self, step: A) -> bool {
        let again = |record: &StepRecord| match record.state {
            StepState::Running => record.attempts > 1,
            StepState::Backoff { .. } | StepState::Exhausted => true,
            _ => false,
        };
        self.record(step).is_some_and(again)
    }

    /// Whether the step with this verb has been started again since this attempt: an answer to the older one is
    /// about what the step was then, and no news.
    pub fn is_overtaken(&self, step: A, attempt: u32) -> bool {
        self.record(step).is_some_and(|record| record.attempts > attempt)
    }

    /// Whether the step with this verb is to be sent or has been, and its answer is outstanding.
    pub fn is_running(&self, step: A) -> bool {
        let running = |record: &StepRecord| matches!(record.state, StepState::Idle | StepState::Running);
        self.record(step).is_some_and(running)
    }

    /// What the step with this verb has to show, once it is done.
    pub fn receipt(&self, step: A) -> Option<&Receipt> {
        self.record(step)?.receipt.as_ref()
    }

    /// What more there is to say of the refusal of the step with this verb, be it one of the latest amendment's.
    pub fn refusal(&self, step: A) -> Option<&Detail> {
        let amended = self.amendment().into_iter().flat_map(|latest| &latest.steps);
        let amended = amended.into_iter().find(|(verb, _)| *verb == step).map(|(_, record)| record);
        self.record(step).or(amended)?.detail.as_ref()
    }

    /// The compensation of the participant that performs this step, once the saga has turned.
    fn undo_of(&self, step: A) -> Option<&StepRecord> {
        let mut undo = self.undo.iter();
        undo.find(|undo| undo.step.participant() == step.participant()).map(|undo| &undo.record)
    }

    /// The part of it that its row keeps.
    pub fn summary(&self) -> Summary {
        let in_flight = |record: &StepRecord| matches!(record.state, StepState::Running | StepState::Due);
        let parked = self.ended.is_none() && !self.in_scope().any(|(_, record, _)| in_flight(record));
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

    /// Every step as shown to a person, in order; those of the latest amendment last.
    pub fn progress(&self) -> Vec<Progress> {
        let stages = self.definition.stages();
        let amended =
            self.amendment().into_iter().flat_map(|latest| latest.steps.iter().map(move |step| (step, latest.fate)));
        let amended = amended.map(|((step, record), fate)| Progress {
            stage: AMENDMENT_STAGE,
            step: step.name(),
            participant: step.participant(),
            kind: Kind::Compensatable,
            // What it may have done is undone with whatever else its participant did.
            state: state_word(record, self.undo_of(*step).filter(|_| fate == Fate::Overtaken)),
            attempts: record.attempts,
            started_at: record.started_at,
            finished_at: record.finished_at,
            error: record.error.clone(),
            last_status: None,
            next_attempt_at: next_attempt(record),
        });
        self.definition
            .steps()
            .zip(&self.forward)
            // A step that an amendment has done in its place.
            .filter(|(_, record)| record.attempts > 0 || record.state != StepState::Done)
            .map(|((stage, step), record)| {
                let undo = step
                    .compensation
                    .and_then(|verb| self.undo.iter().find(|undo| undo.step == verb))
                    .map(|undo| &undo.record);
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
                    last_status: None,
                    next_attempt_at: undo.map_or_else(|| next_attempt(record), next_attempt),
                }
            })
            .chain(amended)
            .collect()
    }
}
