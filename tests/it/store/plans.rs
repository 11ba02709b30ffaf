//! How SQLite finds what is asked for: an index that is paid for at every write must be used by what it is
//! for, and no write may build a temporary b-tree.
//!
//! The store's conditions are written here again, on purpose: whoever changes one of them there is sent here
//! by its comment, and the index must fit the words.

use super::given::{TestStore, store};
use crate::support::sqlite_only;
use rusqlite::{Connection, params_from_iter, types::Null};

/// One column of what SQLite says of a statement, whatever its parameters are.
fn explain(conn: &Connection, sql: &str, column: usize) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    let parameters = vec![Null; statement.parameter_count()];
    let rows = statement.query_map(params_from_iter(parameters), |row| row.get(column)).unwrap();
    rows.map(Result::unwrap).collect()
}

fn plan(sql: &str) -> String {
    let test = store();
    let conn = test.connection();
    explain(&conn, &format!("EXPLAIN QUERY PLAN {sql}"), 3).join("; ")
}

#[test]
fn lists_of_what_went_wrong_are_found_by_their_partial_indexes() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    for (sql, index) in [
        (
            "SELECT id FROM saga_saga WHERE status = ?1 AND status <> 'running' AND status <> 'completed' ORDER BY id DESC",
            "saga_saga_unwound",
        ),
        (
            "SELECT id FROM saga_saga INDEXED BY saga_saga_unfinished WHERE status = ?1 AND finished_at IS NULL ORDER BY id DESC",
            "saga_saga_unfinished",
        ),
        ("SELECT id FROM order_order WHERE status = ?1 AND reason IS NOT NULL ORDER BY id DESC", "order_order_closed"),
        (
            "SELECT id FROM payment_payment WHERE status = ?1 AND status <> 'pending' AND status <> 'paid' ORDER BY id DESC",
            "payment_payment_closed",
        ),
        (
            "SELECT id FROM payment_notification WHERE status = ?1 AND status <> 'delivered' ORDER BY id DESC",
            "payment_notification_open",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index), "{sql}: {plan}");
    }
}

#[test]
fn what_others_call_a_payment_or_a_shipment_and_a_sku_are_looked_up() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    for (sql, index) in [
        (
            "SELECT id FROM payment_payment WHERE reference = ?1 AND id < ?2 ORDER BY id DESC",
            "payment_payment_reference",
        ),
        (
            "SELECT id FROM shipment_shipment WHERE status <> ?1 AND tracking_number = ?2 ORDER BY id DESC",
            "shipment_shipment_tracking",
        ),
        (
            "SELECT id FROM shipment_shipment WHERE status = ?1 AND status = 'cancelled' AND id < ?2 ORDER BY id DESC",
            "shipment_shipment_cancelled",
        ),
        ("SELECT id FROM catalog_variant v WHERE sku = ?1 AND active = ?2 ORDER BY id DESC", "catalog_variant_sku"),
        ("SELECT id FROM catalog_variant v WHERE product_id = ?1 ORDER BY id DESC", "catalog_variant_product"),
        (
            "SELECT id FROM saga_saga WHERE status = ?1 AND status <> 'running' AND status <> 'completed' UNION ALL \
             SELECT id FROM saga_saga WHERE status = ?2 AND status <> 'running' AND status <> 'completed' ORDER BY id DESC",
            "saga_saga_unwound",
        ),
        (
            "SELECT id FROM payment_payment WHERE status = ?1 AND status <> 'pending' AND status <> 'paid' UNION ALL \
             SELECT id FROM payment_payment WHERE status = ?2 AND status <> 'pending' AND status <> 'paid' ORDER BY id DESC",
            "payment_payment_closed",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

/// What PostgreSQL says of a statement as a reader asks it.
fn postgres_plan(test: &TestStore, sql: &str) -> String {
    let sql = format!("SET enable_seqscan = off; EXPLAIN (COSTS OFF) {sql}");
    let rows = test.raw().rows(&sql, &[]);
    rows.into_iter().flatten().flatten().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join("; ")
}

#[test]
fn postgresql_finds_orders_by_the_indexes_that_are_kept_for_it() {
    let test = TestStore::on_postgres();
    // On a table of a few rows, any plan will do.
    let many = "INSERT INTO order_order (id, currency, total_amount, lines, revision, status, reason, created_at, updated_at, \
                version) SELECT gen_random_uuid(), 'IDR', 1, '[]', 0, CASE n % 10 WHEN 0 THEN 'failed' ELSE 'completed' END, \
                CASE n % 10 WHEN 0 THEN 'payment_declined' END, n, n + 1000 * (n % 100), 1 FROM generate_series(1, 20000) n";
    let id = "'0198c0de-0000-7000-8000-000000000000'";
    let of_shop = format!("INSERT INTO order_shop SELECT {id}, id FROM order_order");
    test.raw().execute_batch(&format!("{many}; {of_shop}; ANALYZE order_order; ANALYZE order_shop")).unwrap();
    for (sql, index, sorts) in [
        (format!("SELECT id FROM order_order WHERE id >= {id} AND id < {id} ORDER BY id DESC LIMIT 20"), "order_order_pkey", false),
        (
            format!("SELECT id FROM order_order WHERE id < {id} AND reason = 'out_of_stock' ORDER BY id DESC LIMIT 20"),
            "order_order_reason",
            false,
        ),
        (
            format!(
                "(SELECT id FROM order_order WHERE id < {id} AND reason = 'out_of_stock' ORDER BY id DESC LIMIT 20) UNION ALL \
                 (SELECT id FROM order_order WHERE id < {id} AND reason = 'payment_declined' ORDER BY id DESC LIMIT 20) \
                 ORDER BY 1 DESC LIMIT 20"
            ),
            "order_order_reason",
            false,
        ),
        (
            "SELECT id FROM order_order WHERE status = ANY('{failed,cancelled}') AND reason IS NOT NULL ORDER BY id DESC LIMIT 20"
                .to_owned(),
            "order_order_closed",
            false,
        ),
        (
            format!(
                "SELECT id FROM order_order WHERE (id < {id}) IS TRUE AND changed_late >= \
                 (SELECT CASE WHEN created_at < 5 THEN 5 END FROM order_order ORDER BY id LIMIT 1) ORDER BY id DESC LIMIT 20"
            ),
            "order_order_changed",
            true,
        ),
        (
            format!(
                "SELECT id FROM order_shop JOIN order_order ON id = order_id WHERE shop_id = {id} AND order_id >= {id} \
                 ORDER BY order_id DESC LIMIT 20"
            ),
            "order_shop_pkey",
            false,
        ),
        (
            "SELECT id FROM payment_payment WHERE reference = 'TX' ORDER BY id DESC LIMIT 20".to_owned(),
            "payment_payment_reference",
            false,
        ),
        (
            "SELECT id FROM shipment_shipment WHERE status <> 'requested' AND tracking_number = 'T' ORDER BY id DESC LIMIT 20"
                .to_owned(),
            "shipment_shipment_tracking",
            false,
        ),
        (
            format!(
                "SELECT status, currency, count(*), sum(total_amount)::text FROM order_order WHERE id >= {id} AND id < {id} \
                 AND created_at >= 1 AND created_at < 2 GROUP BY 1, 2"
            ),
            "order_order_pkey",
            true,
        ),
    ] {
        let plan = postgres_plan(&test, &sql);
        assert!(plan.contains(index), "{sql}: {plan}");
        let is_sorted = plan.split("; ").any(|node| node.trim_start_matches("-> ").trim_start() == "Sort");
        assert!(sorts || !is_sorted, "{sql}: {plan}");
    }
}

#[test]
fn recovery_and_timers_look_at_unfinished_sagas_alone() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    for sql in [
        "SELECT id FROM saga_saga WHERE finished_at IS NULL AND wake_at <= ?1 ORDER BY wake_at, id LIMIT ?2",
        "SELECT min(wake_at) FROM saga_saga WHERE finished_at IS NULL AND wake_at > ?1",
        "SELECT id FROM saga_saga WHERE finished_at IS NULL AND wake_at IS NULL AND id > coalesce(?1, x'') ORDER BY id LIMIT ?2",
    ] {
        let plan = plan(sql);
        assert!(plan.contains("saga_saga_unfinished") && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

#[test]
fn what_is_to_be_told_is_found_among_what_was_told_long_ago() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    for (sql, index) in [
        (
            "SELECT id FROM payment_notification WHERE target = ?1 AND next_attempt_at <= ?2 \
             AND (claimed_until IS NULL OR claimed_until <= ?2) ORDER BY next_attempt_at LIMIT ?3",
            "payment_notification_due",
        ),
        ("SELECT id FROM payment_notification WHERE payment_id = ?1", "payment_notification_once"),
        ("SELECT id FROM payment_notification WHERE order_id = ?1", "payment_notification_order"),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

#[test]
fn old_sagas_are_found_along_their_ids_without_an_index_of_their_own() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    for (sql, index) in [
        ("SELECT status FROM saga_saga WHERE id > coalesce(?1, x'') ORDER BY id", "USING PRIMARY KEY (id>?)"),
        (
            "SELECT s.status FROM saga_passed_over p CROSS JOIN saga_saga s ON s.id = p.saga_id WHERE p.since < ?1 \
             ORDER BY p.since, p.saga_id",
            "SEARCH p USING PRIMARY KEY (since<?)",
        ),
        ("DELETE FROM saga_log WHERE saga_id = ?1", "saga_log_position"),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

#[test]
fn the_catalogue_is_read_in_the_order_of_its_indexes() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    for (sql, index) in [
        ("SELECT id FROM catalog_product WHERE category = ?1 ORDER BY id DESC", "catalog_product_category"),
        ("SELECT id FROM catalog_variant WHERE product_id = ?1 ORDER BY id", "catalog_variant_product"),
        (
            "SELECT price FROM catalog_offer WHERE variant_id = ?1 AND (price, shop_id) > (?2, ?3) ORDER BY price, shop_id",
            "catalog_offer_variant",
        ),
        (
            "SELECT price FROM catalog_offer WHERE shop_id = ?1 AND variant_id < ?2 ORDER BY variant_id DESC",
            "PRIMARY KEY",
        ),
        ("SELECT count(*) FROM catalog_warehouse WHERE shop_id = ?1", "catalog_warehouse_shop"),
        ("SELECT id FROM catalog_product WHERE name = ?1 LIMIT 2", "catalog_product_name"),
        ("SELECT id FROM catalog_shop WHERE name = ?1", "catalog_shop_name"),
        ("SELECT id FROM catalog_warehouse WHERE shop_id = ?1 AND name = ?2", "catalog_warehouse_shop"),
        (
            "SELECT v.sku FROM catalog_product p CROSS JOIN catalog_variant v ON v.product_id = p.id ORDER BY p.id, v.id",
            "catalog_product_id",
        ),
        (
            "SELECT price FROM catalog_offer o CROSS JOIN catalog_shop s ON s.id = o.shop_id ORDER BY o.shop_id, o.variant_id",
            "SCAN o",
        ),
        (
            "SELECT l.on_hand FROM stock_level l CROSS JOIN catalog_warehouse w ON w.id = l.warehouse_id \
             ORDER BY l.warehouse_id, l.variant_id",
            "stock_level_warehouse",
        ),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
}

#[test]
fn stock_is_found_by_the_indexes_that_are_kept_for_it() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    for (sql, index) in [
        (
            "SELECT l.version FROM catalog_warehouse w CROSS JOIN stock_level l ON l.variant_id = ?2 \
             AND l.warehouse_id = w.id WHERE w.shop_id = ?1 AND w.active = 1",
            "catalog_warehouse_shop",
        ),
        (
            "SELECT l.version FROM catalog_warehouse w CROSS JOIN stock_level l ON l.variant_id = ?2 \
             AND l.warehouse_id = w.id WHERE w.shop_id = ?1 AND w.active = 1",
            "l USING PRIMARY KEY (variant_id=? AND warehouse_id=?)",
        ),
        (
            "SELECT id FROM (SELECT variant_id AS id, warehouse_id FROM stock_level) WHERE warehouse_id = ?1 \
             AND id < ?2 ORDER BY id DESC",
            "stock_level_warehouse",
        ),
        ("SELECT kind, at FROM stock_movement WHERE order_id IS NOT NULL ORDER BY order_id", "stock_movement_order"),
        ("SELECT on_hand FROM stock_level ORDER BY variant_id, warehouse_id", "SCAN stock_level"),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
    // A stretch of the ledger is looked through by the numbers of its rows.
    for of in ["variant", "warehouse"] {
        let sql = format!(
            "SELECT seq FROM stock_{of}_stretch s CROSS JOIN stock_movement m ON seq BETWEEN stretch * 1024 \
             AND stretch * 1024 + 1023 AND m.{of}_id = s.{of}_id WHERE s.{of}_id = ?1 AND stretch <= ?2 AND seq < ?3 \
             ORDER BY stretch DESC, seq DESC"
        );
        let plan = plan(&sql);
        let found_by = [format!("s USING PRIMARY KEY ({of}_id=? AND stretch<?)"), "m USING INTEGER PRIMARY KEY".into()];
        assert!(found_by.iter().all(|found| plan.contains(found)) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
    // An order has a few movements: sorting those costs less than reading everybody's.
    let of_order = "SELECT seq FROM stock_movement m WHERE order_id = ?1 ORDER BY seq DESC";
    assert!(plan(of_order).contains("stock_movement_order"), "{}", plan(of_order));
}

#[test]
fn an_orders_payments_are_found_by_their_key_and_outstanding_calls_by_the_index_of_calls() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    let outstanding = "SELECT version FROM payment_payment WHERE order_id IN (SELECT DISTINCT order_id FROM payment_payment \
                       WHERE call IS NOT NULL AND order_id > coalesce(?1, x'') ORDER BY order_id LIMIT ?2) \
                       ORDER BY order_id, number";
    for (sql, index) in [
        ("SELECT version FROM payment_payment WHERE order_id = ?1 ORDER BY number", "USING PRIMARY KEY (order_id=?)"),
        (outstanding, "USING PRIMARY KEY (order_id=?)"),
        (outstanding, "payment_payment_call"),
        ("SELECT version FROM payment_payment ORDER BY order_id, number", "SCAN payment_payment"),
        ("SELECT at FROM payment_movement ORDER BY order_id, payment_id, kind", "SCAN payment_movement"),
    ] {
        let plan = plan(sql);
        assert!(plan.contains(index) && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
    }
    // An order has a few payments: sorting those costs less than reading everybody's.
    for sql in [
        "SELECT version FROM payment_payment WHERE order_id = ?1 ORDER BY id DESC",
        "SELECT version FROM payment_payment WHERE order_id = ?1 AND id < ?2 ORDER BY id DESC",
    ] {
        assert!(plan(sql).contains("USING PRIMARY KEY (order_id=?)"), "{sql}: {}", plan(sql));
    }
}

#[test]
fn no_write_builds_a_temporary_b_tree() {
    if sqlite_only("these are SQLite's plans") {
        return;
    }
    let test = store();
    let conn = test.connection();
    let column = |sql: &str, table: &str| -> Vec<String> {
        let mut statement = conn.prepare(sql).unwrap();
        let names = statement.query_map([table], |row| row.get(0)).unwrap();
        names.map(Result::unwrap).collect()
    };
    let tables =
        column("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '*_migrations' AND ?1 = ''", "");
    assert!(tables.len() >= 8, "{tables:?}");
    for table in tables {
        let columns = column("SELECT name FROM pragma_table_info(?1)", &table);
        let mut writes = vec![format!("INSERT INTO {table} VALUES ({})", vec!["NULL"; columns.len()].join(", "))];
        if ["order_order", "payment_payment", "shipment_shipment", "saga_saga", "stock_reservation"]
            .contains(&table.as_str())
        {
            let mutable = column("SELECT name FROM pragma_table_info(?1) WHERE pk = 0 AND name NOT GLOB '*id'", &table);
            let changes = mutable.iter().map(|column| format!("{column} = ?2")).collect::<Vec<_>>().join(", ");
            writes.push(format!("UPDATE {table} SET {changes} WHERE {} = ?1", columns[0]));
        }
        for sql in writes {
            let opcodes = explain(&conn, &format!("EXPLAIN {sql}"), 1);
            assert!(!opcodes.is_empty() && opcodes.iter().all(|opcode| opcode != "OpenEphemeral"), "{sql}");
        }
    }
}
