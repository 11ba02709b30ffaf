//! The saga coordinator: drives every saga that is under way, and owns the saga log.
//!
//! ```text
//!   PlaceOrder, Signal, Cancel, Retry, outcomes, timers
//!        │  each moves a saga (domain) and leaves in the outbox:
//!        ▼
//!   outbox ── appends ─────────▶ store   (first: an action never outruns the event announcing it)
//!          ── one Perform each ▶ order, stock, payment, shipping ── outcomes ──▶ back to the top
//! ```
//!
//! A saga is in hand only while something of it is in flight. One that waits is a row with a `wake_at`
//! and costs no memory; one that rests is forgotten. Whatever goes wrong with a saga's log or its
//! place in it, the saga is forgotten and loaded again: recovery is the normal path.
//!
//! Must not decide what a saga does next ([`crate::domain::saga`]) nor what a step means
//! ([`crate::domain::checkout`]).

mod drive;
mod messages;
mod outbox;
mod peers;
mod stored;
mod stranded;
mod timers;
mod told;
mod waiters;

pub use messages::{
    CancelSaga, Drain, EditOrder, FindPlaced, Follow, Ping, PlaceOrder, Placed, RetrySaga, SagaRequestError, Signal,
    SignalTarget, Watch,
};
pub use outbox::{Participants, Reach};
pub use peers::Company;

use super::{
    Crash, Perform,
    admission::Admission,
    crash::crash,
    deferred::{Deferred, deferred},
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        ids::{IdSet, SagaId},
        saga::{Action as _, CancelBy, StepReply},
    },
    store::{SagaStore, StoreError},
};
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, MessageResult, Supervised, WrapFuture};
use drive::{Hands, Purpose};
use outbox::{After, Origin, Outbox, Parcel, Parcels};
use std::{sync::Arc, time::Duration};
use stranded::Stranded;
use timers::Timers;
use tokio::sync::oneshot;
use waiters::{Placing, Waiters};

/// How long a message waits before it is sent again to a participant that has failed. Such a message
/// is no attempt: nobody has answered it.
const RESEND_PAUSE: Duration = Duration::from_millis(10);

/// Drives the sagas of this process.
pub struct SagaCoordinator {
    store: Arc<dyn SagaStore>,
    company: Option<Company>,
    participants: Participants,
    node: Arc<str>,
    status: Arc<ActorStatus>,
    hands: Hands,
    waiters: Waiters,
    outbox: Outbox,
    timers: Timers,
    stranded: Stranded,
    /// A flush is about to happen.
    flushing: bool,
}

impl SagaCoordinator {
    /// A coordinator over a store that it shares with others, where there can be some. `node` is written into every log entry.
    pub fn new(
        store: Arc<dyn SagaStore>,
        company: Option<Company>,
        participants: Participants,
        node: String,
        admission: Admission,
        status: Arc<ActorStatus>,
    ) -> Self {
        Self {
            store,
            company,
            participants,
            node: node.into(),
            status,
            hands: Hands::new(admission),
            waiters: Waiters::default(),
            outbox: Outbox::default(),
            timers: Timers::default(),
            stranded: Stranded::default(),
            flushing: false,
        }
    }

    /// Sends the outbox once everything that is queued now has been taken in.
    fn flush_soon(&mut self, ctx: &mut Context<Self>) {
        if !self.flushing {
            self.flushing = true;
            ctx.spawn(async {}.into_actor(self).map(|(), actor, ctx| actor.flush(ctx)));
        }
    }

    fn flush(&mut self, ctx: &mut Context<Self>) {
        self.flushing = false;
        let Outbox { sagas, after, parcels } = std::mem::take(&mut self.outbox);
        let (held, parcels) = self.hold(&after, parcels);
        if !sagas.is_empty() {
            let answers = self.store.execute(sagas);
            ctx.spawn(answers.into_actor(self).map(move |answers, actor, ctx| actor.stored(after, held, answers, ctx)));
        }
        self.dispatch_all(parcels, ctx);
    }

    /// Takes out what must wait until what is being stored of its saga is durable: the commands for participants that
    /// have databases of their own.
    fn hold(&self, after: &[(SagaId, After)], parcels: Parcels) -> (Parcels, Parcels) {
        fn held<C: Send>(reach: &Reach<C>, parcel: Parcel<C>, stored: &IdSet<SagaId>) -> (Parcel<C>, Parcel<C>) {
            if reach.apart { parcel.partition(stored) } else { (Parcel::default(), parcel) }
        }
        let Participants { order, stock, payment, shipping } = &self.participants;
        if ![order.apart, stock.apart, payment.apart, shipping.apart].contains(&true) {
            return (Parcels::default(), parcels);
        }
        let stored: IdSet<SagaId> = after.iter().map(|(saga_id, _)| *saga_id).collect();
        let order = held(order, parcels.order, &stored);
        let stock = held(stock, parcels.stock, &stored);
        let payment = held(payment, parcels.payment, &stored);
        let shipping = held(shipping, parcels.shipping, &stored);
        (
            Parcels { order: order.0, stock: stock.0, payment: payment.0, shipping: shipping.0 },
            Parcels { order: order.1, stock: stock.1, payment: payment.1, shipping: shipping.1 },
        )
    }

    fn dispatch_all(&self, parcels: Parcels, ctx: &mut Context<Self>) {
        let Parcels { order, stock, payment, shipping } = parcels;
        self.dispatch(&self.participants.order, order, ctx);
        self.dispatch(&self.participants.stock, stock, ctx);
        self.dispatch(&self.participants.payment, payment, ctx);
        self.dispatch(&self.participants.shipping, shipping, ctx);
    }

    fn dispatch<C: Clone + Send + 'static>(&self, to: &Reach<C>, parcel: Parcel<C>, ctx: &mut Context<Self>) {
        let Parcel { origins, commands } = parcel;
        if commands.is_empty() {
            return;
        }
        let participant = to.perform.clone();
        let replies = async move {
            loop {
                match participant.send(Perform(commands.clone())).await {
                    Ok(replies) => return replies,
                    Err(_) => actix_rt::time::sleep(RESEND_PAUSE).await,
                }
            }
        };
        ctx.spawn(replies.into_actor(self).map(move |replies, actor, ctx| actor.answered(&origins, replies, ctx)));
    }

    fn answered(&mut self, origins: &[Origin], replies: Vec<StepReply>, ctx: &mut Context<Self>) {
        debug_assert_eq!(origins.len(), replies.len(), "one reply for each command");
        let is_there = !replies.iter().any(|reply| matches!(reply, StepReply::Away(_)));
        for (origin, reply) in origins.iter().zip(replies) {
            self.outcome(*origin, reply);
        }
        if let Some(origin) = origins.first().filter(|_| is_there) {
            self.take_up_stranded(origin.step.participant());
        }
        self.settle_down(ctx);
    }

    /// After anything has moved: sends what has gathered, and looks after timers and recovery.
    fn settle_down(&mut self, ctx: &mut Context<Self>) {
        self.flush_soon(ctx);
        self.tend_timers(ctx);
    }
}

impl Actor for SagaCoordinator {
    type Context = Context<Self>;

    /// Also called after every restart: recovery is how every coordinator begins.
    fn started(&mut self, ctx: &mut Context<Self>) {
        self.recover(ctx);
        self.tend_peers(ctx);
    }
}

impl Supervised for SagaCoordinator {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.hands.clear();
        self.waiters = Waiters::default();
        self.outbox = Outbox::default();
        self.timers = Timers::default();
        self.stranded = Stranded::default();
        self.flushing = false;
    }
}

impl Handler<PlaceOrder> for SagaCoordinator {
    type Result = Deferred<Result<Placed, StoreError>>;

    fn handle(&mut self, place: PlaceOrder, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        let PlaceOrder { saga_id, checkout, claim, permit, rested } = place;
        self.waiters.place(saga_id, Placing { reply, replayed: false, rested });
        self.begin(saga_id, checkout, claim, permit);
        self.flush_soon(ctx);
        later
    }
}

impl Handler<FindPlaced> for SagaCoordinator {
    type Result = Deferred<Result<Placed, StoreError>>;

    fn handle(&mut self, FindPlaced { saga_id, rested }: FindPlaced, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        self.waiters.place(saga_id, Placing { reply, replayed: true, rested });
        self.take_up(saga_id, Purpose::Place);
        self.settle_down(ctx);
        later
    }
}

impl Handler<CancelSaga> for SagaCoordinator {
    type Result = Deferred<Result<(), SagaRequestError>>;

    fn handle(&mut self, message: CancelSaga, ctx: &mut Context<Self>) -> Self::Result {
        let CancelSaga { saga_id, by, note, claim } = message;
        let (later, reply) = deferred();
        self.take_up(saga_id, Purpose::Cancel { by, note, claim, reply });
        self.settle_down(ctx);
        later
    }
}

impl Handler<RetrySaga> for SagaCoordinator {
    type Result = Deferred<Result<(), SagaRequestError>>;

    fn handle(&mut self, message: RetrySaga, ctx: &mut Context<Self>) -> Self::Result {
        let RetrySaga { saga_id, note, claim } = message;
        let (later, reply) = deferred();
        self.take_up(saga_id, Purpose::Retry { note, claim, reply });
        self.settle_down(ctx);
        later
    }
}

impl Handler<EditOrder> for SagaCoordinator {
    type Result = Deferred<Result<(), SagaRequestError>>;

    fn handle(&mut self, EditOrder { saga_id, edit }: EditOrder, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        self.take_up(saga_id, Purpose::Edit { edit, reply });
        self.settle_down(ctx);
        later
    }
}

impl Handler<Watch> for SagaCoordinator {
    type Result = MessageResult<Watch>;

    fn handle(&mut self, Watch(saga_id): Watch, _ctx: &mut Context<Self>) -> Self::Result {
        let rest: oneshot::Receiver<()> = self.waiters.watch(saga_id);
        MessageResult(rest)
    }
}

impl Handler<Follow> for SagaCoordinator {
    type Result = MessageResult<Follow>;

    fn handle(&mut self, Follow { saga_id, from }: Follow, _ctx: &mut Context<Self>) -> Self::Result {
        MessageResult(self.waiters.follow(saga_id, from))
    }
}

impl Handler<Signal> for SagaCoordinator {
    type Result = ();

    fn handle(&mut self, Signal(sagas): Signal, ctx: &mut Context<Self>) {
        for saga_id in sagas {
            self.take_up(saga_id, Purpose::Ask);
        }
        self.settle_down(ctx);
    }
}

impl Handler<Drain> for SagaCoordinator {
    type Result = usize;

    fn handle(&mut self, _: Drain, _ctx: &mut Context<Self>) -> usize {
        self.timers.stop();
        self.hands.len()
    }
}

impl Handler<Ping> for SagaCoordinator {
    type Result = ();

    fn handle(&mut self, _: Ping, _ctx: &mut Context<Self>) {}
}

impl Handler<Crash> for SagaCoordinator {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}

/// Who a customer's or an operator's cancellation comes from, for the log line it deserves.
const fn who(by: CancelBy) -> &'static str {
    match by {
        CancelBy::Customer => "customer",
        CancelBy::Operator => "operator",
    }
}
