//! Crashes on purpose: what tests, load runs and demonstrations do to actors.

use actix::{Actor, ActorContext, AsyncContext, Context, Message, WrapFuture};
use std::sync::atomic::{AtomicBool, Ordering};

/// Crashes the actor that receives it.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Crash(pub CrashMode);

/// How an actor is crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "snake_case")]
pub enum CrashMode {
    /// Its message handler panics.
    Panic,
    /// It stops.
    Stop,
    /// One of its futures panics.
    PanicInFuture,
}

/// Marks the next failure as one on purpose, which never gives an actor up.
#[derive(Debug, Default)]
pub(super) struct Injected(AtomicBool);

impl Injected {
    pub(super) fn mark(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Does what a [`Crash`] asks for.
#[expect(clippy::panic, reason = "a crash on purpose is what was asked for")]
pub(super) fn crash<A: Actor<Context = Context<A>>>(
    crash: Crash,
    injected: &Injected,
    actor: &A,
    ctx: &mut Context<A>,
) {
    injected.mark();
    match crash.0 {
        CrashMode::Panic => panic!("crashed on purpose: panic in a handler"),
        CrashMode::Stop => ctx.stop(),
        CrashMode::PanicInFuture => {
            ctx.spawn(async { panic!("crashed on purpose: panic in a future") }.into_actor(actor));
        }
    }
}
