//! Calls whose message cannot be read: the framework refuses them before any of ours sees them, as a fault of the server's.

use super::call::status_of;
use crate::service::{Code, Problem};
use percent_encoding::percent_decode_str;
use tonic::{body::Body, codegen::http::Response, metadata::MetadataValue};
use uuid::Uuid;

/// Gives a refusal of the framework's the code and the details of all others.
pub(super) fn explain(response: Response<Body>) -> Response<Body> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let (Some(status @ ("13" | "11")), Some(message)) = (header("grpc-status"), header("grpc-message")) else {
        return response;
    };
    let message = percent_decode_str(message).decode_utf8_lossy();
    let problem = match (status, message.as_ref()) {
        ("13", message) if message.starts_with("failed to decode Protobuf message") => {
            Problem::new(Code::MalformedMessage, message.to_owned())
        }
        ("11", message) if message.contains("message length too large") => {
            Problem::new(Code::BodyTooLarge, message.to_owned())
        }
        _ => return response,
    };
    let made = Uuid::now_v7().to_string().parse().unwrap_or(MetadataValue::from_static("unknown"));
    status_of(&problem, &made).into_http()
}
