use crate::{
    audit::sample::{applies, compensated, completed, movements, order, paid_late, payment, red, waiting},
    domain::{
        ids::PaymentId,
        money::Amount,
        order::Basket,
        payment::{MovementKind, PaymentStatus},
    },
};
use std::sync::Arc;
use uuid::Uuid;

fn amount(value: i64) -> Amount {
    Amount::parse(value).expect("an amount")
}

#[test]
fn a_total_that_is_not_the_sum_of_the_lines_is_red() {
    let mut facts = completed();
    let basket = order(&mut facts).basket.clone();
    order(&mut facts).basket = Arc::new(Basket::stored(basket.lines().to_vec(), amount(1)));
    assert_eq!(red(&facts), ["order_totals_are_the_sum_of_their_lines"]);
}

#[test]
fn an_open_order_without_lines_is_red() {
    let mut facts = waiting();
    order(&mut facts).basket = Arc::new(Basket::empty());
    assert_eq!(red(&facts), ["order_totals_are_the_sum_of_their_lines"]);
}

#[test]
fn a_payment_for_another_amount_than_the_orders_is_red() {
    let mut facts = waiting();
    payment(&mut facts).amount = amount(1);
    assert_eq!(red(&facts), ["payments_are_for_the_whole_order"]);
}

#[test]
fn a_payment_that_says_other_than_its_ledger_is_red() {
    let name = "payments_agree_with_their_ledger";
    let mut lost_refund = compensated();
    movements(&mut lost_refund).retain(|movement| movement.kind == MovementKind::Capture);
    assert_eq!(red(&lost_refund), [name]);
    let mut lost_capture = completed();
    movements(&mut lost_capture).clear();
    assert_eq!(red(&lost_capture), [name]);
    let mut undated = completed();
    payment(&mut undated).captured_at = None;
    assert_eq!(red(&undated), [name]);
    for status in [PaymentStatus::Pending, PaymentStatus::Refunded] {
        let mut facts = waiting();
        movements(&mut facts).append(movements(&mut completed()));
        payment(&mut facts).status = status;
        assert_eq!(red(&facts), [name], "{status:?}");
    }
}

#[test]
fn a_second_charge_and_a_second_refund_are_red() {
    let name = "nothing_is_charged_or_refunded_twice";
    let twice = |mut facts, kind| {
        let again = *movements(&mut facts).iter().find(|movement| movement.kind == kind).expect("one");
        movements(&mut facts).push(again);
        red(&facts)
    };
    assert_eq!(twice(completed(), MovementKind::Capture), [name]);
    assert_eq!(twice(compensated(), MovementKind::Refund), [name, "refunds_give_back_what_was_captured"]);
    assert!(!applies(name, &waiting()));
}

#[test]
fn a_refund_of_money_that_never_came_is_red() {
    let mut facts = compensated();
    movements(&mut facts).retain(|movement| movement.kind == MovementKind::Refund);
    assert_eq!(red(&facts), ["payments_agree_with_their_ledger", "refunds_give_back_what_was_captured"]);
}

#[test]
fn a_refund_that_nobody_drives_is_red() {
    let mut facts = paid_late();
    payment(&mut facts).call = None;
    assert_eq!(red(&facts), ["refunds_on_their_way_are_driven"]);
}

#[test]
fn a_movement_of_another_amount_or_payment_or_of_none_is_red() {
    let name = "movements_match_their_payment";
    let mut facts = completed();
    movements(&mut facts)[0].amount = amount(1);
    assert_eq!(red(&facts), [name]);
    let mut facts = completed();
    movements(&mut facts)[0].payment_id = PaymentId::from_uuid(Uuid::from_u128(9));
    assert_eq!(red(&facts), [name]);
    let mut facts = completed();
    facts.payment.as_mut().expect("payment facts").payments = None;
    assert_eq!(red(&facts), ["finished_steps_left_their_rows", name]);
}
