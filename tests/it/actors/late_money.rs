//! Money that comes for a closed payment is recorded and goes back, whatever crashes on the way.

use super::given::{House, assert_promises, house, success};
use crate::store::given::{Case, claim, eventually};
use backstitch::{
    actors::{CrashMode, PaymentRequestError, Request},
    domain::{
        checkout::Verb,
        ids::PaymentId,
        order::OrderStatus,
        payment::{
            HoldPayment, OpenPayment, Payable, PaymentCommand, PaymentRefusal, PaymentStatus, ProcessPayment, Provider,
            Reporter, SettlePayment, Settlement, Terms,
        },
        saga::{CancelBy, Status},
    },
    service::Report,
};

async fn cancelled(house: &House) -> Case {
    let case = Case::new(Provider::Manual);
    house.place(&case).await;
    house.service.cancel_saga(case.saga_id, CancelBy::Customer, None, None).await.unwrap();
    assert_eq!(house.rest_of(case.saga_id).await, Status::Compensated);
    case
}

async fn assert_refunded(house: &House, case: &Case) {
    eventually("the money is back", async || {
        house.give_back_by_hand(case.order_id()).await;
        let payment = house.test.store.payments.payment_of(case.order_id()).await.unwrap().unwrap();
        payment.status == PaymentStatus::Refunded
    })
    .await;
    assert_promises(&house.test.facts().await);
}

#[actix_web::test]
async fn late_money_is_refunded_once_however_often_it_is_reported() {
    let house = house();
    let case = cancelled(&house).await;
    for _ in 0..3 {
        house.settle(&case).await;
    }
    assert_refunded(&house, &case).await;
}

#[actix_web::test]
async fn late_money_is_refunded_across_a_crash_of_the_payment_actor() {
    for mode in [CrashMode::Panic, CrashMode::Stop, CrashMode::PanicInFuture] {
        let house = house();
        let case = cancelled(&house).await;
        house.actors.crash("payment", mode);
        house.settle(&case).await;
        house.actors.crash("payment", mode);
        assert_refunded(&house, &case).await;
    }
}

#[actix_web::test]
async fn late_money_is_refunded_by_the_next_process() {
    let house = house();
    let case = cancelled(&house).await;
    let test = house.stop_abruptly().await;
    // Committed by a process that ended before it could do anything about it.
    let settle = backstitch::domain::payment::PaymentCommand::Settle(success(&case));
    test.store.payments.execute(vec![settle.into()]).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    let outstanding = test.store.payments.outstanding_payments(None, 10).await.unwrap();
    assert!(outstanding.is_empty(), "people are not called");
    let house = House::over(test.reopen().await);
    assert_refunded(&house, &case).await;
}

/// A payment that waits, and is superseded behind its actor's back; its new one.
async fn superseded(house: &House, case: &Case) -> Terms {
    let payments = &house.test.store.payments;
    let PaymentCommand::Process(ProcessPayment(first)) = case.payment(Verb::ProcessPayment) else { panic!("terms") };
    let second = Terms { revision: 1, amendment: 1, payment_id: PaymentId::from_uuid(uuid::Uuid::now_v7()), ..first };
    let hold = HoldPayment { order_id: case.order_id(), amendment: 1 };
    let batch = [
        PaymentCommand::Process(ProcessPayment(first)),
        PaymentCommand::Hold(hold),
        PaymentCommand::Process(ProcessPayment(second)),
    ];
    payments.execute(batch.map(Into::into).into()).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    second
}

async fn assert_back(house: &House, payment: PaymentId) {
    eventually("the money is back", async || {
        let payment = house.test.store.payments.payment(payment).await.unwrap().unwrap();
        house.give_back_by_hand(payment.order_id).await;
        payment.status == PaymentStatus::Refunded
    })
    .await;
}

#[actix_web::test]
async fn money_for_a_superseded_payment_is_refunded_and_the_current_one_is_not_touched() {
    let house = house();
    let case = Case::new(Provider::Manual);
    let second = superseded(&house, &case).await;
    let settle =
        |payment_id| house.service.settle_payment(payment_id, Report::of(Settlement::Success, Reporter::Trusted));
    let accepted = settle(case.checkout.payment_id).await.unwrap();
    assert_eq!((accepted.payment.id, accepted.payment.revision), (case.checkout.payment_id, 0));
    assert_eq!(settle(second.payment_id).await.unwrap().payment.status, PaymentStatus::Paid);
    assert_back(&house, case.checkout.payment_id).await;
    let current = house.test.store.payments.payment_of(case.order_id()).await.unwrap().unwrap();
    assert_eq!((current.id, current.status), (second.payment_id, PaymentStatus::Paid));
}

#[actix_web::test]
async fn money_for_a_superseded_payment_is_refunded_by_the_next_process() {
    let house = house();
    let case = Case::new(Provider::Manual);
    superseded(&house, &case).await;
    let test = house.stop_abruptly().await;
    let settle = PaymentCommand::Settle(success(&case));
    test.store.payments.execute(vec![settle.into()]).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    let house = House::over(test.reopen().await);
    assert_back(&house, case.checkout.payment_id).await;
}

#[actix_web::test]
async fn a_repeated_request_is_answered_with_the_payment_that_it_was_about_though_that_is_superseded() {
    let house = house();
    let case = Case::new(Provider::Manual);
    let terms = superseded(&house, &case).await;
    let Terms { order_id, payment_id, amount, currency, .. } = terms;
    let settle = SettlePayment::trusted(order_id, case.checkout.payment_id, Settlement::Success);
    let order = Payable { order_id, total: Some(amount), currency, payer: None, status: OrderStatus::Pending };
    let open = OpenPayment { order, payment_id, amount, provider: Provider::Manual };
    for replayed in [false, true] {
        let settled = Request { command: settle.clone(), claim: Some(claim("settle", 1)) };
        let settled = house.actors.payment.settle.send(settled).await.unwrap().unwrap();
        assert_eq!((settled.payment.id, settled.replayed), (case.checkout.payment_id, replayed));
        let opened = Request { command: open, claim: Some(claim("open", 1)) };
        let opened = house.actors.payment.open.send(opened).await.unwrap().unwrap();
        assert_eq!((opened.payment.id, opened.replayed), (payment_id, replayed));
    }
}

#[actix_web::test]
async fn a_client_that_opens_a_held_payment_is_refused() {
    let house = house();
    let case = Case::new(Provider::Manual);
    let Terms { order_id, payment_id, amount, currency, .. } = superseded(&house, &case).await;
    let hold = PaymentCommand::Hold(HoldPayment { order_id, amendment: 2 });
    house.test.store.payments.execute(vec![hold.into()]).await.into_iter().for_each(|answer| drop(answer.unwrap()));
    let order = Payable { order_id, total: Some(amount), currency, payer: None, status: OrderStatus::Pending };
    let command = OpenPayment { order, payment_id, amount, provider: Provider::Manual };
    let refused = house.actors.payment.open.send(Request { command, claim: None }).await.unwrap();
    assert!(matches!(refused, Err(PaymentRequestError::Refused(PaymentRefusal::BeingAmended))), "{refused:?}");
}
