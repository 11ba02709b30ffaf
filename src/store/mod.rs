//! The store: commands in, answers out, and the only SQL of the product.
//!
//! ```text
//!   actor ── Vec<command> ──▶ backend: BEGIN; load rows; decide (domain); save; COMMIT ── Vec<answer> ──▶ actor
//!   facade ── query ────────▶ backend's readers, which never wait behind a write
//! ```
//!
//! Owns how rows are laid out, loaded and saved, and what is durable when. Must not decide anything:
//! every rule is called from [`crate::domain`] inside the backend's transaction. Interfaces are small,
//! one per owner of data, and batch-shaped, so that a backend may run a whole batch as one statement.
//!
//! An answer is let out only when its commit has reached the disk. When a batch fails, each of its
//! commands is run again alone, and the offender alone fails.

pub mod postgres;
pub mod sqlite;

mod backend;
mod bulk;
mod catalog;
mod census;
mod commands;
mod export;
mod facts;
mod json;
mod notifier;
mod owner;
mod peers;
mod query;
mod recent;
mod retention;
mod saga;
mod stock;
mod summary;
mod transfer;

pub use backend::{Database, OpenError, migrate, open, open_export, open_facts};
pub use bulk::{BulkStore, BulkTx, BulkWork, Verdict};
pub use catalog::{
    CatalogAnswer, CatalogDone, CatalogQueries, CatalogStore, ListedOffer, OfferPlace, OfferPlaceError, ProductFilter,
    ShopFilter, VariantFilter, WarehouseFilter,
};
pub use census::{Census, OPEN, OpenNotifications, OpenSagas};
pub use export::{ExportSource, LevelRow, OfferRow, ShopLabel, VariantRow, Visit};
pub use facts::{
    CATALOGUE, FactSource, KEYS, OrderFacts, Passed, PaymentFacts, STRETCHES, SagaFacts, ShelfFacts, StockFacts,
    TABLE_RULE_NAMES, TableFacts, WORDS, merged, steady,
};
pub use notifier::{
    Claimed, NotificationFilter, NotifierAnswer, NotifierQueries, NotifierStore, PaidExternal, Retried,
};
pub use owner::OwnersError;
pub use peers::{Adopted, Elsewhere, News, Node, NodeState, Peers};
pub use query::{OrderFilter, Page, PaymentFilter, SagaFilter, ShipmentFilter};
pub use retention::{Removed, Watermark};
pub use saga::{Append, BrokenLog, LogEntry, RowUpdate, SagaAnswer, SagaCommand, SagaRow, StartSaga, StoredSaga};
pub use stock::{
    ChangeAnswer, MovementFilter, MovementRow, MovementSeq, StockQueries, StockReply, StockRequest, StockStore,
    StockedLevel,
};
pub use summary::{Sum, SummaryBy, SummaryGroup, SummaryKey, SummaryQuery};
pub use transfer::{Progress, TransferError, transfer};

use crate::domain::{
    aggregate::Aggregate,
    ids::{OrderId, PaymentId, SagaId, ShipmentId},
    notifier::Audience,
    order::{Order, OrderCommand},
    payment::{Payment, PaymentCommand, Payments},
    shipment::{Shipment, Shipping, ShippingCommand},
    time::Timestamp,
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use uuid::Uuid;

/// Why a command or a query has no answer. Nothing of it is durable, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum StoreError {
    /// The storage cannot take it now: full, stopping, or out of reach. For a command it is unknown
    /// whether it happened only when the process ends at the same time.
    #[error("storage is unavailable: {0}")]
    Unavailable(String),
    /// Somebody else changed what the command was based on: load again.
    #[error("the stored state has changed meanwhile")]
    Conflict,
    /// The row cannot be read or the decision panics: asking again cannot help.
    #[error("cannot be processed: {0}")]
    Poisoned(String),
    /// The database refuses the change that the rules allowed.
    #[error("the database refuses the change: {0}")]
    Refused(String),
    /// The idempotency key was used for another request.
    #[error("the idempotency key was used with another request body")]
    KeyReused,
}

/// Who sends a request, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Callers are not told apart yet.
    Anyone,
}

/// Within what an idempotency key is one and the same: a caller, and what the request asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(String);

impl Scope {
    /// The scope of what a caller asks for at a facade: a method, and the resource that it is asked of.
    pub fn new(caller: Caller, facade: &str, operation: &str) -> Self {
        let caller = match caller {
            Caller::Anyone => "anyone",
        };
        Self(format!("{caller} {facade} {operation}"))
    }

    /// How it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

/// A client's idempotency key for one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Within what the key is one.
    pub scope: Scope,
    /// The client's key.
    pub key: String,
    /// SHA-256 of what the request's body means.
    pub body_hash: [u8; 32],
    /// Made for the request: one that is sent again after a crash of an actor is not its client's repeat, who
    /// has had no answer yet.
    pub request_id: Uuid,
}

/// A command, and the idempotency key that it was sent under.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Keyed<C> {
    /// The command.
    pub command: C,
    /// The key, recorded in the same transaction when the command is accepted.
    pub claim: Option<Claim>,
}

impl<C> From<C> for Keyed<C> {
    fn from(command: C) -> Self {
        Self { command, claim: None }
    }
}

/// What became of a command.
#[derive(Clone, Debug)]
pub enum Executed<A: Aggregate> {
    /// It was decided, and what it changed is durable.
    Decided(A::Answer),
    /// Its idempotency key was claimed by an earlier, identical request.
    Replayed {
        /// The rows as they are now.
        rows: Option<A>,
        /// Which part of them that request was about.
        part: usize,
    },
}

/// The answers to a batch, in its order.
pub type Answers<T> = Vec<Result<T, StoreError>>;

/// Runs one owner's commands `C`, which are answered with `R`.
pub trait Commands<C, R>: Send + Sync {
    /// Runs the commands in order, all durable before any is answered. Later commands see what
    /// earlier ones changed. Batches of one process are run in the order in which they are handed
    /// over, whoever hands them over.
    fn execute(&self, commands: Vec<Keyed<C>>) -> BoxFuture<'static, Answers<R>>;
}

/// What can be asked of orders.
pub trait OrderQueries: Send + Sync {
    /// One order.
    fn order(&self, id: OrderId) -> BoxFuture<'static, Result<Option<Order>, StoreError>>;
    /// Orders, newest first.
    fn orders(&self, filter: OrderFilter, page: Page<OrderId>) -> BoxFuture<'static, Result<Vec<Order>, StoreError>>;
    /// How many orders there are in each group, the largest first.
    fn summary(&self, query: SummaryQuery) -> BoxFuture<'static, Result<Vec<SummaryGroup>, StoreError>>;
}

/// Orders, for their owner.
pub trait OrderStore: OrderQueries + Commands<OrderCommand, Executed<Order>> {}

impl<S: OrderQueries + Commands<OrderCommand, Executed<Order>>> OrderStore for S {}

/// What can be asked of payments.
pub trait PaymentQueries: Send + Sync {
    /// One payment.
    fn payment(&self, id: PaymentId) -> BoxFuture<'static, Result<Option<Payment>, StoreError>>;
    /// An order's current payment.
    fn payment_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Payment>, StoreError>>;
    /// Payments, newest first.
    fn payments(
        &self,
        filter: PaymentFilter,
        page: Page<PaymentId>,
    ) -> BoxFuture<'static, Result<Vec<Payment>, StoreError>>;
}

/// Payments and their ledger, for their owner.
pub trait PaymentStore: PaymentQueries + Commands<PaymentCommand, Executed<Payments>> {
    /// As [`Commands::execute`], and with each payment that settles what these are to be told of it.
    fn execute_before(
        &self,
        audience: &Arc<Audience>,
        commands: Vec<Keyed<PaymentCommand>>,
    ) -> BoxFuture<'static, Answers<Executed<Payments>>>;
    /// The payments of orders that have one with an outside call whose answer is not known, after everything that
    /// was handed to [`Commands::execute`] before: at most `limit` orders', by order id, after `after`.
    fn outstanding_payments(
        &self,
        after: Option<OrderId>,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Payments>, StoreError>>;
}

/// What can be asked of shipments.
pub trait ShipmentQueries: Send + Sync {
    /// One shipment.
    fn shipment(&self, id: ShipmentId) -> BoxFuture<'static, Result<Option<Shipment>, StoreError>>;
    /// An order's shipments.
    fn shipping_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Shipping>, StoreError>>;
    /// Shipments that the carrier has answered for, newest first.
    fn shipments(
        &self,
        filter: ShipmentFilter,
        page: Page<ShipmentId>,
    ) -> BoxFuture<'static, Result<Vec<Shipment>, StoreError>>;
}

/// Shipments, for their owner.
pub trait ShipmentStore: ShipmentQueries + Commands<ShippingCommand, Executed<Shipping>> {
    /// As [`PaymentStore::outstanding_payments`].
    fn outstanding_shipping(
        &self,
        after: Option<OrderId>,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Shipping>, StoreError>>;
}

/// What can be asked of sagas and their logs.
pub trait SagaQueries: Send + Sync {
    /// The order and saga of this very request, if it was made before under its key; an error where another
    /// one was.
    fn claimed(&self, claim: Claim) -> BoxFuture<'static, Result<Option<(OrderId, SagaId)>, StoreError>>;
    /// One saga's row.
    fn saga(&self, id: SagaId) -> BoxFuture<'static, Result<Option<SagaRow>, StoreError>>;
    /// One saga's row and log.
    fn saga_with_log(&self, id: SagaId) -> BoxFuture<'static, Result<Option<StoredSaga>, StoreError>>;
    /// How many sagas have not come to rest: none where others have the sagas.
    fn unfinished(&self) -> BoxFuture<'static, Result<u64, StoreError>>;
    /// Sagas, newest first.
    fn sagas(&self, filter: SagaFilter, page: Page<SagaId>) -> BoxFuture<'static, Result<Vec<SagaRow>, StoreError>>;
}

/// Sagas and their logs, for their coordinator.
pub trait SagaStore: SagaQueries {
    /// Runs the commands in order, as [`Commands::execute`] does.
    fn execute(&self, commands: Vec<SagaCommand>) -> BoxFuture<'static, Answers<SagaAnswer>>;
    /// Waiting sagas whose time has come, the longest due first, and when the next one after them is.
    fn due(&self, now: Timestamp, limit: u32) -> BoxFuture<'static, Result<Due, StoreError>>;
    /// Sagas that were under way, not waiting, when their process ended: at most `limit`, by id,
    /// after `after`. Sees everything that was handed to [`Self::execute`] before.
    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> BoxFuture<'static, Result<Vec<SagaId>, StoreError>>;
}

/// Waiting sagas whose time has come.
#[derive(Clone, Debug)]
pub struct Due {
    /// They, the longest due first.
    pub sagas: Vec<SagaId>,
    /// When the next one after them is due.
    pub next: Option<Timestamp>,
}

/// What the store as a whole can be asked.
pub trait Engine: Send + Sync {
    /// Resolves when everything handed over before is durable or has failed: the proof that accepted
    /// work advances.
    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>>;
    /// Forgets idempotency keys claimed before `before`, a bounded number at a time; how many.
    fn forget_keys(&self, before: Timestamp) -> BoxFuture<'static, Result<usize, StoreError>>;
    /// Removes sagas that ended well before `before`, with their logs: none whose idempotency key is still
    /// remembered, and a bounded number at a time. What their participants know of the orders stays.
    fn remove_sagas(&self, before: Timestamp) -> BoxFuture<'static, Result<Removed, StoreError>>;
    /// All that belongs to an order, where that is known without asking the database, and was true at some time
    /// after `since`.
    fn order_since(&self, _order: OrderId, _saga: SagaId, _since: Instant) -> Option<OrderRows> {
        None
    }
    /// What stands open, counted by indexes of that alone.
    fn census(&self) -> BoxFuture<'static, Result<Census, StoreError>>;
    /// Runs what was handed over and closes. Later commands are refused.
    fn close(&self) -> BoxFuture<'static, ()>;
}

/// All that belongs to an order.
#[derive(Clone, Debug)]
pub struct OrderRows {
    /// The order.
    pub order: Order,
    /// Its payments.
    pub payments: Payments,
    /// Its shipments.
    pub shipping: Shipping,
    /// Its saga.
    pub saga: SagaRow,
}

/// What the store has done since the process started.
#[derive(Debug, Default)]
pub struct Stats {
    /// Transactions committed.
    pub commits: AtomicU64,
    /// Commands run.
    pub commands: AtomicU64,
    /// Statements of those transactions, BEGIN and COMMIT not counted.
    pub statements: AtomicU64,
    /// Batches that failed and were run again one command at a time.
    pub reruns: AtomicU64,
}

impl Stats {
    pub(crate) fn add(counter: &AtomicU64, amount: u64) {
        counter.fetch_add(amount, Ordering::Relaxed);
    }

    /// A counter's value.
    pub fn get(counter: &AtomicU64) -> u64 {
        counter.load(Ordering::Relaxed)
    }
}

/// A database, by owner of data.
#[derive(Clone)]
pub struct Store {
    /// Orders.
    pub orders: Arc<dyn OrderStore>,
    /// Payments.
    pub payments: Arc<dyn PaymentStore>,
    /// What others are told of payments, and what they report.
    pub notifier: Arc<dyn NotifierStore>,
    /// Shipments.
    pub shipments: Arc<dyn ShipmentStore>,
    /// Stock.
    pub stock: Arc<dyn StockStore>,
    /// Sagas.
    pub sagas: Arc<dyn SagaStore>,
    /// Products, shops, offers and warehouses.
    pub catalog: Arc<dyn CatalogStore>,
    /// The catalogue and the stock in bulk.
    pub bulk: Arc<dyn BulkStore>,
    /// Facts for the audit.
    pub facts: Arc<dyn FactSource>,
    /// The store as a whole.
    pub engine: Arc<dyn Engine>,
    /// The other processes that share it, where there can be some.
    pub peers: Option<Arc<dyn Peers>>,
    /// What it has done.
    pub stats: Arc<Stats>,
}

/// What every owner can be asked, wherever it is.
#[derive(Clone)]
pub struct Queries {
    /// Orders.
    pub orders: Arc<dyn OrderQueries>,
    /// Payments.
    pub payments: Arc<dyn PaymentQueries>,
    /// What others are told of payments, and what they report.
    pub notifier: Arc<dyn NotifierQueries>,
    /// Shipments.
    pub shipments: Arc<dyn ShipmentQueries>,
    /// Stock.
    pub stock: Arc<dyn StockQueries>,
    /// Sagas.
    pub sagas: Arc<dyn SagaQueries>,
    /// Products, shops, offers and warehouses.
    pub catalog: Arc<dyn CatalogQueries>,
    /// Facts for the audit.
    pub facts: Arc<dyn FactSource>,
}

impl Store {
    /// What can be asked of the owners, all of whom are here.
    pub fn queries(&self) -> Queries {
        Queries {
            orders: Arc::clone(&self.orders) as _,
            payments: Arc::clone(&self.payments) as _,
            notifier: Arc::clone(&self.notifier) as _,
            shipments: Arc::clone(&self.shipments) as _,
            stock: Arc::clone(&self.stock) as _,
            sagas: Arc::clone(&self.sagas) as _,
            catalog: Arc::clone(&self.catalog) as _,
            facts: Arc::clone(&self.facts),
        }
    }
}
