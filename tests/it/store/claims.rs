//! Idempotency keys: remembered with the command that they were sent under, in the same transaction,
//! and forgotten when they are old.

use super::given::{Case, TOTAL, claim, decided, one, store, tell};
use backstitch::{
    domain::{
        ids::PaymentId,
        money::{Amount, Currency},
        order::OrderStatus,
        payment::{OpenPayment, Payable, Payment, PaymentCommand, PaymentStatus, Provider},
        time::Timestamp,
    },
    store::{Executed, Keyed, SagaAnswer, StoreError},
};

fn open(case: &Case, amount: i64, key: &str, body: u8) -> Keyed<PaymentCommand> {
    let order = Payable {
        order_id: case.order_id(),
        total: Some(case.checkout.basket.total()),
        currency: Currency::Idr,
        payer: None,
        status: OrderStatus::Pending,
    };
    let payment_id = PaymentId::from_uuid(uuid::Uuid::now_v7());
    let amount = Amount::parse(amount).unwrap();
    let command = PaymentCommand::Open(OpenPayment { order, payment_id, amount, provider: Provider::Manual });
    Keyed { command, claim: Some(claim(key, body)) }
}

#[actix_web::test]
async fn a_repeated_key_is_answered_with_the_row_as_it_is_now() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let first = decided(one(test.store.payments.execute(vec![open(&case, TOTAL, "k", 1)]).await));
    let (payment, opened) = first.result.unwrap();
    assert!(opened);
    let settle = PaymentCommand::Settle(backstitch::domain::payment::SettlePayment::trusted(
        case.order_id(),
        payment.id,
        backstitch::domain::payment::Settlement::Success,
    ));
    decided(one(test.store.payments.execute(vec![settle.into()]).await));
    let test = test.reopen().await;
    match one(test.store.payments.execute(vec![open(&case, TOTAL, "k", 1)]).await).unwrap() {
        Executed::Replayed { rows: Some(payments), .. } => {
            let Payment { id, status, .. } = payments.into_current();
            assert_eq!((id, status), (payment.id, PaymentStatus::Paid));
        }
        other => panic!("{other:?}"),
    }
}

#[actix_web::test]
async fn the_same_key_twice_in_one_batch_is_replayed_and_with_another_body_refused() {
    let test = store();
    let (case, other) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    let batch = vec![open(&case, TOTAL, "k", 1), open(&case, TOTAL, "k", 1), open(&other, TOTAL, "k", 2)];
    let answers = test.store.payments.execute(batch).await;
    assert!(matches!(&answers[0], Ok(Executed::Decided(_))));
    assert!(matches!(&answers[1], Ok(Executed::Replayed { rows: Some(_), .. })));
    assert!(matches!(&answers[2], Err(StoreError::KeyReused)));
    assert!(test.store.payments.payment_of(other.order_id()).await.unwrap().is_none());
}

#[actix_web::test]
async fn a_refused_request_is_not_remembered() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let refused = decided(one(test.store.payments.execute(vec![open(&case, TOTAL - 1, "k", 1)]).await));
    assert!(refused.result.is_err());
    let accepted = decided(one(test.store.payments.execute(vec![open(&case, TOTAL, "k", 2)]).await));
    assert!(accepted.result.is_ok());
}

#[actix_web::test]
async fn a_saga_under_a_used_key_is_not_started() {
    let test = store();
    let (first, second) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    let batch = vec![
        first.start(Some(claim("k", 1))),
        second.start(Some(claim("k", 1))),
        second.start(Some(claim("k", 2))),
        first.start(Some(claim("k", 1))),
    ];
    let answers = test.store.sagas.execute(batch).await;
    assert!(matches!(answers[0], Ok(SagaAnswer::Stored)));
    let Ok(SagaAnswer::Replayed { order_id, saga_id }) = &answers[1] else { panic!("{:?}", answers[1]) };
    assert_eq!((*order_id, *saga_id), (first.order_id(), first.saga_id));
    assert!(matches!(answers[2], Err(StoreError::KeyReused)));
    assert!(matches!(answers[3], Ok(SagaAnswer::AlreadyStarted)), "sent again after a crash: {:?}", answers[3]);
    assert!(test.store.sagas.saga(second.saga_id).await.unwrap().is_none());
}

#[actix_web::test]
async fn old_keys_are_forgotten_some_at_a_time_and_young_ones_are_kept() {
    let test = store();
    for index in 0..5 {
        tell(&test.store, Case::new(Provider::Manual).start(Some(claim(&format!("s{index}"), 1)))).await.unwrap();
    }
    let raw = test.raw();
    raw.execute_batch("UPDATE saga_idempotency SET created_at = 10 WHERE key <> 's4'").unwrap();
    raw.execute(
        "WITH RECURSIVE old(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM old WHERE n < 600) \
         INSERT INTO payment_idempotency (scope, key, body_hash, order_id, number, created_at) \
         SELECT 'old', CAST(n AS text), ?1, ?2, 0, n FROM old",
        &[&[7; 32], &uuid::Uuid::now_v7()],
    )
    .unwrap();
    let case = Case::new(Provider::Manual);
    decided(one(test.store.payments.execute(vec![open(&case, TOTAL, "p", 1)]).await));
    let before = Timestamp::from_millis(100_000);
    assert_eq!(test.store.engine.forget_keys(before).await.unwrap(), 4 + 500);
    assert_eq!(test.store.engine.forget_keys(before).await.unwrap(), 100);
    assert_eq!(test.store.engine.forget_keys(before).await.unwrap(), 0);
    let young = tell(&test.store, Case::new(Provider::Manual).start(Some(claim("s4", 1)))).await.unwrap();
    assert!(matches!(young, SagaAnswer::Replayed { .. }));
    let forgotten = tell(&test.store, Case::new(Provider::Manual).start(Some(claim("s0", 1)))).await.unwrap();
    assert!(matches!(forgotten, SagaAnswer::Stored));
}
