//! What is asked of the process that drives the sagas, where that is another one, and the answers to it there.
//!
//! Carries whole commands of a client, so that what is decided of them is decided where the sagas are.

use super::{MAX_WAIT_SECONDS, Problem, Service, ServiceError};
use crate::{
    actors::coordinator::Placed,
    domain::{
        checkout::OrderFields,
        ids::{OrderId, SagaId},
        order::LinesFields,
        saga::CancelBy,
    },
    peers::{Endpoint, Peer, Router},
    role::{Role, Roles},
    store::Claim,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;
use uuid::Uuid;

const PLACE: Endpoint<Place, Result<(OrderId, SagaId, bool), Problem>> = Endpoint::new("coordinator.place");
const EDIT: Endpoint<(OrderId, LinesFields), Result<(), Problem>> = Endpoint::new("coordinator.edit");
const CANCEL: Endpoint<Cancel, Result<bool, Problem>> = Endpoint::new("coordinator.cancel");
const REST: Endpoint<(SagaId, u64), Result<(), Problem>> = Endpoint::new("coordinator.rest");

/// An order to be placed.
#[derive(Serialize, Deserialize)]
struct Place {
    order: OrderFields,
    claim: Claim,
    wait_ms: u64,
}

/// A saga to be turned back.
#[derive(Serialize, Deserialize)]
struct Cancel {
    saga_id: SagaId,
    by: CancelBy,
    note: Option<String>,
    claim: Option<Claim>,
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

/// How long somebody who says so is waited for here: no longer than any client may wish.
fn wait(wait_ms: u64) -> Duration {
    Duration::from_millis(wait_ms).min(Duration::from_secs(MAX_WAIT_SECONDS))
}

/// Asks; a problem there is one here.
async fn ask<Q, A>(
    peer: &Peer,
    endpoint: Endpoint<Q, Result<A, Problem>>,
    question: &Q,
    wait: Duration,
) -> Result<A, ServiceError>
where
    Q: Serialize,
    A: DeserializeOwned,
{
    match peer.ask_within(endpoint, question, wait).await {
        Ok(answer) => answer.map_err(ServiceError::Elsewhere),
        Err(away) => Err(ServiceError::Unavailable(away.to_string())),
    }
}

/// As [`Service::place`].
pub(super) async fn place(
    peer: &Peer,
    order: OrderFields,
    claim: Option<Claim>,
    wait: Duration,
) -> Result<Placed, ServiceError> {
    // A question that is asked again must not place a second order, be it that the client sent no key of its own.
    let claim = claim.unwrap_or_else(|| Claim {
        scope: "an order without a key".into(),
        key: Uuid::now_v7().to_string(),
        body_hash: [0; 32],
        request_id: Uuid::now_v7(),
    });
    let question = Place { order, claim, wait_ms: millis(wait) };
    let (order_id, saga_id, replayed) = ask(peer, PLACE, &question, wait).await?;
    Ok(Placed { order_id, saga_id, replayed })
}

/// As [`Service::edit`], without the order.
pub(super) async fn edit(peer: &Peer, id: OrderId, lines: LinesFields) -> Result<(), ServiceError> {
    ask(peer, EDIT, &(id, lines), super::PATIENCE).await
}

/// As [`Service::cancel_saga`].
pub(super) async fn cancel(
    peer: &Peer,
    saga_id: SagaId,
    by: CancelBy,
    note: Option<String>,
    claim: Option<Claim>,
) -> Result<bool, ServiceError> {
    ask(peer, CANCEL, &Cancel { saga_id, by, note, claim }, Duration::ZERO).await
}

/// As [`Service::wait_for_rest`].
pub(super) async fn wait_for_rest(peer: &Peer, saga_id: SagaId, wait: Duration) -> Result<(), ServiceError> {
    ask(peer, REST, &(saga_id, millis(wait)), wait).await
}

impl Service {
    /// Has questions of other processes answered that are about sagas, where they are driven here.
    pub fn answer(&self, router: &mut Router, roles: Roles) {
        if !roles.contains(Role::Coordinator) {
            return;
        }
        let service = self.clone();
        router.on(PLACE, move |Place { order, claim, wait_ms }| {
            let service = service.clone();
            async move {
                let placed = service.place(order, Some(claim), wait(wait_ms)).await;
                Ok(placed.map(|placed| (placed.order_id, placed.saga_id, placed.replayed)).map_err(Problem::from))
            }
        });
        let service = self.clone();
        router.on(EDIT, move |(id, lines)| {
            let service = service.clone();
            async move { Ok(service.edit(id, lines).await.map(drop).map_err(Problem::from)) }
        });
        let service = self.clone();
        router.on(CANCEL, move |Cancel { saga_id, by, note, claim }| {
            let service = service.clone();
            async move { Ok(service.cancel_saga(saga_id, by, note, claim).await.map_err(Problem::from)) }
        });
        let service = self.clone();
        router.on(REST, move |(saga_id, wait_ms)| {
            let service = service.clone();
            async move { Ok(service.wait_for_rest(saga_id, wait(wait_ms)).await.map_err(Problem::from)) }
        });
    }
}
