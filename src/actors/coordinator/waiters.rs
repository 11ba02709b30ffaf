//! Who waits for a saga: for its order to exist or to be edited, or for the saga to rest.

use super::messages::{Placed, SagaRequestError};
use crate::{
    actors::deferred::Reply,
    domain::{
        checkout::Edit,
        ids::{IdMap, OrderId, SagaId},
        reason::Reason,
    },
    store::StoreError,
};
use tokio::sync::oneshot;

/// A client of `PlaceOrder` who waits for the order to exist.
pub(super) struct Placing {
    pub(super) reply: Reply<Result<Placed, StoreError>>,
    pub(super) replayed: bool,
    pub(super) rested: oneshot::Sender<()>,
}

/// A client of `EditOrder` who waits for the edit to come to an end.
pub(super) struct Editing {
    pub(super) reply: Reply<Result<(), SagaRequestError>>,
    pub(super) edit: Edit,
}

/// Someone who waits for a saga's log to have more events than are known.
struct Following {
    from: u32,
    grown: oneshot::Sender<()>,
}

/// All who wait. Nothing here is durable: who is forgotten sees a closed channel and asks again.
#[derive(Default)]
pub(super) struct Waiters {
    placing: IdMap<SagaId, Vec<Placing>>,
    editing: IdMap<SagaId, Vec<Editing>>,
    resting: IdMap<SagaId, Vec<oneshot::Sender<()>>>,
    following: IdMap<SagaId, Vec<Following>>,
}

impl Waiters {
    /// Subscribes to a saga's rest.
    pub(super) fn watch(&mut self, saga: SagaId) -> oneshot::Receiver<()> {
        let (rested, rest) = oneshot::channel();
        self.add_watcher(saga, rested);
        rest
    }

    fn add_watcher(&mut self, saga: SagaId, rested: oneshot::Sender<()>) {
        let watchers = self.resting.entry(saga).or_default();
        watchers.retain(|watcher| !watcher.is_closed());
        watchers.push(rested);
    }

    /// Subscribes to the next event of a saga's log.
    pub(super) fn follow(&mut self, saga: SagaId, from: u32) -> oneshot::Receiver<()> {
        let (grown, growth) = oneshot::channel();
        let following = self.following.entry(saga).or_default();
        following.retain(|following| !following.grown.is_closed());
        following.push(Following { from, grown });
        growth
    }

    /// The saga's log may have grown, durably: tells all who follow it.
    pub(super) fn tell_followers(&mut self, saga: SagaId) {
        // Nearly always there is nobody, and every append comes by here.
        if self.following.is_empty() {
            return;
        }
        for following in self.following.remove(&saga).into_iter().flatten() {
            let _ = following.grown.send(());
        }
    }

    /// The saga's log has an entry, durably, that begins with the event of this number: tells those to whom it is
    /// news.
    pub(super) fn grown(&mut self, saga: SagaId, latest: u32) {
        let waiting = self.following.remove(&saga).into_iter().flatten();
        let (told, waiting): (Vec<_>, Vec<_>) = waiting.partition(|following| following.from <= latest);
        for following in told {
            let _ = following.grown.send(());
        }
        if !waiting.is_empty() {
            self.following.insert(saga, waiting);
        }
    }

    /// Waits for a saga's order to exist.
    pub(super) fn place(&mut self, saga: SagaId, placing: Placing) {
        self.placing.entry(saga).or_default().push(placing);
    }

    /// Whether anybody waits for the saga's order to exist.
    pub(super) fn is_placing(&self, saga: SagaId) -> bool {
        self.placing.contains_key(&saga)
    }

    /// The saga's order exists, or its saga rests without.
    pub(super) fn placed(&mut self, saga_id: SagaId, order_id: OrderId, turned: Option<Reason>) {
        for Placing { reply, replayed, rested } in self.placing.remove(&saga_id).into_iter().flatten() {
            if !rested.is_closed() {
                self.add_watcher(saga_id, rested);
            }
            reply.send(Ok(Placed { order_id, saga_id, replayed, turned }));
        }
    }

    /// The saga could not be started or looked at.
    pub(super) fn failed(&mut self, saga: SagaId, error: &StoreError) {
        for Placing { reply, .. } in self.placing.remove(&saga).into_iter().flatten() {
            reply.send(Err(error.clone()));
        }
    }

    /// Takes those who wait for a saga's order along to the saga that their idempotency key names.
    pub(super) fn redirect(&mut self, from: SagaId, to: SagaId) {
        for placing in self.placing.remove(&from).into_iter().flatten() {
            self.place(to, Placing { replayed: true, ..placing });
        }
    }

    /// Waits for an edit of a saga's order.
    pub(super) fn edit(&mut self, saga: SagaId, editing: Editing) {
        self.editing.entry(saga).or_default().push(editing);
    }

    /// Whether anybody waits for an edit of the saga's order.
    pub(super) fn is_editing(&self, saga: SagaId) -> bool {
        self.editing.contains_key(&saga)
    }

    /// Answers those whose edit has come to an end; `end` says how it did, or `None` when it has not.
    pub(super) fn edited(&mut self, saga: SagaId, end: impl Fn(&Edit) -> Option<Result<(), SagaRequestError>>) {
        for editing in self.editing.remove(&saga).into_iter().flatten() {
            match end(&editing.edit) {
                Some(end) => editing.reply.send(end),
                None => self.edit(saga, editing),
            }
        }
    }

    /// The saga rests, durably.
    pub(super) fn rested(&mut self, saga: SagaId) {
        for watcher in self.resting.remove(&saga).into_iter().flatten() {
            let _ = watcher.send(());
        }
        self.tell_followers(saga);
    }

    /// The sagas that somebody waits for.
    pub(super) fn awaited(&self) -> impl Iterator<Item = SagaId> {
        let resting = self.resting.keys().chain(self.following.keys());
        resting.chain(self.placing.keys()).chain(self.editing.keys()).copied()
    }

    /// Forgets those who have given up: on sagas that do not come to rest, and on orders that do not come to exist.
    pub(super) fn sweep(&mut self) {
        self.placing.retain(|_, placing| {
            placing.retain(|placing| !placing.reply.is_given_up());
            !placing.is_empty()
        });
        self.editing.retain(|_, editing| {
            editing.retain(|editing| !editing.reply.is_given_up());
            !editing.is_empty()
        });
        self.resting.retain(|_, watchers| {
            watchers.retain(|watcher| !watcher.is_closed());
            !watchers.is_empty()
        });
        self.following.retain(|_, following| {
            following.retain(|following| !following.grown.is_closed());
            !following.is_empty()
        });
    }
}
