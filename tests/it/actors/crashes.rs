//! All actors together, crashed while they work.

use super::given::{House, assert_promises, house};
use crate::{
    store::given::{Case, eventually, random, script},
    support::either,
};
use backstitch::{
    actors::{CrashMode, supervisor::ActorState},
    domain::{
        payment::Provider,
        saga::Status,
        simulation::{Fault, Simulation},
    },
};

const MODES: [CrashMode; 3] = [CrashMode::Panic, CrashMode::Stop, CrashMode::PanicInFuture];
const ACTORS: [&str; 5] = ["order", "stock", "payment", "shipping", "coordinator"];

/// Any checkout that can come to rest by itself.
pub(super) fn any(random: &mut fastrand::Rng) -> Case {
    let mut part = || {
        let faults = [None, None, Some(Fault::Reject), Some(Fault::Timeout), Some(Fault::ErrorOnce)];
        script(faults[random.usize(..faults.len())], random.u32(..4) * random.u32(..8))
    };
    Case::simulated(Simulation { payment: part(), shipping: part(), ..Simulation::default() })
}

#[actix_web::test]
async fn orders_without_trouble_complete() {
    let house = house();
    let cases: Vec<_> = (0..100).map(|_| Case::new(Provider::Simulated)).collect();
    house.place_all(&cases).await;
    assert!(house.rest(&cases).await.iter().all(|status| *status == Status::Completed));
    assert_promises(&house.test.facts().await);
    assert_eq!(house.actors.admission.in_hand(), 0);
}

#[actix_web::test]
async fn each_actor_crashed_in_each_way_goes_on_where_it_was() {
    for actor in ACTORS {
        for mode in MODES {
            let house = house();
            let waiting = Case::new(Provider::Manual);
            house.place(&waiting).await;
            house.crash(actor, mode).await;
            house.settle(&waiting).await;
            let after = Case::new(Provider::Simulated);
            house.place(&after).await;
            assert_eq!(house.rest(&[waiting, after]).await, [Status::Completed; 2], "{actor} {mode:?}");
            assert_promises(&house.test.facts().await);
        }
    }
}

#[actix_web::test]
async fn hundreds_of_orders_come_to_rest_while_all_actors_crash_again_and_again() {
    let mut random = random();
    let house = house();
    let cases: Vec<_> = (0..300).map(|_| any(&mut random)).collect();
    let crashes = async {
        for _ in 0..60 {
            assert!(house.actors.crash(ACTORS[random.usize(..ACTORS.len())], MODES[random.usize(..3)]));
            actix_rt::time::sleep(std::time::Duration::from_millis(random.u64(..8))).await;
        }
    };
    futures::future::join(house.place_all(&cases), crashes).await;
    house.rest(&cases).await;
    assert_all_well(&house, cases.len()).await;
}

#[actix_web::test]
async fn a_coordinator_that_crashes_while_orders_are_placed_makes_one_order_of_each() {
    let house = house();
    let cases: Vec<_> = (0..150).map(|_| Case::new(Provider::Simulated)).collect();
    let placing = std::cell::Cell::new(true);
    let crashes = async {
        while placing.get() {
            house.actors.crash("coordinator", CrashMode::Panic);
            // Long enough for some of the orders to be stored in between.
            actix_rt::time::sleep(std::time::Duration::from_millis(either(15, 150))).await;
        }
    };
    let placed = async {
        house.place_all(&cases).await;
        placing.set(false);
    };
    futures::future::join(placed, crashes).await;
    assert!(house.rest(&cases).await.iter().all(|status| *status == Status::Completed));
    assert_all_well(&house, cases.len()).await;
}

#[actix_web::test]
async fn orders_that_make_their_actors_panic_complete_together_with_the_others() {
    let house = house();
    let panics = |payment, shipping| Simulation {
        payment: script(payment, 0),
        shipping: script(shipping, 0),
        ..Simulation::default()
    };
    let cases: Vec<_> = (0..120)
        .map(|index| match index % 6 {
            0 => Case::simulated(panics(Some(Fault::Panic), None)),
            1 => Case::simulated(panics(None, Some(Fault::Panic))),
            _ => Case::new(Provider::Simulated),
        })
        .collect();
    house.place_all(&cases).await;
    assert!(house.rest(&cases).await.iter().all(|status| *status == Status::Completed));
    assert_all_well(&house, cases.len()).await;
}

async fn assert_all_well(house: &House, orders: usize) {
    let facts = house.test.facts().await;
    assert_eq!(facts.len(), orders);
    assert_promises(&facts);
    for watched in house.actors.watched() {
        assert_eq!(watched.status.state(), ActorState::Running, "{}", watched.status.name());
    }
    assert_eq!(house.test.fatal.reason(), None);
    eventually("no saga keeps its place", async || house.actors.admission.in_hand() == 0).await;
}
