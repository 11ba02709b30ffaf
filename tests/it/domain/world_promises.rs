//! What must be true of a world, always and in the end.

use super::{journal::replay, world::World};
use backstitch::domain::{
    order::OrderStatus,
    payment::PaymentStatus,
    saga::Status,
    shipment::{ShipmentStatus, Shipping},
};

impl World {
    /// Never more than one capture and one refund, whatever happens; a refund only of what came.
    pub(super) fn assert_safe(&self) {
        let (captures, refunds) = self.rows.payment.moved();
        assert!(captures <= 1 && refunds <= captures, "{captures} captures, {refunds} refunds");
    }

    /// The promise about money and goods, for a saga at rest with no call outstanding.
    pub(super) fn assert_conserved(&self) {
        self.assert_safe();
        assert!(!self.has_calls());
        let order = self.rows.order.get();
        let payment = self.rows.payment.stored.as_ref().map(|payment| payment.status);
        let shipments = self.rows.shipping.stored.as_ref().map_or(&[][..], Shipping::shipments);
        let all = |status| shipments.iter().all(|shipment| shipment.status == status);
        let (captures, refunds) = self.rows.payment.moved();
        match self.status() {
            Status::Completed => {
                assert_eq!(order.status, OrderStatus::Completed);
                assert_eq!((payment, captures, refunds), (Some(PaymentStatus::Paid), 1, 0));
                assert!(!shipments.is_empty() && all(ShipmentStatus::Shipped), "{shipments:?}");
            }
            Status::Compensated => {
                assert!(order.status.is_closed(), "{:?}", order.status);
                assert_eq!(captures, refunds, "what came went back: {payment:?}");
                assert!(!matches!(payment, Some(PaymentStatus::Pending | PaymentStatus::Paid)), "{payment:?}");
                assert!(all(ShipmentStatus::Cancelled), "{shipments:?}");
            }
            status => panic!("{status:?} is no rest"),
        }
    }

    /// The log alone tells of the same saga.
    pub(super) fn assert_replays(&self) {
        let replayed = replay(&self.appends.concat());
        assert_eq!(replayed.summary(), self.saga.summary());
        assert_eq!(replayed.next(), self.saga.next());
        assert_eq!(format!("{replayed:?}"), format!("{:?}", self.saga));
    }
}
