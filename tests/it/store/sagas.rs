//! The saga log: started once, appended to by whoever knows its end, and found again by its row.

use super::given::{Case, at, random, store, tell};
use backstitch::{
    domain::{
        checkout::Verb,
        ids::SagaId,
        payment::Provider,
        saga::{CancelBy, Outcome, Status},
    },
    store::{SagaAnswer, SagaCommand, Store, StoreError},
};

async fn load(store: &Store, id: SagaId) -> Option<backstitch::store::StoredSaga> {
    match tell(store, SagaCommand::Load { saga_id: id, take: false }).await.unwrap() {
        SagaAnswer::Loaded(saga) => saga.map(|saga| *saga),
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn starting_the_same_saga_twice_is_already_started_and_changes_nothing() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let answers = test.store.sagas.execute(vec![case.start(None), case.start(None)]).await;
    assert!(matches!(answers[..], [Ok(SagaAnswer::Stored), Ok(SagaAnswer::AlreadyStarted)]), "{answers:?}");
    let test = test.reopen().await;
    assert!(matches!(tell(&test.store, case.start(None)).await, Ok(SagaAnswer::AlreadyStarted)));
    assert_eq!(load(&test.store, case.saga_id).await.unwrap().entries.len(), 1);
}

#[actix_web::test]
async fn a_second_saga_for_one_order_is_refused() {
    let test = store();
    let first = Case::new(Provider::Manual);
    let second = Case { saga_id: SagaId::from_uuid(uuid::Uuid::now_v7()), ..first.clone() };
    tell(&test.store, first.start(None)).await.unwrap();
    assert!(matches!(tell(&test.store, second.start(None)).await, Err(StoreError::Refused(_))));
    assert!(load(&test.store, second.saga_id).await.is_none());
}

#[actix_web::test]
async fn the_stored_log_replays_to_the_saga_that_wrote_it() {
    let test = store();
    let mut case = Case::new(Provider::Manual);
    tell(&test.store, case.start(None)).await.unwrap();
    let done = case.saga.outcome(Verb::CreateOrder, Outcome::DONE, at(1), 0.0).unwrap();
    tell(&test.store, case.append(done, None)).await.unwrap();
    let waits = case.saga.outcome(Verb::ProcessPayment, Outcome::Pending { until: Some(at(9)) }, at(2), 0.0).unwrap();
    tell(&test.store, case.append(waits, Some(at(9)))).await.unwrap();
    let test = test.reopen().await;
    let stored = load(&test.store, case.saga_id).await.unwrap();
    let replayed = stored.replay().unwrap();
    assert_eq!((replayed.events(), replayed.next()), (case.saga.events(), case.saga.next()));
    assert_eq!((stored.row.status, stored.row.wake_at), (Status::Waiting, Some(at(9))));
    assert_eq!(stored.row.waiting_for.as_deref(), Some("process_payment"));
    let read = test.store.sagas.saga_with_log(case.saga_id).await.unwrap().unwrap();
    assert_eq!((read.row, read.entries), (stored.row, stored.entries));
}

/// A saga that waits for its payment until `due`.
async fn waiting(store: &Store, due: i64) -> Case {
    let mut case = Case::new(Provider::Manual);
    let mut events = case.saga.outcome(Verb::CreateOrder, Outcome::DONE, at(1), 0.0).unwrap();
    events.extend(case.saga.outcome(Verb::ProcessPayment, Outcome::Pending { until: None }, at(2), 0.0).unwrap());
    tell(store, Case::new(Provider::Manual).start(None)).await.unwrap();
    tell(store, case.start(None)).await.unwrap();
    tell(store, case.append(events, Some(at(due)))).await.unwrap();
    case
}

#[actix_web::test]
async fn due_sagas_come_the_longest_due_first_and_with_the_time_of_the_next() {
    let test = store();
    let mut random = random();
    let mut dues: Vec<i64> = (0..20).map(|index| index * 10).collect();
    random.shuffle(&mut dues);
    let mut sagas = Vec::new();
    for due in dues {
        sagas.push((due, waiting(&test.store, due).await.saga_id));
    }
    sagas.sort_unstable();
    let due = test.store.sagas.due(at(95), 4).await.unwrap();
    assert_eq!(due.sagas, sagas[..4].iter().map(|(_, id)| *id).collect::<Vec<_>>());
    assert_eq!(due.next, Some(at(100)));
    let due = test.store.sagas.due(at(95), 100).await.unwrap();
    assert_eq!((due.sagas.len(), due.next), (10, Some(at(100))));
    let due = test.store.sagas.due(at(1_000), 100).await.unwrap();
    assert_eq!((due.sagas.len(), due.next), (20, None));
}

#[actix_web::test]
async fn parking_moves_the_time_of_an_unfinished_saga_and_wakes_no_finished_one() {
    let test = store();
    let parked = waiting(&test.store, 10).await;
    let mut ended = waiting(&test.store, 10).await;
    let mut events = ended.saga.cancel(CancelBy::Operator, None, at(3)).unwrap();
    for step in [Verb::RefundPayment, Verb::CancelOrder] {
        events.extend(ended.saga.outcome(step, Outcome::DONE, at(4), 0.0).unwrap());
    }
    tell(&test.store, ended.append(events, None)).await.unwrap();
    for case in [&parked, &ended] {
        tell(&test.store, SagaCommand::Park { saga_id: case.saga_id, wake_at: at(500) }).await.unwrap();
    }
    let due = test.store.sagas.due(at(499), 10).await.unwrap();
    assert_eq!((due.sagas, due.next), (vec![], Some(at(500))));
    let ended = test.store.sagas.saga(ended.saga_id).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.wake_at), (Status::Compensated, None));
    assert!(ended.finished_at.is_some());
}

#[actix_web::test]
async fn a_saga_in_hand_can_be_parked_so_that_no_wait_is_without_an_end() {
    let test = store();
    let case = Case::new(Provider::Manual);
    tell(&test.store, case.start(None)).await.unwrap();
    tell(&test.store, SagaCommand::Park { saga_id: case.saga_id, wake_at: at(500) }).await.unwrap();
    assert_eq!(test.store.sagas.due(at(500), 10).await.unwrap().sagas, [case.saga_id]);
}

#[actix_web::test]
async fn interrupted_sagas_are_those_in_hand_page_by_page() {
    let test = store();
    let mut in_hand = Vec::new();
    for _ in 0..7 {
        let case = Case::new(Provider::Manual);
        tell(&test.store, case.start(None)).await.unwrap();
        in_hand.push(case.saga_id);
    }
    let parked = waiting(&test.store, 10).await;
    let ordinary = test.store.sagas.interrupted(in_hand.last().copied(), 10).await.unwrap();
    in_hand.extend(ordinary);
    let mut seen: Vec<SagaId> = Vec::new();
    loop {
        let page = test.store.sagas.interrupted(seen.last().copied(), 3).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(seen, in_hand);
    assert!(!seen.contains(&parked.saga_id));
}

#[actix_web::test]
async fn interrupted_sees_what_was_handed_over_just_before() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let start = test.store.sagas.execute(vec![case.start(None)]);
    assert_eq!(test.store.sagas.interrupted(None, 10).await.unwrap(), [case.saga_id]);
    drop(start.await);
}

#[actix_web::test]
async fn a_saga_set_aside_rests_and_an_ended_one_stays_ended() {
    let test = store();
    let case = waiting(&test.store, 10).await;
    tell(&test.store, SagaCommand::SetAside { saga_id: case.saga_id, why: "broken".into() }).await.unwrap();
    let row = test.store.sagas.saga(case.saga_id).await.unwrap().unwrap();
    assert_eq!((row.status, row.attention.as_deref(), row.wake_at), (Status::NeedsAttention, Some("broken"), None));
    assert!(test.store.sagas.due(at(1_000), 10).await.unwrap().sagas.is_empty());

    let mut done = Case::new(Provider::Manual);
    tell(&test.store, done.start(None)).await.unwrap();
    let mut events = Vec::new();
    for step in [Verb::CreateOrder, Verb::ProcessPayment, Verb::MarkOrderPaid, Verb::StartShipping, Verb::CompleteOrder]
    {
        events.extend(done.saga.outcome(step, Outcome::DONE, at(1), 0.0).unwrap());
    }
    tell(&test.store, done.append(events, None)).await.unwrap();
    tell(&test.store, SagaCommand::SetAside { saga_id: done.saga_id, why: "no".into() }).await.unwrap();
    assert_eq!(test.store.sagas.saga(done.saga_id).await.unwrap().unwrap().status, Status::Completed);
}
