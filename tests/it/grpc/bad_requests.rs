//! Requests that cannot be accepted: each is refused with a code, a stable reason and its fields.

use super::{client, manual, place, refuses, simulated};
use crate::support::TestApp;
use backstitch::proto::{GetSagaRequest, LineRequest, PaymentTerms, PlaceOrderRequest, Simulation};
use tonic::Code;
use tonic_types::StatusExt as _;

#[tokio::test]
async fn an_order_that_cannot_be_accepted_is_refused_with_all_its_fields() {
    let app = TestApp::start();
    let line = || manual().lines[0].clone();
    let lines = |lines: Vec<LineRequest>| PlaceOrderRequest { lines, ..manual() };
    let terms = |terms: PaymentTerms| PlaceOrderRequest { payment: Some(terms), ..manual() };
    let faults = |simulate: Simulation| PlaceOrderRequest { simulate: Some(simulate), ..simulated() };
    for (request, fields) in [
        (PlaceOrderRequest::default(), vec!["lines"]),
        (lines(vec![LineRequest::default()]), vec!["lines[0].quantity", "lines[0].item_name", "lines[0].price"]),
        (lines(vec![line(), LineRequest { quantity: 0, ..line() }]), vec!["lines[1].quantity"]),
        (lines(vec![LineRequest { price: Some(-1), ..line() }]), vec!["lines[0].price"]),
        (lines(vec![line(); 101]), vec!["lines"]),
        (
            lines(vec![LineRequest { shop_id: Some("x".into()), variant_id: Some("y".into()), ..line() }]),
            vec!["lines[0].shop_id", "lines[0].variant_id"],
        ),
        (PlaceOrderRequest { customer_ref: Some(" ".into()), ..manual() }, vec!["customer_ref"]),
        (PlaceOrderRequest { wait_seconds: 61, ..manual() }, vec!["wait_seconds"]),
        (terms(PaymentTerms { provider: 99, ..PaymentTerms::default() }), vec!["payment.provider"]),
        (terms(PaymentTerms { provider: -1, ..PaymentTerms::default() }), vec!["payment.provider"]),
        (terms(PaymentTerms { deadline_ms: Some(0), ..PaymentTerms::default() }), vec!["payment.deadline_ms"]),
        (terms(PaymentTerms { deadline_ms: Some(u64::MAX), ..PaymentTerms::default() }), vec!["payment.deadline_ms"]),
        (
            faults(Simulation { stock: 1, payment: 99, shipping: -7, ..Simulation::default() }),
            vec!["simulate.stock", "simulate.payment", "simulate.shipping"],
        ),
        (faults(Simulation { stock: 1, ..Simulation::default() }), vec!["simulate.stock"]),
        (faults(Simulation { payment_delay_ms: 60_001, ..Simulation::default() }), vec!["simulate.payment_delay_ms"]),
    ] {
        refuses(place(&app, request).await, Code::InvalidArgument, "invalid_request", &fields);
    }
    assert_eq!(app.orders("").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn what_is_simulated_is_refused_where_payments_are_real() {
    let app = TestApp::with(&[("simulation.enabled", "false")]);
    let scripted = PlaceOrderRequest { simulate: Some(Simulation::default()), ..manual() };
    for request in [simulated(), scripted] {
        refuses(place(&app, request).await, Code::FailedPrecondition, "simulation_disabled", &[]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_saga_that_does_not_exist_is_not_found() {
    let app = TestApp::start();
    let mut client = client(&app).await;
    let request = |saga_id: &str| GetSagaRequest { saga_id: saga_id.into(), wait_seconds: 0 };
    let nobody = client.get_saga(request("0198a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")).await;
    refuses(nobody, Code::NotFound, "saga_not_found", &[]);
    for nonsense in ["", "nonsense", "0198a1b2"] {
        refuses(client.get_saga(request(nonsense)).await, Code::InvalidArgument, "invalid_request", &["saga_id"]);
    }
    app.finish().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_refused_and_the_connection_goes_on() {
    let app = TestApp::start();
    let mut client = client(&app).await;
    let huge = PlaceOrderRequest { customer_ref: Some("x".repeat(300_000)), ..manual() };
    let refused = client.place_order(huge).await.expect_err("too large");
    refuses(Err::<(), _>(refused), Code::ResourceExhausted, "body_too_large", &[]);
    client.place_order(manual()).await.expect("an order");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_request_id_is_taken_over_and_given_back() {
    let app = TestApp::start();
    let mut client = client(&app).await;
    let answer = client.place_order(super::with(manual(), "x-request-id", "mine-7")).await.expect("an order");
    assert_eq!(answer.metadata().get("x-request-id").and_then(|id| id.to_str().ok()), Some("mine-7"));
    let made = client.place_order(manual()).await.expect("an order");
    assert!(made.metadata().get("x-request-id").is_some_and(|id| id.as_bytes().len() == 36));
    app.finish_leaving(2).await;
}

/// A message whose first field is a number, whatever the method wants there.
#[derive(Clone, PartialEq, prost::Message)]
struct Number {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(bytes = "vec", tag = "15")]
    padding: Vec<u8>,
}

async fn misread(app: &TestApp, message: Number) -> tonic::Status {
    let mut client = tonic::client::Grpc::new(super::channel(app).await);
    client.ready().await.expect("a connection");
    let path = "/backstitch.v1.SagaService/GetSaga".parse().expect("a path");
    let codec = tonic_prost::ProstCodec::<Number, Number>::default();
    client.unary(tonic::Request::new(message), path, codec).await.expect_err("it cannot be read")
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_refused_with_the_details_of_all_others() {
    let app = TestApp::start();
    let wrong = misread(&app, Number { number: 7, padding: Vec::new() }).await;
    refuses(Err::<(), _>(wrong.clone()), Code::InvalidArgument, "malformed_message", &[]);
    assert!(wrong.get_error_details().request_info().is_some_and(|info| !info.request_id.is_empty()), "{wrong:?}");
    assert!(wrong.metadata().contains_key("x-request-id"), "{wrong:?}");
    let large = misread(&app, Number { number: 0, padding: vec![1; 300_000] }).await;
    refuses(Err::<(), _>(large), Code::ResourceExhausted, "body_too_large", &[]);
    app.finish().await;
}
