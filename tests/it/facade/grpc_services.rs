//! Payments and shipments by services outside that speak `payment.PaymentService` and `shipping.ShippingService`.

use crate::{
    grpc::direct::Steps,
    support::{Habit, TestApp, Till, id},
};
use serde_json::{Value, json};
use tonic::Code;

/// A server whose orders are paid and sent by `till`.
fn app_of(till: &Till) -> TestApp {
    let url = format!("http://{}", till.address);
    TestApp::with(&[
        ("providers.payment.till.kind", "grpc"),
        ("providers.payment.till.url", &url),
        ("providers.payment.till.timeout_ms", "500"),
        ("providers.payment.till.headers.authorization", "Bearer secret"),
        ("providers.shipping.jne.kind", "grpc"),
        ("providers.shipping.jne.url", &url),
        ("providers.shipping.jne.timeout_ms", "500"),
        ("orders.carrier", "jne"),
        ("grpc.payment_provider", "till"),
    ])
}

fn by_the_till() -> Value {
    json!({"item_name": "Kopi", "quantity": 2, "price": 85_000, "payment": {"provider": "till"}})
}

fn methods(till: &Till) -> Vec<&'static str> {
    till.called().iter().map(|called| called.method).collect()
}

#[tokio::test]
async fn an_order_is_paid_and_sent_by_services_over_grpc() {
    let till = Till::start();
    let app = app_of(&till);
    let order = app.rested(&by_the_till()).await;
    assert_eq!((&order["status"], &order["payment"]["provider"]), (&json!("completed"), &json!("till")));
    let [charge, dispatch] = &till.called()[..] else { panic!("two calls: {:?}", till.called()) };
    assert_eq!((charge.method, charge.of.as_str(), charge.amount), ("ProcessPayment", id(&order), 170_000.0));
    assert_eq!((dispatch.method, dispatch.of.as_str()), ("StartShipping", id(&order)));
    let saga = order["saga_id"].as_str().expect("an id").to_owned();
    for (called, expected) in [
        (
            charge,
            [
                ("idempotency-key", format!("{}.charge", id(&order["payment"]))),
                ("backstitch-saga", saga.clone()),
                ("backstitch-step", "process_payment".to_owned()),
                ("backstitch-attempt", "1".to_owned()),
                ("authorization", "Bearer secret".to_owned()),
            ],
        ),
        (
            dispatch,
            [
                ("idempotency-key", format!("{}.dispatch", id(&order["shipments"][0]))),
                ("backstitch-saga", saga),
                ("backstitch-step", "start_shipping".to_owned()),
                ("backstitch-attempt", "1".to_owned()),
                ("grpc-timeout", "500000u".to_owned()),
            ],
        ),
    ] {
        for (name, value) in expected {
            let found = called.metadata.get(name).and_then(|value| value.to_str().ok());
            assert_eq!(found, Some(value.as_str()), "{name} of {}", called.method);
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_message_says_which_step_of_which_saga_it_is_as_its_metadata_do() {
    let till = Till::start();
    let app = app_of(&till);
    till.will([Habit::Fails(Code::Unavailable), Habit::Well, Habit::Says("CANCELLED")]);
    let refunded = app.rested(&by_the_till()).await;
    let steps = Steps::at(|port| app.grpc(port));
    let direct = steps.create().await.expect("an order");
    steps.pay(&direct).await.expect("a payment");
    let (shipment, _) = steps.ship(&direct).await.expect("a shipment");
    steps.call_back(&shipment).await.expect("it is called back");
    let called = till.called();
    for call in &called {
        let beside = ["idempotency-key", "backstitch-saga", "backstitch-step", "backstitch-attempt"]
            .map(|name| call.metadata.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned));
        assert_eq!(call.context, beside, "{call:?}");
    }
    let saga = refunded["saga_id"].as_str();
    let told: Vec<_> = called.iter().map(|call| call.context.each_ref().map(Option::as_deref)).collect();
    let told: Vec<_> = told.iter().map(|[_, saga, step, attempt]| (*saga, step.unwrap(), attempt.unwrap())).collect();
    assert_eq!(
        told,
        [
            (saga, "process_payment", "1"),
            (saga, "process_payment", "2"),
            (saga, "start_shipping", "1"),
            (saga, "refund_payment", "1"),
            (None, "process_payment", "1"),
            (None, "start_shipping", "1"),
            (None, "cancel_shipping", "1"),
        ]
    );
    assert_eq!(called[0].context[0], called[1].context[0], "one key for one effect");
    app.finish().await;
}

#[tokio::test]
async fn a_status_that_says_no_is_a_no() {
    let till = Till::start();
    let app = app_of(&till);
    till.will([Habit::Says("FAILED")]);
    let order = app.rested(&by_the_till()).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_declined")));
    till.will([Habit::Well, Habit::Says("CANCELLED")]);
    let order = app.rested(&by_the_till()).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("shipping_failed")));
    assert_eq!(order["payment"]["status"], "refunded");
    let refund = till.called().pop().expect("a refund");
    assert_eq!((refund.method, refund.of.as_str()), ("RefundPayment", "T-1"), "by what the service calls it");
    app.finish().await;
}

#[tokio::test]
async fn an_error_is_never_a_no_and_what_may_have_happened_happens_once() {
    let till = Till::start();
    let app = app_of(&till);
    for habit in [
        Habit::Fails(Code::Unavailable),
        Habit::Fails(Code::FailedPrecondition),
        Habit::Fails(Code::InvalidArgument),
        Habit::Fails(Code::Unauthenticated),
        Habit::Says("PENDING"),
        Habit::Says("perhaps"),
        Habit::Says(""),
        Habit::DoneBut(Code::Internal),
        Habit::DoneBut(Code::DeadlineExceeded),
        Habit::DoneInSilence,
    ] {
        let before = (methods(&till).len(), till.done().len());
        till.will([habit.clone()]);
        let order = app.rested(&by_the_till()).await;
        assert_eq!(order["status"], "completed", "{habit:?}");
        let after = (methods(&till).len(), till.done().len());
        assert_eq!((after.0 - before.0, after.1 - before.1), (3, 2), "{habit:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_service_that_is_no_grpc_service_keeps_orders_waiting_until_their_deadline() {
    let bank = crate::support::Bank::start();
    let url = format!("http://{}", bank.address);
    let app = TestApp::with(&[
        ("providers.payment.till.kind", "grpc"),
        ("providers.payment.till.url", &url),
        ("providers.payment.till.timeout_ms", "200"),
    ]);
    let mut order = by_the_till();
    order["payment"]["deadline_ms"] = json!(300);
    let order = app.place(&order).await.success(201).clone();
    let order = app.order_once(id(&order), |order| order["saga"]["status"] == "compensated").await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_expired")));
    // Whether it has charged is not known: it is asked until it is, and what it says last can be read.
    let payment = app.payment(id(&order["payment"])).await.success(200).clone();
    assert!(payment["last_error"].as_str().is_some_and(|said| said.starts_with("till: ")), "{payment}");
    app.assert_audit_is_clean().await;
}

#[tokio::test]
async fn a_refund_that_is_refused_needs_attention_and_its_saga_goes_on_once_it_is_done() {
    let till = Till::start();
    let app = app_of(&till);
    till.will([Habit::Well, Habit::Says("CANCELLED"), Habit::Says("FAILED"), Habit::Says("FAILED")]);
    let order = app.rested(&by_the_till()).await;
    assert_eq!(order["saga"]["status"], "needs_attention", "{order}");
    let order = app.order_once(id(&order), |order| order["saga"]["status"] == "compensated").await;
    assert_eq!(order["payment"]["status"], "refunded");
    app.finish().await;
}

#[tokio::test]
async fn what_a_service_calls_a_payment_comes_back_to_it_byte_for_byte() {
    for name in ["pay 1", "zahlung-für-é", "e\u{301}", " padded ", "a/b?c#d%20", "line\nbreak", "\u{1f600}", ".."] {
        let till = Till::start();
        let app = app_of(&till);
        till.will([Habit::Calls(name.to_owned()), Habit::Says("CANCELLED")]);
        let order = app.rested(&by_the_till()).await;
        assert_eq!(
            (&order["status"], &order["payment"]["status"]),
            (&json!("cancelled"), &json!("refunded")),
            "{name:?}"
        );
        let refund = till.called().pop().expect("a refund");
        assert_eq!((refund.method, refund.of.as_str()), ("RefundPayment", name));
        app.finish().await;
    }
}

#[tokio::test]
async fn without_a_name_that_can_be_used_no_refund_is_sent_and_the_saga_needs_attention() {
    let long = "x".repeat(1_025);
    for name in ["", "a\0b", &long] {
        let till = Till::start();
        let app = app_of(&till);
        till.will([Habit::Calls(name.to_owned()), Habit::Says("CANCELLED")]);
        let order = app.rested(&by_the_till()).await;
        assert_eq!(order["saga"]["status"], "needs_attention", "{order}");
        assert_eq!(methods(&till), ["ProcessPayment", "StartShipping"], "nothing is sent");
        let payment = app.payment(id(&order["payment"])).await.success(200).clone();
        assert_eq!(payment["status"], "refunding");
        assert!(payment["last_error"].as_str().expect("why").contains("nothing is sent"), "{payment}");
        app.assert_audit_is_clean().await;
    }
}

#[tokio::test]
async fn a_refund_that_cannot_succeed_needs_attention_and_says_why() {
    for code in [Code::NotFound, Code::Unimplemented, Code::PermissionDenied, Code::InvalidArgument] {
        let till = Till::start();
        let app = app_of(&till);
        till.will([Habit::Well, Habit::Says("CANCELLED"), Habit::Fails(code)]);
        let order = app.rested(&by_the_till()).await;
        assert_eq!(order["saga"]["status"], "needs_attention", "{code:?}: {order}");
        let order = app.order_once(id(&order), |order| order["saga"]["status"] == "compensated").await;
        assert_eq!(order["payment"]["status"], "refunded", "it was asked again");
        app.finish().await;
    }
}

#[tokio::test]
async fn a_recall_without_a_usable_answer_is_asked_for_until_it_is_done() {
    let till = Till::start();
    let app = app_of(&till);
    let steps = Steps::at(|port| app.grpc(port));
    let order = steps.create().await.expect("an order");
    let (payment, _) = steps.pay(&order).await.expect("a payment");
    let (shipment, _) = steps.ship(&order).await.expect("a shipment");
    till.will([Habit::Says("NEVER"), Habit::Fails(Code::Internal)]);
    assert_eq!(steps.call_back(&shipment).await.expect("it is called back"), "CANCELLED", "asked until it is done");
    assert_eq!(steps.refund(&payment).await.expect("a refund"), "REFUNDED");
    app.finish().await;
}

#[tokio::test]
async fn a_direct_order_is_paid_sent_and_given_back_over_grpc() {
    let till = Till::start();
    let app = app_of(&till);
    let steps = Steps::at(|port| app.grpc(port));
    let order = steps.create().await.expect("an order");
    let (payment, paid) = steps.pay(&order).await.expect("a payment");
    let (shipment, sent) = steps.ship(&order).await.expect("a shipment");
    assert_eq!((paid.as_str(), sent.as_str()), ("SUCCESS", "SHIPPED"));
    assert_eq!(steps.call_back(&shipment).await.expect("it is called back"), "CANCELLED");
    assert_eq!(steps.refund(&payment).await.expect("a refund"), "REFUNDED");
    assert_eq!(methods(&till), ["ProcessPayment", "StartShipping", "CancelShipping", "RefundPayment"]);
    let [.., recall, refund] = &till.called()[..] else { panic!("four calls") };
    assert_eq!((recall.of.as_str(), refund.of.as_str()), ("T-2", "T-1"), "by what the services call them");
    app.finish().await;
}
