//! The requests of a service over HTTP: how they are written, whether they make sense, and how their answers are read.

use super::{
    Purpose,
    fields::{Pointer, method, url, words},
};
use crate::{
    domain::reference::Named,
    providers::{
        answer::{Answer, Known, json, word},
        subject::{Call, Subject},
        template::{Template, listed},
    },
};
use reqwest::Method;
use serde::Deserialize;
use std::collections::HashSet;

/// A request that does something, and how its answer is read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::providers) struct Action {
    #[serde(default = "post", deserialize_with = "method")]
    pub(in crate::providers) method: Method,
    #[serde(deserialize_with = "url")]
    pub(in crate::providers) url: Template,
    /// The request's JSON; the contract's own where it is left out.
    pub(in crate::providers) body: Option<Template>,
    /// Where the answer's JSON has the word that says how it went (RFC 6901); without it a 2xx is enough.
    result: Option<Pointer>,
    #[serde(default, deserialize_with = "words")]
    done: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    rejected: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    pending: Vec<String>,
    /// Statuses beside 422 that say no.
    #[serde(default)]
    rejected_codes: Vec<u16>,
    /// Where the answer's JSON has what the service calls it.
    pub(super) reference: Option<Pointer>,
    /// Where it has what the customer follows a shipment by.
    tracking_number: Option<Pointer>,
}

/// A request that asks what has become of a payment or a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::providers) struct StatusQuery {
    #[serde(default = "get", deserialize_with = "method")]
    pub(in crate::providers) method: Method,
    #[serde(deserialize_with = "url")]
    pub(in crate::providers) url: Template,
    result: Pointer,
    #[serde(default, deserialize_with = "words")]
    charged: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    refunded: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    dispatched: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    recalled: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    rejected: Vec<String>,
    /// As those of an action.
    pub(super) reference: Option<Pointer>,
    tracking_number: Option<Pointer>,
}

/// Fails where a word means two things.
fn check_words(lists: &[&Vec<String>]) -> Result<(), String> {
    let mut seen = HashSet::new();
    match lists.iter().copied().flatten().find(|word| !seen.insert(word.as_str())) {
        Some(word) => Err(format!("the word {word:?} is there twice")),
        None => Ok(()),
    }
}

/// Fails where a template names what nothing stands for in such a call.
fn check_places(template: &Template, purpose: Purpose, known: bool, whole: bool) -> Result<(), String> {
    for name in template.places() {
        if !purpose.places().contains(&name) {
            return Err(format!("nothing can stand for {{{name}}}; there are {}", listed(purpose.places())));
        }
        if name == "reference" && !known {
            return Err("{reference} is known only once the service has answered".to_owned());
        }
        if name == "contents" && !whole {
            return Err("{contents} is JSON and stands in a body alone".to_owned());
        }
    }
    Ok(())
}

impl Action {
    /// The names of the places that it has anywhere.
    pub(super) fn places(&self) -> impl Iterator<Item = &'static str> {
        self.url.places().chain(self.body.iter().flat_map(Template::places))
    }

    /// Whether it is asked by what the service calls it, and that is not known or cannot be put where it is asked for.
    pub(in crate::providers) fn lacks_reference(&self, subject: &Subject) -> bool {
        let is_reference = |place| place == "reference";
        match subject.reference() {
            None => self.places().any(is_reference),
            Some(reference) => !reference.fits_into_a_path() && self.url.places().any(is_reference),
        }
    }

    fn named(&self, body: &[u8]) -> Named {
        named(self.reference.as_ref(), self.tracking_number.as_ref(), body)
    }

    pub(super) fn check(&self, purpose: Purpose, name: &str) -> Result<(), String> {
        let undoes = purpose.calls()[1].as_str() == name;
        check_places(&self.url, purpose, undoes, false)?;
        if let Some(body) = &self.body {
            check_places(body, purpose, undoes, true)?;
        }
        if undoes && self.reference.is_some() {
            return Err(
                "reference is what the service calls what it has done: what it undoes has one already".to_owned()
            );
        }
        if self.tracking_number.is_some() && (undoes || purpose == Purpose::Payment) {
            return Err("tracking_number is of a dispatch".to_owned());
        }
        let words = [&self.done, &self.rejected, &self.pending];
        check_words(&words)?;
        if self.result.is_none() && words.iter().any(|words| !words.is_empty()) {
            return Err("there are words, and no result that says where an answer has its word".to_owned());
        }
        if self.result.is_some() && self.done.is_empty() {
            return Err("there is a result, and no word that says done".to_owned());
        }
        if let Some(code) = self.rejected_codes.iter().find(|code| !(400..=499).contains(*code) || **code == 429) {
            return Err(format!("{code} in rejected_codes does not say no for good; there may be 400 to 499 but 429"));
        }
        // Under one key a request must stay the same.
        let changes = |name: &&str| ["attempt", "saga_id"].contains(name);
        match self.body.as_ref().and_then(|body| body.places().find(changes)) {
            Some(name) => Err(format!("{{{name}}} in the body would make a repeat another request; there is a header")),
            None => Ok(()),
        }
    }

    /// What an answer means: 2xx is done, or what its word says; 422 and the codes that are listed are a no; 202 and
    /// 425 are not decided yet; anything else is not known.
    pub(in crate::providers) fn read(&self, call: Call, status: u16, body: &[u8]) -> Answer {
        let rejected = Answer::Rejected(call.refused());
        match status {
            422 => return rejected,
            code if self.rejected_codes.contains(&code) => return rejected,
            202 | 425 => return Answer::Pending,
            200..=299 => {}
            // What cannot succeed is for a person; it is asked for again all the same.
            code if call.undoes() && is_for_good(code) => return Answer::Refused(format!("it answers {code}")),
            code => return Answer::Unknown { why: format!("it answers {code}"), failing: code == 429 || code >= 500 },
        }
        let Some(pointer) = &self.result else { return Answer::Done(self.named(body)) };
        match pointer.word(body) {
            Err(why) => Answer::Unknown { why, failing: false },
            Ok(word) if self.done.contains(&word) => Answer::Done(self.named(body)),
            Ok(word) if self.rejected.contains(&word) => rejected,
            Ok(word) if self.pending.contains(&word) => Answer::Pending,
            Ok(word) => {
                let word: String = word.chars().take(64).collect();
                Answer::Unknown { why: format!("{word:?} at {} is in none of its lists", pointer.0), failing: false }
            }
        }
    }
}

impl StatusQuery {
    fn named(&self, body: &[u8]) -> Named {
        named(self.reference.as_ref(), self.tracking_number.as_ref(), body)
    }

    pub(super) fn check(&self, purpose: Purpose) -> Result<(), String> {
        check_places(&self.url, purpose, false, false)?;
        let (own, other, names) = match purpose {
            Purpose::Payment => {
                ([&self.charged, &self.refunded], [&self.dispatched, &self.recalled], "charged and refunded")
            }
            Purpose::Shipping => {
                ([&self.dispatched, &self.recalled], [&self.charged, &self.refunded], "dispatched and recalled")
            }
        };
        check_words(&[own[0], own[1], &self.rejected])?;
        if self.tracking_number.is_some() && purpose == Purpose::Payment {
            return Err("tracking_number is of a shipment".to_owned());
        }
        if own.iter().any(|words| words.is_empty()) || other.iter().any(|words| !words.is_empty()) {
            return Err(format!("{names} must have a word each, and there are no others but rejected"));
        }
        Ok(())
    }

    /// What an answer says of a call that may have been made: how it went, or that it is to be made.
    pub(in crate::providers) fn read(&self, call: Call, status: u16, body: &[u8]) -> Known {
        let unknown = |why| Known::Answer(Answer::Unknown { why, failing: false });
        match status {
            200..=299 => {}
            // A refund of what is not known there does no harm, and one that is never sent would.
            404 => return Known::ToBeMade(Named::default()),
            code => {
                let why = format!("asked for the status, it answers {code}");
                return Known::Answer(Answer::Unknown { why, failing: code == 429 || code >= 500 });
            }
        }
        let word = match self.result.word(body) {
            Ok(word) => word,
            Err(why) => return unknown(why),
        };
        let done = self.charged.contains(&word) || self.dispatched.contains(&word);
        let undone = self.refunded.contains(&word) || self.recalled.contains(&word);
        match call.undoes() {
            false if done => Known::Answer(Answer::Done(self.named(body))),
            // Somebody has undone it at the service already: it stands for nothing.
            false if undone => Known::Answer(Answer::Rejected(call.closed())),
            false if self.rejected.contains(&word) => Known::Answer(Answer::Rejected(call.refused())),
            true if undone => Known::Answer(Answer::Done(Named::default())),
            true if done => Known::ToBeMade(self.named(body)),
            _ => {
                let word: String = word.chars().take(64).collect();
                unknown(format!("its status is {word:?}, which says neither that it happened nor that it did not"))
            }
        }
    }
}

/// Whether a status says that the same request will not succeed later. A conflict may be with what is under way.
const fn is_for_good(status: u16) -> bool {
    status >= 400 && status < 500 && !matches!(status, 408 | 409 | 425 | 429)
}

/// What a service calls what it has done, by where its answer has that. What cannot be used is left out, and said: it
/// has happened all the same.
fn named(reference: Option<&Pointer>, tracking_number: Option<&Pointer>, body: &[u8]) -> Named {
    if reference.is_none() && tracking_number.is_none() {
        return Named::default();
    }
    let json = json(body).ok();
    let at = |pointer: Option<&Pointer>| word(json?, &pointer?.0);
    let found = (at(reference), at(tracking_number));
    if found.0.is_none() && reference.is_some() || found.1.is_none() && tracking_number.is_some() {
        tracing::warn!("a service's answer does not have what it calls it where it should be");
    }
    let (named, why) = Named::parse(found.0, found.1);
    if let Some(why) = why {
        tracing::warn!(why, "what a service calls it cannot be used");
    }
    named
}

const fn post() -> Method {
    Method::POST
}

const fn get() -> Method {
    Method::GET
}
