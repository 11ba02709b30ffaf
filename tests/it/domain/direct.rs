//! A direct order's row: what its client, its payment and its shipment may do with it.

use super::{
    given::{basket, order_id, saga_id},
    row::Row,
};
use backstitch::domain::{
    money::Currency,
    order::{
        CancelPaidOrder, CancelUnpaidOrder, CompleteOrder, CreateOrder, DispatchOrder, Goods, MarkOrderPaid, Order,
        OrderCommand, OrderStatus, ReturnOrder,
    },
    reason::Reason,
    saga::Outcome,
};

fn create() -> CreateOrder {
    CreateOrder { order_id: order_id(), saga_id: None, customer_ref: None, currency: Currency::Idr, basket: basket() }
}

fn pay() -> OrderCommand {
    OrderCommand::MarkPaid(MarkOrderPaid { order_id: order_id() })
}

fn dispatch() -> OrderCommand {
    OrderCommand::Dispatch(DispatchOrder { order_id: order_id() })
}

fn complete() -> OrderCommand {
    OrderCommand::Complete(CompleteOrder { order_id: order_id() })
}

fn give_back() -> OrderCommand {
    OrderCommand::Return(ReturnOrder { order_id: order_id() })
}

fn cancel_unpaid() -> OrderCommand {
    OrderCommand::CancelUnpaid(CancelUnpaidOrder { order_id: order_id() })
}

fn cancel_paid(goods: Goods) -> OrderCommand {
    OrderCommand::CancelPaid(CancelPaidOrder { order_id: order_id(), goods })
}

fn after(commands: &[OrderCommand]) -> Row<Order> {
    let mut row = Row::<Order>::after(&[OrderCommand::Create(create())]);
    for command in commands {
        assert!(matches!(row.send(command), Outcome::Done { .. }), "{command:?}");
    }
    row
}

fn done() -> Outcome {
    Outcome::done(order_id().uuid())
}

#[track_caller]
fn refuses(row: &mut Row<Order>, command: &OrderCommand, reason: Reason) {
    let changes = row.changes;
    assert_eq!(row.send(command), Outcome::rejected(reason), "{command:?}");
    assert_eq!(row.changes, changes, "a refusal changes nothing");
}

#[test]
fn an_order_that_was_shipped_is_a_paid_one_again_when_its_goods_are_back_and_then_its_money_goes_back() {
    let mut row = after(&[pay(), dispatch(), complete()]);
    assert_eq!((row.get().status, row.get().goods), (OrderStatus::Completed, Goods::Dispatched));
    refuses(&mut row, &cancel_paid(Goods::Kept), Reason::GoodsDispatched);
    assert_eq!(row.send(&give_back()), done());
    assert_eq!((row.get().status, row.get().goods), (OrderStatus::Paid, Goods::Returned));
    assert_eq!(row.send(&cancel_paid(Goods::Returned)), done());
    assert_eq!((row.get().status, row.get().reason), (OrderStatus::Cancelled, Some(Reason::CancelledByCustomer)));
}

#[test]
fn what_comes_late_finds_its_time_over() {
    let mut returned = after(&[pay(), dispatch(), give_back()]);
    refuses(&mut returned, &dispatch(), Reason::ShippingClosed);
    refuses(&mut returned, &complete(), Reason::ShippingClosed);
    refuses(&mut returned, &cancel_paid(Goods::Kept), Reason::GoodsDispatched);
    let mut cancelled = after(&[pay(), cancel_paid(Goods::Kept)]);
    refuses(&mut cancelled, &dispatch(), Reason::OrderClosed);
    refuses(&mut cancelled, &complete(), Reason::OrderClosed);
    refuses(&mut cancelled, &pay(), Reason::OrderClosed);
}

#[test]
fn repeats_are_answered_as_the_first_and_change_nothing() {
    let rows = [
        (after(&[cancel_unpaid()]), cancel_unpaid()),
        (after(&[pay(), dispatch()]), dispatch()),
        (after(&[pay(), dispatch(), complete()]), complete()),
        (after(&[pay(), dispatch(), give_back()]), give_back()),
        (after(&[pay(), cancel_paid(Goods::Kept)]), cancel_paid(Goods::Kept)),
    ];
    for (mut row, command) in rows {
        let changes = row.changes;
        assert_eq!((row.send(&command), row.changes), (done(), changes), "{command:?}");
    }
}

#[test]
fn goods_leave_for_money_alone_and_money_that_is_in_goes_back_before_the_order_is_cancelled() {
    refuses(&mut after(&[]), &dispatch(), Reason::OrderUnpaid);
    refuses(&mut after(&[pay()]), &cancel_unpaid(), Reason::PaymentAlreadyPaid);
    refuses(&mut after(&[pay()]), &cancel_paid(Goods::Dispatched), Reason::GoodsDispatched);
    refuses(&mut after(&[pay()]), &cancel_paid(Goods::Returned), Reason::GoodsDispatched);
}

#[test]
fn an_order_that_a_saga_drives_is_moved_by_nobody_else() {
    let driven = OrderCommand::Create(CreateOrder { saga_id: Some(saga_id()), ..create() });
    for command in [cancel_unpaid(), cancel_paid(Goods::Kept), dispatch(), give_back()] {
        refuses(&mut Row::<Order>::after(&[driven.clone(), pay()]), &command, Reason::OrderClosed);
        refuses(&mut Row::default(), &command, Reason::OrderClosed);
    }
}
