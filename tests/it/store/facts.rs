//! Facts: every owner's view of every order, merged by the order's id.

use super::given::{Case, store, tell};
use backstitch::{
    domain::{checkout::Verb, payment::Provider},
    store::open_facts,
};
use std::ops::ControlFlow;

#[actix_web::test]
async fn a_visit_merges_what_the_owners_know_by_order() {
    let test = store();
    let cases: Vec<_> = (0..6).map(|_| Case::new(Provider::Simulated)).collect();
    let [all, order, payment, shipment, saga, nobody] = &cases[..] else { panic!("six cases") };
    for case in [all, order] {
        drop(test.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]).await);
    }
    for case in [all, payment] {
        drop(test.store.payments.execute(vec![case.payment(Verb::ProcessPayment).into()]).await);
    }
    for case in [all, shipment] {
        drop(test.store.shipments.execute(vec![case.shipping(Verb::StartShipping).into()]).await);
    }
    for case in [all, saga] {
        tell(&test.store, case.start(None)).await.unwrap();
    }
    let facts = test.facts().await;
    let has = |case: &Case| {
        facts.iter().find(|facts| facts.order_id == case.order_id()).map(|facts| {
            let payment = facts.payment.as_ref().map(|payment| payment.movements.len());
            (facts.order.is_some(), payment, facts.shipping.is_some(), facts.saga.is_some())
        })
    };
    assert_eq!(has(all), Some((true, Some(1), true, true)));
    assert_eq!(has(order), Some((true, None, false, false)));
    assert_eq!(has(payment), Some((false, Some(1), false, false)));
    assert_eq!(has(shipment), Some((false, None, true, false)));
    assert_eq!(has(saga), Some((false, None, false, true)));
    assert_eq!(has(nobody), None);
    assert!(facts.is_sorted_by_key(|facts| facts.order_id));
}

#[actix_web::test]
async fn an_unreadable_row_is_a_fact_and_hides_no_other() {
    let test = store();
    let cases: Vec<_> = (0..3).map(|_| Case::new(Provider::Simulated)).collect();
    for case in &cases {
        tell(&test.store, case.start(None)).await.unwrap();
        drop(test.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]).await);
        drop(test.store.payments.execute(vec![case.payment(Verb::ProcessPayment).into()]).await);
    }
    let id = cases[1].order_id();
    for sql in [
        "UPDATE order_order SET lines = '?' WHERE id = ?1",
        "UPDATE payment_payment SET provider = '?' WHERE order_id = ?1",
        "UPDATE saga_saga SET reason = '?' WHERE order_id = ?1",
    ] {
        test.raw().execute(sql, &[&id.uuid()]).unwrap();
    }
    // Beside the server, as `backstitch audit` reads it.
    let beside = open_facts(&test.database.with(&[])).unwrap();
    let count = std::sync::Arc::new(std::sync::Mutex::new(0));
    let counted = std::sync::Arc::clone(&count);
    let visit = move |_| {
        *counted.lock().unwrap() += 1;
        ControlFlow::Continue(())
    };
    beside.visit(Box::new(visit)).await.unwrap();
    assert_eq!(*count.lock().unwrap(), 3);
    for facts in test.facts().await {
        let bad = facts.order_id == id;
        assert_eq!(facts.order.unwrap().is_err(), bad);
        assert_eq!(facts.payment.unwrap().payments.unwrap().is_err(), bad);
        assert_eq!(facts.saga.unwrap().is_err(), bad);
    }
}
