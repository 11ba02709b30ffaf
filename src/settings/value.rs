//! From a value that won its layers to a typed one, or to an error that says key, value and what is
//! allowed.
//!
//! Strict on purpose: the config crate would read `true` as 1 and 1.5 as 2.

use super::{Secret, SettingsError};
use config::{Value, ValueKind};
use std::{borrow::Cow, collections::BTreeMap, fmt, num::NonZeroU32, time::Duration};

/// The merged values; each is taken out once, so that a key nobody reads is left over.
#[derive(Debug)]
pub(super) struct Values(BTreeMap<String, Value>);

impl Values {
    pub(super) fn new(values: BTreeMap<String, Value>) -> Self {
        Self(values)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A whole number within bounds.
    pub(super) fn number<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        least: u64,
        most: u64,
    ) -> Result<T, SettingsError> {
        let value = self.take(key)?;
        let number = match value.kind {
            ValueKind::I64(number) => u64::try_from(number).ok(),
            _ => None,
        };
        number
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| invalid(key, &value, &format!("a whole number from {least} to {most}")))
    }

    /// A number of days within bounds, or 0 for never.
    pub(super) fn days_or_never(
        &mut self,
        key: &'static str,
        least: u32,
        most: u32,
    ) -> Result<Option<NonZeroU32>, SettingsError> {
        let value = self.take(key)?;
        let days = match value.kind {
            ValueKind::I64(days) => u32::try_from(days).ok(),
            _ => None,
        };
        days.filter(|days| *days == 0 || (least..=most).contains(days)).map(NonZeroU32::new).ok_or_else(|| {
            let keys = if least > 1 { ", not shorter than idempotency.keep_hours" } else { "" };
            invalid(key, &value, &format!("0 for never, or a whole number from {least} to {most}{keys}"))
        })
    }

    /// A number of milliseconds within bounds.
    pub(super) fn millis(&mut self, key: &'static str, least: u64, most: u64) -> Result<Duration, SettingsError> {
        self.number(key, least, most).map(Duration::from_millis)
    }

    /// True or false.
    pub(super) fn switch(&mut self, key: &'static str) -> Result<bool, SettingsError> {
        let value = self.take(key)?;
        match value.kind {
            ValueKind::Boolean(on) => Ok(on),
            _ => Err(invalid(key, &value, "true or false")),
        }
    }

    /// A text that `parse` understands; its error says what is allowed.
    pub(super) fn parsed<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Result<T, SettingsError> {
        let value = self.take(key)?;
        text(&value).and_then(parse).map_err(|allowed| invalid(key, &value, allowed))
    }

    /// Like [`Values::parsed`], for a text that may carry credentials: an error does not repeat them.
    pub(super) fn parsed_secret<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Cow<'static, str>>,
    ) -> Result<T, SettingsError> {
        let value = self.take(key)?;
        text(&value).map_err(Cow::Borrowed).and_then(parse).map_err(|allowed| {
            let shown = match &value.kind {
                ValueKind::String(text) => Value::new(value.origin().map(str::to_owned).as_ref(), redacted(text)),
                _ => value,
            };
            invalid(key, &shown, &allowed)
        })
    }

    /// A secret, of which an error shows nothing.
    pub(super) fn secret(&mut self, key: &'static str) -> Result<Option<Secret>, SettingsError> {
        let value = self.take(key)?;
        text(&value).and_then(Secret::parse).map_err(|allowed| {
            let hidden = Value::new(value.origin().map(str::to_owned).as_ref(), "…");
            invalid(key, &hidden, allowed)
        })
    }

    fn take(&mut self, key: &'static str) -> Result<Value, SettingsError> {
        self.0.remove(key).ok_or(SettingsError::NoDefault(key))
    }
}

fn text(value: &Value) -> Result<&str, &'static str> {
    match &value.kind {
        ValueKind::String(text) => Ok(text),
        _ => Err("a text in quotes"),
    }
}

/// The scheme alone where the rest may hold a user and a password, also one that is not where it should be.
fn redacted(url: &str) -> String {
    let is_path = url.starts_with("sqlite:") || !url.contains(':');
    match url.split_once(':') {
        _ if is_path && !url.contains(['@', '=']) => url.to_owned(),
        Some((scheme, _)) if scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) => format!("{scheme}:…"),
        _ => "…".to_owned(),
    }
}

fn invalid(key: &'static str, value: &Value, allowed: &str) -> SettingsError {
    SettingsError::Invalid {
        key,
        value: Shown(&value.kind).to_string(),
        origin: value.origin().unwrap_or("nowhere").to_owned(),
        allowed: allowed.to_owned(),
    }
}

/// A value as one would write it in a file.
struct Shown<'a>(&'a ValueKind);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ValueKind::String(text) => write!(f, "{text:?}"),
            ValueKind::Array(_) => f.write_str("a list"),
            ValueKind::Table(_) => f.write_str("a section"),
            other => other.fmt(f),
        }
    }
}
