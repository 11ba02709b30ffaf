//! What a participant can answer to a step.

use crate::domain::{
    reason::Reason,
    stock::{Allotment, Shortage},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};
use uuid::Uuid;

/// What a finished step has to show: a closed list, as the reasons are, of what later steps are told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Receipt {
    /// The id of the thing it made or changed: a payment, a shipment.
    Id(Uuid),
    /// Which warehouses give what to the order.
    Allotments(Arc<[Allotment]>),
}

/// What there is to say of a refusal beside its reason: a closed list, as the receipts are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// What there is too little of.
    Shortages(Arc<[Shortage]>),
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shortages(shortages) => {
                for (number, shortage) in shortages.iter().enumerate() {
                    write!(f, "{}{shortage}", if number == 0 { "" } else { "; " })?;
                }
                Ok(())
            }
        }
    }
}

/// A refusal in words.
pub(super) fn refusal(reason: Reason, detail: Option<&Detail>) -> String {
    detail.map_or_else(|| reason.to_string(), |detail| format!("{reason}: {detail}"))
}

/// A step's outcome is one of four.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It happened, once.
    Done {
        /// What it made or changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt: Option<Receipt>,
    },
    /// A business answer. Not retried.
    Rejected {
        /// Why.
        reason: Reason,
        /// What more there is to say of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<Detail>,
    },
    /// Accepted; the result comes later, announced by a signal and found by asking again.
    Pending {
        /// When the participant may be told that the time is up.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// Timeout, crash, connection lost: it may have happened. Asked again with the same key.
    Unknown {
        /// What went wrong.
        error: String,
        /// The least time before the next attempt, when the other side named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
}

impl Outcome {
    /// Done, with nothing to show for it.
    pub const DONE: Self = Self::Done { receipt: None };

    /// Done, with the id of what was made or changed.
    pub const fn done(receipt: Uuid) -> Self {
        Self::Done { receipt: Some(Receipt::Id(receipt)) }
    }

    /// A business no.
    pub const fn rejected(reason: Reason) -> Self {
        Self::Rejected { reason, detail: None }
    }

    /// No usable answer.
    pub fn unknown(error: impl Into<String>) -> Self {
        Self::Unknown { error: error.into(), retry_after_ms: None }
    }
}

/// What comes back for a step: its outcome, or the news that asking again cannot help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StepReply {
    /// The participant answered.
    Outcome(Outcome),
    /// The command panics or its row cannot be read: the saga is set aside for a person, alone.
    Poisoned(String),
    /// The participant cannot be reached, says why. It may have happened; the step is sent again once the
    /// participant is back, and this is no attempt.
    Away(String),
}
