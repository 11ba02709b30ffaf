//! Participants made for a test: small actors that answer whatever the test wants, and a coordinator
//! over them.

use super::given::{TestArbiter, status};
use crate::store::given::{Case, TestStore, eventually, store};
use actix::{Actor, Addr, Context, Handler, Recipient, ResponseFuture, Supervised};
use backstitch::{
    actors::{
        Perform, SagaCoordinator,
        admission::Admission,
        coordinator::{Participants, PlaceOrder, Reach},
        supervisor::{ActorStatus, supervise},
    },
    domain::{
        aggregate::Aggregate,
        checkout::Verb,
        ids::OrderId,
        order::{Order, OrderCommand},
        payment::{PaymentCommand, Payments},
        saga::{Event, Outcome, Status, StepReply},
        shipment::{Shipping, ShippingCommand},
        stock::StockCommand,
    },
    store::SagaStore,
};
use std::sync::{Arc, Mutex};
use tokio::sync::oneshot;

/// What a stub does with a batch.
pub(super) enum Act {
    Reply(Vec<StepReply>),
    /// Answers when the test says so, or loses the message when the test drops its end.
    Later(oneshot::Receiver<Vec<StepReply>>),
    /// Its handler panics.
    Panic,
}

type Script<C> = Box<dyn FnMut(&[C]) -> Act + Send>;

pub(super) struct Stub<C>(Arc<Mutex<Script<C>>>);

impl<C: Unpin + 'static> Actor for Stub<C> {
    type Context = Context<Self>;
}

impl<C: Unpin + 'static> Supervised for Stub<C> {}

impl<C: Unpin + 'static> Handler<Perform<C>> for Stub<C> {
    type Result = ResponseFuture<Vec<StepReply>>;

    fn handle(&mut self, Perform(commands): Perform<C>, _ctx: &mut Context<Self>) -> Self::Result {
        let act = (self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner))(&commands);
        match act {
            Act::Reply(replies) => Box::pin(std::future::ready(replies)),
            Act::Later(later) => Box::pin(async move { later.await.expect("the message is lost") }),
            Act::Panic => panic!("a stub's handler panics"),
        }
    }
}

/// A stub under supervision.
fn stub<C: Unpin + Send + 'static>(
    arbiter: &actix_rt::Arbiter,
    test: &TestStore,
    script: impl FnMut(&[C]) -> Act + Send + 'static,
) -> Recipient<Perform<C>> {
    let script: Arc<Mutex<Script<C>>> = Arc::new(Mutex::new(Box::new(script)));
    supervise(&arbiter.handle(), ActorStatus::new("stub"), test.fatal.clone(), move || Stub(script)).recipient()
}

/// Answers every command as a participant would whose rows are only in memory.
pub(super) fn obedient<A: Aggregate>() -> impl FnMut(&[A::Command]) -> Act + Send {
    let mut rows = std::collections::HashMap::<OrderId, A>::new();
    move |commands| {
        let replies = commands.iter().map(|command| {
            let order = A::order(command);
            let decision = A::decide(rows.get(&order), command, backstitch::clock::now());
            rows.extend(decision.row.map(|row| (order, row)));
            StepReply::Outcome(A::outcome(decision.answer))
        });
        Act::Reply(replies.collect())
    }
}

/// A coordinator over a payment stub; the other participants obey.
pub(super) struct Desk {
    pub(super) test: TestStore,
    pub(super) coordinator: Addr<SagaCoordinator>,
    pub(super) coordinator_status: Arc<ActorStatus>,
    pub(super) admission: Admission,
    /// Kept running.
    _arbiter: TestArbiter,
}

pub(super) fn desk(payment: impl FnMut(&[PaymentCommand]) -> Act + Send + 'static) -> Desk {
    desk_of(obedient::<Order>(), payment)
}

pub(super) fn desk_of(
    order: impl FnMut(&[OrderCommand]) -> Act + Send + 'static,
    payment: impl FnMut(&[PaymentCommand]) -> Act + Send + 'static,
) -> Desk {
    desk_over(std::convert::identity, order, payment)
}

/// A desk over a stock stub; the other participants obey.
pub(super) fn desk_with_stock(stock: impl FnMut(&[StockCommand]) -> Act + Send + 'static) -> Desk {
    desk_of_all(std::convert::identity, obedient::<Order>(), stock, obedient::<Payments>())
}

/// A desk whose coordinator sees its store through something else.
pub(super) fn desk_over(
    seen: impl FnOnce(Arc<dyn SagaStore>) -> Arc<dyn SagaStore>,
    order: impl FnMut(&[OrderCommand]) -> Act + Send + 'static,
    payment: impl FnMut(&[PaymentCommand]) -> Act + Send + 'static,
) -> Desk {
    desk_of_all(seen, order, |commands| panic!("nobody asks the stock: {commands:?}"), payment)
}

/// As [`desk_over`], whose participants have databases of their own.
pub(super) fn desk_apart(
    seen: impl FnOnce(Arc<dyn SagaStore>) -> Arc<dyn SagaStore>,
    order: impl FnMut(&[OrderCommand]) -> Act + Send + 'static,
    payment: impl FnMut(&[PaymentCommand]) -> Act + Send + 'static,
    shipping: impl FnMut(&[ShippingCommand]) -> Act + Send + 'static,
) -> Desk {
    let (test, arbiter) = (store(), TestArbiter::new());
    let participants = Participants {
        order: Reach { perform: stub(&arbiter, &test, order), apart: true },
        stock: Reach {
            perform: stub(&arbiter, &test, |_: &[StockCommand]| panic!("nobody asks the stock")),
            apart: true,
        },
        payment: Reach { perform: stub(&arbiter, &test, payment), apart: true },
        shipping: Reach { perform: stub(&arbiter, &test, shipping), apart: true },
    };
    desk_with(test, arbiter, seen, participants)
}

fn desk_of_all(
    seen: impl FnOnce(Arc<dyn SagaStore>) -> Arc<dyn SagaStore>,
    order: impl FnMut(&[OrderCommand]) -> Act + Send + 'static,
    stock: impl FnMut(&[StockCommand]) -> Act + Send + 'static,
    payment: impl FnMut(&[PaymentCommand]) -> Act + Send + 'static,
) -> Desk {
    let (test, arbiter) = (store(), TestArbiter::new());
    let participants = Participants {
        order: stub(&arbiter, &test, order).into(),
        stock: stub(&arbiter, &test, stock).into(),
        payment: stub(&arbiter, &test, payment).into(),
        shipping: stub(&arbiter, &test, obedient::<Shipping>()).into(),
    };
    desk_with(test, arbiter, seen, participants)
}

fn desk_with(
    test: TestStore,
    arbiter: TestArbiter,
    seen: impl FnOnce(Arc<dyn SagaStore>) -> Arc<dyn SagaStore>,
    participants: Participants,
) -> Desk {
    let (sagas, own) = (seen(test.store.sagas.clone()), ActorStatus::new("coordinator"));
    let (admission, coordinator_status) = (Admission::new(10_000), own.clone());
    let places = admission.clone();
    let coordinator = supervise(&arbiter.handle(), own.clone(), test.fatal.clone(), move || {
        SagaCoordinator::new(sagas, None, participants, "test".into(), places, own)
    });
    Desk { test, coordinator, coordinator_status, admission, _arbiter: arbiter }
}

pub(super) fn obedient_payment() -> impl FnMut(&[PaymentCommand]) -> Act + Send {
    obedient::<Payments>()
}

impl Desk {
    /// Hands an order over; when it exists is another matter.
    pub(super) fn begin(&self, case: &Case) {
        let place = PlaceOrder {
            saga_id: case.saga_id,
            checkout: case.checkout.clone(),
            claim: None,
            permit: self.admission.enter(),
            rested: oneshot::channel().0,
        };
        let placed = self.coordinator.send(place);
        actix_rt::spawn(async move { drop(placed.await) });
    }

    pub(super) async fn rest(&self, case: &Case) -> Status {
        eventually("the saga rests", async || {
            status(&self.test.store, case.saga_id).await.is_some_and(Status::is_at_rest)
        })
        .await;
        status(&self.test.store, case.saga_id).await.unwrap()
    }

    /// The attempts of a step and how many of them were logged as unknown.
    pub(super) async fn attempts(&self, case: &Case, step: Verb) -> (usize, usize) {
        let stored = self.test.store.sagas.saga_with_log(case.saga_id).await.unwrap().unwrap();
        let events: Vec<_> = stored.log().unwrap().into_iter().flat_map(|(_, entry)| entry.events).collect();
        let started = events.iter().filter(|event| matches!(event, Event::StepStarted { step: of, .. } if *of == step));
        let unknown = events.iter().filter(|event| matches!(event, Event::StepUnknown { step: of, .. } if *of == step));
        (started.count(), unknown.count())
    }
}

pub(super) fn unknown() -> StepReply {
    StepReply::Outcome(Outcome::unknown("no answer"))
}
