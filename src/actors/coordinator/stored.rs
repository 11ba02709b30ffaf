//! What the store answers to the coordinator: started or not, appended or not, loaded or not.

use super::{
    SagaCoordinator,
    drive::{Broken, InHand, Purpose, guarded},
    messages::SagaRequestError,
    outbox::{After, Parcels},
};
use crate::{
    actors::deferred::Reply,
    clock,
    domain::{
        checkout::{self, CheckoutSaga, Edit, Edited},
        ids::{IdSet, SagaId},
        saga::{Outcome, Refused, Status, StepReply, Summary},
    },
    store::{Answers, SagaAnswer, SagaRow, StoreError, StoredSaga},
};
use actix::{AsyncContext, Context};
use std::time::Duration;

/// How long a saga whose log could not be written or read waits before it is loaded again.
const RELOAD_PAUSE: Duration = Duration::from_millis(200);

/// Answers of the store.
impl SagaCoordinator {
    pub(super) fn stored(
        &mut self,
        after: Vec<(SagaId, After)>,
        held: Parcels,
        answers: Answers<SagaAnswer>,
        ctx: &mut Context<Self>,
    ) {
        let is_stored = |answer: &Result<SagaAnswer, StoreError>| matches!(answer, Ok(SagaAnswer::Stored));
        let failed = after.iter().zip(&answers).filter(|(_, answer)| !is_stored(answer));
        let failed: IdSet<SagaId> = failed.map(|((saga_id, _), _)| *saga_id).collect();
        let succeeded = answers.iter().filter(|answer| answer.is_ok()).count();
        if succeeded > 0 {
            self.status.progressed(succeeded);
        }
        for ((saga_id, after), answer) in after.into_iter().zip(answers) {
            match after {
                After::Started => self.started_or_not(saga_id, answer),
                After::Appended { rest, wake_at, reply } => {
                    // Not before: who looks for due sagas earlier does not find this one.
                    if let Some(wake_at) = wake_at.filter(|_| answer.is_ok()) {
                        self.timers.expect(wake_at);
                    }
                    self.appended_or_not(saga_id, rest, reply, answer, ctx);
                }
                After::Confirmed(reply) => reply.send(answer.map(|_| ()).map_err(Into::into)),
                After::SetAside => self.set_aside_or_not(saga_id, answer, ctx),
                After::Loaded => self.loaded_or_not(saga_id, answer, ctx),
                After::Abandoned => {}
            }
        }
        self.release(held, &failed, ctx);
        self.settle_down(ctx);
    }

    /// Sends what was held until its saga's log was durable. What is not announced there is not sent: it is taken for
    /// answered, since whoever believes more than the log says waits for that before the saga is loaded again.
    fn release(&mut self, held: Parcels, failed: &IdSet<SagaId>, ctx: &mut Context<Self>) {
        if failed.is_empty() {
            return self.dispatch_all(held, ctx);
        }
        let (order, stock) = (held.order.partition(failed), held.stock.partition(failed));
        let (payment, shipping) = (held.payment.partition(failed), held.shipping.partition(failed));
        let sent = Parcels { order: order.1, stock: stock.1, payment: payment.1, shipping: shipping.1 };
        self.dispatch_all(sent, ctx);
        let unsent = [order.0.origins, stock.0.origins, payment.0.origins, shipping.0.origins];
        for origin in unsent.into_iter().flatten() {
            let why = "it was not sent: the saga's log could not be written";
            self.outcome(origin, StepReply::Outcome(Outcome::unknown(why)));
        }
    }

    fn started_or_not(&mut self, saga_id: SagaId, answer: Result<SagaAnswer, StoreError>) {
        match answer {
            Ok(SagaAnswer::AlreadyStarted) => {
                // Sent again after this coordinator's predecessor failed: what is stored is ahead.
                self.hands.forget_unsettled(saga_id);
                self.take_up(saga_id, Purpose::Place);
            }
            Ok(SagaAnswer::Replayed { saga_id: known, .. }) => {
                self.abandon(saga_id);
                self.waiters.redirect(saga_id, known);
                self.take_up(known, Purpose::Place);
            }
            Ok(SagaAnswer::Stored | SagaAnswer::Loaded(_) | SagaAnswer::Elsewhere(_)) => self.started(saga_id),
            Err(error) => {
                self.abandon(saga_id);
                self.waiters.failed(saga_id, &error);
            }
        }
    }

    fn appended_or_not(
        &mut self,
        saga_id: SagaId,
        rest: bool,
        reply: Option<Reply<Result<(), SagaRequestError>>>,
        answer: Result<SagaAnswer, StoreError>,
        ctx: &mut Context<Self>,
    ) {
        match answer {
            Ok(SagaAnswer::Stored) => {
                if let Some(reply) = reply {
                    reply.send(Ok(()));
                }
                self.overtaken(saga_id);
                self.waiters.tell_followers(saga_id);
                if rest {
                    self.rested(saga_id);
                }
            }
            // The request had been made before: what is in memory is ahead of the log.
            Ok(_) => {
                if let Some(reply) = reply {
                    reply.send(Ok(()));
                }
                self.load_again(saga_id, ctx);
            }
            // The same again would fail the same.
            Err(error @ (StoreError::Refused(_) | StoreError::Poisoned(_))) => {
                let why = format!("its log cannot be written: {error}");
                if let Some(reply) = reply {
                    reply.send(Err(error.into()));
                }
                self.set_aside(saga_id, &why);
            }
            Err(error) => {
                tracing::warn!(%saga_id, %error, "a saga's log could not be written; it is loaded again");
                if let Some(reply) = reply {
                    reply.send(Err(error.into()));
                }
                self.load_again(saga_id, ctx);
            }
        }
    }

    fn set_aside_or_not(&mut self, saga_id: SagaId, answer: Result<SagaAnswer, StoreError>, ctx: &mut Context<Self>) {
        match answer {
            Ok(_) => self.rested(saga_id),
            Err(error) => {
                tracing::warn!(%saga_id, %error, "a saga could not be set aside; it is loaded again");
                self.load_again(saga_id, ctx);
            }
        }
    }

    /// A saga's latest append is durable: tells those whose edit of its order the turn has overtaken.
    fn overtaken(&mut self, saga_id: SagaId) {
        if !self.waiters.is_editing(saga_id) {
            return;
        }
        if let Some(in_hand) = self.hands.active.get(&saga_id) {
            self.waiters.edited(saga_id, |edit| {
                let overtaken = checkout::edited(&in_hand.saga, edit) == Edited::Overtaken;
                overtaken.then_some(Err(Refused::Turned.into()))
            });
        }
    }

    /// A saga rests, durably: tells those who wait, and for an order that never came to exist too.
    fn rested(&mut self, saga_id: SagaId) {
        if self.waiters.is_placing(saga_id) {
            self.take_up(saga_id, Purpose::Place);
        }
        self.waiters.rested(saga_id);
    }

    /// Forgets what is believed of a saga and asks the log, after a pause: the store may be away.
    fn load_again(&mut self, saga_id: SagaId, ctx: &mut Context<Self>) {
        self.hands.forget_unsettled(saga_id);
        ctx.run_later(RELOAD_PAUSE, move |actor, ctx| {
            actor.take_up(saga_id, Purpose::Drive);
            actor.flush_soon(ctx);
        });
    }

    fn loaded_or_not(&mut self, saga_id: SagaId, answer: Result<SagaAnswer, StoreError>, ctx: &mut Context<Self>) {
        let purposes = self.hands.loading.remove(&saga_id).unwrap_or_default();
        match answer {
            Ok(SagaAnswer::Loaded(Some(stored))) => self.replay(*stored, purposes),
            // Wished for while it was loaded for something that is no reason to take it.
            Ok(SagaAnswer::Elsewhere(_)) if purposes.iter().any(Purpose::takes) => {
                self.hands.loading.insert(saga_id, purposes);
                self.load(saga_id);
            }
            Ok(SagaAnswer::Elsewhere(stored)) => self.look_on(&stored),
            Ok(_) => {
                purposes.into_iter().for_each(|purpose| purpose.refuse(SagaRequestError::NotFound));
                self.waiters.failed(saga_id, &StoreError::Unavailable("the saga is not stored".into()));
            }
            Err(StoreError::Poisoned(why)) => {
                purposes.into_iter().for_each(|purpose| purpose.refuse(SagaRequestError::Unusable(why.clone())));
                // Not even its row can be read: there is nothing to wait for.
                self.waiters.failed(saga_id, &StoreError::Poisoned(why.clone()));
                self.set_aside(saga_id, &why);
            }
            Err(error) => {
                purposes.into_iter().for_each(|purpose| purpose.refuse(error.clone().into()));
                self.waiters.failed(saga_id, &error);
                self.load_again(saga_id, ctx);
            }
        }
    }

    /// Tells those who wait here for a saga that rests, or is another node's to drive, how far it has come.
    fn look_on(&mut self, stored: &StoredSaga) {
        let SagaRow { id: saga_id, order_id, status, .. } = stored.row;
        let rests = status.is_at_rest();
        if self.waiters.is_placing(saga_id) || self.waiters.is_editing(saga_id) {
            match guarded(|| stored.replay().map_err(|error| Broken(describe(&error)))) {
                Ok(saga) => {
                    if checkout::is_placed(&saga) {
                        self.waiters.placed(saga_id, order_id, stored.row.reason);
                    }
                    self.waiters.edited(saga_id, |edit| edit_end(&saga, edit, rests, true));
                }
                Err(Broken(why)) if rests => {
                    self.waiters.edited(saga_id, |_| Some(Err(SagaRequestError::Unusable(why.clone()))));
                }
                // Whoever drives it sets it aside.
                Err(Broken(_)) => {}
            }
        }
        if rests {
            self.waiters.placed(saga_id, order_id, stored.row.reason);
            self.waiters.rested(saga_id);
        }
    }

    /// Takes a stored saga in hand: replays its log, then goes on as any saga does.
    fn replay(&mut self, stored: StoredSaga, purposes: Vec<Purpose>) {
        let SagaRow { id: saga_id, order_id, status, wake_at, .. } = stored.row;
        let is_stuck = status == Status::NeedsAttention;
        let asked = is_stuck && purposes.iter().any(|purpose| matches!(purpose, Purpose::Ask));
        let driven = asked || purposes.iter().any(Purpose::is_wish);
        if status.is_at_rest() && !driven {
            return self.look_on(&stored);
        }
        let now = clock::now();
        let replayed = guarded(|| {
            let mut saga = stored.replay().map_err(|error| Broken(describe(&error)))?;
            // Time does not pass for a saga that is set aside.
            let due = if status.is_at_rest() { Vec::new() } else { saga.wake(now)? };
            Ok((saga, due))
        });
        let (saga, due) = match replayed {
            Ok(replayed) => replayed,
            Err(Broken(why)) => {
                purposes.into_iter().for_each(|purpose| purpose.refuse(SagaRequestError::Unusable(why.clone())));
                return self.set_aside(saga_id, &why);
            }
        };
        // What the row said before; anything that differs after the move is written with it.
        let summary = Summary {
            status,
            waiting_for: saga.summary().waiting_for,
            reason: stored.row.reason,
            attention: stored.row.attention,
        };
        let in_hand = InHand {
            saga,
            in_flight: Vec::new(),
            early: None,
            ask_again: true,
            is_stuck,
            row: (summary, wake_at),
            resumed: true,
            _permit: self.hands.admission.enter(),
        };
        let events = in_hand.saga.events();
        self.hands.insert(saga_id, in_hand);
        self.append(saga_id, due, now, false, None, None);
        for purpose in purposes {
            match purpose {
                Purpose::Drive | Purpose::Ask | Purpose::Place => {}
                // Whoever set it aside left it to a person, who retries it or undoes it.
                Purpose::Edit { reply, .. } if status == Status::NeedsAttention => {
                    reply.send(Err(Refused::Busy.into()));
                }
                wish if self.hands.holds(saga_id) => self.apply(saga_id, wish),
                // An earlier wish has ended it already: ask what is stored.
                wish => self.take_up(saga_id, wish),
            }
        }
        let moved = self.hands.active.get(&saga_id).is_some_and(|in_hand| in_hand.saga.events() != events);
        if status.is_at_rest() && !moved {
            // Whoever wished for something was refused: it stays at rest, and who asked for its order hears so.
            self.waiters.placed(saga_id, order_id, stored.row.reason);
            self.waiters.rested(saga_id);
            if asked {
                self.moved(saga_id, Vec::new(), now, None, None);
            } else {
                self.hands.forget(saga_id);
            }
        } else {
            self.moved(saga_id, Vec::new(), now, None, None);
        }
    }
}

/// How an edit of a saga's order has ended, if it has; `is_durable` says that `saga` is what its log says.
pub(super) fn edit_end(
    saga: &CheckoutSaga,
    edit: &Edit,
    rests: bool,
    is_durable: bool,
) -> Option<Result<(), SagaRequestError>> {
    match checkout::edited(saga, edit) {
        // A person gets it any further: it is neither done nor refused.
        Edited::UnderWay if rests => Some(Err(StoreError::Unavailable("an edit is stuck".into()).into())),
        Edited::Overtaken if is_durable => Some(Err(Refused::Turned.into())),
        Edited::UnderWay | Edited::Overtaken => None,
        Edited::Done => Some(Ok(())),
        Edited::Refused(refused) => Some(Err(refused.into())),
        // Its first event is not in the log: the saga was loaded again without it.
        Edited::Unknown => Some(Err(StoreError::Unavailable("the edit could not be written".into()).into())),
    }
}

/// An error with its causes, in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
