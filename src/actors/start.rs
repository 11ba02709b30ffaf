//! Starting the actors together: the participants first, then the coordinator that drives them.

use super::{
    CatalogActor, CatalogOwner, NotificationActor, NotifierOwner, OrderActor, OrderOwner, PaymentActor, PaymentOwner,
    SagaCoordinator, ShippingActor, ShippingOwner, StockActor, StockOwner,
    admission::Admission,
    calls::TakeOverCalls,
    coordinator::{Company, Drain, Participants, Ping, Reach, SignalTarget},
    crash::{Crash, CrashMode},
    nodes,
    owners::Elsewhere,
    supervisor::{ActorState, ActorStatus, supervise},
};
use crate::{lifecycle::Fatal, peers::Peer, providers::Providers, role::Roles, store::Store};
use actix::{Actor, Addr, Context, Handler, Recipient, Supervised};
use actix_rt::ArbiterHandle;
use std::{sync::Arc, time::Duration};

/// The owners of everything, and the actors of this process among them.
#[derive(Clone)]
pub struct Actors {
    /// Owns the orders.
    pub order: OrderOwner,
    /// Owns the payments.
    pub payment: PaymentOwner,
    /// Sends what others are told of them.
    pub notifier: NotifierOwner,
    /// Owns the shipments.
    pub shipping: ShippingOwner,
    /// Owns the stock.
    pub stock: StockOwner,
    /// Keeps the catalogue.
    pub catalog: CatalogOwner,
    /// Drives the sagas; `None` where another process does.
    pub coordinator: Option<Addr<SagaCoordinator>>,
    /// How many sagas may be under way at once.
    pub admission: Admission,
    watched: Arc<Vec<Watched>>,
}

/// An actor as operators see it.
pub struct Watched {
    /// What is known of it.
    pub status: Arc<ActorStatus>,
    crash: Recipient<Crash>,
}

/// Who plays which role.
#[derive(Clone, Copy)]
pub struct Cast<'a> {
    /// Those that are played here.
    pub roles: Roles,
    /// The processes that play others, as far as these are asked something here.
    pub peers: &'a [Peer],
}

impl Cast<'_> {
    /// One process plays all roles.
    pub const ALL: Self = Self { roles: Roles::ALL, peers: &[] };
}

/// Where actors are started, and what is known of those that were.
pub(super) struct Stage<'a> {
    pub(super) arbiter: &'a ArbiterHandle,
    fatal: &'a Fatal,
    watched: Vec<Watched>,
}

impl Stage<'_> {
    pub(super) fn start<A>(
        &mut self,
        name: &'static str,
        make: impl FnOnce(Arc<ActorStatus>) -> A + Send + 'static,
    ) -> Addr<A>
    where
        A: Actor<Context = Context<A>> + Supervised + Handler<Crash>,
    {
        let status = ActorStatus::new(name);
        let own = Arc::clone(&status);
        let actor = supervise(self.arbiter, Arc::clone(&status), self.fatal.clone(), move || make(own));
        self.watched.push(Watched { status, crash: actor.clone().recipient() });
        actor
    }
}

impl Actors {
    /// Starts the actors of this process's roles on one arbiter, and proxies for those of its peers. `node` is written
    /// into every log entry.
    pub fn start(
        arbiter: &ArbiterHandle,
        store: &Store,
        cast: Cast<'_>,
        providers: Providers,
        node: String,
        max_in_flight: usize,
        fatal: &Fatal,
    ) -> Self {
        let mut stage = Stage { arbiter, fatal, watched: Vec::new() };
        let elsewhere = Elsewhere::start(cast, &mut stage);
        let signals = SignalTarget::default();
        let admission = Admission::new(max_in_flight);
        let mut callers: Vec<Recipient<TakeOverCalls>> = Vec::new();
        let (order_apart, stock_apart) = (elsewhere.order.is_some(), elsewhere.stock.is_some());
        let (payment_apart, shipping_apart) = (elsewhere.payment.is_some(), elsewhere.shipping.is_some());
        let order = elsewhere.order.unwrap_or_else(|| {
            let store = Arc::clone(&store.orders);
            OrderOwner::of(&stage.start("order", |status| OrderActor::new(store, status)))
        });
        let (stock, catalog) = elsewhere.stock.unwrap_or_else(|| {
            let (levels, items) = (Arc::clone(&store.stock), Arc::clone(&store.catalog));
            let stock = StockOwner::of(&stage.start("stock", |status| StockActor::new(levels, status)));
            (stock, CatalogOwner::of(&stage.start("catalog", |status| CatalogActor::new(items, status))))
        });
        let (payment, notifier) = elsewhere.payment.unwrap_or_else(|| {
            let (store, told) = (Arc::clone(&store.payments), Arc::clone(&store.notifier));
            let (receivers, audience) = (providers.receivers().clone(), providers.receivers().audience());
            let notifier = stage.start("notifier", |status| NotificationActor::new(told, receivers, status));
            let (providers, wake) = (providers.clone(), notifier.clone().recipient());
            let (signals, orders) = (signals.clone(), order.perform.clone());
            let actor = stage.start("payment", |status| {
                PaymentActor::new(store, providers, signals, orders, status).telling(audience, wake)
            });
            callers.push(actor.clone().recipient());
            (PaymentOwner::of(&actor), NotifierOwner::of(&notifier))
        });
        let shipping = elsewhere.shipping.unwrap_or_else(|| {
            let store = Arc::clone(&store.shipments);
            let (signals, orders) = (signals.clone(), order.perform.clone());
            let actor = stage.start("shipping", |status| ShippingActor::new(store, providers, signals, orders, status));
            callers.push(actor.clone().recipient());
            ShippingOwner::of(&actor)
        });
        let coordinator = if let Some(coordinator) = elsewhere.coordinator {
            signals.set(coordinator);
            if let Some(nodes) = store.peers.clone() {
                nodes::tend(arbiter, nodes, callers);
            }
            None
        } else {
            let participants = Participants {
                order: Reach { perform: order.perform.clone(), apart: order_apart },
                stock: Reach { perform: stock.perform.clone(), apart: stock_apart },
                payment: Reach { perform: payment.perform.clone(), apart: payment_apart },
                shipping: Reach { perform: shipping.perform.clone(), apart: shipping_apart },
            };
            let company = store.peers.clone().map(|peers| Company { peers, callers });
            let (store, admission) = (Arc::clone(&store.sagas), admission.clone());
            let coordinator = stage.start("coordinator", |status| {
                SagaCoordinator::new(store, company, participants, node, admission, status)
            });
            signals.set(coordinator.clone().recipient());
            Some(coordinator)
        };
        let watched = Arc::new(stage.watched);
        Self { order, payment, notifier, shipping, stock, catalog, coordinator, admission, watched }
    }

    /// The actors of this process: the participants, the catalogue's, and the coordinator last.
    pub fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Crashes the actor of this name; false when there is none.
    pub fn crash(&self, name: &str, mode: CrashMode) -> bool {
        let Some(watched) = self.watched.iter().find(|watched| watched.status.name() == name) else { return false };
        watched.crash.do_send(Crash(mode));
        true
    }

    /// Whether the coordinator answers, where it is here.
    pub async fn reach_coordinator(&self) -> bool {
        match &self.coordinator {
            Some(coordinator) => coordinator.send(Ping).await.is_ok(),
            None => true,
        }
    }

    /// Whether every actor is running or about to be again.
    pub fn are_alive(&self) -> bool {
        self.watched.iter().all(|watched| watched.status.state() != ActorState::Failed)
    }

    /// Takes in no more waiting sagas, and waits until those in hand rest or wait, for at most `bound`.
    /// How many are still in hand: they go on at the next start.
    pub async fn drain(&self, bound: Duration) -> usize {
        let Some(coordinator) = &self.coordinator else { return 0 };
        let deadline = tokio::time::Instant::now() + bound;
        loop {
            let in_hand = coordinator.send(Drain).await.unwrap_or(usize::MAX);
            if in_hand == 0 || tokio::time::Instant::now() >= deadline {
                return in_hand;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
