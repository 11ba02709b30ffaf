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
//! then, the others may know more than it does, and of orders that began since they alone know.
//!
//! Owns how facts of one order from several sources are put together. Must not know where they come from.

use super::{FactSource, OrderFacts, PaymentFacts, ShelfFacts, StockFacts, on_a_thread, panicked};
use crate::{
    domain::{ids::OrderId, stock::Shelf},
    store::{StoreError, Visit, Watermark},
};
use crossbeam_channel::{Receiver, Sender, bounded};
use futures::future::BoxFuture;
use std::{fmt, ops::ControlFlow, sync::Arc, thread};
use tokio::runtime::Builder;

/// How many facts a source may be ahead.
const AHEAD: usize = 64;
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
    fn visit(&self, visit: Visit<OrderFacts>) -> BoxFuture<'static, Result<Option<Watermark>, StoreError>> {
        let sources = self.sources.clone();
        on_a_thread(move || pass(&sources, |source, visit| source.visit(visit), visit))
    }

    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        let sources = self.sources.clone();
        let nothing_removed = |source: &dyn FactSource, visit| -> Passing {
            let passing = source.visit_shelves(visit);
            Box::pin(async { passing.await.map(|()| None) })
        };
        on_a_thread(move || pass(&sources, nothing_removed, visit).map(|_| ()))
    }
}

/// A source's pass, and what it says at its end of sagas that have been removed.
type Passing = BoxFuture<'static, Result<Option<Watermark>, StoreError>>;

/// Goes along all sources together.
fn pass<F: Facts>(
    sources: &[Arc<dyn FactSource>],
    begin: fn(&dyn FactSource, Visit<F>) -> Passing,
    mut visit: Visit<F>,
) -> Result<Option<Watermark>, StoreError> {
    let feeds = sources.iter().map(|source| Feed::begin(Arc::clone(source), begin));
    let mut feeds = feeds.collect::<Result<Vec<_>, _>>()?;
    let removed = feeds.iter().find_map(|feed| feed.removed);
    while let Some(key) = feeds.iter().filter_map(Feed::key).min() {
        let mut known: Option<F> = None;
        for feed in &mut feeds {
            if let Some(part) = feed.take(key)? {
                match &mut known {
                    None => known = Some(part),
                    Some(known) => known.join(part),
                }
            }
        }
        if let Some(mut facts) = known {
            facts.tell_removed(removed);
            if visit(facts).is_break() {
                break;
            }
        }
    }
    Ok(removed)
}

/// What sources tell of one thing.
trait Facts: Send + 'static {
    type Key: Copy + Ord + fmt::Debug + Send;

    /// What it is about.
    fn key(&self) -> Self::Key;
    /// Puts what another source tells of the same thing to it.
    fn join(&mut self, other: Self);
    /// Which sagas have been removed, as far as these say.
    fn removed(&self) -> Option<Watermark>;
    /// Which sagas have been removed, as any source says.
    fn tell_removed(&mut self, removed: Option<Watermark>);
}

/// A source under way: a thread that waits until what it has found is taken.
struct Feed<F: Facts> {
    found: Receiver<Found<F>>,
    head: Option<F>,
    /// Known once the source has begun.
    removed: Option<Watermark>,
}

enum Found<F> {
    Facts(F),
    End(Result<Option<Watermark>, StoreError>),
}

impl<F: Facts> Feed<F> {
    /// Begins a source's pass, and waits until it has found something or is at its end: its snapshot is taken then.
    fn begin(source: Arc<dyn FactSource>, begin: fn(&dyn FactSource, Visit<F>) -> Passing) -> Result<Self, StoreError> {
        let (finding, found) = bounded(AHEAD);
        let failed = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        // Of its own, so that a source that has to wait keeps no other from going on.
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let run = move || {
            let ended = runtime.block_on(begin(source.as_ref(), handing_on(finding.clone())));
            // Nobody waits for the end of what was enough before.
            let _ = finding.send(Found::End(ended));
        };
        thread::Builder::new().name("store-facts-from".into()).spawn(run).map_err(failed)?;
        let mut feed = Self { found, head: None, removed: None };
        feed.advance()?;
        feed.removed = feed.removed.or_else(|| feed.head.as_ref()?.removed());
        Ok(feed)
    }

    fn key(&self) -> Option<F::Key> {
        self.head.as_ref().map(F::key)
    }

    /// The next facts, if they are about this.
    fn take(&mut self, key: F::Key) -> Result<Option<F>, StoreError> {
        if self.key() != Some(key) {
            return Ok(None);
        }
        let taken = self.head.take();
        self.advance()?;
        if self.key().is_some_and(|next| next <= key) {
            return Err(StoreError::Poisoned(format!("facts are not in order: {:?} comes after {key:?}", self.key())));
        }
        Ok(taken)
    }

    /// Waits for the next facts, which there are none of at the end.
    fn advance(&mut self) -> Result<(), StoreError> {
        match self.found.recv() {
            Ok(Found::Facts(facts)) => self.head = Some(facts),
            Ok(Found::End(removed)) => self.removed = removed?,
            Err(_) => return Err(panicked()),
        }
        Ok(())
    }
}

/// Passes on what a source finds, until nobody takes it any more.
fn handing_on<F: Facts>(finding: Sender<Found<F>>) -> Visit<F> {
    Box::new(move |facts| match finding.send(Found::Facts(facts)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    })
}

impl Facts for OrderFacts {
    type Key = OrderId;

    fn key(&self) -> OrderId {
        self.order_id
    }

    fn join(&mut self, other: Self) {
        let Self { order_id: _, order, payment, shipping, stock, saga, removed: _ } = other;
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

    fn removed(&self) -> Option<Watermark> {
        self.removed
    }

    fn tell_removed(&mut self, removed: Option<Watermark>) {
        self.removed = removed;
    }
}

impl Facts for ShelfFacts {
    type Key = Shelf;

    fn key(&self) -> Shelf {
        self.shelf
    }

    fn join(&mut self, _: Self) {
        self.level = Some(Err(BOTH.into()));
    }

    fn removed(&self) -> Option<Watermark> {
        None
    }

    fn tell_removed(&mut self, _: Option<Watermark>) {}
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
