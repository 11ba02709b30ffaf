//! Whole orders in one process: placed through the service, paid by the simulated provider, shipped, and
//! at rest, over a database of their own.
//!
//! `completed/N` has N clients, each of which places its next order when the saga of its last one rests.
//!
//! Measured is everything between a facade and the disk: admission, the actors and their batches, the saga's
//! seven commits in a chain, which the orders of all clients share, and the news of its rest. The clients are
//! on one thread, the actors on another, the store's writer on a third. Not measured: HTTP, which `scripts/bench`
//! adds, idempotency keys, outside calls, and reading the order for its answer.
//!
//! Throughput is in sagas; the time is that of one order of each client.

use crate::given::{self, Database, Thread};
use backstitch::{
    domain::{ids::SagaId, saga::Status},
    service::Service,
};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput};
use futures::future::join_all;
use std::{
    cell::LazyCell,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Clients at once.
const CLIENTS: [usize; 4] = [1, 16, 64, 256];
/// How long a saga may take before something must be wrong.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is behind a server's facade.
struct House {
    service: Service,
    /// Kept, or nobody could wait for a saga.
    _stopping: watch::Sender<bool>,
    // Dropped in this order: no database is closed under its actors.
    _actors: Thread,
    _database: Database,
}

impl House {
    fn start() -> Self {
        let (database, thread) = (Database::create(), Thread::start());
        let actors = given::start_actors(&thread, &database);
        let (stopping, seen) = watch::channel(false);
        let service = Service::new(database.store.clone(), actors, "bench", given::policy(), seen);
        Self { service, _stopping: stopping, _actors: thread, _database: database }
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let thread = Thread::start();
    let mut group = criterion.benchmark_group("orders/completed");
    // Samples of one length: all clients begin together, which is then the same small part of each.
    group.sampling_mode(SamplingMode::Flat);
    for clients in CLIENTS {
        let house = LazyCell::new(House::start);
        group.throughput(Throughput::Elements(clients as u64));
        group.bench_function(BenchmarkId::from_parameter(clients), |bencher| {
            bencher.iter_custom(|orders| {
                let service = house.service.clone();
                thread.run(move || async move {
                    let started = Instant::now();
                    let last = join_all((0..clients).map(|_| client(&service, orders))).await;
                    let elapsed = started.elapsed();
                    assert_completed(&service, last).await;
                    elapsed
                })
            });
        });
    }
    group.finish();
}

/// Places orders one after another; the last one's saga.
async fn client(service: &Service, orders: u64) -> Option<SagaId> {
    let mut last = None;
    for _ in 0..orders {
        let placed = service.place_order(given::saga_id(), given::checkout(), None, PATIENCE).await;
        let placed = placed.expect("an order is placed");
        last = Some(placed.saga_id);
    }
    last
}

async fn assert_completed(service: &Service, sagas: impl IntoIterator<Item = Option<SagaId>>) {
    for saga in sagas.into_iter().flatten() {
        let row = service.queries().sagas.saga(saga).await.expect("the store answers");
        assert_eq!(row.map(|row| row.status), Some(Status::Completed), "saga {saga}");
    }
}
