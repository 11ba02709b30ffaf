//! The backend for several machines: one PostgreSQL database that every node of a cluster uses.
//!
//! ```text
//!   order ─┐
//!   payment┼─▶ queue ─▶ writer thread, a connection of its own: every queued command in one transaction ─▶ answers
//!   saga ──┘
//!   queries ─▶ reader thread ─▶ a pool of connections
//! ```
//!
//! A commit has reached the server's disk when it returns. When the connection is lost meanwhile, the writer finds
//! out what became of it before it answers.

mod catalog;
mod census;
mod codec;
mod connect;
mod error;
mod export;
mod facts;
mod loader;
mod node;
mod notifier;
mod order;
mod payment;
mod peers;
mod readers;
mod recent;
mod retention;
mod saga;
mod schema;
mod session;
mod shipment;
mod snapshot;
mod stock;
mod tables;
mod tls;
mod transfer;
mod write;
mod writer;

pub use connect::{Address, Certificate};
pub use error::OpenError;
pub(super) use transfer::Target;

use super::{
    BulkStore, BulkWork, Census, Engine, ExportSource, FactSource, OrderRows, Removed, SagaRow, Stats, Store,
    StoreError, Verdict,
    commands::{Queue, Removal},
};
use crate::role::{Role, Roles};
use crate::{
    domain::{
        catalog::PricedOffer,
        ids::{OrderId, SagaId, ShopId, VariantId},
        order::Order,
        payment::Payments,
        shipment::Shipping,
        stock::Reservation,
        time::Timestamp,
    },
    lifecycle::Fatal,
};
use connect::Connector;
use futures::future::BoxFuture;
use loader::Loader;
use node::Membership;
use peers::Neighbours;
use readers::Readers;
use recent::Recent;
use session::Session;
use snapshot::Snapshots;
use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{
    Client,
    types::{IsNull, ToSql, Type, to_sql_checked},
};

/// How a database is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where it is, and how it is reached.
    pub address: Address,
    /// Whose tables are in it, and nobody else's.
    pub owners: Roles,
    /// Most connections for reading.
    pub pool_size: usize,
    /// How long a query waits for one of them.
    pub pool_timeout: Duration,
    /// Most commands in one transaction.
    pub max_batch: usize,
    /// This process's name.
    pub node: String,
    /// How long what this process drives is left to it when it is not heard of.
    pub lease: Duration,
}

/// The backend. All owners share the database, its writer and its readers.
pub(super) struct Postgres {
    queue: Queue,
    owners: Roles,
    readers: Readers,
    orders: Loader<OrderId, Order>,
    payments: Loader<OrderId, Payments>,
    shipping: Loader<OrderId, Shipping>,
    reservations: Loader<OrderId, Reservation>,
    priced_offers: Loader<(ShopId, VariantId), PricedOffer>,
    sagas: Loader<SagaId, SagaRow>,
    recent: Arc<Recent>,
    neighbours: Arc<Neighbours>,
}

/// A runtime for one thread, which drives the connections that are made on it.
fn runtime() -> Result<Runtime, OpenError> {
    Builder::new_current_thread().enable_all().build().map_err(|source| OpenError::NoRuntime { source })
}

/// A connection that is driven by the runtime it is made on.
async fn connected(connector: &Connector) -> Result<Client, OpenError> {
    let (client, link) = connector.connect().await?;
    tokio::spawn(async move {
        if let Err(error) = link.await {
            tracing::debug!(%error, "a connection has ended");
        }
    });
    Ok(client)
}

/// Opens a database for a server: migrated, with its writer and readers running. Blocks meanwhile.
///
/// # Errors
/// When it cannot be reached, may not be used, or a migration fails.
pub fn open(options: &Options, fatal: &Fatal) -> Result<Store, OpenError> {
    apart(|| open_here(options, fatal))
}

/// Runs what blocks on a runtime of its own, which cannot be done on a thread that drives another one.
fn apart<T: Send>(work: impl FnOnce() -> Result<T, OpenError> + Send) -> Result<T, OpenError> {
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

fn open_here(options: &Options, fatal: &Fatal) -> Result<Store, OpenError> {
    let runtime = runtime()?;
    let connector = Connector::new(&options.address)?;
    let (client, membership) = runtime.block_on(async {
        schema::migrate(&mut connected(&connector).await?, &options.address, options.owners).await?;
        let client = connected(&connector).await?;
        let membership = Membership::register(connector.clone(), &client, &options.node, options.lease)
            .await
            .map_err(|error| connector.error(error))?
            .ok_or_else(|| OpenError::Unfinished { place: options.address.to_string() })?;
        Ok::<_, OpenError>((client, membership))
    })?;
    let no_thread = |source| OpenError::NoRuntime { source };
    let readers =
        Readers::start(connector.clone().manager(), options.pool_size, options.pool_timeout).map_err(no_thread)?;
    let neighbours = Neighbours::start(self::runtime()?, &membership, options.owners, fatal).map_err(no_thread)?;
    let facts = Arc::new(Snapshots::new(connect(connector.clone())));
    let session = Session::new(runtime, client);
    let (stats, recent) = (Arc::new(Stats::default()), Arc::new(Recent::default()));
    let backend = Arc::new(Postgres {
        queue: writer::start(membership, session, options.max_batch, Arc::clone(&recent), Arc::clone(&stats), fatal),
        owners: options.owners,
        recent,
        orders: order::loader(&readers),
        payments: payment::loader(&readers),
        shipping: shipment::loader(&readers),
        reservations: stock::loader(&readers),
        priced_offers: catalog::loader(&readers),
        sagas: saga::loader(&readers),
        readers,
        neighbours: Arc::new(neighbours),
    });
    Ok(Store {
        orders: Arc::clone(&backend) as _,
        payments: Arc::clone(&backend) as _,
        notifier: Arc::clone(&backend) as _,
        shipments: Arc::clone(&backend) as _,
        stock: Arc::clone(&backend) as _,
        sagas: Arc::clone(&backend) as _,
        catalog: Arc::clone(&backend) as _,
        bulk: Arc::clone(&backend) as _,
        facts,
        peers: Some(Arc::clone(&backend) as _),
        engine: backend,
        stats,
    })
}

/// Brings a database up to this release; the names of the migrations that were applied. Blocks meanwhile.
///
/// # Errors
/// When it cannot be reached, may not be changed, or a migration fails.
pub fn migrate(options: &Options) -> Result<Vec<String>, OpenError> {
    let connector = Connector::new(&options.address)?;
    apart(|| {
        runtime()?.block_on(async {
            schema::migrate(&mut connected(&connector).await?, &options.address, options.owners).await
        })
    })
}

/// Opens a database for an audit alone. Whose tables are not in it has nothing to say.
///
/// # Errors
/// When there is no such database, or nothing in it.
pub fn open_facts(options: &Options) -> Result<Arc<dyn FactSource>, OpenError> {
    Ok(Arc::new(snapshots(options)?.0))
}

/// Opens a database to export it.
///
/// # Errors
/// When there is no such database, or no stock in it.
pub fn open_export(options: &Options) -> Result<Arc<dyn ExportSource>, OpenError> {
    let (snapshots, found) = snapshots(options)?;
    Roles::of([Role::Stock]).check_all_in(found, &options.address)?;
    Ok(Arc::new(snapshots))
}

/// Where snapshots are taken, and whose tables there are to take them of.
fn snapshots(options: &Options) -> Result<(Snapshots, Roles), OpenError> {
    let connector = Connector::new(&options.address)?;
    let found =
        apart(|| runtime()?.block_on(async { schema::found(&connected(&connector).await?, &options.address).await }))?;
    Ok((Snapshots::new(connect(connector)), found))
}

fn connect(connector: Connector) -> snapshot::Connect {
    Arc::new(move || {
        let connector = connector.clone();
        Box::pin(async move { connected(&connector).await.map_err(|error| StoreError::Unavailable(error.to_string())) })
    })
}

impl BulkStore for Postgres {
    fn change(&self, work: BulkWork) -> BoxFuture<'static, Result<Verdict, StoreError>> {
        self.queue.change_in_bulk(work)
    }
}

impl Engine for Postgres {
    fn settle(&self) -> BoxFuture<'static, Result<(), StoreError>> {
        self.queue.ask(|_| Ok(()))
    }

    fn forget_keys(&self, before: Timestamp) -> BoxFuture<'static, Result<usize, StoreError>> {
        let owners = self.owners;
        self.queue.ask(move |tx| tx.forget_keys(owners, before))
    }

    fn remove_sagas(&self, before: Timestamp) -> BoxFuture<'static, Result<Removed, StoreError>> {
        if !self.owners.contains(Role::Coordinator) {
            return Box::pin(std::future::ready(Ok(Removed::default())));
        }
        self.queue.execute_one::<Removal>(before)
    }

    fn order_since(&self, order: OrderId, saga: SagaId, since: Instant) -> Option<OrderRows> {
        self.recent.order_since(order, saga, since)
    }

    fn census(&self) -> BoxFuture<'static, Result<Census, StoreError>> {
        let owners = self.owners;
        self.readers.read(async move |client| census::count(client, owners).await)
    }

    /// What this node owned is the others' from then on.
    fn close(&self) -> BoxFuture<'static, ()> {
        let (closed, neighbours) = (self.queue.close(), Arc::clone(&self.neighbours));
        Box::pin(async move {
            closed.await;
            neighbours.leave().await;
        })
    }
}

impl ToSql for super::Scope {
    fn to_sql(&self, ty: &Type, out: &mut bytes::BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        self.as_str().to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <&str as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}
