//! Rows that a node has written lately: decided from without being read, shown without being read, and neither when
//! another node has written them since.

use crate::store::given::{Case, TestStore, at, claim, decided, eventually, one, tell};
use backstitch::{
    domain::{
        checkout::Verb,
        order::OrderStatus,
        payment::Provider,
        saga::{Outcome, Status},
    },
    store::{OrderRows, SagaAnswer, SagaCommand, Stats, StoreError},
};
use std::time::Instant;

fn two() -> (TestStore, TestStore) {
    let one = TestStore::on_postgres();
    let other = one.second().expect("a second node");
    (one, other)
}

async fn do_order(node: &TestStore, case: &Case, verb: Verb) -> Outcome {
    decided(one(node.store.orders.execute(vec![case.order(verb).into()]).await))
}

fn order_status(node: &TestStore, case: &Case) -> String {
    node.raw().one("SELECT status FROM order_order WHERE id = ?1", &[&case.order_id().uuid()])
}

/// An order of which this node has written everything, the end of its saga last.
async fn complete(node: &TestStore) -> Case {
    let mut case = Case::new(Provider::Simulated);
    tell(&node.store, case.start(None)).await.unwrap();
    do_order(node, &case, Verb::CreateOrder).await;
    decided(one(node.store.payments.execute(vec![case.payment(Verb::ProcessPayment).into()]).await));
    do_order(node, &case, Verb::MarkOrderPaid).await;
    decided(one(node.store.shipments.execute(vec![case.shipping(Verb::StartShipping).into()]).await));
    do_order(node, &case, Verb::CompleteOrder).await;
    for verb in [Verb::CreateOrder, Verb::ProcessPayment, Verb::MarkOrderPaid, Verb::StartShipping, Verb::CompleteOrder]
    {
        let events = case.saga.outcome(verb, Outcome::DONE, at(1), 0.0).unwrap();
        let append = case.append(events, None);
        assert!(matches!(tell(&node.store, append).await, Ok(SagaAnswer::Stored)));
    }
    case
}

fn shown(node: &TestStore, case: &Case, since: Instant) -> Option<OrderRows> {
    node.store.engine.order_since(case.order_id(), case.saga_id, since)
}

#[actix_web::test]
async fn what_another_node_has_written_since_is_what_is_decided_from() {
    let (a, b) = two();
    let case = Case::new(Provider::Simulated);
    do_order(&a, &case, Verb::CreateOrder).await;
    do_order(&b, &case, Verb::MarkOrderPaid).await;
    // It knows the order as it made it.
    assert!(matches!(do_order(&a, &case, Verb::CancelOrder).await, Outcome::Done { .. }));
    assert_eq!(order_status(&a, &case), OrderStatus::Cancelled.as_str());
    assert_eq!(a.raw().one::<i64>("SELECT version FROM order_order", &[]), 3, "one write is lost");
    assert_eq!(Stats::get(&a.store.stats.reruns), 1, "the first decision was not from what it knew");
}

#[actix_web::test]
async fn a_decision_that_changes_nothing_is_made_from_what_is_stored() {
    let (a, b) = two();
    let case = Case::new(Provider::Simulated);
    do_order(&a, &case, Verb::CreateOrder).await;
    do_order(&a, &case, Verb::MarkOrderPaid).await;
    do_order(&b, &case, Verb::CancelOrder).await;
    // By what it knows, that is done already.
    let answer = do_order(&a, &case, Verb::MarkOrderPaid).await;
    assert!(matches!(answer, Outcome::Rejected { .. }), "{answer:?}");
    assert_eq!(order_status(&a, &case), OrderStatus::Cancelled.as_str());
}

#[actix_web::test]
async fn decisions_that_change_nothing_are_made_sure_of_by_one_statement() {
    let (a, b) = two();
    let cases: Vec<_> = (0..4).map(|_| Case::new(Provider::Simulated)).collect();
    let create = || cases.iter().map(|case| case.order(Verb::CreateOrder).into()).collect();
    a.store.orders.execute(create()).await.into_iter().for_each(|made| drop(decided(made)));
    let sent = Stats::get(&a.store.stats.statements);
    for again in a.store.orders.execute(create()).await {
        assert!(matches!(decided(again), Outcome::Done { .. }));
    }
    assert_eq!(Stats::get(&a.store.stats.statements) - sent, 1);
    do_order(&b, &cases[2], Verb::CancelOrder).await;
    for (index, again) in a.store.orders.execute(create()).await.into_iter().enumerate() {
        assert_eq!(matches!(decided(again), Outcome::Rejected { .. }), index == 2, "order {index}");
    }
}

#[actix_web::test]
async fn two_commands_about_an_order_that_another_node_has_written_are_both_decided_from_that() {
    let (a, b) = two();
    let case = Case::new(Provider::Simulated);
    do_order(&a, &case, Verb::CreateOrder).await;
    do_order(&b, &case, Verb::MarkOrderPaid).await;
    let verbs = [Verb::MarkOrderPaid, Verb::CompleteOrder];
    for done in a.store.orders.execute(verbs.map(|verb| case.order(verb).into()).into()).await {
        assert!(matches!(decided(done), Outcome::Done { .. }));
    }
    assert_eq!(order_status(&a, &case), OrderStatus::Completed.as_str());
    assert_eq!(a.raw().one::<i64>("SELECT version FROM order_order", &[]), 3, "it was marked as paid once");
}

#[actix_web::test]
async fn who_sends_a_key_again_makes_nobody_forget_anything() {
    let a = TestStore::on_postgres();
    let (first, again) = (Case::new(Provider::Simulated), Case::new(Provider::Simulated));
    tell(&a.store, first.start(Some(claim("key", 1)))).await.unwrap();
    let asked = Instant::now();
    let case = complete(&a).await;
    let replayed = tell(&a.store, again.start(Some(claim("key", 1)))).await;
    assert!(matches!(replayed, Ok(SagaAnswer::Replayed { .. })), "{replayed:?}");
    assert!(shown(&a, &case, asked).is_some());
}

#[actix_web::test]
async fn a_key_that_was_used_on_another_node_is_found_and_nobody_else_is_failed_by_it() {
    let (a, b) = two();
    let (first, again, other) =
        (Case::new(Provider::Simulated), Case::new(Provider::Simulated), Case::new(Provider::Simulated));
    tell(&a.store, first.start(Some(claim("key", 1)))).await.unwrap();
    let answers =
        b.store.sagas.execute(vec![again.start(Some(claim("key", 1))), other.start(Some(claim("other", 1)))]).await;
    let [replayed, started] = <[_; 2]>::try_from(answers).expect("two answers");
    assert!(matches!(replayed, Ok(SagaAnswer::Replayed { saga_id, .. }) if saga_id == first.saga_id));
    assert!(matches!(started, Ok(SagaAnswer::Stored)));
    assert_eq!(tell(&b.store, again.start(Some(claim("key", 2)))).await.unwrap_err(), StoreError::KeyReused);
}

#[actix_web::test]
async fn who_waited_for_the_end_is_shown_what_was_written_meanwhile() {
    let (a, b) = two();
    let asked = Instant::now();
    let case = complete(&a).await;
    let rows = shown(&a, &case, asked).expect("all of it was written since");
    assert_eq!((rows.order.status, rows.saga.status), (OrderStatus::Completed, Status::Completed));
    assert_eq!(Some(rows.order), a.store.orders.order(case.order_id()).await.unwrap());
    assert_eq!(Some(rows.saga), a.store.sagas.saga(case.saga_id).await.unwrap());
    assert_eq!(Some(rows.payments.into_current()), a.store.payments.payment_of(case.order_id()).await.unwrap());
    assert_eq!(Some(rows.shipping), a.store.shipments.shipping_of(case.order_id()).await.unwrap());
    // Who asks now may have changed it on another node before.
    assert!(shown(&a, &case, Instant::now()).is_none());
    assert!(shown(&b, &case, asked).is_none());
}

#[actix_web::test]
async fn nothing_is_known_any_more_of_an_order_whose_saga_was_somebody_elses() {
    let (a, b) = two();
    let asked = Instant::now();
    let case = complete(&a).await;
    let take = |take| SagaCommand::Load { saga_id: case.saga_id, take };
    tell(&b.store, take(true)).await.unwrap();
    assert!(shown(&a, &case, asked).is_some(), "the others are not told");
    tell(&a.store, take(true)).await.unwrap();
    assert!(shown(&a, &case, asked).is_none());
}

#[actix_web::test]
async fn nothing_is_known_any_more_once_the_connection_was_lost() {
    let a = TestStore::on_postgres();
    let asked = Instant::now();
    let case = complete(&a).await;
    assert!(shown(&a, &case, asked).is_some());
    let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert!(a.raw().one::<i64>(cut, &[]) > 0);
    eventually("it has noticed", async || {
        let _ = a.store.engine.settle().await;
        shown(&a, &case, asked).is_none()
    })
    .await;
    assert!(matches!(do_order(&a, &case, Verb::CompleteOrder).await, Outcome::Done { .. }));
}
