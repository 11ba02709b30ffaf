//! What a service's answer means.

use crate::domain::reason::Reason;

/// How a call went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It happened.
    Done,
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

/// What is known of a call that may have been made before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// How it went.
    Answer(Answer),
    /// It was not made, or has had no effect.
    ToBeMade,
}

impl Answer {
    /// For a metric's label.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Rejected(_) => "rejected",
            Self::Pending => "pending",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// The word at a place of a JSON text; numbers and booleans as they are written.
pub(super) fn word(body: &[u8], pointer: &str) -> Result<String, String> {
    let json: serde_json::Value =
        serde_json::from_slice(body).map_err(|_| "its answer is not JSON, or is too long".to_owned())?;
    match json.pointer(pointer) {
        Some(serde_json::Value::String(word)) => Ok(word.clone()),
        Some(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => Ok(value.to_string()),
        _ => Err(format!("its answer has no word at {pointer}")),
    }
}
