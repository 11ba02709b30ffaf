//! Paths with a slash at their end, where they are to be the same without it.

use super::Context;
use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::uri::{PathAndQuery, Uri},
    middleware::Next,
    web,
};

/// The pages of the documentation are a directory.
const DIRECTORY: &str = "/docs";

/// Takes the slash off, where that is wanted.
pub(super) async fn trim(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_wanted = request.app_data::<web::Data<Context>>().is_some_and(|context| context.trailing_slashes);
    if let Some(uri) = trimmed(request.uri()).filter(|_| is_wanted) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    next.call(request).await
}

/// The address without slashes at the end of its path; `None` where there are none.
fn trimmed(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let bare = path.trim_end_matches('/');
    if bare.len() == path.len() || bare.is_empty() || path.starts_with(DIRECTORY) {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{bare}{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_at_the_end_of_a_path_go_and_the_query_stays() {
        for (from, to) in [
            ("/orders/", Some("/orders")),
            ("/orders/7//?limit=1&a=/", Some("/orders/7?limit=1&a=/")),
            ("/orders", None),
            ("/orders?a=/", None),
            ("/", None),
            ("/docs/", None),
        ] {
            let uri: Uri = from.parse().unwrap();
            assert_eq!(trimmed(&uri).map(|uri| uri.to_string()).as_deref(), to, "{from}");
        }
    }
}
