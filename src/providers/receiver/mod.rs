//! Those who are told how payments went.
//!
//! ```text
//!   notification ─▶ request: URL and body by template, headers, Idempotency-Key, signature ─▶ 2xx: delivered
//! ```
//!
//! A request has a bound, follows no redirect, goes to no private address unless that is allowed, and reads no more of an
//! answer than it may have. Runs on a thread of its own, as all calls to the outside do. Must not decide when one is sent.

mod config;
mod public;

pub use config::ReceiverConfig;

use super::{
    http::{beginning, said},
    outside::Outside,
    signature,
};
use crate::domain::notifier::{Audience, Delivery, Notification, TargetName};
use futures::future::BoxFuture;
use public::PublicOnly;
use reqwest::{Client, redirect};
use std::{collections::BTreeMap, io, sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much longer than its request a notification is left to whoever sends it: for taking in how that went.
const MARGIN_MS: u64 = 5_000;

/// Everybody who is told.
#[derive(Clone, Default)]
pub struct Receivers {
    all: Arc<BTreeMap<TargetName, Arc<Receiver>>>,
}

/// Somebody who is told.
struct Receiver {
    config: ReceiverConfig,
    client: Client,
    /// For requests under way. Outlives the actor that sends them, as they do.
    room: Arc<Semaphore>,
    /// Where requests are made.
    outside: Arc<Outside>,
}

/// Room for requests to somebody.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

impl Room {
    /// For how many.
    pub fn size(&self) -> u32 {
        u32::try_from(self.0.num_permits()).unwrap_or(u32::MAX)
    }

    /// Room for one of them; the others' stays here.
    pub fn take_one(&mut self) -> Option<Self> {
        self.0.split(1).map(Self)
    }
}

impl Receivers {
    /// Those of the configuration.
    ///
    /// # Errors
    /// When no thread or no client can be had.
    pub fn new<'a>(configs: impl IntoIterator<Item = (TargetName, &'a ReceiverConfig)>) -> io::Result<Self> {
        let mut configs = configs.into_iter().peekable();
        if configs.peek().is_none() {
            return Ok(Self::default());
        }
        let outside = Arc::new(Outside::start()?);
        let made = configs.map(|(name, config)| Ok((name, Arc::new(Receiver::new(config, Arc::clone(&outside))?))));
        Ok(Self { all: Arc::new(made.collect::<io::Result<_>>()?) })
    }

    /// Whom the domain tells of what.
    pub fn audience(&self) -> Audience {
        Audience::new(self.all.iter().map(|(name, receiver)| receiver.config.target(*name)).collect())
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = TargetName> {
        self.all.keys().copied()
    }

    /// How long others leave a notification to whoever sends it, in milliseconds.
    pub fn lease_ms(&self, target: TargetName) -> u64 {
        self.all.get(&target).map_or(0, |receiver| receiver.config.timeout_ms) + MARGIN_MS
    }

    /// All the room that there is for further requests to somebody; `None` where there is none.
    pub fn room(&self, target: TargetName) -> Option<Room> {
        let room = &self.all.get(&target)?.room;
        let free = u32::try_from(room.available_permits()).ok().filter(|free| *free > 0)?;
        Arc::clone(room).try_acquire_many_owned(free).ok().map(Room)
    }

    /// Sends a notification; how that went.
    pub fn send(&self, notification: Notification, room: Room) -> BoxFuture<'static, Delivery> {
        let target = notification.target;
        let Some(receiver) = self.all.get(&target).map(Arc::clone) else {
            let why = format!("{target} is not configured on this server");
            return Box::pin(std::future::ready(failed(None, why)));
        };
        let runtime = receiver.outside.handle();
        Box::pin(async move {
            let sent = runtime.spawn(async move {
                let delivery = receiver.send(&notification).await;
                drop(room);
                delivery
            });
            let delivery = sent.await.unwrap_or_else(|error| failed(None, error.to_string()));
            let outcome = if matches!(delivery, Delivery::Delivered(_)) { "delivered" } else { "failed" };
            metrics::counter!("notification_attempts_total", "target" => target.as_str(), "outcome" => outcome)
                .increment(1);
            delivery
        })
    }
}

impl Receiver {
    fn new(config: &ReceiverConfig, outside: Arc<Outside>) -> io::Result<Self> {
        // The first one stays; it is the same for everybody.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy();
        let client = client.timeout(Duration::from_millis(config.timeout_ms)).user_agent("backstitch");
        let client = if config.allow_private { client } else { client.dns_resolver(Arc::new(PublicOnly)) };
        let client = client.build().map_err(io::Error::other)?;
        Ok(Self { config: config.clone(), client, room: Arc::new(Semaphore::new(config.max_concurrent)), outside })
    }

    async fn send(&self, notification: &Notification) -> Delivery {
        let url = match self.config.url(notification) {
            Ok(url) => url,
            Err(why) => return failed(None, why),
        };
        let (id, body) = (notification.id.to_string(), self.config.body(notification));
        let mut request = self.client.request(self.config.method.clone(), url);
        request = request.header("Content-Type", "application/json").header("Idempotency-Key", &id);
        request = request.header("Backstitch-Attempt", (notification.attempts + 1).to_string());
        for (name, value) in &self.config.headers.0 {
            request = request.header(name, value);
        }
        match &self.config.secret {
            Some(secret) => {
                for (name, value) in secret.sign(&id, signature::now(), &body) {
                    request = request.header(name, value);
                }
            }
            None => request = request.header("webhook-id", &id),
        }
        let mut response = match request.body(body).send().await {
            Ok(response) => response,
            Err(error) => return failed(None, said(&error)),
        };
        let status = response.status();
        // An answer is read to its end, as far as it may go, so that the connection serves the next one. Whatever becomes of
        // that, its status has said what it means.
        let _ = beginning(&mut response).await;
        let code = status.as_u16();
        if status.is_success() { Delivery::Delivered(code) } else { failed(Some(code), format!("it answers {code}")) }
    }
}

const fn failed(status: Option<u16>, why: String) -> Delivery {
    Delivery::Failed { status, why }
}
