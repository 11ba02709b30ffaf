//! Many orders for few pieces: nothing is oversold, and nothing that is there is refused.

use super::given::{Buyer, depot, refused};
use crate::store::given::Held;
use backstitch::{
    domain::{reason::Reason, saga::Outcome},
    store::{StockReply, StockRequest},
};
use futures::future::join_all;

#[actix_web::test]
async fn of_two_orders_for_the_last_piece_one_has_it() {
    for _ in 0..20 {
        let depot = depot(&[1]).await;
        let buyers = [Buyer::new(), Buyer::new()];
        let outcomes = join_all(buyers.iter().map(|buyer| depot.outcome(buyer.reserve(&[depot.demand(1)])))).await;
        let had = outcomes.iter().zip(&buyers).filter(|(outcome, buyer)| **outcome == buyer.done()).count();
        let short = outcomes.iter().filter(|outcome| **outcome == refused(Reason::OutOfStock)).count();
        assert_eq!((had, short, depot.levels().await), (1, 1, vec![(1, 1)]));
    }
}

#[actix_web::test]
async fn of_256_orders_for_100_pieces_a_hundred_have_one_each() {
    let depot = depot(&[60, 40]).await;
    let buyers: Vec<_> = (0..256).map(|_| Buyer::new()).collect();
    let outcomes = join_all(buyers.iter().map(|buyer| depot.outcome(buyer.reserve(&[depot.demand(1)])))).await;
    let served: Vec<_> = buyers.iter().zip(&outcomes).filter(|(buyer, outcome)| **outcome == buyer.done()).collect();
    assert_eq!(served.len(), 100);
    let (_, short): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| **outcome != refused(Reason::OutOfStock));
    assert_eq!(short.len(), 156);
    join_all(served.iter().map(|(buyer, _)| depot.outcome(buyer.commit()))).await;
    assert_eq!(depot.levels().await, [(0, 0), (0, 0)]);
    assert!(depot.red().await.is_empty());
}

#[actix_web::test]
async fn goods_that_come_into_another_warehouse_serve_the_next_order() {
    let depot = depot(&[1, 0]).await;
    let buyers = [Buyer::new(), Buyer::new()];
    assert_eq!(depot.outcome(buyers[0].reserve(&[depot.demand(1)])).await, buyers[0].done());
    depot.change(depot.receive(1, 1)).await.unwrap().unwrap();
    assert_eq!(depot.outcome(buyers[1].reserve(&[depot.demand(1)])).await, buyers[1].done());
}

#[actix_web::test]
async fn later_commands_of_one_transaction_see_what_earlier_ones_took() {
    let depot = depot(&[3]).await;
    let buyers: Vec<_> = (0..5).map(|_| Buyer::new()).collect();
    let held = Held::hold(&depot.test);
    let requests = buyers.iter().map(|buyer| StockRequest::Step(buyer.reserve(&[depot.demand(1)])).into());
    let answers = depot.store().stock.execute(requests.collect());
    held.release();
    let served = answers.await.into_iter().filter(|answer| match answer {
        Ok(StockReply::Step(answer)) => matches!(answer.outcome, Outcome::Done { .. }),
        other => panic!("{other:?}"),
    });
    assert_eq!(served.count(), 3);
}

#[actix_web::test]
async fn a_transfer_and_an_order_never_have_the_same_piece() {
    for _ in 0..20 {
        let depot = depot(&[1, 0]).await;
        let buyer = Buyer::new();
        let (outcome, moved) = futures::future::join(
            depot.outcome(buyer.reserve(&[depot.demand(1)])),
            depot.change(depot.transfer([0, 1], 1)),
        )
        .await;
        // A piece that was moved first is reserved where it is by then.
        assert_eq!(outcome, buyer.done());
        let expected = if moved.unwrap().is_ok() { [(0, 0), (1, 1)] } else { [(1, 1), (0, 0)] };
        assert_eq!(depot.levels().await, expected);
        assert!(depot.red().await.is_empty());
    }
}
