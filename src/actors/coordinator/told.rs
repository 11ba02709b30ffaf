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
