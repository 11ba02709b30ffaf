//! Two things at once: success and deadline, cancel and pivot. One wins, and nothing is half done.

use super::given::{assert_promises, house};
use crate::store::given::{Case, random, script};
use backstitch::{
    domain::{
        payment::{PaymentStatus, Provider, SettlePayment, Settlement},
        saga::{CancelBy, Refused, Status},
        simulation::Simulation,
    },
    service::ServiceError,
};
use std::time::Duration;

#[actix_web::test]
async fn of_success_and_deadline_exactly_one_wins() {
    let mut random = random();
    let house = house();
    let deadline_ms = 60;
    let cases: Vec<_> = (0..150).map(|_| Case::with(Provider::Manual, deadline_ms, Simulation::default())).collect();
    house.place_all(&cases).await;
    // The results come around the deadline, in any order.
    let settlements = cases.iter().map(|case| {
        let wait = Duration::from_millis(random.u64(deadline_ms / 2..deadline_ms * 2));
        let house = &house;
        async move {
            actix_rt::time::sleep(wait).await;
            house.settle(case).await;
        }
    });
    futures::future::join_all(settlements).await;
    let rested = house.rest(&cases).await;
    let won = rested.iter().filter(|status| **status == Status::Completed).count();
    println!("{won} of {} were paid in time", cases.len());
    // Money that came too late is on its way back even after the saga has come to rest.
    for case in &cases {
        crate::store::given::eventually("the money is where it belongs", async || {
            house.give_back_by_hand(case.order_id()).await;
            let payment = house.test.store.payments.payment_of(case.order_id()).await.unwrap().unwrap();
            matches!(payment.status, PaymentStatus::Paid | PaymentStatus::Refunded)
        })
        .await;
    }
    assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn a_cancel_races_the_pivot_and_what_it_is_told_is_true() {
    let mut random = random();
    let house = house();
    let cases: Vec<_> = (0..150)
        .map(|_| {
            let delay = |random: &mut fastrand::Rng| script(None, random.u32(..3) * random.u32(..6));
            Case::simulated(Simulation {
                payment: delay(&mut random),
                shipping: delay(&mut random),
                ..Simulation::default()
            })
        })
        .collect();
    let rounds = cases.iter().map(|case| {
        let wait = Duration::from_millis(random.u64(..12));
        let by = if random.bool() { CancelBy::Operator } else { CancelBy::Customer };
        let house = &house;
        async move {
            house.place(case).await;
            actix_rt::time::sleep(wait).await;
            let cancelled = house.service.cancel_saga(case.saga_id, by, None, None).await;
            (cancelled, house.rest_of(case.saga_id).await)
        }
    });
    let mut ends = [0, 0];
    for (cancelled, end) in futures::future::join_all(rounds).await {
        match cancelled {
            Ok(_) => assert_eq!(end, Status::Compensated),
            Err(ServiceError::SagaRefused(Refused::PastPivot | Refused::AlreadyPaid | Refused::Ended(_))) => {
                assert_eq!(end, Status::Completed);
            }
            Err(other) => panic!("{other}"),
        }
        ends[usize::from(end == Status::Completed)] += 1;
    }
    println!("{} compensated, {} completed", ends[0], ends[1]);
    assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn cancels_failures_and_deadlines_at_once_leave_every_order_whole() {
    let mut random = random();
    let house = house();
    let cases: Vec<_> =
        (0..150).map(|_| Case::with(Provider::Manual, random.u64(5..60), Simulation::default())).collect();
    let rounds = cases.iter().map(|case| {
        let waits: [u64; 2] = [random.u64(..70), random.u64(..70)];
        let settlement = if random.u32(..4) == 0 { Settlement::Failed } else { Settlement::Success };
        let house = &house;
        async move {
            house.place(case).await;
            let settled = async {
                actix_rt::time::sleep(Duration::from_millis(waits[0])).await;
                let settle = SettlePayment::trusted(case.order_id(), case.checkout.payment_id, settlement);
                // The saga may not have opened the payment yet.
                let _ = house.report(&settle).await;
            };
            let cancelled = async {
                actix_rt::time::sleep(Duration::from_millis(waits[1])).await;
                let _ = house.service.cancel_saga(case.saga_id, CancelBy::Customer, None, None).await;
            };
            futures::future::join(settled, cancelled).await;
            house.rest_of(case.saga_id).await;
        }
    });
    futures::future::join_all(rounds).await;
    for case in &cases {
        house.give_back_by_hand(case.order_id()).await;
    }
    assert_promises(&house.test.facts().await);
}
