//! What the coordinator can be told.

use crate::{
    actors::admission::Permit,
    domain::{
        checkout::{Checkout, Edit},
        ids::{OrderId, SagaId},
        reason::Reason,
        saga::{CancelBy, Refused},
    },
    store::{Claim, StoreError},
};
use actix::{Message, Recipient};
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::sync::oneshot;

/// Starts an order's saga. Answered once the order and its payment exist durably, or will not.
///
/// Safe to send again under the same `saga_id` when the coordinator fails before it answers.
#[derive(Debug, Message)]
#[rtype(result = "Result<Placed, StoreError>")]
pub struct PlaceOrder {
    /// The saga's id.
    pub saga_id: SagaId,
    /// What it is started with.
    pub checkout: Arc<Checkout>,
    /// The client's idempotency key.
    pub claim: Option<Claim>,
    /// The saga's place among those in hand.
    pub permit: Permit,
    /// Told when the saga comes to rest, whichever one the answer names. Dropped when the coordinator
    /// fails or the order cannot be placed.
    pub rested: oneshot::Sender<()>,
}

/// Waits for the order of a saga that was started before, as [`PlaceOrder`] does.
#[derive(Debug, Message)]
#[rtype(result = "Result<Placed, StoreError>")]
pub struct FindPlaced {
    /// The saga.
    pub saga_id: SagaId,
    /// As [`PlaceOrder::rested`].
    pub rested: oneshot::Sender<()>,
}

/// An order that exists.
#[derive(Debug, Serialize, Deserialize)]
pub struct Placed {
    /// The order; another one than was asked for where the idempotency key had been used before.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
    /// Whether the idempotency key had been used before, so that nothing was started now.
    pub replayed: bool,
    /// Why it is being unwound, as far as that is known now; it may not be durable yet.
    pub turned: Option<Reason>,
}

/// Turns a saga back.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), SagaRequestError>")]
pub struct CancelSaga {
    /// The saga.
    pub saga_id: SagaId,
    /// Who asks.
    pub by: CancelBy,
    /// Their words.
    pub note: Option<String>,
    /// The client's idempotency key.
    pub claim: Option<Claim>,
}

/// Tries again, now and with fresh attempts, what is stuck or waits.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), SagaRequestError>")]
pub struct RetrySaga {
    /// The saga.
    pub saga_id: SagaId,
    /// The operator's words.
    pub note: Option<String>,
    /// The client's idempotency key.
    pub claim: Option<Claim>,
}

/// Edits an order that is not paid yet. Answered once the order has its new lines and its payment is asked for
/// again, or has the old ones for good.
///
/// Safe to send again under the same payment id when the coordinator fails before it answers.
#[derive(Debug, Message)]
#[rtype(result = "Result<(), SagaRequestError>")]
pub struct EditOrder {
    /// The order's saga.
    pub saga_id: SagaId,
    /// What its lines are to become.
    pub edit: Edit,
}

/// Why a saga was not cancelled, retried or amended. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SagaRequestError {
    /// No such saga.
    #[error("there is no such saga")]
    NotFound,
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Its log is no saga.
    #[error("the saga's log cannot be used: {0}")]
    Unusable(String),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Asks to hear when a saga comes to rest. Subscribes only: who asks must look at the stored saga
/// afterwards, since it may rest already.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "oneshot::Receiver<()>")]
pub struct Watch(pub SagaId);

/// Asks to hear when a saga's log has more events than those before `from`, or the saga comes to rest; where another
/// node drives it, after a while. Subscribes only, as [`Watch`] does.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "oneshot::Receiver<()>")]
pub struct Follow {
    /// The saga.
    pub saga_id: SagaId,
    /// How many events are known.
    pub from: u32,
}

/// Steps of these sagas have a result: ask again. Only ever saves time.
#[derive(Clone, Debug, Message)]
#[rtype(result = "()")]
pub struct Signal(pub Vec<SagaId>);

/// Stops taking in interrupted and waiting sagas; answers with how many are still in hand.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "usize")]
pub struct Drain;

/// Asks whether messages are handled.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Ping;

/// Where signals go. Set once the coordinator has its address, which it gets after the participants.
#[derive(Clone, Default)]
pub struct SignalTarget(Arc<OnceLock<Recipient<Signal>>>);

impl SignalTarget {
    /// Names the coordinator.
    pub fn set(&self, coordinator: Recipient<Signal>) {
        let _ = self.0.set(coordinator);
    }
}

impl Signal {
    /// Brings a signal to the coordinator, again if that fails meanwhile.
    pub(in crate::actors) fn deliver(sagas: Vec<SagaId>, target: &SignalTarget) {
        let Some(coordinator) = target.0.get().filter(|_| !sagas.is_empty()).cloned() else { return };
        actix_rt::spawn(async move {
            while coordinator.send(Self(sagas.clone())).await.is_err() {
                actix_rt::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
}
