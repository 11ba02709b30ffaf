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

impl<T> Reply<T> {
    /// Whether nobody waits for the answer any more.
    pub(super) fn is_given_up(&self) -> bool {
        let state = self.0.replace(State::Open);
        let is_given_up = matches!(&state, State::Awaited(sender) if sender.is_closed());
        self.0.set(state);
        is_given_up
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

#[cfg(test)]
mod tests {
    use super::*;
    use actix::{Context, Handler};

    struct Answerer(Option<Reply<u8>>);

    impl Actor for Answerer {
        type Context = Context<Self>;
    }

    /// Asks for an answer: now, later, or for the one that is owed.
    #[derive(Message)]
    #[rtype(result = "u8")]
    enum Ask {
        Now,
        Later,
        Pay,
        Lose,
    }

    impl Handler<Ask> for Answerer {
        type Result = Deferred<u8>;

        fn handle(&mut self, ask: Ask, _ctx: &mut Context<Self>) -> Deferred<u8> {
            let (later, reply) = deferred();
            match ask {
                Ask::Now => reply.send(1),
                Ask::Later => self.0 = Some(reply),
                Ask::Pay => {
                    if let Some(owed) = self.0.take() {
                        owed.send(2);
                    }
                    reply.send(3);
                }
                Ask::Lose => drop(reply),
            }
            later
        }
    }

    #[actix::test]
    async fn an_answer_arrives_whether_it_is_given_inside_the_handler_or_later() {
        let actor = Answerer(None).start();
        assert_eq!(actor.send(Ask::Now).await, Ok(1));
        let (later, pay) = futures::future::join(actor.send(Ask::Later), actor.send(Ask::Pay)).await;
        assert_eq!((later, pay), (Ok(2), Ok(3)));
    }

    #[actix::test]
    async fn a_reply_that_is_dropped_tells_the_sender() {
        let actor = Answerer(None).start();
        assert_eq!(actor.send(Ask::Lose).await, Err(actix::MailboxError::Closed));
    }
}
