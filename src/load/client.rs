//! One client's connection: HTTP/1.1, kept alive, one request at a time.
//!
//! hyper's connection API and nothing above it: no pool, no redirects, no cookies, no URL to parse for
//! each request. The load generator shares the machine's cores with the server that it measures, so
//! what it spends on a request is missing there.
//!
//! Must not decide what an answer means nor whether a request is sent again.

use super::target::Target;
use http_body_util::{BodyExt, Full};
use hyper::{
    Method, Request, StatusCode,
    body::Bytes,
    client::conn::http1::{self, SendRequest},
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, RETRY_AFTER},
    http::Uri,
};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::{net::TcpStream, time::timeout};

/// How long connecting may take.
const CONNECT_BOUND: Duration = Duration::from_secs(5);
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A server's answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How long the server asks its clients to wait, if it does.
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// There is no answer: the connection cannot be made, is lost, or says nothing for too long. What was
/// sent may have happened.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoAnswer(String);

/// A client. Connects when it must.
pub(super) struct Client {
    target: Target,
    connection: Option<SendRequest<Full<Bytes>>>,
    /// How long an answer may take.
    bound: Duration,
}

impl Client {
    /// A client of `target` that waits for an answer for at most `bound`.
    pub(super) const fn new(target: Target, bound: Duration) -> Self {
        Self { target, connection: None, bound }
    }

    /// Connects ahead of the first request; where that fails, the request will tell.
    pub(super) async fn connect(&mut self) {
        self.connection = connect(&self.target).await.ok();
    }

    /// Asks for a resource.
    pub(super) async fn get(&mut self, path: &Uri) -> Result<Answer, NoAnswer> {
        self.send(self.request(Method::GET, path, Bytes::new())).await
    }

    /// Posts JSON, under an idempotency key if there is one.
    pub(super) async fn post(
        &mut self,
        path: &Uri,
        body: Bytes,
        key: Option<&HeaderValue>,
    ) -> Result<Answer, NoAnswer> {
        self.send_json(Method::POST, path, body, key).await
    }

    /// Sends JSON, under an idempotency key if there is one.
    pub(super) async fn send_json(
        &mut self,
        method: Method,
        path: &Uri,
        body: Bytes,
        key: Option<&HeaderValue>,
    ) -> Result<Answer, NoAnswer> {
        let mut request = self.request(method, path, body);
        request.headers_mut().insert(CONTENT_TYPE, JSON);
        if let Some(key) = key {
            request.headers_mut().insert(IDEMPOTENCY_KEY, key.clone());
        }
        self.send(request).await
    }

    fn request(&self, method: Method, path: &Uri, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.clone();
        request.headers_mut().insert(HOST, self.target.host.clone());
        request
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, NoAnswer> {
        // Taken out, and put back only after a whole answer: a connection that failed is never used again.
        let mut connection = match self.connection.take() {
            Some(mut kept) => match kept.ready().await {
                Ok(()) => kept,
                // The server has closed it meanwhile.
                Err(_) => connect(&self.target).await?,
            },
            None => connect(&self.target).await?,
        };
        let answered = async {
            let response = connection.send_request(request).await?;
            let status = response.status();
            let retry_after = response.headers().get(RETRY_AFTER).and_then(retry_after);
            let body = response.into_body().collect().await?.to_bytes();
            Ok::<_, hyper::Error>(Answer { status, retry_after, body })
        };
        let answer = match timeout(self.bound, answered).await {
            Ok(answer) => answer.map_err(|error| NoAnswer(error.to_string()))?,
            Err(_) => return Err(NoAnswer(format!("no answer within {} s", self.bound.as_secs()))),
        };
        self.connection = Some(connection);
        Ok(answer)
    }
}

async fn connect(target: &Target) -> Result<SendRequest<Full<Bytes>>, NoAnswer> {
    let failed = |error: &dyn std::error::Error| NoAnswer(error.to_string());
    let stream = timeout(CONNECT_BOUND, TcpStream::connect(target.address))
        .await
        .map_err(|_| NoAnswer("cannot connect in time".to_owned()))?
        .map_err(|error| failed(&error))?;
    // A request is one write: waiting for more to send with it would only add to its latency.
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    actix_rt::spawn(async {
        // How it ends is told to whoever waits for an answer.
        let _ = driver.await;
    });
    Ok(connection)
}

fn retry_after(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
