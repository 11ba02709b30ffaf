//! A request that is about to be sent, and what came back, with the frame that every answer must have.

use backstitch::http::openapi_document;
use futures::{FutureExt, future::BoxFuture};
use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    future::IntoFuture,
    sync::LazyLock,
};

/// The codes that the OpenAPI document promises.
static CODES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let document = serde_json::to_value(openapi_document()).expect("the document is JSON");
    let codes = document["components"]["schemas"]["Code"]["enum"].as_array().expect("the list of codes");
    codes.iter().map(|code| code.as_str().expect("a code is text").to_owned()).collect()
});

/// A request, sent when it is awaited.
pub(crate) struct Call {
    pub(super) client: Client,
    pub(super) method: Method,
    pub(super) url: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
}

impl Call {
    /// Sends it under an idempotency key.
    pub(crate) fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a header's name");
        self.headers.append(name, HeaderValue::from_bytes(value.as_ref()).expect("a header's value"));
        self
    }

    /// Waits up to so many seconds for the saga to rest.
    pub(crate) fn wait(mut self, seconds: u32) -> Self {
        let separator = if self.url.contains('?') { '&' } else { '?' };
        self.url = format!("{}{separator}wait={seconds}", self.url);
        self
    }

    /// Replaces the body by these bytes.
    pub(crate) fn bytes(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Sends it; the answer's head.
    pub(super) async fn send(self) -> Response {
        let request = self.client.request(self.method, self.url).headers(self.headers);
        let request = self.body.into_iter().fold(request, RequestBuilder::body);
        request.send().await.expect("the server answers")
    }
}

impl IntoFuture for Call {
    type Output = Answer;
    type IntoFuture = BoxFuture<'static, Answer>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            let response = self.send().await;
            let status = response.status().as_u16();
            let headers = response.headers().iter();
            let headers = headers
                .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into()))
                .collect();
            let text = response.text().await.expect("the body is text");
            Answer::new(status, headers, text)
        }
        .boxed()
    }
}

/// What the server answered.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By lower-case name.
    headers: HashMap<String, String>,
    pub(crate) text: String,
    /// The body, where it is JSON.
    pub(crate) json: Value,
}

impl Answer {
    pub(super) fn new(status: u16, headers: HashMap<String, String>, text: String) -> Self {
        let json = serde_json::from_str(&text).unwrap_or_default();
        Self { status, headers, text, json }
    }

    /// A header, if it was sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The data of a success in its envelope (C4).
    #[track_caller]
    pub(crate) fn success(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{self:?}");
        let phrase = match status {
            201 => "CREATED",
            202 => "ACCEPTED",
            _ => "OK",
        };
        assert_eq!(self.json["code"], status, "{self:?}");
        assert_eq!(self.json["status"], phrase, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        assert!(self.header("x-request-id").is_some_and(|id| !id.is_empty()), "{self:?}");
        &self.json["data"]
    }

    /// The items of a list in its envelope.
    #[track_caller]
    pub(crate) fn items(&self) -> &[Value] {
        let items = self.success(200).as_array().expect("a list");
        let cursor = &self.json["meta"]["next_cursor"];
        assert!(cursor.is_string() || cursor == &json!(null), "{self:?}");
        items
    }

    /// Where the next part of a list begins.
    pub(crate) fn next_cursor(&self) -> Option<&str> {
        self.json["meta"]["next_cursor"].as_str()
    }

    /// A problem with all its members and a code that the OpenAPI document lists.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status, self.json["code"].as_str()), (status, Some(code)), "{self:?}");
        self.any_problem();
        &self.json
    }

    /// A problem with all its members, whatever its code.
    #[track_caller]
    pub(crate) fn any_problem(&self) {
        let problem = &self.json;
        assert!((400..600).contains(&self.status), "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(problem["status"], self.status, "{self:?}");
        for member in ["type", "title", "detail", "instance", "code", "request_id"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {self:?}");
        }
        let errors = problem["errors"].as_array().expect("errors is a list");
        for error in errors {
            assert!(error["field"].is_string() && error["message"].is_string(), "{self:?}");
        }
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"), "{self:?}");
        let code = problem["code"].as_str().unwrap_or_default();
        assert!(CODES.contains(code), "{code} is not in the OpenAPI document");
    }

    /// A problem that names this field.
    #[track_caller]
    pub(crate) fn refuses(&self, field: &str) {
        self.problem(422, "invalid_request");
        self.names(field);
    }

    /// The problem names this field.
    #[track_caller]
    pub(crate) fn names(&self, field: &str) {
        let named: Vec<_> = self.json["errors"].as_array().expect("errors").iter().map(|e| &e["field"]).collect();
        assert!(named.iter().any(|name| *name == field), "{field} is not among {named:?}: {}", self.text);
    }

    /// Whether the answer says that its idempotency key had been used before.
    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}
