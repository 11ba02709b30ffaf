//! The rules as data: each a name, what it is about, and a pure function of one order's facts, or of one
//! shelf's.

mod direct;
mod ending;
mod late;
mod log;
mod money;
mod record;
mod stock;

use super::case::Case;
use crate::store::{ShelfFacts, TABLE_RULE_NAMES};

/// A rule's word on one order: `None` where it does not apply.
pub(super) type Judgement = Option<Result<(), String>>;

/// What an offender is called by.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    Order,
    Saga,
}

/// One rule.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) subject: Subject,
    pub(super) judge: fn(&Case<'_>) -> Judgement,
}

/// A rule has its function's name, so that a red check leads to its code.
macro_rules! rules {
    ($($subject:ident $module:ident :: $name:ident,)+) => {
        &[$(Rule { name: stringify!($name), subject: Subject::$subject, judge: $module::$name }),+]
    };
}

/// All of them, in the order in which they are reported.
pub(super) static RULES: &[Rule] = rules![
    Order record::rows_are_readable,
    Order record::accepted_orders_exist,
    Order record::orders_have_their_saga,
    Order record::orders_and_sagas_name_each_other,
    Order record::finished_steps_left_their_rows,
    Order record::orders_are_of_one_revision,
    Order record::shops_list_what_is_sold_for_them,
    Saga log::saga_logs_are_readable,
    Saga log::saga_logs_have_no_gaps,
    Saga log::saga_logs_replay,
    Saga log::saga_rows_agree_with_their_logs,
    Saga log::sagas_go_back_in_reverse_order,
    Saga log::sagas_finish_when_they_come_to_rest,
    Saga log::waiting_sagas_have_a_wake_up,
    Saga late::due_sagas_are_woken,
    Saga late::sagas_with_work_are_driven,
    Order late::outside_calls_are_made_again,
    Saga log::sagas_that_need_attention,
    Order ending::completed_sagas_completed_their_order,
    Order ending::completed_sagas_are_paid,
    Order ending::completed_sagas_are_shipped,
    Order ending::compensated_sagas_closed_their_order,
    Order ending::compensated_sagas_hold_no_money,
    Order ending::ended_sagas_hold_no_payment_back,
    Order ending::compensated_sagas_have_no_goods_out,
    Order ending::unfinished_sagas_are_not_ahead_of_the_money,
    Order money::order_totals_are_the_sum_of_their_lines,
    Order money::payments_are_for_the_whole_order,
    Order money::payments_agree_with_their_ledger,
    Order money::nothing_is_charged_or_refunded_twice,
    Order money::refunds_give_back_what_was_captured,
    Order money::refunds_on_their_way_are_driven,
    Order money::movements_match_their_payment,
    Order money::superseded_payments_keep_no_money,
    Order money::payments_are_for_a_revision_each,
    Order stock::nothing_is_reserved_or_taken_twice,
    Order stock::reservations_hold_what_was_ordered,
    Order stock::completed_sagas_took_their_stock,
    Order stock::completed_sagas_shipped_what_they_took,
    Order stock::compensated_sagas_hold_no_stock,
    Order direct::direct_orders_and_payments_agree,
    Order direct::direct_orders_and_shipments_agree,
    Order direct::direct_orders_have_nothing_left_undriven,
];

/// One rule about a shelf.
pub(super) struct ShelfRule {
    pub(super) name: &'static str,
    pub(super) judge: fn(&ShelfFacts) -> Judgement,
}

/// The rules about shelves, in the order in which they are reported after those about orders.
pub(super) static SHELF_RULES: &[ShelfRule] = &[
    ShelfRule { name: "levels_are_readable", judge: stock::levels_are_readable },
    ShelfRule { name: "stock_is_the_sum_of_its_movements", judge: stock::stock_is_the_sum_of_its_movements },
    ShelfRule {
        name: "reserved_stock_is_the_sum_of_open_reservations",
        judge: stock::reserved_stock_is_the_sum_of_open_reservations,
    },
];

/// The rule about all orders together whose sagas have been removed, reported last.
pub(super) const REMOVED: &str = "removed_sagas_left_their_orders";

/// The names of all rules, in the order in which they are reported.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RULES
        .iter()
        .map(|rule| rule.name)
        .chain(SHELF_RULES.iter().map(|rule| rule.name))
        .chain(TABLE_RULE_NAMES)
        .chain([REMOVED])
}

/// Holds, or is violated for the reason given.
#[expect(clippy::unnecessary_wraps, reason = "a judgement is also None, where a rule does not apply")]
fn must(holds: bool, why: impl FnOnce() -> String) -> Judgement {
    Some(if holds { Ok(()) } else { Err(why()) })
}
