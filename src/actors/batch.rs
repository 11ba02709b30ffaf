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

type Receive<A> = Box<dyn FnOnce(Answers<Executed<A>>)>;

/// Commands that wait for the next flush, and who gets their answers.
pub(super) struct Batch<A: Aggregate> {
    commands: Vec<Keyed<A::Command>>,
    /// How many of the commands each receiver sent, in order.
    receivers: Vec<(usize, Receive<A>)>,
    /// A flush is in flight or about to begin.
    busy: bool,
}

impl<A: Aggregate> Default for Batch<A> {
    fn default() -> Self {
        Self { commands: Vec::new(), receivers: Vec::new(), busy: false }
    }
}

/// An actor that owns one aggregate's rows.
pub(super) trait Participant: Actor<Context = Context<Self>> {
    /// What it owns.
    type Aggregate: Aggregate;

    /// Its buffer.
    fn batch(&mut self) -> &mut Batch<Self::Aggregate>;
    /// Where its commands are run.
    fn commands(&self) -> &dyn Commands<Self::Aggregate>;
    /// What is known of it.
    fn status(&self) -> &ActorStatus;
    /// A batch is durable, its answers are about to go out.
    fn committed(&mut self, _answers: &Answers<Executed<Self::Aggregate>>, _ctx: &mut Context<Self>) {}

    /// Buffers commands; `receive` gets their answers, or is dropped when the actor fails before.
    fn submit(
        &mut self,
        commands: impl IntoIterator<Item = Keyed<<Self::Aggregate as Aggregate>::Command>>,
        receive: impl FnOnce(Answers<Executed<Self::Aggregate>>) + 'static,
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
    fn perform(
        &mut self,
        commands: Vec<<Self::Aggregate as Aggregate>::Command>,
        ctx: &mut Context<Self>,
    ) -> Deferred<Vec<StepReply>> {
        let (later, reply) = deferred();
        let receive = |answers: Answers<Executed<Self::Aggregate>>| {
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

fn step_reply<A: Aggregate>(answer: Result<Executed<A>, StoreError>) -> StepReply {
    match answer {
        Ok(Executed::Decided(answer)) => StepReply::Outcome(A::outcome(answer)),
        Ok(Executed::Replayed(_)) => StepReply::Poisoned("a step has no idempotency key".into()),
        Err(error @ (StoreError::Unavailable(_) | StoreError::Conflict)) => {
            StepReply::Outcome(Outcome::unknown(error.to_string()))
        }
        Err(error @ (StoreError::Poisoned(_) | StoreError::Refused(_) | StoreError::KeyReused)) => {
            StepReply::Poisoned(error.to_string())
        }
    }
}
