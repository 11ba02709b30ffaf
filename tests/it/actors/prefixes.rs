//! Every prefix: a real saga's stored log cut at each of its entries, with everything else left as it
//! was, comes to the same end.

use super::given::{House, assert_promises, house, status};
use crate::store::{
    given::{Case, TestStore, script},
    stock::given::{Depot, depot},
};
use backstitch::domain::{
    payment::Provider,
    saga::{CancelBy, Status},
    simulation::{Fault, Simulation},
};

/// Copies of the database, each with one more of the log's last entries cut off.
async fn prefixes(test: &TestStore, case: &Case) -> Vec<TestStore> {
    let stored = test.store.sagas.saga_with_log(case.saga_id).await.unwrap().unwrap();
    let mut cuts = Vec::new();
    for (seq, _) in stored.entries.iter().skip(1) {
        let cut = test.copy();
        let raw = cut.raw();
        raw.execute("DELETE FROM saga_log WHERE seq >= ?1", &[&i64::from(*seq)]).unwrap();
        raw.execute(
            "UPDATE saga_saga SET status = 'running', waiting_for = NULL, reason = NULL, attention = NULL, \
             wake_at = NULL, finished_at = NULL",
            &[],
        )
        .unwrap();
        cuts.push(cut);
    }
    cuts
}

async fn every_prefix_ends_alike(name: &str, house: House, case: Case, end: Status) {
    assert_eq!(house.rest_of(case.saga_id).await, end, "{name}");
    let test = house.stop_abruptly().await;
    assert_promises(&test.facts().await);
    let cuts = prefixes(&test, &case).await;
    assert!(!cuts.is_empty(), "{name}");
    for (index, cut) in cuts.into_iter().enumerate() {
        let house = House::over(cut);
        assert_eq!(house.rest_of(case.saga_id).await, end, "{name}, cut {index}");
        assert_promises(&house.test.facts().await);
    }
}

#[actix_web::test]
async fn every_prefix_of_a_completed_saga_completes() {
    let scripts = [
        ("at once", Simulation::default()),
        ("lost answers", {
            Simulation {
                payment: script(Some(Fault::Timeout), 0),
                shipping: script(Some(Fault::ErrorOnce), 0),
                ..Simulation::default()
            }
        }),
        (
            "slow",
            Simulation { payment: script(None, 3), shipping: script(Some(Fault::Timeout), 3), ..Simulation::default() },
        ),
    ];
    for (name, simulate) in scripts {
        let (house, case) = (house(), Case::simulated(simulate));
        house.place(&case).await;
        every_prefix_ends_alike(name, house, case, Status::Completed).await;
    }
}

#[actix_web::test]
async fn every_prefix_of_a_compensated_saga_compensates() {
    let reject = script(Some(Fault::Reject), 0);
    let slow = script(Some(Fault::Reject), 3);
    let scripts = [
        ("declined", Simulation { payment: reject, ..Simulation::default() }),
        ("not shipped", Simulation { shipping: reject, ..Simulation::default() }),
        ("declined late", Simulation { payment: slow, ..Simulation::default() }),
        (
            "not shipped, refunded outside",
            Simulation { payment: script(None, 3), shipping: slow, ..Simulation::default() },
        ),
    ];
    for (name, simulate) in scripts {
        let (house, case) = (house(), Case::simulated(simulate));
        house.place(&case).await;
        every_prefix_ends_alike(name, house, case, Status::Compensated).await;
    }
}

/// On hand and reserved, over all warehouses.
fn stock(test: &TestStore) -> (i64, i64) {
    let sum = |column: &str| test.raw().one(&format!("SELECT sum({column}) FROM stock_level"), &[]);
    (sum("on_hand"), sum("reserved"))
}

#[actix_web::test]
async fn every_prefix_of_a_saga_that_takes_from_warehouses_ends_alike_and_conserves_stock() {
    let (reject, slow) = (script(Some(Fault::Reject), 0), script(None, 3));
    let plain = Simulation::default();
    for (name, pieces, simulate, end) in [
        ("from one", 2, plain, Status::Completed),
        ("from two", 4, plain, Status::Completed),
        ("from two, slow", 4, Simulation { payment: slow, shipping: slow, ..plain }, Status::Completed),
        (
            "the stock's actor panics",
            4,
            Simulation { stock: script(Some(Fault::Panic), 0), ..plain },
            Status::Completed,
        ),
        ("too many", 9, plain, Status::Compensated),
        ("declined", 4, Simulation { payment: reject, ..plain }, Status::Compensated),
        ("not shipped", 4, Simulation { shipping: reject, ..plain }, Status::Compensated),
    ] {
        let Depot { test, shop, variant, .. } = depot(&[3, 2]).await;
        let (house, case) = (House::over(test), Case::stocked(shop, variant, pieces, simulate));
        house.place(&case).await;
        assert_eq!(house.rest_of(case.saga_id).await, end, "{name}");
        let test = house.stop_abruptly().await;
        let left = if end == Status::Completed { (5 - pieces, 0) } else { (5, 0) };
        assert_eq!(stock(&test), left, "{name}");
        for (index, cut) in prefixes(&test, &case).await.into_iter().enumerate() {
            let house = House::over(cut);
            assert_eq!(house.rest_of(case.saga_id).await, end, "{name}, cut {index}");
            assert_promises(&house.test.facts().await);
            assert_eq!(stock(&house.test), left, "{name}, cut {index}");
        }
    }
}

#[actix_web::test]
async fn every_prefix_of_a_cancelled_saga_whose_payment_is_closed_compensates() {
    let (house, case) = (house(), Case::new(Provider::Manual));
    house.place(&case).await;
    house.service.cancel_saga(case.saga_id, CancelBy::Customer, None, None).await.unwrap();
    every_prefix_ends_alike("cancelled", house, case, Status::Compensated).await;
}

#[actix_web::test]
async fn a_saga_that_waits_although_its_row_says_otherwise_is_asked_again_all_the_same() {
    let (house, case) = (house(), Case::new(Provider::Manual));
    house.place(&case).await;
    crate::store::given::eventually("it waits", async || {
        status(&house.test.store, case.saga_id).await == Some(Status::Waiting)
    })
    .await;
    let test = house.stop_abruptly().await;
    test.raw().execute("UPDATE saga_saga SET status = 'running', wake_at = NULL", &[]).unwrap();
    let house = House::over(test);
    crate::store::given::eventually("it is parked", async || {
        house.test.store.sagas.saga(case.saga_id).await.unwrap().is_some_and(|row| row.wake_at.is_some())
    })
    .await;
}
