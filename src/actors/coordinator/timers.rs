//! When sagas are taken in hand again: interrupted ones after a start, waiting ones when due.

use super::{SagaCoordinator, drive::Purpose};
use crate::{
    clock,
    domain::ids::SagaId,
    domain::time::Timestamp,
    store::{Due, StoreError},
};
use actix::{ActorFutureExt, AsyncContext, Context, SpawnHandle, WrapFuture};
use std::time::Duration;

/// Sagas looked up at a time.
const PAGE: u32 = 256;
/// Sagas taken in hand again above which recovery and timers wait, so that new orders go on meanwhile.
const BOUND: usize = 1024;
/// How long they wait then, and before they try again when the store is away.
const PAUSE: Duration = Duration::from_millis(100);
/// How often due sagas are looked for whatever is expected.
const SWEEP: Duration = Duration::from_secs(30);

/// What is expected when.
#[derive(Default)]
pub(super) struct Timers {
    /// The earliest time at which a saga is known to be due.
    expected: Option<Timestamp>,
    /// The alarm that is set, and for when.
    alarm: Option<(Timestamp, SpawnHandle)>,
    /// A look for due sagas is under way.
    looking: bool,
    /// No more sagas are taken in hand: the process is stopping.
    stopped: bool,
}

impl Timers {
    /// A saga will be due at `at`.
    pub(super) fn expect(&mut self, at: Timestamp) {
        self.expected = Some(self.expected.map_or(at, |known| known.min(at)));
    }

    /// Whether no more sagas are taken in hand.
    pub(super) const fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes no more sagas in hand.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }
}

impl SagaCoordinator {
    /// Takes every interrupted saga in hand, paced, and begins to look for due ones.
    pub(super) fn recover(&mut self, ctx: &mut Context<Self>) {
        self.look_for_interrupted(None, ctx);
        self.look_for_due(ctx);
        ctx.run_interval(SWEEP, |actor, ctx| {
            actor.waiters.sweep();
            actor.look_for_due(ctx);
        });
    }

    pub(super) fn look_for_interrupted(&mut self, after: Option<SagaId>, ctx: &mut Context<Self>) {
        if self.timers.stopped {
            return;
        }
        if self.hands.resumed() >= BOUND {
            ctx.run_later(PAUSE, move |actor, ctx| actor.look_for_interrupted(after, ctx));
            return;
        }
        let page = self.store.interrupted(after, PAGE).into_actor(self);
        ctx.spawn(page.map(move |page, actor, ctx| match page {
            Ok(page) => {
                let last = page.last().copied().filter(|_| page.len() == PAGE as usize);
                if !page.is_empty() {
                    tracing::info!(sagas = page.len(), "interrupted sagas go on");
                }
                for saga_id in page {
                    actor.take_up(saga_id, Purpose::Drive);
                }
                actor.settle_down(ctx);
                if last.is_some() {
                    actor.look_for_interrupted(last, ctx);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "interrupted sagas cannot be looked up yet");
                ctx.run_later(PAUSE, move |actor, ctx| actor.look_for_interrupted(after, ctx));
            }
        }));
    }

    fn look_for_due(&mut self, ctx: &mut Context<Self>) {
        if self.timers.looking || self.timers.stopped {
            return;
        }
        if self.hands.resumed() >= BOUND {
            self.timers.expect(clock::now().plus_millis(100));
            self.tend_timers(ctx);
            return;
        }
        self.timers.looking = true;
        self.timers.expected = None;
        // Those that are in hand again may be due still, by their rows: the page has room for as many others.
        let most = PAGE + u32::try_from(self.hands.resumed()).unwrap_or(u32::MAX);
        let due = self.store.due(clock::now(), most).into_actor(self);
        ctx.spawn(due.map(move |due, actor, ctx| {
            actor.timers.looking = false;
            actor.take_up_due(due, most);
            actor.settle_down(ctx);
        }));
    }

    fn take_up_due(&mut self, due: Result<Due, StoreError>, most: u32) {
        match due {
            Ok(Due { sagas, next }) => {
                if let Some(next) = next {
                    self.timers.expect(next);
                }
                if sagas.len() == most as usize {
                    self.timers.expect(clock::now().plus_millis(10));
                }
                for saga_id in sagas {
                    self.take_up(saga_id, Purpose::Drive);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "due sagas cannot be looked up yet");
                self.timers.expect(clock::now().plus_millis(1000));
            }
        }
    }

    /// Sets the alarm for the earliest time expected.
    pub(super) fn tend_timers(&mut self, ctx: &mut Context<Self>) {
        let Some(expected) = self.timers.expected else { return };
        if let Some((at, handle)) = self.timers.alarm {
            if at <= expected {
                return;
            }
            ctx.cancel_future(handle);
        }
        let wait = Duration::from_millis(expected.millis_since(clock::now()));
        let handle = ctx.run_later(wait, |actor, ctx| {
            actor.timers.alarm = None;
            actor.look_for_due(ctx);
        });
        self.timers.alarm = Some((expected, handle));
    }
}
