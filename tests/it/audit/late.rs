//! A saga that is stuck breaks nothing else, and is found all the same.

use super::{assert_only, world::World};
use crate::support::either;
use backstitch::{audit, clock};
use std::sync::Arc;

/// Three days, in milliseconds.
const DAYS: &str = "259200000";

#[tokio::test]
async fn a_saga_that_is_due_for_days_is_found() {
    let world = World::open();
    let placed = world.unpaid_order().await;
    assert!(world.audit().await.is_clean());
    world.plant(&format!("UPDATE saga_saga SET wake_at = wake_at - {DAYS} WHERE id = ?2 AND id <> ?1"), Some(placed));
    assert_only(&world.audit().await, "due_sagas_are_woken", placed);
}

#[tokio::test]
async fn a_saga_that_waits_for_days_and_has_its_wake_up_ahead_is_not_late() {
    let world = World::open();
    let placed = world.unpaid_order().await;
    for column in ["created_at", "updated_at"] {
        let sql = format!("UPDATE saga_saga SET {column} = {column} - {DAYS} WHERE id = ?2 AND id <> ?1");
        world.plant(&sql, Some(placed));
    }
    let report = world.audit().await;
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn an_old_copy_is_judged_as_of_when_it_was_made() {
    let world = World::open();
    world.unpaid_order().await;
    let years_later = clock::now().plus_millis(100_000_000_000);
    let judged = async |at| audit::run_at(Arc::clone(&world.store.facts), at).await.expect("an audit").is_clean();
    assert!(!judged(years_later).await);
    assert!(judged(clock::now()).await);
}

#[tokio::test]
async fn a_saga_with_work_that_nobody_drives_is_found() {
    let world = World::open();
    let placed = world.interrupted().await;
    assert!(world.audit().await.is_clean());
    let earlier = either(
        format!("json_set(entry, '$.at', json_extract(entry, '$.at') - {DAYS})"),
        format!("jsonb_set(entry::jsonb, '{{at}}', to_jsonb((entry::jsonb->>'at')::bigint - {DAYS}))::text"),
    );
    world.plant(&format!("UPDATE saga_log SET entry = {earlier}"), None);
    assert_only(&world.audit().await, "sagas_with_work_are_driven", placed);
}

#[tokio::test]
async fn a_call_that_nobody_makes_again_is_found() {
    let world = World::open();
    let placed = world.unpaid_order().await;
    for (next_attempt_at, is_late) in [("9000000000000", false), ("1000", true)] {
        let trouble = format!(r#"{{"error":"away","status":503,"next_attempt_at":{next_attempt_at}}}"#);
        world.plant(
            &format!(
                "UPDATE payment_payment SET call = 'charge', trouble = '{trouble}' WHERE order_id = ?1 AND id <> ?2"
            ),
            Some(placed),
        );
        let report = world.audit().await;
        if is_late {
            assert_only(&report, "outside_calls_are_made_again", placed);
        } else {
            assert!(report.is_clean(), "{report}");
        }
    }
}
