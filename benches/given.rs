//! What the benches start from: orders under ids of their own, databases of their own, and threads for
//! actors and their clients.

use actix_rt::{Arbiter, ArbiterHandle};
use backstitch::role::Roles;
use backstitch::{
    actors::{Actors, Cast},
    domain::{
        checkout::{Checkout, CheckoutEvent, CheckoutSaga, DEFAULT_DEADLINE_MS, Policy},
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::{Basket, CreateOrder, LineDraft, OrderCommand},
        payment::{ManualNames, Provider},
        shipment::Carrier,
        simulation::Simulation,
        time::Timestamp,
    },
    lifecycle::Fatal,
    providers::Providers,
    settings::{Settings, Sources},
    store::{LogEntry, SagaRow, Store, sqlite},
};
use std::{
    future::Future,
    path::Path,
    sync::{Arc, LazyLock, mpsc},
};
use tempfile::TempDir;
use uuid::Uuid;

/// The settings of a server that nobody has configured.
pub(crate) static DEFAULTS: LazyLock<Settings> =
    LazyLock::new(|| Settings::load(&Sources::default()).expect("the defaults are valid"));

static BASKET: LazyLock<Arc<Basket>> = LazyLock::new(|| {
    let lines = vec![LineDraft { item_name: "Kopi Gayo 250 g".into(), quantity: 2, price: 85_000 }];
    Arc::new(Basket::parse(lines, |_, field| field.to_owned()).expect("the basket is valid"))
});

/// A saga that nobody else drives.
pub(crate) fn saga_id() -> SagaId {
    SagaId::from_uuid(Uuid::now_v7())
}

/// An order of one line that is paid and shipped at once, under ids of its own.
pub(crate) fn policy() -> Policy {
    let default_deadline_ms = DEFAULT_DEADLINE_MS;
    Policy {
        providers: Arc::default(),
        manual_names: ManualNames::default(),
        simulation: true,
        direct_provider: None,
        carrier: Carrier::Simulated,
        free_text_lines: true,
        default_deadline_ms,
    }
}

pub(crate) fn checkout() -> Arc<Checkout> {
    Arc::new(Checkout {
        order_id: OrderId::from_uuid(Uuid::now_v7()),
        payment_id: PaymentId::from_uuid(Uuid::now_v7()),
        shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
        customer_ref: None,
        currency: Currency::Idr,
        basket: Arc::clone(&BASKET),
        revision: 0,
        provider: Provider::Simulated,
        deadline_ms: DEFAULT_DEADLINE_MS,
        carrier: Carrier::Simulated,
        simulate: Simulation::default(),
    })
}

/// The command that records an order of its own.
pub(crate) fn create_order() -> OrderCommand {
    let checkout = checkout();
    OrderCommand::Create(CreateOrder {
        order_id: checkout.order_id,
        saga_id: Some(saga_id()),
        customer_ref: None,
        currency: checkout.currency,
        basket: Arc::clone(&checkout.basket),
    })
}

/// A saga's row as it is when the saga has come to where it is without waiting.
pub(crate) fn row(saga: &CheckoutSaga, now: Timestamp) -> SagaRow {
    let summary = saga.summary();
    SagaRow {
        status: summary.status,
        reason: summary.reason,
        finished_at: summary.status.is_at_rest().then_some(now),
        ..SagaRow::started(saga, now)
    }
}

/// A log entry of this node's.
pub(crate) fn entry(events: Vec<CheckoutEvent>, at: Timestamp) -> LogEntry {
    LogEntry { at, node: DEFAULTS.node.id.as_str().into(), events }
}

/// A new database, on the disk that has the target directory: a temporary directory of the system's is
/// often memory, where a commit costs nothing.
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) fatal: Fatal,
    _directory: TempDir,
}

impl Database {
    pub(crate) fn create() -> Self {
        let directory = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("the target directory takes files");
        let fatal = Fatal::default();
        let store = sqlite::open(&options(directory.path()), &fatal).expect("a new database opens");
        Self { store, fatal, _directory: directory }
    }
}

impl Drop for Database {
    /// Waits, so that the last checkpoint is no burden to the next measurement.
    fn drop(&mut self) {
        let engine = Arc::clone(&self.store.engine);
        Thread::start().run(move || async move { engine.close().await });
    }
}

fn options(directory: &Path) -> sqlite::Options {
    let settings = &DEFAULTS.store;
    sqlite::Options {
        path: directory.join("bench.db"),
        owners: Roles::ALL,
        cache_mib: settings.cache_mib,
        readers: settings.readers,
        max_batch: settings.max_batch,
    }
}

/// A server's actors, on a thread and over a database.
pub(crate) fn start_actors(thread: &Thread, database: &Database) -> Actors {
    let (node, limit) = (DEFAULTS.node.id.clone(), DEFAULTS.saga.max_in_flight);
    Actors::start(&thread.handle(), &database.store, Cast::ALL, Providers::default(), node, limit, &database.fatal)
}

/// A thread with an arbiter, for actors, for their clients, or for both.
pub(crate) struct Thread(Option<Arbiter>);

impl Thread {
    pub(crate) fn start() -> Self {
        Self(Some(Arbiter::new()))
    }

    fn arbiter(&self) -> &Arbiter {
        self.0.as_ref().expect("only a drop takes the arbiter")
    }

    pub(crate) fn handle(&self) -> ArbiterHandle {
        self.arbiter().handle()
    }

    /// Runs a client to its end. The calling thread sleeps meanwhile.
    pub(crate) fn run<C, T>(&self, client: impl FnOnce() -> C + Send + 'static) -> T
    where
        C: Future<Output = T> + 'static,
        T: Send + 'static,
    {
        let (done, result) = mpsc::channel();
        let started = self.arbiter().spawn_fn(move || {
            let client = client();
            actix_rt::spawn(async move { done.send(client.await) });
        });
        assert!(started, "an arbiter runs until it is dropped");
        result.recv().expect("a client ends, unless it panics")
    }
}

impl Drop for Thread {
    /// Waits, so that what the thread held is gone.
    fn drop(&mut self) {
        if let Some(arbiter) = self.0.take() {
            arbiter.stop();
            arbiter.join().expect("an arbiter survives what runs on it");
        }
    }
}
