//! Owners in other processes: actors that take the same messages as the owners' own and carry them there
//! ([`endpoints`]), and the answers to what such actors of other processes bring here ([`answer()`]).
//!
//! A proxy keeps nothing but signals that have not arrived: each message is a task that asks the peer, and the answer is
//! the reply. A step of a saga whose participant does not answer is [`StepReply::Away`], which is no attempt; a client's
//! command fails like one whose storage is away, and may be sent again.

mod answer;
mod endpoints;

pub use answer::answer;

use super::{
    CatalogOwner, ChangeCatalog, ChangeStock, Crash, MarkUserPaid, NotifierOwner, OrderOwner, PaymentOwner, Perform,
    Request, RequestOrder, RetryNotification, ShipDirect, ShippingOwner, StockOwner, TakeExternalPayment, WhenSettled,
    coordinator::Signal,
    crash::crash,
    deferred::{Deferred, deferred},
    owners::Elsewhere,
    start::{Cast, Stage},
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        ids::{IdSet, OrderId, SagaId},
        order::OrderCommand,
        payment::{ChargeDirect, OpenPayment, PaymentCommand, RefundDirect, SettlePayment},
        saga::StepReply,
        shipment::ShippingCommand,
        stock::StockCommand,
    },
    peers::{Endpoint, Peer},
    role::Role,
    store::StoreError,
};
use actix::{Actor, ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, Supervised, WrapFuture};
use endpoints::{
    CHANGE_CATALOG, CHANGE_STOCK, CHARGE, MARK_USER_PAID, OPEN, PAYMENT_SETTLED, PERFORM_ORDER, PERFORM_PAYMENT,
    PERFORM_SHIPPING, PERFORM_STOCK, REFUND, REQUEST_ORDER, RETRY_NOTIFICATION, SETTLE, SHIP, SHIPPING_SETTLED, SIGNAL,
    TAKE_EXTERNAL_PAYMENT,
};
use futures::future::join_all;
use serde::{Serialize, de::DeserializeOwned};
use std::{sync::Arc, time::Duration};
use strum::VariantArray as _;
use tokio::{sync::oneshot, time::sleep};

/// Most commands in one question: less than a message may be long, if each order has as many lines as it can, each with the
/// longest name.
const MOST_COMMANDS: usize = 128;
/// Most signals that are kept for a coordinator that is away, and the pause before they are brought again.
const MOST_SIGNALS: usize = 100_000;
const SIGNAL_PAUSE: Duration = Duration::from_secs(1);
/// How long it is waited for what is under way of an order, before whoever asks looks for himself.
const SETTLED_WAIT: Duration = Duration::from_millis(500);

/// An owner in another process, or one that this process asks nothing of.
pub(super) struct Proxy {
    role: Role,
    peer: Option<Peer>,
    status: Arc<ActorStatus>,
    /// Signals that have not arrived yet.
    signals: IdSet<SagaId>,
    delivering: bool,
}

impl Actor for Proxy {
    type Context = Context<Self>;
}

impl Supervised for Proxy {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.signals.clear();
        self.delivering = false;
    }
}

/// What became of commands, each. One that the peer cannot read keeps no other from being performed.
async fn performed<C: Clone + Serialize>(
    peer: &Peer,
    endpoint: Endpoint<Vec<C>, Vec<StepReply>>,
    commands: Vec<C>,
) -> Vec<StepReply> {
    let count = commands.len();
    let all = |reply: StepReply| vec![reply; count];
    let one_for_each = |replies: &Vec<StepReply>| match replies.len() {
        answers if answers == count => Ok(()),
        answers => Err(format!("{answers} replies to {count} commands")),
    };
    match peer.ask_for(endpoint, &commands, one_for_each).await {
        Ok(replies) => replies,
        Err(away) if away.is_refusal() && count == 1 => all(StepReply::Poisoned(away.to_string())),
        Err(away) if away.is_refusal() => {
            let each = commands.into_iter().map(|command| Box::pin(performed(peer, endpoint, vec![command])));
            join_all(each).await.concat()
        }
        Err(away) => all(StepReply::Away(away.to_string())),
    }
}

impl Proxy {
    fn new(role: Role, peer: Option<Peer>, status: Arc<ActorStatus>) -> Self {
        Self { role, peer, status, signals: IdSet::default(), delivering: false }
    }

    /// Asks, in a task of its own; what is answered, or what it means that nobody does.
    fn ask<Q, A>(
        &self,
        endpoint: Endpoint<Q, A>,
        question: Q,
        unanswered: impl FnOnce(String) -> A + 'static,
    ) -> Deferred<A>
    where
        Q: Serialize + 'static,
        A: DeserializeOwned + 'static,
    {
        let (later, reply) = deferred();
        let Some(peer) = self.peer.clone() else {
            reply.send(unanswered(self.nobody()));
            return later;
        };
        let status = Arc::clone(&self.status);
        actix_rt::spawn(async move {
            let answered = peer.ask(endpoint, &question).await;
            if answered.is_ok() {
                status.progressed(1);
            }
            reply.send(answered.unwrap_or_else(|away| unanswered(away.to_string())));
        });
        later
    }

    fn nobody(&self) -> String {
        format!("this process asks nothing of the {}", self.role)
    }

    /// Asks for an answer that can say that storage is away.
    fn request<Q, A, E>(&self, endpoint: Endpoint<Q, Result<A, E>>, question: Q) -> Deferred<Result<A, E>>
    where
        Q: Serialize + 'static,
        A: DeserializeOwned + 'static,
        E: DeserializeOwned + From<StoreError> + 'static,
    {
        self.ask(endpoint, question, |away| Err(StoreError::Unavailable(away).into()))
    }

    fn perform<C: Clone + Serialize + 'static>(
        &self,
        endpoint: Endpoint<Vec<C>, Vec<StepReply>>,
        commands: &[C],
    ) -> Deferred<Vec<StepReply>> {
        let (later, reply) = deferred();
        let Some(peer) = &self.peer else {
            reply.send(vec![StepReply::Away(self.nobody()); commands.len()]);
            return later;
        };
        let status = Arc::clone(&self.status);
        let portions = commands.chunks(MOST_COMMANDS).map(|portion| {
            let (peer, portion) = (peer.clone(), portion.to_vec());
            async move { performed(&peer, endpoint, portion).await }
        });
        let portions = join_all(portions.collect::<Vec<_>>());
        actix_rt::spawn(async move {
            let replies = portions.await.concat();
            let answered = replies.iter().filter(|reply| !matches!(reply, StepReply::Away(_))).count();
            if answered > 0 {
                status.progressed(answered);
            }
            reply.send(replies);
        });
        later
    }

    /// Brings the signals that have gathered to the coordinator, and what has gathered meanwhile, until all are there.
    fn deliver_signals(&mut self, ctx: &mut Context<Self>) {
        let Some(peer) = self.peer.clone().filter(|_| !self.delivering && !self.signals.is_empty()) else { return };
        self.delivering = true;
        let sagas: Vec<SagaId> = self.signals.drain().collect();
        let delivered = async move {
            let answered = peer.ask(SIGNAL, &sagas).await;
            (sagas, answered)
        };
        ctx.spawn(delivered.into_actor(self).map(|(sagas, answered), proxy, ctx| {
            proxy.delivering = false;
            match answered {
                Ok(()) => proxy.deliver_signals(ctx),
                Err(_) => {
                    proxy.keep_signals(sagas);
                    ctx.run_later(SIGNAL_PAUSE, Self::deliver_signals);
                }
            }
        }));
    }

    /// More than these are not kept: their sagas ask by themselves.
    fn keep_signals(&mut self, sagas: Vec<SagaId>) {
        let room = MOST_SIGNALS.saturating_sub(self.signals.len());
        self.signals.extend(sagas.into_iter().take(room));
    }

    /// Waits for what is under way of an order; whoever has asked looks at the order afterwards, whatever comes of it.
    fn settled(&self, endpoint: Endpoint<OrderId, ()>, order: OrderId) -> oneshot::Receiver<()> {
        let (settled, wait) = oneshot::channel();
        let peer = self.peer.clone();
        actix_rt::spawn(async move {
            let Some(peer) = peer else { return };
            if peer.ask_within(endpoint, &order, SETTLED_WAIT).await.is_err() {
                sleep(SETTLED_WAIT).await;
            }
            let _ = settled.send(());
        });
        wait
    }
}

macro_rules! performs {
    ($($command:ty => $endpoint:expr;)+) => {
        $(impl Handler<Perform<$command>> for Proxy {
            type Result = Deferred<Vec<StepReply>>;

            fn handle(&mut self, Perform(commands): Perform<$command>, _ctx: &mut Context<Self>) -> Self::Result {
                self.perform($endpoint, &commands)
            }
        })+
    };
}

performs! {
    OrderCommand => PERFORM_ORDER;
    StockCommand => PERFORM_STOCK;
    PaymentCommand => PERFORM_PAYMENT;
    ShippingCommand => PERFORM_SHIPPING;
}

macro_rules! requests {
    ($($message:ty => $endpoint:expr, $asked:ident => $question:expr;)+) => {
        $(impl Handler<$message> for Proxy {
            type Result = Deferred<<$message as Message>::Result>;

            fn handle(&mut self, $asked: $message, _ctx: &mut Context<Self>) -> Self::Result {
                self.request($endpoint, $question)
            }
        })+
    };
}

requests! {
    RequestOrder => REQUEST_ORDER, asked => asked.0;
    ChangeStock => CHANGE_STOCK, asked => (asked.change, asked.claim);
    ChangeCatalog => CHANGE_CATALOG, asked => (asked.command, asked.claim);
    Request<OpenPayment> => OPEN, asked => (asked.command, asked.claim);
    Request<SettlePayment> => SETTLE, asked => (asked.command, asked.claim);
    Request<ChargeDirect> => CHARGE, asked => (asked.command, asked.claim);
    Request<RefundDirect> => REFUND, asked => (asked.command, asked.claim);
    RetryNotification => RETRY_NOTIFICATION, asked => (asked.id, asked.claim);
    MarkUserPaid => MARK_USER_PAID, asked => asked.0;
    TakeExternalPayment => TAKE_EXTERNAL_PAYMENT, asked => (asked.order_id, asked.user_id, asked.amount, asked.claim);
    ShipDirect => SHIP, asked => asked.0;
}

impl Handler<WhenSettled> for Proxy {
    type Result = MessageResult<WhenSettled>;

    fn handle(&mut self, WhenSettled(order): WhenSettled, _ctx: &mut Context<Self>) -> Self::Result {
        let endpoint = if self.role == Role::Payment { PAYMENT_SETTLED } else { SHIPPING_SETTLED };
        MessageResult(self.settled(endpoint, order))
    }
}

impl Handler<Signal> for Proxy {
    type Result = ();

    fn handle(&mut self, Signal(sagas): Signal, ctx: &mut Context<Self>) {
        self.keep_signals(sagas);
        self.deliver_signals(ctx);
    }
}

impl Handler<Crash> for Proxy {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}

impl Elsewhere {
    /// Starts a proxy for each role that is not played here.
    pub(super) fn start(Cast { roles, peers }: Cast<'_>, stage: &mut Stage<'_>) -> Self {
        let mut elsewhere = Self::default();
        for role in Role::VARIANTS.iter().copied().filter(|role| !roles.contains(*role)) {
            let peer = peers.iter().find(|peer| peer.role() == role).cloned();
            let proxy = if peer.is_some() {
                stage.start(proxy_name(role), move |status| Proxy::new(role, peer, status))
            } else {
                let status = ActorStatus::new(proxy_name(role));
                Proxy::start_in_arbiter(stage.arbiter, move |_| Proxy::new(role, peer, status))
            };
            match role {
                Role::Order => elsewhere.order = Some(OrderOwner::of(&proxy)),
                Role::Payment => elsewhere.payment = Some((PaymentOwner::of(&proxy), NotifierOwner::of(&proxy))),
                Role::Shipping => elsewhere.shipping = Some(ShippingOwner::of(&proxy)),
                Role::Stock => elsewhere.stock = Some((StockOwner::of(&proxy), CatalogOwner::of(&proxy))),
                Role::Coordinator => elsewhere.coordinator = Some(proxy.recipient()),
            }
        }
        elsewhere
    }
}

/// What a proxy is called among the actors of its process.
const fn proxy_name(role: Role) -> &'static str {
    match role {
        Role::Order => "order_proxy",
        Role::Stock => "stock_proxy",
        Role::Payment => "payment_proxy",
        Role::Shipping => "shipping_proxy",
        Role::Coordinator => "coordinator_proxy",
    }
}
