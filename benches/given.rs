//! What the benches start from: orders under ids of their own.

use backstitch::{
    domain::{
        checkout::{Checkout, CheckoutEvent, CheckoutSaga, DEFAULT_DEADLINE_MS},
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::{Basket, LineDraft},
        payment::Provider,
        simulation::Simulation,
        time::Timestamp,
    },
    settings::{Settings, Sources},
    store::{LogEntry, SagaRow},
};
use std::sync::{Arc, LazyLock};
use uuid::Uuid;

/// The settings of a server that nobody has configured.
pub(crate) static DEFAULTS: LazyLock<Settings> =
    LazyLock::new(|| Settings::load(&Sources::default()).expect("the defaults are valid"));

static BASKET: LazyLock<Arc<Basket>> = LazyLock::new(|| {
    let lines = vec![LineDraft { item_name: "Kopi Gayo 250 g".into(), quantity: 2, price: 85_000 }];
    Arc::new(Basket::parse(lines, |_, field| field.to_owned()).expect("the basket is valid"))
});

/// A saga that nobody else drives.
pub(crate) fn saga_id() -> SagaId {
    SagaId::from_uuid(Uuid::now_v7())
}

/// An order of one line that is paid and shipped at once, under ids of its own.
pub(crate) fn checkout() -> Arc<Checkout> {
    Arc::new(Checkout {
        order_id: OrderId::from_uuid(Uuid::now_v7()),
        payment_id: PaymentId::from_uuid(Uuid::now_v7()),
        shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
        customer_ref: None,
        currency: Currency::Idr,
        basket: Arc::clone(&BASKET),
        provider: Provider::Simulated,
        deadline_ms: DEFAULT_DEADLINE_MS,
        simulate: Simulation::default(),
    })
}

/// A saga's row as it is when the saga has come to where it is without waiting.
pub(crate) fn row(saga: &CheckoutSaga, now: Timestamp) -> SagaRow {
    let summary = saga.summary();
    SagaRow {
        id: saga.id(),
        order_id: saga.input().order_id,
        definition: saga.definition().name().to_owned(),
        version: saga.definition().version(),
        status: summary.status,
        waiting_for: None,
        reason: summary.reason,
        attention: None,
        wake_at: None,
        created_at: now,
        updated_at: now,
        finished_at: summary.status.is_at_rest().then_some(now),
    }
}

/// A log entry of this node's.
pub(crate) fn entry(events: Vec<CheckoutEvent>, at: Timestamp) -> LogEntry {
    LogEntry { at, node: DEFAULTS.node.id.clone(), events }
}
