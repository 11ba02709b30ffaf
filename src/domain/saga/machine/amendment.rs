//! Amendments: a waiting saga's input becomes another one, by logged steps of its own.
//!
//! ```text
//!   the awaited step waits ──AmendmentStarted──▶ step ─▶ step ─▶ … ──AmendmentDone──▶ the new input ─┐
//!            ▲                                     └──── no ──AmendmentRefused──▶ the old input ─────┤
//!            └─────────────────────────── the awaited step is sent again ────────────────────────────┘
//! ```
//!
//! Meanwhile the saga's own steps are out of sight: an answer to one is no news, since the awaited step is
//! asked again anyway. A saga that turns forgets the amendment: its compensations close whatever is held.

use super::{
    super::{
        definition::{Action, AmendmentPlan, Step},
        event::Event,
        record::{StepRecord, StepState},
    },
    End, Impossible, Refused, Saga, Status,
};
use crate::domain::{reason::Reason, time::Timestamp};

/// An amendment of a saga's input.
#[derive(Clone, Debug)]
pub struct Amendment<A, I> {
    pub(super) revision: u32,
    pub(super) input: I,
    pub(super) steps: Vec<(A, StepRecord)>,
    pub(super) fate: Fate,
}

/// What becomes of an amendment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Not decided yet.
    UnderWay,
    /// The saga goes on with the new input.
    Done,
    /// It goes on with the old one.
    Refused(Reason),
    /// It has turned before the amendment was done.
    Overtaken,
}

impl<A: Copy, I> Amendment<A, I> {
    /// Counted from 1.
    pub const fn revision(&self) -> u32 {
        self.revision
    }

    /// What the input becomes, or would have become.
    pub const fn input(&self) -> &I {
        &self.input
    }

    /// What becomes of it.
    pub const fn fate(&self) -> Fate {
        self.fate
    }

    /// The step that is due, if one is.
    pub(super) fn current(&self) -> Option<(A, &StepRecord)> {
        self.steps.iter().find(|(_, record)| record.state != StepState::Done).map(|(step, record)| (*step, record))
    }
}

impl<A: Action, I: Clone> Saga<A, I> {
    /// Amends the input, if the saga waits where that is possible. Returns the events it leads to.
    ///
    /// # Errors
    /// Refused once it has ended or turned, and while anything but the awaited step, or another amendment, is
    /// under way.
    pub fn amend(&mut self, input: I, now: Timestamp) -> Result<Vec<Event<A, I>>, Refused> {
        if self.turned.is_some() {
            return Err(Refused::Turned);
        }
        if self.ended == Some(End::Completed) {
            return Err(Refused::Ended(Status::Completed.as_str()));
        }
        let mut made = Vec::new();
        let begun = self.make(&mut made, Event::AmendmentStarted { revision: self.next_revision(), input }, now);
        // The rule stands in the fold, once.
        begun.map_err(|_| Refused::Busy)?;
        let gone_on = self.next_amendment_step(&mut made, now);
        debug_assert!(gone_on.is_ok(), "{gone_on:?}");
        gone_on.map(|()| made).map_err(|_| Refused::Busy)
    }

    /// The amendments, whatever became of them, in their order.
    pub fn amendments(&self) -> &[Amendment<A, I>] {
        &self.amendments
    }

    /// The latest of them.
    pub fn amendment(&self) -> Option<&Amendment<A, I>> {
        self.amendments.last()
    }

    /// What the next one will be.
    pub fn next_revision(&self) -> u32 {
        self.amendment().map_or(0, Amendment::revision) + 1
    }

    /// The amendment that is under way.
    pub(super) fn amending(&self) -> Option<&Amendment<A, I>> {
        self.amendment().filter(|amendment| amendment.fate == Fate::UnderWay)
    }

    pub(super) fn amending_mut(&mut self) -> Option<&mut Amendment<A, I>> {
        self.amendments.last_mut().filter(|amendment| amendment.fate == Fate::UnderWay)
    }

    fn plan(&self) -> Option<&'static AmendmentPlan<A>> {
        self.definition.amendment()
    }

    pub(super) fn fold_amendment_started(&mut self, revision: u32, input: &I) -> Result<(), &'static str> {
        let plan = self.plan().ok_or("its input cannot be amended")?;
        if self.amending().is_some() {
            return Err("an amendment is under way");
        }
        if revision != self.next_revision() {
            return Err("amendments are numbered one by one");
        }
        if !matches!(self.current(plan.awaited)?.state, StepState::Waiting { .. }) {
            return Err("it does not wait where it can be amended");
        }
        let steps = plan.steps.iter().map(|step| (step.action, StepRecord::default())).collect();
        self.amendments.push(Amendment { revision, input: input.clone(), steps, fate: Fate::UnderWay });
        Ok(())
    }

    pub(super) fn fold_amendment_refused(&mut self, reason: Reason) -> Result<(), &'static str> {
        let amendment = self.amending_mut().ok_or("no amendment is under way")?;
        if !amendment.steps.iter().any(|(_, record)| record.state == StepState::Rejected(reason)) {
            return Err("no step of the amendment was refused so");
        }
        amendment.fate = Fate::Refused(reason);
        self.await_again();
        Ok(())
    }

    pub(super) fn fold_amendment_done(&mut self) -> Result<(), &'static str> {
        let amendment = self.amending_mut().ok_or("no amendment is under way")?;
        if amendment.current().is_some() {
            return Err("not every step of the amendment is done");
        }
        amendment.fate = Fate::Done;
        let (input, steps) = (amendment.input.clone(), amendment.steps.clone());
        for (step, (_, record)) in self.plan().map_or(&[][..], |plan| &plan.steps).iter().zip(steps) {
            if let Some(renewed) = step.renews.and_then(|renewed| self.record_mut(renewed)) {
                *renewed = record;
            }
        }
        self.input = input;
        self.await_again();
        Ok(())
    }

    /// A step of the amendment is about to be sent: from here on, what it may renew is to be undone or finished
    /// as if the saga had always had it.
    pub(super) fn widen_for(&mut self, step: A) {
        let Some(plan) = self.plan() else { return };
        let full = (plan.onto)();
        let renews = plan.steps.iter().any(|candidate| candidate.action == step && candidate.renews.is_some());
        if !renews || std::ptr::eq(full, self.definition) {
            return;
        }
        let here = self.definition.stages().get(self.stage).map(|stage| stage.name);
        let stage = full.stages().iter().position(|stage| Some(stage.name) == here).unwrap_or(self.stage);
        let record = |(of, step): (usize, &Step<A>)| match self.record(step.action) {
            Some(record) => record.clone(),
            None if of < stage => StepRecord { state: StepState::Done, ..StepRecord::default() },
            None => StepRecord::default(),
        };
        self.forward = full.steps().map(record).collect();
        (self.stage, self.definition) = (stage, full);
    }

    /// The awaited step has no answer any more that counts.
    fn await_again(&mut self) {
        if let Some(record) = self.plan().and_then(|plan| self.record_mut(plan.awaited)) {
            record.state = StepState::Idle;
        }
    }

    /// Starts the amendment's next step; after the last, the saga goes on with the new input.
    pub(super) fn next_amendment_step(
        &mut self,
        made: &mut Vec<Event<A, I>>,
        now: Timestamp,
    ) -> Result<(), Impossible> {
        match self.amending().map(Amendment::current) {
            Some(Some((step, _))) => self.make(made, Event::StepStarted { step, attempt: 1 }, now),
            Some(None) => {
                self.make(made, Event::AmendmentDone, now)?;
                self.start_awaited(made, now)
            }
            None => Ok(()),
        }
    }

    /// A step of the amendment was refused: the saga goes on as it was, if that is still possible.
    pub(super) fn refuse_amendment(
        &mut self,
        made: &mut Vec<Event<A, I>>,
        step: A,
        reason: Reason,
        now: Timestamp,
    ) -> Result<(), Impossible> {
        let rejectable = self
            .plan()
            .is_some_and(|plan| plan.steps.iter().any(|candidate| candidate.action == step && candidate.rejectable));
        if !rejectable {
            let why = format!("{} was refused ({reason}) where nothing may be", step.name());
            return self.make(made, Event::AttentionNeeded { why }, now);
        }
        self.make(made, Event::AmendmentRefused { reason }, now)?;
        self.start_awaited(made, now)
    }

    fn start_awaited(&mut self, made: &mut Vec<Event<A, I>>, now: Timestamp) -> Result<(), Impossible> {
        let awaited = self.in_scope().next().map(|(step, record, _)| (step, record.attempts + 1));
        awaited.map_or(Ok(()), |(step, attempt)| self.make(made, Event::StepStarted { step, attempt }, now))
    }
}
