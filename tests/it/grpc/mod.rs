//! The gRPC facade from outside: a client compiled from the same protos, over a socket.

mod bad_requests;
mod connections;
pub(crate) mod direct;
mod idempotency;
mod lists;
mod orders;
mod steering;
mod watching;
mod well;

use crate::support::TestApp;
use backstitch::{
    proto::{
        self, GetSagaRequest, LineRequest, Order, PaymentProvider, PaymentTerms, PlaceOrderRequest, PlaceOrderResponse,
        Saga, SagaStatus, Simulation, saga_service_client::SagaServiceClient,
    },
    role::Role,
};
use tonic::{Code, Request, Status, transport::Channel};
use tonic_types::StatusExt;

async fn channel(app: &TestApp) -> Channel {
    let endpoint = Channel::from_shared(format!("http://{}", app.grpc(Role::Coordinator))).expect("an address");
    endpoint.connect().await.expect("a connection")
}

pub(crate) async fn client(app: &TestApp) -> SagaServiceClient<Channel> {
    SagaServiceClient::new(channel(app).await)
}

/// One line of free text, 170,000 in all, paid by the simulation without faults, waited for.
fn simulated() -> PlaceOrderRequest {
    let provider = PaymentProvider::Simulated.into();
    PlaceOrderRequest { payment: Some(PaymentTerms { provider, ..PaymentTerms::default() }), ..manual() }
}

/// As [`simulated`], with faults.
fn faulty(simulate: Simulation) -> PlaceOrderRequest {
    PlaceOrderRequest { simulate: Some(simulate), ..simulated() }
}

/// As [`simulated`], with a payment that somebody reports, and without a wait.
fn manual() -> PlaceOrderRequest {
    let line = LineRequest {
        quantity: 2,
        item_name: Some("Kopi Gayo 250 g".into()),
        price: Some(85_000),
        ..LineRequest::default()
    };
    PlaceOrderRequest { lines: vec![line], customer_ref: Some("cust-42".into()), ..PlaceOrderRequest::default() }
}

fn waited(request: PlaceOrderRequest) -> PlaceOrderRequest {
    PlaceOrderRequest { wait_seconds: 60, ..request }
}

async fn place(app: &TestApp, request: PlaceOrderRequest) -> Result<PlaceOrderResponse, Status> {
    Ok(client(app).await.place_order(request).await?.into_inner())
}

/// Places an order that is accepted.
async fn placed(app: &TestApp, request: PlaceOrderRequest) -> Order {
    place(app, request).await.expect("it is accepted").order.expect("the order")
}

async fn saga(app: &TestApp, saga_id: &str, wait_seconds: u32) -> Saga {
    let request = GetSagaRequest { saga_id: saga_id.to_owned(), wait_seconds };
    client(app).await.get_saga(request).await.expect("it is there").into_inner().saga.expect("the saga")
}

/// Fails unless a call was refused with this code, this stable reason, and about these fields.
#[track_caller]
fn refuses<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: &str, fields: &[&str]) {
    let status = answer.expect_err("it is refused");
    assert_eq!(status.code(), code, "{status:?}");
    let details = status.get_error_details();
    let info = details.error_info().expect("what kind of error it is");
    assert_eq!((info.reason.as_str(), info.domain.as_str()), (reason, "backstitch"));
    let violations = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    let named: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
    assert_eq!(named, fields, "{status:?}");
    let request_id = &details.request_info().expect("which request it was").request_id;
    assert_eq!(status.metadata().get("x-request-id").and_then(|id| id.to_str().ok()), Some(request_id.as_str()));
    assert_eq!(details.retry_info().is_some(), code == Code::Unavailable);
}

fn with<T>(message: T, key: &'static str, value: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().append(key, value.parse().expect("a value"));
    request
}

const COMPLETED: i32 = SagaStatus::Completed as i32;
const WAITING: i32 = SagaStatus::Waiting as i32;
const REJECT: i32 = proto::Fault::Reject as i32;
