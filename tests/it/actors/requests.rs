//! What clients and operators ask of the coordinator, and what they hear when it crashes meanwhile.

use super::given::{house, status, success};
use crate::store::given::{Case, Held, claim, eventually, tell};
use backstitch::{
    actors::{
        CrashMode,
        coordinator::{CancelSaga, PlaceOrder, SagaRequestError, Watch},
    },
    domain::{
        ids::SagaId,
        payment::Provider,
        saga::{CancelBy, Refused, Status},
    },
    service::ServiceError,
    store::StoreError,
};
use std::time::Duration;
use tokio::sync::oneshot;

#[actix_web::test]
async fn an_order_placed_again_under_the_same_ids_is_one_order() {
    let house = house();
    let case = Case::new(Provider::Simulated);
    for _ in 0..3 {
        let placed =
            house.service.place_order(case.saga_id, case.checkout.clone(), None, Duration::ZERO).await.unwrap();
        assert_eq!((placed.order_id, placed.replayed), (case.order_id(), false));
    }
    assert_eq!(house.rest_of(case.saga_id).await, Status::Completed);
    assert_eq!(house.test.facts().await.len(), 1);
}

#[actix_web::test]
async fn an_order_whose_message_was_sent_again_is_not_a_replay_of_itself() {
    let house = house();
    let (case, other) = (Case::new(Provider::Simulated), Case::new(Provider::Simulated));
    let place = |case: &Case, body| {
        house.service.place_order(case.saga_id, case.checkout.clone(), Some(claim("k", body)), Duration::ZERO)
    };
    assert!(!place(&case, 1).await.unwrap().replayed);
    // As after a crash: the same message, not another request.
    assert!(!place(&case, 1).await.unwrap().replayed);
    let replay = place(&other, 1).await.unwrap();
    assert_eq!((replay.order_id, replay.saga_id, replay.replayed), (case.order_id(), case.saga_id, true));
    assert!(matches!(place(&other, 2).await, Err(ServiceError::KeyReused)));
    assert_eq!(house.test.facts().await.len(), 1);
}

#[actix_web::test]
async fn who_watches_hears_of_the_rest_or_of_the_crash() {
    let house = house();
    let case = Case::new(Provider::Manual);
    house.place(&case).await;
    let rest = house.coordinator().send(Watch(case.saga_id)).await.unwrap();
    house.crash("coordinator", CrashMode::Panic).await;
    assert!(rest.await.is_err(), "a coordinator that has failed knows of nobody");
    let rest = house.coordinator().send(Watch(case.saga_id)).await.unwrap();
    house.settle(&case).await;
    assert!(rest.await.is_ok());
    assert_eq!(status(&house.test.store, case.saga_id).await, Some(Status::Completed));
}

#[actix_web::test]
async fn a_lost_signal_is_healed_by_asking_again() {
    let house = house();
    let case = Case::new(Provider::Manual);
    house.place(&case).await;
    eventually("it waits", async || status(&house.test.store, case.saga_id).await == Some(Status::Waiting)).await;
    // Paid behind the actors' back: nobody signals.
    let settle = backstitch::domain::payment::PaymentCommand::Settle(success(&case));
    house.test.store.payments.execute(vec![settle.into()]).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    assert_eq!(house.rest_of(case.saga_id).await, Status::Completed);
}

#[actix_web::test]
async fn what_cannot_be_cancelled_or_retried_is_refused_with_its_reason() {
    let house = house();
    let nobody = SagaId::from_uuid(uuid::Uuid::now_v7());
    assert!(matches!(house.service.retry_saga(nobody, None, None).await, Err(ServiceError::NotFound(..))));
    let case = Case::new(Provider::Simulated);
    house.place(&case).await;
    assert_eq!(house.rest_of(case.saga_id).await, Status::Completed);
    let cancel = CancelSaga { saga_id: case.saga_id, by: CancelBy::Operator, note: None, claim: None };
    let refused = house.coordinator().send(cancel).await.unwrap();
    assert_eq!(refused, Err(SagaRequestError::Refused(Refused::Ended("completed"))));
    assert!(matches!(house.service.retry_saga(case.saga_id, None, None).await, Err(ServiceError::SagaRefused(_))));
}

#[actix_web::test]
async fn who_asks_for_an_order_is_answered_when_its_finished_saga_refuses_a_cancel_in_the_same_breath() {
    let house = house();
    let case = Case::new(Provider::Simulated);
    house.place(&case).await;
    assert_eq!(house.rest_of(case.saga_id).await, Status::Completed);
    let held = Held::hold(&house.test);
    let cancel = CancelSaga { saga_id: case.saga_id, by: CancelBy::Operator, note: None, claim: None };
    let cancelled = house.coordinator().send(cancel);
    let (rested, rest) = oneshot::channel();
    let place = PlaceOrder {
        saga_id: case.saga_id,
        checkout: case.checkout.clone(),
        claim: None,
        permit: house.actors.admission.enter(),
        rested,
    };
    let placed = house.coordinator().send(place);
    let answers = futures::future::join3(cancelled, placed, rest);
    let release = async {
        // Both are in the mailbox, and handled before this is.
        house.coordinator().send(Watch(case.saga_id)).await.unwrap();
        held.release();
    };
    let answered = tokio::time::timeout(Duration::from_secs(30), futures::future::join(answers, release)).await;
    let ((cancelled, placed, rested), ()) = answered.expect("everybody is answered");
    assert!(matches!(cancelled.unwrap(), Err(SagaRequestError::Refused(_))));
    assert_eq!(placed.unwrap().unwrap().order_id, case.order_id());
    assert!(rested.is_ok());
}

#[actix_web::test]
async fn a_request_that_came_before_is_found_once_its_order_exists() {
    let house = house();
    let case = Case::new(Provider::Simulated);
    let key = Some(claim("k", 1));
    assert!(house.service.placed_before(key.clone(), Duration::ZERO).await.unwrap().is_none());
    let test = house.stop_abruptly().await;
    // As after a crash between the start and the order's creation.
    tell(&test.store, case.start(key.clone())).await.unwrap();
    let house = super::given::House::over(test);
    let found = house.service.placed_before(key, Duration::ZERO).await.unwrap().unwrap();
    assert_eq!((found.order_id, found.replayed), (case.order_id(), true));
    assert!(house.service.order(case.order_id()).await.is_ok());
    let reused = house.service.placed_before(Some(claim("k", 2)), Duration::ZERO).await;
    assert!(matches!(reused, Err(ServiceError::KeyReused)));
}

#[actix_web::test]
async fn a_cancel_under_a_used_key_cancels_nothing_and_the_saga_goes_on() {
    let house = house();
    let (used, case) = (Case::new(Provider::Simulated), Case::new(Provider::Manual));
    house.service.place_order(used.saga_id, used.checkout.clone(), Some(claim("k", 1)), Duration::ZERO).await.unwrap();
    house.place(&case).await;
    let cancelled = house.service.cancel_saga(case.saga_id, CancelBy::Operator, None, Some(claim("k", 2))).await;
    assert!(matches!(cancelled, Err(ServiceError::KeyReused)), "{cancelled:?}");
    house.settle(&case).await;
    assert_eq!(house.rest_of(case.saga_id).await, Status::Completed);
    super::given::assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn an_order_that_the_database_refuses_is_answered_and_leaves_no_saga() {
    let house = house();
    house.test.raw().refuse("saga_saga", "NEW.created_at >= 0", &[]);
    let case = Case::new(Provider::Simulated);
    let permit = house.actors.admission.enter();
    let place = PlaceOrder {
        saga_id: case.saga_id,
        checkout: case.checkout.clone(),
        claim: None,
        permit,
        rested: oneshot::channel().0,
    };
    let placed = house.coordinator().send(place).await.unwrap();
    assert!(matches!(placed, Err(StoreError::Refused(_))));
    assert!(house.test.facts().await.is_empty());
    assert_eq!(house.actors.admission.in_hand(), 0);
}

#[actix_web::test]
async fn so_many_sagas_are_followed_and_no_more_until_one_of_them_is_not() {
    let house = house();
    let saga = Case::new(Provider::Manual).saga_id;
    let mut followers: Vec<_> = std::iter::from_fn(|| house.service.follow(saga, 0).ok()).take(100_000).collect();
    assert_eq!(followers.len(), 1000);
    assert!(matches!(house.service.follow(saga, 0), Err(ServiceError::TooManyFollowers)));
    followers.pop();
    assert!(house.service.follow(saga, 0).is_ok());
}
