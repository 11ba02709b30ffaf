//! A direct order under any wishes of its client in any order, with every message between its three owners sent late,
//! twice, or in vain: at no moment are goods out whose money is not held, and once everything is told the three agree.

use super::{
    given::{TOTAL, order_id, payment_id, shipment_id},
    row::Row,
};
use backstitch::domain::{
    aggregate::{Aggregate, Errand, Outgoing as _},
    money::{Amount, Currency},
    order::{Basket, CancelUnpaidOrder, CreateOrder, Goods, Order, OrderCommand, OrderStatus},
    payment::{
        ChargeDirect, MovementKind, Payable, Payment, PaymentCall, PaymentCommand, PaymentStatus, Payments, Provider,
        ProviderCall, RecordPaymentCall, RefundDirect,
    },
    reason::Reason,
    saga::Outcome,
    shipment::{
        CancelShipping, Carrier, CarrierCall, Consignment, RecordCarrierCall, Shipment, ShipmentCall, ShipmentStatus,
        Shipping, ShippingCommand, StartShipping,
    },
    simulation::{CallAnswer, Script},
};
use proptest::prelude::*;
use std::sync::Arc;

/// A call on its way, or its answer on the way back. Neither is ever gone: it may come again.
#[derive(Clone, Debug)]
enum Message {
    AskedOfPayment(PaymentCall, u32),
    AskedOfShipping(ShipmentCall, u32),
    ToPayment(PaymentCommand),
    ToShipping(ShippingCommand),
}

#[derive(Clone, Copy, Debug)]
enum Move {
    Charge,
    /// With what was seen of the goods so many changes ago.
    Refund(usize),
    Ship,
    CallBack,
    Cancel,
    /// An owner makes the call that its row asks for, again, perhaps.
    Call,
    /// What is asked for now is asked and answered, and nothing of before comes again meanwhile.
    Progress,
    /// A message arrives; whoever gets an answer loses it where it is lost.
    Arrive {
        which: usize,
        lost: bool,
    },
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        2 => Just(Move::Charge),
        2 => (0..3_usize).prop_map(Move::Refund),
        2 => Just(Move::Ship),
        2 => Just(Move::CallBack),
        1 => Just(Move::Cancel),
        5 => Just(Move::Call),
        5 => Just(Move::Progress),
        10 => (any::<usize>(), prop::bool::weighted(0.1)).prop_map(|(which, lost)| Move::Arrive { which, lost }),
    ];
    prop::collection::vec(one, 0..120)
}

struct World {
    order: Row<Order>,
    payments: Row<Payments>,
    shipping: Row<Shipping>,
    messages: Vec<Message>,
    /// What a client has seen of the goods, the latest last.
    seen: Vec<Goods>,
    declines: bool,
    refuses: bool,
}

impl World {
    fn new(declines: bool, refuses: bool) -> Self {
        let create = OrderCommand::Create(CreateOrder {
            order_id: order_id(),
            saga_id: None,
            customer_ref: None,
            currency: Currency::Idr,
            basket: Arc::new(Basket::empty()),
        });
        Self {
            order: Row::<Order>::after(&[create]),
            payments: Row::default(),
            shipping: Row::default(),
            messages: Vec::new(),
            seen: vec![Goods::Kept],
            declines,
            refuses,
        }
    }

    fn payment(&self) -> Option<&Payment> {
        self.payments.stored.as_ref().map(Payments::current)
    }

    fn shipment(&self) -> Option<&Shipment> {
        self.shipping.stored.as_ref().map(Shipping::first)
    }

    fn make(&mut self, one: Move) {
        match one {
            Move::Charge => drop(self.payments.send(&PaymentCommand::Charge(charge(self.order.get())))),
            Move::Refund(ago) => {
                let goods = self.seen[self.seen.len().saturating_sub(1 + ago)];
                let refund = RefundDirect { order_id: order_id(), payment_id: payment_id(), goods };
                drop(self.payments.send(&PaymentCommand::GiveBack(refund)));
            }
            Move::Ship if self.order.get().check_shippable().is_ok() || self.shipment().is_some() => {
                drop(self.shipping.send(&ShippingCommand::Start(StartShipping(goods()))));
            }
            Move::CallBack if self.shipment().is_some() => {
                drop(self.shipping.send(&ShippingCommand::Cancel(CancelShipping(goods()))));
            }
            Move::Cancel => {
                drop(self.order.send(&OrderCommand::CancelUnpaid(CancelUnpaidOrder { order_id: order_id() })));
            }
            Move::Call => self.call(),
            Move::Progress => self.progress(),
            Move::Arrive { which, lost } if !self.messages.is_empty() => {
                let message = self.messages[which % self.messages.len()].clone();
                self.arrive(message, lost);
            }
            Move::Ship | Move::CallBack | Move::Arrive { .. } => {}
        }
        self.assert_safe();
    }

    fn call(&mut self) {
        let payment = self.payments.stored.as_ref().and_then(|rows| rows.outstanding(0));
        let shipment = self.shipping.stored.as_ref().and_then(|rows| rows.outstanding(0));
        self.messages.extend(payment.map(|(call, attempts)| Message::AskedOfPayment(call, attempts)));
        self.messages.extend(shipment.map(|(call, attempts)| Message::AskedOfShipping(call, attempts)));
    }

    fn arrive(&mut self, message: Message, lost: bool) {
        let order_id = order_id();
        match message {
            Message::AskedOfPayment(call, attempts) => {
                let answer = match self.payment().expect("who asks is there").errand(call) {
                    Errand::Outside(ProviderCall::Charge) if self.declines => {
                        CallAnswer::Rejected(Reason::PaymentDeclined)
                    }
                    Errand::Outside(_) => CallAnswer::Done,
                    Errand::Order(command) => self.tell(&command),
                };
                let answer = if lost { unknown() } else { answer };
                let record = RecordPaymentCall { order_id, part: 0, call, attempts, answer };
                self.messages.push(Message::ToPayment(PaymentCommand::Record(record)));
            }
            Message::AskedOfShipping(call, attempts) => {
                let answer = match self.shipment().expect("who asks is there").errand(call) {
                    Errand::Outside(CarrierCall::Dispatch) if self.refuses => {
                        CallAnswer::Rejected(Reason::ShippingFailed)
                    }
                    Errand::Outside(_) => CallAnswer::Done,
                    Errand::Order(command) => self.tell(&command),
                };
                let answer = if lost { unknown() } else { answer };
                let record = RecordCarrierCall { order_id, part: 0, call, attempts, answer };
                self.messages.push(Message::ToShipping(ShippingCommand::Record(record)));
            }
            Message::ToPayment(command) => drop(self.payments.send(&command)),
            Message::ToShipping(command) => drop(self.shipping.send(&command)),
        }
    }

    fn tell(&mut self, command: &OrderCommand) -> CallAnswer {
        let answer = match Order::outcome(self.order.send(command)) {
            Outcome::Done { .. } => CallAnswer::Done,
            Outcome::Rejected { reason, .. } => CallAnswer::Rejected(reason),
            other => panic!("an order answers at once, not {other:?}"),
        };
        let goods = self.order.get().goods;
        if self.seen.last() != Some(&goods) {
            self.seen.push(goods);
        }
        answer
    }

    fn assert_safe(&self) {
        let sum = |kind| self.payments.movements.iter().filter(|movement| movement.kind == kind).count();
        let (captured, refunded) = (sum(MovementKind::Capture), sum(MovementKind::Refund));
        assert!(captured <= 1 && refunded <= captured, "{captured} captures, {refunded} refunds");
        let order = self.order.get();
        let out = self.shipment().is_some_and(|shipment| {
            shipment.status == ShipmentStatus::Shipped || shipment.call == Some(ShipmentCall::Dispatch)
        });
        if out {
            let paid = self.payment().map(|payment| payment.status);
            assert_eq!(paid, Some(PaymentStatus::Paid), "goods are out, or about to be, of {order:?}");
            assert!(!order.status.is_closed(), "goods are out of {order:?}");
        }
    }

    fn progress(&mut self) {
        let mut next = self.messages.len();
        self.call();
        while let Some(message) = self.messages.get(next).cloned() {
            next += 1;
            self.arrive(message, false);
            self.assert_safe();
        }
    }

    /// Everything that is asked for is asked, until all is told.
    fn settle(&mut self) {
        (0..20).for_each(|_| self.progress());
    }

    /// Everything that was ever sent comes once more.
    fn repeat_all(&mut self) {
        for message in self.messages.clone() {
            self.arrive(message, false);
            self.assert_safe();
        }
    }

    fn assert_agree(&self) {
        let (order, payment, shipment) = (self.order.get(), self.payment(), self.shipment());
        assert!(payment.is_none_or(|payment| payment.call.is_none()), "{payment:?} still asks");
        assert!(shipment.is_none_or(|shipment| shipment.call.is_none()), "{shipment:?} still asks");
        let shown = format!("{order:?} {payment:?} {shipment:?}");
        match payment.map(|payment| payment.status) {
            None => assert!(matches!(order.status, OrderStatus::Pending | OrderStatus::Cancelled), "{shown}"),
            Some(PaymentStatus::Paid) => {
                assert!(matches!(order.status, OrderStatus::Paid | OrderStatus::Completed), "{shown}");
            }
            Some(PaymentStatus::Failed | PaymentStatus::Refunded) => assert!(order.status.is_closed(), "{shown}"),
            Some(other) => panic!("{} is no end: {shown}", other.as_str()),
        }
        match shipment.map(|shipment| shipment.status) {
            None => assert_eq!(order.goods, Goods::Kept, "{shown}"),
            Some(ShipmentStatus::Shipped) => {
                assert_eq!((order.status, order.goods), (OrderStatus::Completed, Goods::Dispatched), "{shown}");
            }
            Some(ShipmentStatus::Cancelled) => {
                assert!(order.goods == Goods::Returned || order.status.is_closed(), "{shown}");
                assert_ne!(order.status, OrderStatus::Completed, "{shown}");
            }
            Some(ShipmentStatus::Requested) => panic!("nobody asks for it any more: {shown}"),
        }
    }
}

fn unknown() -> CallAnswer {
    CallAnswer::Unknown { happened: true, error: "lost".into() }
}

fn charge(order: &Order) -> ChargeDirect {
    let amount = Amount::parse(TOTAL).expect("a good amount");
    let script = Script::default();
    ChargeDirect { order: Payable::of(order), payment_id: payment_id(), amount, provider: Provider::Simulated, script }
}

fn goods() -> Consignment {
    Consignment {
        order_id: order_id(),
        saga_id: None,
        shipment_id: shipment_id(),
        parcels: Vec::new(),
        loose: true,
        named: Vec::new(),
        carrier: Carrier::Simulated,
        script: Script::default(),
        retries: 0,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn nobody_gets_money_back_and_goods_too_and_in_the_end_all_three_agree(
        moves in moves(),
        declines in prop::bool::weighted(0.2),
        refuses in prop::bool::weighted(0.3),
    ) {
        let mut world = World::new(declines, refuses);
        for one in moves {
            world.make(one);
        }
        world.settle();
        world.assert_agree();
        world.repeat_all();
        world.settle();
        world.assert_agree();
        // Once all is told, whatever was done before is answered as it was, and changes nothing.
        let before = (world.payments.changes, world.shipping.changes);
        if world.payment().is_some() {
            world.make(Move::Charge);
        }
        if world.shipment().is_some() {
            world.make(Move::Ship);
        }
        prop_assert_eq!((world.payments.changes, world.shipping.changes), before);
    }
}
