//! How those who are told of payments are described.

use super::{
    super::{
        config::fields::{Headers, concurrency, method, timeout, words},
        signature::Secret,
        template::Template,
    },
    public::is_public,
};
use crate::domain::{
    notifier::{GivenId, Notification, Target, TargetName},
    payment::PaymentStatus,
    reason::Reason,
};
use reqwest::{Method, Url};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::Value;
use std::net::IpAddr;

/// What can stand in the request.
const PLACES: &[&str] =
    &["notification_id", "payment_id", "order_id", "user_id", "amount", "currency", "status", "reason"];

/// Somebody who is told: `[notifications.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiverConfig {
    #[serde(deserialize_with = "url")]
    url: Template,
    #[serde(default = "post", deserialize_with = "method")]
    pub(super) method: Method,
    /// The request's JSON; one of our own where it is left out.
    #[serde(default, deserialize_with = "body")]
    body: Option<Template>,
    /// Sent with every request.
    #[serde(default)]
    pub(in crate::providers) headers: Headers,
    /// What requests are signed with, if they are.
    pub(in crate::providers) secret: Option<Secret>,
    #[serde(default = "paid", deserialize_with = "statuses")]
    on: Vec<PaymentStatus>,
    #[serde(default = "ten_seconds", deserialize_with = "timeout")]
    pub(super) timeout_ms: u64,
    #[serde(default = "eight", deserialize_with = "concurrency")]
    pub(super) max_concurrent: usize,
    /// Whether it may be on this machine or in a network of one's own.
    #[serde(default)]
    pub(super) allow_private: bool,
}

/// A body of our own: what has happened, when, and to what.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: String,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    notification_id: String,
    #[serde(flatten)]
    about: &'a crate::domain::notifier::About,
}

impl ReceiverConfig {
    /// As whom the domain knows it.
    pub(super) fn target(&self, name: TargetName) -> Target {
        Target { name, on: self.on.clone(), needs_user: self.needs_user() }
    }

    /// Whether a request says whose payment it is.
    fn needs_user(&self) -> bool {
        let mut places = self.url.places().chain(self.body.iter().flat_map(Template::places));
        places.any(|place| place == "user_id")
    }

    /// The URL of a request.
    ///
    /// # Errors
    /// It is none, or leads where it may not; or the user is not known whom the request has to name, as that was not asked
    /// for when the notification was made.
    pub(super) fn url(&self, notification: &Notification) -> Result<Url, String> {
        if notification.about.user_id.is_none() && self.needs_user() {
            return Err("its user is not known".to_owned());
        }
        let text = self.url.fill_url(|place| value(notification, place));
        let url = Url::parse(&text).map_err(|error| format!("its URL cannot be used: {error}"))?;
        if !self.allow_private && literal(&url).is_some_and(|ip| !is_public(ip)) {
            return Err(super::public::PRIVATE.to_owned());
        }
        Ok(url)
    }

    /// The body of a request, the same in every attempt.
    pub(super) fn body(&self, notification: &Notification) -> String {
        match &self.body {
            Some(template) => template.fill_json(|place| value(notification, place)),
            None => {
                let about = &notification.about;
                let event = Event {
                    kind: format!("payment.{}", about.status.as_str()),
                    timestamp: notification.created_at.to_string(),
                    data: Data { notification_id: notification.id.to_string(), about },
                };
                serde_json::to_string(&event).unwrap_or_default()
            }
        }
    }
}

/// What stands for a place, of the type that it has where it is not a part of a text.
fn value(notification: &Notification, place: &str) -> Value {
    let about = &notification.about;
    match place {
        "notification_id" => notification.id.to_string().into(),
        "payment_id" => given(&about.payment_id),
        "order_id" => given(&about.order_id),
        "user_id" => about.user_id.as_ref().map_or(Value::Null, given),
        "amount" => about.amount.get().into(),
        "currency" => <&str>::from(about.currency).into(),
        "status" => about.status.as_str().into(),
        "reason" => about.reason.map(Reason::as_str).into(),
        // The configuration was checked for what stands in it.
        _ => Value::Null,
    }
}

fn given(id: &GivenId) -> Value {
    match id {
        GivenId::Number(number) => (*number).into(),
        GivenId::Text(text) => text.as_str().into(),
    }
}

/// The address in a URL that has one in place of a name: no name is resolved then.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn url<'de, D: Deserializer<'de>>(from: D) -> Result<Template, D::Error> {
    let template = Template::of(&String::deserialize(from)?, PLACES).map_err(D::Error::custom)?;
    let with = |text: &str| Url::parse(&template.fill_url(|_| text.into())).ok();
    let Some((url, other)) = with("0").zip(with("1")) else {
        return Err(D::Error::custom("must be the URL of an http or https service"));
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(D::Error::custom("must be the URL of an http or https service"));
    }
    if url.origin() != other.origin() {
        return Err(D::Error::custom("must have no places in its scheme, host and port"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(D::Error::custom("must have neither user nor password: give them as a header, by the environment"));
    }
    Ok(template)
}

fn body<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Template>, D::Error> {
    let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
    let template = Template::of(&text, PLACES).map_err(D::Error::custom)?;
    // An id may be either, and a place may stand where only one of them makes JSON.
    let is_json = |sample: Value| serde_json::from_str::<Value>(&template.fill_json(|_| sample.clone())).is_ok();
    if !is_json(0.into()) || !is_json("text".into()) {
        return Err(D::Error::custom(
            "must be JSON whether its places are numbers or texts; a place is a value of its own, as in \
             {\"amount\":{amount}}, or stands in quotes, as in {\"order\":\"{order_id}\"}",
        ));
    }
    Ok(Some(template))
}

fn statuses<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PaymentStatus>, D::Error> {
    let settled = |word: &String| word.parse::<PaymentStatus>().ok().filter(|status| status.is_settled());
    let words = words(from)?;
    let mut statuses = Vec::with_capacity(words.len());
    for word in &words {
        let known = settled(word)
            .ok_or_else(|| D::Error::custom(format!("must be of paid, failed, expired and refunded, is {word:?}")))?;
        if !statuses.contains(&known) {
            statuses.push(known);
        }
    }
    if statuses.is_empty() {
        return Err(D::Error::custom("must be one or several of paid, failed, expired and refunded"));
    }
    Ok(statuses)
}

const fn post() -> Method {
    Method::POST
}

fn paid() -> Vec<PaymentStatus> {
    vec![PaymentStatus::Paid]
}

const fn ten_seconds() -> u64 {
    10_000
}

const fn eight() -> usize {
    8
}

#[cfg(test)]
mod tests;
