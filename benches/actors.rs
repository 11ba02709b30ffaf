//! The way to an actor and back: a message to a supervised actor, and its answer.
//!
//! `ping/…` asks the coordinator of an idle server whether it handles messages, which costs it nothing but
//! the message. `create_order/…` has an order recorded by the order actor over its database: batched in the
//! mailbox, handed to the writer thread, durable when answered.
//!
//! `…/same_arbiter/N` is asked from a task on the actor's own thread, `…/across_arbiters/N` from another
//! thread, as every request over HTTP is. N messages are sent together by one task, and the next N when all of
//! them are answered; with 1, the time is that of one message and its answer.
//!
//! Not measured: making the messages, and several clients of one actor on threads of their own.
//!
//! Throughput is in messages.

use crate::given::{self, Database, Thread};
use actix::{Actor, Addr, Context, Handler, Message};
use backstitch::{
    actors::{
        OrderActor, Perform, SagaCoordinator,
        coordinator::Ping,
        supervisor::{ActorStatus, supervise},
    },
    domain::saga::{Outcome, StepReply},
};
use criterion::{BenchmarkId, Criterion, Throughput};
use futures::future::join_all;
use std::{
    cell::LazyCell,
    sync::Arc,
    time::{Duration, Instant},
};

/// Messages sent together.
const BURSTS: [usize; 3] = [1, 16, 256];

/// An actor and what is below it.
struct Asked<A: Actor> {
    address: Addr<A>,
    // Dropped in this order: no database is closed under its actors.
    thread: Thread,
    _database: Database,
}

impl Asked<SagaCoordinator> {
    fn coordinator() -> Self {
        let (database, thread) = (Database::create(), Thread::start());
        let address = given::start_actors(&thread, &database).coordinator.expect("the sagas are driven here");
        Self { address, thread, _database: database }
    }
}

impl Asked<OrderActor> {
    fn order() -> Self {
        let (database, thread) = (Database::create(), Thread::start());
        let (store, status) = (Arc::clone(&database.store.orders), ActorStatus::new("order"));
        let seen = Arc::clone(&status);
        let address = supervise(&thread.handle(), status, database.fatal.clone(), move || OrderActor::new(store, seen));
        Self { address, thread, _database: database }
    }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    bench_bursts(criterion, "ping", Asked::coordinator, || Ping, |()| true);
    bench_bursts(
        criterion,
        "create_order",
        Asked::order,
        || Perform(vec![given::create_order()]),
        |replies| matches!(replies[..], [StepReply::Outcome(Outcome::Done { .. })]),
    );
}

/// Measures bursts of each size from each side, each with an actor of its own.
fn bench_bursts<A, M>(
    criterion: &mut Criterion,
    name: &str,
    start: fn() -> Asked<A>,
    message: fn() -> M,
    is_good: fn(M::Result) -> bool,
) where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    let elsewhere = Thread::start();
    let mut group = criterion.benchmark_group(format!("actors/{name}"));
    for side in ["same_arbiter", "across_arbiters"] {
        for burst in BURSTS {
            let asked = LazyCell::new(start);
            group.throughput(Throughput::Elements(burst as u64));
            group.bench_function(BenchmarkId::new(side, burst), |bencher| {
                bencher.iter_custom(|bursts| {
                    let client = if side == "same_arbiter" { &asked.thread } else { &elsewhere };
                    let address = asked.address.clone();
                    client.run(move || async move {
                        let mut waited = Duration::ZERO;
                        for _ in 0..bursts {
                            let messages: Vec<M> = (0..burst).map(|_| message()).collect();
                            let started = Instant::now();
                            let answers = join_all(messages.into_iter().map(|message| address.send(message))).await;
                            waited += started.elapsed();
                            let good = answers.into_iter().all(|answer| answer.is_ok_and(is_good));
                            assert!(good, "the actor answers every message as it should");
                        }
                        waited
                    })
                });
            });
        }
    }
    group.finish();
}
