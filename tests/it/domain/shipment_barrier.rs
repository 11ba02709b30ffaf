//! The shipments' rows as its participant's barrier, with and without a carrier to call.

use super::{
    given::{goods, order_id, saga_id, script, shipment_id},
    row::{Row, assert_repeats},
};
use backstitch::domain::{
    aggregate::Outgoing,
    ids::{ShopId, VariantId, WarehouseId},
    reason::Reason,
    saga::Outcome,
    shipment::{
        CancelShipping, Consignment, Content, Origin, Parcel, RecordCarrierCall, ShipmentCall, ShipmentStatus,
        Shipping, ShippingCommand, StartShipping,
    },
    simulation::{CallAnswer, Fault, Script},
};
use std::sync::Arc;
use uuid::Uuid;

const AT_ONCE: Script = script(None, 0);
const SLOW: Script = script(None, 50);
const PENDING: Outcome = Outcome::Pending { until: None };

fn start(script: Script) -> ShippingCommand {
    ShippingCommand::Start(StartShipping(goods(script)))
}

fn cancel(script: Script) -> ShippingCommand {
    ShippingCommand::Cancel(CancelShipping(goods(script)))
}

fn answered(call: ShipmentCall, answer: CallAnswer) -> ShippingCommand {
    ShippingCommand::Record(RecordCarrierCall { order_id: order_id(), part: 0, call, attempts: 0, answer })
}

fn dispatched() -> ShippingCommand {
    answered(ShipmentCall::Dispatch, CallAnswer::Done)
}

fn recalled() -> ShippingCommand {
    answered(ShipmentCall::Recall, CallAnswer::Done)
}

fn lost(call: ShipmentCall) -> ShippingCommand {
    answered(call, CallAnswer::Unknown { happened: true, error: "lost".into() })
}

fn done() -> Outcome {
    Outcome::done(shipment_id().uuid())
}

#[test]
fn goods_are_sent_at_once_where_nobody_must_be_called() {
    let mut row = Row::<Shipping>::default();
    assert_eq!(row.ask(&start(AT_ONCE)), done());
    assert_eq!(row.get().first().status, ShipmentStatus::Shipped);
    assert_eq!(row.get().first().tracking_number.as_deref(), Some("BS00000000000004"));
    assert_eq!(row.ask(&cancel(AT_ONCE)), done());
    assert_eq!((row.get().first().status, row.get().first().call), (ShipmentStatus::Cancelled, None));
    assert_eq!(row.ask(&start(AT_ONCE)), Outcome::rejected(Reason::ShippingClosed));
}

#[test]
fn a_carrier_is_called_after_the_call_is_committed_and_its_answer_signals_the_saga() {
    let mut row = Row::<Shipping>::default();
    assert_eq!(row.ask(&start(SLOW)), PENDING);
    assert_eq!(row.get().outstanding(0), Some((ShipmentCall::Dispatch, 0)));
    assert_eq!(row.send(&dispatched()).signal, Some(saga_id()));
    assert_eq!(row.ask(&start(SLOW)), done());
}

#[test]
fn each_fault_of_the_script_is_answered_and_over_after_the_first_attempt() {
    let mut refused = Row::<Shipping>::default();
    let no = script(Some(Fault::Reject), 0);
    assert_eq!(refused.ask(&start(no)), Outcome::rejected(Reason::ShippingFailed));
    assert_eq!(refused.ask(&start(no)), Outcome::rejected(Reason::ShippingFailed), "a no stays a no");
    assert_eq!(refused.ask(&cancel(no)), done());
    assert_eq!(refused.ask(&start(no)), Outcome::rejected(Reason::ShippingFailed));

    for (fault, after_first) in
        [(Fault::Timeout, ShipmentStatus::Shipped), (Fault::ErrorOnce, ShipmentStatus::Requested)]
    {
        let mut row = Row::<Shipping>::default();
        assert!(matches!(row.ask(&start(script(Some(fault), 0))), Outcome::Unknown { .. }));
        assert_eq!(row.get().first().status, after_first);
        assert_eq!(row.ask(&start(script(Some(fault), 0))), done());
        assert_eq!(row.get().first().status, ShipmentStatus::Shipped);
    }
}

#[test]
fn cancelling_before_anything_was_sent_leaves_a_tombstone() {
    for script in [AT_ONCE, SLOW] {
        let mut row = Row::<Shipping>::default();
        assert_eq!(row.ask(&cancel(script)), done());
        assert_eq!(row.ask(&start(script)), Outcome::rejected(Reason::ShippingClosed));
        assert_eq!(
            (row.get().first().status, row.get().first().call, row.changes),
            (ShipmentStatus::Cancelled, None, 1)
        );
        assert!(row.get().first().tracking_number.is_none());
    }
}

#[test]
fn a_carrier_that_was_called_twice_without_a_usable_answer_is_called_again_once() {
    let mut row = Row::<Shipping>::after(&[start(SLOW)]);
    let requested = |row: &mut Row<Shipping>| row.send(&lost(ShipmentCall::Dispatch)).requested;
    assert_eq!([requested(&mut row), requested(&mut row)], [vec![0], vec![]]);
    assert_eq!(row.get().outstanding(0), Some((ShipmentCall::Dispatch, 1)));
}

#[test]
fn cancelling_while_the_carrier_has_not_answered_waits_for_the_answer_and_calls_back_what_left() {
    let mut row = Row::<Shipping>::after(&[start(SLOW)]);
    assert_eq!(row.ask(&cancel(SLOW)), PENDING);
    assert_eq!(row.send(&lost(ShipmentCall::Dispatch)).signal, None, "an unknown answer is asked again");
    row.send(&dispatched());
    assert_eq!(row.get().outstanding(0), Some((ShipmentCall::Recall, 0)));
    assert_eq!(row.get().first().status, ShipmentStatus::Cancelled, "closed for the order all the while");
    assert_eq!(row.ask(&cancel(SLOW)), PENDING);
    assert_eq!(row.ask(&start(SLOW)), Outcome::rejected(Reason::ShippingClosed));
    assert_eq!(row.send(&lost(ShipmentCall::Recall)).signal, None);
    assert_eq!(row.send(&recalled()).signal, Some(saga_id()));
    assert_eq!(row.ask(&cancel(SLOW)), done());
}

#[test]
fn cancelling_while_the_carrier_has_not_answered_is_done_when_the_carrier_says_no() {
    let mut row = Row::<Shipping>::after(&[start(SLOW), cancel(SLOW)]);
    let no = answered(ShipmentCall::Dispatch, CallAnswer::Rejected(Reason::ShippingFailed));
    assert_eq!(row.send(&no).signal, Some(saga_id()));
    assert_eq!(row.ask(&cancel(SLOW)), done());
}

#[test]
fn a_carrier_that_will_not_call_goods_back_is_asked_again_and_its_saga_hears_of_it() {
    let mut row = Row::<Shipping>::after(&[start(SLOW), dispatched(), cancel(SLOW)]);
    let no = answered(ShipmentCall::Recall, CallAnswer::Rejected(Reason::ShippingFailed));
    let told = row.send(&no);
    assert_eq!((told.signal, told.requested), (Some(saga_id()), vec![0]));
    assert_eq!(row.get().outstanding(0), Some((ShipmentCall::RecallAgain, 1)));
    assert_eq!(row.ask(&cancel(SLOW)), Outcome::rejected(Reason::RecallRefused));
    let still_no = answered(ShipmentCall::RecallAgain, CallAnswer::Rejected(Reason::ShippingFailed));
    assert_eq!(row.send(&still_no).signal, None, "it has heard");
    assert_eq!(row.send(&recalled()).signal, None, "an answer to the first call comes late");
    assert_eq!(row.send(&answered(ShipmentCall::RecallAgain, CallAnswer::Done)).signal, Some(saga_id()));
    assert_eq!(row.ask(&cancel(SLOW)), done());
}

#[test]
fn an_answer_to_a_call_that_is_not_outstanding_changes_nothing() {
    let histories: [&[ShippingCommand]; 4] =
        [&[], &[start(AT_ONCE)], &[start(SLOW), dispatched()], &[start(SLOW), dispatched(), cancel(SLOW), recalled()]];
    for history in histories {
        let mut row = Row::<Shipping>::after(history);
        let (before, changes) = (row.stored.clone(), row.changes);
        for late in [dispatched(), recalled(), lost(ShipmentCall::Dispatch), lost(ShipmentCall::Recall)] {
            assert_eq!(row.send(&late).signal, None);
        }
        assert_eq!((&row.stored, row.changes), (&before, changes), "{history:?}");
    }
}

#[test]
fn every_command_repeated_in_every_state_gives_the_same_answer_and_no_new_change() {
    for script in [AT_ONCE, SLOW, script(Some(Fault::Reject), 0), script(Some(Fault::Panic), 0)] {
        let histories: [&[ShippingCommand]; 6] = [
            &[],
            &[start(script)],
            &[start(script), dispatched()],
            &[start(script), dispatched(), cancel(script)],
            &[start(script), cancel(script), dispatched(), recalled()],
            &[cancel(script)],
        ];
        for history in histories {
            for command in [start(script), cancel(script)] {
                assert_repeats(&Row::<Shipping>::after(history), &command, &format!("{command:?} after {history:?}"));
            }
        }
    }
}

/// An order that two warehouses serve, and a free-text line.
fn three(script: Script) -> Consignment {
    let parcel = |number: u128| Parcel {
        origin: Origin {
            shop_id: ShopId::from_uuid(Uuid::from_u128(0x51)),
            warehouse_id: WarehouseId::from_uuid(Uuid::from_u128(number)),
        },
        contents: Arc::new([Content {
            variant_id: Some(VariantId::from_uuid(Uuid::from_u128(0x61))),
            item_name: None,
            quantity: 2,
        }]),
    };
    Consignment { parcels: vec![parcel(0x71), parcel(0x72)], ..goods(script) }
}

fn statuses(row: &Row<Shipping>) -> Vec<ShipmentStatus> {
    row.get().shipments().iter().map(|shipment| shipment.status).collect()
}

#[test]
fn an_order_has_a_shipment_for_each_warehouse_and_one_for_what_is_in_none() {
    let mut row = Row::<Shipping>::default();
    assert_eq!(row.ask(&ShippingCommand::Start(StartShipping(three(AT_ONCE)))), done());
    assert_eq!(statuses(&row), [ShipmentStatus::Shipped; 3]);
    let shipments = row.get().shipments();
    let ids: Vec<_> = shipments.iter().map(|shipment| shipment.id.uuid().as_u128()).collect();
    assert_eq!(ids, [4, 5, 6]);
    let from: Vec<_> = shipments.iter().map(|shipment| shipment.origin.map(|from| from.warehouse_id)).collect();
    let warehouse = |number| Some(WarehouseId::from_uuid(Uuid::from_u128(number)));
    assert_eq!(from, [warehouse(0x71), warehouse(0x72), None]);
    assert_eq!(shipments.iter().map(|shipment| shipment.contents.len()).collect::<Vec<_>>(), [1, 1, 0]);
    let stocked = Consignment { loose: false, ..three(AT_ONCE) };
    assert_eq!(Row::<Shipping>::after(&[ShippingCommand::Start(StartShipping(stocked))]).get().shipments().len(), 2);
}

#[test]
fn a_shipment_that_fails_takes_back_those_that_have_left() {
    for delay_ms in [0, 50] {
        let goods = three(script(Some(Fault::Reject), delay_ms));
        let (start, cancel) =
            (ShippingCommand::Start(StartShipping(goods.clone())), ShippingCommand::Cancel(CancelShipping(goods)));
        let refused = Outcome::rejected(Reason::ShippingFailed);
        let record = |part, call, answer| {
            ShippingCommand::Record(RecordCarrierCall { order_id: order_id(), part, call, attempts: 0, answer })
        };
        let mut row = Row::<Shipping>::default();
        if delay_ms == 0 {
            assert_eq!(row.ask(&start), refused);
        } else {
            assert_eq!(row.ask(&start), PENDING);
            for part in 0..2 {
                row.ask(&record(part, ShipmentCall::Dispatch, CallAnswer::Done));
                assert_eq!(row.ask(&start), PENDING, "until all have left");
            }
            row.ask(&record(2, ShipmentCall::Dispatch, CallAnswer::Rejected(Reason::ShippingFailed)));
        }
        assert_eq!(row.ask(&start), refused);
        assert_eq!(statuses(&row), [ShipmentStatus::Shipped, ShipmentStatus::Shipped, ShipmentStatus::Cancelled]);
        if delay_ms > 0 {
            for part in 0..2 {
                assert_eq!(row.ask(&cancel), PENDING, "until all are back");
                assert_eq!(row.get().outstanding(part), Some((ShipmentCall::Recall, 0)));
                row.ask(&record(part, ShipmentCall::Recall, CallAnswer::Done));
            }
        }
        assert_eq!(row.ask(&cancel), done());
        assert_eq!(statuses(&row), [ShipmentStatus::Cancelled; 3]);
        assert_eq!(row.ask(&start), refused, "for the same reason as ever");
    }
}
