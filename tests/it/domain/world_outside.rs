//! Who acts on a world from outside: clients, the provider and the carrier.

use super::{given::payment_id, world::World};
use backstitch::domain::{
    aggregate::Outgoing,
    ids::PaymentId,
    payment::{
        OpenPayment, Payable, PaymentCall, PaymentCommand, PaymentStatus, Provider, RecordPaymentCall, Reporter,
        SettlePayment, Settlement,
    },
    reason::Reason,
    shipment::{RecordCarrierCall, ShipmentCall, ShippingCommand},
    simulation::CallAnswer,
};
use uuid::Uuid;

impl World {
    /// A client opens the order's payment, having read the order now, or long ago.
    pub(super) fn open(&mut self, provider: Provider, stale: bool) {
        let Some(order) = &self.rows.order.stored else { return };
        let (order_id, total, currency, status) = (order.id, order.basket.total(), order.currency, order.status);
        let fresh = Payable { order_id, total: Some(total), currency, payer: None, status };
        let order = if stale { *self.seen.get_or_insert(fresh) } else { fresh };
        let claimed = PaymentId::from_uuid(Uuid::from_u128(0x77));
        let amount = self.saga.input().basket.total();
        self.payment(&PaymentCommand::Open(OpenPayment { order, payment_id: claimed, amount, provider }));
    }

    /// Somebody outside reports how the payment went.
    pub(super) fn settle(&mut self, settlement: Settlement) {
        let current = self.rows.payment.stored.as_ref().map(backstitch::domain::payment::Payments::current);
        let payment_id = current.map_or(payment_id(), |payment| payment.id);
        // The provider itself reports what no person may.
        let by = current.map(|payment| payment.provider).filter(|provider| *provider != Provider::Manual);
        let by = by.map_or(Reporter::Trusted, Reporter::Provider);
        let report = SettlePayment::trusted(self.saga.input().order_id, payment_id, settlement);
        self.payment(&PaymentCommand::Settle(SettlePayment { by, ..report }));
    }

    /// The provider answers the first call that is outstanding, or `lost` hides its answer.
    pub(super) fn provider_answers(&mut self, lost: bool) {
        let Some(payments) = &self.rows.payment.stored else { return };
        let open = (0..payments.parts()).find_map(|part| payments.outstanding(part).map(|call| (part, call)));
        let Some((part, (call, attempts))) = open else {
            // What was paid by hand goes back by hand.
            let due = payments.all().find(|payment| payment.status == PaymentStatus::Refunding && !lost);
            if let Some(due) = due.map(|payment| payment.id) {
                let report = SettlePayment::trusted(payments.order_id(), due, Settlement::Refunded);
                self.payment(&PaymentCommand::Settle(report));
            }
            return;
        };
        let (order_id, script) = (payments.order_id(), payments.part(part).script);
        let answer = match call {
            _ if lost => CallAnswer::Unknown { happened: true, error: "lost".into() },
            PaymentCall::Charge => script.answer(attempts + 1, Reason::PaymentDeclined),
            PaymentCall::Refund | PaymentCall::RefundAgain => CallAnswer::Done,
            told => unreachable!("a saga's payment tells its order nothing, not {told:?}"),
        };
        let command = PaymentCommand::Record(RecordPaymentCall { order_id, part, call, attempts, answer });
        self.payment(&command);
    }

    /// The carrier answers the first call that is outstanding, or `lost` hides its answer.
    pub(super) fn carrier_answers(&mut self, lost: bool) {
        let Some(shipping) = &self.rows.shipping.stored else { return };
        let open = (0..shipping.parts()).find_map(|part| shipping.outstanding(part).map(|call| (part, call)));
        let Some((part, (call, attempts))) = open else { return };
        let (order_id, script) = (shipping.order_id(), shipping.shipments()[part].script);
        let answer = match call {
            _ if lost => CallAnswer::Unknown { happened: true, error: "lost".into() },
            ShipmentCall::Dispatch => script.answer(attempts + 1, Reason::ShippingFailed),
            ShipmentCall::Recall | ShipmentCall::RecallAgain => CallAnswer::Done,
            told => unreachable!("a saga's shipment tells its order nothing, not {told:?}"),
        };
        self.shipping(&ShippingCommand::Record(RecordCarrierCall { order_id, part, call, attempts, answer }));
    }
}
