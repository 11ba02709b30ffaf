//! Around every request: whether its connection has a place, and whether its client is still there.

use super::{
    Code, Problem,
    connection::{Attended, Conduct},
};
use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{ConnectionType, Method},
    middleware::Next,
};
use futures::future::{Either, select};
use std::{pin::pin, rc::Rc, time::Duration};
use tokio::{sync::OwnedSemaphorePermit, time::sleep};

/// How long a request goes on whose client has left: one that only said that nothing more would come gets its answer.
const GRACE: Duration = Duration::from_secs(1);

/// Serves a request as long as its client is there.
pub(super) async fn attend(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<Attended<impl MessageBody>>>, Error> {
    let is_head = request.method() == Method::HEAD;
    let Some(conduct) = request.request().conn_data::<Rc<Conduct>>().cloned() else {
        let response = next.call(request).await?;
        return Ok(response.map_body(|_, body| EitherBody::left(Attended::new(body, is_head, None, None))));
    };
    let serving = conduct.serve();
    let waiter = match room(&request, &conduct).await {
        Ok(waiter) => waiter,
        Err(problem) => return Ok(request.error_response(problem).map_into_right_body()),
    };
    let departure = async {
        conduct.departure().await;
        sleep(GRACE).await;
    };
    match select(next.call(request), pin!(departure)).await {
        Either::Left((served, _)) => {
            Ok(served?.map_body(|_, body| EitherBody::left(Attended::new(body, is_head, Some(serving), waiter))))
        }
        Either::Right(_) => Err(Problem::new(Code::RequestTimeout, "the client has left before its answer").into()),
    }
}

/// The room that a request needs: a place for its connection, and one to wait in where it waits.
async fn room(request: &ServiceRequest, conduct: &Conduct) -> Result<Option<OwnedSemaphorePermit>, Problem> {
    if !conduct.has_place() && !is_for_operators(request.path()) {
        conduct.sit(conduct.places().wait_for_one().await?);
    }
    if waits(request) { conduct.places().wait_in_one().map(Some) } else { Ok(None) }
}

/// What a prober or an operator asks: it is answered at once, and where nobody else is.
fn is_for_operators(path: &str) -> bool {
    ["/healthz", "/readyz", "/metrics"].contains(&path) || path.starts_with("/admin/")
}

/// Whether a request may take longer than its work does: one with `wait`, or one that follows a saga.
fn waits(request: &ServiceRequest) -> bool {
    let asks = |pair: &str| pair.strip_prefix("wait=").is_some_and(|seconds| !seconds.trim_matches('0').is_empty());
    request.query_string().split('&').any(asks) || request.path().ends_with("/events")
}

/// Ends a connection with this answer where others need its place.
pub(super) fn end_where_crowded<B>(response: &mut ServiceResponse<B>) {
    let Some(conduct) = response.request().conn_data::<Rc<Conduct>>() else { return };
    if !conduct.has_place() || conduct.places().is_crowded() {
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
}
