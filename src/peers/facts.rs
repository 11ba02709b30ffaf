//! Facts for the audit that another process has.

use super::{Away, Peer, bounded};
use crate::{
    proto::peer::FactsKind,
    role::Roles,
    store::{FactSource, OrderFacts, Passed, ShelfFacts, StoreError, TableFacts, Visit, Watermark},
};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use std::{ops::ControlFlow, sync::mpsc};
use tokio::time::timeout;

/// How many times as long as an answer the next facts may take, of which each message has many.
const PATIENCE: u32 = 10;

/// The facts of another process, in the order in which it tells them.
pub(super) struct RemoteFacts(pub(super) Peer);

async fn pass<T: DeserializeOwned>(
    peer: Peer,
    kind: FactsKind,
    mut visit: Visit<T>,
) -> Result<Option<Watermark>, StoreError> {
    let unavailable = |away: Away| StoreError::Unavailable(away.to_string());
    let broken = |why: String| unavailable(peer.away(why));
    let silent = |_| broken("no more facts in time".into());
    let patience = PATIENCE * peer.timeout();
    let mut told = timeout(patience, peer.facts(kind)).await.map_err(silent)?.map_err(unavailable)?;
    let mut removed = None;
    loop {
        let next = timeout(patience, told.message()).await.map_err(silent)?;
        let Some(part) = next.map_err(|status| broken(bounded(status.message())))? else { break };
        let facts: Vec<T> = serde_json::from_slice(&part.body).map_err(|error| broken(bounded(&error.to_string())))?;
        if !part.removed.is_empty() {
            removed = serde_json::from_slice(&part.removed).map_err(|error| broken(bounded(&error.to_string())))?;
        }
        for fact in facts {
            if visit(fact).is_break() {
                return Ok(removed);
            }
        }
    }
    Ok(removed)
}

impl FactSource for RemoteFacts {
    fn visit(&self, visit: Visit<OrderFacts>) -> BoxFuture<'static, Result<Passed, StoreError>> {
        let passing = pass(self.0.clone(), FactsKind::Orders, visit);
        Box::pin(async { passing.await.map(Passed::from) })
    }

    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        let passing = pass(self.0.clone(), FactsKind::Shelves, visit);
        Box::pin(async { passing.await.map(drop) })
    }

    /// The peer is asked for its own role alone.
    fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        if !of.contains(self.0.role()) {
            return Box::pin(async { Ok(Vec::new()) });
        }
        let (told, judged) = mpsc::channel();
        let visit = move |facts: TableFacts| match told.send(facts) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()),
        };
        let passing = pass(self.0.clone(), FactsKind::Tables, Box::new(visit));
        Box::pin(async move {
            passing.await?;
            Ok(judged.into_iter().collect())
        })
    }
}
