//! Orders that are edited before they are paid, and the money that comes for their old lines.

use super::{Driven, Placed, World};
use backstitch::domain::{
    checkout::{self, Edit},
    ids::PaymentId,
    order::{Basket, LineDraft},
    payment::{PaymentCommand, Provider, SettlePayment, Settlement},
    saga::{Next, Status},
    simulation::Simulation,
};
use std::sync::Arc;
use uuid::Uuid;

impl World {
    /// Every way in which an order's edits can go.
    pub(super) async fn every_story_of_edits(&self) -> Vec<(Placed, Status)> {
        vec![
            (self.being_edited().await.placed(), Status::Running),
            (self.edited_order().await, Status::Waiting),
            (self.edited_twice_and_paid(true).await, Status::Completed),
            (self.edited_twice_and_paid(false).await, Status::Compensated),
            (self.edited_and_cancelled().await, Status::Compensated),
        ]
    }

    /// An order that has been edited and waits for its money; what came for its old lines is on its way back.
    pub(crate) async fn edited_order(&self) -> Placed {
        let mut driven = self.being_edited().await;
        self.until_it_waits(&mut driven).await;
        driven.placed()
    }

    /// Held, and the money for the old lines came meanwhile.
    async fn being_edited(&self) -> Driven {
        let mut driven = self.begin(Provider::Manual, 60_000, Simulation::default()).await;
        self.until_it_waits(&mut driven).await;
        self.edit(&mut driven, 1).await;
        self.step(&mut driven).await;
        self.settle(&driven, driven.saga.input().payment_id, Settlement::Success).await;
        driven
    }

    /// Money comes for each of its revisions, the last one's first; or that one fails.
    async fn edited_twice_and_paid(&self, is_paid: bool) -> Placed {
        let mut driven = self.begin(Provider::Manual, 60_000, Simulation::default()).await;
        let mut payments = Vec::new();
        for quantity in 1..=3 {
            self.until_it_waits(&mut driven).await;
            payments.push(driven.saga.input().payment_id);
            if quantity < 3 {
                self.edit(&mut driven, quantity).await;
            }
        }
        let last = if is_paid { Settlement::Success } else { Settlement::Failed };
        for (back, payment) in payments.into_iter().rev().enumerate() {
            self.settle(&driven, payment, if back == 0 { last } else { Settlement::Success }).await;
        }
        // The saga asks again.
        let task = driven.saga.waiting_tasks()[0];
        let outcome = self.send(&driven.saga, task.action).await;
        let events = driven.saga.outcome(task.step, outcome, driven.now, 0.5).expect("possible");
        self.append(&driven, events).await;
        while self.step(&mut driven).await {}
        self.answer_outside(driven.placed().order_id).await;
        driven.placed()
    }

    async fn edited_and_cancelled(&self) -> Placed {
        let mut driven = self.being_edited().await;
        self.until_it_waits(&mut driven).await;
        self.cancel(&mut driven).await;
        driven.placed()
    }

    async fn until_it_waits(&self, driven: &mut Driven) {
        while !matches!(driven.saga.next(), Next::Wait(_)) {
            self.step(driven).await;
        }
    }

    /// So many pieces of something else are wanted instead.
    async fn edit(&self, driven: &mut Driven, quantity: i64) {
        let line = LineDraft { item_name: "Teh Kayu Aro".into(), quantity, price: 25_000 };
        let basket = Arc::new(Basket::parse(vec![line], |_, field| field.into()).expect("a basket"));
        let edit = Edit { payment_id: PaymentId::from_uuid(Uuid::now_v7()), basket };
        let events = checkout::edit(&mut driven.saga, &edit, driven.now).expect("it waits for its money");
        self.append(driven, events).await;
    }

    async fn settle(&self, driven: &Driven, payment_id: PaymentId, settlement: Settlement) {
        let order_id = driven.placed().order_id;
        let settle = SettlePayment::trusted(order_id, payment_id, settlement);
        assert!(self.pay(PaymentCommand::Settle(settle)).await.result.is_ok());
    }
}
