//! One call: its request id, its idempotency key, and how it ends.

use crate::{
    domain::field::IdempotencyKey,
    service::{Code, Problem, ServiceError},
    store::{Caller, Claim, Scope},
};
use prost::Message;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tonic::{
    Code as GrpcCode, Request, Response, Status,
    metadata::{Ascii, MetadataMap, MetadataValue},
};
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

const REQUEST_ID: &str = "x-request-id";
/// Longest request id that is taken from a client.
const MAX_REQUEST_ID: usize = 128;
/// When a client may try again what the server cannot do now.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Fields that a refusal names.
const MOST_VIOLATIONS: usize = 16;

/// A call under way.
pub(super) struct Call {
    method: &'static str,
    request_id: MetadataValue<Ascii>,
    metadata: MetadataMap,
}

impl Call {
    /// Takes a request apart. `method` is the method's full name.
    pub(super) fn of<T>(method: &'static str, request: Request<T>) -> (Self, T) {
        let (metadata, _, message) = request.into_parts();
        let given = metadata.get(REQUEST_ID).filter(|id| (1..=MAX_REQUEST_ID).contains(&id.as_bytes().len()));
        let request_id = given.cloned().unwrap_or_else(|| {
            let made = Uuid::now_v7().to_string();
            made.parse().unwrap_or(MetadataValue::from_static("unknown"))
        });
        (Self { method, request_id, metadata }, message)
    }

    /// The call's claim on its idempotency key, if it has one. The scope is the method; every caller is the same until
    /// callers are told apart.
    ///
    /// # Errors
    /// As [`Self::key`].
    pub(super) fn claim<M: Message>(&self, message: &M, key: Option<&str>) -> Result<Option<Claim>, Problem> {
        let Some(key) = self.key(key)? else { return Ok(None) };
        let body_hash = Sha256::digest(message.encode_to_vec()).into();
        let scope = Scope::new(Caller::Anyone, "gRPC", self.method);
        Ok(Some(Claim { scope, key: key.into(), body_hash, request_id: Uuid::now_v7() }))
    }

    /// The call's idempotency key, if it has one: in its message, or beside it.
    ///
    /// # Errors
    /// A key that cannot be one, or two of them.
    pub(super) fn key(&self, key: Option<&str>) -> Result<Option<IdempotencyKey>, Problem> {
        let mut beside = self.metadata.get_all("idempotency-key").iter();
        let invalid = |message: &str| Problem::field("idempotency_key", message);
        let given = match (key, beside.next()) {
            (None, None) => return Ok(None),
            (Some(key), None) => key,
            (None, Some(key)) => key.to_str().map_err(|_| invalid("must be visible ASCII characters"))?,
            (Some(key), Some(same)) if same.as_bytes() == key.as_bytes() => key,
            (Some(_), Some(_)) => return Err(invalid("is another one than that in the metadata")),
        };
        if beside.next().is_some() {
            return Err(invalid("is given more than once"));
        }
        IdempotencyKey::parse(given).map(Some).map_err(|error| invalid(&error.to_string()))
    }

    /// The call's answer.
    pub(super) fn answer<T>(self, answer: Result<T, Problem>) -> Result<Response<T>, Status> {
        match answer {
            Ok(message) => {
                tracing::debug!(request_id = ?self.request_id, method = self.method, "call");
                let mut response = Response::new(message);
                response.metadata_mut().insert(REQUEST_ID, self.request_id);
                Ok(response)
            }
            Err(problem) => Err(self.refuse(&problem)),
        }
    }

    /// The call's failure.
    pub(super) fn refuse(&self, problem: &Problem) -> Status {
        let (method, request_id) = (self.method, &self.request_id);
        let code = problem.code();
        if code.status() >= 500 {
            tracing::warn!(?request_id, method, code = code.as_str(), "call failed");
        } else {
            tracing::debug!(?request_id, method, code = code.as_str(), "call refused");
        }
        status_of(problem, request_id)
    }
}

/// A problem as a status with its details.
pub(super) fn status_of(problem: &Problem, request_id: &MetadataValue<Ascii>) -> Status {
    let code = problem.code();
    let mut details = ErrorDetails::new();
    let order = problem.order_id().map(|order| ("order_id".to_owned(), order.to_string()));
    details.set_error_info(code.as_str(), "backstitch", order.into_iter().collect::<std::collections::HashMap<_, _>>());
    details.set_request_info(request_id.to_str().unwrap_or_default(), "");
    // Details travel in a header, of which clients take some 8 KiB.
    for error in problem.errors().iter().take(MOST_VIOLATIONS) {
        let message: String = error.message.chars().take(200).collect();
        details.add_bad_request_violation(&error.field, message);
    }
    if let Some(more) = problem.errors().len().checked_sub(MOST_VIOLATIONS).filter(|more| *more > 0) {
        details.add_bad_request_violation("", format!("and {more} more fields"));
    }
    if code.status() == 503 {
        details.set_retry_info(Some(RETRY_AFTER));
    }
    let mut status = Status::with_error_details(grpc_code(code), problem.detail(), details);
    status.metadata_mut().insert(REQUEST_ID, request_id.clone());
    status
}

/// The canonical code of a problem: that of its HTTP status, as google.rpc.Code pairs them.
const fn grpc_code(code: Code) -> GrpcCode {
    match code {
        Code::IdempotencyKeyReused => GrpcCode::AlreadyExists,
        Code::SimulationDisabled => GrpcCode::FailedPrecondition,
        _ => match code.status() {
            400 | 415 | 422 => GrpcCode::InvalidArgument,
            401 => GrpcCode::Unauthenticated,
            404 => GrpcCode::NotFound,
            405 => GrpcCode::Unimplemented,
            408 => GrpcCode::DeadlineExceeded,
            402 | 409 => GrpcCode::FailedPrecondition,
            413 => GrpcCode::ResourceExhausted,
            503 => GrpcCode::Unavailable,
            _ => GrpcCode::Internal,
        },
    }
}

/// As a facade's own errors become problems.
pub(super) fn problem(error: ServiceError) -> Problem {
    error.into()
}
