//! Facts for the audit that another process has.

use super::{Away, Peer, bounded};
use crate::store::{FactSource, OrderFacts, Passed, ShelfFacts, StoreError, Visit, Watermark};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

/// How many times as long as an answer the next facts may take, of which each message has many.
const PATIENCE: u32 = 10;

/// The facts of another process, in the order in which it tells them.
pub(super) struct RemoteFacts(pub(super) Peer);

async fn pass<T: DeserializeOwned>(
    peer: Peer,
    shelves: bool,
    mut visit: Visit<T>,
) -> Result<Option<Watermark>, StoreError> {
    let unavailable = |away: Away| StoreError::Unavailable(away.to_string());
    let broken = |why: String| unavailable(peer.away(why));
    let silent = |_| broken("no more facts in time".into());
    let patience = PATIENCE * peer.timeout();
    let mut told = timeout(patience, peer.facts(shelves)).await.map_err(silent)?.map_err(unavailable)?;
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
        let passing = pass(self.0.clone(), false, visit);
        Box::pin(async { passing.await.map(Passed::from) })
    }

    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        let passing = pass(self.0.clone(), true, visit);
        Box::pin(async { passing.await.map(drop) })
    }
}
