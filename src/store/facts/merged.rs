//! One pass over what several processes have stored, each the rows of its own owners in a database of its own.
//!
//! ```text
//!   the coordinator's ─▶ some facts ahead ─┐
//!   another's ─────────▶ some facts ahead ─┼─▶ an order after the other, whole ─▶ visit
//!   another's ─────────▶ some facts ahead ─┘
//! ```
//!
//! There is no moment that several databases have in common. A source's snapshot is begun only when the one before it
//! has begun, the coordinator's first: what it says is at rest is at rest in all the others. Of a saga that was under way
//! then, the others may know more than it does, and of orders that began since they alone know: whoever cannot bear
//! that asks [`super::steady()`].
//!
//! Owns how facts of one order from several sources are put together. Must not know where they come from.

use super::{
    FactSource, OrderFacts, Passed, PaymentFacts, ShelfFacts, StockFacts, TableFacts,
    feed::{Ask, Facts, Feed, Passing},
    on_a_thread,
};
use crate::{
    domain::{ids::OrderId, stock::Shelf},
    role::Roles,
    store::{StoreError, Visit, Watermark},
};
use futures::future::{BoxFuture, try_join_all};
use std::{ops::ControlFlow, sync::Arc};

/// What is said of what two sources know.
const BOTH: &str = "two databases have it";

/// Reads several sources as one, in one pass. The first has the sagas, and each has owners of its own: what two of them
/// know of one order or shelf is shown as unreadable.
pub fn merged(sources: Vec<Arc<dyn FactSource>>) -> Arc<dyn FactSource> {
    Arc::new(Merged { sources })
}

struct Merged {
    sources: Vec<Arc<dyn FactSource>>,
}

impl FactSource for Merged {
    fn visit(&self, mut visit: Visit<OrderFacts>) -> Passing {
        let sources = self.sources.clone();
        on_a_thread(move || {
            let feeds = begin(&sources, |source, visit| source.visit(visit))?;
            let removed = feeds.iter().find_map(Feed::removed);
            pass(feeds, OrderFacts::join, |facts| visit(OrderFacts { removed, ..facts }))?;
            Ok(removed.into())
        })
    }

    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        let sources = self.sources.clone();
        on_a_thread(move || pass(begin(&sources, shelves)?, ShelfFacts::join, visit))
    }

    fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        let judging: Vec<_> = self.sources.iter().map(|source| source.judge_tables(of)).collect();
        Box::pin(async move { Ok(try_join_all(judging).await?.concat()) })
    }
}

/// As orders are asked for, though nothing is ever removed.
fn shelves(source: &dyn FactSource, visit: Visit<ShelfFacts>) -> Passing {
    let passing = source.visit_shelves(visit);
    Box::pin(async { passing.await.map(|()| Passed::default()) })
}

/// Begins one source after the other.
fn begin<F: Facts>(sources: &[Arc<dyn FactSource>], ask: Ask<F>) -> Result<Vec<Feed<F>>, StoreError> {
    sources.iter().map(|source| Feed::begin(Arc::clone(source), ask)).collect()
}

/// Goes along all of them together.
fn pass<F: Facts>(
    mut feeds: Vec<Feed<F>>,
    join: fn(&mut F, F),
    mut visit: impl FnMut(F) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    while let Some(key) = feeds.iter().filter_map(Feed::key).min() {
        let mut known: Option<F> = None;
        for feed in &mut feeds {
            if let Some(part) = feed.take(key)? {
                match &mut known {
                    None => known = Some(part),
                    Some(known) => join(known, part),
                }
            }
        }
        if known.is_some_and(|facts| visit(facts).is_break()) {
            break;
        }
    }
    Ok(())
}

impl Facts for OrderFacts {
    type Key = OrderId;

    fn key(&self) -> OrderId {
        self.order_id
    }

    fn removed(&self) -> Option<Watermark> {
        self.removed
    }
}

impl OrderFacts {
    /// Puts what another source knows of the same order to it.
    fn join(&mut self, other: Self) {
        let Self { order_id: _, order, shops, payment, shipping, stock, saga, removed: _ } = other;
        self.shops.extend(shops);
        one_of(&mut self.order, order, |_, _| Err(BOTH.into()));
        one_of(&mut self.shipping, shipping, |_, _| Err(BOTH.into()));
        one_of(&mut self.saga, saga, |_, _| Err(BOTH.into()));
        one_of(&mut self.payment, payment, |one, other| PaymentFacts {
            payments: Some(Err(BOTH.into())),
            movements: [one.movements, other.movements].concat(),
        });
        one_of(&mut self.stock, stock, |one, other| StockFacts {
            reservation: Some(Err(BOTH.into())),
            movements: [one.movements, other.movements].concat(),
        });
    }
}

impl Facts for ShelfFacts {
    type Key = Shelf;

    fn key(&self) -> Shelf {
        self.shelf
    }

    fn removed(&self) -> Option<Watermark> {
        None
    }
}

impl ShelfFacts {
    /// There is one owner of shelves.
    fn join(&mut self, _: Self) {
        self.level = Some(Err(BOTH.into()));
    }
}

/// What either knows; where both do, what is to be said of it.
fn one_of<T>(one: &mut Option<T>, other: Option<T>, both: impl FnOnce(T, T) -> T) {
    *one = match (one.take(), other) {
        (Some(one), Some(other)) => Some(both(one, other)),
        (one, other) => one.or(other),
    };
}

#[cfg(test)]
mod tests;
