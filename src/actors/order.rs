//! The order participant: owns the orders, moved by their sagas, or by their clients where they have none.

use super::{
    Crash, Perform,
    batch::{Batch, Participant},
    crash::crash,
    deferred::{Deferred, deferred},
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        aggregate::Aggregate as _,
        ids::OrderId,
        order::{Order, OrderCommand},
        saga::{Outcome, StepReply},
    },
    store::{Answers, Commands, Executed, Keyed, OrderStore, StoreError},
};
use actix::{Actor, Context, Handler, Message, Supervised};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A client's own command to its direct order, with the idempotency key that it was sent under.
#[derive(Debug, Message)]
#[rtype(result = "Result<OrderAnswered, StoreError>")]
pub struct RequestOrder(pub Keyed<OrderCommand>);

/// What became of a client's command to its order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderAnswered {
    /// The order that it was about: the one that was created first under the command's idempotency key.
    pub order_id: OrderId,
    /// How it went.
    pub outcome: Outcome,
    /// Whether the idempotency key had been used before, so that nothing was done now.
    pub replayed: bool,
}

/// Performs the checkout's `create_order`, `mark_order_paid`, `complete_order` and `cancel_order`, a client's of its
/// direct order, and what payment and shipping have to tell that.
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

impl Handler<RequestOrder> for OrderActor {
    type Result = Deferred<Result<OrderAnswered, StoreError>>;

    fn handle(&mut self, RequestOrder(keyed): RequestOrder, ctx: &mut Context<Self>) -> Self::Result {
        let order_id = Order::order(&keyed.command);
        let (later, reply) = deferred();
        let receive = move |answers: Answers<Executed<Order>>| {
            if let Some(answer) = answers.into_iter().next() {
                reply.send(answer.map(|executed| answered(order_id, executed)));
            }
        };
        self.submit([keyed], receive, ctx);
        later
    }
}

fn answered(order_id: OrderId, executed: Executed<Order>) -> OrderAnswered {
    match executed {
        Executed::Decided(outcome) => OrderAnswered { order_id, outcome, replayed: false },
        Executed::Replayed { rows, .. } => {
            let order_id = rows.map_or(order_id, |order| order.id);
            OrderAnswered { order_id, outcome: Outcome::DONE, replayed: true }
        }
    }
}

impl Handler<Crash> for OrderActor {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}
