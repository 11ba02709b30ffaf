//! `backstitch demo`, and the catalogue as CSV through the real binary.

use super::server::{Server, assert_audit_is_clean, command, database};
use serde_json::Value;
use std::{path::Path, process::Output};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    command(directory).args(arguments).output().expect("the binary runs")
}

#[track_caller]
fn succeeds(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[track_caller]
fn fails(directory: &Path, arguments: &[&str]) -> String {
    let output = run(directory, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stdout));
    text(&output.stderr)
}

fn rows(directory: &Path, sql: &str) -> Vec<String> {
    let conn = rusqlite::Connection::open(database(directory)).expect("the database");
    let mut statement = conn.prepare(sql).expect("a statement");
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let values: Vec<_> = (0..columns).map(|at| format!("{:?}", row.get_ref(at).expect("a value"))).collect();
        Ok(values.join(" "))
    });
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

/// Everything that the demo makes but when it did.
fn catalogue(directory: &Path) -> Vec<String> {
    [
        "SELECT number, id, name, description, category, active, version FROM catalog_product",
        "SELECT id, product_id, sku, size, attributes, active, version FROM catalog_variant",
        "SELECT id, name, city, active, version FROM catalog_shop",
        "SELECT shop_id, variant_id, price, currency, active, version FROM catalog_offer",
        "SELECT id, shop_id, name, address, priority, active, version FROM catalog_warehouse",
        "SELECT variant_id, warehouse_id, shop_id, on_hand, reserved, version FROM stock_level",
        "SELECT seq, warehouse_id, variant_id, kind, on_hand, reserved, reason FROM stock_movement",
    ]
    .into_iter()
    .flat_map(|sql| rows(directory, sql))
    .collect()
}

#[test]
fn two_demos_are_the_same() {
    let directories = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory"));
    let [one, other] = directories.each_ref().map(|directory| {
        let said = succeeds(directory.path(), &["demo"]);
        for words in ["10 shops with 20 warehouses", "200 products in 600 variants", "curl"] {
            assert!(said.contains(words), "{said}");
        }
        catalogue(directory.path())
    });
    assert!(one.len() > 6_000 && one == other);
}

#[test]
fn a_demo_on_a_database_with_a_catalogue_changes_nothing() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    succeeds(directory.path(), &["demo"]);
    let before = catalogue(directory.path());

    let said = fails(directory.path(), &["demo", "--orders", "3"]);

    assert!(said.contains("products or shops already"), "{said}");
    assert!(catalogue(directory.path()) == before);
    assert!(rows(directory.path(), "SELECT id FROM order_order").is_empty());
}

#[test]
fn orders_of_a_demo_come_to_rest_and_keep_every_promise() {
    let directory = tempfile::tempdir().expect("a temporary directory");

    let said = succeeds(directory.path(), &["demo", "--orders", "60"]);

    assert!(said.contains("60 orders placed") && said.contains("completed"), "{said}");
    assert_eq!(rows(directory.path(), "SELECT id FROM saga_saga WHERE finished_at IS NOT NULL").len(), 60);
    assert_audit_is_clean(directory.path());
}

#[actix_web::test]
async fn what_a_demo_proposes_can_be_ordered() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let said = succeeds(directory.path(), &["demo"]);
    let body = said.split("-d '").nth(1).and_then(|rest| rest.split('\'').next()).expect("a body").to_owned();
    let server = Server::start(directory.path()).await;

    let order = crate::support::http_client()
        .post(server.at("/orders?wait=60"))
        .header("Content-Type", "application/json")
        .body(body)
        .send()
        .await
        .expect("an answer");

    let order: Value = order.json().await.expect("JSON");
    assert_eq!(order["data"]["status"], "completed", "{order}");
    assert_eq!(order["data"]["shop_orders"].as_array().map(Vec::len), Some(2), "{order}");
    assert_eq!(server.terminate().await, Some(0));
}

#[actix_web::test]
async fn neither_demo_nor_import_touches_a_database_that_is_served() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(directory.path()).await;
    std::fs::write(directory.path().join("stock.csv"), "warehouse,sku,on_hand\n").expect("a file");

    for arguments in [&["demo"][..], &["import", "stock", "stock.csv"]] {
        let said = fails(directory.path(), arguments);
        assert!(said.contains("in use by another backstitch server"), "{said}");
    }

    assert_eq!(server.terminate().await, Some(0));
}

#[test]
fn a_demo_goes_out_as_csv_and_comes_back_without_a_change() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    succeeds(directory.path(), &["demo"]);
    let before = catalogue(directory.path());

    for sheet in ["products", "offers", "stock"] {
        succeeds(directory.path(), &["export", sheet, "out.csv", "--force", "--protect"]);
        let said = succeeds(directory.path(), &["import", sheet, "out.csv"]);
        assert!(said.contains("0 added, 0 changed"), "{said}");
        let file = std::fs::read_to_string(directory.path().join("out.csv")).expect("a file");
        assert_eq!(succeeds(directory.path(), &["export", sheet, "--protect"]), file);
    }

    assert!(catalogue(directory.path()) == before);
}

#[test]
fn a_file_that_is_refused_ends_with_exit_code_one_and_its_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    succeeds(directory.path(), &["demo"]);
    let before = catalogue(directory.path());
    let file =
        "shop,sku,price,currency,active\nNusantara Mart,KOP-001-250G,90000,IDR,true\nNusantara Mart,X,1,IDR,true\n";
    std::fs::write(directory.path().join("offers.csv"), file).expect("a file");

    let said = fails(directory.path(), &["import", "offers", "offers.csv"]);

    assert!(said.contains("line 3, column sku, \"X\"") && said.contains("nothing was changed"), "{said}");
    assert!(catalogue(directory.path()) == before);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    succeeds(directory.path(), &["migrate"]);
    let said = fails(directory.path(), &["import", "stock", "nowhere.csv"]);
    assert!(said.contains("cannot read nowhere.csv"), "{said}");
}

#[test]
fn an_export_that_cannot_be_written_leaves_no_file() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    succeeds(directory.path(), &["migrate"]);
    let said = fails(directory.path(), &["export", "stock", "no/such/directory.csv"]);
    assert!(said.contains("cannot write no/such/directory.csv"), "{said}");
}
