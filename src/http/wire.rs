//! Wire types that several resources share.

use crate::domain::{
    notifier::{GivenId, NoGivenId},
    time::Timestamp,
};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, OneOfBuilder, RefOr, Schema, SchemaFormat, schema::Type},
};

/// A time, written as RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl ToSchema for Time {}

/// An id as somebody else's service writes it, of the type that it was written in.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Given(pub(super) GivenId);

impl Given {
    /// The id, which a client has written.
    pub(super) fn parse(self) -> Result<GivenId, NoGivenId> {
        match self.0 {
            GivenId::Text(text) => GivenId::text(text),
            number @ GivenId::Number(_) => Ok(number),
        }
    }
}

impl PartialSchema for Given {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(64));
        let text = text.pattern(Some("^[!-~]*[!-\\-/-~][!-~]*$"));
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        OneOfBuilder::new().item(text).item(number).into()
    }
}

impl ToSchema for Given {}
