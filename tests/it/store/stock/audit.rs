//! What the audit says of stock that was tampered with.

use super::given::{Buyer, Depot, depot};
use crate::support::sqlite_only;

/// One order that waits, one that has its pieces, one that gave them back.
async fn busy() -> Depot {
    let depot = depot(&[20, 5]).await;
    for number in 0..3 {
        let buyer = Buyer::new();
        depot.outcome(buyer.reserve(&[depot.demand(2)])).await;
        if number > 0 {
            depot.outcome(buyer.commit()).await;
        }
        if number > 1 {
            depot.outcome(buyer.release()).await;
        }
    }
    assert!(depot.red().await.is_empty());
    depot
}

#[actix_web::test]
async fn each_fault_turns_its_own_check_red() {
    for (sql, check) in [
        ("UPDATE stock_level SET on_hand = on_hand + 1 WHERE on_hand > 10", "stock_is_the_sum_of_its_movements"),
        ("DELETE FROM stock_movement WHERE kind = 'receive' AND on_hand = 5", "stock_is_the_sum_of_its_movements"),
        ("DELETE FROM stock_level WHERE on_hand = 5", "stock_is_the_sum_of_its_movements"),
        (
            "UPDATE stock_reservation SET status = 'released' WHERE status = 'committed'",
            "nothing_is_reserved_or_taken_twice",
        ),
        ("UPDATE stock_level SET on_hand = -1 WHERE on_hand = 5", "levels_are_readable"),
        ("UPDATE stock_reservation SET items = '?' WHERE status = 'committed'", "rows_are_readable"),
    ] {
        let depot = busy().await;
        depot.test.raw().unchecked("stock_level", sql);
        assert_eq!(depot.red().await, [check], "{sql}");
    }
}

#[actix_web::test]
async fn pieces_that_no_order_holds_are_found() {
    let depot = busy().await;
    depot.test.raw().execute_batch("DELETE FROM stock_reservation WHERE status = 'reserved'").unwrap();
    let expected = ["nothing_is_reserved_or_taken_twice", "reserved_stock_is_the_sum_of_open_reservations"];
    assert_eq!(depot.red().await, expected);
}

#[actix_web::test]
async fn a_piece_that_was_taken_twice_is_found() {
    let depot = busy().await;
    // As a barrier that forgets would leave it: everything moved again, under a revision of its own.
    depot
        .test
        .raw()
        .execute_batch(
            "INSERT INTO stock_movement (warehouse_id, variant_id, kind, on_hand, reserved, order_id, revision, number, \
             at) SELECT m.warehouse_id, m.variant_id, m.kind, m.on_hand, m.reserved, m.order_id, 1, m.number, m.at \
             FROM stock_movement m JOIN stock_reservation r ON r.order_id = m.order_id WHERE r.status = 'committed'; \
             UPDATE stock_level SET on_hand = on_hand - 2 WHERE on_hand > 10",
        )
        .unwrap();
    assert_eq!(depot.red().await, ["nothing_is_reserved_or_taken_twice"]);
}

#[actix_web::test]
async fn nothing_is_moved_twice_for_one_revision_of_an_order() {
    let depot = busy().await;
    let again = "INSERT INTO stock_movement (warehouse_id, variant_id, kind, on_hand, reserved, order_id, revision, \
                 number, at) SELECT warehouse_id, variant_id, kind, on_hand, reserved, order_id, revision, number, at \
                 FROM stock_movement WHERE order_id IS NOT NULL LIMIT 1";
    assert!(depot.test.raw().execute(again, &[]).is_err());
}

#[actix_web::test]
async fn a_row_that_does_not_say_its_warehouse_is_found_and_hides_no_other() {
    if sqlite_only("on PostgreSQL a column of ids takes nothing else") {
        return;
    }
    for (sql, checks) in [
        (
            "INSERT INTO stock_level SELECT variant_id, x'ff', shop_id, 0, 0, 0, 1 FROM stock_level LIMIT 1",
            &["levels_are_readable"][..],
        ),
        (
            "INSERT INTO stock_movement (warehouse_id, variant_id, kind, on_hand, reserved, at) \
             SELECT x'ff', variant_id, 'receive', 0, 0, 0 FROM stock_level LIMIT 1",
            &["levels_are_readable"],
        ),
        (
            "INSERT INTO stock_level SELECT variant_id, x'00', shop_id, 0, 0, 0, 1 FROM stock_level LIMIT 1; \
             UPDATE stock_level SET on_hand = on_hand + 1 WHERE on_hand > 10",
            &["levels_are_readable", "stock_is_the_sum_of_its_movements"],
        ),
    ] {
        let depot = busy().await;
        depot.test.raw().unchecked("stock_level", sql);
        assert_eq!(depot.red().await, checks, "{sql}");
    }
}
