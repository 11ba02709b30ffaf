//! Money that comes for a closed payment is recorded and goes back, whatever crashes on the way.

use super::given::{House, assert_promises, house, success};
use crate::store::given::{Case, eventually};
use backstitch::{
    actors::CrashMode,
    domain::{
        payment::{PaymentStatus, Provider},
        saga::{CancelBy, Status},
    },
};

async fn cancelled(house: &House) -> Case {
    let case = Case::new(Provider::Manual);
    house.place(&case).await;
    house.service.cancel_saga(case.saga_id, CancelBy::Customer, None, None).await.unwrap();
    assert_eq!(house.rest_of(case.saga_id).await, Status::Compensated);
    case
}

async fn assert_refunded(house: &House, case: &Case) {
    eventually("the money is back", async || {
        let payment = house.test.store.payments.payment_of(case.order_id()).await.unwrap().unwrap();
        payment.status == PaymentStatus::Refunded
    })
    .await;
    assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn late_money_is_refunded_once_however_often_it_is_reported() {
    let house = house();
    let case = cancelled(&house).await;
    for _ in 0..3 {
        house.settle(&case).await;
    }
    assert_refunded(&house, &case).await;
}

#[actix_web::test]
async fn late_money_is_refunded_across_a_crash_of_the_payment_actor() {
    for mode in [CrashMode::Panic, CrashMode::Stop, CrashMode::PanicInFuture] {
        let house = house();
        let case = cancelled(&house).await;
        house.actors.crash("payment", mode);
        house.settle(&case).await;
        house.actors.crash("payment", mode);
        assert_refunded(&house, &case).await;
    }
}

#[actix_web::test]
async fn late_money_is_refunded_by_the_next_process() {
    let house = house();
    let case = cancelled(&house).await;
    let test = house.stop_abruptly().await;
    // Committed by a process that ended before it could do anything about it.
    let settle = backstitch::domain::payment::PaymentCommand::Settle(success(&case));
    test.store.payments.execute(vec![settle.into()]).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    let outstanding = test.store.payments.outstanding_payments(None, 10).await.unwrap();
    assert_eq!(outstanding.len(), 1);
    let house = House::over(test.reopen().await);
    assert_refunded(&house, &case).await;
}
