//! The three outcomes of an order that its client drives (B4), and what is undone on the way back.

use super::{REJECT, Steps, assert_shown, payment_of, shipment_of};
use crate::{grpc::with, support::TestApp};
use backstitch::proto::{
    order::{CreateOrderRequest, Line},
    payment::{Fault, ProcessPaymentRequest},
    shipping::StartShippingRequest,
};

#[tokio::test]
async fn an_order_is_created_paid_and_shipped() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    assert_shown(&app, &order, "pending", None, &[]).await;
    assert_eq!(steps.pay(&order).await.expect("a payment").1, "SUCCESS");
    assert_shown(&app, &order, "paid", Some("paid"), &[]).await;
    assert_eq!(steps.ship(&order).await.expect("a shipment").1, "SHIPPED");
    assert_shown(&app, &order, "completed", Some("paid"), &["shipped"]).await;
    let shown = app.order(&order).await.success(200).clone();
    assert_eq!((&shown["customer_ref"], &shown["lines"]), (&"42".into(), &serde_json::json!([])));
    app.finish().await;
}

#[tokio::test]
async fn an_order_whose_payment_fails_is_failed_and_stays_so_when_it_is_cancelled() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    let declined = ProcessPaymentRequest { simulate: Some(REJECT), ..payment_of(&order) };
    assert_eq!(steps.charge(declined).await.expect("an answer").status, "FAILED");
    assert_shown(&app, &order, "failed", Some("failed"), &[]).await;
    assert_eq!(steps.cancel(&order).await.expect("it is closed"), "FAILED");
    assert_eq!(steps.pay(&order).await.expect("an answer").1, "FAILED", "an order is paid for once");
    app.finish().await;
}

#[tokio::test]
async fn an_order_whose_shipment_fails_gets_its_money_back_and_is_cancelled() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let (order, payment) = steps.paid().await;
    let refused = StartShippingRequest { simulate: Some(REJECT), ..shipment_of(&order) };
    let shipment = steps.send(refused).await.expect("an answer");
    assert_eq!(shipment.status, "CANCELLED");
    assert_shown(&app, &order, "paid", Some("paid"), &["cancelled"]).await;
    assert_eq!(steps.call_back(&shipment.shipment_id).await.expect("it is closed"), "CANCELLED");
    assert_eq!(steps.refund(&payment).await.expect("a refund"), "REFUNDED");
    assert_shown(&app, &order, "cancelled", Some("refunded"), &["cancelled"]).await;
    assert_eq!(steps.cancel(&order).await.expect("it is closed"), "CANCELLED");
    app.finish().await;
}

#[tokio::test]
async fn an_order_that_was_shipped_is_undone_step_by_step() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let (order, payment, shipment) = steps.shipped().await;
    assert_eq!(steps.call_back(&shipment).await.expect("it is called back"), "CANCELLED");
    assert_shown(&app, &order, "paid", Some("paid"), &["cancelled"]).await;
    assert_eq!(steps.ship(&order).await.expect("an answer"), (shipment, "CANCELLED".into()), "it is closed for good");
    assert_eq!(steps.refund(&payment).await.expect("a refund"), "REFUNDED");
    assert_shown(&app, &order, "cancelled", Some("refunded"), &["cancelled"]).await;
    app.finish().await;
}

#[tokio::test]
async fn every_step_that_is_repeated_is_answered_as_the_first_time() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let (order, payment, shipment) = steps.shipped().await;
    assert_eq!(steps.pay(&order).await.expect("an answer"), (payment.clone(), "SUCCESS".into()));
    assert_eq!(steps.ship(&order).await.expect("an answer"), (shipment.clone(), "SHIPPED".into()));
    for _ in 0..2 {
        assert_eq!(steps.call_back(&shipment).await.expect("an answer"), "CANCELLED");
    }
    for _ in 0..2 {
        assert_eq!(steps.refund(&payment).await.expect("an answer"), "REFUNDED");
    }
    for _ in 0..2 {
        assert_eq!(steps.cancel(&order).await.expect("an answer"), "CANCELLED");
    }
    assert_eq!(steps.pay(&order).await.expect("an answer"), (payment, "FAILED".into()), "no money is kept");
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_created_once_under_its_key() {
    let app = TestApp::start();
    let mut orders = Steps::of(&app).orders;
    let keyed = CreateOrderRequest { user_id: 1, idempotency_key: Some("k".into()), ..CreateOrderRequest::default() };
    let first = orders.create_order(keyed.clone()).await.expect("an order").into_inner();
    let again = orders.create_order(keyed.clone()).await.expect("an order").into_inner();
    let beside = CreateOrderRequest { idempotency_key: None, ..keyed.clone() };
    let beside = orders.create_order(with(beside, "idempotency-key", "k")).await.expect("an order").into_inner();
    assert_eq!((&first, &first), (&again, &beside));
    let other = orders.create_order(CreateOrderRequest { idempotency_key: Some("l".into()), ..keyed.clone() }).await;
    assert_ne!(first.order_id, other.expect("an order").into_inner().order_id);
    let reused = orders.create_order(CreateOrderRequest { user_id: 2, ..keyed.clone() }).await;
    super::refuses(reused, tonic::Code::AlreadyExists, "idempotency_key_reused", &[]);
    Steps::of(&app).cancel(&first.order_id).await.expect("it is cancelled");
    assert_eq!(orders.create_order(keyed).await.expect("an order").into_inner().status, "CANCELLED", "as it is now");
    app.finish().await;
}

#[tokio::test]
async fn an_order_with_lines_costs_their_sum() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let line = |quantity, price| Line { item_name: "Kopi".into(), quantity, price };
    let request = CreateOrderRequest {
        user_id: 42,
        customer_ref: Some("cust-1".into()),
        lines: vec![line(2, 50_000), line(1, 70_000)],
        ..CreateOrderRequest::default()
    };
    let order = steps.orders.clone().create_order(request).await.expect("an order").into_inner().order_id;
    let other = ProcessPaymentRequest { amount: 160_000.0, ..payment_of(&order) };
    super::refuses(steps.charge(other).await, tonic::Code::InvalidArgument, "amount_mismatch", &["amount"]);
    let unsaid = ProcessPaymentRequest { amount: 0.0, ..payment_of(&order) };
    assert_eq!(steps.charge(unsaid).await.expect("an answer").status, "SUCCESS");
    let shown = app.order(&order).await.success(200).clone();
    assert_eq!((&shown["total_amount"], &shown["customer_ref"]), (&170_000.into(), &"cust-1".into()));
    assert_eq!(app.payments(&format!("order_id={order}")).await.items()[0]["amount"], 170_000);
    app.finish().await;
}

#[tokio::test]
async fn whatever_goes_wrong_on_the_way_money_and_goods_move_once() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    for fault in [Fault::Timeout, Fault::ErrorOnce, Fault::Panic] {
        for delay in [None, Some(30)] {
            let order = steps.create().await.expect("an order");
            let (simulate, simulate_delay_ms) = (Some(fault.into()), delay);
            let request = ProcessPaymentRequest { simulate, simulate_delay_ms, ..payment_of(&order) };
            assert_eq!(steps.charge(request).await.expect("an answer").status, "SUCCESS", "{fault:?}");
            let request = StartShippingRequest { simulate, simulate_delay_ms, ..shipment_of(&order) };
            assert_eq!(steps.send(request).await.expect("an answer").status, "SHIPPED", "{fault:?}");
            assert_shown(&app, &order, "completed", Some("paid"), &["shipped"]).await;
        }
    }
    app.finish().await;
}
