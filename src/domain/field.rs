//! What is wrong with a field of a request, and the text types that fields are made of.

use serde::{Deserialize, Serialize};
use std::fmt;
use unicode_normalization::UnicodeNormalization;

/// One field that cannot be accepted: which one, and what would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Path of the field in the request, e.g. `lines[2].quantity`.
    pub field: String,
    /// What is wrong and what is allowed, for a person to read.
    pub message: String,
}

/// Collects the errors of a whole request, so that a client learns all of them at once.
#[derive(Clone, Debug, Default)]
pub struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    /// Adds one error.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldError { field: field.into(), message: message.into() });
    }

    /// The value, or its error noted under `field`.
    pub fn check<T, E: fmt::Display>(&mut self, field: impl Into<String>, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(field, error.to_string())).ok()
    }

    /// Ends the collection.
    ///
    /// # Errors
    /// All errors that were added, in order.
    pub fn finish(self) -> Result<(), Vec<FieldError>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// A text that a field cannot hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Empty, or nothing but white space.
    #[error("must not be blank")]
    Blank,
    /// Longer than the field allows.
    #[error("must have at most {max} characters, has {len}")]
    TooLong {
        /// Characters allowed.
        max: usize,
        /// Characters given.
        len: usize,
    },
    /// Holds a control character, which no log or screen shows faithfully.
    #[error("must not contain control characters, has U+{0:04X}")]
    Control(u32),
}

/// A client's text in the one form (NFC) in which texts that look the same are the same, whether a keyboard has written
/// an accent with its letter or after it.
pub fn normalized(text: String) -> String {
    if text.is_ascii() || unicode_normalization::is_nfc(&text) { text } else { text.nfc().collect() }
}

/// A visible text of 1 to `MAX` characters in any script, without control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    /// Parses a client's text, in any normal form. White space around it is kept: it is the client's.
    ///
    /// # Errors
    /// Blank, too long, or with a control character.
    pub fn parse(text: String) -> Result<Self, TextError> {
        let text = normalized(text);
        if text.trim().is_empty() {
            return Err(TextError::Blank);
        }
        let len = text.chars().count();
        if len > MAX {
            return Err(TextError::TooLong { max: MAX, len });
        }
        match text.chars().find(|c| c.is_control()) {
            Some(control) => Err(TextError::Control(control.into())),
            None => Ok(Self(text)),
        }
    }

    /// A text as it was stored: parsed when it came in.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A client's idempotency key: 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

/// A text that is no idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 255 visible ASCII characters, bare or quoted")]
pub struct NoKey;

impl IdempotencyKey {
    /// Longest key.
    const MAX_LEN: usize = 255;

    /// Parses a client's key, bare or in quotation marks, which are no part of it.
    ///
    /// # Errors
    /// Empty, too long, or with anything that is not visible.
    pub fn parse(text: &str) -> Result<Self, NoKey> {
        let bare = text.strip_prefix('"').map_or(Some(text), |text| text.strip_suffix('"')).ok_or(NoKey)?;
        let is_key = (1..=Self::MAX_LEN).contains(&bare.len()) && bare.bytes().all(|byte| byte.is_ascii_graphic());
        if is_key { Ok(Self(bare.to_owned())) } else { Err(NoKey) }
    }
}

impl From<IdempotencyKey> for String {
    fn from(key: IdempotencyKey) -> Self {
        key.0
    }
}

/// The name of what a free-text line sells.
pub type ItemName = Text<200>;
/// A client's own reference to its customer.
pub type CustomerRef = Text<128>;
/// Why an operator or a customer did something.
pub type Note = Text<500>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_look_the_same_are_the_same() {
        for (one, other) in [("Caf\u{e9}", "Cafe\u{301}"), ("\u{1ec7}", "e\u{323}\u{302}"), ("\u{212b}", "\u{c5}")] {
            assert_eq!(CustomerRef::parse(one.into()), CustomerRef::parse(other.into()), "{one}");
        }
        assert_eq!(
            Text::<4>::parse("cafe\u{301}".into()).map(|text| text.0),
            Ok("café".to_owned()),
            "counted as it is kept"
        );
    }

    #[test]
    fn a_text_takes_any_script_and_refuses_blank_long_and_control() {
        for good in ["Kopi Gayo", "咖啡 ☕", "قهوة"] {
            assert!(ItemName::parse(good.into()).is_ok(), "{good}");
        }
        assert_eq!(ItemName::parse(" \u{3000} ".into()), Err(TextError::Blank));
        assert_eq!(Text::<3>::parse("éééé".into()), Err(TextError::TooLong { max: 3, len: 4 }));
        assert_eq!(ItemName::parse("a\u{0}b".into()), Err(TextError::Control(0)));
    }
}
