//! Whether the process accepts work and accepted work advances.

use super::{Service, ServiceError};
use crate::lifecycle::Fatal;
use std::time::Duration;
use tokio::time::timeout;

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
        match timeout(SETTLE_BOUND, self.store.engine.settle()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::warn!(%error, "not ready: the store fails");
                Err(ServiceError::NotReady("storage takes no writes"))
            }
            Err(_) => Err(ServiceError::NotReady("accepted work does not advance")),
        }
    }
}
