//! Genuine facts of a direct order, on its way from its payment to its shipment.

use super::Sample;
use crate::{
    domain::{
        aggregate::{Errand, Outgoing as _},
        ids::{OrderId, PaymentId, ShipmentId},
        money::{Amount, Currency},
        order::{Basket, CreateOrder, Order, OrderCommand},
        payment::{ChargeDirect, Movement, Payable, PaymentCommand, Payments, Provider, RecordPaymentCall},
        shipment::{Carrier, Consignment, RecordCarrierCall, Shipping, ShippingCommand, StartShipping},
        simulation::{CallAnswer, Script},
        time::Timestamp,
    },
    store::{OrderFacts, PaymentFacts},
};
use std::sync::Arc;
use uuid::Uuid;

/// Steps from its creation until it is completed.
pub(in crate::audit) const STEPS: usize = 7;

#[derive(Default)]
struct Direct {
    order: Option<Order>,
    payments: Option<Payments>,
    movements: Vec<Movement>,
    shipping: Option<Shipping>,
    now: i64,
}

/// Created, and so many steps later: charge; its answer; the order told; ship; allowed; dispatched; the order told.
pub(in crate::audit) fn after(steps: usize) -> OrderFacts {
    let mut direct = Direct::default();
    let order_id = OrderId::from_uuid(Uuid::from_u128(1));
    direct.tell(&OrderCommand::Create(CreateOrder {
        order_id,
        saga_id: None,
        customer_ref: None,
        currency: Currency::Idr,
        basket: Arc::new(Basket::empty()),
    }));
    (0..steps).for_each(|step| direct.step(step, order_id));
    let Direct { order, payments, movements, shipping, .. } = direct;
    OrderFacts {
        order_id,
        order: order.map(Ok),
        shops: Vec::new(),
        payment: payments.map(|payments| PaymentFacts { payments: Some(Ok(payments)), movements }),
        shipping: shipping.map(Ok),
        stock: None,
        saga: None,
        removed: None,
    }
}

/// Paid, and nothing sent yet.
pub(in crate::audit) fn paid() -> OrderFacts {
    after(3)
}

/// To be sent, and the order asked.
pub(in crate::audit) fn requested() -> OrderFacts {
    after(4)
}

impl Direct {
    fn now(&mut self) -> Timestamp {
        self.now += 1;
        super::START.plus_millis(self.now.unsigned_abs())
    }

    fn tell(&mut self, command: &OrderCommand) {
        let now = self.now();
        Sample::decide(&mut self.order, command, now);
    }

    fn pay(&mut self, command: &PaymentCommand) {
        let now = self.now();
        let (_, movements) = Sample::decide(&mut self.payments, command, now);
        self.movements.extend(movements);
    }

    fn ship(&mut self, command: &ShippingCommand) {
        let now = self.now();
        Sample::decide(&mut self.shipping, command, now);
    }

    fn step(&mut self, step: usize, order_id: OrderId) {
        match step {
            0 => {
                let order = Payable::of(self.order.as_ref().expect("an order"));
                let (payment_id, amount) = (PaymentId::from_uuid(Uuid::from_u128(2)), Amount::parse(1_000));
                let (provider, script) = (Provider::Simulated, Script::default());
                let amount = amount.expect("an amount");
                self.pay(&PaymentCommand::Charge(ChargeDirect { order, payment_id, amount, provider, script }));
            }
            3 => {
                let shipment_id = ShipmentId::from_uuid(Uuid::from_u128(3));
                let script = Script::default();
                let goods = Consignment {
                    order_id,
                    saga_id: None,
                    shipment_id,
                    parcels: Vec::new(),
                    loose: true,
                    named: Vec::new(),
                    carrier: Carrier::Simulated,
                    script,
                    retries: 0,
                };
                self.ship(&ShippingCommand::Start(StartShipping(goods)));
            }
            _ => self.answer(order_id),
        }
    }

    /// The call that is outstanding is made, and answered.
    fn answer(&mut self, order_id: OrderId) {
        if let Some((call, attempts)) = self.payments.as_ref().and_then(|rows| rows.outstanding(0)) {
            let errand = self.payments.as_ref().map(|rows| rows.current().errand(call));
            if let Some(Errand::Order(command)) = errand {
                self.tell(&command);
            }
            let answer = CallAnswer::Done;
            self.pay(&PaymentCommand::Record(RecordPaymentCall { order_id, part: 0, call, attempts, answer }));
        } else if let Some((call, attempts)) = self.shipping.as_ref().and_then(|rows| rows.outstanding(0)) {
            let errand = self.shipping.as_ref().map(|rows| rows.first().errand(call));
            if let Some(Errand::Order(command)) = errand {
                self.tell(&command);
            }
            let answer = CallAnswer::Done;
            self.ship(&ShippingCommand::Record(RecordCarrierCall { order_id, part: 0, call, attempts, answer }));
        }
    }
}
