//! The order's row as its participant's barrier.

use super::{
    given::{at, basket, order_id, saga_id},
    row::{Row, assert_repeats},
};
use backstitch::domain::{
    ids::{OrderId, SagaId},
    money::{Amount, Currency},
    order::{CancelOrder, CompleteOrder, CreateOrder, MarkOrderPaid, Order, OrderCommand, OrderStatus, placed_at},
    reason::Reason,
    saga::Outcome,
};
use uuid::Uuid;

fn create() -> OrderCommand {
    OrderCommand::Create(CreateOrder {
        order_id: order_id(),
        saga_id: Some(saga_id()),
        customer_ref: None,
        currency: Currency::Idr,
        basket: basket(),
    })
}

fn mark_paid() -> OrderCommand {
    OrderCommand::MarkPaid(MarkOrderPaid { order_id: order_id() })
}

fn complete() -> OrderCommand {
    OrderCommand::Complete(CompleteOrder { order_id: order_id() })
}

fn cancel(reason: Reason) -> OrderCommand {
    OrderCommand::Cancel(CancelOrder { order_id: order_id(), saga_id: Some(saga_id()), reason })
}

fn done() -> Outcome {
    Outcome::done(order_id().uuid())
}

#[test]
fn an_order_is_created_paid_and_completed() {
    let mut row = Row::<Order>::default();
    for (command, status) in
        [(create(), OrderStatus::Pending), (mark_paid(), OrderStatus::Paid), (complete(), OrderStatus::Completed)]
    {
        row.now = row.now.plus_millis(10);
        assert_eq!(row.send(&command), done());
        assert_eq!((row.get().status, row.get().updated_at), (status, row.now));
    }
    assert_eq!(row.get().created_at, at(10));
    assert_eq!(row.get().basket.total().get(), super::given::TOTAL);
}

#[test]
fn every_command_repeated_in_every_state_gives_the_same_answer_and_no_new_change() {
    let histories: [&[OrderCommand]; 7] = [
        &[],
        &[create()],
        &[create(), mark_paid()],
        &[create(), mark_paid(), complete()],
        &[create(), cancel(Reason::PaymentDeclined)],
        &[create(), mark_paid(), cancel(Reason::ShippingFailed)],
        &[cancel(Reason::CancelledByCustomer)],
    ];
    for history in histories {
        for command in [create(), mark_paid(), complete(), cancel(Reason::OrderError)] {
            assert_repeats(&Row::<Order>::after(history), &command, &format!("{command:?} after {history:?}"));
        }
    }
}

#[test]
fn an_action_that_was_done_is_answered_as_done_however_far_the_order_has_come() {
    let mut row = Row::<Order>::after(&[create(), mark_paid(), complete()]);
    for command in [create(), mark_paid(), complete()] {
        assert_eq!(row.send(&command), done());
    }
    assert_eq!(row.get().status, OrderStatus::Completed);
}

#[test]
fn a_step_out_of_order_is_refused() {
    let refused = Outcome::rejected(Reason::OrderClosed);
    assert_eq!(Row::<Order>::default().send(&mark_paid()), refused);
    assert_eq!(Row::<Order>::default().send(&complete()), refused);
    assert_eq!(Row::<Order>::after(&[create()]).send(&complete()), refused);
}

#[test]
fn cancelling_before_the_order_exists_leaves_a_tombstone_that_refuses_every_action() {
    let mut row = Row::<Order>::after(&[cancel(Reason::CancelledByCustomer)]);
    assert_eq!(row.get().basket.total(), Amount::ZERO);
    for action in [create(), mark_paid(), complete()] {
        assert_eq!(row.send(&action), Outcome::rejected(Reason::OrderClosed));
    }
    assert_eq!((row.get().status, row.changes), (OrderStatus::Cancelled, 1));
    assert_eq!(row.get().reason, Some(Reason::CancelledByCustomer));
}

#[test]
fn a_cancelled_order_refuses_every_action_and_keeps_its_first_reason() {
    for history in [vec![create()], vec![create(), mark_paid()]] {
        let mut row = Row::<Order>::after(&history);
        assert_eq!(row.send(&cancel(Reason::PaymentExpired)), done());
        assert_eq!(row.send(&cancel(Reason::CancelledByOperator)), done());
        for action in [create(), mark_paid(), complete()] {
            assert_eq!(row.send(&action), Outcome::rejected(Reason::OrderClosed));
        }
        assert_eq!((row.get().status, row.get().reason), (OrderStatus::Failed, Some(Reason::PaymentExpired)));
    }
}

#[test]
fn a_completed_order_is_not_cancelled() {
    let mut row = Row::<Order>::after(&[create(), mark_paid(), complete()]);
    assert_eq!(row.send(&cancel(Reason::CancelledByOperator)), Outcome::rejected(Reason::OrderClosed));
    assert_eq!(row.get().status, OrderStatus::Completed);
}

#[test]
fn an_order_fails_for_its_payment_and_is_cancelled_for_anything_else() {
    for (reason, status) in [
        (Reason::PaymentDeclined, OrderStatus::Failed),
        (Reason::PaymentExpired, OrderStatus::Failed),
        (Reason::PaymentError, OrderStatus::Cancelled),
        (Reason::PaymentClosed, OrderStatus::Cancelled),
        (Reason::ShippingFailed, OrderStatus::Cancelled),
        (Reason::ShippingError, OrderStatus::Cancelled),
        (Reason::CancelledByCustomer, OrderStatus::Cancelled),
        (Reason::CancelledByOperator, OrderStatus::Cancelled),
        (Reason::OrderError, OrderStatus::Cancelled),
    ] {
        for history in [vec![], vec![create()]] {
            let mut row = Row::<Order>::after(&history);
            row.send(&cancel(reason));
            assert_eq!((row.get().status, row.get().reason), (status, Some(reason)));
        }
    }
}

#[test]
fn an_order_that_another_saga_drives_is_not_created_again() {
    let mut row = Row::<Order>::after(&[create()]);
    let OrderCommand::Create(mine) = create() else { unreachable!("create makes a create") };
    let theirs = CreateOrder { saga_id: Some(SagaId::from_uuid(Uuid::from_u128(0x99))), ..mine };
    assert_eq!(row.send(&OrderCommand::Create(theirs)), Outcome::rejected(Reason::OrderClosed));
    assert_eq!(row.get().saga_id, Some(saga_id()));
}

#[test]
fn an_order_that_is_recorded_long_after_its_id_was_made_counts_as_placed_when_it_was() {
    let id = OrderId::from_uuid(Uuid::now_v7());
    let made = id.made_at().expect("it says so");
    for (later, created) in [(0, 0), (60_000, 60_000), (60_001, 0), (7_200_000, 0)] {
        let now = made.plus_millis(later);
        assert_eq!(placed_at(id, now), made.plus_millis(created), "{later} ms later");
    }
    // By a clock that goes wrong.
    assert_eq!(placed_at(id, made.minus_millis(60_001)), made);
    assert_eq!(placed_at(order_id(), at(5)), at(5), "an id that does not say when it was made");
}
