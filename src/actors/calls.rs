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
    clock,
    domain::{
        aggregate::{Aftermath, Outgoing},
        ids::OrderId,
        order::OrderCommand,
        saga::{Outcome, StepReply},
        simulation::{CallAnswer, Fault, Script},
    },
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
/// Calls to one service above which no further ones are begun: each is a task in memory, and the service may be away for
/// long. Those that are left out are looked up later.
const MOST_CALLS: usize = 4096;
/// How long those wait at least.
const LEFT_OUT_PAUSE: Duration = Duration::from_secs(5);
/// Orders that are waited for at least before it is looked who waits no more.
const LEAST_SWEEP: usize = 256;
/// How long a scan waits then, and before it tries again when the store is away.
const SCAN_PAUSE: Duration = Duration::from_millis(200);
/// The longest pause before a call is made again, in milliseconds, whatever its row says: the clock may have been set back.
const LONGEST_PAUSE_MS: u64 = 5 * 60 * 1000;
/// How long an answer waits before it is brought again to an actor that has failed.
const REDELIVERY_PAUSE: Duration = Duration::from_millis(20);

/// The calls under way, by order and part: which call, and after how many unusable answers.
///
/// Follows the committed rows alone: a part whose call and attempts are known already is under way, one
/// that differs is to be called, one without a call is settled.
#[derive(Debug)]
pub(super) struct Calls<C> {
    under_way: HashMap<(OrderId, usize), Made<C>>,
    /// How many of them each service has.
    by_service: HashMap<&'static str, usize>,
    /// Who wants to know when an order has none under way any more.
    waiting: HashMap<OrderId, Vec<oneshot::Sender<()>>>,
    /// At how many orders those are forgotten for which nobody waits any more.
    sweep_at: usize,
    /// Some are not under way because there are too many, and will be looked up.
    left_out: bool,
    scanning: Scanning,
}

/// How far a scan is. One that is under way goes to its end whatever is asked for meanwhile, or a service with more
/// calls than can be made would keep it from ever getting past them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scanning {
    No,
    Yes,
    /// And once more after that.
    Twice,
}

/// A call under way: which, after how many unusable answers, and to which service; `None` is the order.
type Made<C> = (C, u32, Option<&'static str>);

impl<C> Default for Calls<C> {
    fn default() -> Self {
        Self {
            under_way: HashMap::new(),
            by_service: HashMap::new(),
            waiting: HashMap::new(),
            sweep_at: LEAST_SWEEP,
            left_out: false,
            scanning: Scanning::No,
        }
    }
}

impl<C: Copy + PartialEq> Calls<C> {
    /// Takes in a part of a committed row; whether its call must be made now, to this service.
    fn is_due(
        &mut self,
        order: OrderId,
        part: usize,
        outstanding: Option<(C, u32)>,
        service: Option<&'static str>,
    ) -> bool {
        let known = self.under_way.get(&(order, part)).map(|(call, attempts, _)| (*call, *attempts));
        if known == outstanding {
            return false;
        }
        self.forget(order, part);
        let Some((call, attempts)) = outstanding else { return false };
        self.under_way.insert((order, part), (call, attempts, service));
        if let Some(service) = service {
            *self.by_service.entry(service).or_default() += 1;
        }
        true
    }

    fn forget(&mut self, order: OrderId, part: usize) {
        if let Some((.., Some(service))) = self.under_way.remove(&(order, part))
            && let Some(count) = self.by_service.get_mut(service)
        {
            *count -= 1;
        }
    }

    /// Whether a part's call must wait until others of its service have ended.
    fn is_full(&self, order: OrderId, part: usize, service: Option<&'static str>) -> bool {
        let count = service.and_then(|service| self.by_service.get(service)).copied().unwrap_or_default();
        count >= MOST_CALLS && !self.under_way.contains_key(&(order, part))
    }

    /// Whether a part's call that is under way is none any more, or not again: somebody else has had its answer.
    fn is_over(&self, order: OrderId, part: usize, outstanding: Option<(C, u32)>) -> bool {
        self.under_way.get(&(order, part)).is_some_and(|(call, attempts, _)| outstanding != Some((*call, *attempts)))
    }

    /// Whether a scan is to begin now, and not once that which is under way has ended.
    fn begin_scan(&mut self) -> bool {
        let begins = self.scanning == Scanning::No;
        self.scanning = if begins { Scanning::Yes } else { Scanning::Twice };
        begins
    }

    /// A scan has come to its end; whether another one was asked for meanwhile.
    fn end_scan(&mut self) -> bool {
        std::mem::replace(&mut self.scanning, Scanning::No) == Scanning::Twice
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
        let unknown = |error: String| CallAnswer::Unknown { happened: false, error: error.into() };
        match orders.send(Perform(vec![command])).await.map(|mut replies| replies.pop()) {
            Ok(Some(StepReply::Outcome(Outcome::Done { .. }))) => CallAnswer::Done,
            Ok(Some(StepReply::Outcome(Outcome::Rejected { reason, .. }))) => CallAnswer::Rejected(reason),
            Ok(Some(
                StepReply::Outcome(Outcome::Unknown { error, .. })
                | StepReply::Poisoned(error)
                | StepReply::Away(error),
            )) => unknown(error),
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
                self.calls().forget(row.order_id(), part);
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
        let service = row.service(part);
        if outstanding.is_some() && self.calls().is_full(order_id, part, service) {
            if !std::mem::replace(&mut self.calls().left_out, true) {
                ctx.run_later(LEFT_OUT_PAUSE, |actor, ctx| {
                    actor.calls().left_out = false;
                    actor.scan(ctx);
                });
            }
            return;
        }
        if !self.calls().is_due(order_id, part, outstanding, service) {
            return;
        }
        let Some((call, attempts)) = outstanding else { return };
        let answered = self.call(call, row, part, found || attempts > 0);
        let pause = row.next_attempt_at(part).map_or(0, |at| at.millis_since(clock::now()).min(LONGEST_PAUSE_MS));
        let actor = ctx.address();
        actix_rt::spawn(async move {
            actix_rt::time::sleep(Duration::from_millis(pause)).await;
            let answer = answered.await;
            // An actor that fails meanwhile loses the message, not the mailbox: bring it again.
            while actor.send(CallAnswered { order_id, part, call, attempts, answer: answer.clone() }).await.is_err() {
                actix_rt::time::sleep(REDELIVERY_PAUSE).await;
            }
        });
    }

    /// Looks up the calls that a crash may have interrupted.
    fn scan(&mut self, ctx: &mut Context<Self>) {
        if self.calls().begin_scan() {
            self.scan_from(None, ctx);
        }
    }

    /// As [`Self::scan`], from behind an order, a page at a time.
    fn scan_from(&mut self, after: Option<OrderId>, ctx: &mut Context<Self>) {
        let page = self.outstanding(after, SCAN_PAGE).into_actor(self);
        ctx.spawn(page.map(move |page, actor, ctx| match page {
            Ok(page) => {
                for row in &page {
                    (0..row.parts()).for_each(|part| actor.follow_part(row, part, true, ctx));
                }
                if page.len() == SCAN_PAGE as usize {
                    actor.scan_from(page.last().map(Outgoing::order_id), ctx);
                } else if actor.calls().end_scan() {
                    actor.scan(ctx);
                }
            }
            Err(error) => {
                tracing::warn!(%error, actor = actor.status().name(), "outstanding calls cannot be looked up yet");
                ctx.run_later(SCAN_PAUSE, move |actor, ctx| actor.scan_from(after, ctx));
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

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const BANK: Option<&str> = Some("bank");

    fn order(number: usize) -> OrderId {
        OrderId::from_uuid(Uuid::from_u128(number as u128))
    }

    #[test]
    fn a_call_is_made_once_for_each_unusable_answer_and_forgotten_when_it_is_answered() {
        let mut calls = Calls::default();
        assert!(calls.is_due(order(1), 0, Some(("charge", 0)), BANK));
        assert!(!calls.is_due(order(1), 0, Some(("charge", 0)), BANK));
        assert!(calls.is_due(order(1), 1, Some(("charge", 0)), BANK), "another part");
        assert!(calls.is_due(order(1), 0, Some(("charge", 1)), BANK));
        assert!(!calls.is_due(order(1), 0, None, None));
        assert!(calls.is_due(order(1), 0, Some(("charge", 1)), BANK));
        assert_eq!(calls.by_service["bank"], 2);
    }

    #[test]
    fn a_call_whose_answer_somebody_else_has_had_is_over() {
        let mut calls = Calls::default();
        calls.is_due(order(1), 0, Some(("charge", 3)), BANK);
        assert!(!calls.is_over(order(1), 0, Some(("charge", 3))));
        for other in [Some(("charge", 4)), Some(("refund", 0)), None] {
            assert!(calls.is_over(order(1), 0, other), "{other:?}");
        }
        assert!(!calls.is_over(order(2), 0, Some(("refund", 0))), "nothing is under way");
    }

    #[test]
    fn a_service_has_so_many_calls_and_takes_no_room_from_others() {
        let mut calls = Calls::default();
        assert!((0..MOST_CALLS).all(|number| calls.is_due(order(number), 0, Some(("charge", 0)), BANK)));
        assert!(calls.is_full(order(MOST_CALLS), 0, BANK));
        assert!(!calls.is_full(order(7), 0, BANK), "it is asked again");
        assert!(!calls.is_full(order(MOST_CALLS), 0, Some("another")));
        assert!(!calls.is_full(order(MOST_CALLS), 0, None), "an order");
        calls.is_due(order(7), 0, None, None);
        assert!(!calls.is_full(order(MOST_CALLS), 0, BANK), "there is room again");
    }

    #[test]
    fn a_scan_goes_to_its_end_and_is_repeated_once_for_all_who_asked_meanwhile() {
        let mut calls = Calls::<&str>::default();
        assert!(calls.begin_scan());
        assert!(!calls.begin_scan() && !calls.begin_scan(), "it is under way");
        assert!(calls.end_scan(), "they have asked for another one");
        assert!(calls.begin_scan());
        assert!(!calls.end_scan());
        assert!(calls.begin_scan(), "there is none under way");
    }

    #[test]
    fn who_waits_is_told_and_who_waits_no_more_is_forgotten() {
        let mut calls = Calls::<&str>::default();
        let mut kept = calls.settled(order(0));
        for number in 1..10 * LEAST_SWEEP {
            drop(calls.settled(order(number)));
        }
        assert!(calls.waiting.len() <= 2 * LEAST_SWEEP, "{} are remembered", calls.waiting.len());
        calls.wake(order(1));
        assert!(kept.try_recv().is_err(), "it is not its turn");
        calls.wake(order(0));
        assert!(kept.try_recv().is_ok());
    }
}
