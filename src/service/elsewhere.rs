//! What is asked of the process that drives the sagas, where that is another one, and the answers to it there.
//!
//! Carries whole commands of a client, so that what is decided of them is decided where the sagas are.

use super::{MAX_WAIT_SECONDS, PATIENCE, Problem, Service, ServiceError, own_claim};
use crate::{
    actors::coordinator::Placed,
    domain::{
        checkout::OrderFields,
        ids::{OrderId, PaymentId, SagaId},
        order::LinesFields,
        saga::CancelBy,
    },
    peers::{Endpoint, Peer, Router},
    role::{Role, Roles},
    store::Claim,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::time::Duration;

const PLACE: Endpoint<Place, Result<Placed, Problem>> = Endpoint::new("coordinator.place");
const EDIT: Endpoint<(OrderId, LinesFields, PaymentId), Result<(), Problem>> = Endpoint::new("coordinator.edit");
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

impl Service {
    /// As [`Service::place`]. When this process stops, whoever waits is answered.
    pub(super) async fn place_elsewhere(
        &self,
        peer: &Peer,
        order: OrderFields,
        claim: Option<Claim>,
        wait: Duration,
    ) -> Result<Placed, ServiceError> {
        let has_key = claim.is_some();
        // A question that is asked again must not place a second order, be it that the client sent no key of its own.
        let claim = claim.unwrap_or_else(|| own_claim("an order without a key"));
        let question = |wait| Place { order: order.clone(), claim: claim.clone(), wait_ms: millis(wait) };
        let (place, at_once) = (question(wait), question(Duration::ZERO));
        let mut stopping = self.stopping.clone();
        let answer = tokio::select! {
            // The coordinator has patience of its own with whoever the order needs to exist.
            answer = ask(peer, PLACE, &place, wait.max(PATIENCE)) => Some(answer),
            _ = stopping.wait_for(|stopping| *stopping) => None,
        };
        let placed = match answer {
            Some(answer) => answer?,
            None => ask(peer, PLACE, &at_once, PATIENCE).await?,
        };
        Ok(Placed { replayed: placed.replayed && has_key, ..placed })
    }

    /// As [`Service::wait_for_rest`].
    pub(super) async fn rest_elsewhere(
        &self,
        peer: &Peer,
        saga_id: SagaId,
        wait: Duration,
    ) -> Result<(), ServiceError> {
        let mut stopping = self.stopping.clone();
        let question = (saga_id, millis(wait));
        tokio::select! {
            answer = ask(peer, REST, &question, wait) => answer,
            _ = stopping.wait_for(|stopping| *stopping) => Ok(()),
        }
    }
}

/// As [`Service::edit_as`], without the order.
pub(super) async fn edit(
    peer: &Peer,
    id: OrderId,
    lines: LinesFields,
    payment_id: PaymentId,
) -> Result<(), ServiceError> {
    ask(peer, EDIT, &(id, lines, payment_id), PATIENCE).await
}

/// As [`Service::cancel_saga`].
pub(super) async fn cancel(
    peer: &Peer,
    saga_id: SagaId,
    by: CancelBy,
    note: Option<String>,
    claim: Option<Claim>,
) -> Result<bool, ServiceError> {
    ask(peer, CANCEL, &Cancel { saga_id, by, note, claim }, PATIENCE).await
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
            async move { Ok(service.place(order, Some(claim), wait(wait_ms)).await.map_err(Problem::from)) }
        });
        let service = self.clone();
        router.on(EDIT, move |(id, lines, payment_id)| {
            let service = service.clone();
            async move { Ok(service.edit_as(id, lines, payment_id).await.map(drop).map_err(Problem::from)) }
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
