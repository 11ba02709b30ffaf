//! What lists can be asked for.

use crate::domain::{
    field::CustomerRef,
    ids::{OrderId, ShopId},
    order::OrderStatus,
    payment::PaymentStatus,
    reason::Reason,
    reference::{Reference, TrackingNumber},
    saga::Status,
    shipment::ShipmentStatus,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A part of a list, newest first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Page<Id> {
    /// Only what is older than this.
    pub before: Option<Id>,
    /// At most so many.
    pub limit: u32,
}

/// Which orders. What is left empty keeps nobody out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OrderFilter {
    /// One of these.
    pub ids: Option<Vec<OrderId>>,
    /// In one of these statuses.
    pub statuses: Vec<OrderStatus>,
    /// Unwound for one of these reasons.
    pub reasons: Vec<Reason>,
    /// With something of this shop.
    pub shop_id: Option<ShopId>,
    /// Of this customer.
    pub customer_ref: Option<CustomerRef>,
    /// Placed at or after this time.
    pub created_after: Option<Timestamp>,
    /// Placed before this time.
    pub created_before: Option<Timestamp>,
    /// Changed at or after this time.
    pub updated_after: Option<Timestamp>,
}

/// Which payments. What is left empty keeps nobody out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PaymentFilter {
    /// Of this order.
    pub order_id: Option<OrderId>,
    /// What its provider calls it.
    pub reference: Option<Reference>,
    /// In one of these statuses.
    pub statuses: Vec<PaymentStatus>,
}

/// Which shipments. What is left empty keeps nobody out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ShipmentFilter {
    /// Of this order.
    pub order_id: Option<OrderId>,
    /// What the customer follows it by.
    pub tracking_number: Option<TrackingNumber>,
    /// In one of these statuses.
    pub statuses: Vec<ShipmentStatus>,
}

/// Which sagas. What is left empty keeps nobody out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SagaFilter {
    /// In one of these statuses.
    pub statuses: Vec<Status>,
    /// Of this definition.
    pub definition: Option<String>,
    /// Waiting for or stuck at this step.
    pub step: Option<String>,
    /// Started before this time.
    pub created_before: Option<Timestamp>,
}

/// Which filter of a list of orders leads to the rows: it has an index of its own, in the list's order, and the other
/// filters are asked of the rows that it finds. The first of these that is given is the most telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderLead {
    /// The orders that are named.
    Ids,
    /// A customer's.
    Customer,
    /// Those that were unwound for these reasons.
    Reasons,
    /// Those that were unwound, of these statuses.
    Closed,
    /// A shop's.
    Shop,
    /// All of them.
    All,
}

/// A stretch of a list of orders by their ids, which are in the order of the times in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OrderStretch {
    /// From this id on.
    pub(super) from: Option<OrderId>,
    /// Up to this id, without it.
    pub(super) until: Option<OrderId>,
    /// Only those that changed, at this time or later, long after they were placed: found by when they changed.
    pub(super) changed_late: Option<Timestamp>,
}

/// How long after it was placed an order's change is late (`order_order.changed_late`), in milliseconds.
const LATE_MS: u64 = 60_000;

impl OrderFilter {
    /// Which filter leads.
    pub(super) fn lead(&self) -> OrderLead {
        let are_closed = !self.statuses.is_empty() && self.statuses.iter().all(|status| status.is_closed());
        match self {
            Self { ids: Some(_), .. } => OrderLead::Ids,
            Self { customer_ref: Some(_), .. } => OrderLead::Customer,
            Self { reasons, .. } if !reasons.is_empty() => OrderLead::Reasons,
            _ if are_closed => OrderLead::Closed,
            Self { shop_id: Some(_), .. } => OrderLead::Shop,
            _ => OrderLead::All,
        }
    }

    /// The stretches in which the orders are, the newest first; none where there can be no such order.
    ///
    /// An order that changed at or after a time was placed less than a minute before it, or changed late. So the
    /// first stretch ends where the second begins, and the second is short: it has what was under way at that time.
    pub(super) fn stretches(&self) -> Vec<OrderStretch> {
        let from = self.created_after.map(|at| OrderId::first_at(at.minus_millis(OrderId::DRIFT_MS)));
        let until = self.created_before.map(|at| OrderId::first_at(at.plus_millis(OrderId::DRIFT_MS)));
        let all = OrderStretch { from, until, changed_late: None };
        let few = matches!(self.lead(), OrderLead::Ids | OrderLead::Customer);
        let stretches = match self.updated_after {
            Some(changed) if !few => {
                let lately = OrderId::first_at(changed.minus_millis(LATE_MS + OrderId::DRIFT_MS));
                let late = OrderStretch {
                    until: Some(until.map_or(lately, |until| until.min(lately))),
                    changed_late: Some(changed),
                    ..all
                };
                vec![OrderStretch { from: Some(from.map_or(lately, |from| from.max(lately))), ..all }, late]
            }
            _ => vec![all],
        };
        let has_room = |stretch: &OrderStretch| match (stretch.from, stretch.until) {
            (from, Some(until)) => !until.uuid().is_nil() && from.is_none_or(|from| from < until),
            _ => true,
        };
        stretches.into_iter().filter(has_room).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn what_changed_is_looked_for_among_the_young_and_among_those_that_changed_late() {
        let filter = OrderFilter { updated_after: Some(at(1_000_000)), ..OrderFilter::default() };
        let lately = Some(OrderId::first_at(at(880_000)));
        assert_eq!(
            filter.stretches(),
            [
                OrderStretch { from: lately, until: None, changed_late: None },
                OrderStretch { from: None, until: lately, changed_late: Some(at(1_000_000)) },
            ]
        );
    }

    #[test]
    fn a_stretch_without_room_is_not_read() {
        for (created_after, created_before, updated_after, stretches) in [
            (None, None, Some(0), 1),
            (None, None, Some(i64::MIN), 1),
            (Some(5_000_000), Some(1_000_000), None, 0),
            (Some(5_000_000), None, Some(1_000_000), 1),
            (None, Some(1_000_000), Some(5_000_000), 1),
            (None, Some(0), None, 1),
            (None, Some(-100_000), None, 0),
            (Some(i64::MAX), None, None, 1),
        ] {
            let filter = OrderFilter {
                created_after: created_after.map(at),
                created_before: created_before.map(at),
                updated_after: updated_after.map(at),
                ..OrderFilter::default()
            };
            assert_eq!(filter.stretches().len(), stretches, "{filter:?}: {:?}", filter.stretches());
        }
    }

    #[test]
    fn the_most_telling_filter_leads() {
        let customer_ref = Some(CustomerRef::stored("c".into()));
        let shop_id = Some(ShopId::from_uuid(uuid::Uuid::nil()));
        let closed = vec![OrderStatus::Failed, OrderStatus::Cancelled];
        for (filter, lead) in [
            (OrderFilter::default(), OrderLead::All),
            (OrderFilter { shop_id, ..OrderFilter::default() }, OrderLead::Shop),
            (OrderFilter { shop_id, statuses: closed.clone(), ..OrderFilter::default() }, OrderLead::Closed),
            (
                OrderFilter { statuses: vec![OrderStatus::Failed, OrderStatus::Paid], ..OrderFilter::default() },
                OrderLead::All,
            ),
            (
                OrderFilter { statuses: closed, reasons: vec![Reason::OutOfStock], ..OrderFilter::default() },
                OrderLead::Reasons,
            ),
            (
                OrderFilter {
                    customer_ref: customer_ref.clone(),
                    reasons: vec![Reason::OutOfStock],
                    ..OrderFilter::default()
                },
                OrderLead::Customer,
            ),
            (OrderFilter { customer_ref, ids: Some(Vec::new()), ..OrderFilter::default() }, OrderLead::Ids),
        ] {
            assert_eq!(filter.lead(), lead, "{filter:?}");
        }
    }
}
