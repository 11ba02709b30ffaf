//! Texts with places for what a call is about, in URLs and in JSON. What others have written may need escaping there;
//! `{contents}` is JSON itself.

use super::subject::{Subject, Thing};
use crate::domain::shipment::Content;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use std::fmt;

/// What is escaped in a URL: all but what is unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What can stand in a call about a payment.
pub(super) const OF_PAYMENT: &[&str] =
    &["order_id", "payment_id", "saga_id", "amount", "currency", "attempt", "reference"];
/// What can stand in a call about a shipment.
pub(super) const OF_SHIPMENT: &[&str] =
    &["order_id", "shipment_id", "saga_id", "shop_id", "warehouse_id", "contents", "item_name", "attempt", "reference"];

/// How what stands for a place is written.
#[derive(Clone, Copy, Debug)]
enum Escape {
    /// As a part of a URL.
    Url,
    /// As a number, or inside a text of JSON.
    Json,
}

impl Escape {
    fn apply(self, text: &str) -> String {
        match self {
            Self::Url => utf8_percent_encode(text, ESCAPED).to_string(),
            Self::Json => {
                let quoted = Value::from(text).to_string();
                let bare = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                bare.unwrap_or_default().to_owned()
            }
        }
    }
}

/// A text with places.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(&'static str),
}

impl Template {
    /// Reads a template. Braces around anything but a bare word are text.
    ///
    /// # Errors
    /// A place that nothing can stand for.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        Self::read(text, &[OF_PAYMENT, OF_SHIPMENT]).map_err(|name| {
            let (payment, shipment) = (listed(OF_PAYMENT), listed(OF_SHIPMENT));
            format!("nothing can stand for {{{name}}}; there are {payment} of a payment and {shipment} of a shipment")
        })
    }

    /// As [`Self::parse`], with places of these names.
    ///
    /// # Errors
    /// Another place.
    pub(super) fn of(text: &str, known: &[&'static str]) -> Result<Self, String> {
        Self::read(text, &[known])
            .map_err(|name| format!("nothing can stand for {{{name}}}; there are {}", listed(known)))
    }

    /// Reads a template; the name of a place that is none of these where there is one.
    fn read(text: &str, known: &[&[&'static str]]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut text = text;
        let mut from = 0;
        while let Some(open) = text[from..].find('{').map(|at| from + at) {
            let name: &str = {
                let rest = &text[open + 1..];
                let end = rest.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_').unwrap_or(rest.len());
                if end > 0 && rest[end..].starts_with('}') { &rest[..end] } else { "" }
            };
            if name.is_empty() {
                from = open + 1;
                continue;
            }
            let Some(known) = known.iter().copied().flatten().find(|known| **known == name) else {
                return Err(name.to_owned());
            };
            parts.push(Part::Text(text[..open].to_owned()));
            parts.push(Part::Place(known));
            text = &text[open + name.len() + 2..];
            from = 0;
        }
        parts.push(Part::Text(text.to_owned()));
        Ok(Self(parts))
    }

    /// The URL for a call; nothing where it takes a reference and there is none.
    pub(super) fn url(&self, subject: &Subject) -> Option<String> {
        self.fill(subject, |text| Escape::Url.apply(text))
    }

    /// The JSON for a call; nothing where it takes a reference and there is none.
    pub(super) fn json(&self, subject: &Subject) -> Option<String> {
        self.fill(subject, |text| Escape::Json.apply(text))
    }

    /// The URL with what stands for each place.
    pub(super) fn fill_url(&self, value: impl Fn(&str) -> Value) -> String {
        self.with(|name| Escape::Url.apply(&text_of(value(name))))
    }

    /// The JSON with what stands for each place: a part of a text inside quotes, a value of its own elsewhere.
    pub(super) fn fill_json(&self, value: impl Fn(&str) -> Value) -> String {
        let mut quotes = Quotes::default();
        self.0.iter().fold(String::new(), |json, part| match part {
            Part::Text(more) => {
                quotes.pass(more);
                json + more
            }
            Part::Place(name) if quotes.are_open => json + &Escape::Json.apply(&text_of(value(name))),
            Part::Place(name) => json + &value(name).to_string(),
        })
    }

    fn fill(&self, subject: &Subject, escape: impl Fn(&str) -> String) -> Option<String> {
        if subject.reference().is_none() && self.places().any(|place| place == "reference") {
            return None;
        }
        Some(self.with(|name| match (name, &subject.thing) {
            ("order_id", _) => subject.order_id().to_string(),
            ("saga_id", _) => subject.saga_id().map(|id| id.to_string()).unwrap_or_default(),
            ("attempt", _) => subject.attempt().to_string(),
            ("reference", _) => subject.reference().map(|reference| escape(reference.as_str())).unwrap_or_default(),
            ("payment_id", Thing::Payment(payment)) => payment.id.to_string(),
            ("amount", Thing::Payment(payment)) => payment.amount.get().to_string(),
            ("currency", Thing::Payment(payment)) => <&str>::from(payment.currency).to_owned(),
            ("shipment_id", Thing::Shipment(shipment)) => shipment.id.to_string(),
            ("shop_id", Thing::Shipment(shipment)) => {
                shipment.origin.map(|origin| origin.shop_id.to_string()).unwrap_or_default()
            }
            ("warehouse_id", Thing::Shipment(shipment)) => {
                shipment.origin.map(|origin| origin.warehouse_id.to_string()).unwrap_or_default()
            }
            ("contents", Thing::Shipment(shipment)) => {
                serde_json::to_string(&shipment.contents).unwrap_or_else(|_| "[]".to_owned())
            }
            ("item_name", Thing::Shipment(shipment)) => escape(&names(&shipment.contents)),
            // The configuration was checked for what stands in which.
            _ => String::new(),
        }))
    }

    /// The names of its places.
    pub(super) fn places(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter_map(|part| match part {
            Part::Place(place) => Some(*place),
            Part::Text(_) => None,
        })
    }

    /// The text for nothing in particular.
    pub(super) fn sample(&self) -> String {
        self.with(|_| "0".to_owned())
    }

    fn with(&self, value: impl Fn(&str) -> String) -> String {
        self.0.iter().fold(String::new(), |text, part| match part {
            Part::Text(more) => text + more,
            Part::Place(name) => text + &value(name),
        })
    }
}

/// What a shipment's things are called, each once.
fn names(contents: &[Content]) -> String {
    let mut names: Vec<&str> =
        contents.iter().filter_map(|content| Some(content.item_name.as_ref()?.as_str())).collect();
    names.dedup();
    names.join(", ")
}

/// Whether a text of JSON has begun and not ended.
#[derive(Default)]
struct Quotes {
    are_open: bool,
    /// The next letter is escaped.
    is_escaped: bool,
}

impl Quotes {
    fn pass(&mut self, json: &str) {
        for letter in json.bytes() {
            match letter {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = self.are_open,
                b'"' => self.are_open = !self.are_open,
                _ => {}
            }
        }
    }
}

/// A value as a part of a text; nothing is an empty one.
fn text_of(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Names as they are written in a template.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}

/// A URL or a body may have a secret in it.
impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Template(…)")
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_and_other_braces_are_text() {
        for (template, text) in [
            ("", ""),
            ("/a/{order_id}", "/a/0"),
            ("{amount}{amount}", "00"),
            (r#"{"id":"{payment_id}","meta":{},"n":{amount}}"#, r#"{"id":"0","meta":{},"n":0}"#),
            ("{ amount }{Amount}{é}{", "{ amount }{Amount}{é}{"),
        ] {
            assert_eq!(Template::parse(template).unwrap().sample(), text, "{template}");
        }
    }

    #[test]
    fn a_place_outside_quotes_is_a_value_of_json_and_one_inside_is_a_part_of_a_text() {
        let template = r#"{"a":{amount},"b":"{amount}","c\"\\":[{amount}],"d":"\"{amount}\\"}"#;
        let template = Template::parse(template).unwrap();
        for (value, json) in [
            (Value::from(7), r#"{"a":7,"b":"7","c\"\\":[7],"d":"\"7\\"}"#),
            (Value::from("x\"y"), r#"{"a":"x\"y","b":"x\"y","c\"\\":["x\"y"],"d":"\"x\"y\\"}"#),
            (Value::Null, r#"{"a":null,"b":"","c\"\\":[null],"d":"\"\\"}"#),
        ] {
            let filled = template.fill_json(|_| value.clone());
            assert_eq!(filled, json);
            assert!(serde_json::from_str::<Value>(&filled).is_ok(), "{filled}");
        }
    }

    #[test]
    fn a_place_that_nothing_stands_for_is_refused_with_those_that_there_are() {
        let error = Template::parse(r#"{"id":"{order}"}"#).unwrap_err();
        assert!(error.contains("{order}") && error.contains("{order_id}, {payment_id}"), "{error}");
    }
}
