//! Genuine facts for the rules' tests: a checkout run by the domain, without a store.

pub(super) mod direct;
mod shop;

use super::{Report, case::Case, checks, judge};
use crate::{
    domain::{
        aggregate::Aggregate,
        checkout::{self, Checkout, CheckoutEvent, CheckoutSaga, Command, Edit},
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::{Basket, LineDraft, Order},
        payment::{Movement, Payment, PaymentCommand, Payments, Provider, SettlePayment, Settlement},
        saga::Next,
        shipment::{Carrier, Shipment, Shipping},
        simulation::{Fault, Script, Simulation},
        stock::Reservation,
        time::Timestamp,
    },
    store::{LogEntry, OrderFacts, PaymentFacts, SagaRow, StockFacts, StoredSaga},
};
use shop::Shop;
use std::sync::Arc;
use uuid::Uuid;

const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

/// A checkout and what its participants have stored of it.
pub(super) struct Sample {
    pub(super) saga: CheckoutSaga,
    now: Timestamp,
    entries: Vec<(u32, LogEntry)>,
    order: Option<Order>,
    payment: Option<Payments>,
    movements: Vec<Movement>,
    shipping: Option<Shipping>,
    shop: Shop,
}

impl Sample {
    /// Of free-text lines.
    pub(super) fn begin(provider: Provider, simulate: Simulation) -> Self {
        let line = |quantity, price| LineDraft { item_name: "Kopi".into(), quantity, price };
        let basket = Basket::parse(vec![line(2, 85_000), line(1, 30_000)], |_, field| field.into());
        Self::of(basket.expect("a basket"), provider, simulate)
    }

    /// Of a shop's goods, from two warehouses, and a free-text line.
    pub(super) fn stocked(provider: Provider, simulate: Simulation) -> Self {
        Self::of(shop::basket(), provider, simulate)
    }

    fn of(basket: Basket, provider: Provider, simulate: Simulation) -> Self {
        let checkout = Checkout {
            order_id: OrderId::from_uuid(Uuid::from_u128(1)),
            payment_id: PaymentId::from_uuid(Uuid::from_u128(2)),
            shipment_id: ShipmentId::from_uuid(Uuid::from_u128(3)),
            customer_ref: None,
            currency: Currency::Idr,
            basket: Arc::new(basket),
            revision: 0,
            provider,
            deadline_ms: 60_000,
            carrier: Carrier::Simulated,
            simulate,
        };
        let id = SagaId::from_uuid(Uuid::from_u128(4));
        let (saga, events) = checkout::begin(id, Arc::new(checkout), START);
        let mut sample = Self {
            saga,
            now: START,
            entries: Vec::new(),
            order: None,
            payment: None,
            movements: Vec::new(),
            shipping: None,
            shop: Shop::open(),
        };
        sample.log(events);
        sample
    }

    /// Appends events that have been applied to the saga.
    pub(super) fn log(&mut self, events: Vec<CheckoutEvent>) {
        if !events.is_empty() {
            let seq = self.saga.events() - u32::try_from(events.len()).expect("a few events");
            self.entries.push((seq, LogEntry { at: self.now, node: "test".into(), events }));
        }
    }

    fn decide<A: Aggregate>(
        row: &mut Option<A>,
        command: &A::Command,
        now: Timestamp,
    ) -> (A::Answer, Vec<A::Movement>) {
        let decision = A::decide(row.as_ref(), command, now);
        *row = decision.row.or(row.take());
        (decision.answer, decision.movements)
    }

    pub(super) fn pay(&mut self, command: &PaymentCommand) -> <Payments as Aggregate>::Answer {
        let (answer, movements) = Self::decide(&mut self.payment, command, self.now);
        self.movements.extend(movements);
        answer
    }

    /// Sends the next task, or lets the time pass that the saga waits for. False when there is
    /// nothing to do.
    fn step(&mut self) -> bool {
        self.now = self.now.plus_millis(1);
        let events = match self.saga.next() {
            Next::Run(tasks) => {
                let task = tasks[0];
                let outcome = match checkout::command(&self.saga, task.action).expect("a log that says all") {
                    Command::Order(command) => Order::outcome(Self::decide(&mut self.order, &command, self.now).0),
                    Command::Stock(command) => self.shop.send(&command, self.now),
                    Command::Payment(command) => self.pay(&command).outcome,
                    Command::Shipping(command) => {
                        Shipping::outcome(Self::decide(&mut self.shipping, &command, self.now).0)
                    }
                };
                self.saga.outcome(task.step, outcome, self.now, 0.5)
            }
            Next::Wait(Some(until)) => {
                self.now = until;
                self.saga.wake(until)
            }
            Next::Wait(None) | Next::Rest => return false,
        };
        self.log(events.expect("a possible event"));
        true
    }

    pub(super) fn steps(mut self, count: usize) -> Self {
        for _ in 0..count {
            assert!(self.step(), "it rests early");
        }
        self
    }

    pub(super) fn finished(mut self) -> Self {
        while self.step() {}
        self
    }

    /// What is stored of it now.
    pub(super) fn facts(&self) -> OrderFacts {
        let checkout = self.saga.input();
        let summary = self.saga.summary();
        let row = SagaRow {
            id: self.saga.id(),
            order_id: checkout.order_id,
            definition: self.saga.definition().name().into(),
            version: self.saga.definition().version(),
            status: summary.status,
            waiting_for: summary.waiting_for.map(Into::into),
            reason: summary.reason,
            attention: summary.attention,
            wake_at: match self.saga.next() {
                Next::Wait(until) => until.or(Some(self.now)),
                _ => None,
            },
            created_at: START,
            updated_at: self.now,
            finished_at: summary.status.is_at_rest().then_some(self.now),
        };
        let json = |entry: &LogEntry| serde_json::to_string(entry).expect("an entry");
        let entries = self.entries.iter().map(|(seq, entry)| (*seq, json(entry))).collect();
        let payment = self.payment.clone().map(Ok);
        let reservation = self.shop.reservation.clone().map(Ok);
        OrderFacts {
            order_id: checkout.order_id,
            order: self.order.clone().map(Ok),
            shops: self.order.iter().flat_map(|order| order.basket.shop_orders()).map(|part| part.shop_id).collect(),
            payment: payment.map(|rows| PaymentFacts { payments: Some(rows), movements: self.movements.clone() }),
            shipping: self.shipping.clone().map(Ok),
            stock: reservation.map(|row| StockFacts { reservation: Some(row), movements: self.shop.movements.clone() }),
            saga: Some(Ok(StoredSaga { row, entries })),
            removed: None,
        }
    }
}

/// Paid and shipped.
pub(super) fn completed() -> OrderFacts {
    Sample::begin(Provider::Simulated, Simulation::default()).finished().facts()
}

/// Paid and shipped, of a shop's goods.
pub(super) fn delivered() -> OrderFacts {
    Sample::stocked(Provider::Simulated, Simulation::default()).finished().facts()
}

/// Paid, not shipped, refunded, and given back to the shop.
pub(super) fn given_back() -> OrderFacts {
    let fails = Script { fault: Some(Fault::Reject), delay_ms: 0 };
    Sample::stocked(Provider::Simulated, Simulation { shipping: fails, ..Simulation::default() }).finished().facts()
}

/// Paid, not shipped, refunded.
pub(super) fn compensated() -> OrderFacts {
    let fails = Script { fault: Some(Fault::Reject), delay_ms: 0 };
    Sample::begin(Provider::Simulated, Simulation { shipping: fails, ..Simulation::default() }).finished().facts()
}

/// Ordered, waiting for its payment.
pub(super) fn waiting() -> OrderFacts {
    Sample::begin(Provider::Manual, Simulation::default()).steps(2).facts()
}

/// Ordered, held for an amendment, and money came for the old lines meanwhile.
pub(super) fn held() -> OrderFacts {
    being_edited().facts()
}

/// As [`held`], and then the payment for the new lines was opened: the money is on its way back.
pub(super) fn edited() -> OrderFacts {
    // The reservation is replaced, the order amended, the payment asked for.
    being_edited().steps(3).facts()
}

pub(super) fn being_edited_as_far_as(steps: usize) -> Sample {
    being_edited().steps(steps)
}

/// Its customer cancels when the order has its new lines already.
pub(super) fn cancelled_while_edited() -> OrderFacts {
    let mut sample = being_edited().steps(2);
    // AmendOrder was performed; its answer comes after the cancellation. Here: the saga turns before Process is sent.
    let events = checkout::cancel(&mut sample.saga, crate::domain::saga::CancelBy::Customer, None, sample.now);
    sample.log(events.expect("not paid"));
    sample.finished().facts()
}

fn being_edited() -> Sample {
    let mut sample = Sample::begin(Provider::Manual, Simulation::default()).steps(2);
    let input = sample.saga.input();
    let (order_id, payment_id) = (input.order_id, input.payment_id);
    let basket = Basket::parse(vec![LineDraft { item_name: "Teh".into(), quantity: 1, price: 1 }], |_, f| f.into());
    let edit =
        Edit { payment_id: PaymentId::from_uuid(Uuid::from_u128(5)), basket: Arc::new(basket.expect("a basket")) };
    let events = checkout::edit(&mut sample.saga, &edit, sample.now).expect("it waits for its money");
    sample.log(events);
    sample = sample.steps(1);
    let paid = SettlePayment::trusted(order_id, payment_id, Settlement::Success);
    assert!(sample.pay(&PaymentCommand::Settle(paid)).result.is_ok());
    sample
}

/// The deadline passed, the order failed, and then the money came.
pub(super) fn paid_late() -> OrderFacts {
    let mut sample = Sample::begin(Provider::Manual, Simulation::default()).finished();
    let input = sample.saga.input();
    let settle = SettlePayment::trusted(input.order_id, input.payment_id, Settlement::Success);
    assert!(sample.pay(&PaymentCommand::Settle(settle)).result.is_ok());
    sample.facts()
}

pub(super) fn order(facts: &mut OrderFacts) -> &mut Order {
    facts.order.as_mut().expect("an order").as_mut().expect("a readable one")
}

pub(super) fn payments(facts: &mut OrderFacts) -> &mut Payments {
    let payments = facts.payment.as_mut().expect("payment facts").payments.as_mut();
    payments.expect("a payment").as_mut().expect("a readable one")
}

pub(super) fn payment(facts: &mut OrderFacts) -> &mut Payment {
    payments(facts).current_mut()
}

pub(super) fn movements(facts: &mut OrderFacts) -> &mut Vec<Movement> {
    &mut facts.payment.as_mut().expect("payment facts").movements
}

pub(super) fn shipment(facts: &mut OrderFacts) -> &mut Shipment {
    facts.shipping.as_mut().expect("a shipment").as_mut().expect("a readable one").first_mut()
}

pub(super) fn reservation(facts: &mut OrderFacts) -> &mut Reservation {
    let reservation = facts.stock.as_mut().expect("stock facts").reservation.as_mut();
    reservation.expect("a reservation").as_mut().expect("a readable one")
}

pub(super) fn stored(facts: &mut OrderFacts) -> &mut StoredSaga {
    facts.saga.as_mut().expect("a saga").as_mut().expect("a readable one")
}

/// Writes the log anew, in one entry, with other events.
pub(super) fn rewrite(facts: &mut OrderFacts, change: impl FnOnce(&mut Vec<CheckoutEvent>)) {
    let stored = stored(facts);
    let log = stored.log().expect("a readable log");
    let mut events = log.into_iter().flat_map(|(_, entry)| entry.events).collect();
    change(&mut events);
    let entry = LogEntry { at: START, node: "test".into(), events };
    stored.entries = vec![(0, serde_json::to_string(&entry).expect("an entry"))];
}

/// What every rule says of these facts, some time after they came about.
pub(super) fn report(facts: &OrderFacts) -> Report {
    let mut report = Report::of(checks::RULES.iter().map(|rule| rule.name));
    judge(&mut report, &Case::new(facts, START.plus_millis(100_000)));
    report
}

/// The checks that these facts turn red.
pub(super) fn red(facts: &OrderFacts) -> Vec<&'static str> {
    report(facts).checks.iter().filter(|check| check.violations > 0).map(|check| check.name).collect()
}

/// Whether a check applies to these facts.
pub(super) fn applies(name: &str, facts: &OrderFacts) -> bool {
    report(facts).checks.iter().any(|check| check.name == name && check.checked == 1)
}
