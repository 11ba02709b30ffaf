//! What the three services refuse, and what they say about it.

use super::{REJECT, Steps, assert_shown, payment_of, refuses, shipment_of};
use crate::support::TestApp;
use backstitch::proto::{
    order::{CreateOrderRequest, Line},
    payment::{ProcessPaymentRequest, RefundPaymentRequest},
    shipping::{CancelShippingRequest, StartShippingRequest},
};
use tonic::Code;

const NOBODY: &str = "01890000-0000-7000-8000-000000000000";

#[tokio::test]
async fn goods_leave_for_money_alone() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    refuses(steps.ship(&order).await, Code::FailedPrecondition, "order_unpaid", &[]);
    assert_eq!(steps.pay(&order).await.expect("a payment").1, "SUCCESS", "it can still be paid");
    assert_eq!(steps.ship(&order).await.expect("a shipment").1, "SHIPPED", "and shipped");
    app.finish().await;
}

#[tokio::test]
async fn a_paid_order_is_cancelled_by_its_refund_alone() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let (order, payment) = steps.paid().await;
    refuses(steps.cancel(&order).await, Code::FailedPrecondition, "order_already_paid", &[]);
    assert_shown(&app, &order, "paid", Some("paid"), &[]).await;
    assert_eq!(steps.refund(&payment).await.expect("a refund"), "REFUNDED");
    assert_shown(&app, &order, "cancelled", Some("refunded"), &[]).await;
    refuses(steps.ship(&order).await, Code::FailedPrecondition, "order_closed", &[]);
    app.finish().await;
}

#[tokio::test]
async fn nobody_gets_money_back_whose_goods_are_on_their_way() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let (order, payment, _) = steps.shipped().await;
    refuses(steps.refund(&payment).await, Code::FailedPrecondition, "goods_dispatched", &[]);
    refuses(steps.cancel(&order).await, Code::FailedPrecondition, "goods_dispatched", &[]);
    assert_shown(&app, &order, "completed", Some("paid"), &["shipped"]).await;
    app.finish().await;
}

#[tokio::test]
async fn a_closed_order_is_neither_paid_nor_shipped_and_money_that_never_came_is_not_given_back() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    assert_eq!(steps.cancel(&order).await.expect("it is cancelled"), "CANCELLED");
    refuses(steps.pay(&order).await, Code::FailedPrecondition, "order_closed", &[]);
    refuses(steps.ship(&order).await, Code::FailedPrecondition, "order_closed", &[]);
    let order = steps.create().await.expect("an order");
    let declined = ProcessPaymentRequest { simulate: Some(REJECT), ..payment_of(&order) };
    let payment = steps.charge(declined).await.expect("an answer").payment_id;
    refuses(steps.refund(&payment).await, Code::FailedPrecondition, "payment_not_captured", &[]);
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_paid_for_once_and_not_for_another_amount() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let (order, _) = steps.paid().await;
    let other = ProcessPaymentRequest { amount: 1.0, ..payment_of(&order) };
    refuses(steps.charge(other).await, Code::InvalidArgument, "amount_mismatch", &["amount"]);
    app.finish().await;
}

#[tokio::test]
async fn an_amount_is_a_whole_number_that_can_be_told_from_the_next() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    for amount in [0.0, -1.0, 0.5, 170_000.01, 9.1e15, f64::NAN, f64::INFINITY, f64::MIN] {
        let answer = steps.charge(ProcessPaymentRequest { amount, ..payment_of(&order) }).await;
        refuses(answer, Code::InvalidArgument, "invalid_request", &["amount"]);
    }
    assert_shown(&app, &order, "pending", None, &[]).await;
    let most = ProcessPaymentRequest { amount: 9_007_199_254_740_991.0, ..payment_of(&order) };
    assert_eq!(steps.charge(most).await.expect("an answer").status, "SUCCESS");
    app.finish().await;
}

#[tokio::test]
async fn what_is_no_id_and_what_there_is_not_is_named() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    for text in ["", "42", "01890000-0000-7000-8000-00000000000x"] {
        refuses(steps.cancel(text).await, Code::InvalidArgument, "invalid_request", &["order_id"]);
        refuses(steps.pay(text).await, Code::InvalidArgument, "invalid_request", &["order_id"]);
        refuses(steps.ship(text).await, Code::InvalidArgument, "invalid_request", &["order_id"]);
        refuses(steps.refund(text).await, Code::InvalidArgument, "invalid_request", &["payment_id"]);
        refuses(steps.call_back(text).await, Code::InvalidArgument, "invalid_request", &["shipment_id"]);
    }
    refuses(steps.cancel(NOBODY).await, Code::NotFound, "order_not_found", &[]);
    refuses(steps.pay(NOBODY).await, Code::NotFound, "order_not_found", &[]);
    refuses(steps.ship(NOBODY).await, Code::NotFound, "order_not_found", &[]);
    refuses(steps.refund(NOBODY).await, Code::NotFound, "payment_not_found", &[]);
    refuses(steps.call_back(NOBODY).await, Code::NotFound, "shipment_not_found", &[]);
    app.finish().await;
}

#[tokio::test]
async fn fields_that_cannot_be_are_named() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let mut orders = steps.orders.clone();
    let line = Line { item_name: String::new(), quantity: 0, price: -1 };
    let request = CreateOrderRequest {
        user_id: 1,
        customer_ref: Some("x".repeat(129)),
        lines: vec![line],
        ..CreateOrderRequest::default()
    };
    let fields = ["customer_ref", "lines[0].item_name", "lines[0].quantity", "lines[0].price"];
    refuses(orders.create_order(request).await, Code::InvalidArgument, "invalid_request", &fields);
    let key = CreateOrderRequest { idempotency_key: Some(String::new()), ..CreateOrderRequest::default() };
    refuses(orders.create_order(key).await, Code::InvalidArgument, "invalid_request", &["idempotency_key"]);

    let order = steps.create().await.expect("an order");
    let odd = ProcessPaymentRequest { simulate: Some(99), simulate_delay_ms: Some(60_001), ..payment_of(&order) };
    let fields = ["simulate", "simulate_delay_ms"];
    refuses(steps.charge(odd).await, Code::InvalidArgument, "invalid_request", &fields);
    for provider in ["manual", "nobody", ""] {
        let request = ProcessPaymentRequest { provider: Some(provider.into()), ..payment_of(&order) };
        refuses(steps.charge(request).await, Code::InvalidArgument, "invalid_request", &["provider"]);
    }
    let (order, _) = steps.paid().await;
    let odd = StartShippingRequest { simulate: Some(-1), simulate_delay_ms: Some(u32::MAX), ..shipment_of(&order) };
    refuses(steps.send(odd).await, Code::InvalidArgument, "invalid_request", &fields_of_shipping());
    app.finish().await;
}

const fn fields_of_shipping() -> [&'static str; 2] {
    ["simulate", "simulate_delay_ms"]
}

#[tokio::test]
async fn nothing_is_simulated_where_that_is_not_enabled() {
    let app = TestApp::with(&[("simulation.enabled", "false")]);
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    refuses(steps.pay(&order).await, Code::InvalidArgument, "invalid_request", &["provider"]);
    let named = ProcessPaymentRequest { provider: Some("simulated".into()), ..payment_of(&order) };
    refuses(steps.charge(named).await, Code::FailedPrecondition, "simulation_disabled", &[]);
    assert_shown(&app, &order, "pending", None, &[]).await;
    app.finish().await;
}

#[tokio::test]
async fn who_says_which_step_of_a_saga_it_is_is_served_as_anybody_and_a_key_that_is_none_is_refused() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    let key = |key: &str| Some(key.to_owned());
    let charge = |idempotency_key| ProcessPaymentRequest {
        idempotency_key,
        saga_id: Some("saga-1".into()),
        step: Some("process_payment".into()),
        attempt: Some(3),
        ..payment_of(&order)
    };
    let paid = steps.charge(charge(key("charge-1"))).await.expect("a payment");
    for again in [key("charge-1"), key("charge-2"), None] {
        assert_eq!(steps.charge(charge(again)).await.expect("the same payment"), paid);
    }
    for none in ["", "a b", "\u{e9}", &"k".repeat(256)] {
        let key = key(none);
        let ship = StartShippingRequest { idempotency_key: key.clone(), ..shipment_of(&order) };
        let refund = RefundPaymentRequest {
            payment_id: paid.payment_id.clone(),
            idempotency_key: key.clone(),
            ..<_>::default()
        };
        let recall =
            CancelShippingRequest { shipment_id: NOBODY.into(), idempotency_key: key.clone(), ..<_>::default() };
        let fields = ["idempotency_key"];
        refuses(steps.charge(charge(key)).await, Code::InvalidArgument, "invalid_request", &fields);
        refuses(steps.send(ship).await, Code::InvalidArgument, "invalid_request", &fields);
        refuses(steps.payments.clone().refund_payment(refund).await, Code::InvalidArgument, "invalid_request", &fields);
        refuses(
            steps.shipping.clone().cancel_shipping(recall).await,
            Code::InvalidArgument,
            "invalid_request",
            &fields,
        );
    }
    let other = super::super::with(charge(key("charge-1")), "idempotency-key", "charge-2");
    let answer = steps.payments.clone().process_payment(other).await;
    refuses(answer, Code::InvalidArgument, "invalid_request", &["idempotency_key"]);
    app.finish().await;
}
