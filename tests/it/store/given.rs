//! What the tests of the store, and of the actors over it, start from: a database of their own, and
//! checkouts with ids of their own.

use crate::support::{Hold, Server, Sql, TestDatabase};
use backstitch::role::Roles;
use backstitch::{
    domain::{
        catalog::{PricedOffer, ProductName, Sku, Standing},
        checkout::{self, Checkout, CheckoutEvent, CheckoutSaga, Command, Verb},
        ids::{OrderId, PaymentId, SagaId, ShipmentId, ShopId, VariantId},
        money::{Currency, Price},
        order::{Basket, Draft, LineDraft, OfferDraft, OrderCommand},
        payment::{PaymentCommand, Provider},
        shipment::{Carrier, ShippingCommand},
        simulation::{Fault, Script, Simulation},
        time::Timestamp,
    },
    lifecycle::Fatal,
    store::{
        Answers, Append, Caller, Claim, Database, Executed, FactSource, LogEntry, OpenError, OrderFacts, RowUpdate,
        SagaAnswer, SagaCommand, SagaRow, Scope, StartSaga, Store, StoreError, open,
    },
};
use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use uuid::Uuid;

/// How a test's store is opened.
const SETTINGS: [(&str, &str); 3] = [("store.cache_mib", "4"), ("store.readers", "2"), ("store.max_batch", "512")];

/// A database that nobody else uses.
pub(crate) struct TestStore {
    pub(crate) store: Store,
    pub(crate) fatal: Fatal,
    pub(crate) database: TestDatabase,
}

/// A new, empty database.
pub(crate) fn store() -> TestStore {
    TestStore::over(TestDatabase::new()).unwrap()
}

impl TestStore {
    /// On PostgreSQL, whatever the other tests run on.
    pub(crate) fn on_postgres() -> Self {
        Self::over(TestDatabase::Postgres(Arc::new(Server::shared().database()))).unwrap()
    }

    /// A new database with the tables of these owners alone.
    pub(crate) fn of(owners: Roles) -> Self {
        Self::owned(TestDatabase::untouched(), owners).unwrap()
    }

    fn over(database: TestDatabase) -> Result<Self, OpenError> {
        Self::owned(database, Roles::ALL)
    }

    /// A server that has these owners over a database.
    pub(crate) fn owned(database: TestDatabase, owners: Roles) -> Result<Self, OpenError> {
        let fatal = Fatal::default();
        Ok(Self { store: open(&database.of(owners, &SETTINGS), &fatal)?, fatal, database })
    }

    /// A second server over the same database.
    pub(crate) fn second(&self) -> Result<Self, OpenError> {
        Self::over(self.database.clone())
    }

    /// What the disk says, once everything that was handed over has run.
    pub(crate) async fn reopen(self) -> Self {
        self.reopen_as(Roles::ALL).await.unwrap()
    }

    /// The same, opened by a server that has these owners.
    pub(crate) async fn reopen_as(self, owners: Roles) -> Result<Self, OpenError> {
        let Self { store, database, .. } = self;
        store.engine.close().await;
        drop(store);
        Self::owned(database, owners)
    }

    /// The file of an SQLite database, for tests that are about it.
    pub(crate) fn path(&self) -> PathBuf {
        match self.database.with(&SETTINGS) {
            Database::Sqlite(options) => options.path,
            Database::Postgres(_) => panic!("PostgreSQL has no file: this test is about SQLite"),
        }
    }

    /// The database behind the store's back.
    pub(crate) fn raw(&self) -> Sql<'_> {
        self.database.raw()
    }

    /// A connection to an SQLite database, for tests that are about it.
    pub(crate) fn connection(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }

    /// A copy of the database as it is.
    pub(crate) fn copy(&self) -> Self {
        Self::over(self.database.copy()).unwrap()
    }

    /// Everything that is stored, by order.
    pub(crate) async fn facts(&self) -> Vec<OrderFacts> {
        facts_of(self.store.facts.as_ref()).await.unwrap()
    }
}

/// Everything that a source tells, by order.
pub(crate) async fn facts_of(source: &dyn FactSource) -> Result<Vec<OrderFacts>, StoreError> {
    let all = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&all);
    let visit = move |facts| {
        seen.lock().unwrap().push(facts);
        ControlFlow::Continue(())
    };
    source.visit(Box::new(visit)).await?;
    Ok(std::mem::take(&mut all.lock().unwrap()))
}

/// Keeps the writer busy with a transaction that changes nothing, so that what is handed over meanwhile is one
/// transaction afterwards.
pub(crate) struct Held(Hold);

impl Held {
    pub(crate) fn hold(test: &TestStore) -> Self {
        let hold = test.database.hold();
        // Dropping the future takes nothing back: the writer is at it.
        drop(test.store.engine.forget_keys(Timestamp::from_millis(0)));
        Self(hold)
    }

    pub(crate) fn release(self) {
        self.0.release();
    }
}

pub(crate) const TOTAL: i64 = 170_000;

pub(crate) fn basket() -> Arc<Basket> {
    let lines = vec![LineDraft { item_name: "Kopi Gayo 250 g".into(), quantity: 2, price: TOTAL / 2 }];
    Arc::new(Basket::parse(lines, |_, field| field.to_owned()).unwrap())
}

pub(crate) fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + ms)
}

pub(crate) const fn script(fault: Option<Fault>, delay_ms: u32) -> Script {
    Script { fault, delay_ms }
}

/// A checkout under ids of its own, and the saga that it starts.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) saga_id: SagaId,
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) saga: CheckoutSaga,
    pub(crate) started: Vec<CheckoutEvent>,
}

impl Case {
    pub(crate) fn new(provider: Provider) -> Self {
        Self::with(provider, 60_000, Simulation::default())
    }

    pub(crate) fn simulated(simulate: Simulation) -> Self {
        Self::with(Provider::Simulated, 60_000, simulate)
    }

    /// An order of so many pieces of a shop's variant, and a free-text line.
    pub(crate) fn stocked(shop_id: ShopId, variant_id: VariantId, pieces: i64, simulate: Simulation) -> Self {
        let offer = PricedOffer {
            shop_id,
            variant_id,
            sku: Sku::stored("GAYO-250".into()),
            product_name: ProductName::stored("Kopi Gayo".into()),
            size: None,
            price: Price::parse(42_000).unwrap(),
            currency: Currency::Idr,
            standing: Standing { shop: true, product: true, variant: true, offer: true },
        };
        let line = LineDraft { item_name: "Ongkos bungkus".into(), quantity: 1, price: 5_000 };
        let offered = OfferDraft { shop_id, variant_id, quantity: pieces, expected_price: None };
        let drafts = vec![Draft::Offer(offered), Draft::FreeText(line)];
        let basket = Basket::price(drafts, vec![Ok(offer)], |_, field| field.to_owned()).unwrap();
        Self::of(basket.into(), Provider::Simulated, 60_000, simulate)
    }

    pub(crate) fn with(provider: Provider, deadline_ms: u64, simulate: Simulation) -> Self {
        Self::of(basket(), provider, deadline_ms, simulate)
    }

    fn of(basket: Arc<Basket>, provider: Provider, deadline_ms: u64, simulate: Simulation) -> Self {
        let saga_id = SagaId::from_uuid(Uuid::now_v7());
        let checkout = Arc::new(Checkout {
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
            customer_ref: None,
            currency: Currency::Idr,
            basket,
            revision: 0,
            provider,
            deadline_ms,
            carrier: Carrier::Simulated,
            simulate,
        });
        let (saga, started) = checkout::begin(saga_id, Arc::clone(&checkout), at(0));
        Self { saga_id, checkout, saga, started }
    }

    pub(crate) fn order_id(&self) -> OrderId {
        self.checkout.order_id
    }

    pub(crate) fn order(&self, verb: Verb) -> OrderCommand {
        let Command::Order(command) = checkout::command(&self.saga, verb).expect("a log that says all") else {
            panic!("{verb:?} is not an order's")
        };
        command
    }

    pub(crate) fn payment(&self, verb: Verb) -> PaymentCommand {
        let Command::Payment(command) = checkout::command(&self.saga, verb).expect("a log that says all") else {
            panic!("{verb:?} is not a payment's")
        };
        command
    }

    pub(crate) fn shipping(&self, verb: Verb) -> ShippingCommand {
        let Command::Shipping(command) = checkout::command(&self.saga, verb).expect("a log that says all") else {
            panic!("{verb:?} is not shipping's")
        };
        command
    }

    pub(crate) fn start(&self, claim: Option<Claim>) -> SagaCommand {
        let row = SagaRow { id: self.saga_id, ..SagaRow::started(&self.saga, at(0)) };
        SagaCommand::Start(Box::new(StartSaga { row, entry: entry(self.started.clone()), claim }))
    }

    /// Appends events made on this case's saga, whose row says what the saga says afterwards.
    pub(crate) fn append(&self, events: Vec<CheckoutEvent>, wake_at: Option<Timestamp>) -> SagaCommand {
        let count = u32::try_from(events.len()).unwrap();
        SagaCommand::Append(Box::new(Append {
            saga_id: self.saga_id,
            order_id: self.order_id(),
            seq: self.saga.events() - count,
            entry: entry(events),
            row: Some(RowUpdate { summary: self.saga.summary(), wake_at }),
            claim: None,
        }))
    }
}

fn entry(events: Vec<CheckoutEvent>) -> LogEntry {
    LogEntry { at: at(0), node: "test".into(), events }
}

/// A client's key for a body.
pub(crate) fn claim(key: &str, body: u8) -> Claim {
    let request_id = Uuid::now_v7();
    Claim {
        scope: Scope::new(Caller::Anyone, "REST", "POST /somewhere"),
        key: key.into(),
        body_hash: [body; 32],
        request_id,
    }
}

/// Runs one saga command.
pub(crate) async fn tell(store: &Store, command: SagaCommand) -> Result<SagaAnswer, StoreError> {
    one(store.sagas.execute(vec![command]).await)
}

/// The one answer to a batch of one.
pub(crate) fn one<T>(answers: Answers<T>) -> Result<T, StoreError> {
    let [answer] = <[_; 1]>::try_from(answers).unwrap_or_else(|_| panic!("one command, one answer"));
    answer
}

/// The outcome of a decided command.
pub(crate) fn decided<A: backstitch::domain::aggregate::Aggregate>(
    answer: Result<Executed<A>, StoreError>,
) -> A::Answer {
    match answer.unwrap() {
        Executed::Decided(answer) => answer,
        Executed::Replayed { .. } => panic!("decided, not replayed"),
    }
}

/// Waits until a condition holds, for as long as any machine may need.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_mins(1);
    while !condition().await {
        assert!(std::time::Instant::now() < deadline, "in vain: {what}");
        actix_rt::time::sleep(Duration::from_millis(3)).await;
    }
}

/// A random generator whose seed is printed when the test fails; `BACKSTITCH_SEED` repeats a run.
pub(crate) fn random() -> fastrand::Rng {
    let seed = std::env::var("BACKSTITCH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("BACKSTITCH_SEED={seed}");
    fastrand::Rng::with_seed(seed)
}
