//! The other nodes of a process that drives no sagas: their calls to the outside are made here when they are gone, as a
//! coordinator would have it.

use super::calls::TakeOverCalls;
use crate::store::Peers;
use actix::Recipient;
use actix_rt::ArbiterHandle;
use std::{sync::Arc, time::Duration};

/// How often it is looked for nodes that are gone.
const EVERY: Duration = Duration::from_millis(500);

/// Looks after the other nodes, until the arbiter ends.
pub(super) fn tend(arbiter: &ArbiterHandle, nodes: Arc<dyn Peers>, callers: Vec<Recipient<TakeOverCalls>>) {
    arbiter.spawn(async move {
        loop {
            let gone = match nodes.adopt(1).await {
                Ok(adopted) => adopted.gone,
                Err(error) => {
                    tracing::debug!(%error, "other nodes cannot be looked after now");
                    Vec::new()
                }
            };
            for node in &gone {
                tracing::info!(node, "a node is gone");
            }
            if nodes.is_in_doubt() || !gone.is_empty() {
                callers.iter().for_each(|caller| caller.do_send(TakeOverCalls));
            }
            tokio::time::sleep(EVERY).await;
        }
    });
}
