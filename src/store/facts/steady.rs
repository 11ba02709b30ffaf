//! What two passes tell alike.
//!
//! ```text
//!   a pass ──────────────────▶ an order as it was ─┐
//!   another, begun after it ─▶ as it is ───────────┴─▶ the same: visit · another: left out, somebody is at it
//! ```
//!
//! Facts from several databases are of several moments. What nobody has changed between a first look and a second was so
//! all the time between the two: where all the second looks come after all the first, and none sees anything new, there
//! is a moment at which all of it was so.

use super::{
    FactSource, OrderFacts, Passed, ShelfFacts, TableFacts,
    feed::{Feed, Passing},
    on_a_thread,
};
use crate::{
    role::Roles,
    store::{StoreError, Visit},
};
use futures::future::BoxFuture;
use std::sync::Arc;

/// Reads a source twice, and tells only what was the same: of each order the facts of one moment, or nothing where it
/// was worked on meanwhile.
pub fn steady(source: Arc<dyn FactSource>) -> Arc<dyn FactSource> {
    Arc::new(Steady { source })
}

struct Steady {
    source: Arc<dyn FactSource>,
}

impl FactSource for Steady {
    fn visit(&self, visit: Visit<OrderFacts>) -> Passing {
        let source = Arc::clone(&self.source);
        on_a_thread(move || {
            let begin = || Feed::begin(Arc::clone(&source), |source, visit| source.visit(visit));
            let (first, second) = (begin()?, begin()?);
            pass(first, second, visit)
        })
    }

    /// A shelf is of one owner, who knows it as it was at one moment.
    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.source.visit_shelves(visit)
    }

    /// A table is of one owner, too.
    fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        self.source.judge_tables(of)
    }
}

fn pass(
    mut first: Feed<OrderFacts>,
    mut second: Feed<OrderFacts>,
    mut visit: Visit<OrderFacts>,
) -> Result<Passed, StoreError> {
    // Some may be removed between the two looks, which changes nobody else's order.
    let removed = first.removed();
    let mut left_out = 0_u64;
    while let Some(order) = first.key().into_iter().chain(second.key()).min() {
        let was = first.take(order)?;
        let is = second.take(order)?.map(|is| OrderFacts { removed, ..is });
        let Some(same) = was.filter(|was| is.as_ref() == Some(was)) else {
            left_out += 1;
            continue;
        };
        if visit(same).is_break() {
            break;
        }
    }
    Ok(Passed { removed, left_out })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{ids::OrderId, time::Timestamp},
        store::Watermark,
    };
    use std::{
        ops::ControlFlow,
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
    };
    use tokio::runtime::Builder;
    use uuid::Uuid;

    /// What each pass finds, one after the other.
    struct Changing {
        passes: [Vec<OrderFacts>; 2],
        begun: AtomicUsize,
    }

    impl FactSource for Changing {
        fn visit(&self, mut visit: Visit<OrderFacts>) -> Passing {
            let found = self.passes[self.begun.fetch_add(1, Ordering::SeqCst)].clone();
            Box::pin(async move {
                let removed = found.first().and_then(|facts| facts.removed);
                let _ = found.into_iter().try_for_each(&mut visit);
                Ok(removed.into())
            })
        }

        fn visit_shelves(&self, _: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
            Box::pin(async { Ok(()) })
        }

        fn judge_tables(&self, _: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    fn facts(number: u128, order: &str, sagas: u64) -> OrderFacts {
        let removed = Some(Watermark { ended_before: Timestamp::from_millis(7), sagas });
        let (order_id, order) = (OrderId::from_uuid(Uuid::from_u128(number)), Some(Err(order.to_owned())));
        OrderFacts { order, removed, ..OrderFacts::nothing_of(order_id) }
    }

    fn told(passes: [Vec<OrderFacts>; 2], most: usize) -> (Vec<OrderFacts>, Passed) {
        let source = steady(Arc::new(Changing { passes, begun: AtomicUsize::new(0) }));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let visit = move |facts| {
            let mut seen = sink.lock().unwrap();
            seen.push(facts);
            if seen.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let runtime = Builder::new_current_thread().build().unwrap();
        let end = runtime.block_on(source.visit(Box::new(visit))).unwrap();
        (std::mem::take(&mut seen.lock().unwrap()), end)
    }

    #[test]
    fn what_changes_between_two_looks_is_left_out_and_all_else_is_told_as_it_was() {
        let before = vec![facts(1, "paid", 3), facts(2, "pending", 3), facts(3, "gone", 3), facts(5, "paid", 3)];
        // Sagas are removed all the time, which changes no order.
        let after = vec![facts(1, "paid", 4), facts(2, "paid", 4), facts(4, "new", 4), facts(5, "paid", 4)];
        let (told, passed) = told([before.clone(), after], usize::MAX);
        assert_eq!(told, [before[0].clone(), before[3].clone()]);
        assert_eq!(passed, Passed { removed: before[0].removed, left_out: 3 });
    }

    #[test]
    fn what_stays_as_it_is_is_told_until_it_is_enough() {
        let same: Vec<_> = (0..1000).map(|number| facts(number, "paid", 0)).collect();
        assert_eq!(told([same.clone(), same.clone()], usize::MAX).0, same);
        assert_eq!(told([same.clone(), same.clone()], 10).0, same[..10]);
    }
}
