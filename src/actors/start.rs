//! Starting the actors together: the participants first, then the coordinator that drives them.

use super::{
    CatalogActor, NotificationActor, OrderActor, PaymentActor, SagaCoordinator, ShippingActor, StockActor,
    admission::Admission,
    coordinator::{Company, Drain, Participants, Ping, SignalTarget},
    crash::{Crash, CrashMode},
    supervisor::{ActorState, ActorStatus, supervise},
};
use crate::{lifecycle::Fatal, providers::Providers, store::Store};
use actix::{Addr, Recipient};
use actix_rt::ArbiterHandle;
use std::{sync::Arc, time::Duration};

/// The actors of this process.
#[derive(Clone)]
pub struct Actors {
    /// Owns the orders.
    pub order: Addr<OrderActor>,
    /// Owns the payments.
    pub payment: Addr<PaymentActor>,
    /// Sends what others are told of them.
    pub notifier: Addr<NotificationActor>,
    /// Owns the shipments.
    pub shipping: Addr<ShippingActor>,
    /// Owns the stock.
    pub stock: Addr<StockActor>,
    /// Keeps the catalogue.
    pub catalog: Addr<CatalogActor>,
    /// Drives the sagas.
    pub coordinator: Addr<SagaCoordinator>,
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

impl Actors {
    /// Starts all actors on one arbiter. `node` is written into every log entry.
    pub fn start(
        arbiter: &ArbiterHandle,
        store: &Store,
        providers: Providers,
        node: String,
        max_in_flight: usize,
        fatal: &Fatal,
    ) -> Self {
        let [order_status, payment_status, shipping_status, coordinator_status] =
            ["order", "payment", "shipping", "coordinator"].map(ActorStatus::new);
        let signals = SignalTarget::default();
        let admission = Admission::new(max_in_flight);
        let order = {
            let (store, status) = (Arc::clone(&store.orders), Arc::clone(&order_status));
            supervise(arbiter, Arc::clone(&order_status), fatal.clone(), move || OrderActor::new(store, status))
        };
        let stock_status = ActorStatus::new("stock");
        let stock = {
            let (store, status) = (Arc::clone(&store.stock), Arc::clone(&stock_status));
            supervise(arbiter, Arc::clone(&stock_status), fatal.clone(), move || StockActor::new(store, status))
        };
        let notifier_status = ActorStatus::new("notifier");
        let notifier = {
            let (store, status) = (Arc::clone(&store.notifier), Arc::clone(&notifier_status));
            let receivers = providers.receivers().clone();
            supervise(arbiter, Arc::clone(&notifier_status), fatal.clone(), move || {
                NotificationActor::new(store, receivers, status)
            })
        };
        let payment = {
            let (store, status) = (Arc::clone(&store.payments), Arc::clone(&payment_status));
            let (audience, notifier) = (providers.receivers().audience(), notifier.clone().recipient());
            let (providers, signals, orders) = (providers.clone(), signals.clone(), order.clone().recipient());
            supervise(arbiter, Arc::clone(&payment_status), fatal.clone(), move || {
                PaymentActor::new(store, providers, signals, orders, status).telling(audience, notifier)
            })
        };
        let shipping = {
            let (store, status) = (Arc::clone(&store.shipments), Arc::clone(&shipping_status));
            let (signals, orders) = (signals.clone(), order.clone().recipient());
            supervise(arbiter, Arc::clone(&shipping_status), fatal.clone(), move || {
                ShippingActor::new(store, providers, signals, orders, status)
            })
        };
        let catalog_status = ActorStatus::new("catalog");
        let catalog = {
            let (store, status) = (Arc::clone(&store.catalog), Arc::clone(&catalog_status));
            supervise(arbiter, Arc::clone(&catalog_status), fatal.clone(), move || CatalogActor::new(store, status))
        };
        let coordinator = {
            let participants = Participants {
                order: order.clone().recipient(),
                stock: stock.clone().recipient(),
                payment: payment.clone().recipient(),
                shipping: shipping.clone().recipient(),
            };
            let company = store.peers.clone().map(|peers| Company {
                peers,
                callers: vec![payment.clone().recipient(), shipping.clone().recipient()],
            });
            let (store, status) = (Arc::clone(&store.sagas), Arc::clone(&coordinator_status));
            let admission = admission.clone();
            supervise(arbiter, Arc::clone(&coordinator_status), fatal.clone(), move || {
                SagaCoordinator::new(store, company, participants, node, admission, status)
            })
        };
        signals.set(coordinator.clone().recipient());
        let watched = vec![
            Watched { status: order_status, crash: order.clone().recipient() },
            Watched { status: stock_status, crash: stock.clone().recipient() },
            Watched { status: payment_status, crash: payment.clone().recipient() },
            Watched { status: notifier_status, crash: notifier.clone().recipient() },
            Watched { status: shipping_status, crash: shipping.clone().recipient() },
            Watched { status: catalog_status, crash: catalog.clone().recipient() },
            Watched { status: coordinator_status, crash: coordinator.clone().recipient() },
        ];
        Self { order, payment, notifier, shipping, stock, catalog, coordinator, admission, watched: Arc::new(watched) }
    }

    /// All actors, in the order of the saga's stages, then the catalogue's, the coordinator last.
    pub fn watched(&self) -> &[Watched] {
        &self.watched
    }

    /// Crashes the actor of this name; false when there is none.
    pub fn crash(&self, name: &str, mode: CrashMode) -> bool {
        let Some(watched) = self.watched.iter().find(|watched| watched.status.name() == name) else { return false };
        watched.crash.do_send(Crash(mode));
        true
    }

    /// Whether the coordinator answers.
    pub async fn reach_coordinator(&self) -> bool {
        self.coordinator.send(Ping).await.is_ok()
    }

    /// Whether every actor is running or about to be again.
    pub fn are_alive(&self) -> bool {
        self.watched.iter().all(|watched| watched.status.state() != ActorState::Failed)
    }

    /// Takes in no more waiting sagas, and waits until those in hand rest or wait, for at most `bound`.
    /// How many are still in hand: they go on at the next start.
    pub async fn drain(&self, bound: Duration) -> usize {
        let deadline = tokio::time::Instant::now() + bound;
        loop {
            let in_hand = self.coordinator.send(Drain).await.unwrap_or(usize::MAX);
            if in_hand == 0 || tokio::time::Instant::now() >= deadline {
                return in_hand;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}
