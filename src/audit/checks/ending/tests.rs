use crate::{
    audit::sample::{
        Sample, applies, compensated, completed, held, movements, order, paid_late, payment, red, report, reservation,
        shipment,
    },
    domain::{
        order::OrderStatus,
        payment::{PaymentCall, PaymentStatus, Provider},
        reason::Reason,
        shipment::{ShipmentCall, ShipmentStatus},
        simulation::Simulation,
        stock::ReservationStatus,
    },
};

#[test]
fn a_completed_saga_with_an_order_that_is_not_is_red() {
    let mut facts = completed();
    order(&mut facts).status = OrderStatus::Pending;
    assert_eq!(red(&facts), ["completed_sagas_completed_their_order"]);
}

#[test]
fn a_completed_saga_without_its_money_is_red() {
    let name = "completed_sagas_are_paid";
    let mut facts = completed();
    payment(&mut facts).call = Some(PaymentCall::Refund);
    assert_eq!(red(&facts), [name]);
    let mut facts = completed();
    let unpaid = payment(&mut facts);
    (unpaid.status, unpaid.captured_at) = (PaymentStatus::Pending, None);
    movements(&mut facts).clear();
    assert_eq!(red(&facts), [name]);
}

#[test]
fn a_completed_saga_without_its_shipment_is_red() {
    let name = "completed_sagas_are_shipped";
    let mut facts = completed();
    shipment(&mut facts).status = ShipmentStatus::Cancelled;
    assert_eq!(red(&facts), [name]);
    let mut facts = completed();
    shipment(&mut facts).call = Some(ShipmentCall::Recall);
    assert_eq!(red(&facts), [name]);
}

#[test]
fn a_compensated_saga_whose_order_is_open_or_closed_for_another_reason_is_red() {
    let name = "compensated_sagas_closed_their_order";
    let mut facts = compensated();
    order(&mut facts).status = OrderStatus::Paid;
    assert_eq!(red(&facts), [name]);
    let mut facts = compensated();
    order(&mut facts).status = OrderStatus::Failed;
    assert_eq!(red(&facts), [name], "a failed shipment does not make the order failed");
    let mut facts = compensated();
    order(&mut facts).reason = Some(Reason::CancelledByOperator);
    assert_eq!(red(&facts), [name]);
}

#[test]
fn a_compensated_saga_that_keeps_money_is_red() {
    let name = "compensated_sagas_hold_no_money";
    let mut lost = compensated();
    payment(&mut lost).status = PaymentStatus::Paid;
    movements(&mut lost).retain(|movement| movement.kind == crate::domain::payment::MovementKind::Capture);
    assert_eq!(red(&lost), [name]);
    let mut in_doubt = compensated();
    payment(&mut in_doubt).call = Some(PaymentCall::Charge);
    assert_eq!(red(&in_doubt), [name]);
}

#[test]
fn late_money_on_its_way_back_is_no_violation() {
    let mut facts = paid_late();
    assert_eq!(payment(&mut facts).status, PaymentStatus::Refunding);
    assert!(applies("compensated_sagas_hold_no_money", &facts));
    assert!(report(&facts).is_clean(), "{}", report(&facts));
}

#[test]
fn a_saga_that_has_ended_with_its_payment_held_is_red() {
    let name = "ended_sagas_hold_no_payment_back";
    for mut facts in [completed(), compensated()] {
        assert!(applies(name, &facts));
        payment(&mut facts).held = true;
        assert_eq!(red(&facts), [name]);
    }
    assert!(!applies(name, &held()), "it has not ended");
}

#[test]
fn a_compensated_saga_with_goods_out_or_in_doubt_is_red() {
    let name = "compensated_sagas_have_no_goods_out";
    let mut facts = compensated();
    shipment(&mut facts).status = ShipmentStatus::Shipped;
    assert_eq!(red(&facts), [name]);
    let mut facts = compensated();
    shipment(&mut facts).call = Some(ShipmentCall::Recall);
    assert_eq!(red(&facts), [name]);
}

#[test]
fn an_unfinished_saga_that_ships_or_is_called_paid_before_its_money_came_is_red() {
    let name = "unfinished_sagas_are_not_ahead_of_the_money";
    // Created, paid, marked as paid, shipped; not yet completed.
    let shipped = Sample::begin(Provider::Simulated, Simulation::default()).steps(4).facts();
    assert!(applies(name, &shipped) && report(&shipped).is_clean(), "{}", report(&shipped));
    let unpaid = |mut facts| {
        let row = payment(&mut facts);
        (row.status, row.captured_at) = (PaymentStatus::Pending, None);
        movements(&mut facts).clear();
        facts
    };
    assert_eq!(red(&unpaid(shipped)), [name]);
    let marked = Sample::begin(Provider::Simulated, Simulation::default()).steps(3).facts();
    assert_eq!(red(&unpaid(marked)), [name]);
}

#[test]
fn an_unfinished_saga_whose_pieces_left_the_stock_before_its_money_came_is_red() {
    let name = "unfinished_sagas_are_not_ahead_of_the_money";
    // Created, reserved, paid, marked as paid, taken from the stock.
    let mut facts = Sample::stocked(Provider::Simulated, Simulation::default()).steps(5).facts();
    assert_eq!(reservation(&mut facts).status, ReservationStatus::Committed);
    assert!(applies(name, &facts) && report(&facts).is_clean(), "{}", report(&facts));
    order(&mut facts).status = OrderStatus::Pending;
    assert!(report(&facts).is_clean(), "the order hears of it at the same time: {}", report(&facts));
    let row = payment(&mut facts);
    (row.status, row.captured_at) = (PaymentStatus::Pending, None);
    movements(&mut facts).clear();
    assert_eq!(red(&facts), [name]);
}
