//! Sources in memory, put together: what is told stays the same however it is split, and nobody waits for ever.

use super::*;
use crate::domain::{
    ids::{VariantId, WarehouseId},
    time::Timestamp,
};
use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Builder;
use uuid::Uuid;

const REMOVED: Watermark = Watermark { ended_before: Timestamp::from_millis(7), sagas: 3 };
const FAILED: &str = "out of reach";

/// Facts in memory, and what became of a pass over them.
#[derive(Default)]
struct Source {
    orders: Vec<OrderFacts>,
    shelves: Vec<ShelfFacts>,
    removed: Option<Watermark>,
    /// It fails after so many.
    fails_after: Option<usize>,
    /// It has to wait after each.
    is_slow: bool,
    /// How far its pass has come, whether it is at its end, and whether it was told to stop.
    told: AtomicU64,
    ended: AtomicBool,
    stopped: AtomicBool,
    /// What must be so when its pass begins.
    before: Option<Box<dyn Fn() -> bool + Send + Sync>>,
}

impl Source {
    async fn pass<F: Clone>(&self, facts: &[F], mut visit: Visit<F>) -> Result<Passed, StoreError> {
        assert!(self.before.as_ref().is_none_or(|before| before()), "it was begun too early");
        for (index, facts) in facts.iter().enumerate() {
            if self.fails_after == Some(index) {
                return Err(StoreError::Unavailable(FAILED.into()));
            }
            if self.is_slow {
                tokio::time::sleep(Duration::from_micros(50)).await;
            }
            self.told.fetch_add(1, Ordering::SeqCst);
            if visit(facts.clone()).is_break() {
                self.stopped.store(true, Ordering::SeqCst);
                return Ok(self.removed.into());
            }
        }
        self.ended.store(true, Ordering::SeqCst);
        Ok(self.removed.into())
    }
}

/// A source that tests go on looking at.
#[derive(Clone)]
struct Shared(Arc<Source>);

impl FactSource for Shared {
    fn visit(&self, visit: Visit<OrderFacts>) -> Passing {
        let source = Arc::clone(&self.0);
        Box::pin(async move { source.pass(&source.orders, visit).await })
    }

    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        let source = Arc::clone(&self.0);
        Box::pin(async move { source.pass(&source.shelves, visit).await.map(drop) })
    }

    fn judge_tables(&self, _: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

impl Shared {
    fn of(source: Source) -> Self {
        Self(Arc::new(source))
    }

    #[track_caller]
    fn comes_to(&self, what: &str, is_so: impl Fn(&Source) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !is_so(&self.0) {
            assert!(Instant::now() < deadline, "in vain: {what}");
            thread::yield_now();
        }
    }
}

fn block_on<T>(pass: impl Future<Output = T>) -> T {
    Builder::new_current_thread().build().unwrap().block_on(pass)
}

fn nothing_of(number: u64) -> OrderFacts {
    let order_id = OrderId::from_uuid(Uuid::from_u128(number.into()));
    OrderFacts::nothing_of(order_id)
}

/// What an owner, by its number, knows of an order. What is unreadable is told as anything else.
fn known(number: u64, owner: usize) -> OrderFacts {
    let (facts, said) = (nothing_of(number), format!("{owner} of {number}"));
    match owner {
        0 => OrderFacts { saga: Some(Err(said)), ..facts },
        1 => OrderFacts { order: Some(Err(said)), ..facts },
        2 => OrderFacts { payment: Some(PaymentFacts { payments: Some(Err(said)), movements: Vec::new() }), ..facts },
        3 => OrderFacts { stock: Some(StockFacts { reservation: Some(Err(said)), movements: Vec::new() }), ..facts },
        _ => OrderFacts { shipping: Some(Err(said)), ..facts },
    }
}

fn shelf(number: u64) -> ShelfFacts {
    let variant_id = VariantId::from_uuid(Uuid::from_u128(number.into()));
    let shelf = Shelf { variant_id, warehouse_id: WarehouseId::from_uuid(Uuid::nil()) };
    ShelfFacts { shelf, level: None, moved: Ok((1, 0)), promised: 0 }
}

fn all_of(sources: &[Shared]) -> Arc<dyn FactSource> {
    merged(sources.iter().map(|source| Arc::new(source.clone()) as Arc<dyn FactSource>).collect())
}

/// What is told of orders, and what the pass answers.
fn told(sources: &[Shared]) -> Result<(Vec<OrderFacts>, Option<Watermark>), StoreError> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let visit = move |facts| {
        sink.lock().unwrap().push(facts);
        ControlFlow::Continue(())
    };
    let removed = block_on(all_of(sources).visit(Box::new(visit)))?.removed;
    Ok((std::mem::take(&mut seen.lock().unwrap()), removed))
}

#[test]
fn facts_are_the_same_however_they_are_split() {
    let seed = std::env::var("BACKSTITCH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("BACKSTITCH_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..60 {
        let databases = random.usize(1..=5);
        let places: Vec<_> = (0..5).map(|owner| if owner == 0 { 0 } else { random.usize(0..databases) }).collect();
        let removed = random.bool().then_some(REMOVED);
        let mut sources: Vec<Source> = Vec::new();
        sources.resize_with(databases, || Source { is_slow: random.u8(0..8) == 0, ..Source::default() });
        let mut whole = Vec::new();
        for number in 0..random.u64(0..400) {
            let knowing: Vec<_> = (0..5).filter(|_| random.u8(0..3) > 0).collect();
            if knowing.is_empty() {
                continue;
            }
            let mut all = OrderFacts { removed, ..nothing_of(number) };
            let mut parts: Vec<Option<OrderFacts>> = vec![None; databases];
            for owner in knowing {
                all.join(known(number, owner));
                let place = places[owner];
                let part = parts[place].get_or_insert_with(|| nothing_of(number));
                part.removed = removed.filter(|_| place == 0);
                part.join(known(number, owner));
            }
            whole.push(all);
            for (source, part) in sources.iter_mut().zip(parts) {
                source.orders.extend(part);
            }
        }
        sources[0].removed = removed;
        let sources: Vec<_> = sources.into_iter().map(Shared::of).collect();
        let (facts, answered) = told(&sources).unwrap();
        assert_eq!(facts, whole);
        assert_eq!(answered, removed);
    }
}

#[test]
fn what_is_far_behind_in_one_source_keeps_no_other_waiting_for_ever() {
    let many = |from: u64, owner| (from..from + 1000).map(|number| known(number, owner)).collect();
    let late = Shared::of(Source { orders: many(1000, 0), ..Source::default() });
    let early = Shared::of(Source { orders: many(0, 1), is_slow: true, ..Source::default() });
    let (facts, _) = told(&[late, early]).unwrap();
    assert_eq!(facts.len(), 2000);
    assert!(facts.is_sorted_by_key(|facts| facts.order_id));
}

#[test]
fn a_source_is_begun_when_the_one_before_it_has_found_something_or_is_at_its_end() {
    for orders in [vec![known(1, 0)], Vec::new()] {
        let first = Shared::of(Source { orders, is_slow: true, ..Source::default() });
        let watched = first.clone();
        let has_begun = move || watched.0.told.load(Ordering::SeqCst) > 0 || watched.0.ended.load(Ordering::SeqCst);
        let second = Source { before: Some(Box::new(has_begun)), orders: vec![known(1, 1)], ..Source::default() };
        assert!(told(&[first, Shared::of(second)]).is_ok());
    }
}

#[test]
fn what_was_removed_reaches_every_order_also_where_no_saga_is_left() {
    let others = || Shared::of(Source { orders: vec![known(1, 1), known(2, 1)], ..Source::default() });
    let some = Source { orders: vec![OrderFacts { removed: Some(REMOVED), ..known(2, 0) }], ..Source::default() };
    for sagas in [Source { removed: Some(REMOVED), ..some }, Source { removed: Some(REMOVED), ..Source::default() }] {
        let (facts, removed) = told(&[Shared::of(sagas), others()]).unwrap();
        assert!(facts.iter().all(|facts| facts.removed == Some(REMOVED)), "{facts:?}");
        assert_eq!((facts.len(), removed), (2, Some(REMOVED)));
    }
}

#[test]
fn what_two_sources_know_of_one_order_is_seen_to_be_so() {
    for owner in 0..5 {
        let one = || Shared::of(Source { orders: vec![known(1, owner)], ..Source::default() });
        let (facts, _) = told(&[one(), one()]).unwrap();
        let [facts] = &facts[..] else { panic!("{facts:?}") };
        let unreadable = [
            facts.saga.as_ref().map(|saga| saga.as_ref().err()),
            facts.order.as_ref().map(|order| order.as_ref().err()),
            facts.payment.as_ref().map(|payment| payment.payments.as_ref()?.as_ref().err()),
            facts.stock.as_ref().map(|stock| stock.reservation.as_ref()?.as_ref().err()),
            facts.shipping.as_ref().map(|shipping| shipping.as_ref().err()),
        ];
        assert_eq!(unreadable[owner].flatten().map(String::as_str), Some(BOTH));
        assert_eq!(unreadable.iter().flatten().count(), 1);
    }
}

#[test]
fn a_source_that_fails_ends_the_pass_and_the_others_are_told_to_stop() {
    let many = |owner| (0..100_000).map(|number| known(number, owner)).collect();
    for fails_after in [0, 1, 500] {
        let whole = Shared::of(Source { orders: many(0), ..Source::default() });
        let broken = Shared::of(Source { orders: many(1), fails_after: Some(fails_after), ..Source::default() });
        let failed = told(&[whole.clone(), broken]).unwrap_err();
        assert_eq!(failed, StoreError::Unavailable(FAILED.into()));
        whole.comes_to("it is told to stop", |source| source.stopped.load(Ordering::SeqCst));
        assert!(whole.0.told.load(Ordering::SeqCst) < 1000, "it was far ahead");
    }
}

#[test]
fn who_has_seen_enough_stops_all_sources() {
    let many = |owner| (0..100_000).map(|number| known(number, owner)).collect();
    let sources = [0, 1].map(|owner| Shared::of(Source { orders: many(owner), ..Source::default() }));
    let mut seen = 0;
    let visit = move |_| {
        seen += 1;
        if seen == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    assert_eq!(block_on(all_of(&sources).visit(Box::new(visit))), Ok(Passed::default()));
    for source in sources {
        source.comes_to("it is told to stop", |source| source.stopped.load(Ordering::SeqCst));
    }
}

#[test]
fn a_source_that_panics_or_is_not_in_order_is_found_out() {
    let panics = Source { before: Some(Box::new(|| panic!("on purpose"))), ..Source::default() };
    let back = Source { orders: vec![known(2, 1), known(1, 1)], ..Source::default() };
    let twice = Source { orders: vec![known(1, 1), known(1, 1)], ..Source::default() };
    for (source, why) in [(panics, "panicked"), (back, "not in order"), (twice, "not in order")] {
        let sagas = Shared::of(Source { orders: vec![known(1, 0)], ..Source::default() });
        let failed = told(&[sagas, Shared::of(source)]).unwrap_err();
        assert!(matches!(&failed, StoreError::Poisoned(said) if said.contains(why)), "{failed:?}");
    }
}

#[test]
fn shelves_come_in_order_from_whoever_has_them() {
    let sources = [vec![], vec![1, 4], vec![2, 3, 4]].map(|numbers: Vec<u64>| {
        let shelves = numbers.into_iter().map(shelf).collect();
        Shared::of(Source { shelves, ..Source::default() })
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let visit = move |facts: ShelfFacts| {
        sink.lock().unwrap().push((facts.shelf, facts.level.map(Result::unwrap_err)));
        ControlFlow::Continue(())
    };
    block_on(all_of(&sources).visit_shelves(Box::new(visit))).unwrap();
    let wanted: Vec<_> = (1..=4).map(|number| (shelf(number).shelf, (number == 4).then(|| BOTH.to_owned()))).collect();
    assert_eq!(*seen.lock().unwrap(), wanted);
}

#[test]
fn no_sources_tell_nothing() {
    assert_eq!(told(&[]).unwrap().0.len(), 0);
}
