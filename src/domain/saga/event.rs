//! What the saga log holds.

use super::outcome::{Detail, Outcome, Receipt, refusal};
use crate::domain::{reason::Reason, time::Timestamp};
use serde::{Deserialize, Serialize};

/// One thing that happened to a saga. `A` is the definition's verb, `I` the saga's input.
///
/// The same step events serve actions and compensations: verbs are unique in a definition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event<A, I> {
    /// The first event of every log.
    SagaStarted {
        /// Name of the definition it runs.
        definition: String,
        /// Version of the definition it runs.
        version: u32,
        /// What it was started with.
        input: I,
    },
    /// An attempt is about to be sent. Logged before it is.
    StepStarted {
        /// The verb.
        step: A,
        /// From 1.
        attempt: u32,
    },
    /// The participant accepted it; the result comes later.
    StepWaiting {
        /// The verb.
        step: A,
        /// When the participant may be told that the time is up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// The deadline of a waiting step has passed: its deadline action is about to be sent.
    StepDue {
        /// The waiting step's verb.
        step: A,
    },
    /// It happened.
    StepDone {
        /// The verb.
        step: A,
        /// What it made or changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<Receipt>,
        /// From the attempt's start to its answer.
        duration_ms: u64,
    },
    /// A business no.
    StepRejected {
        /// The verb.
        step: A,
        /// Why.
        reason: Reason,
        /// What more there is to say of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Detail>,
        /// From the attempt's start to its answer.
        duration_ms: u64,
    },
    /// No usable answer.
    StepUnknown {
        /// The verb.
        step: A,
        /// What went wrong.
        error: String,
        /// When it is tried again; `None` when the attempts are used up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
        /// From the attempt's start to its answer.
        duration_ms: u64,
    },
    /// From here on the saga only goes back.
    SagaTurned {
        /// Why the order is unwound.
        reason: Reason,
    },
    /// A reply to a forward step that came after the saga had turned or ended: noted, not applied.
    LateReply {
        /// The verb.
        step: A,
        /// What was answered.
        outcome: Outcome,
    },
    /// Somebody asked for the saga to be undone.
    CancelRequested {
        /// Who, as a reason.
        by: Reason,
        /// Their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// An operator asked for the stuck step to be tried again, with fresh attempts.
    RetryRequested {
        /// Their words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// What the saga was stuck at has come true after all: it goes on by itself.
    AttentionCleared {
        /// The verb that it was stuck at.
        step: A,
    },
    /// Its input is to become another one, while it waits.
    AmendmentStarted {
        /// Counted from 1, whatever becomes of it.
        revision: u32,
        /// What the input will be.
        input: I,
    },
    /// The amendment is refused: the saga goes on as it was.
    AmendmentRefused {
        /// Why.
        reason: Reason,
    },
    /// The saga goes on with the amended input.
    AmendmentDone,
    /// A person must act; the saga keeps what it holds and says why.
    AttentionNeeded {
        /// What a person needs to know.
        why: String,
    },
    /// Every step is done.
    SagaCompleted,
    /// Everything that may have happened is undone.
    SagaCompensated,
}

/// How a late reply is shown in one line.
pub struct Late<'a>(pub &'a Outcome);

impl std::fmt::Display for Late<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Outcome::Done { .. } => f.write_str("late: done"),
            Outcome::Rejected { reason, detail } => write!(f, "late: rejected, {}", refusal(*reason, detail.as_ref())),
            Outcome::Pending { .. } => f.write_str("late: pending"),
            Outcome::Unknown { error, .. } => write!(f, "late: {error}"),
        }
    }
}

impl<A, I> Event<A, I> {
    /// Why a step is refused, in words, where the event says so.
    pub fn refusal(&self) -> Option<String> {
        match self {
            Self::StepRejected { reason, detail, .. } => Some(refusal(*reason, detail.as_ref())),
            _ => None,
        }
    }

    /// The verb that it is about, where it is about one.
    pub const fn step(&self) -> Option<&A> {
        match self {
            Self::StepStarted { step, .. }
            | Self::StepWaiting { step, .. }
            | Self::StepDue { step }
            | Self::StepDone { step, .. }
            | Self::StepRejected { step, .. }
            | Self::StepUnknown { step, .. }
            | Self::LateReply { step, .. }
            | Self::AttentionCleared { step } => Some(step),
            _ => None,
        }
    }

    /// The event's stable name, as in the log's JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SagaStarted { .. } => "saga_started",
            Self::StepStarted { .. } => "step_started",
            Self::StepWaiting { .. } => "step_waiting",
            Self::StepDue { .. } => "step_due",
            Self::StepDone { .. } => "step_done",
            Self::StepRejected { .. } => "step_rejected",
            Self::StepUnknown { .. } => "step_unknown",
            Self::SagaTurned { .. } => "saga_turned",
            Self::LateReply { .. } => "late_reply",
            Self::CancelRequested { .. } => "cancel_requested",
            Self::RetryRequested { .. } => "retry_requested",
            Self::AttentionCleared { .. } => "attention_cleared",
            Self::AmendmentStarted { .. } => "amendment_started",
            Self::AmendmentRefused { .. } => "amendment_refused",
            Self::AmendmentDone => "amendment_done",
            Self::AttentionNeeded { .. } => "attention_needed",
            Self::SagaCompleted => "saga_completed",
            Self::SagaCompensated => "saga_compensated",
        }
    }
}
