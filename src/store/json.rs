//! What SQL never looks into, as JSON: the same on every backend.

use crate::domain::simulation::Script;
use serde::{Serialize, de::DeserializeOwned};

/// A value as text.
pub(super) fn encode<T: Serialize>(value: &T) -> serde_json::Result<String> {
    // Most values are a log entry of some 200 to 500 bytes: one allocation.
    let mut json = Vec::with_capacity(512);
    serde_json::to_writer(&mut json, value)?;
    String::from_utf8(json).map_err(serde::ser::Error::custom)
}

/// Reads what [`encode`] wrote.
pub(super) fn decode<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    serde_json::from_str(json)
}

/// A script, or nothing for nothing special.
pub(super) fn encode_script(script: Script) -> serde_json::Result<Option<String>> {
    if script == Script::default() { Ok(None) } else { encode(&script).map(Some) }
}

/// Reads what [`encode_script`] wrote.
pub(super) fn decode_script(json: Option<&str>) -> serde_json::Result<Script> {
    json.map_or_else(|| Ok(Script::default()), decode)
}
