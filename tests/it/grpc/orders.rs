//! Orders placed over gRPC, and what REST says of them.

use super::{COMPLETED, REJECT, faulty, manual, place, placed, refuses, saga, simulated, waited};
use crate::support::{TestApp, eventually};
use backstitch::proto::{
    Fault, LineRequest, Order, OrderStatus, PaymentStatus, PaymentTerms, PlaceOrderRequest, SagaStatus, ShipmentStatus,
    Simulation,
};
use serde_json::{Value, json};

/// The order as REST shows it, in the words of gRPC.
fn as_rest(order: &Order) -> Value {
    let payment = order.payment.as_ref().map(|payment| {
        let status = payment.status().as_str_name().trim_start_matches("PAYMENT_STATUS_").to_lowercase();
        let provider = payment.provider().as_str_name().trim_start_matches("PAYMENT_PROVIDER_").to_lowercase();
        json!({"id": payment.id, "status": status, "provider": provider})
    });
    let status = order.status().as_str_name().trim_start_matches("ORDER_STATUS_").to_lowercase();
    let saga = order.saga.as_ref().expect("a saga");
    let saga_status = saga.status().as_str_name().trim_start_matches("SAGA_STATUS_").to_lowercase();
    json!({
        "id": order.id, "status": status, "currency": order.currency, "total_amount": order.total_amount,
        "reason": Some(&order.reason).filter(|reason| !reason.is_empty()), "revision": order.revision,
        "customer_ref": order.customer_ref, "payment": payment, "saga_id": order.saga_id,
        "saga": {"status": saga_status, "message": Some(&saga.message).filter(|message| !message.is_empty())},
        "lines": order.lines.iter().map(|line| json!({
            "item_name": line.item_name, "quantity": line.quantity, "price": line.price, "amount": line.amount,
            "shop_id": line.shop_id, "variant_id": line.variant_id, "sku": line.sku,
        })).collect::<Vec<_>>(),
        "shipments": order.shipments.iter().map(|shipment| json!({
            "id": shipment.id, "carrier": shipment.carrier, "tracking_number": shipment.tracking_number, "shop_id": shipment.shop_id,
            "warehouse_id": shipment.warehouse_id,
            "status": shipment.status().as_str_name().trim_start_matches("SHIPMENT_STATUS_").to_lowercase(),
        })).collect::<Vec<_>>(),
    })
}

/// Fails unless `shown` has all that `expected` has; what is null may be left out.
fn has(shown: &Value, expected: &Value, path: &str) {
    match (shown, expected) {
        (_, Value::Object(fields)) => fields.iter().for_each(|(name, value)| {
            has(shown.get(name).unwrap_or(&Value::Null), value, &format!("{path}.{name}"));
        }),
        (Value::Array(shown), Value::Array(expected)) => {
            assert_eq!(shown.len(), expected.len(), "{path}");
            shown.iter().zip(expected).for_each(|(shown, expected)| has(shown, expected, path));
        }
        _ => assert_eq!(shown, expected, "{path}"),
    }
}

async fn assert_rest_shows(app: &TestApp, order: &Order) {
    has(app.order(&order.id).await.success(200), &as_rest(order), "order");
}

#[tokio::test]
async fn an_order_that_completes_is_the_same_over_both_facades() {
    let app = TestApp::start();
    let order = placed(&app, waited(simulated())).await;
    assert_eq!(order.status(), OrderStatus::Completed);
    assert_eq!((order.total_amount, order.currency.as_str()), (170_000, "IDR"));
    assert_eq!(order.payment.as_ref().expect("a payment").status(), PaymentStatus::Paid);
    assert_eq!(order.shipments[0].status(), ShipmentStatus::Shipped);
    let summary = order.saga.as_ref().expect("a saga");
    assert_eq!((summary.status, summary.message.as_str()), (COMPLETED, "All steps completed successfully"));
    assert_rest_shows(&app, &order).await;
    app.finish().await;
}

#[tokio::test]
async fn orders_that_fail_are_the_same_over_both_facades_and_say_why() {
    let app = TestApp::start();
    let decline = Simulation { payment: REJECT, ..Simulation::default() };
    let order = placed(&app, waited(faulty(decline))).await;
    assert_eq!((order.status(), order.reason.as_str()), (OrderStatus::Failed, "payment_declined"));
    assert_eq!(order.saga.as_ref().expect("a saga").message, "Payment failed. Order has been cancelled.");
    assert_rest_shows(&app, &order).await;

    let fail = Simulation { shipping: REJECT, ..Simulation::default() };
    let order = placed(&app, waited(faulty(fail))).await;
    assert_eq!((order.status(), order.reason.as_str()), (OrderStatus::Cancelled, "shipping_failed"));
    let message = "Shipping failed. Payment refunded and order cancelled.";
    assert_eq!(order.saga.as_ref().expect("a saga").message, message);
    assert_rest_shows(&app, &order).await;
    app.finish().await;
}

#[tokio::test]
async fn an_order_of_a_shops_goods_is_the_same_over_both_facades() {
    let app = TestApp::start();
    let stand = app.stand(15_000, 5).await;
    let line = LineRequest {
        quantity: 3,
        shop_id: Some(stand.shop),
        variant_id: Some(stand.variant),
        expected_price: Some(15_000),
        ..LineRequest::default()
    };
    let order = placed(&app, waited(PlaceOrderRequest { lines: vec![line], ..simulated() })).await;
    assert_eq!((order.status(), order.total_amount), (OrderStatus::Completed, 45_000));
    assert!(order.lines[0].sku.is_some() && order.shipments[0].warehouse_id.is_some(), "{order:?}");
    assert_rest_shows(&app, &order).await;
    app.finish().await;
}

#[tokio::test]
async fn an_order_without_terms_is_paid_by_hand() {
    let app = TestApp::start();
    let order = placed(&app, manual()).await;
    let payment = order.payment.expect("a payment");
    assert_eq!((payment.status(), order.status), (PaymentStatus::Pending, OrderStatus::Pending.into()));
    assert!(payment.deadline_at.is_some());
    app.pay(&payment.id).await.success(200);
    let saga = saga(&app, &order.saga_id, 60).await;
    assert_eq!(saga.status, COMPLETED);
    app.finish().await;
}

#[tokio::test]
async fn every_fault_of_the_simulation_can_be_asked_for() {
    let app = TestApp::start();
    for fault in [Fault::Timeout, Fault::ErrorOnce, Fault::Panic] {
        let fault = fault.into();
        for simulate in [
            Simulation { payment: fault, payment_delay_ms: 1, ..Simulation::default() },
            Simulation { shipping: fault, shipping_delay_ms: 1, ..Simulation::default() },
        ] {
            let order = placed(&app, waited(faulty(simulate))).await;
            assert_eq!(order.status(), OrderStatus::Completed, "{simulate:?}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_saga_has_its_steps_and_waits_as_long_as_it_is_asked_to() {
    let app = TestApp::start();
    let order = placed(&app, manual()).await;
    let waiting = saga(&app, &order.saga_id, 1).await;
    assert_eq!((waiting.status(), waiting.waiting_for.as_str()), (SagaStatus::Waiting, "process_payment"));
    assert_eq!((waiting.order_id.as_str(), waiting.definition.as_str()), (order.id.as_str(), "checkout"));
    let states: Vec<_> = waiting.steps.iter().map(|step| (step.step.as_str(), step.state.as_str())).collect();
    assert_eq!(states[..2], [("create_order", "done"), ("process_payment", "waiting")]);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_client_whose_deadline_is_over_has_placed_its_order() {
    let app = TestApp::start();
    let mut request = tonic::Request::new(waited(manual()));
    request.set_timeout(std::time::Duration::from_millis(700));
    let late = super::client(&app).await.place_order(request).await.expect_err("it waits for a payment");
    assert!(matches!(late.code(), tonic::Code::DeadlineExceeded | tonic::Code::Cancelled), "{late:?}");
    eventually("the order is there", async || (app.orders("").await.items().len() == 1).then_some(())).await;
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn an_order_is_paid_by_a_service_that_it_names() {
    let bank = crate::support::Bank::start();
    let (charge, refund) = (bank.url("/charge"), bank.url("/refund"));
    let app = TestApp::with(&[
        ("providers.payment.bank.kind", "http"),
        ("providers.payment.bank.charge.url", &charge),
        ("providers.payment.bank.refund.url", &refund),
    ]);
    let by = |provider: i32, name: &str| {
        let terms = PaymentTerms { provider, provider_name: Some(name.to_owned()), ..PaymentTerms::default() };
        waited(PlaceOrderRequest { payment: Some(terms), ..manual() })
    };
    let order = placed(&app, by(0, "bank")).await;
    let payment = order.payment.as_ref().expect("a payment");
    assert_eq!((order.status(), payment.provider_name.as_str()), (OrderStatus::Completed, "bank"));
    assert_eq!(bank.effects(&payment.id), ["charge"]);
    let unknown = place(&app, by(0, "till")).await;
    refuses(unknown, tonic::Code::InvalidArgument, "invalid_request", &["payment.provider"]);
    let both = place(&app, by(1, "bank")).await;
    refuses(both, tonic::Code::InvalidArgument, "invalid_request", &["payment.provider_name"]);
    app.finish().await;
}
