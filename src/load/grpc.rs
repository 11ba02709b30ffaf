//! Orders placed over gRPC. A few connections are shared by all clients, as a gRPC client's calls share one.

use super::{
    clients::Reply,
    order::{End, Fate},
};
use crate::{
    domain::ids::{OrderId, SagaId},
    proto::{
        Fault, LineRequest, OnFailure, Order, PaymentProvider, PaymentTerms, PlaceOrderRequest, SagaStatus, Simulation,
        saga_service_client::SagaServiceClient,
    },
};
use std::{net::SocketAddr, time::Duration};
use tokio::time::timeout;
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt;
use uuid::Uuid;

/// Connections: a few processes of a shop, each with one.
const CONNECTIONS: usize = 4;

/// Who places orders.
pub(super) type Caller = SagaServiceClient<Channel>;

/// The connections to a server, which are made when they are needed.
pub(super) fn callers(address: SocketAddr) -> Vec<Caller> {
    let endpoint = Channel::from_shared(format!("http://{address}")).ok().map(|endpoint| endpoint.tcp_nodelay(true));
    let caller = |endpoint: &tonic::transport::Endpoint| SagaServiceClient::new(endpoint.connect_lazy());
    endpoint.iter().cycle().take(CONNECTIONS).map(caller).collect()
}

/// The simple order of this fate, to be waited for.
pub(super) fn request(fate: Fate, key: &str, wait_seconds: u32) -> PlaceOrderRequest {
    let reject = i32::from(Fault::Reject);
    let simulate = match fate {
        Fate::Succeeds | Fate::OutOfStock => None,
        Fate::Declined => Some(Simulation { payment: reject, ..Simulation::default() }),
        Fate::Unshipped => Some(Simulation { shipping: reject, ..Simulation::default() }),
    };
    PlaceOrderRequest {
        lines: vec![LineRequest {
            quantity: 2,
            item_name: Some("Kopi Gayo 250 g".into()),
            price: Some(85_000),
            ..LineRequest::default()
        }],
        customer_ref: None,
        payment: Some(PaymentTerms { provider: PaymentProvider::Simulated.into(), ..PaymentTerms::default() }),
        simulate,
        idempotency_key: Some(key.to_owned()),
        wait_seconds,
        on_failure: OnFailure::Created.into(),
    }
}

/// Places an order; what the answer comes to.
pub(super) async fn place(caller: &mut Caller, request: PlaceOrderRequest, bound: Duration) -> Reply {
    match timeout(bound, caller.place_order(request)).await {
        Err(_) => Reply::Lost(format!("no answer within {} s", bound.as_secs())),
        Ok(Ok(answer)) => match answer.into_inner().order.as_ref().and_then(acknowledged) {
            Some(reply) => reply,
            None => Reply::Refused("an answer cannot be read".to_owned()),
        },
        Ok(Err(status)) => refused(&status),
    }
}

fn acknowledged(order: &Order) -> Option<Reply> {
    let id = |text: &str| Uuid::parse_str(text).ok();
    let end = order.saga.as_ref().and_then(|saga| match saga.status() {
        SagaStatus::Completed => Some(End::Completed),
        SagaStatus::Compensated => Some(End::Compensated(order.reason.clone())),
        SagaStatus::NeedsAttention => Some(End::NeedsAttention),
        _ => None,
    });
    let (order, saga) = (OrderId::from_uuid(id(&order.id)?), SagaId::from_uuid(id(&order.saga_id)?));
    Some(Reply::Acknowledged { order, saga, end })
}

fn refused(status: &Status) -> Reply {
    let why = format!("{}: {}", status.code(), status.message());
    match (status.code(), status.get_error_details().retry_info()) {
        // The server says so itself, with its reason; a connection that is gone says it without.
        (Code::Unavailable, Some(retry)) => Reply::Busy { why, retry_after: retry.retry_delay },
        (Code::Unavailable | Code::Cancelled | Code::Unknown, _) => Reply::Lost(why),
        _ => Reply::Refused(why),
    }
}
