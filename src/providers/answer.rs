//! What a service's answer means.

use crate::domain::{reason::Reason, reference::Named};
use serde_json::Value;
use std::time::Duration;

/// How a call went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It happened, and this is what the service calls it.
    Done(Named),
    /// A business no.
    Rejected(Reason),
    /// It is not decided yet.
    Pending,
    /// Nobody knows.
    Unknown {
        /// What went wrong, for the log.
        why: String,
        /// The service does not work, and is better left alone for a while.
        failing: bool,
    },
}

/// What came back, as far as it counts.
pub(super) struct Received {
    pub(super) answer: Answer,
    /// How long the service wants to be left alone.
    pub(super) retry_after: Option<Duration>,
}

/// What is known of a call that may have been made before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// How it went.
    Answer(Answer),
    /// It was not made, or has had no effect; and what the service calls what it is about.
    ToBeMade(Named),
}

impl Answer {
    /// For a metric's label.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Rejected(_) => "rejected",
            Self::Pending => "pending",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// The JSON of an answer.
pub(super) fn json(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|_| "its answer is not JSON, or is too long".to_owned())
}

/// The word at a place; numbers and booleans as they are written.
pub(super) fn word(json: &Value, pointer: &str) -> Option<String> {
    match json.pointer(pointer)? {
        Value::String(word) => Some(word.clone()),
        value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
        _ => None,
    }
}
