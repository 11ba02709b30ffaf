//! An actor that fails in every way there is, under supervision.

use super::*;
use crate::actors::crash::{Crash, CrashMode, crash};
use actix::{AsyncContext, Handler, MailboxError, Message, ResponseFuture, WrapFuture};
use actix_rt::{Arbiter, time::sleep};
use std::{
    sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Instant,
};

/// What all incarnations of the actor share.
#[derive(Debug, Default)]
struct Shared {
    started: AtomicUsize,
    handled: AtomicUsize,
    /// Restarts that are still to panic.
    panics_restarting: AtomicUsize,
    /// Starts that are still to panic.
    panics_started: AtomicUsize,
}

struct Frail {
    shared: Arc<Shared>,
    status: Arc<ActorStatus>,
}

fn spend(panics: &AtomicUsize) -> bool {
    panics.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok()
}

impl Actor for Frail {
    type Context = Context<Self>;

    fn started(&mut self, _ctx: &mut Context<Self>) {
        self.shared.started.fetch_add(1, SeqCst);
        assert!(!spend(&self.shared.panics_started), "panic in started");
    }
}

impl Supervised for Frail {
    fn restarting(&mut self, _ctx: &mut Context<Self>) {
        assert!(!spend(&self.shared.panics_restarting), "panic in restarting");
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Count,
    Progress,
    PanicInHandler,
    PanicInFuture,
    Stop,
    Terminate,
}

impl Message for Act {
    type Result = usize;
}

impl Handler<Act> for Frail {
    type Result = ResponseFuture<usize>;

    #[expect(clippy::panic, reason = "that is the test")]
    fn handle(&mut self, act: Act, ctx: &mut Context<Self>) -> Self::Result {
        match act {
            Act::Count => {}
            Act::Progress => self.status.progressed(1),
            Act::PanicInHandler => panic!("panic in a handler"),
            Act::PanicInFuture => drop(ctx.spawn(async { panic!("panic in a future") }.into_actor(self))),
            Act::Stop => ctx.stop(),
            Act::Terminate => ctx.terminate(),
        }
        let handled = self.shared.handled.fetch_add(1, SeqCst) + 1;
        Box::pin(std::future::ready(handled))
    }
}

impl Handler<Crash> for Frail {
    type Result = ();

    fn handle(&mut self, message: Crash, ctx: &mut Context<Self>) {
        crash(message, &self.status.injected, self, ctx);
    }
}

struct Ward {
    arbiter: Arbiter,
    actor: Addr<Frail>,
    status: Arc<ActorStatus>,
    fatal: Fatal,
    shared: Arc<Shared>,
}

fn ward() -> Ward {
    ward_with(Arc::default())
}

fn ward_with(shared: Arc<Shared>) -> Ward {
    let (arbiter, status, fatal) = (Arbiter::new(), ActorStatus::new("frail"), Fatal::default());
    let (of_actor, own) = (Arc::clone(&shared), Arc::clone(&status));
    let actor = supervise(&arbiter.handle(), Arc::clone(&status), fatal.clone(), move || Frail {
        shared: of_actor,
        status: own,
    });
    Ward { arbiter, actor, status, fatal, shared }
}

async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !condition() {
        assert!(Instant::now() < deadline, "in vain: {what}");
        sleep(Duration::from_millis(1)).await;
    }
}

impl Ward {
    /// Fails once, and waits until the actor is back.
    async fn fail(&self, act: Act) {
        let before = self.status.restarts();
        let _ = self.actor.send(act).await;
        eventually("a restart", || self.status.restarts() > before).await;
    }

    async fn assert_alive(&self) {
        self.actor.send(Act::Count).await.expect("the same address works");
        assert_eq!((self.status.state(), self.fatal.reason()), (ActorState::Running, None));
    }
}

const FAILURES: [Act; 4] = [Act::PanicInHandler, Act::PanicInFuture, Act::Stop, Act::Terminate];

#[actix::test]
async fn an_actor_goes_on_under_its_address_however_it_fails() {
    for act in FAILURES {
        let ward = ward();
        ward.assert_alive().await;
        for restarts in 1..=3 {
            ward.fail(act).await;
            assert_eq!(ward.status.restarts(), restarts, "{act:?}");
            ward.assert_alive().await;
        }
        assert_eq!(ward.shared.started.load(SeqCst), 4, "{act:?}: every restart begins with `started`");
        assert!(ward.status.last_panic().is_some());
    }
}

#[actix::test]
async fn a_message_that_fails_is_seen_closed_and_those_behind_it_are_handled() {
    for act in FAILURES {
        let ward = ward();
        let (release, released) = mpsc::channel::<()>();
        ward.arbiter.spawn_fn(move || {
            let _ = released.recv();
        });
        let queued: Vec<_> = (0..500)
            .map(|index| {
                let send = ward.actor.send(if index == 250 { act } else { Act::Count });
                actix_rt::spawn(send)
            })
            .collect();
        // Every sender has had its turn: the mailbox is full.
        tokio::task::yield_now().await;
        drop(release);
        for (index, sent) in queued.into_iter().enumerate() {
            match sent.await.expect("no panic here") {
                Ok(_) => {}
                Err(MailboxError::Closed) => assert!(index == 250, "{act:?}: message {index} was lost"),
                Err(other) => panic!("{other}"),
            }
        }
        eventually("a restart", || ward.status.restarts() == 1).await;
        ward.assert_alive().await;
    }
}

#[actix::test]
async fn a_panic_while_restarting_or_starting_is_a_failure_like_any_other() {
    let ward = ward();
    ward.shared.panics_restarting.store(3, SeqCst);
    ward.shared.panics_started.store(2, SeqCst);
    ward.fail(Act::PanicInHandler).await;
    eventually("all panics are spent", || ward.shared.panics_started.load(SeqCst) == 0).await;
    ward.assert_alive().await;
    assert_eq!(ward.status.failures.load(SeqCst), 6);
}

#[actix::test]
async fn an_actor_that_panics_when_it_first_starts_is_started_again() {
    let shared = Arc::new(Shared { panics_started: AtomicUsize::new(2), ..Shared::default() });
    let ward = ward_with(shared);
    ward.assert_alive().await;
    assert_eq!(ward.status.restarts(), 2);
}

#[actix::test]
async fn too_many_failures_without_progress_give_the_actor_up_and_end_the_process() {
    let ward = ward();
    let failures = usize::try_from(MAX_FAILURES).expect("a small number") + 1;
    let waiting: Vec<_> = (0..failures).map(|_| actix_rt::spawn(ward.actor.send(Act::PanicInHandler))).collect();
    let behind = actix_rt::spawn(ward.actor.send(Act::Count));
    let why = ward.fatal.raised().await;
    assert!(why.contains("frail") && why.contains("panic in a handler"), "{why}");
    assert_eq!(ward.status.state(), ActorState::Failed);
    for sent in waiting {
        assert!(sent.await.expect("no panic here").is_err());
    }
    assert!(behind.await.expect("no panic here").is_err(), "nobody waits for an actor that is given up");
    assert!(ward.actor.send(Act::Count).await.is_err());
    assert_eq!(ward.status.restarts(), u64::from(MAX_FAILURES));
}

#[actix::test]
async fn an_actor_that_cannot_restart_is_given_up_as_well() {
    let ward = ward();
    ward.shared.panics_restarting.store(1_000, SeqCst);
    let _ = ward.actor.send(Act::Stop).await;
    assert!(ward.fatal.raised().await.contains("while restarting"));
    assert_eq!((ward.status.state(), ward.status.restarts()), (ActorState::Failed, 0));
}

#[actix::test]
async fn progress_resets_what_has_failed_before() {
    let ward = ward();
    for _ in 0..4 {
        for _ in 0..4 {
            ward.fail(Act::PanicInHandler).await;
        }
        ward.actor.send(Act::Progress).await.expect("an answer");
    }
    assert!(ward.status.restarts() > u64::from(MAX_FAILURES));
    ward.assert_alive().await;
}

#[actix::test]
async fn crashes_on_purpose_never_give_an_actor_up() {
    let ward = ward();
    for round in 0..10 {
        for mode in [CrashMode::Panic, CrashMode::Stop, CrashMode::PanicInFuture] {
            let before = ward.status.restarts();
            ward.actor.do_send(Crash(mode));
            eventually("a restart", || ward.status.restarts() > before).await;
            assert_eq!(ward.status.failures.load(SeqCst), 0, "{mode:?} in round {round}");
        }
    }
    ward.assert_alive().await;
}
