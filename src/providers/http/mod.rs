//! Payment services that are reached over HTTP, as the configuration describes them.
//!
//! ```text
//!   call ─▶ gate: at most so many at once, and a pause while the service fails
//!        ─▶ made before? ─▶ its status, where there is a URL for that
//!        ─▶ request: template, headers, Idempotency-Key, Backstitch-…, webhook-signature
//!        ─▶ answer: done, rejected, pending, or unknown
//! ```
//!
//! Runs on a thread of its own, so that what a service costs is no actor's time. A call has a bound, follows no redirect
//! and reads no more of an answer than it may have. Must not decide what an answer means for a payment.

mod answer;
mod config;
mod gate;
mod signature;
mod template;

pub use config::HttpProvider;

use super::PaymentProvider;
use crate::domain::{
    payment::{Payment, ProviderCall},
    simulation::CallAnswer,
};
use answer::{Answer, Known};
use config::Action;
use futures::future::BoxFuture;
use gate::Gate;
use reqwest::{Client, Method, Response, header::HeaderMap, header::RETRY_AFTER, redirect};
use std::{io, sync::Arc, time::Duration};
use template::Template;
use tokio::{runtime::Handle, time::sleep};

/// The most that is read of an answer, in bytes.
const MOST: usize = 64 << 10;
/// The longest that a service may ask its callers to wait.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

/// A payment service.
pub(super) struct HttpPayments(Arc<Service>);

struct Service {
    name: String,
    config: HttpProvider,
    client: Client,
    gate: Gate,
    runtime: Handle,
}

/// What a call is about, for its templates and headers.
struct Subject {
    call: ProviderCall,
    payment: Payment,
    /// It may have been made before.
    repeat: bool,
}

/// What came back, as far as it counts.
struct Received {
    answer: Answer,
    retry_after: Option<Duration>,
}

impl HttpPayments {
    /// The service of this name, called from this runtime.
    ///
    /// # Errors
    /// When no client can be made.
    pub(super) fn new(name: &str, config: &HttpProvider, runtime: &Handle) -> io::Result<Self> {
        // The first one stays; it is the same for everybody.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(config.timeout());
        let client = client.user_agent("backstitch").build().map_err(io::Error::other)?;
        let gate = Gate::new(config.max_concurrent());
        let (name, config, runtime) = (name.to_owned(), config.clone(), runtime.clone());
        Ok(Self(Arc::new(Service { name, config, client, gate, runtime })))
    }
}

impl PaymentProvider for HttpPayments {
    fn call(&self, call: ProviderCall, payment: &Payment, repeat: bool) -> BoxFuture<'static, CallAnswer> {
        let service = Arc::clone(&self.0);
        let subject = Subject { call, payment: payment.clone(), repeat };
        Box::pin(async move {
            let runtime = service.runtime.clone();
            let called = runtime.spawn(async move { service.call(&subject).await });
            called.await.unwrap_or_else(|error| unknown(error.to_string()))
        })
    }
}

fn unknown(error: String) -> CallAnswer {
    CallAnswer::Unknown { happened: false, error }
}

impl Service {
    async fn call(&self, subject: &Subject) -> CallAnswer {
        let permit = self.gate.enter().await;
        let Received { answer, retry_after } = self.ask_or_send(subject).await;
        if permit.end(!matches!(answer, Answer::Unknown { failing: true, .. })) {
            tracing::warn!(provider = self.name, "a provider fails again and again: it is left alone for a while");
        }
        let (provider, call) = (self.name.clone(), subject.call.as_str());
        metrics::counter!("provider_calls_total", "provider" => provider, "call" => call, "outcome" => answer.name())
            .increment(1);
        let answer = match answer {
            Answer::Done => CallAnswer::Done,
            Answer::Rejected(reason) => {
                if subject.call == ProviderCall::Refund {
                    let payment_id = subject.payment.id;
                    tracing::warn!(%payment_id, provider = self.name, "a refund is refused; it is asked for again");
                }
                CallAnswer::Rejected(reason)
            }
            Answer::Pending => unknown(format!("{} has not decided yet", self.name)),
            Answer::Unknown { why, .. } => {
                let payment_id = subject.payment.id;
                tracing::info!(%payment_id, provider = self.name, call, why, "a provider's answer is not known");
                unknown(format!("{}: {why}", self.name))
            }
        };
        if let (CallAnswer::Unknown { .. }, Some(wait)) = (&answer, retry_after) {
            sleep(wait.min(LONGEST_WAIT)).await;
        }
        answer
    }

    async fn ask_or_send(&self, subject: &Subject) -> Received {
        if subject.repeat
            && let Some(query) = &self.config.status
        {
            let sent = self.request(&query.method, &query.url, None, subject).await;
            let (known, retry_after) = match sent {
                Ok((status, headers, body)) => (query.read(subject.call, status, &body), wait(&headers)),
                Err(why) => (Known::Answer(Answer::Unknown { why, failing: true }), None),
            };
            if let Known::Answer(answer) = known {
                return Received { answer, retry_after };
            }
        }
        let action = self.config.action(subject.call);
        let sent = self.request(&action.method, &action.url, Some(action), subject).await;
        match sent {
            Ok((status, headers, body)) => Received { answer: action.read(status, &body), retry_after: wait(&headers) },
            Err(why) => Received { answer: Answer::Unknown { why, failing: true }, retry_after: None },
        }
    }

    /// Sends a request; status, headers and the beginning of the body of what comes back, or what went wrong.
    async fn request(
        &self,
        method: &Method,
        url: &Template,
        action: Option<&Action>,
        subject: &Subject,
    ) -> Result<(u16, HeaderMap, Vec<u8>), String> {
        let Subject { call, payment, .. } = subject;
        let attempt = payment.attempts + 1;
        let key = format!("{}.{}", payment.id, call.as_str());
        let body = action.and_then(|action| Some(action.body.as_ref()?.fill(payment, attempt))).unwrap_or_default();
        let mut request = self.client.request(method.clone(), url.fill(payment, attempt));
        if !body.is_empty() {
            request = request.header("Content-Type", "application/json");
        }
        for (name, value) in &self.config.headers.0 {
            request = request.header(name, value);
        }
        if let Some(saga_id) = payment.saga_id {
            request = request.header("Backstitch-Saga", saga_id.to_string());
        }
        let step = match call {
            ProviderCall::Charge => "process_payment",
            ProviderCall::Refund => "refund_payment",
        };
        // A question is none of the effects that the key stands for.
        let id = if action.is_some() { key.clone() } else { format!("{key}.status") };
        if action.is_some() {
            request = request.header("Idempotency-Key", key);
        }
        request = request.header("Backstitch-Step", step);
        request = request.header("Backstitch-Attempt", attempt.to_string());
        if let Some(secret) = &self.config.secret {
            for (name, value) in secret.sign(&id, signature::now(), &body) {
                request = request.header(name, value);
            }
        }
        let mut response = request.body(body).send().await.map_err(|error| said(&error))?;
        let body = beginning(&mut response).await.map_err(|error| said(&error))?;
        Ok((response.status().as_u16(), response.headers().clone(), body))
    }
}

/// As much of a body as is read; what is longer is no answer, and is cut.
async fn beginning(response: &mut Response) -> reqwest::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = MOST.saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            break;
        }
    }
    Ok(body)
}

fn wait(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// An error with its causes, without the URL, which may have a secret in it.
fn said(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut text = if error.is_connect() { "cannot connect".to_owned() } else { "the exchange failed".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
