//! A row that this release cannot read poisons what is asked of it, and nothing else.

use super::given::{Case, TestStore, decided, one, script, store, tell};
use backstitch::{
    domain::{aggregate::Outgoing, checkout::Verb, ids::OrderId, payment::Provider, simulation::Simulation},
    store::{Keyed, OrderFilter, Page, SagaAnswer, SagaCommand, StoreError},
};

/// As a node of another release writes: whoever writes a row raises its version.
fn spoil(test: &TestStore, sql: &str, case: &Case) {
    assert_eq!(test.raw().execute(sql, &[&case.order_id().uuid()]).unwrap(), 1);
}

#[actix_web::test]
async fn an_unreadable_row_poisons_only_its_own_command() {
    let test = store();
    let cases: Vec<_> = (0..5).map(|_| Case::new(Provider::Manual)).collect();
    let batch = |verb: Verb| cases.iter().map(|case| Keyed::from(case.order(verb))).collect::<Vec<_>>();
    test.store.orders.execute(batch(Verb::CreateOrder)).await.into_iter().for_each(|answer| drop(decided(answer)));
    spoil(&test, "UPDATE order_order SET lines = 'not json', version = version + 1 WHERE id = ?1", &cases[2]);
    let answers = test.store.orders.execute(batch(Verb::MarkOrderPaid)).await;
    for (index, answer) in answers.into_iter().enumerate() {
        if index == 2 {
            assert!(matches!(answer, Err(StoreError::Poisoned(_))), "{answer:?}");
        } else {
            decided(answer);
        }
    }
    assert!(matches!(test.store.orders.order(cases[2].order_id()).await, Err(StoreError::Poisoned(_))));
}

#[actix_web::test]
async fn an_unreadable_row_is_left_out_of_lists_and_ends_no_page_early() {
    let test = store();
    let cases: Vec<_> = (0..6).map(|_| Case::new(Provider::Manual)).collect();
    let orders = cases.iter().map(|case| Keyed::from(case.order(Verb::CreateOrder))).collect();
    test.store.orders.execute(orders).await.into_iter().for_each(|answer| drop(decided(answer)));
    spoil(&test, "UPDATE order_order SET lines = 'not json' WHERE id = ?1", &cases[4]);
    let page = async |before: Option<OrderId>| {
        let page = test.store.orders.orders(OrderFilter::default(), Page { before, limit: 3 }).await.unwrap();
        page.into_iter().map(|order| order.id).collect::<Vec<_>>()
    };
    let first = page(None).await;
    assert_eq!(first, [5, 3, 2].map(|index: usize| cases[index].order_id()), "a full page, newest first");
    assert_eq!(page(first.last().copied()).await, [1, 0].map(|index: usize| cases[index].order_id()));
}

#[actix_web::test]
async fn an_unreadable_payment_does_not_hide_the_calls_of_all_others() {
    let test = store();
    let cases: Vec<_> = (0..7)
        .map(|_| {
            Case::simulated(Simulation { payment: script(None, 5), shipping: script(None, 5), ..Simulation::default() })
        })
        .collect();
    let payments = cases.iter().map(|case| case.payment(Verb::ProcessPayment).into()).collect();
    test.store.payments.execute(payments).await.into_iter().for_each(|answer| drop(decided(answer)));
    let shipments = cases.iter().map(|case| case.shipping(Verb::StartShipping).into()).collect();
    test.store.shipments.execute(shipments).await.into_iter().for_each(|answer| drop(decided(answer)));
    spoil(&test, "UPDATE payment_payment SET provider = 'of a later release' WHERE order_id = ?1", &cases[1]);
    spoil(&test, "UPDATE shipment_shipment SET script = '{' WHERE order_id = ?1", &cases[1]);
    let expected: Vec<OrderId> =
        cases.iter().enumerate().filter(|(index, _)| *index != 1).map(|(_, case)| case.order_id()).collect();
    let (mut payments, mut shipments): (Vec<OrderId>, Vec<OrderId>) = Default::default();
    for _ in 0..4 {
        let page = test.store.payments.outstanding_payments(payments.last().copied(), 2).await.unwrap();
        payments.extend(page.iter().map(Outgoing::order_id));
        let page = test.store.shipments.outstanding_shipping(shipments.last().copied(), 2).await.unwrap();
        shipments.extend(page.iter().map(Outgoing::order_id));
    }
    assert_eq!(payments, expected);
    assert_eq!(shipments, expected);
}

#[actix_web::test]
async fn a_saga_whose_row_cannot_be_read_is_poisoned_and_can_still_be_set_aside() {
    let test = store();
    let (bad, good) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    for case in [&bad, &good] {
        tell(&test.store, case.start(None)).await.unwrap();
    }
    spoil(&test, "UPDATE saga_saga SET reason = 'of a later release' WHERE order_id = ?1", &bad);
    let loads = [&bad, &good].map(|case| SagaCommand::Load { saga_id: case.saga_id, take: false }).into();
    let answers = test.store.sagas.execute(loads).await;
    assert!(matches!(answers[0], Err(StoreError::Poisoned(_))), "{:?}", answers[0]);
    assert!(matches!(&answers[1], Ok(SagaAnswer::Loaded(Some(_)))));
    tell(&test.store, SagaCommand::SetAside { saga_id: bad.saga_id, why: "unreadable".into() }).await.unwrap();
    assert_eq!(test.store.sagas.interrupted(None, 10).await.unwrap(), [good.saga_id]);
}

#[actix_web::test]
async fn a_payments_replay_of_an_unreadable_row_is_poisoned_too() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let keyed = || Keyed { command: case.payment(Verb::ProcessPayment), claim: Some(super::given::claim("k", 1)) };
    decided(one(test.store.payments.execute(vec![keyed()]).await));
    spoil(&test, "UPDATE payment_payment SET provider = 'of a later release' WHERE order_id = ?1", &case);
    let again = one(test.store.payments.execute(vec![keyed()]).await);
    assert!(matches!(again, Err(StoreError::Poisoned(_))), "{again:?}");
}
