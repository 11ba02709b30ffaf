//! Who reports: a service of one's own, which is believed, or anybody.

use super::{Code, Context, Problem};
use crate::credential::Credential;
use crate::domain::payment::Reporter;
use actix_web::{HttpRequest, http::header::AUTHORIZATION};

/// Who reports: a service of one's own, or a payment service outside, where the request says its secret. Where one's own
/// have none, what a request says that is no payment service's is not for us.
pub(super) fn reporter(request: &HttpRequest, context: &Context) -> Result<Reporter, Problem> {
    let nobody = if context.credential.is_some() { Reporter::Stranger } else { Reporter::Anybody };
    let Some(given) = request.headers().get(AUTHORIZATION) else { return Ok(nobody) };
    let is_said = |credential: &Credential| given.to_str().is_ok_and(|given| credential.is_said_in(given));
    if context.credential.as_ref().is_some_and(is_said) {
        return Ok(Reporter::Trusted);
    }
    match context.reporters.iter().find(|(_, credential)| is_said(credential)) {
        Some((provider, _)) => Ok(Reporter::Provider(*provider)),
        None if context.credential.is_some() => Err(Code::Unauthorized.into()),
        None => Ok(Reporter::Anybody),
    }
}
