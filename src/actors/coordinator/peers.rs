//! The other nodes' sagas: what is taken over from those that are gone, and what is waited for here that others
//! drive.
//!
//! What other nodes announce only saves time: whatever is waited for is also asked for now and then.

use super::{SagaCoordinator, drive::Purpose};
use crate::{
    actors::calls::TakeOverCalls,
    domain::ids::SagaId,
    store::{Adopted, Elsewhere, News, Peers},
};
use actix::{ActorFutureExt, AsyncContext, Context, Recipient, WrapFuture};
use std::{sync::Arc, time::Duration};

/// The other nodes, and who must know when one of them is gone.
#[derive(Clone)]
pub struct Company {
    /// The other nodes.
    pub peers: Arc<dyn Peers>,
    /// Those who call the outside.
    pub callers: Vec<Recipient<TakeOverCalls>>,
}

/// Sagas taken over in one portion.
const PORTION: u32 = 128;
/// Sagas taken in hand again above which no more are taken over.
const BOUND: usize = 1024;
/// The pause between two portions, so that a failover is no stampede.
const PAUSE: Duration = Duration::from_millis(50);
/// How often it is looked for nodes that are gone.
const EVERY: Duration = Duration::from_millis(500);
/// How often it is asked for the sagas that somebody waits for here, which others may drive.
const POLL: Duration = Duration::from_millis(500);

impl SagaCoordinator {
    /// Begins to look after the other nodes' sagas, where there can be other nodes.
    pub(super) fn tend_peers(&mut self, ctx: &mut Context<Self>) {
        let Some(peers) = self.company.as_ref().map(|company| Arc::clone(&company.peers)) else { return };
        self.adopt(Arc::clone(&peers), ctx);
        self.listen(Arc::clone(&peers), ctx);
        ctx.run_interval(POLL, move |actor, ctx| actor.ask_for_awaited(&peers, ctx));
    }

    fn adopt(&mut self, peers: Arc<dyn Peers>, ctx: &mut Context<Self>) {
        if self.timers.is_stopped() {
            return;
        }
        if peers.is_in_doubt() {
            self.look_for_interrupted(None, ctx);
            self.take_over_calls();
        }
        if self.hands.resumed() >= BOUND {
            ctx.run_later(PAUSE, move |actor, ctx| actor.adopt(peers, ctx));
            return;
        }
        let adopted = peers.adopt(PORTION).into_actor(self);
        ctx.spawn(adopted.map(move |adopted, actor, ctx| {
            let pause = match adopted {
                Ok(adopted) => {
                    let more = adopted.sagas == PORTION as usize;
                    actor.take_over(adopted);
                    actor.settle_down(ctx);
                    if more { PAUSE } else { EVERY }
                }
                Err(error) => {
                    tracing::debug!(%error, "other nodes cannot be looked after now");
                    EVERY
                }
            };
            ctx.run_later(pause, move |actor, ctx| actor.adopt(peers, ctx));
        }));
    }

    fn take_over(&mut self, Adopted { under_way, next_due, sagas, gone }: Adopted) {
        for node in &gone {
            tracing::info!(node, "a node is gone");
        }
        if !gone.is_empty() {
            self.take_over_calls();
        }
        if sagas > 0 {
            tracing::info!(sagas, under_way = under_way.len(), "sagas of nodes that are gone are taken over");
        }
        if let Some(next_due) = next_due {
            self.timers.expect(next_due);
        }
        for saga_id in under_way {
            self.take_up(saga_id, Purpose::Drive);
        }
    }

    /// What a node that is gone was calling the outside for, or what nobody knows to be called for, is called for here,
    /// with the same idempotency keys.
    fn take_over_calls(&self) {
        for caller in self.company.iter().flat_map(|company| &company.callers) {
            caller.do_send(TakeOverCalls);
        }
    }

    fn listen(&mut self, peers: Arc<dyn Peers>, ctx: &mut Context<Self>) {
        let news = peers.news().into_actor(self);
        ctx.spawn(news.map(move |news, actor, ctx| {
            match news {
                News::Rested(sagas) => sagas.into_iter().for_each(|saga_id| actor.rested_elsewhere(saga_id)),
                News::Unknown => actor.ask_for_awaited(&peers, ctx),
            }
            actor.listen(peers, ctx);
        }));
    }

    fn ask_for_awaited(&mut self, peers: &Arc<dyn Peers>, ctx: &mut Context<Self>) {
        let awaited: Vec<SagaId> = self.waiters.awaited().filter(|saga| !self.hands.holds(*saga)).collect();
        if awaited.is_empty() {
            return;
        }
        let elsewhere = peers.elsewhere(awaited).into_actor(self);
        ctx.spawn(elsewhere.map(|elsewhere, actor, ctx| match elsewhere {
            Ok(sagas) => {
                for Elsewhere { saga_id, rests, latest } in sagas {
                    actor.waiters.grown(saga_id, latest);
                    if actor.waiters.is_placing(saga_id) || actor.waiters.is_editing(saga_id) {
                        // Only its log says how far it has come.
                        actor.take_up(saga_id, Purpose::Drive);
                    } else if rests {
                        actor.rested_elsewhere(saga_id);
                    }
                }
                actor.flush_soon(ctx);
            }
            Err(error) => tracing::debug!(%error, "sagas of other nodes cannot be looked up now"),
        }));
    }

    fn rested_elsewhere(&mut self, saga_id: SagaId) {
        if !self.hands.holds(saga_id) {
            self.waiters.rested(saga_id);
        }
    }
}
