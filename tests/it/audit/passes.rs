//! A pass over everything ends when nobody waits for it any more.

use crate::support::eventually;
use backstitch::{
    audit,
    domain::ids::OrderId,
    role::Roles,
    store::{FactSource, OrderFacts, Passed, ShelfFacts, StoreError, TableFacts, Visit},
};
use futures::future::BoxFuture;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// A database that comes to no end.
#[derive(Clone, Default)]
struct Endless {
    begun: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
}

impl FactSource for Endless {
    fn visit(&self, mut visit: Visit<OrderFacts>) -> BoxFuture<'static, Result<Passed, StoreError>> {
        let (Self { begun, ended }, (reply, passed)) = (self.clone(), oneshot::channel());
        thread::spawn(move || {
            begun.fetch_add(1, Ordering::SeqCst);
            while visit(OrderFacts::nothing_of(OrderId::from_uuid(Uuid::now_v7()))).is_continue() {}
            ended.fetch_add(1, Ordering::SeqCst);
            let _ = reply.send(());
        });
        Box::pin(async move {
            passed.await.expect("an end");
            Ok(Passed::default())
        })
    }

    fn visit_shelves(&self, _: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn judge_tables(&self, _: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
    }
}

#[tokio::test]
async fn a_pass_that_nobody_waits_for_any_more_ends() {
    let endless = Endless::default();
    let auditing = tokio::spawn(audit::run_beside(Arc::new(endless.clone())));
    eventually("it reads", async || (endless.begun.load(Ordering::SeqCst) == 1).then_some(())).await;
    assert_eq!(endless.ended.load(Ordering::SeqCst), 0);
    auditing.abort();
    eventually("it has ended", async || (endless.ended.load(Ordering::SeqCst) == 1).then_some(())).await;
}
