//! What is told of a saga that comes to another status: counters for graphs, and a line in the log where a person must
//! act.

use crate::domain::{
    checkout::CheckoutSaga,
    order::OrderStatus,
    saga::{Status, Summary},
};

/// A saga comes to another status.
pub(super) fn told_of(saga: &CheckoutSaga, Summary { status, reason, attention, .. }: &Summary) {
    metrics::counter!("sagas_total", "status" => status.as_str()).increment(1);
    let ended = match status {
        Status::Completed => Some(OrderStatus::Completed),
        Status::Compensated => reason.map(OrderStatus::unwound),
        _ => None,
    };
    if let Some(ended) = ended {
        metrics::counter!("orders_total", "status" => ended.as_str()).increment(1);
    }
    if *status == Status::NeedsAttention {
        let (saga_id, order_id) = (saga.id(), saga.input().order_id);
        let (status, attention) = (status.as_str(), attention.as_deref());
        tracing::warn!(%saga_id, %order_id, status, attention, "a saga needs attention");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        checkout::{self, Checkout},
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::Basket,
        payment::Provider,
        shipment::Carrier,
        simulation::Simulation,
        time::Timestamp,
    };
    use std::{
        io,
        sync::{Arc, Mutex},
    };
    use uuid::Uuid;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged of a saga that comes to this.
    fn logged(saga: &CheckoutSaga, summary: &Summary) -> String {
        let written = Written::default();
        let out = written.clone();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || out.clone()).finish();
        tracing::subscriber::with_default(subscriber, || told_of(saga, summary));
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_saga_that_needs_attention_is_a_warning_with_its_id_and_why_and_no_other_is() {
        let now = Timestamp::from_millis(1_700_000_000_000);
        let checkout = Checkout {
            order_id: OrderId::from_uuid(Uuid::from_u128(1)),
            payment_id: PaymentId::from_uuid(Uuid::from_u128(2)),
            shipment_id: ShipmentId::from_uuid(Uuid::from_u128(3)),
            customer_ref: None,
            currency: Currency::Idr,
            basket: Arc::new(Basket::empty()),
            revision: 0,
            provider: Provider::Manual,
            deadline_ms: 60_000,
            carrier: Carrier::Simulated,
            simulate: Simulation::default(),
        };
        let (mut saga, _) = checkout::begin(SagaId::from_uuid(Uuid::from_u128(4)), Arc::new(checkout), now);
        assert_eq!(logged(&saga, &saga.summary()), "");
        saga.set_aside("its log cannot be written".to_owned(), now).expect("it is under way");
        let line: serde_json::Value = serde_json::from_str(&logged(&saga, &saga.summary())).expect("one line");
        assert_eq!((&line["level"], &line["status"]), (&"WARN".into(), &"needs_attention".into()), "{line}");
        assert_eq!(line["saga_id"], saga.id().to_string());
        assert!(line["attention"].is_string(), "{line}");
    }
}
