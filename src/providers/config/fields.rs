//! What the settings of a service are made of, checked as they are read.

use crate::providers::{
    answer::{json, word},
    template::Template,
};
use reqwest::{
    Method,
    header::{HeaderName, HeaderValue},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{collections::BTreeMap, fmt};

/// The URL of a server: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address(pub(super) String);

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

/// Words, or an only one without brackets.
pub(in crate::providers) fn words<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
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

pub(in crate::providers) fn timeout<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    bounded(from, 1, 300_000)
}

pub(in crate::providers) fn concurrency<'de, D: Deserializer<'de>>(from: D) -> Result<usize, D::Error> {
    bounded(from, 1, 10_000).map(|number| usize::try_from(number).unwrap_or(usize::MAX))
}

pub(in crate::providers) fn method<'de, D: Deserializer<'de>>(from: D) -> Result<Method, D::Error> {
    let text = String::deserialize(from)?;
    let known = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let found = known.into_iter().find(|method| method.as_str() == text);
    found.ok_or_else(|| D::Error::custom(format!("must be GET, POST, PUT, PATCH or DELETE, is {text:?}")))
}

pub(super) fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Template, D::Error> {
    let template = Template::deserialize(from)?;
    let parsed = reqwest::Url::parse(&template.sample()).ok();
    if !parsed.is_some_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) {
        return Err(D::Error::custom("must be the URL of an http or https service"));
    }
    Ok(template)
}

/// A place in a JSON text (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer(pub(super) String);

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
    pub(super) fn word(&self, body: &[u8]) -> Result<String, String> {
        word(json(body)?, &self.0).ok_or_else(|| format!("its answer has no word at {}", self.0))
    }
}

/// Headers by name. Their values may be secrets, and are shown to nobody.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::providers) struct Headers(pub(in crate::providers) BTreeMap<String, String>);

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
