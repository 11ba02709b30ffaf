//! The pure state machine: how fast a checkout's events are made, and how fast a log becomes a saga.
//!
//! Measured is what moves a saga: beginning it, asking what is next, and taking in each outcome, on the
//! happy path (`drive/completed`) and where the carrier refuses and everything is undone
//! (`drive/compensated`). `replay/…` folds the events of such a saga, which are in memory, and
//! `replay_stored/…` the same log as its JSON is read from the database, which is what recovery does.
//!
//! Not measured: the database, the actors, the participants' decisions, and writing the log's JSON.
//!
//! Throughput is in events, which are the transitions; the time is that of one saga.

use crate::given;
use backstitch::{
    clock,
    domain::{
        checkout::{self, Checkout, CheckoutEvent, CheckoutSaga, Verb},
        ids::SagaId,
        reason::Reason,
        saga::{Next, Outcome, Saga, Status},
        time::Timestamp,
    },
    store::StoredSaga,
};
use criterion::{BatchSize, Criterion, Throughput};
use std::{hint::black_box, sync::Arc};

/// A retry's jitter, which no path here comes to.
const JITTER: f64 = 0.5;

/// How a checkout goes.
#[derive(Clone, Copy)]
enum Way {
    /// Every step is done.
    Completed,
    /// The carrier refuses: shipping, payment and order are undone.
    Compensated,
}

impl Way {
    const ALL: [Self; 2] = [Self::Completed, Self::Compensated];

    fn end(self) -> Status {
        match self {
            Self::Completed => Status::Completed,
            Self::Compensated => Status::Compensated,
        }
    }

    fn outcome(self, verb: Verb) -> Outcome {
        match (self, verb) {
            (Self::Compensated, Verb::StartShipping) => Outcome::rejected(Reason::ShippingFailed),
            _ => Outcome::DONE,
        }
    }
}

/// Drives a saga from its start to its rest; `append` gets the events of each move.
fn drive(
    way: Way,
    id: SagaId,
    checkout: Arc<Checkout>,
    now: Timestamp,
    mut append: impl FnMut(Vec<CheckoutEvent>),
) -> CheckoutSaga {
    let (mut saga, events) = checkout::begin(id, checkout, now);
    append(events);
    while let Next::Run(tasks) = saga.next() {
        for task in tasks {
            let outcome = way.outcome(task.action);
            append(saga.outcome(task.step, outcome, now, JITTER).expect("the answer to a step that runs is possible"));
        }
    }
    saga
}

/// A finished saga as the store has it.
fn stored(way: Way) -> StoredSaga {
    let (id, checkout, now) = (given::saga_id(), given::checkout(), clock::now());
    let (mut entries, mut seq) = (Vec::new(), 0);
    let saga = drive(way, id, checkout, now, |events| {
        let entry = given::entry(events, now);
        entries.push((seq, serde_json::to_string(&entry).expect("a log entry is JSON")));
        seq += u32::try_from(entry.events.len()).expect("an append has few events");
    });
    assert_eq!(saga.summary().status, way.end(), "the saga goes the way it should");
    StoredSaga { row: given::row(&saga, now), entries }
}

pub(crate) fn bench(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("saga");
    for way in Way::ALL {
        let (id, checkout, now) = (given::saga_id(), given::checkout(), clock::now());
        let (stored, name) = (stored(way), way.end().as_str());
        let events = stored.replay().expect("the log was just made").events();
        group.throughput(Throughput::Elements(events.into()));
        group.bench_function(format!("drive/{name}"), |bencher| {
            bencher.iter(|| drive(way, id, Arc::clone(&checkout), now, |events| drop(black_box(events))));
        });

        let entries = stored.log().expect("the log was just made");
        let log: Vec<_> =
            entries.into_iter().flat_map(|(_, entry)| entry.events.into_iter().map(move |e| (entry.at, e))).collect();
        group.bench_function(format!("replay/{name}"), |bencher| {
            let replay = |log| Saga::replay(id, log, checkout::definition_of).expect("the log was just made");
            bencher.iter_batched(|| log.clone(), replay, BatchSize::SmallInput);
        });
        group.bench_function(format!("replay_stored/{name}"), |bencher| {
            bencher.iter(|| black_box(&stored).replay().expect("the log was just made"));
        });
    }
    group.finish();
}
