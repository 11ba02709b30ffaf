//! Everything stopped in the middle, and started anew over the same database.

use super::{
    crashes::any,
    given::{assert_promises, house},
};
use crate::store::given::{Case, random, script};
use backstitch::domain::{payment::Provider, saga::Status, simulation::Simulation};

#[actix_web::test]
async fn hundreds_of_sagas_cut_off_in_the_middle_come_to_rest_after_the_start() {
    let mut random = random();
    for _ in 0..6 {
        let mut house = house();
        let cases: Vec<_> = (0..300).map(|_| any(&mut random)).collect();
        let until = std::time::Duration::from_millis(random.u64(..60));
        // Those that are cut off before they were answered may or may not exist.
        let _ = actix_rt::time::timeout(until, house.place_all(&cases)).await;
        house = house.restart().await;
        // Once more, while it recovers.
        actix_rt::time::sleep(std::time::Duration::from_millis(random.u64(..30))).await;
        house = house.restart().await;
        let mut stored = Vec::new();
        for case in cases {
            if house.test.store.sagas.saga(case.saga_id).await.unwrap().is_some() {
                stored.push(case);
            }
        }
        println!("{} sagas go on", stored.len());
        house.rest(&stored).await;
        let facts = house.test.facts().await;
        assert_eq!(facts.len(), stored.len());
        assert_promises(&facts);
    }
}

#[actix_web::test]
async fn a_waiting_saga_survives_the_process_and_hears_of_its_payment() {
    let mut house = house();
    let cases: Vec<_> = (0..20).map(|_| Case::new(Provider::Manual)).collect();
    house.place_all(&cases).await;
    house = house.restart().await;
    for case in &cases {
        house.settle(case).await;
    }
    assert!(house.rest(&cases).await.iter().all(|status| *status == Status::Completed));
    assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn a_deadline_that_passes_while_nobody_runs_is_kept_at_the_next_start() {
    let house = house();
    let cases: Vec<_> = (0..20).map(|_| Case::with(Provider::Manual, 30, Simulation::default())).collect();
    house.place_all(&cases).await;
    let test = house.stop_abruptly().await;
    let last = cases.last().unwrap();
    let payment = test.store.payments.payment_of(last.order_id()).await.unwrap();
    let deadline = payment.and_then(|payment| payment.deadline_at);
    crate::store::given::eventually("the deadline passes", async || {
        deadline.is_none_or(|deadline| deadline < backstitch::clock::now())
    })
    .await;
    let house = super::given::House::over(test);
    assert!(house.rest(&cases).await.iter().all(|status| *status == Status::Compensated));
    assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn outside_calls_that_were_under_way_are_made_again_and_count_once() {
    let mut house = house();
    let slow = Simulation { payment: script(None, 40), shipping: script(None, 40), ..Simulation::default() };
    let cases: Vec<_> = (0..50).map(|_| Case::simulated(slow)).collect();
    house.place_all(&cases).await;
    house = house.restart().await;
    house = house.restart().await;
    assert!(house.rest(&cases).await.iter().all(|status| *status == Status::Completed));
    assert_promises(&house.test.facts().await);
}
