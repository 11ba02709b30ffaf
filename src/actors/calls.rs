//! Calls to services outside, and to the order's owner: committed by a participant's row, made by a task, answered by a
//! command.
//!
//! ```text
//!   row with a call, committed ──▶ task: backoff, call the provider ──▶ CallAnswered ──▶ row without it
//!        ▲                                                                    │
//!        └──────────── restart: scan the store for rows with a call ◀── crash anywhere
//! ```
//!
//! A call that is made twice has the same idempotency key, and a second answer changes nothing.

use super::{
    Perform,
    batch::Participant,
    coordinator::{Signal, SignalTarget},
    crash::Injected,
    deferred::{Deferred, deferred},
};
use crate::{
    domain::{
        aggregate::{Aftermath, Outgoing},
        ids::OrderId,
        order::OrderCommand,
        saga::{Outcome, StepReply},
        simulation::{CallAnswer, Fault, Script},
    },
    providers::call_backoff,
    store::{Answers, Executed, Keyed, StoreError},
};
use actix::{ActorFutureExt, AsyncContext, Context, Handler, Message, Recipient, WrapFuture};
use futures::future::BoxFuture;
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};
use tokio::sync::oneshot;

/// Rows looked up at a time by a scan.
const SCAN_PAGE: u32 = 256;
/// Calls under way above which a scan waits before it looks up more.
const SCAN_BOUND: usize = 2048;
/// Orders that are waited for at least before it is looked who waits no more.
const LEAST_SWEEP: usize = 256;
/// How long a scan waits then, and before it tries again when the store is away.
const SCAN_PAUSE: Duration = Duration::from_millis(200);
/// How long an answer waits before it is brought again to an actor that has failed.
const REDELIVERY_PAUSE: Duration = Duration::from_millis(20);

/// The calls under way, by order and part: which call, and after how many unusable answers.
///
/// Follows the committed rows alone: a part whose call and attempts are known already is under way, one
/// that differs is to be called, one without a call is settled.
#[derive(Debug)]
pub(super) struct Calls<C> {
    under_way: HashMap<(OrderId, usize), (C, u32)>,
    /// Who wants to know when an order has none under way any more.
    waiting: HashMap<OrderId, Vec<oneshot::Sender<()>>>,
    /// At how many orders those are forgotten for which nobody waits any more.
    sweep_at: usize,
}

impl<C> Default for Calls<C> {
    fn default() -> Self {
        Self { under_way: HashMap::new(), waiting: HashMap::new(), sweep_at: LEAST_SWEEP }
    }
}

impl<C: Copy + PartialEq> Calls<C> {
    /// Takes in a part of a committed row; whether its call must be made now.
    fn is_due(&mut self, order: OrderId, part: usize, outstanding: Option<(C, u32)>) -> bool {
        match outstanding {
            None => {
                self.under_way.remove(&(order, part));
                false
            }
            Some(call) => self.under_way.insert((order, part), call) != Some(call),
        }
    }

    /// Resolves when a row of the order without any call has been seen; fails when its actor does.
    pub(super) fn settled(&mut self, order: OrderId) -> oneshot::Receiver<()> {
        let (settled, wait) = oneshot::channel();
        if self.waiting.len() >= self.sweep_at {
            self.waiting.retain(|_, waiting| waiting.iter().any(|waiter| !waiter.is_closed()));
            self.sweep_at = (2 * self.waiting.len()).max(LEAST_SWEEP);
        }
        let waiting = self.waiting.entry(order).or_default();
        waiting.retain(|waiter| !waiter.is_closed());
        waiting.push(settled);
        wait
    }

    /// Whether a part's call is another one than is under way: somebody else has had the answer to that.
    fn is_over(&self, order: OrderId, part: usize, outstanding: Option<(C, u32)>) -> bool {
        self.under_way.get(&(order, part)).is_some_and(|(call, _)| outstanding.is_none_or(|(now, _)| now != *call))
    }

    fn wake(&mut self, order: OrderId) {
        if self.waiting.is_empty() {
            return;
        }
        for waiter in self.waiting.remove(&order).into_iter().flatten() {
            let _ = waiter.send(());
        }
    }
}

/// Asks to be told when none of an order's calls is under way here any more. Whoever asks looks at the row after that,
/// and again now and then: another node may make the calls.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "oneshot::Receiver<()>")]
pub struct WhenSettled(pub OrderId);

/// Brings a command to the owner of the order; what it answers.
pub(super) fn tell(orders: &Recipient<Perform<OrderCommand>>, command: OrderCommand) -> BoxFuture<'static, CallAnswer> {
    let orders = orders.clone();
    Box::pin(async move {
        let unknown = |error: String| CallAnswer::Unknown { happened: false, error };
        match orders.send(Perform(vec![command])).await.map(|mut replies| replies.pop()) {
            Ok(Some(StepReply::Outcome(Outcome::Done { .. }))) => CallAnswer::Done,
            Ok(Some(StepReply::Outcome(Outcome::Rejected { reason }))) => CallAnswer::Rejected(reason),
            Ok(Some(StepReply::Outcome(Outcome::Unknown { error, .. }) | StepReply::Poisoned(error))) => unknown(error),
            Ok(Some(StepReply::Outcome(Outcome::Pending { .. })) | None) => unknown("no answer".into()),
            Err(error) => unknown(error.to_string()),
        }
    })
}

/// A provider's answer, on its way into the store.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub(super) struct CallAnswered<C: 'static> {
    pub(super) order_id: OrderId,
    pub(super) part: usize,
    pub(super) call: C,
    pub(super) attempts: u32,
    pub(super) answer: CallAnswer,
}

/// Another node is gone: its calls whose answers are not known are made by whoever is left. A message that is lost
/// with its actor is not missed: an actor begins with the same.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct TakeOverCalls;

/// A participant that calls the outside world.
pub(super) trait Caller<A: Outgoing>:
    Participant<Command = A::Command, Answer = Executed<A>> + Handler<CallAnswered<A::Call>>
{
    /// The calls under way.
    fn calls(&mut self) -> &mut Calls<A::Call>;
    /// The call to make for a part of a row; `repeat` says that it may have been made before.
    fn call(&self, call: A::Call, row: &A, part: usize, repeat: bool) -> BoxFuture<'static, CallAnswer>;
    /// Rows with an outstanding call, by order, after `after`.
    fn outstanding(&self, after: Option<OrderId>, limit: u32) -> BoxFuture<'static, Result<Vec<A>, StoreError>>;
    /// Who waits for results.
    fn coordinator(&self) -> &SignalTarget;

    /// After a commit: makes the calls that the rows now ask for, and tells the sagas that wait.
    fn follow_up(&mut self, answers: &Answers<Executed<A>>, ctx: &mut Context<Self>) {
        let mut signals = Vec::new();
        for answer in answers {
            let Ok(Executed::Decided(answer)) = answer else { continue };
            let Aftermath { row, requested, signal } = A::aftermath(answer);
            if let Some(row) = row {
                self.follow(row, requested, ctx);
            }
            signals.extend(signal);
        }
        Signal::deliver(signals, self.coordinator());
    }

    /// Makes the calls of a row that were requested just now. The others are under way, here or on another node, or are
    /// found by a scan; those that are answered are forgotten.
    fn follow(&mut self, row: &A, requested: &[usize], ctx: &mut Context<Self>) {
        for part in 0..row.parts() {
            let outstanding = row.outstanding(part);
            if outstanding.is_none() || requested.contains(&part) {
                self.follow_part(row, part, false, ctx);
            } else if self.calls().is_over(row.order_id(), part, outstanding) {
                self.calls().under_way.remove(&(row.order_id(), part));
            }
        }
        if (0..row.parts()).all(|part| row.outstanding(part).is_none()) {
            self.calls().wake(row.order_id());
        }
    }

    /// Makes a part's outstanding call, unless that is under way here. `found` says that it was not requested just
    /// now: it may have been made before. A task of its own makes it: an actor polls every future inside it on each
    /// wake-up.
    fn follow_part(&mut self, row: &A, part: usize, found: bool, ctx: &mut Context<Self>) {
        let (order_id, outstanding) = (row.order_id(), row.outstanding(part));
        if !self.calls().is_due(order_id, part, outstanding) {
            return;
        }
        let Some((call, attempts)) = outstanding else { return };
        let answered = self.call(call, row, part, found || attempts > 0);
        let actor = ctx.address();
        actix_rt::spawn(async move {
            actix_rt::time::sleep(call_backoff(attempts)).await;
            let answer = answered.await;
            // An actor that fails meanwhile loses the message, not the mailbox: bring it again.
            while actor.send(CallAnswered { order_id, part, call, attempts, answer: answer.clone() }).await.is_err() {
                actix_rt::time::sleep(REDELIVERY_PAUSE).await;
            }
        });
    }

    /// Looks up the calls that a crash may have interrupted: those to orders first, which wait for no service.
    fn scan(&mut self, ctx: &mut Context<Self>) {
        self.scan_from(None, false, ctx);
    }

    /// As [`Self::scan`], from behind an order, a page at a time; those that go outside, or the others.
    fn scan_from(&mut self, after: Option<OrderId>, outside: bool, ctx: &mut Context<Self>) {
        if outside && self.calls().under_way.len() >= SCAN_BOUND {
            ctx.run_later(SCAN_PAUSE, move |actor, ctx| actor.scan_from(after, outside, ctx));
            return;
        }
        let page = self.outstanding(after, SCAN_PAGE).into_actor(self);
        ctx.spawn(page.map(move |page, actor, ctx| match page {
            Ok(page) => {
                for row in &page {
                    let is_meant = |call| A::goes_outside(call) == outside;
                    for part in 0..row.parts() {
                        if row.outstanding(part).is_some_and(|(call, _)| is_meant(call)) {
                            actor.follow_part(row, part, true, ctx);
                        }
                    }
                }
                if page.len() == SCAN_PAGE as usize {
                    actor.scan_from(page.last().map(Outgoing::order_id), outside, ctx);
                } else if !outside {
                    actor.scan_from(None, true, ctx);
                }
            }
            Err(error) => {
                tracing::warn!(%error, actor = actor.status().name(), "outstanding calls cannot be looked up yet");
                ctx.run_later(SCAN_PAUSE, move |actor, ctx| actor.scan_from(after, outside, ctx));
            }
        }));
    }

    /// Commits a provider's answer. One that cannot be stored is left unanswered, and so brought again.
    fn take_in(&mut self, command: A::Command, ctx: &mut Context<Self>) -> Deferred<()> {
        let (later, reply) = deferred();
        let receive = |answers: Answers<Executed<A>>| {
            if answers.iter().all(|answer| !matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Conflict))) {
                reply.send(());
            }
        };
        self.submit([Keyed::from(command)], receive, ctx);
        later
    }
}

/// Orders whose script made their participant panic already: it does so once.
#[derive(Debug, Default)]
pub(super) struct Panicked(HashSet<OrderId>);

impl Panicked {
    /// Panics if the script of any of these orders asks for it and has not had it yet. One panic is
    /// all of theirs: a message of many such orders would otherwise crash its actor once for each.
    #[expect(clippy::panic, reason = "the order's script asks for a panic")]
    pub(super) fn check(&mut self, orders: impl Iterator<Item = (OrderId, Script)>, injected: &Injected) {
        let mut new = None;
        for (order, _) in orders.filter(|(_, script)| script.fault == Some(Fault::Panic)) {
            if self.0.insert(order) {
                new = Some(order);
            }
        }
        if let Some(order) = new {
            injected.mark();
            panic!("simulated panic on order {order}");
        }
    }
}
