//! A saga as data, checked when it is built.

use super::retry::RetryPolicy;
use crate::domain::reason::Reason;
use std::{collections::HashSet, fmt::Debug};

/// A verb that a participant performs: an action, a compensation or a deadline's action.
pub trait Action: Copy + Eq + Debug + Send + Sync + 'static {
    /// The verb's stable name in the saga log and the API, e.g. `process_payment`.
    fn name(self) -> &'static str;
    /// Who performs it, e.g. `payment`.
    fn participant(self) -> &'static str;
}

/// Whether a stage can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Before the pivot: a failure compensates.
    Compensatable,
    /// The point of no return once it is done; until then a failure compensates, itself included.
    Pivot,
    /// After the pivot: only forward.
    Retriable,
}

impl Kind {
    /// The kind's stable name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compensatable => "compensatable",
            Self::Pivot => "pivot",
            Self::Retriable => "retriable",
        }
    }
}

/// One action and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub struct Step<A> {
    /// What to do.
    pub action: A,
    /// What undoes it. Several steps of one participant may share one compensation.
    pub compensation: Option<A>,
    /// What to ask when a pending result does not come in time; answers like the action.
    pub on_deadline: Option<A>,
    /// Whether the participant may say no.
    pub rejectable: bool,
    /// Whether somebody outside may begin it before the saga's own stage does, as `POST /payments`
    /// may. Such a step is compensated wherever the saga turns.
    pub claimable: bool,
    /// The reason to unwind with when every attempt ended `Unknown`.
    pub exhausted: Reason,
    /// How often and when an `Unknown` is asked again.
    pub retry: RetryPolicy,
}

/// Steps that run concurrently; the next stage begins when all are done.
#[derive(Clone, Debug)]
pub struct Stage<A> {
    /// The stage's stable name.
    pub name: &'static str,
    /// Whether it can be undone.
    pub kind: Kind,
    /// Its steps, at least one.
    pub steps: Vec<Step<A>>,
    /// Whether its compensations are sent together with those of the stage after it, so that neither waits for the
    /// other. Otherwise stages are undone one by one, the last one first.
    pub undone_with_next: bool,
}

/// The stage that the steps of an amendment are shown under.
pub const AMENDMENT_STAGE: &str = "amendment";

/// How a saga's input is amended while it waits for a result: by steps of their own, one after the other.
/// Whatever becomes of the amendment, the awaited step is sent again afterwards, as the input then says.
#[derive(Clone, Debug)]
pub struct AmendmentPlan<A: 'static> {
    /// The step that must be waiting, alone in its stage.
    pub awaited: A,
    /// The definition that a saga runs from the moment that a step of the amendment may have taken the place of
    /// one of the saga's own: the one with all steps, which what is left of it for some inputs knows nothing of.
    pub onto: fn() -> &'static Definition<A>,
    /// What is done, in order. A refusal ends the amendment: it leaves nothing changed but what the awaited
    /// step sets right when it is sent again.
    pub steps: Vec<AmendmentStep<A>>,
    /// How often and when an `Unknown` is asked again. There is no way back from one: when the attempts are
    /// used up, a person must act.
    pub retry: RetryPolicy,
}

/// One step of an amendment. It never waits and has no compensation of its own: a saga that turns undoes what
/// its participant holds, by whichever input.
#[derive(Clone, Copy, Debug)]
pub struct AmendmentStep<A> {
    /// What to do.
    pub action: A,
    /// Whether the participant may say no.
    pub rejectable: bool,
    /// The step of the saga that this one takes the place of: its receipt counts from now on.
    pub renews: Option<A>,
}

/// A checked definition: stages in order.
#[derive(Clone, Debug)]
pub struct Definition<A: 'static> {
    name: &'static str,
    version: u32,
    stages: Vec<Stage<A>>,
    compensation_retry: RetryPolicy,
    amendment: Option<AmendmentPlan<A>>,
}

/// Why a definition cannot be a saga.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// No stages, or a stage without steps.
    #[error("stage {0:?} has no steps")]
    Empty(&'static str),
    /// A stage's kind does not fit its place: compensatable, then at most one pivot, then retriable.
    #[error("stage {0:?} is out of order: compensatable stages, then at most one pivot, then retriable stages")]
    OutOfOrder(&'static str),
    /// A pivot with several steps could be half done and past undoing at once.
    #[error("pivot stage {0:?} must have exactly one step")]
    WidePivot(&'static str),
    /// A step up to and including the pivot cannot be undone.
    #[error("step {0:?} can be reached before the pivot is done but has no compensation")]
    NoCompensation(&'static str),
    /// A compensation is somebody else's, so the step's own participant would keep its effect.
    #[error("step {0:?} is compensated by another participant")]
    ForeignCompensation(&'static str),
    /// Nothing after the pivot may say no.
    #[error("step {0:?} comes after the pivot but can be rejected, expire or be compensated")]
    RejectableAfterPivot(&'static str),
    /// An amendment waits for a step that cannot be waited for alone, before the pivot.
    #[error("step {0:?} cannot be awaited by an amendment: it must be alone in a compensatable stage")]
    NotAwaitable(&'static str),
    /// Once a step has changed something for good, none may say no.
    #[error("step {0:?} of an amendment can be rejected after one that cannot")]
    LateRefusal(&'static str),
    /// A step takes the place of one that is not done before the awaited one.
    #[error("step {0:?} of an amendment renews a step that is not done by then")]
    RenewsNothing(&'static str),
    /// Two steps share a verb, so the log could not tell them apart.
    #[error("verb {0:?} is used twice")]
    Duplicate(&'static str),
}

impl<A: Action> Definition<A> {
    /// Checks the stages and makes a definition of them.
    ///
    /// # Errors
    /// The first rule that the stages break.
    pub fn build(
        name: &'static str,
        version: u32,
        stages: Vec<Stage<A>>,
        compensation_retry: RetryPolicy,
    ) -> Result<Self, DefinitionError> {
        if stages.is_empty() {
            return Err(DefinitionError::Empty(name));
        }
        let mut verbs = HashSet::new();
        let mut pivot_seen = false;
        for stage in &stages {
            match (stage.kind, pivot_seen) {
                (Kind::Compensatable, false) | (Kind::Retriable, true) => {}
                (Kind::Pivot, false) if stage.steps.len() > 1 => return Err(DefinitionError::WidePivot(stage.name)),
                (Kind::Pivot, false) => pivot_seen = true,
                _ => return Err(DefinitionError::OutOfOrder(stage.name)),
            }
            if stage.steps.is_empty() {
                return Err(DefinitionError::Empty(stage.name));
            }
            for step in &stage.steps {
                check_step(stage.kind, step)?;
                for verb in std::iter::once(step.action).chain(step.on_deadline) {
                    if !verbs.insert(verb.name()) {
                        return Err(DefinitionError::Duplicate(verb.name()));
                    }
                }
            }
        }
        let compensations = stages.iter().flat_map(|stage| &stage.steps).filter_map(|step| step.compensation);
        for verb in compensations {
            if verbs.contains(verb.name()) {
                return Err(DefinitionError::Duplicate(verb.name()));
            }
        }
        Ok(Self { name, version, stages, compensation_retry, amendment: None })
    }

    /// The same saga, whose input can be amended.
    ///
    /// # Errors
    /// The first rule that the plan breaks.
    pub fn amended_by(mut self, plan: AmendmentPlan<A>) -> Result<Self, DefinitionError> {
        let of = |verb: A| self.steps().find(|(_, step)| step.action == verb).map(|(stage, _)| stage);
        let awaited = of(plan.awaited)
            .filter(|stage| self.stages[*stage].kind == Kind::Compensatable && self.stages[*stage].steps.len() == 1)
            .ok_or(DefinitionError::NotAwaitable(plan.awaited.name()))?;
        let mut verbs: HashSet<_> = self.steps().flat_map(|(_, step)| verbs_of(step)).map(Action::name).collect();
        let mut settled = false;
        for AmendmentStep { action, rejectable, renews } in &plan.steps {
            if !verbs.insert(action.name()) {
                return Err(DefinitionError::Duplicate(action.name()));
            }
            if *rejectable && settled {
                return Err(DefinitionError::LateRefusal(action.name()));
            }
            if renews.is_some_and(|renewed| of(renewed).is_none_or(|stage| stage >= awaited)) {
                return Err(DefinitionError::RenewsNothing(action.name()));
            }
            settled |= !rejectable;
        }
        self.amendment = Some(plan);
        Ok(self)
    }

    /// The same saga for inputs that have no use for the steps of one participant: without them, and without
    /// the stages that they leave empty. When it is amended it may have a use for them again.
    ///
    /// # Errors
    /// Where what is left is no saga.
    pub fn without(&self, participant: &str) -> Result<Self, DefinitionError> {
        let mut stages = self.stages.clone();
        for stage in &mut stages {
            stage.steps.retain(|step| step.action.participant() != participant);
        }
        stages.retain(|stage| !stage.steps.is_empty());
        let rest = Self::build(self.name, self.version, stages, self.compensation_retry)?;
        Ok(Self { amendment: self.amendment.clone(), ..rest })
    }

    /// How its input can be amended, if it can.
    pub const fn amendment(&self) -> Option<&AmendmentPlan<A>> {
        self.amendment.as_ref()
    }

    /// The definition's name, stored with each saga.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The definition's version, stored with each saga.
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// The stages in order.
    pub fn stages(&self) -> &[Stage<A>] {
        &self.stages
    }

    /// How compensations are retried: nobody is left half undone because a participant was away.
    pub const fn compensation_retry(&self) -> RetryPolicy {
        self.compensation_retry
    }

    /// Every step with its stage's index, in order.
    pub fn steps(&self) -> impl Iterator<Item = (usize, &Step<A>)> {
        self.stages.iter().enumerate().flat_map(|(index, stage)| stage.steps.iter().map(move |step| (index, step)))
    }

    /// The compensations of stages `0..=last` and of every claimable step, in the waves that they are sent in: one wave
    /// begins when all of the one before are done. The last stage's come first, and a compensation that several steps
    /// share comes where the first of those steps stands.
    pub fn compensations(&self, last: usize) -> Vec<Vec<A>> {
        let mut waves: Vec<Vec<A>> = Vec::new();
        let mut joins = false;
        for (index, stage) in self.stages.iter().enumerate() {
            let mut wave = Vec::new();
            for step in &stage.steps {
                if let Some(undo) = step.compensation
                    && (index <= last || step.claimable)
                    && !waves.iter().flatten().chain(&wave).any(|known| *known == undo)
                {
                    wave.push(undo);
                }
            }
            let undoes = !wave.is_empty();
            match waves.last_mut().filter(|_| joins) {
                Some(before) => before.extend(wave),
                None if undoes => waves.push(wave),
                None => {}
            }
            joins = stage.undone_with_next && (undoes || joins);
        }
        waves.iter_mut().for_each(|wave| wave.reverse());
        waves.reverse();
        waves
    }
}

/// Every verb of a step.
fn verbs_of<A: Copy>(step: &Step<A>) -> impl Iterator<Item = A> + use<A> {
    [Some(step.action), step.on_deadline, step.compensation].into_iter().flatten()
}

fn check_step<A: Action>(kind: Kind, step: &Step<A>) -> Result<(), DefinitionError> {
    let name = step.action.name();
    if kind == Kind::Retriable {
        return if step.rejectable || step.on_deadline.is_some() || step.compensation.is_some() {
            Err(DefinitionError::RejectableAfterPivot(name))
        } else {
            Ok(())
        };
    }
    match step.compensation {
        None => Err(DefinitionError::NoCompensation(name)),
        Some(undo) if undo.participant() != step.action.participant() => {
            Err(DefinitionError::ForeignCompensation(name))
        }
        Some(_) => Ok(()),
    }
}
