//! The order participant: owns the orders, moved only by their sagas.

use super::{
    Crash, Perform,
    batch::{Batch, Participant},
    crash::crash,
    deferred::Deferred,
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        order::{Order, OrderCommand},
        saga::StepReply,
    },
    store::{Commands, Executed, OrderStore},
};
use actix::{Actor, Context, Handler, Supervised};
use std::sync::Arc;

/// Performs the checkout's `create_order`, `mark_order_paid`, `complete_order` and `cancel_order`.
pub struct OrderActor {
    store: Arc<dyn OrderStore>,
    status: Arc<ActorStatus>,
    batch: Batch<OrderCommand, Executed<Order>>,
}

impl OrderActor {
    /// An actor over a store.
    pub fn new(store: Arc<dyn OrderStore>, status: Arc<ActorStatus>) -> Self {
        Self { store, status, batch: Batch::default() }
    }
}

impl Actor for OrderActor {
    type Context = Context<Self>;
}

impl Supervised for OrderActor {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.batch = Batch::default();
    }
}

impl Participant for OrderActor {
    type Command = OrderCommand;
    type Answer = Executed<Order>;

    fn batch(&mut self) -> &mut Batch<OrderCommand, Executed<Order>> {
        &mut self.batch
    }

    fn commands(&self) -> &dyn Commands<OrderCommand, Executed<Order>> {
        self.store.as_ref()
    }

    fn status(&self) -> &ActorStatus {
        &self.status
    }
}

impl Handler<Perform<OrderCommand>> for OrderActor {
    type Result = Deferred<Vec<StepReply>>;

    fn handle(&mut self, Perform(commands): Perform<OrderCommand>, ctx: &mut Context<Self>) -> Self::Result {
        self.perform(commands, ctx)
    }
}

impl Handler<Crash> for OrderActor {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}
