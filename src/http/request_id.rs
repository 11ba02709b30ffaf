//! Every request has an id: taken from `X-Request-Id` or made, answered, and part of every problem.

use super::{Code, Problem, attend, problem};
use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{ALLOW, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use std::time::Instant;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id that is taken from a client.
const MAX_LEN: usize = 128;

/// The client's id where it is short and visible, else a new one.
fn id_of(request: &ServiceRequest) -> HeaderValue {
    let given = request
        .headers()
        .get(&HEADER)
        .filter(|value| (1..=MAX_LEN).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic));
    given.cloned().unwrap_or_else(|| {
        let mut buffer = Uuid::encode_buffer();
        let made = Uuid::now_v7().hyphenated().encode_lower(&mut buffer);
        HeaderValue::from_str(made).unwrap_or(HeaderValue::from_static("unknown"))
    })
}

/// Gives the request its id and completes problems with it.
pub(super) async fn complete(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let (id, begun) = (id_of(&request), Instant::now());
    let response = next.call(request).await?;
    let mut response = match response.response().error().map(problem_of) {
        None => response.map_into_left_body(),
        Some(problem) => {
            let allow = response.headers().get(ALLOW).cloned();
            let path = response.request().path();
            let mut completed = problem::response(&problem, path, id.to_str().unwrap_or_default());
            if let Some(allow) = allow {
                completed.headers_mut().insert(ALLOW, allow);
            }
            response.into_response(completed).map_into_right_body()
        }
    };
    let status = response.status();
    count(&response, begun);
    if status.is_server_error() {
        let (method, path) = (response.request().method(), response.request().path());
        tracing::warn!(request_id = id.to_str().unwrap_or_default(), %method, path, status = status.as_u16(), "request failed");
    } else {
        tracing::debug!(
            request_id = id.to_str().unwrap_or_default(),
            path = response.request().path(),
            status = status.as_u16(),
            "request"
        );
    }
    response.headers_mut().insert(HEADER, id);
    attend::end_where_crowded(&mut response);
    Ok(response)
}

/// Counts a request by its route, never by its path: what is in that is for the client to choose.
fn count<B>(response: &ServiceResponse<B>, begun: Instant) {
    let request = response.request();
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    };
    let status = response.status().as_u16().to_string();
    metrics::histogram!("http_request_seconds", "route" => route.clone(), "method" => method)
        .record(begun.elapsed().as_secs_f64());
    metrics::counter!("http_requests_total", "route" => route, "method" => method, "status" => status).increment(1);
}

/// Our own problem, or what the framework's error comes to.
fn problem_of(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    let code = match error.as_response_error().status_code() {
        StatusCode::NOT_FOUND => Code::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => Code::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Code::BodyTooLarge,
        StatusCode::REQUEST_TIMEOUT => Code::RequestTimeout,
        status if status.is_client_error() => Code::MalformedJson,
        _ => {
            tracing::error!(%error, "the framework failed a request");
            Code::Internal
        }
    };
    code.into()
}
