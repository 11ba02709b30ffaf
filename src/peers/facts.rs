//! Facts for the audit that another process has.

use super::{Away, Peer};
use crate::store::{FactSource, OrderFacts, ShelfFacts, StoreError};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;

/// The facts of another process, in the order in which it tells them.
pub(super) struct RemoteFacts(pub(super) Peer);

async fn tell<T: DeserializeOwned>(
    peer: Peer,
    shelves: bool,
    mut visit: Box<dyn FnMut(T) + Send>,
) -> Result<(), StoreError> {
    let unavailable = |away: Away| StoreError::Unavailable(away.to_string());
    let mut told = peer.facts(shelves).await.map_err(unavailable)?;
    let broken = |why: String| unavailable(peer.away(why));
    while let Some(part) = told.message().await.map_err(|status| broken(status.message().to_owned()))? {
        let facts: Vec<T> = serde_json::from_slice(&part.body).map_err(|error| broken(error.to_string()))?;
        facts.into_iter().for_each(&mut visit);
    }
    Ok(())
}

impl FactSource for RemoteFacts {
    fn visit(&self, visit: Box<dyn FnMut(OrderFacts) + Send>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(tell(self.0.clone(), false, visit))
    }

    fn visit_shelves(&self, visit: Box<dyn FnMut(ShelfFacts) + Send>) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(tell(self.0.clone(), true, visit))
    }
}
