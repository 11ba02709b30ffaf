//! A command that the database refuses fails alone: the rest of its batch, and the batches of other
//! actors in the same transaction, are run again without it.

use super::given::{Case, Held, TestStore, decided, random, store};
use crate::support::Literal;
use backstitch::{
    domain::{
        checkout::Verb,
        payment::{PaymentStatus, Provider},
        simulation::{Fault, Script, Simulation},
    },
    store::{Keyed, SagaAnswer, Stats, StoreError},
};

/// Makes the database refuse to write rows of one order.
fn refuse(test: &TestStore, table: &str, key: &str, case: &Case) {
    test.raw().refuse(table, &format!("NEW.{key} = ?1"), &[&case.order_id().uuid()]);
}

#[actix_web::test]
async fn the_offender_alone_fails_and_the_rest_of_its_batch_succeeds() {
    let test = store();
    let cases: Vec<_> = (0..9).map(|_| Case::new(Provider::Manual)).collect();
    refuse(&test, "order_order", "id", &cases[4]);
    let batch = cases.iter().map(|case| Keyed::from(case.order(Verb::CreateOrder))).collect();
    let answers = test.store.orders.execute(batch).await;
    for (index, (case, answer)) in cases.iter().zip(answers).enumerate() {
        let stored = test.store.orders.order(case.order_id()).await.unwrap();
        if index == 4 {
            assert!(matches!(answer, Err(StoreError::Refused(_))), "{answer:?}");
            assert!(stored.is_none());
        } else {
            decided(answer);
            assert!(stored.is_some());
        }
    }
    assert_eq!(Stats::get(&test.store.stats.reruns), 1);
}

#[actix_web::test]
async fn batches_of_other_actors_in_the_same_transaction_succeed() {
    let test = store();
    let (bad, good) = (Case::new(Provider::Simulated), Case::new(Provider::Simulated));
    refuse(&test, "payment_movement", "order_id", &bad);
    let held = Held::hold(&test);
    let starts = test.store.sagas.execute(vec![bad.start(None), good.start(None)]);
    let orders = test.store.orders.execute([&bad, &good].map(|case| case.order(Verb::CreateOrder).into()).into());
    let payments =
        test.store.payments.execute([&bad, &good].map(|case| case.payment(Verb::ProcessPayment).into()).into());
    let shipments =
        test.store.shipments.execute([&bad, &good].map(|case| case.shipping(Verb::StartShipping).into()).into());
    held.release();
    assert!(starts.await.iter().all(|answer| matches!(answer, Ok(SagaAnswer::Stored))));
    orders.await.into_iter().for_each(|answer| drop(decided(answer)));
    let payments = payments.await;
    assert!(matches!(payments[0], Err(StoreError::Refused(_))), "{:?}", payments[0]);
    assert!(payments[1].is_ok());
    shipments.await.into_iter().for_each(|answer| drop(decided(answer)));
    // The row is written before the ledger: nothing of the refused command may be left.
    assert_eq!(test.store.payments.payment_of(bad.order_id()).await.unwrap(), None);
    let paid = test.store.payments.payment_of(good.order_id()).await.unwrap().unwrap();
    assert_eq!(paid.status, PaymentStatus::Paid);
}

#[actix_web::test]
async fn two_payments_under_one_id_collide_in_the_database_and_the_second_alone_fails() {
    let test = store();
    let first = Case::new(Provider::Manual);
    let mut second = Case::new(Provider::Manual);
    let third = Case::new(Provider::Manual);
    let mut checkout = (*second.checkout).clone();
    checkout.payment_id = first.checkout.payment_id;
    (second.saga, _) =
        backstitch::domain::checkout::begin(second.saga_id, std::sync::Arc::new(checkout), super::given::at(0));
    let batch = [&first, &second, &third].map(|case| case.payment(Verb::ProcessPayment).into()).into();
    let answers = test.store.payments.execute(batch).await;
    assert!(answers[0].is_ok() && answers[2].is_ok());
    assert!(matches!(answers[1], Err(StoreError::Refused(_))), "{:?}", answers[1]);
}

#[actix_web::test]
async fn whichever_commands_are_refused_everybody_else_is_served() {
    let mut random = random();
    for _ in 0..12 {
        let test = store();
        let simulate = |random: &mut fastrand::Rng| Simulation {
            stock: Script::default(),
            payment: super::given::script(random.bool().then_some(Fault::Timeout), 0),
            shipping: super::given::script(random.bool().then_some(Fault::Reject), 0),
        };
        let cases: Vec<_> = (0..10).map(|_| Case::simulated(simulate(&mut random))).collect();
        let mut bad: Vec<usize> = (0..cases.len()).collect();
        random.shuffle(&mut bad);
        bad.truncate(random.usize(1..4));
        let orders: Vec<_> = bad.iter().map(|index| cases[*index].order_id().uuid()).collect();
        let list: Vec<_> = (1..=orders.len()).map(|number| format!("?{number}")).collect();
        let orders: Vec<_> = orders.iter().map(|order| order as &dyn Literal).collect();
        test.raw().refuse("payment_payment", &format!("NEW.order_id IN ({})", list.join(", ")), &orders);
        let held = Held::hold(&test);
        let payments: Vec<_> = cases
            .chunks(random.usize(1..5))
            .map(|chunk| {
                let batch = chunk.iter().map(|case| case.payment(Verb::ProcessPayment).into()).collect();
                test.store.payments.execute(batch)
            })
            .collect();
        let shipments =
            test.store.shipments.execute(cases.iter().map(|case| case.shipping(Verb::StartShipping).into()).collect());
        held.release();
        let mut answers = Vec::new();
        for batch in payments {
            answers.extend(batch.await);
        }
        for (index, answer) in answers.iter().enumerate() {
            assert_eq!(answer.is_err(), bad.contains(&index), "{index}: {answer:?}");
        }
        assert!(shipments.await.iter().all(Result::is_ok));
    }
}
