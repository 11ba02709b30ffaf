//! Supervision: an actor that panics or stops goes on with the same address and the same mailbox.
//!
//! actix's own `Supervisor` restarts an actor that calls `ctx.stop()`, but a panic ends it together
//! with its mailbox. This one polls the actor's `ContextFut` inside `catch_unwind`:
//!
//! ```text
//!   running ──panic or stop──▶ restarting ──backoff──▶ restart() ──▶ running
//!      │                            ▲ └─ restart() panics ─┘
//!      │ a committed batch: progress, failures forgotten
//!      └─ too many failures without progress ──▶ failed: the process ends
//! ```
//!
//! Messages that are queued survive. The one being handled, and what the actor had buffered, is lost;
//! its senders see their reply channel closed and send again.

use super::crash::Injected;
use crate::{
    clock,
    domain::time::Timestamp,
    lifecycle::{Fatal, panic_message},
};
use actix::{
    Actor, ActorContext, Addr, Context, Supervised,
    dev::{ContextFut, channel},
};
use actix_rt::{ArbiterHandle, time::Sleep};
use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicI64, AtomicU8, AtomicU32, AtomicU64, Ordering},
    },
    task::{self, Poll},
    time::Duration,
};

/// Failures in a row, without a committed batch between them, after which restarting is no help.
const MAX_FAILURES: u32 = 10;
/// Wait before the first restart; doubles with every failure in a row.
const BASE_BACKOFF: Duration = Duration::from_millis(5);
/// Longest wait before a restart.
const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Where a supervised actor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ActorState {
    /// Handling messages.
    Running = 0,
    /// Between a failure and its restart.
    Restarting = 1,
    /// Given up: the process is ending.
    Failed = 2,
}

impl ActorState {
    /// The state's stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Failed => "failed",
        }
    }
}

/// What is known of one actor, shared with whoever watches it.
#[derive(Debug)]
pub struct ActorStatus {
    name: &'static str,
    state: AtomicU8,
    restarts: AtomicU64,
    failures: AtomicU32,
    last_panic: Mutex<Option<String>>,
    batches: AtomicU64,
    commands: AtomicU64,
    since: AtomicI64,
    pub(super) injected: Injected,
}

impl ActorStatus {
    /// The status of an actor that is about to start.
    pub fn new(name: &'static str) -> Arc<Self> {
        Arc::new(Self {
            name,
            state: AtomicU8::new(ActorState::Running as u8),
            restarts: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            last_panic: Mutex::new(None),
            batches: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            since: AtomicI64::new(clock::now().millis()),
            injected: Injected::default(),
        })
    }

    /// The actor's stable name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it stands.
    pub fn state(&self) -> ActorState {
        match self.state.load(Ordering::Relaxed) {
            0 => ActorState::Running,
            1 => ActorState::Restarting,
            _ => ActorState::Failed,
        }
    }

    /// Restarts since the process started.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// What its latest panic said.
    pub fn last_panic(&self) -> Option<String> {
        self.last_panic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Batches committed and the commands in them.
    pub fn work(&self) -> (u64, u64) {
        (self.batches.load(Ordering::Relaxed), self.commands.load(Ordering::Relaxed))
    }

    /// When it entered its present state.
    pub fn since(&self) -> Timestamp {
        Timestamp::from_millis(self.since.load(Ordering::Relaxed))
    }

    /// Notes a committed batch: progress, so that earlier failures no longer count.
    pub(super) fn progressed(&self, commands: usize) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.commands.fetch_add(commands as u64, Ordering::Relaxed);
        self.failures.store(0, Ordering::Relaxed);
    }

    fn enter(&self, state: ActorState) {
        self.state.store(state as u8, Ordering::Relaxed);
        self.since.store(clock::now().millis(), Ordering::Relaxed);
    }

    /// Notes a failure; the wait before the restart, or `None` when restarting is no help.
    fn failed(&self, why: &str) -> Option<Duration> {
        *self.last_panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(why.to_owned());
        // A crash on purpose is no reason to give the actor up.
        let failures = if self.injected.take() {
            self.failures.load(Ordering::Relaxed)
        } else {
            self.failures.fetch_add(1, Ordering::Relaxed) + 1
        };
        tracing::warn!(actor = self.name, failures, why, "an actor failed and is restarted");
        if failures > MAX_FAILURES {
            self.enter(ActorState::Failed);
            return None;
        }
        self.enter(ActorState::Restarting);
        Some((BASE_BACKOFF * 2_u32.saturating_pow(failures.saturating_sub(1))).min(MAX_BACKOFF))
    }
}

/// Starts an actor on an arbiter and keeps it going. The address is valid at once and for good.
pub fn supervise<A>(
    arbiter: &ArbiterHandle,
    status: Arc<ActorStatus>,
    fatal: Fatal,
    make: impl FnOnce() -> A + Send + 'static,
) -> Addr<A>
where
    A: Actor<Context = Context<A>> + Supervised,
{
    let (sender, receiver) = channel::channel(16);
    let address = Addr::new(sender);
    let kept = address.clone();
    let started = arbiter.spawn_fn(move || {
        let context = Context::with_receiver(receiver).into_future(make());
        actix_rt::spawn(Supervisor { context, status, fatal, backoff: None, _address: kept });
    });
    debug_assert!(started, "the arbiter runs until the process ends");
    address
}

struct Supervisor<A: Actor<Context = Context<A>>> {
    context: ContextFut<A, Context<A>>,
    status: Arc<ActorStatus>,
    fatal: Fatal,
    /// Runs between a failure and its restart.
    backoff: Option<Pin<Box<Sleep>>>,
    /// Keeps the mailbox connected, without which a restart is refused.
    _address: Addr<A>,
}

impl<A: Actor<Context = Context<A>> + Supervised> Supervisor<A> {
    /// One step; `Some` with the reason when the actor failed, `None` when it waits.
    fn step(&mut self, cx: &mut task::Context<'_>) -> Option<String> {
        if let Some(backoff) = &mut self.backoff {
            if backoff.as_mut().poll(cx).is_pending() {
                return None;
            }
            self.backoff = None;
            match catch_unwind(AssertUnwindSafe(|| self.context.restart())) {
                Ok(true) => {
                    self.status.restarts.fetch_add(1, Ordering::Relaxed);
                    self.status.enter(ActorState::Running);
                }
                Ok(false) => return Some("its mailbox is closed".into()),
                Err(panic) => return Some(format!("while restarting: {}", panic_message(panic.as_ref()))),
            }
        }
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.context).poll(cx))) {
            Ok(Poll::Pending) => None,
            Ok(Poll::Ready(())) => Some("it stopped".into()),
            Err(panic) => Some(panic_message(panic.as_ref())),
        }
    }
}

impl<A: Actor<Context = Context<A>> + Supervised> Future for Supervisor<A> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        while let Some(why) = this.step(cx) {
            // A terminated context is never polled again by its own drop.
            this.context.ctx().terminate();
            match this.status.failed(&why) {
                Some(wait) => this.backoff = Some(Box::pin(actix_rt::time::sleep(wait))),
                None => {
                    this.fatal.raise(format!(
                        "actor {} failed more than {MAX_FAILURES} times without progress: {why}",
                        this.status.name
                    ));
                    return Poll::Ready(());
                }
            }
        }
        Poll::Pending
    }
}

impl<A: Actor<Context = Context<A>>> Unpin for Supervisor<A> {}

#[cfg(test)]
mod tests;
