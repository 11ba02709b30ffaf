//! The catalogue's actor: owns products, shops, offers and warehouses. No step of a saga is its own.

use super::{
    Crash,
    batch::{Batch, Participant},
    crash::crash,
    deferred::{Deferred, deferred},
    supervisor::ActorStatus,
};
use crate::{
    domain::catalog::{CatalogCommand, CatalogRefusal},
    store::{Answers, CatalogAnswer, CatalogDone, CatalogStore, Claim, Commands, Keyed, StoreError},
};
use actix::{Actor, Context, Handler, Message, Supervised};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A client's change of the catalogue.
#[derive(Debug, Message)]
#[rtype(result = "Result<CatalogDone, CatalogRequestError>")]
pub struct ChangeCatalog {
    /// What is asked for.
    pub command: CatalogCommand,
    /// The idempotency key that it was sent under.
    pub claim: Option<Claim>,
}

/// Why a client's change of the catalogue was not made.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum CatalogRequestError {
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] CatalogRefusal),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps the catalogue.
pub struct CatalogActor {
    store: Arc<dyn CatalogStore>,
    status: Arc<ActorStatus>,
    batch: Batch<CatalogCommand, CatalogAnswer>,
}

impl CatalogActor {
    /// An actor over a store.
    pub fn new(store: Arc<dyn CatalogStore>, status: Arc<ActorStatus>) -> Self {
        Self { store, status, batch: Batch::default() }
    }
}

impl Actor for CatalogActor {
    type Context = Context<Self>;
}

impl Supervised for CatalogActor {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.batch = Batch::default();
    }
}

impl Participant for CatalogActor {
    type Command = CatalogCommand;
    type Answer = CatalogAnswer;

    fn batch(&mut self) -> &mut Batch<CatalogCommand, CatalogAnswer> {
        &mut self.batch
    }

    fn commands(&self) -> &dyn Commands<CatalogCommand, CatalogAnswer> {
        self.store.as_ref()
    }

    fn status(&self) -> &ActorStatus {
        &self.status
    }
}

impl Handler<ChangeCatalog> for CatalogActor {
    type Result = Deferred<Result<CatalogDone, CatalogRequestError>>;

    fn handle(&mut self, ChangeCatalog { command, claim }: ChangeCatalog, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        let receive = |answers: Answers<CatalogAnswer>| {
            if let Some(answer) = answers.into_iter().next() {
                reply.send(match answer {
                    Ok(Ok(done)) => Ok(done),
                    Ok(Err(refusal)) => Err(refusal.into()),
                    Err(error) => Err(error.into()),
                });
            }
        };
        self.submit([Keyed { command, claim }], receive, ctx);
        later
    }
}

impl Handler<Crash> for CatalogActor {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}
