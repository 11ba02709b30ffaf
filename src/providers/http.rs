//! Services that are reached over HTTP, as the configuration describes them.
//!
//! ```text
//!   made before? ─▶ its status, where there is a URL for that
//!   request: template, headers, Idempotency-Key, Backstitch-…, webhook-signature ─▶ answer
//! ```
//!
//! A call has a bound, follows no redirect and reads no more of an answer than it may have.

use super::{
    answer::{Answer, Known, Received},
    config::{Action, HttpService, ServiceConfig},
    service::Link,
    signature,
    subject::Subject,
    template::Template,
};
use futures::future::BoxFuture;
use reqwest::{Client, Method, Response, header::HeaderMap, header::RETRY_AFTER, redirect};
use std::{io, time::Duration};

/// The most that is read of an answer, in bytes.
pub(super) const MOST: usize = 64 << 10;

/// A service over HTTP.
pub(super) struct HttpLink {
    config: ServiceConfig,
    service: HttpService,
    client: Client,
}

impl HttpLink {
    /// # Errors
    /// When no client can be made.
    pub(super) fn new(config: &ServiceConfig, service: &HttpService) -> io::Result<Self> {
        // The first one stays; it is the same for everybody.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().timeout(config.timeout());
        let client = client.user_agent("backstitch").build().map_err(io::Error::other)?;
        Ok(Self { config: config.clone(), service: service.clone(), client })
    }

    async fn ask_or_send(&self, subject: &Subject) -> Received {
        let nothing =
            |why| Received { answer: Answer::Unknown { why, failing: true }, status: None, retry_after: None };
        let action = self.service.action(subject.call);
        let mut named = None;
        if let Some(query) = self.service.status.as_ref().filter(|_| subject.repeat || action.lacks_reference(subject))
        {
            match self.request(&query.method, &query.url, None, subject).await {
                Ok((status, headers, body)) => match query.read(subject.call, status, &body) {
                    Known::Answer(answer) => {
                        return Received { answer, status: Some(status), retry_after: wait(&headers) };
                    }
                    Known::ToBeMade(known) => named = known.reference,
                },
                Err(why) => return nothing(why),
            }
        }
        let learned = named.filter(|_| subject.reference().is_none()).map(|reference| subject.with(reference));
        let subject = learned.as_ref().unwrap_or(subject);
        if action.lacks_reference(subject) {
            return Received { answer: subject.nameless(), status: None, retry_after: None };
        }
        match self.request(&action.method, &action.url, Some(action), subject).await {
            Ok((status, headers, body)) => {
                let answer = action.read(subject.call, status, &body);
                Received { answer, status: Some(status), retry_after: wait(&headers) }
            }
            Err(why) => nothing(why),
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
        let key = subject.key();
        let body = action.and_then(|action| action.body.as_ref()?.json(subject)).unwrap_or_default();
        let url = url.url(subject).ok_or("it is asked by a reference that it has not given")?;
        let mut request = self.client.request(method.clone(), url);
        if !body.is_empty() {
            request = request.header("Content-Type", "application/json");
        }
        for (name, value) in &self.config.headers.0 {
            request = request.header(name, value);
        }
        for (name, value) in subject.headers() {
            request = request.header(name, value);
        }
        // A question is none of the effects that the key stands for.
        let id = if action.is_some() { key.clone() } else { format!("{key}.status") };
        if action.is_some() {
            request = request.header("Idempotency-Key", key);
        }
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

impl Link for HttpLink {
    fn exchange<'a>(&'a self, subject: &'a Subject) -> BoxFuture<'a, Received> {
        Box::pin(self.ask_or_send(subject))
    }
}

/// As much of a body as is read; what is longer is no answer, and is cut.
pub(super) async fn beginning(response: &mut Response) -> reqwest::Result<Vec<u8>> {
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
pub(super) fn said(error: &reqwest::Error) -> String {
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
