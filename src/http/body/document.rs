//! A body as JSON, whatever it should hold: what is the same for everybody who reads JSON, and what is not.

use crate::domain::field::{FieldError, FieldErrors};
use serde::{
    Deserializer, Serialize,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};
use std::fmt;

/// Whole numbers up to here are exact in the floating point that most languages read JSON with.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A JSON document.
pub(super) struct Document {
    /// Its value, with whole numbers as such, however they were written: `1.0` is 1.
    pub(super) value: Value,
    /// Names that are given more than once.
    pub(super) repeated: Vec<FieldError>,
}

impl Document {
    /// Parses JSON.
    pub(super) fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        let mut repeated = FieldErrors::default();
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let value = Node { path: String::new(), repeated: &mut repeated }.deserialize(&mut json)?;
        json.end()?;
        Ok(Self { value, repeated: repeated.finish().err().unwrap_or_default() })
    }
}

/// A value at a path.
struct Node<'e> {
    path: String,
    repeated: &'e mut FieldErrors,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(whole(value).map_or_else(|| value.into(), Value::from))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let Self { path, repeated } = self;
        let mut list = Vec::new();
        while let Some(item) =
            items.next_element_seed(Node { path: format!("{path}[{}]", list.len()), repeated: &mut *repeated })?
        {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let Self { path, repeated } = self;
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let value = fields.next_value_seed(Node { path: path.clone(), repeated: &mut *repeated })?;
            if object.insert(name, value).is_some() {
                repeated.add(path, "is given more than once");
            }
        }
        Ok(object.into())
    }
}

/// The whole number that a fraction is, if it is one exactly.
fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

/// SHA-256 of what a body means: the order of names, spaces, escapes, how a number is written and whether what is not given is
/// null make no difference. The same on every node, and in later versions that only add fields.
pub(super) fn meaning(body: &impl Serialize) -> [u8; 32] {
    let canonical = serde_json::to_value(body).map(canonical).unwrap_or_default();
    Sha256::digest(canonical.to_string()).into()
}

/// As [`meaning`], of a body that nobody has parsed further.
pub(in crate::http) fn meaning_of(bytes: &[u8]) -> [u8; 32] {
    match Document::parse(bytes) {
        Ok(document) => meaning(&document.value),
        Err(_) => Sha256::digest(bytes).into(),
    }
}

/// Names in order, and nothing that is null.
fn canonical(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(fields.into_iter().map(|(name, value)| (name, canonical(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(canonical).collect()),
        Value::Number(number) => whole_number(&number).map_or(Value::Number(number), Value::from),
        other => other,
    }
}

fn whole_number(number: &Number) -> Option<i64> {
    if number.is_f64() { number.as_f64().and_then(whole) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_means_the_same_however_it_is_written() {
        let one = meaning_of(br#"{"a":1,"b":{"c":"Kopi","d":[1,{"e":null,"f":true}]}}"#);
        for other in [
            r#"{"b":{"d":[1,{"f":true}],"c":"Kopi"},"a":1}"#,
            "{ \"a\" : 1.0 ,\r\n\t\"b\":{\"c\":\"\\u004bopi\",\"d\":[1e0,{\"f\":true}],\"g\":null} }",
        ] {
            assert_eq!(meaning_of(other.as_bytes()), one, "{other}");
        }
        for another in [
            r#"{"a":"1","b":{"c":"Kopi","d":[1,{"f":true}]}}"#,
            r#"{"a":1,"b":{"c":"Kopi","d":[{"f":true},1]}}"#,
            r#"{"a":1,"b":{"c":"kopi","d":[1,{"f":true}]}}"#,
            r#"{"a":1.5,"b":{"c":"Kopi","d":[1,{"f":true}]}}"#,
        ] {
            assert_ne!(meaning_of(another.as_bytes()), one, "{another}");
        }
    }

    #[test]
    fn every_name_that_is_given_twice_is_found() {
        let document = Document::parse(br#"{"a":1,"a":2,"b":[{"c":1,"c":1}]}"#).unwrap();
        let fields: Vec<_> = document.repeated.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["a", "b[0].c"]);
    }
}
