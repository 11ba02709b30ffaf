//! The stock's actor alone with its store: every step repeated, crashes at each point of a message's way, and
//! orders that race for few pieces while it is being crashed.

use super::{alone::perform, given::Stall};
use crate::domain::stock::plain;
use crate::store::{
    given::{Held, eventually, script},
    stock::given::{Buyer, Depot, depot, refused},
};
use actix::Addr;
use backstitch::{
    actors::{
        ChangeStock, Crash, CrashMode, Perform, StockActor,
        supervisor::{ActorState, ActorStatus, supervise},
    },
    domain::{
        reason::Reason,
        saga::{Outcome, StepReply},
        simulation::Fault,
        stock::StockCommand,
    },
    store::Stats,
};
use futures::future::join_all;
use std::sync::Arc;

const MODES: [CrashMode; 3] = [CrashMode::Panic, CrashMode::Stop, CrashMode::PanicInFuture];

/// The actor over a shop's warehouses.
struct Alone {
    depot: Depot,
    arbiter: actix_rt::Arbiter,
    stock: Addr<StockActor>,
    status: Arc<ActorStatus>,
}

async fn alone(pieces: &[i64]) -> Alone {
    let (depot, arbiter, status) = (depot(pieces).await, actix_rt::Arbiter::new(), ActorStatus::new("stock"));
    let (store, own) = (depot.store().stock.clone(), Arc::clone(&status));
    let fatal = depot.test.fatal.clone();
    let stock = supervise(&arbiter.handle(), Arc::clone(&status), fatal, move || StockActor::new(store, own));
    Alone { depot, arbiter, stock, status }
}

impl Alone {
    async fn ask(&self, command: StockCommand) -> Outcome {
        let order = command.order();
        let mut replies = perform(&self.stock, vec![command]).await;
        match replies.pop() {
            Some(StepReply::Outcome(outcome)) if replies.is_empty() => plain(outcome, order),
            other => panic!("{other:?}"),
        }
    }
}

#[actix_web::test]
async fn every_step_is_answered_alike_however_often_it_is_sent() {
    let alone = alone(&[10]).await;
    let demand = [alone.depot.demand(2)];
    let buyers = [Buyer::new(), Buyer::new(), Buyer::new()];
    let [first, second, third] = &buyers;
    for story in [
        vec![first.reserve(&demand), first.commit(), first.release()],
        vec![second.release(), second.reserve(&demand), second.commit()],
        vec![third.commit(), third.reserve(&demand), third.release(), third.commit()],
    ] {
        for command in &story {
            let answer = alone.ask(command.clone()).await;
            let moved = alone.depot.moved().await;
            for _ in 0..2 {
                assert_eq!(alone.ask(command.clone()).await, answer, "{command:?} in {story:?}");
                assert_eq!(alone.depot.moved().await, moved, "{command:?} in {story:?}");
            }
        }
    }
    assert_eq!(alone.depot.levels().await, [(10, 0)]);
}

#[actix_web::test]
async fn a_batch_is_answered_in_order() {
    let alone = alone(&[30]).await;
    let buyers: Vec<_> = (0..50).map(|_| Buyer::new()).collect();
    let batch = buyers.iter().map(|buyer| buyer.reserve(&[alone.depot.demand(1)])).collect();
    let replies = perform(&alone.stock, batch).await;
    for (number, (reply, buyer)) in replies.into_iter().zip(&buyers).enumerate() {
        let expected = if number < 30 { buyer.done() } else { refused(Reason::OutOfStock) };
        let StepReply::Outcome(outcome) = reply else { panic!("{reply:?}") };
        assert_eq!(plain(outcome, buyer.order_id), expected, "{number}");
    }
}

/// Where a crash meets a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    /// The message is in the mailbox behind the crash.
    Mailbox,
    /// It is in the actor's buffer.
    Buffer,
    /// It is with the store.
    Store,
}

#[actix_web::test]
async fn a_crash_at_any_point_loses_no_reservation_and_doubles_none() {
    for point in [Point::Mailbox, Point::Buffer, Point::Store] {
        for mode in MODES {
            let alone = alone(&[10]).await;
            let buyer = Buyer::new();
            let command = buyer.reserve(&[alone.depot.demand(3)]);
            let taken = || Stats::get(&alone.depot.store().stats.commands);
            let before = taken();
            let stall = Stall::begin(&alone.arbiter);
            let held = (point == Point::Store).then(|| Held::hold(&alone.depot.test));
            if point == Point::Mailbox {
                alone.stock.do_send(Crash(mode));
            }
            let sent = alone.stock.send(Perform(vec![command.clone()]));
            if point == Point::Buffer {
                alone.stock.do_send(Crash(mode));
            }
            stall.end();
            if let Some(held) = held {
                eventually("the store has the batch", async || taken() > before).await;
                alone.stock.do_send(Crash(mode));
                eventually("the actor is restarted", async || alone.status.restarts() > 0).await;
                held.release();
            }
            match sent.await {
                Ok(replies) => {
                    let [StepReply::Outcome(outcome)] = &replies[..] else { panic!("{replies:?}") };
                    assert_eq!(plain(outcome.clone(), buyer.order_id), buyer.done(), "{point:?} {mode:?}");
                }
                Err(actix::MailboxError::Closed) => {}
                Err(other) => panic!("{other}"),
            }
            assert_eq!(alone.ask(command).await, buyer.done(), "{point:?} {mode:?}");
            assert_eq!(alone.depot.levels().await, [(10, 3)], "{point:?} {mode:?}");
            let fatal = alone.depot.test.fatal.reason();
            assert_eq!((alone.status.restarts(), fatal), (1, None), "{point:?} {mode:?}");
        }
    }
}

#[actix_web::test]
async fn a_change_that_is_sent_again_after_a_crash_is_made_once() {
    for mode in MODES {
        let alone = alone(&[10]).await;
        let message =
            || ChangeStock { change: alone.depot.receive(0, 5), claim: crate::store::given::claim("delivery", 1) };
        let taken = || Stats::get(&alone.depot.store().stats.commands);
        let before = taken();
        let held = Held::hold(&alone.depot.test);
        let sent = alone.stock.send(message());
        eventually("the store has the change", async || taken() > before).await;
        alone.stock.do_send(Crash(mode));
        eventually("the actor is restarted", async || alone.status.restarts() > 0).await;
        held.release();
        assert!(matches!(sent.await, Err(actix::MailboxError::Closed)), "{mode:?}");
        let again = alone.stock.send(message()).await.expect("it runs").expect("the change");
        assert_eq!((again.replayed, again.levels[0].on_hand()), (true, 15), "{mode:?}");
    }
}

#[actix_web::test]
async fn of_256_orders_for_100_pieces_a_hundred_have_one_each_while_the_actor_is_crashed() {
    let mut random = crate::store::given::random();
    let alone = alone(&[70, 30]).await;
    let buyers: Vec<_> = (0..256).map(|_| Buyer::new()).collect();
    let orders = buyers.iter().map(|buyer| async {
        let had = alone.ask(buyer.reserve(&[alone.depot.demand(1)])).await == buyer.done();
        // Those that have a piece pay for it, those that do not give up.
        let end = if had { buyer.commit() } else { buyer.release() };
        assert_eq!(alone.ask(end).await, buyer.done());
        had
    });
    let crashes = async {
        for _ in 0..5 {
            let before = alone.status.restarts();
            alone.stock.do_send(Crash(MODES[random.usize(..3)]));
            eventually("the actor is restarted", async || alone.status.restarts() > before).await;
        }
    };
    let (had, ()) = futures::future::join(join_all(orders), crashes).await;
    assert_eq!(had.iter().filter(|had| **had).count(), 100);
    assert_eq!(alone.depot.levels().await, [(0, 0), (0, 0)]);
    assert!(alone.depot.red().await.is_empty());
    assert_eq!((alone.status.state(), alone.depot.test.fatal.reason()), (ActorState::Running, None));
}

#[actix_web::test]
async fn an_order_that_asks_for_a_panic_has_it_once() {
    let alone = alone(&[10]).await;
    let buyer = Buyer::new();
    let panics = buyer.reserve_scripted(&[alone.depot.demand(3)], script(Some(Fault::Panic), 0));
    for _ in 0..2 {
        assert_eq!(alone.ask(panics.clone()).await, buyer.done());
    }
    assert_eq!((alone.status.restarts(), alone.depot.levels().await), (1, vec![(10, 3)]));
    assert_eq!(alone.depot.test.fatal.reason(), None);
}

#[actix_web::test]
async fn a_poisonous_command_is_told_apart_in_its_batch() {
    let alone = alone(&[10]).await;
    let buyers: Vec<_> = (0..5).map(|_| Buyer::new()).collect();
    perform(&alone.stock, buyers.iter().map(|buyer| buyer.reserve(&[alone.depot.demand(1)])).collect()).await;
    let spoil = "UPDATE stock_reservation SET items = '{' WHERE order_id = ?1";
    alone.depot.test.raw().execute(spoil, &[&buyers[3].order_id.uuid()]).unwrap();
    let replies = perform(&alone.stock, buyers.iter().map(Buyer::commit).collect()).await;
    for (number, reply) in replies.into_iter().enumerate() {
        assert_eq!(matches!(reply, StepReply::Poisoned(_)), number == 3, "{reply:?}");
    }
    assert_eq!(alone.status.restarts(), 0);
}
