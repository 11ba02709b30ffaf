//! Orders that their client drives itself.

use super::World;
use backstitch::{
    domain::{
        aggregate::Errand,
        ids::{OrderId, PaymentId, ShipmentId},
        money::{Amount, Currency},
        order::{Basket, CreateOrder, Goods, OrderCommand},
        payment::{ChargeDirect, Payable, PaymentCommand, Provider, ProviderCall, RecordPaymentCall, RefundDirect},
        reason::Reason,
        saga::Outcome,
        shipment::{
            CancelShipping, Carrier, CarrierCall, Consignment, RecordCarrierCall, Shipping, ShippingCommand,
            StartShipping,
        },
        simulation::{CallAnswer, Script},
    },
    store::Executed,
};
use std::sync::Arc;
use uuid::Uuid;

/// How far a client goes with its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Until {
    Created,
    Declined,
    Paid,
    Shipped,
    /// Shipped, and called back.
    Returned,
}

impl World {
    /// Every way that a client can go with its order, and a step that the order has not heard of yet.
    pub(super) async fn every_direct_story(&self) {
        for until in [Until::Created, Until::Declined, Until::Paid, Until::Shipped, Until::Returned] {
            self.direct_order(until).await;
        }
        for (until, goods) in [(Until::Paid, Goods::Kept), (Until::Returned, Goods::Returned)] {
            let (order_id, payment_id) = self.direct_order(until).await;
            self.pay(PaymentCommand::GiveBack(RefundDirect { order_id, payment_id, goods })).await;
            self.answer_all(order_id, false).await;
        }
        let (order_id, _) = self.direct_order(Until::Paid).await;
        self.ship(ShippingCommand::Start(StartShipping(consignment(order_id)))).await;
    }

    /// An order that its client has driven as far as that: its id and its payment's.
    pub(crate) async fn direct_order(&self, until: Until) -> (OrderId, PaymentId) {
        let (order_id, payment_id) = (OrderId::from_uuid(Uuid::now_v7()), PaymentId::from_uuid(Uuid::now_v7()));
        let (customer_ref, currency, basket) = (None, Currency::Idr, Arc::new(Basket::empty()));
        self.tell_order(OrderCommand::Create(CreateOrder { order_id, saga_id: None, customer_ref, currency, basket }))
            .await;
        if until > Until::Created {
            let order = self.store.orders.order(order_id).await.expect("an answer").expect("the order");
            let (order, provider, script) = (Payable::of(&order), Provider::Simulated, Script::default());
            let amount = Amount::parse(170_000).expect("an amount");
            self.pay(PaymentCommand::Charge(ChargeDirect { order, payment_id, amount, provider, script })).await;
            self.answer_all(order_id, until == Until::Declined).await;
        }
        if until >= Until::Shipped {
            self.ship(ShippingCommand::Start(StartShipping(consignment(order_id)))).await;
            self.answer_all(order_id, false).await;
        }
        if until == Until::Returned {
            self.ship(ShippingCommand::Cancel(CancelShipping(consignment(order_id)))).await;
            self.answer_all(order_id, false).await;
        }
        (order_id, payment_id)
    }

    async fn tell_order(&self, command: OrderCommand) -> CallAnswer {
        match self.store.orders.execute(vec![command.into()]).await.remove(0) {
            Ok(Executed::Decided(Outcome::Done { .. })) => CallAnswer::Done,
            Ok(Executed::Decided(Outcome::Rejected { reason, .. })) => CallAnswer::Rejected(reason),
            other => panic!("{other:?}"),
        }
    }

    /// Makes every call that an order's payment and shipment ask for.
    async fn answer_all(&self, order_id: OrderId, declined: bool) {
        while let Some((payment, call)) = {
            let payment = self.store.payments.payment_of(order_id).await.expect("an answer");
            payment.and_then(|payment| payment.call.map(|call| (payment, call)))
        } {
            let answer = match payment.errand(call) {
                Errand::Outside(ProviderCall::Charge) if declined => CallAnswer::Rejected(Reason::PaymentDeclined),
                Errand::Outside(_) => CallAnswer::Done,
                Errand::Order(command) => self.tell_order(command).await,
            };
            let attempts = payment.attempts;
            self.pay(PaymentCommand::Record(RecordPaymentCall { order_id, part: 0, call, attempts, answer })).await;
        }
        while let Some((shipment, call)) = {
            let shipping = self.store.shipments.shipping_of(order_id).await.expect("an answer");
            let shipment = shipping.as_ref().map(Shipping::first).cloned();
            shipment.and_then(|shipment| shipment.call.map(|call| (shipment, call)))
        } {
            let answer = match shipment.errand(call) {
                Errand::Outside(CarrierCall::Dispatch | CarrierCall::Recall) => CallAnswer::Done,
                Errand::Order(command) => self.tell_order(command).await,
            };
            let attempts = shipment.attempts;
            self.ship(ShippingCommand::Record(RecordCarrierCall { order_id, part: 0, call, attempts, answer })).await;
        }
    }
}

fn consignment(order_id: OrderId) -> Consignment {
    let shipment_id = ShipmentId::from_uuid(Uuid::now_v7());
    Consignment {
        order_id,
        saga_id: None,
        shipment_id,
        parcels: Vec::new(),
        loose: true,
        named: Vec::new(),
        carrier: Carrier::Simulated,
        script: Script::default(),
        retries: 0,
    }
}
