//! Replies that are given later, without a future parked in the actor.
//!
//! actix polls every future inside an actor on each wake-up, so a thousand pending replies would cost
//! every message. Here the reply channel itself waits in the actor's buffer.

use actix::{
    Actor, Message,
    dev::{MessageResponse, OneshotSender},
};
use std::{cell::Cell, rc::Rc};

type Slot<T> = Rc<Cell<State<T>>>;

/// What has come first: who waits for the answer, or the answer.
enum State<T> {
    Open,
    Awaited(OneshotSender<T>),
    /// Given inside the handler, before actix says who asked.
    Answered(T),
}

/// What a handler returns to say "later".
pub struct Deferred<T>(Slot<T>);

/// Where the answer goes. Dropping it tells the sender that the actor has lost the message.
pub(super) struct Reply<T>(Slot<T>);

/// A handler's return value and the reply that belongs to it.
pub(super) fn deferred<T>() -> (Deferred<T>, Reply<T>) {
    let slot = Rc::new(Cell::new(State::Open));
    (Deferred(Rc::clone(&slot)), Reply(slot))
}

impl<T> Reply<T> {
    /// Answers. Nobody listening is no error: the sender may have given up.
    pub(super) fn send(self, value: T) {
        match self.0.replace(State::Open) {
            State::Awaited(sender) => {
                let _ = sender.send(value);
            }
            State::Open | State::Answered(_) => self.0.set(State::Answered(value)),
        }
    }
}

impl<A, M> MessageResponse<A, M> for Deferred<M::Result>
where
    A: Actor,
    M: Message,
{
    fn handle(self, _ctx: &mut A::Context, sender: Option<OneshotSender<M::Result>>) {
        let Some(sender) = sender else { return };
        match self.0.replace(State::Open) {
            State::Answered(value) => {
                let _ = sender.send(value);
            }
            State::Open | State::Awaited(_) => self.0.set(State::Awaited(sender)),
        }
    }
}
