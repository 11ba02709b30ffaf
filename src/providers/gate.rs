//! How many calls a service gets: at most so many at once, none while it fails, and then, after a pause, one, two,
//! four … until it is whole again.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::Notify, time::sleep_until};

/// Calls in a row that must fail before there is a pause.
const TRIP: u32 = 5;
/// The first and the longest pause.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Lets calls through.
pub(super) struct Gate {
    limit: usize,
    state: Mutex<State>,
    /// There may be room.
    room: Notify,
    /// Whose turn it is to look for room: those that wait are let in as they came, and no newcomer passes them.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    running: usize,
    /// How many may run now: the limit, and fewer while the service gets well.
    allowed: usize,
    /// How many have failed in a row.
    failed: u32,
    paused_until: Option<Instant>,
    pause: Duration,
}

/// A call under way.
pub(super) struct Permit<'a>(&'a Gate);

impl State {
    const fn new(limit: usize) -> Self {
        Self { running: 0, allowed: limit, failed: 0, paused_until: None, pause: PAUSE.0 }
    }

    /// Takes a call in, or says until when there is a pause; `None` for as long as there is no room.
    fn enter(&mut self, now: Instant) -> Result<(), Option<Instant>> {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return Err(Some(until));
        }
        if self.running >= self.allowed {
            return Err(None);
        }
        self.running += 1;
        Ok(())
    }

    /// A call has been answered by a service that works, or has failed. True when a pause begins.
    fn ended(&mut self, works: bool, limit: usize, now: Instant) -> bool {
        if works {
            self.failed = 0;
            if self.allowed < limit {
                self.allowed = (self.allowed * 2).min(limit);
            }
            if self.allowed == limit {
                self.pause = PAUSE.0;
            }
            return false;
        }
        self.failed += 1;
        // What was under way when the pause began fails as well, and does not make it longer.
        let is_paused = self.paused_until.is_some_and(|until| now < until);
        if is_paused || (self.failed < TRIP && self.allowed == limit) {
            return false;
        }
        self.paused_until = Some(now + self.pause);
        self.pause = (self.pause * 2).min(PAUSE.1);
        self.allowed = 1;
        self.failed = 0;
        true
    }
}

impl Gate {
    /// For at most so many calls at once.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, state: Mutex::new(State::new(limit)), room: Notify::new(), turn: tokio::sync::Mutex::new(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a call may be made; first come, first served.
    pub(super) async fn enter(&self) -> Permit<'_> {
        let _turn = self.turn.lock().await;
        loop {
            // Made before it is looked, so that room that is made in between is noticed.
            let room = self.room.notified();
            let entered = self.state().enter(Instant::now());
            match entered {
                Ok(()) => return Permit(self),
                Err(Some(until)) => sleep_until(until.into()).await,
                Err(None) => room.await,
            }
        }
    }

    fn let_in(&self) {
        let State { running, allowed, .. } = *self.state();
        (running..allowed).for_each(|_| self.room.notify_one());
    }
}

impl Permit<'_> {
    /// Ends the call; `works` says whether the service does. True when a pause begins.
    pub(super) fn end(self, works: bool) -> bool {
        self.0.state().ended(works, self.0.limit, Instant::now())
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.state().running -= 1;
        self.0.let_in();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 8;

    #[tokio::test]
    async fn a_newcomer_does_not_pass_those_that_wait() {
        use futures::FutureExt as _;
        let gate = Gate::new(1);
        let first = gate.enter().await;
        let mut second = Box::pin(gate.enter());
        assert!(second.as_mut().now_or_never().is_none(), "there is no room");
        drop(first);
        assert!(gate.enter().now_or_never().is_none(), "there is room, and somebody has waited for it");
        drop(second.await);
        assert!(gate.enter().now_or_never().is_some());
    }

    fn fail(state: &mut State, times: u32, now: Instant) -> bool {
        (0..times).any(|_| state.ended(false, LIMIT, now))
    }

    #[test]
    fn so_many_run_at_once_and_no_more() {
        let (mut state, now) = (State::new(LIMIT), Instant::now());
        assert!((0..LIMIT).all(|_| state.enter(now).is_ok()));
        assert_eq!(state.enter(now), Err(None));
    }

    #[test]
    fn a_service_that_fails_in_a_row_is_left_alone_and_one_that_fails_now_and_then_is_not() {
        let (mut state, now) = (State::new(LIMIT), Instant::now());
        for _ in 0..10 {
            assert!(!fail(&mut state, TRIP - 1, now));
            state.ended(true, LIMIT, now);
        }
        assert!(fail(&mut state, TRIP, now));
        assert_eq!(state.enter(now), Err(Some(now + PAUSE.0)));
    }

    #[test]
    fn after_a_pause_the_service_gets_one_call_and_then_twice_as_many_each_time() {
        let (mut state, now) = (State::new(LIMIT), Instant::now());
        fail(&mut state, TRIP, now);
        let later = now + PAUSE.0;
        for allowed in [1, 2, 4, 8, 8] {
            assert_eq!(state.allowed, allowed);
            state.ended(true, LIMIT, later);
        }
    }

    #[test]
    fn pauses_grow_while_the_service_stays_away_and_begin_anew_once_it_is_whole() {
        let (mut state, mut now) = (State::new(LIMIT), Instant::now());
        fail(&mut state, TRIP, now);
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            let until = state.enter(now).expect_err("a pause").expect("an end");
            assert_eq!(until - now, Duration::from_secs(seconds));
            // Late failures of calls that were under way change nothing.
            assert!(!fail(&mut state, 20, now));
            now = until;
            assert_eq!(state.enter(now), Ok(()));
            state.running = 0;
            assert!(state.ended(false, LIMIT, now), "one failure is enough");
        }
        now += PAUSE.1;
        for _ in 0..4 {
            state.ended(true, LIMIT, now);
        }
        fail(&mut state, TRIP, now);
        assert_eq!(state.enter(now), Err(Some(now + PAUSE.0)));
    }
}
