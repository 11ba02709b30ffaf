//! Whether a process is there, and plays the role that it is asked as.

use super::{Away, Endpoint, Peer, Router};
use crate::role::{Role, Roles};
use std::{future::ready, time::Duration};

/// How long it is waited for an answer to nothing.
const BOUND: Duration = Duration::from_secs(1);

const fn ping_of(role: Role) -> Endpoint<(), ()> {
    Endpoint::new(match role {
        Role::Order => "order.ping",
        Role::Stock => "stock.ping",
        Role::Payment => "payment.ping",
        Role::Shipping => "shipping.ping",
        Role::Coordinator => "coordinator.ping",
    })
}

impl Peer {
    /// Asks whether it is there now: once, and not for long.
    ///
    /// # Errors
    /// It does not answer, or plays another role.
    pub async fn ping(&self) -> Result<(), Away> {
        self.ask_once(ping_of(self.role()), &(), BOUND).await
    }
}

/// Has other processes told that these roles are played here.
pub fn answer_pings(router: &mut Router, roles: Roles) {
    roles.iter().for_each(|role| router.on(ping_of(role), |()| ready(Ok(()))));
}
