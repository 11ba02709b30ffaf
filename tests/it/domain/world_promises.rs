//! What must be true of a world, always and in the end.

use super::{
    journal::replay,
    world::{PIECES, World},
};
use backstitch::domain::{
    order::OrderStatus,
    payment::{Movement, MovementKind, PaymentStatus, Payments},
    saga::Status,
    shipment::{ShipmentStatus, Shipping},
};

impl World {
    /// Never more than one capture and one refund of a payment, whatever happens; a refund only of what came. And
    /// of an order's payments at most one is paid.
    pub(super) fn assert_safe(&self) {
        let mut paid = 0;
        for payment in self.rows.payment.stored.iter().flat_map(Payments::all) {
            let moved = |kind| {
                let of = |movement: &&Movement| movement.payment_id == payment.id && movement.kind == kind;
                self.rows.payment.movements.iter().filter(of).count()
            };
            let (captures, refunds) = (moved(MovementKind::Capture), moved(MovementKind::Refund));
            assert!(captures <= 1 && refunds <= captures, "{captures} captures, {refunds} refunds of {payment:?}");
            paid += usize::from(payment.status == PaymentStatus::Paid);
        }
        assert!(paid <= 1, "{paid} payments of one order are paid");
        let (on_hand, reserved) = self.stock();
        assert!((0..=on_hand).contains(&reserved) && on_hand <= PIECES.iter().sum(), "{on_hand}, {reserved} reserved");
    }

    /// The promise about money and goods, for a saga at rest with no call outstanding.
    pub(super) fn assert_conserved(&self) {
        self.assert_safe();
        assert!(!self.has_calls());
        let order = self.rows.order.get();
        let payment = self.rows.payment.stored.as_ref().map(|payments| payments.current().status);
        let shipments = self.rows.shipping.stored.as_ref().map_or(&[][..], Shipping::shipments);
        let all = |status| shipments.iter().all(|shipment| shipment.status == status);
        let (captures, refunds) = self.rows.payment.moved();
        let wanted: i64 = self.saga.input().basket.demands().iter().map(|demand| demand.quantity.get()).sum();
        let (on_hand, reserved) = self.stock();
        let gone = if self.status() == Status::Completed { wanted } else { 0 };
        assert_eq!((on_hand, reserved), (PIECES.iter().sum::<i64>() - gone, 0));
        self.rows.depot.assert_books();
        match self.status() {
            Status::Completed => {
                let sent: i64 =
                    shipments.iter().flat_map(|shipment| shipment.contents.iter()).map(|c| c.quantity).sum();
                assert_eq!(sent, wanted, "{shipments:?}");
                assert_eq!(order.status, OrderStatus::Completed);
                assert_eq!((payment, captures - refunds), (Some(PaymentStatus::Paid), 1), "{captures} captures");
                self.assert_one_revision();
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

    /// Saga, order, payment and reservation are of the same revision.
    fn assert_one_revision(&self) {
        let input = self.saga.input();
        let (order, payments) = (self.rows.order.get(), self.rows.payment.get());
        assert_eq!((order.revision, payments.current().revision), (input.revision, input.revision));
        assert_eq!((&order.basket, payments.current().amount), (&input.basket, input.basket.total()));
    }

    /// On hand and reserved, over all warehouses.
    fn stock(&self) -> (i64, i64) {
        let levels = [0, 1].map(|warehouse| self.rows.depot.level(warehouse, 0));
        (levels.iter().map(|level| level.0).sum(), levels.iter().map(|level| level.1).sum())
    }

    /// The log alone tells of the same saga.
    pub(super) fn assert_replays(&self) {
        let replayed = replay(&self.appends.concat());
        assert_eq!(replayed.summary(), self.saga.summary());
        assert_eq!(replayed.next(), self.saga.next());
        assert_eq!(format!("{replayed:?}"), format!("{:?}", self.saga));
    }
}
