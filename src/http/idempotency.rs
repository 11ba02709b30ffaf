//! The `Idempotency-Key` header.

use super::{
    Code, Problem,
    body::{Meaning, meaning_of},
};
use crate::{
    domain::field::IdempotencyKey,
    store::{Caller, Claim, Scope},
};
use actix_web::HttpRequest;
use std::{
    collections::VecDeque,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

/// The request's claim on its key, if it has one. A repeat says the same of the same resource, however it writes that.
pub(super) fn claim(request: &HttpRequest, body: &impl Meaning) -> Result<Option<Claim>, Problem> {
    claim_under(request, "REST", || body.meaning())
}

/// As [`claim`], of a body that was read otherwise, on a listener of its own.
pub(super) fn claim_of(request: &HttpRequest, listener: &str, body: &[u8]) -> Result<Option<Claim>, Problem> {
    claim_under(request, listener, || meaning_of(body))
}

fn claim_under(
    request: &HttpRequest,
    listener: &str,
    body_hash: impl FnOnce() -> [u8; 32],
) -> Result<Option<Claim>, Problem> {
    let mut given = request.headers().get_all("idempotency-key");
    let Some(value) = given.next() else { return Ok(None) };
    let invalid = |message: &str| Problem::field("Idempotency-Key", message);
    if given.next().is_some() {
        return Err(invalid("is given more than once"));
    }
    let text = value.to_str().map_err(|_| invalid("must be visible ASCII characters"))?;
    let key = IdempotencyKey::parse(text).map_err(|error| invalid(&error.to_string()))?;
    let scope = Scope::new(Caller::Anyone, listener, &operation(request));
    Ok(Some(Claim { scope, key: key.into(), body_hash: body_hash(), request_id: Uuid::now_v7() }))
}

/// The method, the route and what it was asked of. The path itself can be written in several ways: with escapes, and with ids in
/// capitals.
fn operation(request: &HttpRequest) -> String {
    let mut operation = format!("{} {}", request.method(), request.match_pattern().unwrap_or_default());
    for (name, value) in request.match_info().iter() {
        let value = Uuid::parse_str(value).map_or_else(|_| value.to_owned(), |id| id.to_string());
        let _ = write!(operation, " {name}={value}");
    }
    operation
}

/// Claims that outlive no process, as what they were made for: the latest thousand of them.
#[derive(Clone, Debug, Default)]
pub struct FleetingClaims(Arc<Mutex<VecDeque<Claim>>>);

impl FleetingClaims {
    /// Remembers a claim; whether the same request made it before.
    pub(super) fn is_repeated(&self, claim: Option<Claim>) -> Result<bool, Problem> {
        const REMEMBERED: usize = 1000;
        let Some(claim) = claim else { return Ok(false) };
        let mut claims = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match claims.iter().find(|known| known.scope == claim.scope && known.key == claim.key) {
            Some(known) if known.body_hash == claim.body_hash => Ok(true),
            Some(_) => Err(Code::IdempotencyKeyReused.into()),
            None => {
                claims.truncate(REMEMBERED - 1);
                claims.push_front(claim);
                Ok(false)
            }
        }
    }
}
