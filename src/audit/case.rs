//! One order's facts, with its saga's log read and replayed once for all rules.

use super::checks::Subject;
use crate::{
    domain::{
        checkout::{self, CheckoutEvent, CheckoutSaga},
        order::{Order, OrderStatus},
        payment::{Movement, Payment, Payments},
        saga::{Impossible, Saga, Status},
        shipment::{Shipment, Shipping},
        stock::Reservation,
        time::Timestamp,
    },
    lifecycle::panic_message,
    store::{BrokenLog, LogEntry, OrderFacts, SagaRow, StoredSaga},
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One order before the judge.
pub(super) struct Case<'a> {
    pub(super) facts: &'a OrderFacts,
    /// When the audit began.
    pub(super) now: Timestamp,
    /// The saga's log, where there is a saga.
    pub(super) log: Option<Result<Vec<(u32, LogEntry)>, BrokenLog>>,
    /// What the log tells of, where it can be read; `Err` says why it cannot be replayed.
    pub(super) replayed: Option<Result<CheckoutSaga, String>>,
}

impl<'a> Case<'a> {
    pub(super) fn new(facts: &'a OrderFacts, now: Timestamp) -> Self {
        let stored = facts.saga.as_ref().and_then(|saga| saga.as_ref().ok());
        let log = stored.map(StoredSaga::log);
        let replayed = stored.zip(log.as_ref()).and_then(|(stored, log)| Some(replay(stored, log.as_ref().ok()?)));
        Self { facts, now, log, replayed }
    }

    /// How a person finds it.
    pub(super) fn name(&self, subject: Subject) -> String {
        match (subject, self.row()) {
            (Subject::Saga, Some(row)) => format!("saga {}", row.id),
            _ => format!("order {}", self.facts.order_id),
        }
    }

    /// The order, where there is one that can be read.
    pub(super) fn order(&self) -> Option<&'a Order> {
        self.facts.order.as_ref()?.as_ref().ok()
    }

    /// The order, where it is one that no saga drives but its client.
    pub(super) fn direct_order(&self) -> Option<&'a Order> {
        self.order().filter(|order| order.saga_id.is_none())
    }

    /// Its payments, likewise.
    pub(super) fn payments(&self) -> Option<&'a Payments> {
        self.facts.payment.as_ref()?.payments.as_ref()?.as_ref().ok()
    }

    /// The current one of its payments.
    pub(super) fn payment(&self) -> Option<&'a Payment> {
        self.payments().map(Payments::current)
    }

    /// Its movements of money, those that can be read.
    pub(super) fn movements(&self) -> &'a [Movement] {
        self.facts.payment.as_ref().map_or(&[], |payment| &payment.movements)
    }

    /// Its shipments, where there are some that can be read.
    pub(super) fn shipments(&self) -> &'a [Shipment] {
        self.facts.shipping.as_ref().and_then(|shipping| shipping.as_ref().ok()).map_or(&[], Shipping::shipments)
    }

    /// Its reservation, likewise.
    pub(super) fn reservation(&self) -> Option<&'a Reservation> {
        self.facts.stock.as_ref()?.reservation.as_ref()?.as_ref().ok()
    }

    /// Its saga's row, likewise.
    pub(super) fn row(&self) -> Option<&'a SagaRow> {
        self.facts.saga.as_ref()?.as_ref().ok().map(|stored| &stored.row)
    }

    /// Its saga as the log tells, where it can be replayed.
    pub(super) fn saga(&self) -> Option<&CheckoutSaga> {
        self.replayed.as_ref()?.as_ref().ok()
    }

    /// Whether its saga stands so: by its row or, where it has been removed since it ended, by the order that it
    /// brought to its end.
    pub(super) fn is(&self, status: Status) -> bool {
        match self.row() {
            Some(row) => row.status == status,
            None => self.removed_as() == Some(status),
        }
    }

    /// How its saga ended, if that was so long ago that it has been removed.
    fn removed_as(&self) -> Option<Status> {
        let removed = self.facts.removed.filter(|_| self.facts.saga.is_none())?;
        let order = self.order().filter(|order| order.saga_id.is_some() && order.updated_at < removed.ended_before)?;
        match order.status {
            OrderStatus::Completed => Some(Status::Completed),
            OrderStatus::Failed | OrderStatus::Cancelled => Some(Status::Compensated),
            OrderStatus::Pending | OrderStatus::Paid => None,
        }
    }

    /// Whether its saga may be among those that have been removed. An order that cannot be read may be any.
    pub(super) fn may_be_removed(&self) -> bool {
        let unreadable = self.facts.order.as_ref().is_some_and(Result::is_err);
        let removed = self.facts.saga.is_none() && self.facts.removed.is_some();
        removed && (unreadable || self.removed_as().is_some())
    }

    /// The events of its saga's log, where it can be read.
    pub(super) fn events(&self) -> Option<impl Iterator<Item = &CheckoutEvent>> {
        let entries = self.log.as_ref()?.as_ref().ok()?;
        Some(entries.iter().flat_map(|(_, entry)| &entry.events))
    }
}

/// A log is data: one that makes the fold panic is one more thing that is wrong with it.
fn replay(stored: &StoredSaga, log: &[(u32, LogEntry)]) -> Result<CheckoutSaga, String> {
    let events = log.iter().flat_map(|(_, entry)| entry.events.iter().map(|event| (entry.at, event.clone())));
    let fold = || Saga::replay(stored.row.id, events, checkout::definition_of);
    match catch_unwind(AssertUnwindSafe(fold)) {
        Ok(replayed) => replayed.map_err(|impossible: Impossible| impossible.to_string()),
        Err(panic) => Err(format!("replaying it panics: {}", panic_message(panic.as_ref()))),
    }
}
