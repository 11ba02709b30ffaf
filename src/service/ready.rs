//! Whether the process accepts work and accepted work advances.

use super::{Service, ServiceError};
use crate::{lifecycle::Fatal, role::Role};
use std::time::Duration;
use tokio::{join, time::timeout};

/// How long a write of nothing may take before the server says that accepted work does not advance.
const SETTLE_BOUND: Duration = Duration::from_secs(2);

impl Service {
    /// Whether the process is about to stop, so that whoever waits is answered at once.
    pub fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Goes the way of every saga: through the coordinator's mailbox, and through the store's queue.
    ///
    /// # Errors
    /// [`ServiceError::NotReady`], with what is not.
    pub async fn ready(&self, fatal: &Fatal) -> Result<(), ServiceError> {
        if let Some(why) = fatal.reason() {
            tracing::warn!(why, "not ready: the process is ending");
            return Err(ServiceError::NotReady("the server is ending"));
        }
        if !self.actors.are_alive() {
            return Err(ServiceError::NotReady("an actor keeps failing"));
        }
        if timeout(SETTLE_BOUND, self.actors.reach_coordinator()).await != Ok(true) {
            return Err(ServiceError::NotReady("the coordinator does not answer"));
        }
        let (settled, placing) = join!(timeout(SETTLE_BOUND, self.store.engine.settle()), self.reach_other());
        match settled {
            Ok(Ok(())) => placing,
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready: the store fails");
                Err(ServiceError::NotReady("storage takes no writes"))
            }
            Err(_) => Err(ServiceError::NotReady("accepted work does not advance")),
        }
    }

    /// Whether orders can be placed, as far as another process has a part in that. What is placed already waits for
    /// whoever is away, and makes nobody unready.
    async fn reach_other(&self) -> Result<(), ServiceError> {
        let (other, why) = match (self.peer(Role::Order), self.peer(Role::Coordinator)) {
            // The coordinator, who has orders created.
            (Some(order), None) => (order, "the order process does not answer"),
            // Who owns the orders, and has sagas started.
            (None, Some(coordinator)) => (coordinator, "the coordinator process does not answer"),
            // Both roles are played here, or neither.
            _ => return Ok(()),
        };
        other.ping().await.map_err(|_| ServiceError::NotReady(why))
    }
}
