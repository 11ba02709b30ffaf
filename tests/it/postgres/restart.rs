//! A PostgreSQL that is stopped at once, as by a power cut, and comes back; and one that commits without saying so.

use crate::{
    store::given::{Case, claim, decided, eventually, one, tell},
    support::{Cluster, Session, database},
};
use backstitch::{
    domain::{checkout::Verb, payment::Provider},
    lifecycle::Fatal,
    store::{self, SagaAnswer, StoreError},
};
use tokio_postgres::SimpleQueryMessage;

#[actix_web::test]
async fn what_was_acknowledged_before_a_crash_of_postgresql_is_there_after_it_and_work_goes_on() {
    let mut cluster = Cluster::start();
    let store = store::open(&database(&cluster.url("postgres"), &[]), &Fatal::default()).expect("a new database");
    let (before, after) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    decided(one(store.orders.execute(vec![before.order(Verb::CreateOrder).into()]).await));

    cluster.kill();
    cluster.restart();

    eventually("it takes writes again", async || store.engine.settle().await.is_ok()).await;
    decided(one(store.orders.execute(vec![after.order(Verb::CreateOrder).into()]).await));
    for case in [&before, &after] {
        assert!(store.orders.order(case.order_id()).await.expect("an answer").is_some());
    }
    store.engine.close().await;
}

/// Hands work over while COMMIT is durable and not answered, since it waits for a standby that nobody has; and then
/// loses the connection over which it was sent.
async fn with_lost_answer<F: Future>(cluster: &Cluster, work: impl FnOnce() -> F) -> F::Output {
    let session = Session::open(&cluster.url("postgres"));
    let standbys = |names: &str| {
        for sql in [&format!("ALTER SYSTEM SET synchronous_standby_names = '{names}'"), "SELECT pg_reload_conf()"] {
            session.run(sql).expect("the owner may");
        }
    };
    let finds = |sql: &str| {
        let found = session.run(sql).expect("the owner may");
        found.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_)))
    };
    standbys("nobody");
    // The node renews its lease all the time.
    eventually("commits wait", async || finds("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'")).await;
    let mut work = std::pin::pin!(work());
    // A renewal that waits keeps the node's row from everybody.
    let cut = |which: &str| {
        finds(&format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query {which} 'COMMIT'"
        ))
    };
    tokio::select! {
        () = eventually("the commit waits and is cut", async || {
            let is_cut = cut("=");
            cut("<>");
            is_cut
        }) => {}
        _ = &mut work => panic!("a commit is answered that waits for a standby"),
    }
    standbys("");
    work.await
}

#[actix_web::test]
async fn what_a_transaction_cuts_off_stays_cut_off_when_only_its_answer_is_lost() {
    let cluster = Cluster::start();
    let store = store::open(&database(&cluster.url("postgres"), &[]), &Fatal::default()).expect("a new database");
    let [first, second, other] = [(); 3].map(|()| Case::new(Provider::Manual));
    let key = |key: &str| Some(claim(key, 1));
    tell(&store, first.start(key("one"))).await.expect("nobody has the key");

    // The second request has the first one's key; beside it something is written.
    let commands = vec![second.start(key("one")), other.start(key("another"))];
    let answers = with_lost_answer(&cluster, || store.sagas.execute(commands)).await;

    let [Ok(SagaAnswer::Replayed { order_id, .. }), Ok(SagaAnswer::Stored)] = &answers[..] else {
        panic!("{answers:?}")
    };
    assert_eq!(*order_id, first.order_id());
    let created = one(store.orders.execute(vec![second.order(Verb::CreateOrder).into()]).await);
    assert!(matches!(created, Err(StoreError::Unavailable(_))), "an order without a saga: {created:?}");
    store.engine.close().await;
}
