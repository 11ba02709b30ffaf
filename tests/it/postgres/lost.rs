//! Connections that are lost while they write: what is answered is made once, what is not may be asked again.

use crate::store::{
    given::TestStore,
    stock::given::{Depot, depot_in},
};
use backstitch::store::StoreError;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

const CUTS: u32 = 40;

/// Cuts every connection of the store, again and again until it has done so often enough; whether it has.
fn cut(depot: &Depot) -> Arc<AtomicBool> {
    let crate::support::TestDatabase::Postgres(database) = &depot.test.database else { panic!("not on PostgreSQL") };
    let (session, enough) = (database.another(), Arc::new(AtomicBool::new(false)));
    let over = Arc::clone(&enough);
    thread::spawn(move || {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'backstitch'";
        for _ in 0..CUTS {
            session.run(sql).expect("a server that is there");
            thread::sleep(Duration::from_millis(fastrand::u64(20..200)));
        }
        over.store(true, Ordering::Relaxed);
    });
    enough
}

#[actix_web::test]
async fn whatever_connections_are_lost_each_change_is_made_once() {
    let depot = depot_in(TestStore::on_postgres(), &[1]).await;
    let enough = cut(&depot);
    let mut made = 0;
    // None of them has a key: made twice, one would count twice.
    while !enough.load(Ordering::Relaxed) {
        let answers = futures::future::join_all((0..3).map(|_| depot.change(depot.receive(0, 1)))).await;
        for answer in answers {
            answer.expect("the connection comes back").expect("nothing forbids it");
            made += 1;
        }
    }
    let on_hand: i64 = depot.test.raw().one("SELECT on_hand FROM stock_level", &[]);
    assert_eq!(on_hand, 1 + made);
    let moved: i64 = depot.test.raw().one("SELECT count(*) FROM stock_movement", &[]);
    assert_eq!(moved, on_hand);
}

#[actix_web::test]
async fn a_database_that_stays_away_fails_what_waits_for_it_and_serves_again_when_it_is_back() {
    let depot = depot_in(TestStore::on_postgres(), &[1]).await;
    let crate::support::TestDatabase::Postgres(database) = &depot.test.database else { panic!("not on PostgreSQL") };
    let name = &database.name;
    crate::support::Server::shared().run(&format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    ));
    let answer = depot.change(depot.receive(0, 1)).await;
    assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    crate::support::Server::shared().run(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    depot.change(depot.receive(0, 1)).await.expect("it is back").expect("nothing forbids it");
    assert_eq!(depot.test.fatal.reason(), None);
}
