//! A batch: durable when answered, in order, and a row is inserted once and updated from what was read.

use super::given::{Case, Held, decided, one, script, store};
use crate::support::sqlite_only;
use backstitch::{
    domain::{
        checkout::Verb,
        ids::{ShopId, VariantId, WarehouseId},
        order::{Order, OrderStatus},
        payment::{PaymentStatus, Provider},
        reason::Reason,
        saga::Outcome,
        shipment::{
            Content, Origin, Parcel, RecordCarrierCall, ShipmentCall, ShipmentStatus, ShippingCommand, StartShipping,
        },
        simulation::{CallAnswer, Simulation},
    },
    store::{Executed, Keyed, Stats, Store, StoreError},
};
use std::sync::Arc;
use uuid::Uuid;

async fn orders(store: &Store, commands: &[(&Case, Verb)]) -> Vec<Result<Executed<Order>, StoreError>> {
    store.orders.execute(commands.iter().map(|(case, verb)| Keyed::from(case.order(*verb))).collect()).await
}

#[actix_web::test]
async fn what_was_answered_is_on_disk() {
    let test = store();
    let case = Case::new(Provider::Simulated);
    let order = decided(one(orders(&test.store, &[(&case, Verb::CreateOrder)]).await));
    let payment = one(test.store.payments.execute(vec![case.payment(Verb::ProcessPayment).into()]).await);
    let shipment = one(test.store.shipments.execute(vec![case.shipping(Verb::StartShipping).into()]).await);
    assert_eq!(order, Outcome::done(case.order_id().uuid()));
    assert_eq!(decided(payment).outcome, Outcome::done(case.checkout.payment_id.uuid()));
    assert_eq!(decided(shipment).outcome, Outcome::done(case.checkout.shipment_id.uuid()));

    let test = test.reopen().await;
    let order = test.store.orders.order(case.order_id()).await.unwrap().unwrap();
    assert_eq!(
        (order.status, order.basket, order.saga_id),
        (OrderStatus::Pending, case.checkout.basket.clone(), Some(case.saga_id))
    );
    let payment = test.store.payments.payment_of(case.order_id()).await.unwrap().unwrap();
    assert_eq!(payment.status, PaymentStatus::Paid);
    assert_eq!(test.store.payments.payment(payment.id).await.unwrap(), Some(payment));
    let shipping = test.store.shipments.shipping_of(case.order_id()).await.unwrap().unwrap();
    let [shipment] = shipping.shipments() else { panic!("one shipment") };
    assert_eq!(shipment.status, ShipmentStatus::Shipped);
    assert_eq!(test.store.shipments.shipment(shipment.id).await.unwrap().as_ref(), Some(shipment));
}

#[actix_web::test]
async fn later_commands_of_a_batch_see_what_earlier_ones_changed() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let verbs = [Verb::CreateOrder, Verb::MarkOrderPaid, Verb::CompleteOrder, Verb::CancelOrder, Verb::CreateOrder];
    let answers = orders(&test.store, &verbs.map(|verb| (&case, verb))).await;
    let done = Outcome::done(case.order_id().uuid());
    let outcomes: Vec<_> = answers.into_iter().map(decided).collect();
    assert_eq!(outcomes, [done.clone(), done.clone(), done.clone(), Outcome::rejected(Reason::OrderClosed), done]);
}

#[actix_web::test]
async fn a_compensation_that_comes_first_leaves_a_tombstone_that_outlives_the_process() {
    let test = store();
    let case = Case::simulated(backstitch::domain::simulation::Simulation::default());
    decided(one(orders(&test.store, &[(&case, Verb::CancelOrder)]).await));
    decided(one(test.store.payments.execute(vec![case.payment(Verb::RefundPayment).into()]).await));
    decided(one(test.store.shipments.execute(vec![case.shipping(Verb::CancelShipping).into()]).await));
    let test = test.reopen().await;
    let order = decided(one(orders(&test.store, &[(&case, Verb::CreateOrder)]).await));
    let payment = one(test.store.payments.execute(vec![case.payment(Verb::ProcessPayment).into()]).await);
    let shipment = one(test.store.shipments.execute(vec![case.shipping(Verb::StartShipping).into()]).await);
    assert_eq!(order, Outcome::rejected(Reason::OrderClosed));
    assert_eq!(decided(payment).outcome, Outcome::rejected(Reason::PaymentClosed));
    assert_eq!(decided(shipment).outcome, Outcome::rejected(Reason::ShippingClosed));
}

#[actix_web::test]
async fn every_change_of_a_row_raises_its_version_and_a_repeat_raises_nothing() {
    let test = store();
    let case = Case::new(Provider::Manual);
    let version = || -> i64 { test.raw().one("SELECT version FROM order_order", &[]) };
    orders(&test.store, &[(&case, Verb::CreateOrder)]).await;
    assert_eq!(version(), 1);
    orders(&test.store, &[(&case, Verb::MarkOrderPaid)]).await;
    assert_eq!(version(), 2);
    orders(&test.store, &[(&case, Verb::MarkOrderPaid), (&case, Verb::CreateOrder)]).await;
    assert_eq!(version(), 2);
}

#[actix_web::test]
async fn an_update_that_does_not_find_the_version_it_was_made_from_fails_and_changes_nothing() {
    if sqlite_only("on PostgreSQL a row is locked between its read and its update") {
        return;
    }
    let test = store();
    let (raced, calm) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    orders(&test.store, &[(&raced, Verb::CreateOrder), (&calm, Verb::CreateOrder)]).await;
    // Somebody else writes the row between the read and the update.
    let sql = "CREATE TRIGGER race BEFORE UPDATE ON order_order WHEN hex(OLD.id) = '{id}' \
               BEGIN UPDATE order_order SET version = version + 7 WHERE id = OLD.id; SELECT RAISE(IGNORE); END";
    test.raw().execute_batch(&sql.replace("{id}", &hex(&raced))).unwrap();
    let answers = orders(&test.store, &[(&raced, Verb::MarkOrderPaid), (&calm, Verb::MarkOrderPaid)]).await;
    assert!(matches!(answers[0], Err(StoreError::Unavailable(_) | StoreError::Conflict)), "{:?}", answers[0]);
    assert!(answers[1].is_ok());
    let raced = test.store.orders.order(raced.order_id()).await.unwrap().unwrap();
    assert_eq!(raced.status, OrderStatus::Pending);
}

fn hex(case: &Case) -> String {
    case.order_id().uuid().simple().to_string().to_uppercase()
}

#[actix_web::test]
async fn what_is_queued_while_the_disk_is_busy_is_one_transaction() {
    let test = store();
    let held = Held::hold(&test);
    let cases: Vec<_> = (0..20).map(|_| Case::new(Provider::Manual)).collect();
    let batches: Vec<_> =
        cases.iter().map(|case| test.store.orders.execute(vec![case.order(Verb::CreateOrder).into()])).collect();
    held.release();
    for batch in batches {
        decided(one(batch.await));
    }
    assert!(Stats::get(&test.store.stats.commits) <= 2, "{:?}", test.store.stats);
}

#[actix_web::test]
async fn a_reader_does_not_wait_behind_a_long_write() {
    let test = store();
    let (known, waiting) = (Case::new(Provider::Manual), Case::new(Provider::Manual));
    orders(&test.store, &[(&known, Verb::CreateOrder)]).await;
    let held = Held::hold(&test);
    let write = actix_rt::spawn(test.store.orders.execute(vec![waiting.order(Verb::CreateOrder).into()]));
    for _ in 0..20 {
        assert!(test.store.orders.order(known.order_id()).await.unwrap().is_some());
        assert!(test.store.orders.order(waiting.order_id()).await.unwrap().is_none());
    }
    assert!(!write.is_finished(), "the write is still held up");
    held.release();
    decided(one(write.await.unwrap()));
    assert!(test.store.orders.order(waiting.order_id()).await.unwrap().is_some());
}

/// A start of three shipments: from two warehouses, and of free text.
fn from_two_warehouses(case: &Case) -> ShippingCommand {
    let ShippingCommand::Start(StartShipping(mut goods)) = case.shipping(Verb::StartShipping) else {
        panic!("a start")
    };
    let parcel = |warehouse| Parcel {
        origin: Origin { shop_id: ShopId::from_uuid(Uuid::now_v7()), warehouse_id: warehouse },
        contents: Arc::new([Content {
            variant_id: Some(VariantId::from_uuid(Uuid::now_v7())),
            item_name: None,
            quantity: 3,
        }]),
    };
    goods.parcels = [1, 2].map(|number| parcel(WarehouseId::from_uuid(Uuid::from_u128(number)))).into();
    ShippingCommand::Start(StartShipping(goods))
}

#[actix_web::test]
async fn several_shipments_of_an_order_are_stored_and_read_as_one_and_each_by_its_id() {
    let test = store();
    let case = Case::simulated(Simulation { shipping: script(None, 50), ..Simulation::default() });
    let start = from_two_warehouses(&case);
    let answer = decided(one(test.store.shipments.execute(vec![start.into()]).await));
    let made = answer.shipping.unwrap();
    assert_eq!(made.shipments().len(), 3);
    let record = RecordCarrierCall {
        order_id: case.order_id(),
        part: 1,
        call: ShipmentCall::Dispatch,
        attempts: 0,
        answer: CallAnswer::Done,
    };
    decided(one(test.store.shipments.execute(vec![ShippingCommand::Record(record).into()]).await));

    // Nothing of it is in memory any more.
    let test = test.reopen().await;
    let stored = test.store.shipments.shipping_of(case.order_id()).await.unwrap().unwrap();
    let shipped: Vec<_> =
        stored.shipments().iter().map(|shipment| shipment.status == ShipmentStatus::Shipped).collect();
    assert_eq!(shipped, [false, true, false]);
    assert_eq!(stored.shipments()[2], made.shipments()[2]);
    for shipment in stored.shipments() {
        assert_eq!(test.store.shipments.shipment(shipment.id).await.unwrap().as_ref(), Some(shipment));
    }
    assert_eq!(test.store.shipments.outstanding_shipping(None, 10).await.unwrap(), [stored]);
    let facts = test.facts().await;
    assert_eq!(facts[0].shipping.as_ref().unwrap().as_ref().unwrap().shipments().len(), 3);
}

#[actix_web::test]
async fn the_first_shipments_version_is_that_of_all() {
    let test = store();
    let case = Case::simulated(Simulation { shipping: script(None, 50), ..Simulation::default() });
    decided(one(test.store.shipments.execute(vec![from_two_warehouses(&case).into()]).await));
    test.raw().execute("UPDATE shipment_shipment SET version = 9 WHERE number > 0", &[]).unwrap();
    let record = RecordCarrierCall {
        order_id: case.order_id(),
        part: 1,
        call: ShipmentCall::Dispatch,
        attempts: 0,
        answer: CallAnswer::Done,
    };
    decided(one(test.store.shipments.execute(vec![ShippingCommand::Record(record).into()]).await));
    let stored = test.store.shipments.shipping_of(case.order_id()).await.unwrap().unwrap();
    assert_eq!(stored.shipments()[1].status, ShipmentStatus::Shipped);
}

#[actix_web::test]
async fn of_several_shipments_one_that_is_there_already_keeps_all_from_being_written() {
    if sqlite_only("PostgreSQL reads all of an order's rows before it writes one") {
        return;
    }
    let test = store();
    let (torn, whole) = (Case::new(Provider::Simulated), Case::new(Provider::Simulated));
    for case in [&torn, &whole] {
        decided(one(test.store.shipments.execute(vec![from_two_warehouses(case).into()]).await));
    }
    let lose = "DELETE FROM shipment_shipment WHERE order_id = ?1 AND number <> 1";
    assert_eq!(test.raw().execute(lose, &[&torn.order_id().uuid()]).unwrap(), 2);
    let starts = [&torn, &whole].map(|case| from_two_warehouses(case).into());
    let answers = test.store.shipments.execute(starts.into()).await;
    assert!(answers[0].is_err() && answers[1].is_ok(), "{answers:?}");
    let left: i64 = test.raw().one("SELECT count(*) FROM shipment_shipment", &[]);
    assert_eq!(left, 4);
}
