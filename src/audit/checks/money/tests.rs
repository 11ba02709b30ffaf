use crate::{
    audit::sample::{
        applies, compensated, completed, edited, held, movements, order, paid_late, payment, payments, red, report,
        waiting,
    },
    domain::{
        ids::PaymentId,
        money::Amount,
        order::Basket,
        payment::{MovementKind, Payment, PaymentCall, PaymentStatus, Provider},
    },
    store::OrderFacts,
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
    assert!(red(&facts).is_empty(), "it goes back by hand");
    payment(&mut facts).provider = Provider::Simulated;
    assert_eq!(red(&facts), ["refunds_on_their_way_are_driven"]);
    payment(&mut facts).call = Some(PaymentCall::Refund);
    assert!(red(&facts).is_empty());
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

fn superseded(facts: &mut OrderFacts) -> &mut Payment {
    &mut payments(facts).superseded_mut()[0]
}

#[test]
fn a_held_payment_that_says_other_than_its_ledger_is_red() {
    let name = "payments_agree_with_their_ledger";
    let mut lost = held();
    movements(&mut lost).clear();
    assert_eq!(red(&lost), [name]);
    let mut undated = held();
    payment(&mut undated).captured_at = None;
    assert_eq!(red(&undated), [name]);
    let mut unheld = held();
    payment(&mut unheld).held = false;
    assert_eq!(red(&unheld), [name], "money for an open payment pays it");
}

#[test]
fn a_superseded_payment_that_says_other_than_its_ledger_is_red() {
    let name = "payments_agree_with_their_ledger";
    let mut lost = edited();
    movements(&mut lost).clear();
    assert_eq!(red(&lost), [name]);
    let mut others = edited();
    let current = payment(&mut others).id;
    movements(&mut others)[0].payment_id = current;
    assert_eq!(red(&others), [name, "movements_match_their_payment"]);
}

#[test]
fn a_second_charge_of_a_superseded_payment_is_red_and_one_of_each_revision_is_not() {
    let name = "nothing_is_charged_or_refunded_twice";
    let mut twice = edited();
    let again = movements(&mut twice)[0];
    movements(&mut twice).push(again);
    assert_eq!(red(&twice), [name]);
    let mut each = edited();
    let current = payment(&mut each);
    (current.status, current.captured_at) = (PaymentStatus::Paid, superseded(&mut edited()).captured_at);
    let moved = movements(&mut edited())[0];
    let captured = crate::domain::payment::Movement { payment_id: current.id, amount: current.amount, ..moved };
    movements(&mut each).push(captured);
    assert!(report(&each).is_clean(), "{}", report(&each));
}

#[test]
fn a_refund_of_one_revisions_money_for_another_revisions_payment_is_red() {
    let mut facts = edited();
    let (id, amount) = (payment(&mut facts).id, payment(&mut facts).amount);
    let mut refund = movements(&mut facts)[0];
    (refund.payment_id, refund.amount, refund.kind) = (id, amount, MovementKind::Refund);
    movements(&mut facts).push(refund);
    assert_eq!(red(&facts), ["payments_agree_with_their_ledger", "refunds_give_back_what_was_captured"]);
}

#[test]
fn a_refund_of_a_superseded_payment_that_nobody_drives_is_red() {
    let name = "refunds_on_their_way_are_driven";
    let mut facts = edited();
    assert!(applies(name, &facts));
    superseded(&mut facts).provider = Provider::Simulated;
    assert_eq!(red(&facts), [name]);
}

#[test]
fn a_superseded_payment_that_keeps_money_is_red() {
    let name = "superseded_payments_keep_no_money";
    let mut facts = edited();
    superseded(&mut facts).status = PaymentStatus::Paid;
    assert_eq!(red(&facts), [name]);
    assert!(!applies(name, &waiting()));
}

#[test]
fn a_superseded_payment_that_is_open_or_held_or_in_doubt_is_red() {
    let name = "superseded_payments_keep_no_money";
    let unpaid = || {
        let mut facts = edited();
        movements(&mut facts).clear();
        let old = superseded(&mut facts);
        (old.status, old.captured_at, old.call) = (PaymentStatus::Failed, None, None);
        facts
    };
    assert!(report(&unpaid()).is_clean(), "{}", report(&unpaid()));
    let plant = |change: fn(&mut Payment)| {
        let mut facts = unpaid();
        change(superseded(&mut facts));
        red(&facts)
    };
    assert_eq!(plant(|old| old.status = PaymentStatus::Pending), [name]);
    assert_eq!(plant(|old| old.held = true), [name]);
    assert_eq!(plant(|old| old.call = Some(crate::domain::payment::PaymentCall::Charge)), [name]);
}

#[test]
fn two_payments_for_one_revision_are_red() {
    let name = "payments_are_for_a_revision_each";
    let mut facts = edited();
    assert!(applies(name, &facts) && !applies(name, &waiting()));
    superseded(&mut facts).revision = 1;
    assert_eq!(red(&facts), [name]);
}

#[test]
fn a_payment_is_for_the_lines_of_its_own_revision() {
    let name = "payments_are_for_the_whole_order";
    let mut facts = edited();
    payment(&mut facts).amount = amount(2);
    assert_eq!(red(&facts), [name]);
    // The order has its new lines, the payment for them is not opened yet.
    let mut between = edited();
    *payments(&mut between) = payments(&mut held()).clone();
    movements(&mut between).clear();
    assert!(applies(name, &held()) && !applies(name, &between));
}

#[test]
fn an_edit_between_the_orders_new_lines_and_their_payment_is_clean() {
    // hold, replace, amend are done; the process ended before process_payment was performed.
    let facts = crate::audit::sample::being_edited_as_far_as(2).facts();
    assert_eq!(red(&facts), Vec::<&str>::new(), "{}", report(&facts));
}

#[test]
fn an_order_cancelled_between_its_new_lines_and_their_payment_is_clean() {
    let facts = crate::audit::sample::cancelled_while_edited();
    assert_eq!(red(&facts), Vec::<&str>::new(), "{}", report(&facts));
}

#[test]
fn an_edited_orders_payment_for_another_amount_is_red() {
    let mut facts = edited();
    payment(&mut facts).amount = amount(77);
    assert_eq!(red(&facts), ["payments_are_for_the_whole_order"]);
}

#[test]
fn a_revision_that_nobody_made_is_red() {
    let mut facts = completed();
    order(&mut facts).revision = 1;
    assert_ne!(red(&facts), Vec::<&str>::new(), "an order of a revision that its saga knows nothing of");
    let mut facts = waiting();
    payment(&mut facts).revision = 1;
    payment(&mut facts).amount = amount(1);
    assert_ne!(red(&facts), Vec::<&str>::new(), "and a payment");
}

#[test]
fn a_payment_that_is_held_for_no_amendment_is_red() {
    let mut facts = waiting();
    (payment(&mut facts).held, payment(&mut facts).amendment) = (true, 1);
    assert_ne!(red(&facts), Vec::<&str>::new(), "its saga has never been amended: nothing will lift the hold");
}
