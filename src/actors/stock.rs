//! The stock participant: owns the levels, the reservations and the ledger of every warehouse.

use super::{
    Crash, Perform,
    batch::{Batch, EndsStep, Participant},
    calls::Panicked,
    crash::crash,
    deferred::{Deferred, deferred},
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        saga::StepReply,
        stock::{StockChange, StockCommand, StockRefusal},
    },
    store::{Answers, ChangeAnswer, Claim, Commands, Keyed, StockReply, StockRequest, StockStore, StoreError},
};
use actix::{Actor, Context, Handler, Message, Supervised};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What a shop does to its stock by hand.
#[derive(Debug, Message)]
#[rtype(result = "Result<ChangeAnswer, StockRequestError>")]
pub struct ChangeStock {
    /// The change.
    pub change: StockChange,
    /// What tells it from another one when it is sent again: the client's idempotency key, or one made for
    /// it.
    pub claim: Claim,
}

/// Why a change was not made.
#[derive(Clone, Debug, Serialize, Deserialize, thiserror::Error)]
pub enum StockRequestError {
    /// The rules forbid it.
    #[error(transparent)]
    Refused(#[from] StockRefusal),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Performs the checkout's `reserve_stock`, `commit_stock` and `release_stock`, and takes in what shops do to
/// their stock.
pub struct StockActor {
    store: Arc<dyn StockStore>,
    status: Arc<ActorStatus>,
    batch: Batch<StockRequest, StockReply>,
    panicked: Panicked,
}

impl StockActor {
    /// An actor over a store.
    pub fn new(store: Arc<dyn StockStore>, status: Arc<ActorStatus>) -> Self {
        Self { store, status, batch: Batch::default(), panicked: Panicked::default() }
    }
}

impl Actor for StockActor {
    type Context = Context<Self>;
}

impl Supervised for StockActor {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        self.batch = Batch::default();
    }
}

impl Participant for StockActor {
    type Command = StockRequest;
    type Answer = StockReply;

    fn batch(&mut self) -> &mut Batch<StockRequest, StockReply> {
        &mut self.batch
    }

    fn commands(&self) -> &dyn Commands<StockRequest, StockReply> {
        self.store.as_ref()
    }

    fn status(&self) -> &ActorStatus {
        &self.status
    }
}

impl EndsStep for StockReply {
    fn step_reply(self) -> StepReply {
        match self {
            Self::Step(answer) => StepReply::Outcome(answer.outcome),
            Self::Change(_) => StepReply::Poisoned("a step is no change by hand".into()),
        }
    }
}

impl Handler<Perform<StockCommand>> for StockActor {
    type Result = Deferred<Vec<StepReply>>;

    fn handle(&mut self, Perform(commands): Perform<StockCommand>, ctx: &mut Context<Self>) -> Self::Result {
        let scripts = commands.iter().filter_map(|command| match command {
            StockCommand::Reserve(reserve) => Some((reserve.order_id, reserve.script)),
            _ => None,
        });
        self.panicked.check(scripts, &self.status.injected);
        self.perform(commands.into_iter().map(StockRequest::Step).collect(), ctx)
    }
}

impl Handler<ChangeStock> for StockActor {
    type Result = Deferred<Result<ChangeAnswer, StockRequestError>>;

    fn handle(&mut self, ChangeStock { change, claim }: ChangeStock, ctx: &mut Context<Self>) -> Self::Result {
        let (later, reply) = deferred();
        let receive = |answers: Answers<StockReply>| {
            if let Some(answer) = answers.into_iter().next() {
                reply.send(changed(answer));
            }
        };
        self.submit([Keyed { command: StockRequest::Change(change), claim: Some(claim) }], receive, ctx);
        later
    }
}

fn changed(answer: Result<StockReply, StoreError>) -> Result<ChangeAnswer, StockRequestError> {
    match answer? {
        StockReply::Change(made) => Ok(made?),
        StockReply::Step(_) => Err(StoreError::Poisoned("a change by hand is no step".into()).into()),
    }
}

impl Handler<Crash> for StockActor {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}
