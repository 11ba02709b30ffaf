//! How services outside are described.

use super::{
    answer::{Answer, Known, json, word},
    signature::Secret,
    subject::{Call, Subject},
    template::{OF_PAYMENT, OF_SHIPMENT, Template, listed},
};
use crate::domain::{payment::ProviderCall, reference::Named, shipment::CarrierCall};
use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{
    collections::{BTreeMap, HashSet},
    fmt,
    time::Duration,
};

/// A service outside: `[providers.payment.NAME]` or `[providers.shipping.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
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
    /// gRPC: where it is.
    url: Option<Address>,
    /// HTTP, payment: takes the money.
    charge: Option<Action>,
    /// HTTP, payment: gives it back.
    refund: Option<Action>,
    /// HTTP, shipping: sends the goods.
    dispatch: Option<Action>,
    /// HTTP, shipping: calls them back.
    recall: Option<Action>,
    /// HTTP: says what has become of a payment or a shipment.
    status: Option<StatusQuery>,
}

/// What a service is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It takes money and gives it back.
    Payment,
    /// It carries goods and calls them back.
    Shipping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Http,
    Grpc,
}

/// How a service is reached.
pub(super) enum Reached {
    Http(Box<HttpService>),
    Grpc(GrpcService),
}

/// A service over HTTP.
#[derive(Clone, Debug)]
pub(super) struct HttpService {
    forward: Action,
    back: Action,
    pub(super) status: Option<StatusQuery>,
}

/// A service over gRPC.
#[derive(Clone, Debug)]
pub(super) struct GrpcService {
    pub(super) url: String,
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        match String::deserialize(from)?.as_str() {
            "http" => Ok(Self::Http),
            "grpc" => Ok(Self::Grpc),
            other => Err(D::Error::custom(format!("must be \"http\" or \"grpc\", is {other:?}"))),
        }
    }
}

/// The URL of a server: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address(String);

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let parsed = reqwest::Url::parse(&text).ok();
        let is_server = |url: &reqwest::Url| {
            let is_bare = url.username().is_empty() && url.password().is_none();
            let is_whole = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
            matches!(url.scheme(), "http" | "https") && url.has_host() && is_bare && is_whole
        };
        if !parsed.is_some_and(|url| is_server(&url)) {
            return Err(D::Error::custom("must be the URL of an http or https server, such as http://host:50052"));
        }
        Ok(Self(text))
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
    /// Where the answer's JSON has what the service calls it.
    reference: Option<Pointer>,
    /// Where it has what the customer follows a shipment by.
    tracking_number: Option<Pointer>,
}

/// A request that asks what has become of a payment or a shipment.
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
    dispatched: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    recalled: Vec<String>,
    #[serde(default, deserialize_with = "words")]
    rejected: Vec<String>,
    /// As those of an action.
    reference: Option<Pointer>,
    tracking_number: Option<Pointer>,
}

impl Purpose {
    /// The calls that it is sent, the one that undoes the other last.
    const fn calls(self) -> [Call; 2] {
        match self {
            Self::Payment => [Call::Payment(ProviderCall::Charge), Call::Payment(ProviderCall::Refund)],
            Self::Shipping => [Call::Shipment(CarrierCall::Dispatch), Call::Shipment(CarrierCall::Recall)],
        }
    }

    const fn places(self) -> &'static [&'static str] {
        match self {
            Self::Payment => OF_PAYMENT,
            Self::Shipping => OF_SHIPMENT,
        }
    }

    /// The body of the contract in docs/participants.md.
    fn contract(self) -> Option<Template> {
        Template::parse(match self {
            Self::Payment => {
                r#"{"payment_id":"{payment_id}","order_id":"{order_id}","amount":{amount},"currency":"{currency}"}"#
            }
            Self::Shipping => {
                r#"{"shipment_id":"{shipment_id}","order_id":"{order_id}","shop_id":"{shop_id}","warehouse_id":"{warehouse_id}","contents":{contents}}"#
            }
        })
        .ok()
    }
}

impl ServiceConfig {
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
    pub fn check(&self, purpose: Purpose) -> Result<(), String> {
        self.reached(purpose).map(drop)
    }

    /// How it is reached.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub(super) fn reached(&self, purpose: Purpose) -> Result<Reached, String> {
        let actions = [
            ("charge", &self.charge, Purpose::Payment),
            ("refund", &self.refund, Purpose::Payment),
            ("dispatch", &self.dispatch, Purpose::Shipping),
            ("recall", &self.recall, Purpose::Shipping),
        ];
        if let Kind::Grpc = self.kind {
            if let Some((name, ..)) = actions.iter().find(|(_, action, _)| action.is_some()) {
                return Err(format!("{name}: is of a service over HTTP; one over gRPC has a url"));
            }
            if self.status.is_some() || self.secret.is_some() {
                return Err("status and secret are of a service over HTTP".to_owned());
            }
            let reserved = |name: &&String| {
                let name = name.to_ascii_lowercase();
                name == "te" || name.starts_with("grpc-") || name.ends_with("-bin")
            };
            if let Some(name) = self.headers.0.keys().find(reserved) {
                return Err(format!("headers: {name:?} cannot be sent as metadata"));
            }
            let url = self.url.as_ref().ok_or("url: is missing; a service over gRPC has one")?;
            return Ok(Reached::Grpc(GrpcService { url: url.0.clone() }));
        }
        if self.url.is_some() {
            return Err("url: is of a service over gRPC; one over HTTP has a URL for each request".to_owned());
        }
        if let Some((name, ..)) = actions.iter().find(|(_, action, of)| action.is_some() && *of != purpose) {
            return Err(format!("{name}: is not what such a service does"));
        }
        let mut own = actions.into_iter().filter(|(.., of)| *of == purpose).map(|(name, action, _)| {
            let action = action.clone().ok_or_else(|| format!("{name}: is missing"))?;
            let action = Action { body: action.body.or_else(|| purpose.contract()), ..action };
            action.check(purpose, name).map_err(|why| format!("{name}: {why}"))?;
            Ok::<_, String>(action)
        });
        let (Some(forward), Some(back)) = (own.next(), own.next()) else { return Err("it does nothing".to_owned()) };
        let service = HttpService { forward: forward?, back: back?, status: self.status.clone() };
        let asks_by_reference = service.back.places().any(|place| place == "reference");
        if asks_by_reference && service.forward.reference.is_none() {
            let [forward, back] = purpose.calls().map(Call::as_str);
            return Err(format!("{forward}: {back} is asked by {{reference}}, so its answer must have one: reference"));
        }
        if let Some(query) = &service.status {
            query.check(purpose).map_err(|why| format!("status: {why}"))?;
            if asks_by_reference && query.reference.is_none() {
                return Err(
                    "status: its answer must have a reference, too: what happened may be known by it alone".into()
                );
            }
        }
        Ok(Reached::Http(Box::new(service)))
    }
}

impl HttpService {
    pub(super) const fn action(&self, call: Call) -> &Action {
        if call.undoes() { &self.back } else { &self.forward }
    }
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
    fn places(&self) -> impl Iterator<Item = &'static str> {
        self.url.places().chain(self.body.iter().flat_map(Template::places))
    }

    /// Whether it is asked by what the service calls it, and that is not known.
    pub(super) fn lacks_reference(&self, subject: &Subject) -> bool {
        subject.reference().is_none() && self.places().any(|place| place == "reference")
    }

    fn named(&self, body: &[u8]) -> Named {
        named(self.reference.as_ref(), self.tracking_number.as_ref(), body)
    }

    fn check(&self, purpose: Purpose, name: &str) -> Result<(), String> {
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
    pub(super) fn read(&self, call: Call, status: u16, body: &[u8]) -> Answer {
        let rejected = Answer::Rejected(call.refused());
        match status {
            422 => return rejected,
            code if self.rejected_codes.contains(&code) => return rejected,
            202 | 425 => return Answer::Pending,
            200..=299 => {}
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

    fn check(&self, purpose: Purpose) -> Result<(), String> {
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
    pub(super) fn read(&self, call: Call, status: u16, body: &[u8]) -> Known {
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

/// What a service calls what it has done, by where its answer has that. What cannot be used is left out, and said: it
/// has happened all the same.
fn named(reference: Option<&Pointer>, tracking_number: Option<&Pointer>, body: &[u8]) -> Named {
    if reference.is_none() && tracking_number.is_none() {
        return Named::default();
    }
    let json = json(body).unwrap_or_default();
    let at = |pointer: Option<&Pointer>| pointer.and_then(|pointer| word(&json, &pointer.0));
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

impl Pointer {
    /// The word at the place in an answer.
    fn word(&self, body: &[u8]) -> Result<String, String> {
        word(&json(body)?, &self.0).ok_or_else(|| format!("its answer has no word at {}", self.0))
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
