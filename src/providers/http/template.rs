//! Texts with places for what a call is about: `{order_id}`, `{payment_id}`, `{saga_id}`, `{amount}`, `{currency}`,
//! `{attempt}`. What stands for them needs no escaping, neither in JSON nor in a URL.

use crate::domain::payment::Payment;
use serde::{Deserialize, Deserializer, de::Error as _};
use std::fmt;

const NAMES: [&str; 6] = ["order_id", "payment_id", "saga_id", "amount", "currency", "attempt"];

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
            let Some(known) = NAMES.iter().find(|known| **known == name) else {
                let known = NAMES.map(|name| format!("{{{name}}}")).join(", ");
                return Err(format!("nothing can stand for {{{name}}}; there are {known}"));
            };
            parts.push(Part::Text(text[..open].to_owned()));
            parts.push(Part::Place(known));
            text = &text[open + name.len() + 2..];
            from = 0;
        }
        parts.push(Part::Text(text.to_owned()));
        Ok(Self(parts))
    }

    /// The text for a payment, and which attempt of its call it is.
    pub(super) fn fill(&self, payment: &Payment, attempt: u32) -> String {
        self.with(|name| match name {
            "order_id" => payment.order_id.to_string(),
            "payment_id" => payment.id.to_string(),
            "saga_id" => payment.saga_id.map(|id| id.to_string()).unwrap_or_default(),
            "amount" => payment.amount.get().to_string(),
            "currency" => <&str>::from(payment.currency).to_owned(),
            _ => attempt.to_string(),
        })
    }

    /// Whether it has a place of this name.
    pub(super) fn names(&self, name: &str) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Place(place) if *place == name))
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
    fn a_place_that_nothing_stands_for_is_refused_with_those_that_there_are() {
        let error = Template::parse(r#"{"id":"{order}"}"#).unwrap_err();
        assert!(error.contains("{order}") && error.contains("{order_id}, {payment_id}"), "{error}");
    }
}
