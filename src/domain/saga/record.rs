//! What a saga knows of each of its steps.

use super::{
    definition::Kind,
    outcome::{Detail, Receipt},
};
use crate::domain::{reason::Reason, time::Timestamp};

/// Where one step or compensation stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StepState {
    /// Not sent yet.
    #[default]
    Idle,
    /// An attempt is logged as started and has no logged answer: it may have happened.
    Running,
    /// Accepted; the result comes later, at the latest when the deadline action asks for it.
    Waiting {
        /// The deadline.
        until: Option<Timestamp>,
    },
    /// The deadline has passed and the deadline action is logged as about to be sent.
    Due,
    /// The last attempt ended `Unknown`; the next begins at `until`.
    Backoff {
        /// When the next attempt begins.
        until: Timestamp,
    },
    /// It happened.
    Done,
    /// A business no.
    Rejected(Reason),
    /// Every attempt ended `Unknown`.
    Exhausted,
}

/// Everything the log says about one step or compensation.
#[derive(Clone, Debug, Default)]
pub struct StepRecord {
    /// Where it stands.
    pub state: StepState,
    /// Attempts started in all.
    pub attempts: u32,
    /// Attempts in a row without a usable answer, since an operator last asked for fresh ones: what
    /// the retry policy counts.
    pub(super) tries: u32,
    /// Start of the latest attempt.
    pub started_at: Option<Timestamp>,
    /// When it got a final answer.
    pub finished_at: Option<Timestamp>,
    /// The latest error or refusal.
    pub error: Option<String>,
    /// What it made or changed.
    pub receipt: Option<Receipt>,
    /// What more there is to say of the latest refusal.
    pub detail: Option<Detail>,
}

impl StepRecord {
    /// Whether it has a final answer.
    pub const fn is_final(&self) -> bool {
        matches!(self.state, StepState::Done | StepState::Rejected(_) | StepState::Exhausted)
    }
}

/// One step as shown to a person: the action's record and that of its compensation in one.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The stage's name.
    pub stage: &'static str,
    /// The verb.
    pub step: &'static str,
    /// Who performs it.
    pub participant: &'static str,
    /// Whether it can be undone.
    pub kind: Kind,
    /// `pending`, `running`, `waiting`, `done`, `rejected`, `unknown`, `compensating` or `compensated`.
    pub state: &'static str,
    /// Attempts of the action.
    pub attempts: u32,
    /// Start of the action's latest attempt.
    pub started_at: Option<Timestamp>,
    /// When the action got a final answer.
    pub finished_at: Option<Timestamp>,
    /// The latest error or refusal of the action or its compensation, or of the service outside that it waits for.
    pub error: Option<String>,
    /// The HTTP status of that, where a service outside has said one.
    pub last_status: Option<u16>,
    /// When the action or its compensation, or the call outside that it waits for, is tried again.
    pub next_attempt_at: Option<Timestamp>,
}

/// When an attempt is made again.
pub(super) const fn next_attempt(record: &StepRecord) -> Option<Timestamp> {
    match record.state {
        StepState::Backoff { until } => Some(until),
        _ => None,
    }
}

/// The word for a step, given its record and, where the saga has turned, its compensation's.
pub(super) const fn state_word(action: &StepRecord, undo: Option<&StepRecord>) -> &'static str {
    match undo {
        Some(undo) if !matches!(action.state, StepState::Idle | StepState::Rejected(_)) => match undo.state {
            StepState::Done => "compensated",
            _ => "compensating",
        },
        _ => match action.state {
            StepState::Idle => "pending",
            StepState::Running | StepState::Due => "running",
            StepState::Waiting { .. } => "waiting",
            StepState::Backoff { .. } | StepState::Exhausted => "unknown",
            StepState::Done => "done",
            StepState::Rejected(_) => "rejected",
        },
    }
}
