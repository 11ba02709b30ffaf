//! The shipping participant: owns the shipments and the calls to the carrier.

use super::{
    Crash, Perform,
    batch::{Batch, Participant},
    calls::{CallAnswered, Caller, Calls, Panicked, TakeOverCalls, WhenSettled, tell},
    coordinator::SignalTarget,
    crash::crash,
    deferred::{Deferred, deferred},
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        aggregate::Errand,
        ids::OrderId,
        order::OrderCommand,
        saga::StepReply,
        shipment::{RecordCarrierCall, ShipmentCall, Shipping, ShippingAnswer, ShippingCommand, StartShipping},
        simulation::CallAnswer,
    },
    providers::Providers,
    store::{Answers, Commands, Executed, Keyed, ShipmentStore, StoreError},
};
use actix::{Actor, Context, Handler, Message, MessageResult, Recipient, Supervised};
use futures::future::BoxFuture;
use std::sync::Arc;

/// A client's own command to the shipment of its direct order: to start or to cancel it.
#[derive(Debug, Message)]
#[rtype(result = "Result<Shipping, StoreError>")]
pub struct ShipDirect(pub ShippingCommand);

/// Performs the checkout's `start_shipping` and `cancel_shipping`, and a client's of its direct order.
pub struct ShippingActor {
    store: Arc<dyn ShipmentStore>,
    providers: Providers,
    coordinator: SignalTarget,
    orders: Recipient<Perform<OrderCommand>>,
    status: Arc<ActorStatus>,
    batch: Batch<ShippingCommand, Executed<Shipping>>,
    calls: Calls<ShipmentCall>,
    panicked: Panicked,
}

impl ShippingActor {
    /// An actor over a store, which tells `coordinator` when a waiting shipment has a result, and `orders` how the
    /// shipment of a direct order went.
    pub fn new(
        store: Arc<dyn ShipmentStore>,
        providers: Providers,
        coordinator: SignalTarget,
        orders: Recipient<Perform<OrderCommand>>,
        status: Arc<ActorStatus>,
    ) -> Self {
        Self {
            store,
            providers,
            coordinator,
            orders,
            status,
            batch: Batch::default(),
            calls: Calls::default(),
            panicked: Panicked::default(),
        }
    }
}

impl Actor for ShippingActor {
    type Context = Context<Self>;

    /// Also called after every restart.
    fn started(&mut self, ctx: &mut Context<Self>) {
        self.scan(ctx);
    }
}

impl Supervised for ShippingActor {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.batch = Batch::default();
        self.calls = Calls::default();
    }
}

impl Participant for ShippingActor {
    type Command = ShippingCommand;
    type Answer = Executed<Shipping>;

    fn batch(&mut self) -> &mut Batch<ShippingCommand, Executed<Shipping>> {
        &mut self.batch
    }

    fn commands(&self) -> &dyn Commands<ShippingCommand, Executed<Shipping>> {
        self.store.as_ref()
    }

    fn status(&self) -> &ActorStatus {
        &self.status
    }

    fn committed(&mut self, answers: &Answers<Executed<Shipping>>, ctx: &mut Context<Self>) {
        self.follow_up(answers, ctx);
    }
}

impl Caller<Shipping> for ShippingActor {
    fn calls(&mut self) -> &mut Calls<ShipmentCall> {
        &mut self.calls
    }

    fn call(
        &self,
        call: ShipmentCall,
        shipping: &Shipping,
        part: usize,
        repeat: bool,
    ) -> BoxFuture<'static, CallAnswer> {
        let shipment = &shipping.shipments()[part];
        match shipment.errand(call) {
            Errand::Outside(call) => self.providers.carrier(shipment.carrier).call(call, shipment, repeat),
            Errand::Order(command) => tell(&self.orders, command),
        }
    }

    fn outstanding(&self, after: Option<OrderId>, limit: u32) -> BoxFuture<'static, Result<Vec<Shipping>, StoreError>> {
        self.store.outstanding_shipping(after, limit)
    }

    fn coordinator(&self) -> &SignalTarget {
        &self.coordinator
    }
}

impl Handler<Perform<ShippingCommand>> for ShippingActor {
    type Result = Deferred<Vec<StepReply>>;

    fn handle(&mut self, Perform(commands): Perform<ShippingCommand>, ctx: &mut Context<Self>) -> Self::Result {
        let scripts = commands.iter().filter_map(|command| match command {
            ShippingCommand::Start(StartShipping(goods)) => Some((goods.order_id, goods.script)),
            _ => None,
        });
        self.panicked.check(scripts, &self.status.injected);
        self.perform(commands, ctx)
    }
}

impl Handler<ShipDirect> for ShippingActor {
    type Result = Deferred<Result<Shipping, StoreError>>;

    fn handle(&mut self, ShipDirect(command): ShipDirect, ctx: &mut Context<Self>) -> Self::Result {
        if let ShippingCommand::Start(StartShipping(goods)) = &command {
            self.panicked.check(std::iter::once((goods.order_id, goods.script)), &self.status.injected);
        }
        let (later, reply) = deferred();
        let receive = move |answers: Answers<Executed<Shipping>>| {
            if let Some(answer) = answers.into_iter().next() {
                reply.send(answer.and_then(shipping_of));
            }
        };
        self.submit([Keyed::from(command)], receive, ctx);
        later
    }
}

/// The shipments that a command was about, as they are now.
fn shipping_of(answer: Executed<Shipping>) -> Result<Shipping, StoreError> {
    let (Executed::Decided(ShippingAnswer { shipping: rows, .. }) | Executed::Replayed { rows, .. }) = answer;
    rows.ok_or_else(|| StoreError::Refused("the order has no shipment".into()))
}

impl Handler<WhenSettled> for ShippingActor {
    type Result = MessageResult<WhenSettled>;

    fn handle(&mut self, WhenSettled(order): WhenSettled, _ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(self.calls.settled(order))
    }
}

impl Handler<TakeOverCalls> for ShippingActor {
    type Result = ();

    fn handle(&mut self, _: TakeOverCalls, ctx: &mut Context<Self>) {
        self.scan(ctx);
    }
}

impl Handler<CallAnswered<ShipmentCall>> for ShippingActor {
    type Result = Deferred<()>;

    fn handle(&mut self, answered: CallAnswered<ShipmentCall>, ctx: &mut Context<Self>) -> Self::Result {
        let CallAnswered { order_id, part, call, attempts, answer } = answered;
        self.take_in(ShippingCommand::Record(RecordCarrierCall { order_id, part, call, attempts, answer }), ctx)
    }
}

impl Handler<Crash> for ShippingActor {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}
