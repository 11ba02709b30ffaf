//! The audit over real databases: clean where nothing was touched, and red in exactly the right
//! place where something was.

mod apart;
mod census;
mod late;
mod passes;
mod tables;
mod world;

use crate::support::{either, sqlite_only};
use backstitch::{audit::Report, domain::saga::Status, store};
use world::{Placed, Until, World};

/// The names of the red checks.
fn red(report: &Report) -> Vec<&'static str> {
    report.checks.iter().filter(|check| check.violations > 0).map(|check| check.name).collect()
}

/// One offender, in one check, that names the order or its saga.
fn assert_only(report: &Report, check: &str, placed: Placed) {
    assert_eq!(red(report), [check], "{report}");
    let found = report.checks.iter().find(|candidate| candidate.name == check).expect("the check");
    let names = [format!("order {}: ", placed.order_id), format!("saga {}: ", placed.saga_id)];
    assert_eq!(found.violations, 1, "{report}");
    assert!(names.iter().any(|name| found.offending[0].starts_with(name)), "{report}");
}

#[tokio::test]
async fn a_database_where_every_story_was_told_is_clean() {
    let world = World::open();
    let told = world.every_story().await;
    for (placed, status) in told {
        let row = world.store.sagas.saga(placed.saga_id).await.expect("an answer").expect("the saga");
        assert_eq!(row.status, status);
    }
    let report = world.audit().await;
    assert!(report.is_clean(), "{report}");
    // No service outside is called here and no key is used; and PostgreSQL's own indexes do what the stretches do.
    let elsewhere = ["outside_calls_are_made_again", store::KEYS, either("", store::STRETCHES)];
    let idle = report.checks.iter().filter(|check| check.checked == 0).map(|check| check.name);
    let idle: Vec<_> = idle.filter(|name| !elsewhere.contains(name)).collect();
    assert!(idle.is_empty(), "these checked nothing: {idle:?}");
}

#[tokio::test]
async fn a_direct_order_that_its_payment_or_its_shipment_disagrees_with_is_found() {
    for (until, sql, check) in [
        (Until::Paid, "UPDATE order_order SET status = 'pending'", "direct_orders_and_payments_agree"),
        (
            Until::Shipped,
            "UPDATE order_order SET goods = 'returned', status = 'paid'",
            "direct_orders_and_shipments_agree",
        ),
        (Until::Created, "UPDATE order_order SET goods = 'dispatched'", "direct_orders_and_shipments_agree"),
    ] {
        let world = World::open();
        let (order_id, _) = world.direct_order(until).await;
        assert!(world.audit().await.is_clean(), "{until:?}");
        world.plant(sql, None);
        let report = world.audit().await;
        assert_eq!(red(&report), [check], "{report}");
        let found = report.checks.iter().find(|candidate| candidate.name == check).expect("the check");
        assert!(found.offending[0].starts_with(&format!("order {order_id}: ")), "{report}");
    }
}

/// Makes the levels what their movements add up to.
const ADD_UP: &str = "UPDATE stock_level SET (on_hand, reserved) = (SELECT sum(m.on_hand), sum(m.reserved) \
                      FROM stock_movement m WHERE m.variant_id = stock_level.variant_id \
                      AND m.warehouse_id = stock_level.warehouse_id)";

#[tokio::test]
async fn stock_that_a_completed_saga_did_not_take_is_found() {
    let world = World::open();
    let placed = world.delivered_order().await;
    world.plant("DELETE FROM stock_movement WHERE kind = 'commit'", None);
    world.plant("UPDATE stock_reservation SET status = 'reserved'", None);
    world.plant(ADD_UP, None);
    assert_only(&world.audit().await, "completed_sagas_took_their_stock", placed);
}

#[tokio::test]
async fn stock_that_a_compensated_saga_still_holds_is_found() {
    let world = World::open();
    let placed = world.given_back_order().await;
    world.plant("DELETE FROM stock_movement WHERE kind = 'release'", None);
    world.plant("UPDATE stock_reservation SET status = 'committed'", None);
    world.plant(ADD_UP, None);
    assert_only(&world.audit().await, "compensated_sagas_hold_no_stock", placed);
}

#[tokio::test]
async fn a_reservation_of_another_saga_is_found() {
    let world = World::open();
    let placed = world.delivered_order().await;
    world.plant("UPDATE stock_reservation SET saga_id = ?1 WHERE order_id = ?1", Some(placed));
    assert_only(&world.audit().await, "orders_and_sagas_name_each_other", placed);
}

#[tokio::test]
async fn a_lost_reservation_is_found() {
    let world = World::open();
    let placed = world.delivered_order().await;
    world.plant("DELETE FROM stock_reservation WHERE order_id = ?1", Some(placed));
    world.plant("DELETE FROM stock_movement WHERE order_id IS NOT NULL", None);
    world.plant(ADD_UP, None);
    let lost = ["finished_steps_left_their_rows", "completed_sagas_took_their_stock"];
    assert_eq!(red(&world.audit().await), lost);
}

#[tokio::test]
async fn a_reservation_of_less_than_was_ordered_is_found() {
    let world = World::open();
    let placed = world.given_back_order().await;
    let shorter = either("json_remove(items, '$[1]')", "(items::jsonb - 1)::text");
    world.plant(&format!("UPDATE stock_reservation SET items = {shorter} WHERE order_id = ?1"), Some(placed));
    assert_only(&world.audit().await, "reservations_hold_what_was_ordered", placed);
}

#[tokio::test]
async fn a_shipment_without_what_was_taken_for_it_is_found() {
    let world = World::open();
    let placed = world.delivered_order().await;
    world.plant("UPDATE shipment_shipment SET contents = NULL WHERE order_id = ?1 AND number = 0", Some(placed));
    assert_only(&world.audit().await, "completed_sagas_shipped_what_they_took", placed);
}

#[tokio::test]
async fn an_empty_database_is_clean() {
    assert!(World::open().audit().await.is_clean());
}

#[tokio::test]
async fn an_audit_beside_no_server_says_the_same() {
    let world = World::open();
    world.every_story().await;
    let online = world.audit().await;
    world.store.engine.close().await;
    let facts = backstitch::store::open_facts(&world.database.with(&world::SETTINGS)).expect("the database");
    assert_eq!(backstitch::audit::run(facts).await.expect("an audit"), online);
}

#[tokio::test]
async fn a_double_charge_is_found() {
    let world = World::open();
    let [placed, ..] = world.completed_orders().await;
    world.plant(
        "CREATE TABLE unguarded AS SELECT * FROM payment_movement; DROP TABLE payment_movement; \
         ALTER TABLE unguarded RENAME TO payment_movement",
        None,
    );
    world.plant("INSERT INTO payment_movement SELECT * FROM payment_movement WHERE order_id = ?1", Some(placed));
    assert_only(&world.audit().await, "nothing_is_charged_or_refunded_twice", placed);
}

#[tokio::test]
async fn a_refund_that_the_ledger_lost_is_found() {
    let world = World::open();
    let placed = world.compensated_order().await;
    world.plant("DELETE FROM payment_movement WHERE order_id = ?1 AND kind = 'refund'", Some(placed));
    assert_only(&world.audit().await, "payments_agree_with_their_ledger", placed);
}

#[tokio::test]
async fn a_refund_that_never_was_is_found() {
    let world = World::open();
    let placed = world.compensated_order().await;
    world.plant("DELETE FROM payment_movement WHERE order_id = ?1 AND kind = 'refund'", Some(placed));
    world.plant("UPDATE payment_payment SET status = 'paid' WHERE order_id = ?1", Some(placed));
    assert_only(&world.audit().await, "compensated_sagas_hold_no_money", placed);
}

#[tokio::test]
async fn money_that_an_order_kept_for_its_old_lines_is_found() {
    let world = World::open();
    let placed = world.edited_order().await;
    world.plant(
        "UPDATE payment_payment SET status = 'paid', call = NULL WHERE order_id = ?1 AND number = 0",
        Some(placed),
    );
    assert_only(&world.audit().await, "superseded_payments_keep_no_money", placed);
}

#[tokio::test]
async fn a_payment_that_is_not_for_the_lines_of_its_revision_is_found() {
    let world = World::open();
    let placed = world.edited_order().await;
    world.plant("UPDATE payment_payment SET amount = amount + 1 WHERE order_id = ?1 AND number = 1", Some(placed));
    assert_only(&world.audit().await, "payments_are_for_the_whole_order", placed);
}

#[tokio::test]
async fn two_payments_for_one_revision_are_found() {
    let world = World::open();
    let placed = world.edited_order().await;
    world.plant("UPDATE payment_payment SET revision = 1 WHERE order_id = ?1 AND number = 0", Some(placed));
    assert_only(&world.audit().await, "payments_are_for_a_revision_each", placed);
}

#[tokio::test]
async fn a_payment_that_is_held_though_its_saga_has_ended_is_found() {
    let world = World::open();
    let placed = world.cancelled_order().await;
    world.plant("UPDATE payment_payment SET held = TRUE, amendment = 1 WHERE order_id = ?1", Some(placed));
    assert_only(&world.audit().await, "ended_sagas_hold_no_payment_back", placed);
}

#[tokio::test]
async fn a_missing_order_is_found() {
    let world = World::open();
    let [placed, ..] = world.completed_orders().await;
    world.plant("DELETE FROM order_order WHERE id = ?1", Some(placed));
    assert_only(&world.audit().await, "accepted_orders_exist", placed);
}

#[tokio::test]
async fn a_missing_saga_is_found() {
    let world = World::open();
    let [placed, ..] = world.completed_orders().await;
    world.plant("DELETE FROM saga_saga WHERE order_id = ?1", Some(placed));
    assert_only(&world.audit().await, "orders_have_their_saga", placed);
}

#[tokio::test]
async fn orders_whose_sagas_have_been_removed_are_as_clean_as_others() {
    let world = World::open();
    world.compensated_order().await;
    world.completed_orders().await;
    let before = world.audit().await;
    assert_eq!(world.remove_sagas().await, 3);
    let report = world.audit().await;
    assert!(report.is_clean(), "{report}");
    for name in ["completed_sagas_are_paid", "compensated_sagas_hold_no_money", "completed_sagas_are_shipped"] {
        let checked =
            |report: &Report| report.checks.iter().find(|check| check.name == name).map(|check| check.checked);
        assert_eq!(checked(&report), checked(&before), "{name}");
    }
}

#[tokio::test]
async fn a_missing_saga_is_found_that_ended_after_all_that_have_been_removed() {
    let world = World::open();
    world.compensated_order().await;
    world.remove_sagas().await;
    let [placed, ..] = world.completed_orders().await;
    world.plant("UPDATE order_order SET updated_at = updated_at + 100000 WHERE id = ?1", Some(placed));
    world.plant("DELETE FROM saga_saga WHERE order_id = ?1", Some(placed));
    assert_only(&world.audit().await, "orders_have_their_saga", placed);
}

#[tokio::test]
async fn a_missing_saga_of_an_order_that_is_not_at_its_end_is_found_however_old_it_is() {
    let world = World::open();
    world.compensated_order().await;
    let placed = world.unpaid_order().await;
    world.remove_sagas().await;
    world.plant("UPDATE order_order SET updated_at = 1 WHERE id = ?1", Some(placed));
    world.plant("DELETE FROM saga_saga WHERE order_id = ?1", Some(placed));
    assert_only(&world.audit().await, "orders_have_their_saga", placed);
}

#[tokio::test]
async fn a_missing_saga_among_those_that_have_been_removed_is_counted() {
    let world = World::open();
    let [placed, _] = world.completed_orders().await;
    world.plant("UPDATE saga_saga SET finished_at = finished_at + 100000000 WHERE order_id = ?1", Some(placed));
    assert_eq!(world.remove_sagas().await, 1);
    world.plant("DELETE FROM saga_saga WHERE order_id = ?1", Some(placed));
    assert_eq!(red(&world.audit().await), ["removed_sagas_left_their_orders"]);
}

#[tokio::test]
async fn an_order_that_is_gone_like_its_removed_saga_is_counted() {
    let world = World::open();
    let [placed, _] = world.completed_orders().await;
    assert_eq!(world.remove_sagas().await, 2);
    for table in ["order_order WHERE id", "payment_payment WHERE order_id", "payment_movement WHERE order_id"] {
        world.plant(&format!("DELETE FROM {table} = ?1"), Some(placed));
    }
    world.plant("DELETE FROM shipment_shipment WHERE order_id = ?1", Some(placed));
    assert_eq!(red(&world.audit().await), ["removed_sagas_left_their_orders"]);
}

#[tokio::test]
async fn a_refund_that_never_was_is_found_without_the_saga() {
    let world = World::open();
    let placed = world.compensated_order().await;
    world.remove_sagas().await;
    world.plant("DELETE FROM payment_movement WHERE order_id = ?1 AND kind = 'refund'", Some(placed));
    world.plant("UPDATE payment_payment SET status = 'paid' WHERE order_id = ?1", Some(placed));
    assert_only(&world.audit().await, "compensated_sagas_hold_no_money", placed);
}

#[tokio::test]
async fn goods_still_out_for_a_compensated_saga_are_found() {
    let world = World::open();
    let placed = world.compensated_order().await;
    world.plant(
        "UPDATE shipment_shipment SET status = 'shipped', tracking_number = 'BS1' WHERE order_id = ?1",
        Some(placed),
    );
    assert_only(&world.audit().await, "compensated_sagas_have_no_goods_out", placed);
}

#[tokio::test]
async fn a_wrong_total_is_found() {
    let world = World::open();
    let [placed, ..] = world.completed_orders().await;
    world.plant("UPDATE order_order SET total_amount = total_amount + 1 WHERE id = ?1", Some(placed));
    assert_only(&world.audit().await, "order_totals_are_the_sum_of_their_lines", placed);
}

#[tokio::test]
async fn a_gap_in_a_log_is_found() {
    let world = World::open();
    let [placed, ..] = world.completed_orders().await;
    world.plant("DELETE FROM saga_log WHERE saga_id = ?2 AND seq = 2", Some(placed));
    assert_only(&world.audit().await, "saga_logs_have_no_gaps", placed);
}

#[tokio::test]
async fn a_corrupt_log_entry_is_found() {
    let world = World::open();
    let [placed, ..] = world.completed_orders().await;
    world.plant("UPDATE saga_log SET entry = substr(entry, 1, 30) WHERE saga_id = ?2 AND seq = 2", Some(placed));
    assert_only(&world.audit().await, "saga_logs_are_readable", placed);
}

#[tokio::test]
async fn bytes_that_are_no_text_are_found_and_the_other_orders_are_still_judged() {
    if sqlite_only("PostgreSQL's texts are Unicode") {
        return;
    }
    let world = World::open();
    let [placed, other] = world.completed_orders().await;
    world.plant("UPDATE saga_log SET entry = CAST(x'ff' AS TEXT) WHERE saga_id = ?2 AND seq = 2", Some(placed));
    assert_only(&world.audit().await, "rows_are_readable", placed);
    world.plant("UPDATE order_order SET status = 'paid' WHERE id = ?1", Some(other));
    assert_eq!(red(&world.audit().await), ["rows_are_readable", "completed_sagas_completed_their_order"]);
}

#[tokio::test]
async fn an_unreadable_row_of_any_owner_is_found() {
    for sql in [
        "UPDATE order_order SET lines = '[' WHERE id = ?1",
        "UPDATE payment_payment SET provider = 'No Body' WHERE order_id = ?1",
        "UPDATE shipment_shipment SET reason = 'no such reason' WHERE order_id = ?1",
        "UPDATE saga_saga SET reason = 'no such reason' WHERE order_id = ?1",
    ] {
        let world = World::open();
        let [placed, ..] = world.completed_orders().await;
        world.plant(sql, Some(placed));
        assert_only(&world.audit().await, "rows_are_readable", placed);
    }
}

#[tokio::test]
async fn a_completed_saga_whose_order_is_pending_is_found() {
    let world = World::open();
    let [placed, ..] = world.completed_orders().await;
    world.plant("UPDATE order_order SET status = 'pending' WHERE id = ?1", Some(placed));
    assert_only(&world.audit().await, "completed_sagas_completed_their_order", placed);
}

#[tokio::test]
async fn a_row_that_hides_that_its_saga_is_not_finished_is_found() {
    let world = World::open();
    let [placed, ..] = world.completed_orders().await;
    world.plant(
        "DELETE FROM saga_log WHERE saga_id = ?2 AND seq = (SELECT max(seq) FROM saga_log WHERE saga_id = ?2)",
        Some(placed),
    );
    assert_only(&world.audit().await, "saga_rows_agree_with_their_logs", placed);
}

#[tokio::test]
async fn a_saga_that_needs_attention_is_counted_and_is_no_violation() {
    let world = World::open();
    let told = world.every_story().await;
    let count = told.iter().filter(|(_, status)| *status == Status::NeedsAttention).count() as u64;
    let report = world.audit().await;
    let check = report.checks.iter().find(|check| check.name == "sagas_that_need_attention").expect("the check");
    assert_eq!((check.checked, check.violations), (count, 0));
}
