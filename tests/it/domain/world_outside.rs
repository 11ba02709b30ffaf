//! Who acts on a world from outside: clients, the provider and the carrier.

use super::{given::payment_id, world::World};
use backstitch::domain::{
    ids::PaymentId,
    payment::{
        OpenPayment, Payable, PaymentCall, PaymentCommand, Provider, RecordCharge, RecordRefund, SettlePayment,
        Settlement,
    },
    reason::Reason,
    shipment::{CarrierCall, RecordCarrierCall, Shipment, ShippingCommand},
    simulation::CallAnswer,
};
use uuid::Uuid;

impl World {
    /// A client opens the order's payment, having read the order now, or long ago.
    pub(super) fn open(&mut self, provider: Provider, stale: bool) {
        let Some(order) = &self.rows.order.stored else { return };
        let (order_id, total, currency, status) = (order.id, order.basket.total(), order.currency, order.status);
        let fresh = Payable { order_id, total, currency, status };
        let order = if stale { *self.seen.get_or_insert(fresh) } else { fresh };
        let claimed = PaymentId::from_uuid(Uuid::from_u128(0x77));
        let amount = self.saga.input().basket.total();
        self.payment(&PaymentCommand::Open(OpenPayment { order, payment_id: claimed, amount, provider }));
    }

    /// Somebody outside reports how the payment went.
    pub(super) fn settle(&mut self, settlement: Settlement) {
        let payment_id = self.rows.payment.stored.as_ref().map_or(payment_id(), |payment| payment.id);
        let order_id = self.saga.input().order_id;
        self.payment(&PaymentCommand::Settle(SettlePayment { order_id, payment_id, settlement }));
    }

    /// The provider answers the call that is outstanding, or `lost` hides its answer.
    pub(super) fn provider_answers(&mut self, lost: bool) {
        let Some(payment) = &self.rows.payment.stored else { return };
        let Some(call) = payment.call else { return };
        let (order_id, attempts, script) = (payment.order_id, payment.attempts, payment.script);
        let hidden = CallAnswer::Unknown { happened: true, error: "lost".into() };
        let command = match call {
            _ if lost && call == PaymentCall::Charge => {
                PaymentCommand::RecordCharge(RecordCharge { order_id, answer: hidden })
            }
            PaymentCall::Charge => {
                let answer = script.answer(attempts + 1, Reason::PaymentDeclined);
                PaymentCommand::RecordCharge(RecordCharge { order_id, answer })
            }
            PaymentCall::Refund => {
                let answer = if lost { hidden } else { CallAnswer::Done };
                PaymentCommand::RecordRefund(RecordRefund { order_id, answer })
            }
        };
        self.payment(&command);
    }

    /// The carrier answers the call that is outstanding, or `lost` hides its answer.
    pub(super) fn carrier_answers(&mut self, lost: bool) {
        let Some(outstanding) = self.rows.shipment.stored.as_ref().and_then(Shipment::outstanding) else { return };
        let answer = match outstanding.call {
            _ if lost => CallAnswer::Unknown { happened: true, error: "lost".into() },
            CarrierCall::Dispatch => outstanding.script.answer(outstanding.attempts + 1, Reason::ShippingFailed),
            CarrierCall::Recall => CallAnswer::Done,
        };
        let record = RecordCarrierCall { order_id: outstanding.order_id, call: outstanding.call, answer };
        self.shipping(&ShippingCommand::Record(record));
    }
}
