//! How a payment service is described.

use super::{
    answer::{Answer, Known, word},
    signature::Secret,
    template::Template,
};
use crate::domain::{payment::ProviderCall, reason::Reason};
use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{collections::BTreeMap, fmt, time::Duration};

/// A payment service that is reached over HTTP: `[providers.payment.NAME]` with `kind = "http"`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpProvider {
    /// How it is reached. There is no other way yet; whoever writes it says which one is meant.
    kind: Kind,
    #[serde(default = "ten_seconds", deserialize_with = "timeout")]
    timeout_ms: u64,
    #[serde(default = "sixty_four", deserialize_with = "concurrency")]
    max_concurrent: usize,
    /// What requests are signed with, if they are.
    pub(super) secret: Option<Secret>,
    /// Sent with every request.
    #[serde(default)]
    pub(super) headers: Headers,
    /// Takes the money.
    charge: Action,
    /// Gives it back.
    refund: Action,
    /// Says what has become of a payment.
    pub(super) status: Option<StatusQuery>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match String::deserialize(from)?.as_str() {
            "http" => Ok(Self::Http),
            other => Err(D::Error::custom(format!("must be \"http\", is {other:?}"))),
        }
    }
}

/// A request that does something, and how its answer is read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    #[serde(default = "post", deserialize_with = "method")]
    pub(super) method: Method,
    #[serde(deserialize_with = "url")]
    pub(super) url: Template,
    /// The request's JSON; the contract's own where it is left out.
    #[serde(default = "contract")]
    pub(super) body: Option<Template>,
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
}

/// A request that asks what has become of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatusQuery {
    #[serde(default = "get", deserialize_with = "method")]
    pub(super) method: Method,
    #[serde(deserialize_with = "url")]
    pub(super) url: Template,
    result: Pointer,
    #[serde(default, deserialize_with = "words")]
    charged: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    refunded: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    rejected: Vec<String>,
}

impl HttpProvider {
    /// How long a request may take, from connecting to the end of its answer.
    pub(super) const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Requests at once.
    pub(super) const fn max_concurrent(&self) -> usize {
        self.max_concurrent
    }

    /// Whether what it says makes sense together.
    ///
    /// # Errors
    /// What does not, with the key under which it stands.
    pub fn check(&self) -> Result<(), String> {
        self.charge.check().map_err(|why| format!("charge: {why}"))?;
        self.refund.check().map_err(|why| format!("refund: {why}"))?;
        match &self.status {
            Some(query) if query.charged.is_empty() || query.refunded.is_empty() => {
                Err("status: charged and refunded must have a word each".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) const fn action(&self, call: ProviderCall) -> &Action {
        match call {
            ProviderCall::Charge => &self.charge,
            ProviderCall::Refund => &self.refund,
        }
    }
}

impl Action {
    fn check(&self) -> Result<(), String> {
        let words = [&self.done, &self.rejected, &self.pending];
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
        match self.body.as_ref().and_then(|body| ["attempt", "saga_id"].into_iter().find(|name| body.names(name))) {
            Some(name) => Err(format!("{{{name}}} in the body would make a repeat another request; there is a header")),
            None => Ok(()),
        }
    }

    /// What an answer means: 2xx is done, or what its word says; 422 and the codes that are listed are a no; 202 and
    /// 425 are not decided yet; anything else is not known.
    pub(super) fn read(&self, status: u16, body: &[u8]) -> Answer {
        let rejected = Answer::Rejected(Reason::PaymentDeclined);
        match status {
            422 => return rejected,
            code if self.rejected_codes.contains(&code) => return rejected,
            202 | 425 => return Answer::Pending,
            200..=299 => {}
            code => return Answer::Unknown { why: format!("it answers {code}"), failing: code == 429 || code >= 500 },
        }
        let Some(pointer) = &self.result else { return Answer::Done };
        match word(body, &pointer.0) {
            Err(why) => Answer::Unknown { why, failing: false },
            Ok(word) if self.done.contains(&word) => Answer::Done,
            Ok(word) if self.rejected.contains(&word) => rejected,
            Ok(word) if self.pending.contains(&word) => Answer::Pending,
            Ok(word) => {
                Answer::Unknown { why: format!("{word:?} at {} is in none of its lists", pointer.0), failing: false }
            }
        }
    }
}

impl StatusQuery {
    /// What an answer says of a call that may have been made: how it went, or that it is to be made.
    pub(super) fn read(&self, call: ProviderCall, status: u16, body: &[u8]) -> Known {
        let unknown = |why| Known::Answer(Answer::Unknown { why, failing: false });
        match status {
            200..=299 => {}
            // A refund of what is not known there does no harm, and one that is never sent would.
            404 => return Known::ToBeMade,
            code => {
                let why = format!("asked for the status, it answers {code}");
                return Known::Answer(Answer::Unknown { why, failing: code == 429 || code >= 500 });
            }
        }
        let word = match word(body, &self.result.0) {
            Ok(word) => word,
            Err(why) => return unknown(why),
        };
        let (charged, refunded) = (self.charged.contains(&word), self.refunded.contains(&word));
        match call {
            ProviderCall::Charge if charged => Known::Answer(Answer::Done),
            // Somebody has given it back at the service already: it pays for nothing.
            ProviderCall::Charge if refunded => Known::Answer(Answer::Rejected(Reason::PaymentClosed)),
            ProviderCall::Charge if self.rejected.contains(&word) => {
                Known::Answer(Answer::Rejected(Reason::PaymentDeclined))
            }
            ProviderCall::Refund if refunded => Known::Answer(Answer::Done),
            ProviderCall::Refund if charged => Known::ToBeMade,
            _ => unknown(format!("its status is {word:?}, which says neither that it happened nor that it did not")),
        }
    }
}

const fn ten_seconds() -> u64 {
    10_000
}

const fn sixty_four() -> usize {
    64
}

const fn post() -> Method {
    Method::POST
}

const fn get() -> Method {
    Method::GET
}

/// The body of the contract in docs/participants.md.
fn contract() -> Option<Template> {
    let body = r#"{"payment_id":"{payment_id}","order_id":"{order_id}","amount":{amount},"currency":"{currency}"}"#;
    Template::parse(body).ok()
}

/// Words, or an only one without brackets.
fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Words::deserialize(from)? {
        Words::One(word) => vec![word],
        Words::Many(words) => words,
    })
}

fn bounded<'de, D: Deserializer<'de>>(from: D, least: u64, most: u64) -> Result<u64, D::Error> {
    let number = u64::deserialize(from)?;
    if (least..=most).contains(&number) {
        return Ok(number);
    }
    Err(D::Error::custom(format!("must be from {least} to {most}, is {number}")))
}

fn timeout<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    bounded(from, 1, 300_000)
}

fn concurrency<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    bounded(from, 1, 10_000).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

fn method<'de, D: Deserializer<'de>>(from: D) -> Result<Method, D::Error> {
    let text = String::deserialize(from)?;
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let found = known.into_iter().find(|method| method.as_str() == text);
    found.ok_or_else(|| D::Error::custom(format!("must be GET, POST, PUT, PATCH or DELETE, is {text:?}")))
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Template, D::Error> {
    let template = Template::deserialize(from)?;
    let parsed = reqwest::Url::parse(&template.sample()).ok();
    if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Err(D::Error::custom("must be the URL of an http or https service"));
    }
    Ok(template)
}

/// A place in a JSON text (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pointer(String);

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if !text.starts_with('/') {
            return Err(D::Error::custom(format!("must be a JSON pointer such as /status, is {text:?}")));
        }
        Ok(Self(text))
    }
}

/// Headers by name. Their values may be secrets, and are shown to nobody.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Headers(pub(super) BTreeMap<String, String>);

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let headers = BTreeMap::<String, String>::deserialize(from)?;
        let own = ["idempotency-key", "content-type", "content-length", "host", "connection", "transfer-encoding"];
        for (name, value) in &headers {
            let name_is_own =
                |name: &str| own.contains(&name) || ["backstitch-", "webhook-"].iter().any(|own| name.starts_with(own));
            if name_is_own(&name.to_ascii_lowercase()) {
                return Err(D::Error::custom(format!("the header {name:?} is the server's own")));
            }
            if HeaderName::from_bytes(name.as_bytes()).is_err() || HeaderValue::from_str(value).is_err() {
                return Err(D::Error::custom(format!("the header {name:?} cannot be sent")));
            }
        }
        Ok(Self(headers))
    }
}

#[cfg(test)]
mod tests;
