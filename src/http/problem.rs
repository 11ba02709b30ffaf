//! Problems over HTTP: RFC 9457 documents.

use crate::{
    domain::{field::FieldError, ids::OrderId},
    service::{Code, Problem},
};
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError, body::BoxBody, http::StatusCode, http::header};
use serde::Serialize;
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// The document a client gets.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct ProblemDocument<'a> {
    /// A URI that identifies the kind of problem.
    #[serde(rename = "type")]
    kind: String,
    /// The kind of problem, for a person.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What went wrong this time, and what to do.
    detail: &'a str,
    /// The path of the request.
    instance: &'a str,
    /// The kind of problem, for a program; stable.
    #[schema(value_type = CodeName)]
    code: &'a str,
    /// The fields that cannot be accepted.
    #[schema(value_type = Vec<FieldProblem>)]
    errors: &'a [FieldError],
    /// The order that was placed and has failed; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    order_id: Option<OrderId>,
    /// The request's id, to be named in a report.
    request_id: &'a str,
}

/// A field that cannot be accepted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FieldProblem {
    /// Its path in the request.
    field: String,
    /// What is wrong and what is allowed.
    message: String,
}

/// The codes, as the OpenAPI document lists them.
pub(super) struct CodeName;

impl PartialSchema for CodeName {
    fn schema() -> RefOr<Schema> {
        let names = Code::ALL.iter().map(|code| code.as_str());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("Stable codes of problems."))
            .enum_values(Some(names))
            .into()
    }
}

impl ToSchema for CodeName {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Code")
    }
}

fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The document of a problem.
pub(super) fn document(problem: &Problem, instance: &str, request_id: &str) -> Vec<u8> {
    let code = problem.code();
    let document = ProblemDocument {
        kind: format!("urn:backstitch:problem:{}", code.as_str()),
        title: code.title(),
        status: code.status(),
        detail: problem.detail(),
        instance,
        code: code.as_str(),
        errors: problem.errors(),
        order_id: problem.order_id(),
        request_id,
    };
    serde_json::to_vec(&document).unwrap_or_default()
}

/// The whole response, once the request is known.
pub(super) fn response(problem: &Problem, instance: &str, request_id: &str) -> HttpResponse {
    let status = status(problem.code());
    let mut response = HttpResponse::build(status);
    response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    if status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
        response.insert_header((header::ACCEPT, "application/json"));
        response.insert_header((header::ACCEPT_ENCODING, "identity"));
    }
    if status == StatusCode::UNAUTHORIZED {
        response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
    }
    response.body(document(problem, instance, request_id))
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status(self.code())
    }

    /// Completed by the request-id layer, which knows the request.
    fn error_response(&self) -> HttpResponse {
        response(self, "", "")
    }
}

impl Responder for Problem {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::from_error(self)
    }
}

/// Answers a path that nobody serves.
pub(super) async fn no_such_path() -> Problem {
    Problem::new(Code::NotFound, "nothing is served at this path; see /openapi.json")
}
