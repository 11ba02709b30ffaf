//! One bad saga is set aside, visibly, and no other notices.

use super::given::{House, assert_promises, house, status, success};
use crate::store::given::{Case, eventually};
use backstitch::{
    domain::{
        payment::Provider,
        saga::{CancelBy, Refused, Status},
        simulation::{Fault, Simulation},
    },
    service::ServiceError,
};
use std::time::Duration;

/// Waiting sagas of a house that has stopped, so that their rows can be spoilt.
async fn waiting(count: usize) -> (crate::store::given::TestStore, Vec<Case>) {
    let house = house();
    let cases: Vec<_> = (0..count).map(|_| Case::new(Provider::Manual)).collect();
    house.place_all(&cases).await;
    for case in &cases {
        eventually("it waits", async || status(&house.test.store, case.saga_id).await == Some(Status::Waiting)).await;
    }
    (house.stop_abruptly().await, cases)
}

async fn settle_all(house: &House, cases: &[Case]) {
    for case in cases {
        house.settle(case).await;
    }
}

#[actix_web::test]
async fn a_saga_whose_log_is_corrupt_needs_attention_while_others_go_on() {
    for corruption in [
        "UPDATE saga_log SET entry = 'not json' WHERE saga_id = ?1 AND seq > 0",
        "UPDATE saga_log SET seq = seq + 1 WHERE saga_id = ?1 AND seq > 0",
        "DELETE FROM saga_log WHERE saga_id = ?1",
        "DELETE FROM saga_log WHERE saga_id = ?1 AND seq = 0",
        "UPDATE saga_log SET entry = replace(entry, 'saga_started', 'saga_completed') WHERE saga_id = ?1",
        "UPDATE saga_saga SET reason = 'of a later release' WHERE id = ?1",
    ] {
        let (test, cases) = waiting(12).await;
        let bad = &cases[5];
        assert!(test.raw().execute(corruption, &[&bad.saga_id.uuid()]).unwrap() > 0, "{corruption}");
        let house = House::over(test);
        settle_all(&house, &cases).await;
        for case in &cases {
            let expected = if case.saga_id == bad.saga_id { "needs_attention" } else { "completed" };
            eventually(corruption, async || {
                let sql = "SELECT status FROM saga_saga WHERE id = ?1";
                house.test.raw().one::<String>(sql, &[&case.saga_id.uuid()]) == expected
            })
            .await;
        }
        let why = "SELECT attention FROM saga_saga WHERE status = 'needs_attention'";
        assert!(!house.test.raw().one::<String>(why, &[]).is_empty(), "{corruption}");
        let cancelled = house.service.cancel_saga(bad.saga_id, CancelBy::Operator, None, None).await;
        assert!(matches!(cancelled, Err(ServiceError::UnusableLog(_))), "{corruption}: {cancelled:?}");
    }
}

#[actix_web::test]
async fn a_saga_whose_row_of_a_participant_is_unreadable_is_set_aside_alone() {
    let (test, cases) = waiting(200).await;
    let bad = &cases[77];
    let spoil = "UPDATE order_order SET lines = '?' WHERE id = ?1";
    test.raw().execute(spoil, &[&bad.order_id().uuid()]).unwrap();
    let house = House::over(test);
    for case in &cases {
        let command = backstitch::domain::payment::PaymentCommand::Settle(success(case));
        house.test.store.payments.execute(vec![command.into()]).await.into_iter().for_each(|a| drop(a.unwrap()));
    }
    let rested = house.rest(&cases).await;
    for (case, status) in cases.iter().zip(rested) {
        let expected = if case.saga_id == bad.saga_id { Status::NeedsAttention } else { Status::Completed };
        assert_eq!(status, expected);
    }
    // A person mends it and has it tried again.
    let mend = "UPDATE order_order SET lines = (SELECT lines FROM order_order WHERE lines <> '?' LIMIT 1)";
    house.test.raw().execute(&format!("{mend} WHERE lines = '?'"), &[]).unwrap();
    house.service.retry_saga(bad.saga_id, Some("mended".into()), None).await.unwrap();
    eventually("it completes", async || status(&house.test.store, bad.saga_id).await == Some(Status::Completed)).await;
    assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn a_saga_whose_log_takes_no_more_entries_is_set_aside_instead_of_being_tried_for_ever() {
    let house = house();
    let (bad, good) = (Case::new(Provider::Simulated), Case::new(Provider::Simulated));
    house.test.raw().refuse("saga_log", "NEW.saga_id = ?1 AND NEW.seq > 0", &[&bad.saga_id.uuid()]);
    let placed = house.service.place_order(bad.saga_id, bad.checkout.clone(), None, Duration::ZERO);
    let (placed, ()) = futures::future::join(placed, house.place(&good)).await;
    assert!(placed.is_ok(), "the order itself exists: {placed:?}");
    assert_eq!(house.rest_of(good.saga_id).await, Status::Completed);
    assert_eq!(house.rest_of(bad.saga_id).await, Status::NeedsAttention);
    // Nothing that its log does not announce has happened.
    assert!(house.test.store.payments.payment_of(bad.order_id()).await.unwrap().is_none());
    house.test.raw().allow("saga_log");
    house.service.retry_saga(bad.saga_id, None, None).await.unwrap();
    eventually("it completes", async || status(&house.test.store, bad.saga_id).await == Some(Status::Completed)).await;
    assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn a_refused_wish_leaves_a_saga_that_is_set_aside_where_it_is() {
    let lost = crate::store::given::script(Some(Fault::ErrorOnce), 0);
    let (house, case) = (house(), Case::simulated(Simulation { shipping: lost, ..Simulation::default() }));
    house.place(&case).await;
    assert_eq!(house.rest_of(case.saga_id).await, Status::Completed);
    let test = house.stop_abruptly().await;
    // Set aside by its row alone, past its pivot.
    test.raw()
        .execute_batch(
            "DELETE FROM saga_log WHERE seq > (SELECT seq FROM saga_log WHERE entry LIKE '%step_started%complete_order%'); \
             UPDATE saga_saga SET status = 'needs_attention', attention = 'look here'",
        )
        .unwrap();
    let house = House::over(test);
    for _ in 0..2 {
        let cancelled = house.service.cancel_saga(case.saga_id, CancelBy::Operator, None, None).await;
        assert!(matches!(cancelled, Err(ServiceError::SagaRefused(Refused::PastPivot))), "{cancelled:?}");
        house.test.store.engine.settle().await.unwrap();
        assert_eq!(status(&house.test.store, case.saga_id).await, Some(Status::NeedsAttention));
    }
    house.service.retry_saga(case.saga_id, None, None).await.unwrap();
    eventually("it completes", async || status(&house.test.store, case.saga_id).await == Some(Status::Completed)).await;
    assert_promises(&house.test.facts().await);
}
