//! A PostgreSQL that is stopped at once, as by a power cut, and comes back.

use crate::{
    store::given::{Case, decided, eventually, one},
    support::{Cluster, database},
};
use backstitch::{
    domain::{checkout::Verb, payment::Provider},
    lifecycle::Fatal,
    store,
};

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
