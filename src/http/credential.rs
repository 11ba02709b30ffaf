//! Who reports: a service of one's own, which is believed, or anybody.

use super::{Code, Context, Problem};
use crate::service::Reporter;
use actix_web::{HttpRequest, http::header::AUTHORIZATION};

/// Who reports: a service of one's own where the request says the secret. Where there is none, what a request says is
/// not for us.
pub(super) fn reporter(request: &HttpRequest, context: &Context) -> Result<Reporter, Problem> {
    let Some(credential) = context.credential else { return Ok(Reporter::Anybody) };
    let Some(given) = request.headers().get(AUTHORIZATION) else { return Ok(Reporter::Anybody) };
    let is_said = given.to_str().is_ok_and(|given| credential.is_said_in(given));
    if is_said { Ok(Reporter::Trusted) } else { Err(Code::Unauthorized.into()) }
}
