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

const CHANGES: usize = 300;

/// Cuts every connection to the test's database but its own, again and again until it is told to stop.
fn cut(depot: &Depot, over: &Arc<AtomicBool>) -> thread::JoinHandle<u32> {
    let crate::support::TestDatabase::Postgres(database) = &depot.test.database else { panic!("not on PostgreSQL") };
    let (session, over) = (database.another(), Arc::clone(over));
    thread::spawn(move || {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
                   AND application_name = 'backstitch'";
        let mut cuts = 0;
        while !over.load(Ordering::Relaxed) {
            session.run(sql).expect("a server that is there");
            cuts += 1;
            thread::sleep(Duration::from_millis(fastrand::u64(20..200)));
        }
        cuts
    })
}

#[actix_web::test]
async fn whatever_connections_are_lost_each_change_is_made_once() {
    let depot = depot_in(TestStore::on_postgres(), &[1]).await;
    let over = Arc::new(AtomicBool::new(false));
    let cuts = cut(&depot, &over);
    // None of them has a key: made twice, one would count twice.
    for _ in 0..CHANGES {
        let answers = futures::future::join_all((0..3).map(|_| depot.change(depot.receive(0, 1)))).await;
        for answer in answers {
            answer.expect("the connection comes back").expect("nothing forbids it");
        }
    }
    over.store(true, Ordering::Relaxed);
    let cuts = cuts.join().expect("it cuts to the end");
    assert!(cuts > 10, "{cuts} cuts");
    let on_hand: i64 = depot.test.raw().one("SELECT on_hand FROM stock_level", &[]);
    assert_eq!(on_hand, 1 + 3 * i64::try_from(CHANGES).unwrap());
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
