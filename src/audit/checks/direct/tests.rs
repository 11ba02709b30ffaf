use crate::{
    audit::sample::{direct, order, payment, red, shipment},
    domain::{
        order::{Goods, OrderStatus},
        payment::{PaymentCall, PaymentStatus},
        reason::Reason,
        shipment::{ShipmentCall, ShipmentStatus},
    },
};

const PAYMENTS: &str = "direct_orders_and_payments_agree";
const SHIPMENTS: &str = "direct_orders_and_shipments_agree";
const UNDRIVEN: &str = "direct_orders_have_nothing_left_undriven";
const AHEAD: &str = "unfinished_sagas_are_not_ahead_of_the_money";

#[test]
fn a_direct_order_is_green_at_every_step_of_its_way() {
    for steps in 0..=direct::STEPS {
        assert_eq!(red(&direct::after(steps)), [""; 0], "after {steps} steps");
    }
}

#[test]
fn a_direct_order_that_is_paid_without_its_payment_or_the_other_way_round_is_red() {
    let mut facts = direct::after(direct::STEPS);
    order(&mut facts).status = OrderStatus::Pending;
    assert_eq!(red(&facts), [PAYMENTS, SHIPMENTS]);
    let mut facts = direct::paid();
    order(&mut facts).status = OrderStatus::Pending;
    assert_eq!(red(&facts), [PAYMENTS]);
    payment(&mut facts).call = Some(PaymentCall::MarkOrderPaid);
    assert_eq!(red(&facts), [""; 0], "it is being told");
    let mut facts = direct::paid();
    let closed = order(&mut facts);
    (closed.status, closed.reason) = (OrderStatus::Cancelled, Some(Reason::CancelledByCustomer));
    assert_eq!(red(&facts), [PAYMENTS], "its money is kept");
}

#[test]
fn a_direct_order_whose_goods_are_not_where_its_shipment_is_is_red() {
    let mut facts = direct::after(direct::STEPS);
    order(&mut facts).goods = Goods::Returned;
    assert_eq!(red(&facts), [SHIPMENTS]);
    shipment(&mut facts).call = Some(ShipmentCall::ReturnOrder);
    assert_eq!(red(&facts), [""; 0], "it is being told");
    let mut facts = direct::after(direct::STEPS);
    shipment(&mut facts).status = ShipmentStatus::Cancelled;
    assert_eq!(red(&facts), [SHIPMENTS]);
    let mut facts = direct::paid();
    order(&mut facts).goods = Goods::Dispatched;
    assert_eq!(red(&facts), [SHIPMENTS], "there is no shipment");
}

#[test]
fn a_direct_order_whose_goods_are_out_and_whose_money_goes_back_is_red() {
    let mut facts = direct::after(direct::STEPS);
    let refunding = payment(&mut facts);
    (refunding.status, refunding.call) = (PaymentStatus::Refunding, Some(PaymentCall::Refund));
    assert_eq!(red(&facts), [AHEAD]);
}

#[test]
fn a_step_of_a_direct_order_that_nobody_drives_is_red() {
    let mut facts = direct::after(1);
    payment(&mut facts).call = None;
    assert_eq!(red(&facts), [UNDRIVEN]);
    let mut facts = direct::requested();
    shipment(&mut facts).call = None;
    assert_eq!(red(&facts), [UNDRIVEN]);
}
