//! From what the service shows to messages.

use crate::proto::{
    self, Content, Line, Order, OrderPayment, OrderStatus, PaymentProvider, PaymentStatus, Saga, SagaEvent, SagaStatus,
    SagaSummary, Shipment, ShipmentStatus, Step,
};
use crate::{
    domain::{
        checkout::{self, WaitingOn},
        money::Amount,
        order::{self, Stocked},
        payment::{self, Payment, Provider},
        reason::Reason,
        saga::{Progress, Status},
        shipment,
        time::Timestamp,
    },
    service::{LoggedEvent, OrderView, SagaView, row_message},
    store::SagaRow,
};
use prost_types::Timestamp as Time;

fn time(at: Timestamp) -> Time {
    let (seconds, millis) = (at.millis().div_euclid(1000), at.millis().rem_euclid(1000));
    Time { seconds, nanos: i32::try_from(millis).unwrap_or_default() * 1_000_000 }
}

fn reason(reason: Option<Reason>) -> String {
    reason.map(Reason::as_str).unwrap_or_default().to_owned()
}

impl From<OrderView> for Order {
    fn from(view: OrderView) -> Self {
        let OrderView { order, payment, shipments, saga, incomplete } = view;
        Self {
            id: order.id.to_string(),
            status: order_status(order.status).into(),
            reason: reason(order.reason),
            currency: <&str>::from(order.currency).to_owned(),
            total_amount: order.basket.total().get(),
            customer_ref: order.customer_ref.map(|text| text.as_str().to_owned()),
            revision: order.revision,
            lines: order.basket.lines().iter().map(Line::from).collect(),
            payment: payment.map(OrderPayment::from),
            shipments: shipments.into_iter().map(Shipment::from).collect(),
            saga_id: order.saga_id.map(|saga| saga.to_string()).unwrap_or_default(),
            saga: saga.map(|row| SagaSummary {
                status: saga_status(row.status).into(),
                message: row_message(&row).unwrap_or_default(),
            }),
            created_at: Some(time(order.created_at)),
            updated_at: Some(time(order.updated_at)),
            incomplete: incomplete.into_iter().map(|role| role.as_str().to_owned()).collect(),
        }
    }
}

impl From<&order::Line> for Line {
    fn from(line: &order::Line) -> Self {
        let stocked = line.stocked.as_ref();
        let of = |name: fn(&Stocked) -> String| stocked.map(name);
        Self {
            item_name: line.item_name.as_str().to_owned(),
            quantity: line.quantity.get(),
            price: line.price.get(),
            amount: line.amount().map_or(0, Amount::get),
            shop_id: of(|stocked| stocked.shop_id.to_string()),
            variant_id: of(|stocked| stocked.variant_id.to_string()),
            sku: of(|stocked| stocked.sku.as_str().to_owned()),
            size: stocked.and_then(|stocked| Some(stocked.size.as_ref()?.as_str().to_owned())),
        }
    }
}

impl From<Payment> for OrderPayment {
    fn from(payment: Payment) -> Self {
        let status = match payment.status {
            payment::PaymentStatus::Pending => PaymentStatus::Pending,
            payment::PaymentStatus::Paid => PaymentStatus::Paid,
            payment::PaymentStatus::Failed => PaymentStatus::Failed,
            payment::PaymentStatus::Expired => PaymentStatus::Expired,
            payment::PaymentStatus::Refunding => PaymentStatus::Refunding,
            payment::PaymentStatus::Refunded => PaymentStatus::Refunded,
        };
        let provider = match payment.provider {
            Provider::Manual => PaymentProvider::Manual,
            Provider::Simulated => PaymentProvider::Simulated,
            Provider::Configured(_) => PaymentProvider::Unspecified,
        };
        Self {
            id: payment.id.to_string(),
            status: status.into(),
            provider: provider.into(),
            provider_name: payment.provider.as_str().to_owned(),
            deadline_at: payment.deadline_at.map(time),
            paid_at: payment.captured_at.map(time),
            reference: payment.reference.as_ref().map(|reference| reference.as_str().to_owned()),
            attempts: payment.attempts,
            last_error: payment.trouble.as_ref().map(|trouble| trouble.error.clone()),
            last_status: payment.trouble.as_ref().and_then(|trouble| trouble.status).map(u32::from),
            next_attempt_at: payment.trouble.as_ref().and_then(|trouble| trouble.next_attempt_at).map(time),
        }
    }
}

impl From<shipment::Shipment> for Shipment {
    fn from(shipment: shipment::Shipment) -> Self {
        let status = match shipment.status {
            shipment::ShipmentStatus::Requested => ShipmentStatus::Requested,
            shipment::ShipmentStatus::Shipped => ShipmentStatus::Shipped,
            shipment::ShipmentStatus::Cancelled => ShipmentStatus::Cancelled,
        };
        Self {
            id: shipment.id.to_string(),
            status: status.into(),
            shop_id: shipment.origin.map(|origin| origin.shop_id.to_string()),
            warehouse_id: shipment.origin.map(|origin| origin.warehouse_id.to_string()),
            tracking_number: shipment.tracking_number,
            carrier: shipment.carrier.as_str().to_owned(),
            attempts: shipment.attempts,
            last_error: shipment.trouble.as_ref().map(|trouble| trouble.error.clone()),
            last_status: shipment.trouble.as_ref().and_then(|trouble| trouble.status).map(u32::from),
            next_attempt_at: shipment.trouble.as_ref().and_then(|trouble| trouble.next_attempt_at).map(time),
            reference: shipment.reference.map(|reference| reference.as_str().to_owned()),
            order_id: shipment.order_id.to_string(),
            items: shipment.contents.iter().map(Content::from).collect(),
            created_at: Some(time(shipment.created_at)),
            updated_at: Some(time(shipment.updated_at)),
        }
    }
}

impl From<&shipment::Content> for Content {
    fn from(content: &shipment::Content) -> Self {
        Self {
            variant_id: content.variant_id.map(|id| id.to_string()),
            item_name: content.item_name.as_ref().map(|name| name.as_str().to_owned()),
            quantity: content.quantity,
        }
    }
}

impl From<Payment> for proto::Payment {
    fn from(payment: Payment) -> Self {
        Self {
            order_id: payment.order_id.to_string(),
            revision: payment.revision,
            amount: payment.amount.get(),
            currency: <&str>::from(payment.currency).to_owned(),
            reason: reason(payment.reason),
            created_at: Some(time(payment.created_at)),
            updated_at: Some(time(payment.updated_at)),
            payment: Some(payment.into()),
        }
    }
}

const fn order_status(status: order::OrderStatus) -> OrderStatus {
    match status {
        order::OrderStatus::Pending => OrderStatus::Pending,
        order::OrderStatus::Paid => OrderStatus::Paid,
        order::OrderStatus::Completed => OrderStatus::Completed,
        order::OrderStatus::Failed => OrderStatus::Failed,
        order::OrderStatus::Cancelled => OrderStatus::Cancelled,
    }
}

const fn saga_status(status: Status) -> SagaStatus {
    match status {
        Status::Running => SagaStatus::Running,
        Status::Waiting => SagaStatus::Waiting,
        Status::Compensating => SagaStatus::Compensating,
        Status::Completed => SagaStatus::Completed,
        Status::Compensated => SagaStatus::Compensated,
        Status::NeedsAttention => SagaStatus::NeedsAttention,
    }
}

impl From<SagaRow> for Saga {
    fn from(row: SagaRow) -> Self {
        let message = row_message(&row).unwrap_or_default();
        Self {
            id: row.id.to_string(),
            definition: row.definition,
            version: row.version,
            order_id: row.order_id.to_string(),
            status: saga_status(row.status).into(),
            waiting_for: row.waiting_for.unwrap_or_default(),
            message,
            reason: reason(row.reason),
            steps: Vec::new(),
            created_at: Some(time(row.created_at)),
            updated_at: Some(time(row.updated_at)),
            finished_at: row.finished_at.map(time),
            waiting_on: String::new(),
        }
    }
}

impl From<SagaView> for Saga {
    fn from(view: SagaView) -> Self {
        let SagaView { row, summary, steps, waiting_on } = view;
        Self {
            status: saga_status(summary.status).into(),
            waiting_for: summary.waiting_for.unwrap_or_default().to_owned(),
            message: checkout::message(&summary).unwrap_or_default(),
            reason: reason(summary.reason),
            steps: steps.into_iter().map(Step::from).collect(),
            waiting_on: waiting_on.map(WaitingOn::as_str).unwrap_or_default().to_owned(),
            ..Self::from(row)
        }
    }
}

impl From<Progress> for Step {
    fn from(progress: Progress) -> Self {
        Self {
            stage: progress.stage.to_owned(),
            step: progress.step.to_owned(),
            participant: progress.participant.to_owned(),
            kind: progress.kind.as_str().to_owned(),
            state: progress.state.to_owned(),
            attempts: progress.attempts,
            started_at: progress.started_at.map(time),
            finished_at: progress.finished_at.map(time),
            error: progress.error.unwrap_or_default(),
            last_status: progress.last_status.map(u32::from),
            next_attempt_at: progress.next_attempt_at.map(time),
        }
    }
}

impl From<LoggedEvent> for SagaEvent {
    fn from(logged: LoggedEvent) -> Self {
        let LoggedEvent { seq, at, node, event, stage, step, attempt, duration_ms, error, note } = logged;
        Self {
            seq,
            at: Some(time(at)),
            node: node.to_string(),
            event: event.to_owned(),
            stage: stage.unwrap_or_default().to_owned(),
            step: step.unwrap_or_default().to_owned(),
            attempt,
            duration_ms,
            error: error.unwrap_or_default(),
            note: note.unwrap_or_default(),
        }
    }
}
