//! The log as it is stored. A name that changes here makes every log on disk unreadable.

use super::{
    given::{at, checkout},
    journal::Journal,
};
use backstitch::domain::{
    checkout::{Checkout, CheckoutEvent, Verb},
    field::CustomerRef,
    ids::{ShopId, VariantId, WarehouseId},
    money::Quantity,
    payment::Provider,
    reason::Reason,
    saga::{CancelBy, Detail, Event, Outcome, Receipt, Status},
    simulation::{Fault, Script, Simulation},
    stock::{Allotment, Shortage, Units},
};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

fn full_checkout() -> Checkout {
    Checkout {
        customer_ref: Some(CustomerRef::parse("cust-42".into()).expect("a good reference")),
        simulate: Simulation {
            payment: Script { fault: Some(Fault::ErrorOnce), delay_ms: 50 },
            shipping: Script { fault: Some(Fault::Reject), delay_ms: 0 },
            stock: Script { fault: Some(Fault::Panic), delay_ms: 0 },
        },
        ..checkout(Provider::Simulated)
    }
}

/// One of every event, with every optional field there and not there.
fn every_event() -> Vec<CheckoutEvent> {
    let step = Verb::ProcessPayment;
    let id = |id| Uuid::from_u128(id);
    let allotment = Allotment {
        shop_id: ShopId::from_uuid(id(1)),
        warehouse_id: WarehouseId::from_uuid(id(2)),
        variant_id: VariantId::from_uuid(id(3)),
        quantity: Quantity::parse(4).expect("a quantity").into(),
    };
    let (wanted, available) = (Units::parse(5).expect("some pieces"), 2);
    let short =
        Shortage { shop_id: ShopId::from_uuid(id(1)), variant_id: VariantId::from_uuid(id(3)), wanted, available };
    let short = Detail::Shortages(Arc::new([short]));
    let receipt = Some(Receipt::Id(id(7)));
    let late = |outcome| Event::LateReply { step, outcome };
    let started = |input| Event::SagaStarted { definition: "checkout".into(), version: 1, input: Arc::new(input) };
    vec![
        started(full_checkout()),
        started(checkout(Provider::Manual)),
        Event::StepStarted { step, attempt: 3 },
        Event::StepWaiting { step, until: None },
        Event::StepWaiting { step, until: Some(at(5)) },
        Event::StepDue { step },
        Event::StepDone { step, receipt: receipt.clone(), duration_ms: u64::MAX },
        Event::StepDone { step, receipt: Some(Receipt::Allotments(Arc::new([allotment]))), duration_ms: 1 },
        Event::StepDone { step, receipt: None, duration_ms: 0 },
        Event::StepRejected { step, reason: Reason::PaymentDeclined, detail: None, duration_ms: 4 },
        Event::StepRejected { step, reason: Reason::OutOfStock, detail: Some(short.clone()), duration_ms: 4 },
        late(Outcome::Rejected { reason: Reason::OutOfStock, detail: Some(short) }),
        Event::AttentionCleared { step },
        Event::StepUnknown { step, error: "\"quoted\" ☕\n".into(), retry_at: Some(at(9)), duration_ms: 4 },
        Event::StepUnknown { step, error: String::new(), retry_at: None, duration_ms: 4 },
        Event::SagaTurned { reason: Reason::ShippingFailed },
        late(Outcome::Done { receipt }),
        late(Outcome::DONE),
        late(Outcome::rejected(Reason::PaymentClosed)),
        late(Outcome::Pending { until: Some(at(1)) }),
        late(Outcome::Pending { until: None }),
        late(Outcome::Unknown { error: "?".into(), retry_after_ms: Some(5) }),
        late(Outcome::unknown("?")),
        Event::CancelRequested { by: Reason::CancelledByOperator, note: Some("by phone".into()) },
        Event::CancelRequested { by: Reason::CancelledByCustomer, note: None },
        Event::RetryRequested { note: Some("again".into()) },
        Event::RetryRequested { note: None },
        Event::AttentionNeeded { why: "stuck".into() },
        Event::SagaCompleted,
        Event::SagaCompensated,
    ]
}

#[test]
fn every_event_comes_back_from_json_as_it_went() {
    for event in every_event() {
        let stored = serde_json::to_string(&event).expect("an event is written");
        let read: CheckoutEvent = serde_json::from_str(&stored).expect(&stored);
        assert_eq!(read, event, "{stored}");
        let value: Value = serde_json::from_str(&stored).expect("JSON");
        assert_eq!(value["event"], event.name(), "the name in the log is the event's name");
    }
}

#[test]
fn every_verb_has_the_same_name_in_the_log_and_in_the_api() {
    for (verb, name) in [
        (Verb::CreateOrder, "create_order"),
        (Verb::CancelOrder, "cancel_order"),
        (Verb::ProcessPayment, "process_payment"),
        (Verb::ExpirePayment, "expire_payment"),
        (Verb::RefundPayment, "refund_payment"),
        (Verb::MarkOrderPaid, "mark_order_paid"),
        (Verb::StartShipping, "start_shipping"),
        (Verb::CancelShipping, "cancel_shipping"),
        (Verb::CompleteOrder, "complete_order"),
    ] {
        assert_eq!(serde_json::to_value(verb).expect("a verb is written"), json!(name));
        assert_eq!(<&str>::from(verb), name);
    }
}

#[test]
fn every_reason_has_the_same_name_in_the_log_and_in_the_api() {
    for (reason, name) in [
        (Reason::OrderError, "order_error"),
        (Reason::OrderClosed, "order_closed"),
        (Reason::PaymentDeclined, "payment_declined"),
        (Reason::PaymentExpired, "payment_expired"),
        (Reason::PaymentError, "payment_error"),
        (Reason::PaymentClosed, "payment_closed"),
        (Reason::ShippingFailed, "shipping_failed"),
        (Reason::ShippingError, "shipping_error"),
        (Reason::ShippingClosed, "shipping_closed"),
        (Reason::CancelledByCustomer, "cancelled_by_customer"),
        (Reason::CancelledByOperator, "cancelled_by_operator"),
    ] {
        assert_eq!(serde_json::to_value(reason).expect("a reason is written"), json!(name));
        assert_eq!((reason.as_str(), name.parse()), (name, Ok(reason)));
    }
}

/// A log as this release stores it: a payment that waited and got no answer once, then was cancelled.
fn stored_log() -> Value {
    json!([
        {
            "event": "saga_started",
            "definition": "checkout",
            "version": 1,
            "input": {
                "order_id": "00000000-0000-0000-0000-000000000002",
                "payment_id": "00000000-0000-0000-0000-000000000003",
                "shipment_id": "00000000-0000-0000-0000-000000000004",
                "currency": "IDR",
                "basket": {
                    "lines": [{ "item_name": "Kopi Gayo 250 g", "quantity": 2, "price": 85000 }],
                    "total": 170_000
                },
                "provider": "manual",
                "deadline_ms": 60000
            }
        },
        { "event": "step_started", "step": "create_order", "attempt": 1 },
        {
            "event": "step_done",
            "step": "create_order",
            "receipt": "00000000-0000-0000-0000-000000000002",
            "duration_ms": 0
        },
        { "event": "step_started", "step": "process_payment", "attempt": 1 },
        { "event": "step_waiting", "step": "process_payment", "until": 1_700_000_000_500_i64 },
        { "event": "step_due", "step": "process_payment" },
        {
            "event": "step_unknown",
            "step": "process_payment",
            "error": "timeout",
            "retry_at": 1_700_000_000_610_i64,
            "duration_ms": 500
        },
        { "event": "cancel_requested", "by": "cancelled_by_customer" },
        { "event": "saga_turned", "reason": "cancelled_by_customer" },
        { "event": "step_started", "step": "refund_payment", "attempt": 1 },
        { "event": "late_reply", "step": "process_payment", "outcome": { "outcome": "done" } },
        { "event": "step_rejected", "step": "refund_payment", "reason": "payment_closed", "duration_ms": 0 },
        { "event": "attention_needed", "why": "refund_payment was refused (payment_closed) where nothing may be" },
        { "event": "retry_requested", "note": "try again" },
        { "event": "step_started", "step": "refund_payment", "attempt": 2 },
        { "event": "step_done", "step": "refund_payment", "duration_ms": 0 },
        { "event": "step_started", "step": "cancel_order", "attempt": 1 },
        { "event": "step_done", "step": "cancel_order", "duration_ms": 0 },
        { "event": "saga_compensated" }
    ])
}

#[test]
fn a_log_is_stored_in_the_form_that_later_releases_must_read() {
    let mut journal = Journal::begin();
    journal.answer(Verb::CreateOrder, Outcome::done(super::given::order_id().uuid()));
    journal.answer(Verb::ProcessPayment, Outcome::Pending { until: Some(at(500)) });
    journal.wake_at(at(500));
    journal.answer(Verb::ProcessPayment, Outcome::unknown("timeout"));
    journal.cancel(CancelBy::Customer).expect("the money is not in");
    journal.answer(Verb::ProcessPayment, Outcome::DONE);
    journal.answer(Verb::RefundPayment, Outcome::rejected(Reason::PaymentClosed));
    journal.retry().expect("it needs attention");
    journal.answer(Verb::RefundPayment, Outcome::DONE);
    journal.answer(Verb::CancelOrder, Outcome::DONE);
    let events: Vec<_> = journal.log.iter().map(|(_, event)| event).collect();
    assert_eq!(serde_json::to_value(events).expect("a log is written"), stored_log());
}

#[test]
fn an_amendment_is_stored_in_the_form_that_later_releases_must_read() {
    let amended = Checkout { revision: 1, ..checkout(Provider::Manual) };
    let events = [
        CheckoutEvent::AmendmentStarted { revision: 1, input: Arc::new(amended) },
        CheckoutEvent::AmendmentRefused { reason: Reason::OutOfStock },
        CheckoutEvent::AmendmentDone,
    ];
    let stored = events.map(|event| serde_json::to_value(event).expect("an event is written"));
    assert_eq!((&stored[0]["event"], &stored[0]["revision"]), (&json!("amendment_started"), &json!(1)));
    assert_eq!(stored[0]["input"]["revision"], 1);
    assert_eq!(stored[1], json!({ "event": "amendment_refused", "reason": "out_of_stock" }));
    assert_eq!(stored[2], json!({ "event": "amendment_done" }));
    assert_eq!(serde_json::to_value(checkout(Provider::Manual)).expect("an input").get("revision"), None);
}

#[test]
fn a_stored_log_is_read_and_replayed() {
    let events: Vec<CheckoutEvent> = serde_json::from_value(stored_log()).expect("a stored log is read");
    let log: Vec<_> = events.into_iter().map(|event| (at(0), event)).collect();
    let summary = super::journal::replay(&log).summary();
    assert_eq!((summary.status, summary.reason), (Status::Compensated, Some(Reason::CancelledByCustomer)));
}

#[test]
fn a_full_input_is_stored_under_its_stable_names() {
    let value = serde_json::to_value(full_checkout()).expect("an input is written");
    assert_eq!(value["customer_ref"], "cust-42");
    assert_eq!(value["provider"], "simulated");
    assert_eq!(
        value["simulate"],
        json!({ "payment": { "fault": "error_once", "delay_ms": 50 }, "shipping": { "fault": "reject" }, "stock": { "fault": "panic" } })
    );
}
