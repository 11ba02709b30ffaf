//! The SQLite backend: how fast batches of commands become durable, by how many commands a batch has.
//!
//! `create_orders/N` hands over batches of N new orders. `saga_logs/N` keeps the logs of N sagas in step:
//! one batch starts them, each with its row, four append what follows each step, and the last appends
//! their end and updates their rows; then come the next N sagas. A batch is one transaction with
//! `synchronous=FULL`, and the next one is handed over when it has been answered.
//!
//! Measured is the time from handing a batch over until its answers are there: the way to the writer thread
//! and back, loading, deciding and saving each command, writing a log entry's JSON, COMMIT with its fsync,
//! and a checkpoint now and then. Not measured: making the commands, several batches that the writer takes
//! as one transaction (see [`crate::orders`]), and the readers.
//!
//! Throughput is in commands; the time is that of one batch, so that its inverse is batches per second.

use crate::given::{self, Database, Thread};
use backstitch::{
    clock,
    domain::{
        checkout::{self, CheckoutSaga},
        saga::{Next, Outcome},
        time::Timestamp,
    },
    store::{Answers, Append, RowUpdate, SagaCommand, StartSaga, Store},
};
use criterion::{BenchmarkId, Criterion, Throughput};
use futures::future::BoxFuture;
use std::{cell::LazyCell, time::Instant};

/// Commands in one batch.
const SIZES: [usize; 5] = [1, 16, 64, 256, 512];

pub(crate) fn bench(criterion: &mut Criterion) {
    bench_batches(
        criterion,
        "create_orders",
        |size| move || (0..size).map(|_| given::create_order().into()).collect(),
        |store, commands| store.orders.execute(commands),
    );
    bench_batches(
        criterion,
        "saga_logs",
        |size| {
            let mut sagas = InStep { size, sagas: Vec::with_capacity(size) };
            move || sagas.next_batch()
        },
        |store, commands| store.sagas.execute(commands),
    );
}

/// Measures batches of each size on a database of their own. `source` gives what makes one batch after
/// another.
fn bench_batches<C, A, M>(
    criterion: &mut Criterion,
    name: &str,
    source: impl Fn(usize) -> M,
    execute: fn(&Store, Vec<C>) -> BoxFuture<'static, Answers<A>>,
) where
    C: Send + 'static,
    A: 'static,
    M: FnMut() -> Vec<C>,
{
    let client = Thread::start();
    let mut group = criterion.benchmark_group(format!("store/{name}"));
    for size in SIZES {
        let database = LazyCell::new(Database::create);
        let mut next_batch = source(size);
        group.throughput(Throughput::Elements(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter_custom(|batches| {
                let batches: Vec<_> = (0..batches).map(|_| next_batch()).collect();
                let store = database.store.clone();
                client.run(move || async move {
                    let started = Instant::now();
                    for commands in batches {
                        let answers = execute(&store, commands).await;
                        assert!(answers.iter().all(Result::is_ok), "the store takes every command");
                    }
                    started.elapsed()
                })
            });
        });
    }
    group.finish();
}

/// Sagas that are all at the same step, and are followed by new ones when they rest.
struct InStep {
    size: usize,
    sagas: Vec<CheckoutSaga>,
}

impl InStep {
    /// What the coordinator would hand over at this step.
    fn next_batch(&mut self) -> Vec<SagaCommand> {
        let now = clock::now();
        if self.sagas.is_empty() {
            let (sagas, starts) = (0..self.size).map(|_| start(now)).unzip();
            self.sagas = sagas;
            return starts;
        }
        let appends = self.sagas.iter_mut().map(|saga| append(saga, now)).collect();
        self.sagas.retain(|saga| saga.next() != Next::Rest);
        appends
    }
}

fn start(now: Timestamp) -> (CheckoutSaga, SagaCommand) {
    let (saga, events) = checkout::begin(given::saga_id(), given::checkout(), now);
    let start = StartSaga { row: given::row(&saga, now), entry: given::entry(events, now), claim: None };
    (saga, SagaCommand::Start(Box::new(start)))
}

/// The next step is done.
fn append(saga: &mut CheckoutSaga, now: Timestamp) -> SagaCommand {
    let Next::Run(tasks) = saga.next() else { panic!("a saga whose steps are done at once waits for nothing") };
    let (seq, before) = (saga.events(), saga.summary());
    let events = saga.outcome(tasks[0].step, Outcome::DONE, now, 0.0).expect("a step that runs can be done");
    let after = saga.summary();
    SagaCommand::Append(Box::new(Append {
        saga_id: saga.id(),
        order_id: saga.input().order_id,
        seq,
        entry: given::entry(events, now),
        row: (after != before).then_some(RowUpdate { summary: after, wake_at: None }),
        claim: None,
    }))
}
