//! What the actors do, one saga and one step at a time.

use super::{Driven, Placed, World};
use backstitch::{
    clock,
    domain::{
        aggregate::{Aggregate, Outgoing},
        checkout::{self, Checkout, CheckoutEvent, CheckoutSaga, Command},
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::{Basket, LineDraft, Order},
        payment::{PaymentAnswer, PaymentCall, PaymentCommand, Payments, Provider, RecordPaymentCall},
        saga::{Next, Outcome},
        shipment::{Carrier, RecordCarrierCall, ShipmentCall, Shipping, ShippingCommand},
        simulation::{CallAnswer, Simulation},
        stock::StockAnswer,
    },
    store::{
        Append, Executed, LogEntry, RowUpdate, SagaCommand, SagaRow, StartSaga, StockReply, StockRequest, StoreError,
    },
};
use std::sync::Arc;
use uuid::Uuid;

impl World {
    /// Of free-text lines.
    pub(super) async fn begin(&self, provider: Provider, deadline_ms: u64, simulate: Simulation) -> Driven {
        let line = |quantity, price| LineDraft { item_name: "Kopi Gayo".into(), quantity, price };
        let basket = Basket::parse(vec![line(2, 85_000), line(1, 30_000)], |_, field| field.into());
        self.begin_of(basket.expect("a basket"), provider, deadline_ms, simulate).await
    }

    pub(super) async fn begin_of(
        &self,
        basket: Basket,
        provider: Provider,
        deadline_ms: u64,
        simulate: Simulation,
    ) -> Driven {
        let checkout = Checkout {
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
            customer_ref: None,
            currency: Currency::Idr,
            basket: Arc::new(basket),
            revision: 0,
            provider,
            deadline_ms,
            carrier: Carrier::Simulated,
            simulate,
        };
        let (now, order_id) = (clock::now(), checkout.order_id);
        let id = SagaId::from_uuid(Uuid::now_v7());
        let (saga, events) = checkout::begin(id, Arc::new(checkout), now);
        let row = SagaRow {
            id,
            order_id,
            definition: saga.definition().name().into(),
            version: saga.definition().version(),
            status: saga.summary().status,
            waiting_for: None,
            reason: None,
            attention: None,
            wake_at: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        };
        let entry = LogEntry { at: now, node: "test".into(), events };
        self.log(SagaCommand::Start(Box::new(StartSaga { row, entry, claim: None }))).await;
        Driven { saga, now }
    }

    /// Sends the next task, or lets the time pass that the saga waits for, or answers an outside
    /// call. False when there is nothing to do.
    pub(super) async fn step(&self, driven: &mut Driven) -> bool {
        let events = match driven.saga.next() {
            Next::Run(tasks) => {
                let outcome = self.send(&driven.saga, tasks[0].action).await;
                driven.saga.outcome(tasks[0].step, outcome, driven.now, 0.5)
            }
            Next::Rest => return false,
            Next::Wait(until) => {
                if let Some(task) = driven.saga.waiting_tasks().first().copied()
                    && self.answer_outside(driven.placed().order_id).await
                {
                    let outcome = self.send(&driven.saga, task.action).await;
                    driven.saga.outcome(task.step, outcome, driven.now, 0.5)
                } else {
                    driven.now = until.expect("it waits for a time");
                    driven.saga.wake(driven.now)
                }
            }
        };
        self.append(driven, events.expect("possible")).await;
        true
    }

    pub(super) async fn append(&self, driven: &Driven, events: Vec<CheckoutEvent>) {
        let (saga, at) = (&driven.saga, driven.now);
        let wake_at = match saga.next() {
            Next::Wait(until) => until.or(Some(at.plus_millis(2_000))),
            Next::Run(_) | Next::Rest => None,
        };
        let Placed { order_id, saga_id } = driven.placed();
        let seq = saga.events() - u32::try_from(events.len()).expect("a few events");
        let entry = LogEntry { at, node: "test".into(), events };
        let row = Some(RowUpdate { summary: saga.summary(), wake_at });
        self.log(SagaCommand::Append(Box::new(Append { saga_id, order_id, seq, entry, row, claim: None }))).await;
    }

    pub(super) async fn log(&self, command: SagaCommand) {
        self.store.sagas.execute(vec![command]).await.remove(0).expect("it is stored");
    }

    pub(super) async fn send(&self, saga: &CheckoutSaga, verb: checkout::Verb) -> Outcome {
        match checkout::command(saga, verb).expect("a log that says all") {
            Command::Order(command) => {
                decided::<Order>(self.store.orders.execute(vec![command.into()]).await.remove(0))
            }
            Command::Stock(command) => self.stock(StockRequest::Step(command)).await.expect("a step").outcome,
            Command::Payment(command) => self.pay(command).await.outcome,
            Command::Shipping(command) => self.ship(command).await,
        }
    }

    pub(super) async fn pay(&self, command: PaymentCommand) -> PaymentAnswer {
        decided::<Payments>(self.store.payments.execute(vec![command.into()]).await.remove(0))
    }

    /// What the stock answers to a step; a change by hand has none.
    pub(super) async fn stock(&self, request: StockRequest) -> Option<StockAnswer> {
        match self.store.stock.execute(vec![request.into()]).await.remove(0) {
            Ok(StockReply::Step(answer)) => Some(answer),
            Ok(StockReply::Change(Ok(_))) => None,
            Ok(StockReply::Change(Err(refusal))) => panic!("{refusal}"),
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) async fn ship(&self, command: ShippingCommand) -> Outcome {
        decided::<Shipping>(self.store.shipments.execute(vec![command.into()]).await.remove(0)).outcome
    }

    /// Answers the outside call that is open for an order, well. False when there is none.
    pub(super) async fn answer_outside(&self, order_id: OrderId) -> bool {
        let shipping = self.store.shipments.shipping_of(order_id).await.expect("an answer");
        let shipments = shipping.iter().flat_map(Shipping::shipments).enumerate();
        let calls: Vec<_> = shipments.filter_map(|(part, shipment)| Some((part, shipment.call?))).collect();
        let charged = self.answer_provider(order_id, PaymentCall::Charge).await;
        let refunded = self.answer_provider(order_id, PaymentCall::Refund).await;
        for (part, call) in &calls {
            self.answer_carrier(order_id, *part, *call).await;
        }
        charged || refunded || !calls.is_empty()
    }

    /// The provider has done what it was asked for any of the order's payments. False when it was not asked.
    pub(super) async fn answer_provider(&self, order_id: OrderId, call: PaymentCall) -> bool {
        let all = self.store.payments.outstanding_payments(None, 1_000).await.expect("an answer");
        let payments = all.iter().filter(|payments| payments.order_id() == order_id);
        let asked = payments.flat_map(|payments| payments.all().enumerate());
        let parts: Vec<_> = asked.filter(|(_, payment)| payment.call == Some(call)).map(|(part, _)| part).collect();
        for part in &parts {
            let record = RecordPaymentCall { order_id, part: *part, call, attempts: 0, answer: CallAnswer::Done };
            self.pay(PaymentCommand::Record(record)).await;
        }
        !parts.is_empty()
    }

    pub(super) async fn answer_carrier(&self, order_id: OrderId, part: usize, call: ShipmentCall) {
        let record = RecordCarrierCall { order_id, part, call, attempts: 0, answer: CallAnswer::Done };
        self.ship(ShippingCommand::Record(record)).await;
    }
}

fn decided<A: Aggregate>(executed: Result<Executed<A>, StoreError>) -> A::Answer {
    match executed {
        Ok(Executed::Decided(answer)) => answer,
        Ok(Executed::Replayed { .. }) => panic!("no key was given"),
        Err(error) => panic!("{error}"),
    }
}
