use super::*;
use crate::{
    domain::{ids::ShopId, reason::Reason, time::Timestamp},
    role::Roles,
    store::sqlite::{connect_read_only, migrate},
};
use rusqlite::params_from_iter;
use rusqlite::types::Null;
use uuid::Uuid;

/// Every filter that is not alone in leading to the rows, each in or out: the statements of all combinations.
fn combinations() -> Vec<(OrderFilter, OrderStretch, String)> {
    let set: [fn(&mut OrderFilter); 8] = [
        |filter| filter.ids = Some(vec![OrderId::from_uuid(Uuid::nil())]),
        |filter| filter.customer_ref = Some(CustomerRef::stored("cust".into())),
        |filter| filter.reasons = vec![Reason::OutOfStock, Reason::PaymentDeclined],
        |filter| filter.statuses = vec![OrderStatus::Failed, OrderStatus::Cancelled],
        |filter| filter.shop_id = Some(ShopId::from_uuid(Uuid::nil())),
        |filter| filter.created_after = Some(Timestamp::from_millis(1_000_000_000)),
        |filter| filter.created_before = Some(Timestamp::from_millis(3_000_000_000)),
        |filter| filter.updated_after = Some(Timestamp::from_millis(2_000_000_000)),
    ];
    let chosen = |bits: usize| {
        let mut filter = OrderFilter::default();
        set.iter().enumerate().filter(|(bit, _)| bits & (1 << bit) != 0).for_each(|(_, set)| set(&mut filter));
        filter
    };
    let mut all = Vec::new();
    for filter in (0..1 << set.len()).map(chosen) {
        for stretch in filter.stretches() {
            for after_a_cursor in [false, true] {
                all.push((filter.clone(), stretch, walk(&filter, stretch).sql(after_a_cursor)));
            }
        }
    }
    all
}

#[test]
fn every_combination_of_filters_is_led_by_an_index_and_only_what_is_few_is_sorted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    migrate(&path, Roles::ALL).unwrap();
    let conn = connect_read_only(&path).unwrap();
    for (filter, stretch, sql) in combinations() {
        let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let parameters = vec![Null; statement.parameter_count()];
        let rows = statement.query_map(params_from_iter(parameters), |row| row.get::<_, String>(3)).unwrap();
        let plan = rows.map(Result::unwrap).collect::<Vec<_>>().join("; ");
        let bounds = [stretch.from.is_some(), stretch.until.is_some()];
        let (by, sorts) = match (filter.lead(), stretch.changed_late) {
            (OrderLead::Ids, _) => ("id=?)", true),
            (_, Some(_)) => ("SEARCH order_order USING INDEX order_order_changed (changed_late>?)", true),
            (OrderLead::Customer, _) => ("SEARCH order_order USING INDEX order_order_customer (customer_ref=?", false),
            (OrderLead::Reasons, _) => ("SEARCH order_order USING INDEX order_order_reason (reason=?", false),
            (OrderLead::Closed, _) => ("SEARCH order_order USING INDEX order_order_closed (status=?", false),
            (OrderLead::Shop, _) => ("SEARCH order_shop USING PRIMARY KEY (shop_id=?", false),
            (OrderLead::All, _) if bounds == [false, false] && !sql.contains("id < ") => ("SCAN order_order", false),
            (OrderLead::All, _) => ("SEARCH order_order USING PRIMARY KEY (id", false),
        };
        assert!(plan.contains(by), "{filter:?}: {sql}: {plan}");
        assert!(sorts || !plan.contains("TEMP B-TREE"), "{filter:?}: {sql}: {plan}");
        // An index that is walked by its times is walked between them.
        let is_bounded = !plan.contains("(reason=?)") && !plan.contains("(status=?)") && !plan.contains("(shop_id=?)");
        assert!(
            bounds == [false, false] || sorts || is_bounded || by.contains("customer"),
            "{filter:?}: {sql}: {plan}"
        );
    }
}

#[test]
fn orders_are_counted_between_two_ids() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("test.db");
    migrate(&path, Roles::ALL).unwrap();
    let conn = connect_read_only(&path).unwrap();
    let sql = concat!("EXPLAIN QUERY PLAN SELECT status, currency, total_amount", counted!());
    let mut statement = conn.prepare(sql).unwrap();
    let plan: String = statement.query_row([Null; 4], |row| row.get(3)).unwrap();
    assert_eq!(plan, "SEARCH order_order USING PRIMARY KEY (id>? AND id<?)");
}
