//! Opening and closing: one server to a file, everything handed over is run, nothing afterwards.

use super::given::{Case, decided, one, store};
use crate::support::sqlite_only;
use backstitch::{
    domain::{checkout::Verb, ids::SagaId, payment::Provider},
    store::{OpenError, SagaCommand, StoreError, sqlite},
};

#[actix_web::test]
async fn a_second_server_on_one_file_is_refused_until_the_first_has_gone() {
    if sqlite_only("a PostgreSQL database is there for several") {
        return;
    }
    let test = store();
    match test.second() {
        Err(OpenError::Sqlite(sqlite::OpenError::InUse(path))) => assert_eq!(path, test.path()),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("two servers on one file"),
    }
    let test = test.reopen().await;
    assert!(test.second().is_err());
}

#[actix_web::test]
async fn closing_runs_what_was_handed_over_and_refuses_what_comes_later() {
    let test = store();
    let (early, late) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    let handed_over = test.store.orders.execute(vec![early.order(Verb::CreateOrder).into()]);
    let closed = test.store.engine.close();
    let refused = test.store.orders.execute(vec![late.order(Verb::CreateOrder).into(); 3]).await;
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|answer| matches!(answer, Err(StoreError::Unavailable(_)))), "{refused:?}");
    decided(one(handed_over.await));
    closed.await;
    let load = test
        .store
        .sagas
        .execute(vec![SagaCommand::Load { saga_id: SagaId::from_uuid(uuid::Uuid::now_v7()), take: false }])
        .await;
    assert!(matches!(one(load), Err(StoreError::Unavailable(_))));
    assert!(matches!(test.store.engine.settle().await, Err(StoreError::Unavailable(_))));
    test.store.engine.close().await;
    let test = test.reopen().await;
    assert!(test.store.orders.order(early.order_id()).await.unwrap().is_some());
    assert!(test.store.orders.order(late.order_id()).await.unwrap().is_none());
    assert_eq!(test.fatal.reason(), None);
}

#[actix_web::test]
async fn an_answer_that_nobody_waits_for_is_stored_all_the_same() {
    let test = store();
    let case = Case::new(Provider::Manual);
    drop(test.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]));
    test.store.engine.settle().await.unwrap();
    assert!(test.store.orders.order(case.order_id()).await.unwrap().is_some());
}

#[actix_web::test]
async fn an_empty_batch_has_no_answers() {
    let test = store();
    assert!(test.store.orders.execute(vec![]).await.is_empty());
    assert!(test.store.sagas.execute(vec![]).await.is_empty());
}
