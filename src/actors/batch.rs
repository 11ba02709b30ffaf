//! Batching in the mailbox: what has come together goes to the store together.

use super::{
    deferred::{Deferred, deferred},
    supervisor::ActorStatus,
};
use crate::{
    domain::{
        aggregate::Aggregate,
        saga::{Outcome, StepReply},
    },
    store::{Answers, Commands, Executed, Keyed, StoreError},
};
use actix::{Actor, ActorFutureExt, AsyncContext, Context, WrapFuture};

type Receive<R> = Box<dyn FnOnce(Answers<R>)>;

/// Commands `C` that wait for the next flush, and who gets their answers `R`.
pub(super) struct Batch<C, R> {
    commands: Vec<Keyed<C>>,
    /// How many of the commands each receiver sent, in order.
    receivers: Vec<(usize, Receive<R>)>,
    /// A flush is in flight or about to begin.
    busy: bool,
}

impl<C, R> Default for Batch<C, R> {
    fn default() -> Self {
        Self { commands: Vec::new(), receivers: Vec::new(), busy: false }
    }
}

/// An actor that owns data: it alone hands the store commands that change them.
pub(super) trait Participant: Actor<Context = Context<Self>> {
    /// What the store is asked.
    type Command: Send + 'static;
    /// What it answers.
    type Answer: Send + 'static;

    /// Its buffer.
    fn batch(&mut self) -> &mut Batch<Self::Command, Self::Answer>;
    /// Where its commands are run.
    fn commands(&self) -> &dyn Commands<Self::Command, Self::Answer>;
    /// What is known of it.
    fn status(&self) -> &ActorStatus;
    /// A batch is durable, its answers are about to go out.
    fn committed(&mut self, _answers: &Answers<Self::Answer>, _ctx: &mut Context<Self>) {}

    /// Buffers commands; `receive` gets their answers, or is dropped when the actor fails before.
    fn submit(
        &mut self,
        commands: impl IntoIterator<Item = Keyed<Self::Command>>,
        receive: impl FnOnce(Answers<Self::Answer>) + 'static,
        ctx: &mut Context<Self>,
    ) {
        let batch = self.batch();
        let before = batch.commands.len();
        batch.commands.extend(commands);
        batch.receivers.push((batch.commands.len() - before, Box::new(receive)));
        if !batch.busy {
            batch.busy = true;
            // Polled after the mailbox has been drained: everything queued by now is in one flush.
            ctx.spawn(async {}.into_actor(self).map(|(), actor, ctx| actor.flush(ctx)));
        }
    }

    /// Buffers a coordinator's commands; their steps' outcomes are the reply.
    fn perform(&mut self, commands: Vec<Self::Command>, ctx: &mut Context<Self>) -> Deferred<Vec<StepReply>>
    where
        Self::Answer: EndsStep,
    {
        let (later, reply) = deferred();
        let receive = |answers: Answers<Self::Answer>| {
            reply.send(answers.into_iter().map(step_reply).collect());
        };
        self.submit(commands.into_iter().map(Keyed::from), receive, ctx);
        later
    }

    /// Hands the whole buffer to the store.
    fn flush(&mut self, ctx: &mut Context<Self>) {
        let batch = self.batch();
        if batch.receivers.is_empty() {
            batch.busy = false;
            return;
        }
        let commands = std::mem::take(&mut batch.commands);
        let receivers = std::mem::take(&mut batch.receivers);
        let count = commands.len();
        let answers = self.commands().execute(commands);
        ctx.spawn(answers.into_actor(self).map(move |answers, actor, ctx| {
            if answers.iter().any(Result::is_ok) {
                actor.status().progressed(count);
            }
            actor.committed(&answers, ctx);
            let mut answers = answers.into_iter();
            for (share, receive) in receivers {
                receive(answers.by_ref().take(share).collect());
            }
            actor.flush(ctx);
        }));
    }
}

/// An answer that says how a saga's step went.
pub(super) trait EndsStep {
    /// The saga's side of it.
    fn step_reply(self) -> StepReply;
}

impl<A: Aggregate> EndsStep for Executed<A> {
    fn step_reply(self) -> StepReply {
        match self {
            Self::Decided(answer) => StepReply::Outcome(A::outcome(answer)),
            Self::Replayed { .. } => StepReply::Poisoned("a step has no idempotency key".into()),
        }
    }
}

fn step_reply<R: EndsStep>(answer: Result<R, StoreError>) -> StepReply {
    match answer {
        Ok(answer) => answer.step_reply(),
        // Where the coordinator's own storage goes on, this is no attempt.
        Err(error @ StoreError::Unavailable(_)) => StepReply::Away(error.to_string()),
        Err(error @ StoreError::Conflict) => StepReply::Outcome(Outcome::unknown(error.to_string())),
        Err(error @ (StoreError::Poisoned(_) | StoreError::Refused(_) | StoreError::KeyReused)) => {
            StepReply::Poisoned(error.to_string())
        }
    }
}
