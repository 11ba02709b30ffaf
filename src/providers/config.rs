//! How services outside are described.

pub(super) mod fields;
mod request;

pub(super) use request::{Action, StatusQuery};

use super::{
    signature::Secret,
    subject::Call,
    template::{OF_PAYMENT, OF_SHIPMENT, Template},
};
use crate::domain::{payment::ProviderCall, shipment::CarrierCall};
use fields::{Address, Headers, concurrency, timeout};
use serde::{Deserialize, Deserializer, de::Error as _};
use std::{fmt, time::Duration};

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
    /// Payment: what the service says, as a bearer token, to be believed when it reports a payment itself.
    report_secret: Option<ReportSecret>,
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

/// The secret that a payment service says when it reports a payment: at least 16 characters. Shown to nobody.
#[derive(Clone, PartialEq, Eq)]
struct ReportSecret(String);

impl fmt::Debug for ReportSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReportSecret(…)")
    }
}

impl<'de> Deserialize<'de> for ReportSecret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if (16..=256).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text));
        }
        Err(D::Error::custom("must be 16 to 256 visible ASCII characters"))
    }
}

impl ServiceConfig {
    /// What the service says when it reports a payment itself.
    pub fn report_secret(&self) -> Option<&str> {
        self.report_secret.as_ref().map(|secret| secret.0.as_str())
    }

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
        if purpose == Purpose::Shipping && self.report_secret.is_some() {
            return Err("report_secret: is of a payment service; carriers are asked, and report nothing".to_owned());
        }
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
            let mut action = action.clone().ok_or_else(|| format!("{name}: is missing"))?;
            action.body = action.body.or_else(|| purpose.contract());
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

const fn ten_seconds() -> u64 {
    10_000
}

const fn sixty_four() -> usize {
    64
}

#[cfg(test)]
mod tests;
