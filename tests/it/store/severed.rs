//! An append is a compare-and-set; who loses it may do nothing more for the order until the saga has
//! been loaded again.

use super::given::{Case, Held, at, claim, one, store, tell};
use backstitch::{
    domain::{checkout::Verb, payment::Provider, saga::Outcome},
    store::{SagaAnswer, SagaCommand, StoreError},
};

/// Two drivers that believe the same of one saga.
fn rivals() -> (Case, Case) {
    let case = Case::new(Provider::Simulated);
    (case.clone(), case)
}

#[actix_web::test]
async fn the_loser_of_an_append_gets_a_conflict_and_its_actions_are_refused_until_it_has_loaded() {
    let test = store();
    let (mut winner, mut loser) = rivals();
    tell(&test.store, winner.start(None)).await.unwrap();
    let done = winner.saga.outcome(Verb::CreateOrder, Outcome::DONE, at(1), 0.0).unwrap();
    let unknown = loser.saga.outcome(Verb::CreateOrder, Outcome::unknown("lost"), at(1), 0.0).unwrap();
    tell(&test.store, winner.append(done, None)).await.unwrap();
    assert_eq!(tell(&test.store, loser.append(unknown, None)).await.unwrap_err(), StoreError::Conflict);

    let again = loser.saga.wake(at(1_000_000)).unwrap();
    let confirmed = tell(&test.store, SagaCommand::Confirm(loser.order_id())).await.map(drop);
    let refused = [
        // Whoever asks so does not drive the saga, and what its driver believes stays refused.
        confirmed,
        tell(&test.store, loser.append(again, None)).await.map(drop),
        one(test.store.orders.execute(vec![loser.order(Verb::CreateOrder).into()]).await).map(drop),
        one(test.store.payments.execute(vec![loser.payment(Verb::ProcessPayment).into()]).await).map(drop),
        one(test.store.shipments.execute(vec![loser.shipping(Verb::StartShipping).into()]).await).map(drop),
    ];
    for answer in refused {
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    assert!(test.store.orders.order(loser.order_id()).await.unwrap().is_none());
    // Other orders are none of its business.
    let other = Case::new(Provider::Simulated);
    one(test.store.orders.execute(vec![other.order(Verb::CreateOrder).into()]).await).unwrap();

    tell(&test.store, SagaCommand::Load { saga_id: loser.saga_id, take: false }).await.unwrap();
    assert!(matches!(tell(&test.store, SagaCommand::Confirm(loser.order_id())).await, Ok(SagaAnswer::Stored)));
    one(test.store.orders.execute(vec![loser.order(Verb::CreateOrder).into()]).await).unwrap();
    let paid = winner.saga.outcome(Verb::ProcessPayment, Outcome::DONE, at(2), 0.0).unwrap();
    assert!(matches!(tell(&test.store, winner.append(paid, None)).await, Ok(SagaAnswer::Stored)));
}

#[actix_web::test]
async fn an_append_that_is_refused_takes_along_the_action_that_it_announced() {
    let test = store();
    let mut case = Case::new(Provider::Simulated);
    tell(&test.store, case.start(None)).await.unwrap();
    test.raw().refuse("saga_log", "NEW.seq > 0", &[]);
    let held = Held::hold(&test);
    let done = case.saga.outcome(Verb::CreateOrder, Outcome::DONE, at(1), 0.0).unwrap();
    let append = test.store.sagas.execute(vec![case.append(done, None)]);
    let action = test.store.payments.execute(vec![case.payment(Verb::ProcessPayment).into()]);
    held.release();
    assert!(matches!(one(append.await), Err(StoreError::Refused(_))));
    assert!(matches!(one(action.await), Err(StoreError::Unavailable(_))));
    assert!(test.store.payments.payment_of(case.order_id()).await.unwrap().is_none());
}

#[actix_web::test]
async fn the_first_action_behind_a_start_that_is_not_stored_is_refused_until_the_order_is_abandoned() {
    let test = store();
    let first = Case::new(Provider::Simulated);
    tell(&test.store, first.start(Some(claim("used", 1)))).await.unwrap();
    for (body, replayed) in [(1, true), (2, false)] {
        let second = Case::new(Provider::Simulated);
        let held = Held::hold(&test);
        let start = test.store.sagas.execute(vec![second.start(Some(claim("used", body)))]);
        let action = test.store.orders.execute(vec![second.order(Verb::CreateOrder).into()]);
        held.release();
        match one(start.await) {
            Ok(SagaAnswer::Replayed { saga_id, .. }) => assert!(replayed && saga_id == first.saga_id),
            Err(StoreError::KeyReused) => assert!(!replayed),
            other => panic!("{other:?}"),
        }
        assert!(matches!(one(action.await), Err(StoreError::Unavailable(_))));
        // Another start of the same saga, abandoned later than the first.
        tell(&test.store, second.start(Some(claim("used", body)))).await.map(drop).unwrap_or_default();
        tell(&test.store, SagaCommand::Abandon(second.order_id())).await.unwrap();
        // Sent again by whoever has not heard of the first answer.
        let again = one(test.store.orders.execute(vec![second.order(Verb::CreateOrder).into()]).await);
        assert!(matches!(again, Err(StoreError::Unavailable(_))), "{again:?}");
        assert!(test.store.orders.order(second.order_id()).await.unwrap().is_none());
        tell(&test.store, SagaCommand::Abandon(second.order_id())).await.unwrap();
        one(test.store.orders.execute(vec![second.order(Verb::CreateOrder).into()]).await).unwrap();
    }
}

#[actix_web::test]
async fn a_batch_that_is_run_again_cuts_an_order_off_once() {
    let test = store();
    let case = Case::new(Provider::Simulated);
    test.raw().refuse("saga_saga", "NEW.created_at >= 0", &[]);
    let refused = tell(&test.store, case.start(None)).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    let action = || test.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]);
    assert!(matches!(one(action().await), Err(StoreError::Unavailable(_))));
    tell(&test.store, SagaCommand::Abandon(case.order_id())).await.unwrap();
    one(action().await).unwrap();
}

#[actix_web::test]
async fn a_start_that_is_sent_again_after_a_crash_keeps_nothing_out() {
    let test = store();
    for key in [None, Some(claim("k", 1))] {
        let case = Case::new(Provider::Simulated);
        tell(&test.store, case.start(key.clone())).await.unwrap();
        assert!(matches!(tell(&test.store, case.start(key)).await, Ok(SagaAnswer::AlreadyStarted)));
        one(test.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]).await).unwrap();
    }
}

#[actix_web::test]
async fn an_append_under_a_used_key_is_not_made_and_neither_is_what_follows_from_it() {
    let test = store();
    let mut case = Case::new(Provider::Simulated);
    tell(&test.store, case.start(None)).await.unwrap();
    tell(&test.store, Case::new(Provider::Manual).start(Some(claim("used", 1)))).await.unwrap();
    for (body, replayed) in [(1, true), (2, false)] {
        let before = case.clone();
        let turned = case.saga.cancel(backstitch::domain::saga::CancelBy::Operator, None, at(1)).unwrap();
        let SagaCommand::Append(mut append) = case.append(turned, None) else { panic!("an append") };
        append.claim = Some(claim("used", body));
        match tell(&test.store, SagaCommand::Append(append)).await {
            Ok(SagaAnswer::Replayed { .. }) => assert!(replayed),
            Err(StoreError::KeyReused) => assert!(!replayed),
            other => panic!("{other:?}"),
        }
        let undo = one(test.store.payments.execute(vec![case.payment(Verb::RefundPayment).into()]).await);
        assert!(matches!(undo, Err(StoreError::Unavailable(_))), "{undo:?}");
        tell(&test.store, SagaCommand::Load { saga_id: case.saga_id, take: false }).await.unwrap();
        case = before;
    }
    let action = one(test.store.payments.execute(vec![case.payment(Verb::ProcessPayment).into()]).await);
    assert!(action.is_ok(), "{action:?}");
}
