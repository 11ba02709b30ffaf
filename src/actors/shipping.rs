//! The shipping participant: owns the shipments and the calls to the carrier.

use super::{
    Crash, Perform,
    batch::{Batch, Participant},
    calls::{CallAnswered, Caller, Calls, Panicked, TakeOverCalls},
    coordinator::SignalTarget,
    crash::crash,
    deferred::Deferred,
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        ids::OrderId,
        saga::StepReply,
        shipment::{CarrierCall, RecordCarrierCall, Shipping, ShippingCommand, StartShipping},
        simulation::CallAnswer,
    },
    providers::Providers,
    store::{Answers, Commands, Executed, ShipmentStore, StoreError},
};
use actix::{Actor, Context, Handler, Supervised};
use futures::future::BoxFuture;
use std::sync::Arc;

/// Performs the checkout's `start_shipping` and `cancel_shipping`.
pub struct ShippingActor {
    store: Arc<dyn ShipmentStore>,
    providers: Providers,
    coordinator: SignalTarget,
    status: Arc<ActorStatus>,
    batch: Batch<ShippingCommand, Executed<Shipping>>,
    calls: Calls<CarrierCall>,
    panicked: Panicked,
}

impl ShippingActor {
    /// An actor over a store, which tells `coordinator` when a waiting shipment has a result.
    pub fn new(
        store: Arc<dyn ShipmentStore>,
        providers: Providers,
        coordinator: SignalTarget,
        status: Arc<ActorStatus>,
    ) -> Self {
        Self {
            store,
            providers,
            coordinator,
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
        self.scan(None, ctx);
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
    fn calls(&mut self) -> &mut Calls<CarrierCall> {
        &mut self.calls
    }

    fn call(
        &self,
        call: CarrierCall,
        shipping: &Shipping,
        part: usize,
        _repeat: bool,
    ) -> BoxFuture<'static, CallAnswer> {
        self.providers.carrier().call(call, &shipping.shipments()[part])
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

impl Handler<TakeOverCalls> for ShippingActor {
    type Result = ();

    fn handle(&mut self, _: TakeOverCalls, ctx: &mut Context<Self>) {
        self.scan(None, ctx);
    }
}

impl Handler<CallAnswered<CarrierCall>> for ShippingActor {
    type Result = Deferred<()>;

    fn handle(&mut self, answered: CallAnswered<CarrierCall>, ctx: &mut Context<Self>) -> Self::Result {
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
