//! Replies that are given later, without a future parked in the actor.
//!
//! actix polls every future inside an actor on each wake-up, so a thousand pending replies would cost
//! every message. Here the reply channel itself waits in the actor's buffer.

use actix::{
    Actor, Message,
    dev::{MessageResponse, OneshotSender},
};
use std::{cell::Cell, rc::Rc};

type Slot<T> = Rc<Cell<Option<OneshotSender<T>>>>;

/// What a handler returns to say "later".
pub struct Deferred<T>(Slot<T>);

/// Where the answer goes. Dropping it tells the sender that the actor has lost the message.
pub(super) struct Reply<T>(Slot<T>);

/// A handler's return value and the reply that belongs to it.
pub(super) fn deferred<T>() -> (Deferred<T>, Reply<T>) {
    let slot = Rc::new(Cell::new(None));
    (Deferred(Rc::clone(&slot)), Reply(slot))
}

impl<T> Reply<T> {
    /// Answers. Nobody listening is no error: the sender may have given up.
    pub(super) fn send(self, value: T) {
        if let Some(sender) = self.0.take() {
            let _ = sender.send(value);
        }
    }
}

impl<A, M> MessageResponse<A, M> for Deferred<M::Result>
where
    A: Actor,
    M: Message,
{
    fn handle(self, _ctx: &mut A::Context, sender: Option<OneshotSender<M::Result>>) {
        self.0.set(sender);
    }
}
