//! The credential of one's own services: `Authorization: Bearer SECRET`.

use super::{Code, Context, Problem};
use crate::service::Reporter;
use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use sha2::{Digest, Sha256};

/// The secret, as its digest: what is said is compared by its digest, too, and how long that takes tells nothing of it.
#[derive(Clone, Copy)]
pub struct Credential([u8; 32]);

impl Credential {
    /// Of a secret.
    pub fn new(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }
}

/// Who reports: a service of one's own where the request says the secret. Where there is none, what a request says is
/// not for us.
pub(super) fn reporter(request: &HttpRequest, context: &Context) -> Result<Reporter, Problem> {
    let Some(credential) = context.credential else { return Ok(Reporter::Anybody) };
    let Some(given) = request.headers().get(AUTHORIZATION) else { return Ok(Reporter::Anybody) };
    let said = given.to_str().ok().and_then(|text| text.split_once(' '));
    let is_right = said.is_some_and(|(scheme, secret)| {
        scheme.eq_ignore_ascii_case("bearer") && Credential::new(secret.trim()).0 == credential.0
    });
    if is_right { Ok(Reporter::Trusted) } else { Err(Code::Unauthorized.into()) }
}
