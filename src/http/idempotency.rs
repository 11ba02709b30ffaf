//! The `Idempotency-Key` header.

use super::{Problem, body::Body};
use crate::store::Claim;
use actix_web::HttpRequest;

/// Longest key.
const MAX_LEN: usize = 255;

/// The request's claim on its key, if it has one. The scope is method and path; every caller is the
/// same until callers are told apart.
pub(super) fn claim<T>(request: &HttpRequest, body: &Body<T>) -> Result<Option<Claim>, Problem> {
    let mut given = request.headers().get_all("idempotency-key");
    let Some(value) = given.next() else { return Ok(None) };
    let invalid = |message: &str| Problem::field("Idempotency-Key", message);
    if given.next().is_some() {
        return Err(invalid("is given more than once"));
    }
    let text = value.to_str().map_err(|_| invalid("must be visible ASCII characters"))?;
    let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    if bare.is_empty() || bare.len() > MAX_LEN || !bare.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(invalid("must be 1 to 255 visible ASCII characters, bare or quoted"));
    }
    let scope = format!("anyone {} {}", request.method(), request.path());
    Ok(Some(Claim { scope, key: bare.to_owned(), body_hash: body.hash() }))
}
