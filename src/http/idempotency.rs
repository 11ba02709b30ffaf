//! The `Idempotency-Key` header.

use super::{Code, Problem, body::Body};
use crate::{domain::field::IdempotencyKey, store::Claim};
use actix_web::HttpRequest;
use sha2::{Digest, Sha256};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use uuid::Uuid;

/// The request's claim on its key, if it has one. The scope is method and path; every caller is the
/// same until callers are told apart.
pub(super) fn claim<T>(request: &HttpRequest, body: &Body<T>) -> Result<Option<Claim>, Problem> {
    claim_under(request, body.hash())
}

/// As [`claim`], of a body that was read otherwise.
pub(super) fn claim_of(request: &HttpRequest, body: &[u8]) -> Result<Option<Claim>, Problem> {
    claim_under(request, Sha256::digest(body).into())
}

fn claim_under(request: &HttpRequest, body_hash: [u8; 32]) -> Result<Option<Claim>, Problem> {
    let mut given = request.headers().get_all("idempotency-key");
    let Some(value) = given.next() else { return Ok(None) };
    let invalid = |message: &str| Problem::field("Idempotency-Key", message);
    if given.next().is_some() {
        return Err(invalid("is given more than once"));
    }
    let text = value.to_str().map_err(|_| invalid("must be visible ASCII characters"))?;
    let key = IdempotencyKey::parse(text).map_err(|error| invalid(&error.to_string()))?;
    let scope = format!("anyone {} {}", request.method(), request.path());
    Ok(Some(Claim { scope, key: key.into(), body_hash, request_id: Uuid::now_v7() }))
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
