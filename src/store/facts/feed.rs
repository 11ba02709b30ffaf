//! A source on a thread of its own, whose facts are taken one by one by somebody who has others to take from, too.

use super::{FactSource, Passed, panicked};
use crate::store::{StoreError, Visit, Watermark};
use crossbeam_channel::{Receiver, Sender, bounded};
use futures::future::BoxFuture;
use std::{fmt, ops::ControlFlow, sync::Arc, thread};
use tokio::runtime::Builder;

/// How many facts a source may be ahead.
const AHEAD: usize = 64;

/// A source's pass, and what it has come to.
pub(super) type Passing = BoxFuture<'static, Result<Passed, StoreError>>;

/// How a source is asked for facts of a kind.
pub(super) type Ask<F> = fn(&dyn FactSource, Visit<F>) -> Passing;

/// What sources tell of one thing.
pub(super) trait Facts: Send + 'static {
    type Key: Copy + Ord + fmt::Debug;

    /// What it is about.
    fn key(&self) -> Self::Key;
    /// Which sagas have been removed, as far as these say.
    fn removed(&self) -> Option<Watermark>;
}

/// A source under way, which waits until what it has found is taken, and stops when nobody does so any more.
pub(super) struct Feed<F: Facts> {
    found: Receiver<Found<F>>,
    head: Option<F>,
    removed: Option<Watermark>,
}

enum Found<F> {
    Facts(F),
    End(Result<Passed, StoreError>),
}

impl<F: Facts> Feed<F> {
    /// Begins a source's pass, and waits until it has found something or is at its end: its snapshot is taken then.
    pub(super) fn begin(source: Arc<dyn FactSource>, ask: Ask<F>) -> Result<Self, StoreError> {
        let (finding, found) = bounded(AHEAD);
        let failed = |error: std::io::Error| StoreError::Unavailable(error.to_string());
        // Of its own, so that a source that has to wait keeps no other from going on.
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let run = move || {
            let ended = runtime.block_on(ask(source.as_ref(), handing_on(finding.clone())));
            // Nobody waits for the end of what was enough before.
            let _ = finding.send(Found::End(ended));
        };
        thread::Builder::new().name("store-facts-from".into()).spawn(run).map_err(failed)?;
        let mut feed = Self { found, head: None, removed: None };
        feed.advance()?;
        feed.removed = feed.removed.or_else(|| feed.head.as_ref()?.removed());
        Ok(feed)
    }

    /// Which sagas have been removed, as the source says.
    pub(super) const fn removed(&self) -> Option<Watermark> {
        self.removed
    }

    /// What the next facts are about; `None` at the end.
    pub(super) fn key(&self) -> Option<F::Key> {
        self.head.as_ref().map(F::key)
    }

    /// The next facts, if they are about this.
    pub(super) fn take(&mut self, key: F::Key) -> Result<Option<F>, StoreError> {
        if self.key() != Some(key) {
            return Ok(None);
        }
        let taken = self.head.take();
        self.advance()?;
        match self.key() {
            Some(next) if next <= key => {
                Err(StoreError::Poisoned(format!("facts are not in order: {next:?} comes after {key:?}")))
            }
            _ => Ok(taken),
        }
    }

    /// Waits for the next facts, which there are none of at the end.
    fn advance(&mut self) -> Result<(), StoreError> {
        match self.found.recv() {
            Ok(Found::Facts(facts)) => self.head = Some(facts),
            Ok(Found::End(ended)) => self.removed = ended?.removed,
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
