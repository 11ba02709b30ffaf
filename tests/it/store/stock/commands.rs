//! Each command in its transaction: repeated, out of order, refused, poisoned, and after the process has
//! been started again.

use super::given::{Buyer, depot, refused};
use crate::store::given::{Case, claim, tell};
use backstitch::{
    domain::{
        checkout::Verb,
        payment::Provider,
        reason::Reason,
        saga::{Detail, Outcome},
        stock::{ReservationStatus, StockRefusal},
    },
    store::{StockRequest, StoreError},
};

#[actix_web::test]
async fn each_step_happens_once_however_often_it_is_sent() {
    let depot = depot(&[10]).await;
    let buyer = Buyer::new();
    for (command, levels, moved) in [
        (buyer.reserve(&[depot.demand(3)]), (10, 3), 2),
        (buyer.replace(1, &[depot.demand(4)]), (10, 4), 4),
        (buyer.commit(), (6, 0), 5),
        (buyer.release(), (10, 0), 6),
    ] {
        for _ in 0..3 {
            assert_eq!(depot.outcome(command.clone()).await, buyer.done(), "{command:?}");
            assert_eq!((depot.levels().await, depot.moved().await), (vec![levels], moved), "{command:?}");
        }
    }
    assert_eq!(depot.outcome(buyer.reserve(&[depot.demand(3)])).await, refused(Reason::StockClosed));
    assert!(depot.red().await.is_empty());
}

#[actix_web::test]
async fn a_release_before_its_reservation_closes_stock_for_the_order() {
    let depot = depot(&[10]).await;
    let buyer = Buyer::new();
    assert_eq!(depot.outcome(buyer.release()).await, buyer.done());
    for late in [buyer.reserve(&[depot.demand(3)]), buyer.commit(), buyer.replace(1, &[depot.demand(3)])] {
        assert_eq!(depot.outcome(late).await, refused(Reason::StockClosed));
    }
    assert_eq!(depot.levels().await, [(10, 0)]);
    let row = depot.store().stock.reservation_of(buyer.order_id).await.unwrap().unwrap();
    assert_eq!((row.status, row.saga_id), (ReservationStatus::Released, buyer.saga_id));
}

#[actix_web::test]
async fn what_was_reserved_is_known_after_the_process_has_started_again() {
    let mut depot = depot(&[10]).await;
    let buyer = Buyer::new();
    assert_eq!(depot.outcome(buyer.reserve(&[depot.demand(3)])).await, buyer.done());
    depot.test = depot.test.reopen().await;
    assert_eq!(depot.outcome(buyer.reserve(&[depot.demand(3)])).await, buyer.done());
    assert_eq!(depot.levels().await, [(10, 3)]);
    assert_eq!(depot.outcome(buyer.commit()).await, buyer.done());
    assert_eq!(depot.levels().await, [(7, 0)]);
}

#[actix_web::test]
async fn a_refusal_names_what_is_short_and_stores_nothing() {
    let depot = depot(&[2, 2]).await;
    let buyer = Buyer::new();
    let answer = depot.send(buyer.reserve(&[depot.demand(5)])).await.unwrap();
    let Outcome::Rejected { reason: Reason::OutOfStock, detail: Some(Detail::Shortages(short)) } = answer.outcome
    else {
        panic!("{answer:?}")
    };
    assert_eq!((short.len(), short[0].wanted.get(), short[0].available), (1, 5, 4));
    assert!(depot.store().stock.reservation_of(buyer.order_id).await.unwrap().is_none());
    assert_eq!(depot.moved().await, 2, "what was received");
}

#[actix_web::test]
async fn a_reservation_that_stands_is_answered_though_nothing_is_left() {
    let depot = depot(&[3]).await;
    let buyer = Buyer::new();
    for _ in 0..2 {
        assert_eq!(depot.outcome(buyer.reserve(&[depot.demand(3)])).await, buyer.done());
    }
    // Not from memory either.
    depot.test.raw().execute_batch("CREATE TABLE stranger (x text); DROP TABLE stranger").unwrap();
    assert_eq!(depot.outcome(buyer.reserve(&[depot.demand(3)])).await, buyer.done());
}

#[actix_web::test]
async fn an_order_is_served_by_the_fewest_warehouses_that_are_active() {
    let depot = depot(&[2, 5, 5]).await;
    depot.catalog.set_active("catalog_warehouse", depot.warehouses[1].uuid(), false);
    let buyer = Buyer::new();
    assert_eq!(depot.outcome(buyer.reserve(&[depot.demand(4)])).await, buyer.done());
    assert_eq!(depot.levels().await, [(2, 0), (5, 0), (5, 4)]);
    assert_eq!(depot.outcome(Buyer::new().reserve(&[depot.demand(4)])).await, refused(Reason::OutOfStock));
}

#[actix_web::test]
async fn a_deactivated_warehouse_keeps_what_it_promised() {
    let depot = depot(&[5]).await;
    let buyers = [Buyer::new(), Buyer::new()];
    for buyer in &buyers {
        assert_eq!(depot.outcome(buyer.reserve(&[depot.demand(2)])).await, buyer.done());
    }
    depot.catalog.set_active("catalog_warehouse", depot.warehouses[0].uuid(), false);
    assert_eq!(depot.outcome(buyers[0].commit()).await, buyers[0].done());
    assert_eq!(depot.outcome(buyers[1].release()).await, buyers[1].done());
    assert_eq!(depot.levels().await, [(3, 0)]);
}

#[actix_web::test]
async fn an_old_revision_stands_when_the_new_one_cannot_be_had() {
    let depot = depot(&[5]).await;
    let buyer = Buyer::new();
    depot.outcome(buyer.reserve(&[depot.demand(4)])).await;
    assert_eq!(depot.outcome(buyer.replace(1, &[depot.demand(6)])).await, refused(Reason::OutOfStock));
    let row = depot.store().stock.reservation_of(buyer.order_id).await.unwrap().unwrap();
    assert_eq!((row.revision, row.refused_revision, depot.levels().await), (0, 1, vec![(5, 4)]));
    assert_eq!(depot.outcome(buyer.replace(2, &[depot.demand(5)])).await, buyer.done());
    assert_eq!(depot.levels().await, [(5, 5)]);
}

#[actix_web::test]
async fn a_batch_that_meets_a_row_nobody_may_write_fails_that_command_alone() {
    let depot = depot(&[10]).await;
    let buyers = [Buyer::new(), Buyer::new(), Buyer::new()];
    depot.test.raw().refuse("stock_reservation", "NEW.order_id = ?1", &[&buyers[1].order_id.uuid()]);
    let commands = buyers.iter().map(|buyer| StockRequest::Step(buyer.reserve(&[depot.demand(2)])).into());
    let answers = depot.store().stock.execute(commands.collect()).await;
    let failed: Vec<_> = answers.iter().map(Result::is_err).collect();
    assert_eq!(failed, [false, true, false]);
    assert_eq!(depot.levels().await, [(10, 4)]);
    assert!(depot.red().await.is_empty());
}

#[actix_web::test]
async fn a_row_that_contradicts_its_level_poisons_its_own_order_alone() {
    let depot = depot(&[10]).await;
    let [bad, good] = [Buyer::new(), Buyer::new()];
    for buyer in [bad, good] {
        depot.outcome(buyer.reserve(&[depot.demand(2)])).await;
    }
    let spoil = "UPDATE stock_reservation SET items = replace(items, '\"quantity\":2', '\"quantity\":9') \
                 WHERE order_id = ?1";
    assert_eq!(depot.test.raw().execute(spoil, &[&bad.order_id.uuid()]).unwrap(), 1);
    assert!(matches!(depot.send(bad.commit()).await, Err(StoreError::Poisoned(_))));
    assert_eq!(depot.outcome(good.commit()).await, good.done());
    assert_eq!(depot.levels().await, [(8, 2)]);
}

#[actix_web::test]
async fn an_order_whose_log_was_lost_is_given_nothing() {
    let depot = depot(&[10]).await;
    let mut loser = Case::new(Provider::Simulated);
    let mut winner = loser.clone();
    tell(depot.store(), winner.start(None)).await.unwrap();
    let at = crate::store::given::at;
    let done = winner.saga.outcome(Verb::CreateOrder, Outcome::DONE, at(1), 0.0).unwrap();
    let unknown = loser.saga.outcome(Verb::CreateOrder, Outcome::unknown("lost"), at(1), 0.0).unwrap();
    tell(depot.store(), winner.append(done, None)).await.unwrap();
    assert!(tell(depot.store(), loser.append(unknown, None)).await.is_err());
    let buyer = Buyer { order_id: loser.order_id(), saga_id: loser.saga_id };
    let refused = depot.send(buyer.reserve(&[depot.demand(1)])).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert_eq!(depot.levels().await, [(10, 0)]);
}

#[actix_web::test]
async fn a_change_under_a_key_is_made_once_and_answers_with_the_stock_as_it_is() {
    let depot = depot(&[5, 0]).await;
    let receive = depot.receive(0, 3);
    for replayed in [false, true] {
        let answer = depot.change_under(receive.clone(), "delivery", 1).await.unwrap().unwrap();
        assert_eq!((answer.levels[0].on_hand(), answer.replayed), (8, replayed));
    }
    let first = depot.change_under(depot.transfer([0, 1], 2), "move", 2).await.unwrap().unwrap();
    let again = depot.change_under(depot.transfer([0, 1], 2), "move", 2).await.unwrap().unwrap();
    assert_eq!((first.transfer_id, again.replayed), (again.transfer_id, true));
    assert_eq!(depot.levels().await, [(6, 0), (2, 0)]);
    let reused = depot.change_under(receive, "delivery", 9).await;
    assert!(matches!(reused, Err(StoreError::KeyReused)), "{reused:?}");
}

#[actix_web::test]
async fn a_count_that_found_nothing_is_answered_the_same_when_it_is_sent_again() {
    let depot = depot(&[0]).await;
    for _ in 0..2 {
        let answer = depot.change_under(depot.adjust(0, 0, 0), "count", 1).await.unwrap().unwrap();
        let [level] = &answer.levels[..] else { panic!("{answer:?}") };
        assert_eq!((level.shelf, level.on_hand()), (depot.shelf(0), 0));
    }
    assert_eq!(depot.moved().await, 0);
}

#[actix_web::test]
async fn a_change_that_is_sent_again_after_a_crash_is_made_once_and_is_no_repeat() {
    let depot = depot(&[5]).await;
    let its_own = claim("delivery", 1);
    for (claim, replayed) in [(its_own.clone(), false), (its_own, false), (claim("delivery", 1), true)] {
        let answer = depot.change_claimed(depot.receive(0, 3), claim).await.unwrap().unwrap();
        assert_eq!((answer.levels[0].on_hand(), answer.replayed), (8, replayed));
    }
}

#[actix_web::test]
async fn a_refused_change_is_not_remembered() {
    let depot = depot(&[5]).await;
    let adjust = depot.adjust(0, 4, 3);
    let refused = depot.change_under(adjust.clone(), "count", 1).await.unwrap();
    assert_eq!(refused.unwrap_err(), StockRefusal::Changed { on_hand: 5, expected: 4 });
    depot.change(depot.adjust(0, 5, 4)).await.unwrap().unwrap();
    assert!(!depot.change_under(adjust, "count", 1).await.unwrap().unwrap().replayed);
    assert_eq!(depot.levels().await, [(3, 0)]);
}

#[actix_web::test]
async fn keys_are_forgotten_with_all_others() {
    let depot = depot(&[5]).await;
    let after_all = backstitch::domain::time::Timestamp::from_millis(i64::MAX);
    assert_eq!(depot.store().engine.forget_keys(after_all).await.unwrap(), 1);
}

#[actix_web::test]
async fn a_level_that_cannot_be_read_keeps_no_order_from_the_other_warehouses() {
    let depot = depot(&[5, 7]).await;
    depot.test.raw().unchecked("stock_level", "UPDATE stock_level SET on_hand = -1 WHERE on_hand = 5");
    let buyer = Buyer::new();
    assert_eq!(depot.outcome(buyer.reserve(&[depot.demand(3)])).await, buyer.done());
    assert_eq!(depot.levels().await, [(0, 0), (7, 3)], "the one that can be read is listed");
    assert_eq!(depot.outcome(buyer.commit()).await, buyer.done());
    assert_eq!(depot.red().await, ["levels_are_readable"]);
}
