//! A change of one field.

use crate::domain::field::FieldErrors;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// What becomes of a field: it stays as it is, or gets a value. A field that can be empty is an
/// `Edit<Option<T>>`: to empty it is to set it to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edit<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It gets this value.
    Set(T),
}

impl<T> Edit<T> {
    /// Whether the field stays as it is.
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The edit with its value parsed; a value that cannot be is noted under `field`.
    pub fn parse<U, E: fmt::Display>(
        self,
        field: &str,
        errors: &mut FieldErrors,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Edit<U> {
        match self {
            Self::Keep => Edit::Keep,
            Self::Set(value) => errors.check(field, parse(value)).map_or(Edit::Keep, Edit::Set),
        }
    }
}

impl<T> Edit<Option<T>> {
    /// As [`Self::parse`], of a field that can be empty.
    pub fn parse_some<U, E: fmt::Display>(
        self,
        field: &str,
        errors: &mut FieldErrors,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Edit<Option<U>> {
        self.parse(field, errors, |value| value.map(parse).transpose())
    }
}

impl<T: Clone> Edit<T> {
    /// Makes the change.
    pub fn apply(&self, field: &mut T) {
        if let Self::Set(value) = self {
            field.clone_from(value);
        }
    }
}

/// A field that is given is set; one that is left out is kept by its default.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Edit<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(Self::Set)
    }
}

/// As it is read: its value. A field that is kept is left out, by [`Edit::is_kept`].
impl<T: Serialize> Serialize for Edit<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Keep => to.serialize_none(),
            Self::Set(value) => value.serialize(to),
        }
    }
}
