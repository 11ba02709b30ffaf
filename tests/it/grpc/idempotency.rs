//! Idempotency keys, in the message and beside it.

use super::{client, manual, place, placed, refuses, with};
use crate::support::TestApp;
use backstitch::proto::PlaceOrderRequest;
use tonic::Code;

fn keyed(key: &str) -> PlaceOrderRequest {
    PlaceOrderRequest { idempotency_key: Some(key.into()), ..manual() }
}

#[tokio::test]
async fn an_order_placed_again_under_its_key_is_the_same_order() {
    let app = TestApp::start();
    let first = place(&app, keyed("k-1")).await.expect("an order");
    let again = place(&app, keyed("k-1")).await.expect("an order");
    assert_eq!((first.replayed, again.replayed), (false, true));
    assert_eq!(first.order.expect("it").id, again.order.expect("it").id);
    let patient = place(&app, PlaceOrderRequest { wait_seconds: 1, ..keyed("k-1") }).await.expect("an order");
    assert!(patient.replayed);
    let other = place(&app, keyed("k-2")).await.expect("an order");
    assert!(!other.replayed);
    app.finish_leaving(2).await;
}

#[tokio::test]
async fn a_key_in_the_metadata_does_the_same_as_one_in_the_message() {
    let app = TestApp::start();
    let mut client = client(&app).await;
    let first = client.place_order(with(manual(), "idempotency-key", "k-1")).await.expect("an order").into_inner();
    let again = client.place_order(with(manual(), "idempotency-key", "\"k-1\"")).await.expect("an order").into_inner();
    assert!(again.replayed);
    assert_eq!(first.order.expect("it").id, again.order.expect("it").id);
    assert!(client.place_order(keyed("k-1")).await.expect("an order").into_inner().replayed);
    let both = client.place_order(with(keyed("k-3"), "idempotency-key", "k-3")).await.expect("an order").into_inner();
    assert!(!both.replayed);
    app.finish_leaving(2).await;
}

#[tokio::test]
async fn a_key_that_was_used_for_another_order_is_refused() {
    let app = TestApp::start();
    placed(&app, keyed("k-1")).await;
    let other = PlaceOrderRequest { customer_ref: Some("cust-43".into()), ..keyed("k-1") };
    refuses(place(&app, other).await, Code::AlreadyExists, "idempotency_key_reused", &[]);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn what_is_no_key_or_two_of_them_is_refused() {
    let app = TestApp::start();
    let field = ["idempotency_key"];
    for bad in [String::new(), "with space".into(), "ключ".into(), "k".repeat(256)] {
        refuses(place(&app, keyed(&bad)).await, Code::InvalidArgument, "invalid_request", &field);
    }
    let mut client = client(&app).await;
    let two = client.place_order(with(keyed("k-1"), "idempotency-key", "k-2")).await;
    refuses(two, Code::InvalidArgument, "invalid_request", &field);
    let mut twice = with(manual(), "idempotency-key", "k-1");
    twice.metadata_mut().append("idempotency-key", "k-1".parse().expect("a value"));
    refuses(client.place_order(twice).await, Code::InvalidArgument, "invalid_request", &field);
    app.finish().await;
}
