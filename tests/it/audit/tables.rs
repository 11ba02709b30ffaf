//! What must hold between the rows of one owner: red where it does not, also where the owners are apart.

use super::{
    apart::{APART, Apart},
    assert_only, red,
    world::World,
};
use crate::support::{either, sqlite_only};
use backstitch::{
    audit,
    store::{CATALOGUE, KEYS, STRETCHES, WORDS},
};

/// What the audit of a database finds after this change of it.
async fn found_after(sql: &str) -> Vec<&'static str> {
    let world = World::open();
    world.delivered_order().await;
    let report = world.audit().await;
    assert!(report.is_clean(), "{report}");
    world.plant(sql, None);
    red(&world.audit().await)
}

/// Any id that nothing has.
fn nobody() -> &'static str {
    either("zeroblob(16)", "'00000000-0000-0000-0000-000000000000'")
}

#[tokio::test]
async fn an_order_that_its_shops_list_leaves_out_is_found() {
    let world = World::open();
    let placed = world.delivered_order().await;
    world.plant("DELETE FROM order_shop WHERE order_id = ?1 AND order_id <> ?2", Some(placed));
    assert_only(&world.audit().await, "shops_list_what_is_sold_for_them", placed);
}

#[tokio::test]
async fn an_order_in_the_list_of_a_shop_that_sells_nothing_of_it_is_found() {
    let check = "shops_list_what_is_sold_for_them";
    let nobody = nobody();
    assert_eq!(found_after(&format!("UPDATE order_shop SET shop_id = {nobody}")).await, [check]);
    let dangling = format!("INSERT INTO order_shop (shop_id, order_id) VALUES ({nobody}, {nobody})");
    assert_eq!(found_after(&dangling).await, [check]);
}

#[tokio::test]
async fn a_key_of_what_is_not_there_is_found() {
    let nobody = nobody();
    let hash = either("zeroblob(32)", "decode(repeat('00', 32), 'hex')");
    for (table, columns, values) in [
        ("order", "order_id", nobody.to_owned()),
        ("saga", "order_id, saga_id", format!("{nobody}, {nobody}")),
        ("payment", "order_id, number", format!("{nobody}, 0")),
        ("stock", "request_id, transfer_id", format!("{nobody}, {nobody}")),
        ("catalog", "request_id, made", format!("{nobody}, {nobody}")),
    ] {
        let sql = format!(
            "INSERT INTO {table}_idempotency (scope, key, body_hash, created_at, {columns}) \
             VALUES ('anyone POST /orders', 'k', {hash}, 1, {values})"
        );
        assert_eq!(found_after(&sql).await, [KEYS], "{table}");
    }
}

#[tokio::test]
async fn a_row_of_the_catalogue_or_the_stock_without_what_it_names_is_found() {
    let nobody = nobody();
    for sql in [
        format!("UPDATE catalog_variant SET product_id = {nobody}"),
        format!("UPDATE catalog_warehouse SET shop_id = {nobody}"),
        "DELETE FROM catalog_shop".to_owned(),
        "DELETE FROM catalog_variant".to_owned(),
        "DELETE FROM catalog_warehouse".to_owned(),
        format!(
            "INSERT INTO catalog_offer (shop_id, variant_id, price, currency, active, created_at, updated_at, version) \
             VALUES ({nobody}, {nobody}, 1, 'IDR', TRUE, 1, 1, 1)"
        ),
    ] {
        assert_eq!(found_after(&sql).await, [CATALOGUE], "{sql}");
    }
}

#[tokio::test]
async fn movements_that_a_list_leaves_out_are_found() {
    if sqlite_only("PostgreSQL's indexes need no stretches") {
        return;
    }
    for sql in [
        "DELETE FROM stock_variant_stretch",
        "DELETE FROM stock_warehouse_stretch",
        "INSERT INTO stock_variant_stretch (variant_id, stretch) SELECT id, 9 FROM catalog_variant",
        "INSERT INTO stock_warehouse_stretch (warehouse_id, stretch) SELECT id, 9 FROM catalog_warehouse",
    ] {
        assert_eq!(found_after(sql).await, [STRETCHES], "{sql}");
    }
}

#[tokio::test]
async fn a_product_that_its_words_do_not_find_is_found() {
    assert_eq!(found_after("UPDATE catalog_product SET name = 'Teh'").await, [WORDS]);
    assert_eq!(found_after("UPDATE catalog_product SET category = 'Biji'").await, [WORDS]);
    let lost = either("DELETE FROM catalog_search", "UPDATE catalog_product SET words = ''");
    assert_eq!(found_after(lost).await, [WORDS]);
}

#[tokio::test]
async fn what_one_owner_alone_must_know_is_judged_where_owners_are_apart() {
    let world = World::open();
    world.delivered_order().await;
    world.unpaid_order().await;
    let nobody = nobody();
    for sql in [
        format!("UPDATE order_shop SET shop_id = {nobody}"),
        "UPDATE saga_saga SET wake_at = 1 WHERE wake_at IS NOT NULL".to_owned(),
        format!("UPDATE catalog_variant SET product_id = {nobody}"),
        "UPDATE catalog_product SET name = 'Teh'".to_owned(),
        format!(
            "INSERT INTO payment_idempotency (scope, key, body_hash, created_at, order_id, number) \
             VALUES ('anyone POST /payments', 'k', {}, 1, {nobody}, 0)",
            either("zeroblob(32)", "decode(repeat('00', 32), 'hex')")
        ),
    ] {
        world.plant(&sql, None);
    }
    let whole = world.audit().await;
    assert_eq!(red(&whole), ["shops_list_what_is_sold_for_them", "due_sagas_are_woken", KEYS, CATALOGUE, WORDS]);
    let apart = Apart::of(&world, &APART);
    assert_eq!(audit::run(apart.facts()).await.expect("an audit"), whole);
}
