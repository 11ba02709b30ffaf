//! The audit of a running server: one pass at a time, whose result all who ask meanwhile share.
//!
//! ```text
//!   GET /admin/audit ─┐
//!   GET /admin/audit ─┼─▶ the pass that is under way, or a new one ─▶ the same report for all of them
//!   (leaves) ─────────┘   ends when nobody waits for it any more
//! ```

use super::{Service, ServiceError};
use crate::{
    audit::{self, Report},
    store::StoreError,
};
use futures::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use std::sync::{Arc, Mutex, PoisonError};

type Passing = BoxFuture<'static, Result<Arc<Report>, StoreError>>;

/// The pass that is under way, as long as somebody waits for it.
#[derive(Clone, Default)]
pub(super) struct Audits(Arc<Mutex<Option<WeakShared<Passing>>>>);

impl Audits {
    /// The pass that is under way, or the one that is begun now.
    fn join(&self, begin: impl FnOnce() -> Passing) -> Shared<Passing> {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = latest.as_ref().and_then(WeakShared::upgrade).filter(|pass| pass.peek().is_none());
        under_way.unwrap_or_else(|| {
            let pass = begin().shared();
            *latest = pass.downgrade();
            pass
        })
    }
}

impl Service {
    /// Checks every promise over everything that is stored, beside all other work. What is stored later than a pass has begun
    /// is not in its report.
    ///
    /// # Errors
    /// The database cannot be read to its end.
    pub async fn audit(&self) -> Result<Arc<Report>, ServiceError> {
        let facts = &self.queries.facts;
        let pass = self.audits.join(|| audit::run_beside(Arc::clone(facts)).map(|report| report.map(Arc::new)).boxed());
        Ok(pass.await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::future::join;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::oneshot;

    /// A pass that ends when it is told to, and how many were begun.
    fn pass(begun: &AtomicUsize) -> (oneshot::Sender<()>, Passing) {
        begun.fetch_add(1, Ordering::SeqCst);
        let (end, ended) = oneshot::channel();
        let passing = async move {
            ended.await.map_err(|_| StoreError::Unavailable("ended".to_owned()))?;
            Ok(Arc::new(Report::default()))
        };
        (end, passing.boxed())
    }

    #[tokio::test]
    async fn all_who_ask_meanwhile_share_one_pass_and_later_ones_begin_another() {
        let (audits, begun) = (Audits::default(), AtomicUsize::new(0));
        let (end, passing) = pass(&begun);
        let first = audits.join(|| passing);
        let second = audits.join(|| pass(&begun).1);
        end.send(()).expect("somebody waits");
        let (first, second) = join(first, second).await;
        assert!(Arc::ptr_eq(&first.expect("a report"), &second.expect("a report")));
        assert_eq!(begun.load(Ordering::SeqCst), 1);
        drop(audits.join(|| pass(&begun).1));
        assert_eq!(begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_pass_ends_with_the_last_who_waits_for_it() {
        let (audits, begun) = (Audits::default(), AtomicUsize::new(0));
        let (mut end, passing) = pass(&begun);
        let first = audits.join(|| passing);
        let second = audits.join(|| pass(&begun).1);
        drop(first);
        assert!(!end.is_closed());
        drop(second);
        end.closed().await;
    }
}
