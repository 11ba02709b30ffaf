//! Each participant's actor alone with its store: each verb, each repeat, each compensation before its
//! action, and a crash at each point of a message's way.

use super::given::{Stall, TestArbiter};
use crate::store::given::{Case, Held, TestStore, store};
use actix::{Actor, Addr, Handler, dev::ToEnvelope};
use backstitch::{
    actors::{
        Crash, CrashMode, OrderActor, PaymentActor, Perform, ShippingActor,
        coordinator::SignalTarget,
        supervisor::{ActorState, ActorStatus, supervise},
    },
    domain::{
        checkout::{Command, Verb, command},
        order::OrderCommand,
        payment::{PaymentCommand, Provider},
        reason::Reason,
        saga::{Outcome, StepReply},
        shipment::ShippingCommand,
    },
    providers::Providers,
};
use std::{sync::Arc, time::Duration};

const MODES: [CrashMode; 3] = [CrashMode::Panic, CrashMode::Stop, CrashMode::PanicInFuture];

/// The three participants over one store, each supervised, nobody driving them.
pub(super) struct Three {
    pub(super) test: TestStore,
    pub(super) arbiter: TestArbiter,
    pub(super) order: Addr<OrderActor>,
    pub(super) payment: Addr<PaymentActor>,
    pub(super) shipping: Addr<ShippingActor>,
    pub(super) status: [Arc<ActorStatus>; 3],
}

pub(super) fn three() -> Three {
    let (test, arbiter) = (store(), TestArbiter::new());
    let handle = arbiter.handle();
    let status = ["order", "payment", "shipping"].map(ActorStatus::new);
    let [of_order, of_payment, of_shipping] = status.clone();
    let fatal = &test.fatal;
    let (store, own) = (test.store.orders.clone(), of_order.clone());
    let order = supervise(&handle, of_order, fatal.clone(), move || OrderActor::new(store, own));
    let (store, own, orders) = (test.store.payments.clone(), of_payment.clone(), order.clone().recipient());
    let payment = supervise(&handle, of_payment, fatal.clone(), move || {
        PaymentActor::new(store, Providers::default(), SignalTarget::default(), orders, own)
    });
    let (store, own, orders) = (test.store.shipments.clone(), of_shipping.clone(), order.clone().recipient());
    let shipping = supervise(&handle, of_shipping, fatal.clone(), move || {
        ShippingActor::new(store, Providers::default(), SignalTarget::default(), orders, own)
    });
    Three { test, arbiter, order, payment, shipping, status }
}

/// Sends a batch until it is answered.
pub(super) async fn perform<A, C>(actor: &Addr<A>, commands: Vec<C>) -> Vec<StepReply>
where
    A: Actor + Handler<Perform<C>>,
    A::Context: ToEnvelope<A, Perform<C>>,
    C: Clone + Send + 'static,
{
    loop {
        match actor.send(Perform(commands.clone())).await {
            Ok(replies) => return replies,
            Err(_) => actix_rt::time::sleep(Duration::from_millis(1)).await,
        }
    }
}

impl Three {
    async fn ask(&self, case: &Case, verb: Verb) -> StepReply {
        let mut replies = match command(&case.saga, verb).expect("a log that says all") {
            Command::Order(command) => perform(&self.order, vec![command]).await,
            Command::Stock(command) => panic!("a free-text order asks the stock: {command:?}"),
            Command::Payment(command) => perform(&self.payment, vec![command]).await,
            Command::Shipping(command) => perform(&self.shipping, vec![command]).await,
        };
        assert_eq!(replies.len(), 1);
        replies.remove(0)
    }

    /// How often money came and went.
    async fn moved(&self, case: &Case) -> usize {
        let facts = self.test.facts().await;
        let facts = facts.into_iter().find(|facts| facts.order_id == case.order_id());
        facts.and_then(|facts| facts.payment).map_or(0, |payment| payment.movements.len())
    }
}

const STORIES: [&[Verb]; 9] = [
    &[Verb::CreateOrder, Verb::MarkOrderPaid, Verb::CompleteOrder],
    &[Verb::CreateOrder, Verb::CancelOrder],
    &[Verb::CreateOrder, Verb::MarkOrderPaid, Verb::CancelOrder],
    &[Verb::CancelOrder, Verb::CreateOrder, Verb::MarkOrderPaid],
    &[Verb::ProcessPayment, Verb::RefundPayment],
    &[Verb::ExpirePayment, Verb::ProcessPayment, Verb::RefundPayment],
    &[Verb::RefundPayment, Verb::ProcessPayment, Verb::ExpirePayment],
    &[Verb::StartShipping, Verb::CancelShipping],
    &[Verb::CancelShipping, Verb::StartShipping],
];

fn reply(outcome: Outcome) -> StepReply {
    StepReply::Outcome(outcome)
}

#[actix_web::test]
async fn every_verb_is_answered_alike_however_often_it_is_sent() {
    let three = three();
    for story in STORIES {
        let case = Case::new(Provider::Simulated);
        for verb in story {
            let first = three.ask(&case, *verb).await;
            let moved = three.moved(&case).await;
            for _ in 0..2 {
                assert_eq!(three.ask(&case, *verb).await, first, "{verb:?} in {story:?}");
                assert_eq!(three.moved(&case).await, moved, "{verb:?} in {story:?}");
            }
        }
    }
}

#[actix_web::test]
async fn a_compensation_before_its_action_closes_the_participant_for_good() {
    let three = three();
    let case = Case::new(Provider::Simulated);
    for (undo, action, reason) in [
        (Verb::CancelOrder, Verb::CreateOrder, Reason::OrderClosed),
        (Verb::RefundPayment, Verb::ProcessPayment, Reason::PaymentClosed),
        (Verb::CancelShipping, Verb::StartShipping, Reason::ShippingClosed),
    ] {
        assert!(matches!(three.ask(&case, undo).await, StepReply::Outcome(Outcome::Done { .. })), "{undo:?}");
        assert_eq!(three.ask(&case, action).await, reply(Outcome::rejected(reason)));
    }
    assert_eq!(three.moved(&case).await, 0);
}

#[actix_web::test]
async fn a_batch_is_answered_in_order() {
    let three = three();
    let cases: Vec<_> = (0..50).map(|_| Case::new(Provider::Manual)).collect();
    let creates: Vec<OrderCommand> = cases.iter().map(|case| case.order(Verb::CreateOrder)).collect();
    let replies = perform(&three.order, creates).await;
    let expected: Vec<_> = cases.iter().map(|case| reply(Outcome::done(case.order_id().uuid()))).collect();
    assert_eq!(replies, expected);
    assert!(perform(&three.order, Vec::<OrderCommand>::new()).await.is_empty());
}

/// Where a crash meets a message.
#[derive(Clone, Copy, Debug)]
enum Point {
    /// The message is in the mailbox behind the crash.
    Mailbox,
    /// It is in the actor's buffer.
    Buffer,
    /// It is with the store.
    Store,
}

#[actix_web::test]
async fn a_crash_at_any_point_loses_no_effect_and_doubles_none() {
    for point in [Point::Mailbox, Point::Buffer, Point::Store] {
        for mode in MODES {
            let three = three();
            let case = Case::new(Provider::Simulated);
            let command: PaymentCommand = case.payment(Verb::ProcessPayment);
            let stall = Stall::begin(&three.arbiter);
            let held = matches!(point, Point::Store).then(|| Held::hold(&three.test));
            if matches!(point, Point::Mailbox) {
                three.payment.do_send(Crash(mode));
            }
            let sent = three.payment.send(Perform(vec![command.clone()]));
            if matches!(point, Point::Buffer) {
                three.payment.do_send(Crash(mode));
            }
            stall.end();
            if let Some(held) = held {
                let handed_over = || backstitch::store::Stats::get(&three.test.store.stats.commands) > 0;
                crate::store::given::eventually("the store has the batch", async || handed_over()).await;
                three.payment.do_send(Crash(mode));
                let restarts = || three.status[1].restarts();
                crate::store::given::eventually("the actor is restarted", async || restarts() > 0).await;
                held.release();
            }
            let expected = [reply(Outcome::done(case.checkout.payment_id.uuid()))];
            match sent.await {
                Ok(replies) => assert_eq!(replies, expected, "{point:?} {mode:?}"),
                Err(actix::MailboxError::Closed) => {}
                Err(other) => panic!("{other}"),
            }
            assert_eq!(perform(&three.payment, vec![command]).await, expected, "{point:?} {mode:?}");
            assert_eq!(three.moved(&case).await, 1, "{point:?} {mode:?}");
            assert_eq!((three.status[1].restarts(), three.test.fatal.reason()), (1, None), "{point:?} {mode:?}");
        }
    }
}

#[actix_web::test]
async fn two_thousand_queued_messages_survive_crashes_among_them() {
    let mut random = crate::store::given::random();
    let three = three();
    let cases: Vec<_> = (0..2_000).map(|_| Case::new(Provider::Simulated)).collect();
    let stall = Stall::begin(&three.arbiter);
    let mut sent = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        sent.push(actix_rt::spawn(three.payment.send(Perform(vec![case.payment(Verb::ProcessPayment)]))));
        if random.u32(..300) == 0 || index == 1_000 {
            tokio::task::yield_now().await;
            three.payment.do_send(Crash(MODES[random.usize(..3)]));
        }
    }
    tokio::task::yield_now().await;
    stall.end();
    for (case, sent) in cases.iter().zip(sent) {
        let expected = [reply(Outcome::done(case.checkout.payment_id.uuid()))];
        match sent.await.unwrap() {
            Ok(replies) => assert_eq!(replies, expected),
            Err(actix::MailboxError::Closed) => {}
            Err(other) => panic!("{other}"),
        }
        assert_eq!(perform(&three.payment, vec![case.payment(Verb::ProcessPayment)]).await, expected);
    }
    assert!(three.status[1].restarts() > 0);
    assert_eq!((three.status[1].state(), three.test.fatal.reason()), (ActorState::Running, None));
    let facts = three.test.facts().await;
    assert_eq!(facts.len(), cases.len());
    assert!(facts.iter().all(|facts| facts.payment.as_ref().unwrap().movements.len() == 1), "charged once each");
}

#[actix_web::test]
async fn a_poisonous_command_is_told_apart_in_its_batch() {
    let three = three();
    let cases: Vec<_> = (0..5).map(|_| Case::new(Provider::Simulated)).collect();
    let start = || -> Vec<ShippingCommand> { cases.iter().map(|case| case.shipping(Verb::StartShipping)).collect() };
    perform(&three.shipping, start()).await;
    let spoil = "UPDATE shipment_shipment SET script = '{', version = version + 1 WHERE order_id = ?1";
    three.test.raw().execute(spoil, &[&cases[3].order_id().uuid()]).unwrap();
    for (index, reply) in perform(&three.shipping, start()).await.into_iter().enumerate() {
        assert_eq!(matches!(reply, StepReply::Poisoned(_)), index == 3, "{reply:?}");
    }
    assert_eq!(three.status[2].restarts(), 0);
}

#[actix_web::test]
async fn many_orders_that_ask_for_a_panic_each_have_it_once() {
    let three = three();
    let panics = backstitch::domain::simulation::Simulation {
        payment: crate::store::given::script(Some(backstitch::domain::simulation::Fault::Panic), 0),
        ..Default::default()
    };
    let cases: Vec<_> = (0..40).map(|_| Case::simulated(panics)).collect();
    let batch: Vec<PaymentCommand> = cases.iter().map(|case| case.payment(Verb::ProcessPayment)).collect();
    let replies = perform(&three.payment, batch.clone()).await;
    let expected: Vec<_> = cases.iter().map(|case| reply(Outcome::done(case.checkout.payment_id.uuid()))).collect();
    assert_eq!(replies, expected);
    let restarts = three.status[1].restarts();
    assert!((1..=40).contains(&restarts), "{restarts} restarts");
    assert_eq!(perform(&three.payment, batch).await, expected);
    assert_eq!((three.status[1].restarts(), three.test.fatal.reason()), (restarts, None));
}
