//! Retention: what ended long ago goes, in portions, and nothing else does.

use super::given::{Case, TestStore, at, claim, store, tell};
use crate::support::sqlite_only;
use backstitch::{
    domain::{
        checkout::Verb,
        ids::SagaId,
        payment::Provider,
        saga::{CancelBy, Outcome},
        time::Timestamp,
    },
    store::{Removed, SagaAnswer, SagaCommand, Stats, Store, StoreError},
};
use futures::future::join_all;

/// Runs the forward steps of a saga to its end.
async fn complete(store: &Store, case: &mut Case) {
    let mut events = Vec::new();
    for step in [Verb::CreateOrder, Verb::ProcessPayment, Verb::MarkOrderPaid, Verb::StartShipping, Verb::CompleteOrder]
    {
        events.extend(case.saga.outcome(step, Outcome::DONE, at(1), 0.0).unwrap());
    }
    tell(store, case.append(events, None)).await.unwrap();
}

/// A saga that has completed.
async fn completed(store: &Store) -> SagaId {
    let mut case = Case::new(Provider::Simulated);
    tell(store, case.start(None)).await.unwrap();
    complete(store, &mut case).await;
    case.saga_id
}

/// A saga that has been undone.
async fn compensated(store: &Store) -> SagaId {
    let mut case = Case::new(Provider::Manual);
    tell(store, case.start(None)).await.unwrap();
    let mut events = case.saga.outcome(Verb::CreateOrder, Outcome::DONE, at(1), 0.0).unwrap();
    events.extend(case.saga.cancel(CancelBy::Operator, None, at(1)).unwrap());
    for step in [Verb::RefundPayment, Verb::CancelOrder] {
        events.extend(case.saga.outcome(step, Outcome::DONE, at(1), 0.0).unwrap());
    }
    tell(store, case.append(events, None)).await.unwrap();
    case.saga_id
}

/// A saga under way.
async fn running(store: &Store) -> Case {
    let case = Case::new(Provider::Simulated);
    tell(store, case.start(None)).await.unwrap();
    case
}

async fn is_there(store: &Store, saga: SagaId) -> bool {
    let (row, log) = (store.sagas.saga(saga).await.unwrap(), store.sagas.saga_with_log(saga).await.unwrap());
    assert_eq!(row.is_some(), log.is_some(), "row and log go together");
    row.is_some()
}

async fn remove(test: &TestStore, before: Timestamp) -> Removed {
    test.store.engine.remove_sagas(before).await.unwrap()
}

/// Changes one saga's row behind the store's back.
fn set(test: &TestStore, saga: SagaId, what: &str) {
    let changed = test.raw().execute(&format!("UPDATE saga_saga SET {what} WHERE id = ?1"), &[&saga.uuid()]);
    assert_eq!(changed.unwrap(), 1, "{what}");
}

fn count(test: &TestStore, what: &str) -> i64 {
    test.raw().one(&format!("SELECT count(*) FROM {what}"), &[])
}

#[actix_web::test]
async fn sagas_that_ended_well_go_with_their_logs_and_all_others_stay() {
    let test = store();
    let gone = [completed(&test.store).await, compensated(&test.store).await, completed(&test.store).await];
    let under_way = running(&test.store).await.saga_id;
    let set_aside = running(&test.store).await.saga_id;
    tell(&test.store, SagaCommand::SetAside { saga_id: set_aside, why: "broken".into() }).await.unwrap();
    let ended_later = completed(&test.store).await;
    set(&test, ended_later, &format!("finished_at = {}", at(10).millis()));

    assert_eq!(remove(&test, at(5)).await, Removed { sagas: 3, more: false });

    for saga in gone {
        assert!(!is_there(&test.store, saga).await);
    }
    for saga in [under_way, set_aside, ended_later] {
        assert!(is_there(&test.store, saga).await);
    }
    assert_eq!(count(&test, "saga_log l WHERE NOT EXISTS (SELECT 1 FROM saga_saga s WHERE s.id = l.saga_id)"), 0);
}

#[actix_web::test]
async fn a_saga_is_as_old_as_its_end_to_the_millisecond() {
    let test = store();
    let saga = completed(&test.store).await;
    assert_eq!(remove(&test, at(0)).await.sagas, 0);
    assert_eq!(remove(&test, at(1)).await.sagas, 1);
    assert!(!is_there(&test.store, saga).await);
}

#[actix_web::test]
async fn what_is_removed_is_removed_for_good_and_counted_once() {
    let test = store();
    completed(&test.store).await;
    remove(&test, at(5)).await;
    let test = test.reopen().await;
    assert_eq!(remove(&test, at(6)).await, Removed::default());
    completed(&test.store).await;
    assert_eq!(remove(&test, at(5)).await.sagas, 1);
    let removed = test.raw().rows("SELECT ended_before, removed FROM saga_retention", &[]);
    assert_eq!(removed, [[Some(at(5).millis().to_string()), Some("2".to_owned())]]);
}

#[actix_web::test]
async fn a_saga_that_was_passed_over_goes_when_its_end_is_old_enough() {
    let test = store();
    let mut slow = running(&test.store).await;
    completed(&test.store).await;
    assert_eq!(remove(&test, at(5)).await.sagas, 1);
    complete(&test.store, &mut slow).await;
    // Seen under way now: that it ended can be old enough when now is.
    let now = backstitch::clock::now();
    set(&test, slow.saga_id, &format!("finished_at = {}", now.millis()));
    assert_eq!(remove(&test, at(6)).await.sagas, 0);
    assert!(is_there(&test.store, slow.saga_id).await);
    assert_eq!(remove(&test, now.plus_millis(60_000)).await.sagas, 1);
    assert!(!is_there(&test.store, slow.saga_id).await);
    assert_eq!(count(&test, "saga_passed_over"), 0);
}

#[actix_web::test]
async fn sagas_that_were_passed_over_are_not_looked_at_again_and_again() {
    let test = store();
    let mut starts = Vec::new();
    for _ in 0..250 {
        starts.push(Case::new(Provider::Manual).start(None));
    }
    test.store.sagas.execute(starts).await;
    for more in [true, true, false] {
        assert_eq!(remove(&test, at(5)).await, Removed { sagas: 0, more });
    }
    let before = Stats::get(&test.store.stats.statements);
    for later in 0..10 {
        assert_eq!(remove(&test, at(6 + later)).await, Removed::default());
    }
    let statements = Stats::get(&test.store.stats.statements) - before;
    assert!(statements <= 10 * 4, "{statements} statements to find nothing ten times");
}

#[actix_web::test]
async fn no_saga_goes_whose_key_is_still_remembered() {
    let test = store();
    let mut case = Case::new(Provider::Simulated);
    tell(&test.store, case.start(Some(claim("k", 1)))).await.unwrap();
    complete(&test.store, &mut case).await;
    let key = format!("UPDATE saga_idempotency SET created_at = {}", at(0).millis());
    test.raw().execute_batch(&key).unwrap();

    assert_eq!(remove(&test, at(5)).await, Removed::default());
    let again = Case::new(Provider::Simulated).start(Some(claim("k", 1)));
    assert!(matches!(tell(&test.store, again).await.unwrap(), SagaAnswer::Replayed { .. }));

    assert_eq!(test.store.engine.forget_keys(at(5)).await.unwrap(), 1);
    assert_eq!(remove(&test, at(5)).await.sagas, 1);
}

#[actix_web::test]
async fn many_go_in_portions() {
    let test = store();
    join_all((0..250).map(|_| completed(&test.store))).await;
    for (sagas, more) in [(100, true), (100, true), (50, false), (0, false)] {
        assert_eq!(remove(&test, at(5)).await, Removed { sagas, more });
    }
}

#[actix_web::test]
async fn a_removal_that_fails_on_its_way_removes_nothing() {
    let test = store();
    let [first, second] = [completed(&test.store).await, completed(&test.store).await];
    test.raw().guard("saga_saga", &second.uuid());

    assert!(matches!(test.store.engine.remove_sagas(at(5)).await, Err(StoreError::Refused(_))));

    for saga in [first, second] {
        let stored = test.store.sagas.saga_with_log(saga).await.unwrap().expect("both are there");
        assert!(stored.replay().is_ok(), "and whole");
    }
    test.raw().unguard("saga_saga");
    assert_eq!(remove(&test, at(5)).await.sagas, 2);
}

#[actix_web::test]
async fn the_file_does_not_grow_when_as_many_come_as_go() {
    if sqlite_only("PostgreSQL's files are its own business") {
        return;
    }
    let test = store();
    let mut pages = Vec::new();
    for _ in 0..5 {
        join_all((0..300).map(|_| completed(&test.store))).await;
        pages.push(test.raw().one::<i64>("PRAGMA page_count", &[]));
        while remove(&test, at(5)).await.more {}
    }
    assert!(pages[1..].iter().all(|later| *later <= pages[0] + 2), "{pages:?}");
}

#[actix_web::test]
async fn sagas_start_and_end_while_old_ones_are_removed() {
    let test = store();
    let old = join_all((0..600).map(|_| completed(&test.store))).await;
    let raw = test.raw();
    let aged = raw.execute("UPDATE saga_saga SET created_at = 1, finished_at = 2", &[]).unwrap();
    assert_eq!(aged, old.len());

    let removal = async {
        let mut removed = 0;
        while removed < 600 {
            removed += remove(&test, at(-1)).await.sagas;
        }
        removed
    };
    let placing = async {
        let mut placed = Vec::new();
        for _ in 0..40 {
            placed.extend(join_all((0..8).map(|_| completed(&test.store))).await);
        }
        placed
    };
    let (removed, placed) = tokio::join!(removal, placing);

    assert_eq!((removed, count(&test, "saga_saga")), (600, 320));
    for saga in placed {
        let stored = test.store.sagas.saga_with_log(saga).await.unwrap().expect("it is there");
        assert!(stored.replay().is_ok(), "and whole");
    }
    for saga in old {
        assert!(!is_there(&test.store, saga).await);
    }
}
