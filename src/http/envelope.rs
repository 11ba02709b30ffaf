//! The envelope around every success: `{"code":200,"status":"OK","data":{…}}`.

use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode, http::header};
use serde::Serialize;
use utoipa::ToSchema;

/// A success with its data.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Envelope<T> {
    /// The HTTP status.
    code: u16,
    /// Its reason phrase in capitals: `OK`, `CREATED`, `ACCEPTED`.
    status: &'static str,
    /// What was asked for.
    data: T,
}

/// A success with a part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListEnvelope<T> {
    /// The HTTP status.
    code: u16,
    /// Its reason phrase in capitals.
    status: &'static str,
    /// This part of the list, newest first.
    data: Vec<T>,
    /// Where the next part begins.
    meta: ListMeta,
}

/// Where the next part of a list begins.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListMeta {
    /// To be sent as `cursor`; null at the end.
    next_cursor: Option<String>,
}

fn phrase(status: StatusCode) -> &'static str {
    match status.as_u16() {
        201 => "CREATED",
        202 => "ACCEPTED",
        _ => "OK",
    }
}

fn respond(status: StatusCode, body: &impl Serialize) -> HttpResponseBuilderWithBody {
    let mut builder = HttpResponse::build(status);
    builder.insert_header((header::CONTENT_TYPE, "application/json"));
    // An order with one line takes some 800 bytes.
    let mut json = Vec::with_capacity(1024);
    if serde_json::to_writer(&mut json, body).is_err() {
        json.clear();
    }
    HttpResponseBuilderWithBody(builder, json)
}

/// A response whose headers can still be added to.
pub(super) struct HttpResponseBuilderWithBody(HttpResponseBuilder, Vec<u8>);

impl HttpResponseBuilderWithBody {
    /// Adds a header.
    pub(super) fn header(mut self, name: &'static str, value: impl AsRef<str>) -> Self {
        self.0.insert_header((name, value.as_ref()));
        self
    }

    /// Says that an idempotency key had been used before.
    pub(super) fn replayed(self, replayed: bool) -> Self {
        if replayed { self.header("Idempotent-Replayed", "true") } else { self }
    }

    /// The response.
    pub(super) fn finish(mut self) -> HttpResponse {
        self.0.body(self.1)
    }
}

/// A success.
pub(super) fn success(status: StatusCode, data: impl Serialize) -> HttpResponseBuilderWithBody {
    respond(status, &Envelope { code: status.as_u16(), status: phrase(status), data })
}

/// A part of a list. `items` may hold one more than `limit`, which says that there is a next part.
pub(super) fn list<T, W: Serialize>(
    mut items: Vec<T>,
    limit: u32,
    cursor: impl Fn(&T) -> String,
    wire: impl Fn(T) -> W,
) -> HttpResponse {
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let next_cursor = items.last().filter(|_| more).map(cursor);
    let data = items.into_iter().map(wire).collect();
    respond(StatusCode::OK, &ListEnvelope { code: 200, status: "OK", data, meta: ListMeta { next_cursor } }).finish()
}
