//! What a service's answer means.

use crate::domain::{reason::Reason, reference::Named};
use serde_json::value::RawValue;
use std::{collections::HashMap, time::Duration};

/// How a call went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It happened, and this is what the service calls it.
    Done(Named),
    /// A business no.
    Rejected(Reason),
    /// It will not undo what it did, or cannot be asked to; why.
    Refused(String),
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
    /// The HTTP status that it came with.
    pub(super) status: Option<u16>,
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
            Self::Rejected(_) | Self::Refused(_) => "rejected",
            Self::Pending => "pending",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// The JSON of an answer, as it is written: what a service calls something may be a number of any length.
pub(super) fn json(body: &[u8]) -> Result<&RawValue, String> {
    serde_json::from_slice(body).map_err(|_| "its answer is not JSON, or is too long".to_owned())
}

/// The word at a place (RFC 6901); numbers and booleans as they are written.
pub(super) fn word(json: &RawValue, pointer: &str) -> Option<String> {
    let mut at = json.get().trim();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let inside: &RawValue = match at.as_bytes().first()? {
            b'{' => serde_json::from_str::<HashMap<String, &RawValue>>(at).ok()?.remove(&token)?,
            b'[' if token == "0" || !token.starts_with(['0', '+']) => {
                serde_json::from_str::<Vec<&RawValue>>(at).ok()?.get(token.parse::<usize>().ok()?)?
            }
            _ => return None,
        };
        at = inside.get().trim();
    }
    match at.as_bytes().first()? {
        b'"' => serde_json::from_str(at).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(at.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_by_its_pointer_and_read_as_it_is_written() {
        let answer = br#" { "a/b": [ {"~": "caf\u00e9 "}, 12345678901234567890123, 1.50, -0, true, null, [], {} ],
            "empty": "", "": {"x": 1} } "#;
        let json = json(answer).expect("JSON");
        for (pointer, expected) in [
            ("/a~1b/0/~0", Some("café ")),
            ("/a~1b/1", Some("12345678901234567890123")),
            ("/a~1b/2", Some("1.50")),
            ("/a~1b/3", Some("-0")),
            ("/a~1b/4", Some("true")),
            ("/a~1b/5", None),
            ("/a~1b/6", None),
            ("/a~1b/7", None),
            ("/a~1b/8", None),
            ("/a~1b/01", None),
            ("/a~1b/-", None),
            ("/empty", Some("")),
            ("//x", Some("1")),
            ("/missing", None),
            ("/empty/x", None),
        ] {
            assert_eq!(word(json, pointer).as_deref(), expected, "{pointer}");
        }
    }

    #[test]
    fn what_is_cut_or_no_json_has_no_words() {
        for body in [&b"<html>"[..], b"{\"a\": 1", b"", b"\xff"] {
            assert!(json(body).is_err(), "{body:?}");
        }
    }
}
