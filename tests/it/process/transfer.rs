//! `backstitch migrate --from sqlite:… --to postgres://…`: everything is there afterwards, and goes on.

use super::server::{Server, command, database, eventually, get};
use crate::support::{self, id, manual, simulated};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};
use tempfile::TempDir;
use tokio_postgres::SimpleQueryMessage;

/// What is moved to in these tests, whichever backend the others run on.
type Target = support::Database;

fn empty() -> Target {
    support::Server::shared().database()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The command that moves the database of `directory` to `url`.
fn mover(directory: &Path, url: &str) -> Command {
    let mut mover = command(directory);
    mover.args(["migrate", "--from"]).arg(format!("sqlite:{}", database(directory).display())).args(["--to", url]);
    mover
}

/// A command on the database that was moved to.
fn on(directory: &Path, target: &Target) -> Command {
    let mut command = command(directory);
    command.env("BACKSTITCH__STORE__URL", target.url());
    command
}

#[track_caller]
fn moves(directory: &Path, target: &Target) -> Output {
    let moved = mover(directory, &target.url()).output().expect("the binary runs");
    assert!(moved.status.success(), "{}\n{}", text(&moved.stdout), text(&moved.stderr));
    moved
}

/// Why nothing is moved, or no further.
#[track_caller]
fn refused(directory: &Path, target: &Target) -> String {
    let refused = mover(directory, &target.url()).output().expect("the binary runs");
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stdout));
    text(&refused.stderr)
}

fn demo(directory: &Path, arguments: &[&str]) -> String {
    let made = command(directory).arg("demo").args(arguments).output().expect("the binary runs");
    assert!(made.status.success(), "{}", text(&made.stderr));
    text(&made.stdout)
}

fn change(directory: &Path, sql: &str) {
    let conn = rusqlite::Connection::open(database(directory)).expect("the database");
    conn.execute_batch(sql).expect("a change");
}

/// Orders in every state, of shops with stock, in a database that nobody serves any more.
struct Filled {
    directory: TempDir,
    /// It waits for its payment, and its key is [`KEY`].
    waiting: Value,
    /// What it was placed with.
    body: Value,
    completed: Value,
    compensated: Value,
}

const KEY: &str = "placed-before-the-move";

/// Sends a request; what was answered, which is a success.
async fn send(method: Method, url: String, body: &Value, key: &str) -> Value {
    let request = crate::support::http_client().request(method, url).header("Idempotency-Key", key).json(body);
    let answer = request.send().await.expect("the server answers");
    let status = answer.status();
    let answer: Value = answer.json().await.expect("JSON");
    assert!(status.is_success(), "{answer}");
    answer["data"].clone()
}

async fn filled() -> Filled {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let said = demo(directory.path(), &["--orders", "40"]);
    let proposed = said.split("-d '").nth(1).and_then(|rest| rest.split('\'').next()).expect("a body");
    let proposed: Value = serde_json::from_str(proposed).expect("JSON");
    let server = Server::start(directory.path()).await;
    let place = async |body: &Value, key: &str| {
        send(Method::POST, server.at(&format!("/orders?wait={}", if key == KEY { 0 } else { 30 })), body, key).await
    };
    send(Method::POST, server.at("/products"), &json!({"name": "Teh Mélati", "category": "Minuman"}), "tea").await;
    let client = crate::support::http_client();
    let seen = async |order: &Value| {
        get(&client, &server.at(&format!("/orders/{}", id(order)))).await.expect("an answer")["data"].clone()
    };
    let completed = seen(&place(&simulated(&json!({})), "paid").await).await;
    let compensated = seen(&place(&simulated(&json!({"payment": "decline"})), "declined").await).await;
    assert_eq!((&completed["status"], &compensated["status"]), (&json!("completed"), &json!("failed")));
    // Of goods that are reserved for it.
    let body = json!({"lines": proposed["lines"]});
    let waiting = place(&body, KEY).await;
    let set_aside = send(Method::POST, server.at("/orders"), &manual(), "set-aside").await;
    for order in [&waiting, &set_aside] {
        let saga = server.at(&format!("/sagas/{}", order["saga_id"].as_str().expect("an id")));
        eventually("it waits for its payment", async || {
            get(&client, &saga).await.is_some_and(|saga| saga["data"]["status"] == "waiting")
        })
        .await;
    }
    assert_eq!(server.terminate().await, Some(0));
    let saga = set_aside["saga_id"].as_str().expect("an id").replace('-', "");
    change(
        directory.path(),
        &format!(
            "UPDATE saga_saga SET status = 'needs_attention', attention = 'planted', wake_at = NULL, finished_at = updated_at \
             WHERE id = x'{saga}'; \
             INSERT INTO saga_retention VALUES (1, x'{saga}', 0, 0); \
             INSERT INTO saga_passed_over VALUES (1, x'{saga}'); \
             INSERT INTO payment_external VALUES (7, '12', '\"u-7\"', 20000, 'IDR', 1); \
             INSERT INTO payment_user VALUES ('7', NULL, '1', 1, 2); \
             INSERT INTO payment_notification VALUES (x'{saga}', 'orders', 'paid', '7', '12', '{{}}', 'failed', 10, NULL, \
             NULL, 503, 'it answers 503', NULL, 1, 2); \
             INSERT INTO payment_notifier_idempotency VALUES ('a', 'b', zeroblob(32), x'{saga}', '7', 1)"
        ),
    );
    Filled { directory, waiting, body, completed, compensated }
}

fn rows(target: &Target, sql: &str) -> Vec<Vec<Option<String>>> {
    let messages = target.session().run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    let cells = |message: &SimpleQueryMessage| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
        _ => None,
    };
    messages.iter().filter_map(cells).collect()
}

fn names(rows: Vec<Vec<Option<String>>>) -> Vec<String> {
    rows.into_iter().flatten().flatten().collect()
}

/// Fails unless every table of the one is in the other, with the same values in each row.
fn assert_is_the_same(directory: &Path, target: &Target) {
    let conn = rusqlite::Connection::open(database(directory)).expect("the database");
    let read = |sql: &str| -> Vec<Vec<Option<String>>> {
        let mut statement = conn.prepare(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let columns = statement.column_count();
        let rows = statement.query_map([], |row| (0..columns).map(|at| row.get(at)).collect());
        rows.expect("rows").map(|row| row.unwrap_or_else(|error| panic!("{sql}: {error}"))).collect()
    };
    let tables = names(read(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' \
         AND name NOT LIKE '%_migrations' AND name NOT LIKE 'catalog_search%' AND name NOT LIKE '%_stretch' ORDER BY 1",
    ));
    let moved = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%_migrations' \
                 AND tablename <> 'node' ORDER BY tablename COLLATE \"C\"";
    assert_eq!(names(rows(target, moved)), tables);
    for table in tables {
        let columns = rows(
            target,
            &format!(
                "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{table}' \
                 AND is_generated = 'NEVER' AND column_name NOT IN ('words', 'owner')"
            ),
        );
        let (mut there, mut here) = (Vec::new(), Vec::new());
        for column in columns {
            let [name, kind] = &names(vec![column])[..] else { panic!("a name and a type") };
            let source = if name == "one" { "only" } else { name };
            let (to, from) = match kind.as_str() {
                "uuid" => (format!("replace({name}::text, '-', '')"), format!("lower(hex({source}))")),
                "bytea" => (format!("encode({name}, 'hex')"), format!("lower(hex({source}))")),
                "boolean" => (format!("{name}::int"), format!("CAST({source} AS TEXT)")),
                _ => (name.clone(), format!("CAST({source} AS TEXT)")),
            };
            there.push(to);
            here.push(format!("iif({source} IS NULL, NULL, {from})"));
        }
        let mut there = rows(target, &format!("SELECT {} FROM {table}", there.join(", ")));
        let mut here = read(&format!("SELECT {} FROM {table}", here.join(", ")));
        there.sort();
        here.sort();
        assert!(there == here, "{table} differs");
    }
}

#[actix_web::test]
async fn a_move_leaves_no_value_of_any_row_behind_and_the_audit_is_clean() {
    let Filled { directory, .. } = filled().await;
    let target = empty();

    let moved = moves(directory.path(), &target);

    assert_is_the_same(directory.path(), &target);
    let said = text(&moved.stdout);
    assert!(said.contains("as many rows of everything") && said.contains("Every promise holds."), "{said}");
    let told = text(&moved.stderr);
    assert!(told.lines().any(|line| line.starts_with("stock_movement ") && line.ends_with(" rows/s")), "{told}");
    let next = "INSERT INTO payment_external (order_id, user_id, amount, currency, created_at) \
                VALUES ('1', '1', 1, 'IDR', 1) RETURNING id";
    assert_eq!(names(rows(&target, next)), ["8"], "payments are numbered on");
    assert_eq!(rows(&target, "SELECT to_regclass('move_progress')"), [[None]]);
}

#[actix_web::test]
async fn a_server_on_what_was_moved_goes_on_with_it() {
    let Filled { directory, waiting, body, completed, compensated } = filled().await;
    let target = empty();
    moves(directory.path(), &target);
    let client = crate::support::http_client();

    let server = Server::of(on(directory.path(), &target)).await;

    let order = async |order: &Value| {
        get(&client, &server.at(&format!("/orders/{}", id(order)))).await.expect("an answer")["data"].clone()
    };
    for placed in [&completed, &compensated] {
        assert_eq!(order(placed).await, *placed);
    }
    let found = get(&client, &server.at("/products?text=melati%20minum")).await.expect("an answer");
    assert_eq!(found["data"][0]["name"], "Teh Mélati", "{found}");
    let again = send(Method::POST, server.at("/orders"), &body, KEY).await;
    assert_eq!(again["id"], waiting["id"]);
    let payment = id(&order(&waiting).await["payment"]).to_owned();
    send(Method::PUT, server.at(&format!("/payments/success/{payment}")), &json!({}), "money").await;
    eventually("the order that waited is completed", async || order(&waiting).await["status"] == "completed").await;
    assert_eq!(server.terminate().await, Some(0));
    let audit = on(directory.path(), &target).arg("audit").output().expect("the binary runs");
    assert!(audit.status.success(), "{}", text(&audit.stdout));
}

#[test]
fn a_move_that_was_killed_goes_on_and_no_server_starts_before_its_end() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    demo(directory.path(), &["--orders", "40"]);
    let target = empty();
    let hold = target.another();
    hold.run("BEGIN; LOCK TABLE saga_log IN SHARE MODE").expect("nobody writes there");
    let mut moving =
        mover(directory.path(), &target.url()).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it runs");
    let told = BufReader::new(moving.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(told.take_while(|line| !line.starts_with("saga_saga ")).count() > 10);

    moving.kill().expect("it can be killed");
    moving.wait().expect("it ends");

    for command in ["serve", "audit", "demo"] {
        let output = on(directory.path(), &target).arg(command).output().expect("the binary runs");
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
        let said = text(&output.stderr);
        assert!(said.contains("an unfinished move from SQLite"), "{command}: {said}");
    }
    hold.run("COMMIT").expect("it is let go");
    moves(directory.path(), &target);
    assert_is_the_same(directory.path(), &target);
}

#[test]
fn a_row_that_postgresql_refuses_is_named_and_the_move_goes_on_in_the_middle_of_its_table() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    demo(directory.path(), &[]);
    let target = empty();
    let refuse = "ALTER TABLE stock_movement ADD CONSTRAINT refuse CHECK (seq <> 3000) NOT VALID";
    target.session().run(refuse).expect("a constraint");

    let said = refused(directory.path(), &target);

    assert!(said.contains("stock_movement, row 3000: PostgreSQL refuses it: "), "{said}");
    assert_eq!(names(rows(&target, "SELECT count(*) FROM stock_movement")), ["2000"]);
    target.session().run("ALTER TABLE stock_movement DROP CONSTRAINT refuse").expect("no constraint");
    moves(directory.path(), &target);
    assert_is_the_same(directory.path(), &target);
}

#[test]
fn the_next_movement_of_stock_has_a_number_of_its_own() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    demo(directory.path(), &[]);
    let target = empty();
    moves(directory.path(), &target);

    let last = names(rows(&target, "SELECT max(seq) FROM stock_movement"));
    let next = names(rows(&target, "SELECT nextval(pg_get_serial_sequence('stock_movement', 'seq')) - 1"));

    assert_eq!(next, last);
}

#[test]
fn a_text_that_postgresql_cannot_hold_is_named_by_its_row() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    demo(directory.path(), &[]);
    change(
        directory.path(),
        "INSERT INTO catalog_shop VALUES (x'0198c0de000070008000000000000000', 'A' || char(0) || 'B', 'X', 1, 1, 1, 1)",
    );

    let said = refused(directory.path(), &empty());

    assert!(said.contains("catalog_shop, row 0198c0de-0000-7000-8000-000000000000: PostgreSQL refuses it"), "{said}");
}

#[test]
fn a_text_that_is_none_is_named_by_its_row() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    demo(directory.path(), &[]);
    let id = "0198c0de000070008000000000000000";
    change(
        directory.path(),
        &format!("INSERT INTO catalog_shop VALUES (x'{id}', CAST(x'FF' AS TEXT), 'X', 1, 1, 1, 1)"),
    );

    let said = refused(directory.path(), &empty());

    assert!(said.contains("catalog_shop, row 0198c0de-0000-7000-8000-000000000000: name is not UTF-8"), "{said}");
}

#[test]
fn nothing_is_moved_to_where_something_is() {
    let (directory, elsewhere) = (TempDir::new().expect("a directory"), TempDir::new().expect("another one"));
    demo(directory.path(), &[]);
    let target = empty();
    let filled = on(elsewhere.path(), &target).arg("demo").output().expect("the binary runs");
    assert!(filled.status.success(), "{}", text(&filled.stderr));

    let said = refused(directory.path(), &target);

    assert!(said.contains("has data of its own in catalog_product"), "{said}");
    assert_eq!(rows(&target, "SELECT to_regclass('move_progress')"), [[None]]);
}

#[actix_web::test]
async fn nothing_is_moved_to_where_a_server_runs() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    demo(directory.path(), &[]);
    let target = empty();
    let mut serving = on(directory.path(), &target);
    serving.env("BACKSTITCH__NODE__ID", "busy");
    let server = Server::of(serving).await;

    let said = refused(directory.path(), &target);

    assert!(said.contains("node \"busy\" serves"), "{said}");
    assert_eq!(server.terminate().await, Some(0));
}

#[actix_web::test]
async fn nothing_is_moved_from_where_a_server_runs() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let server = Server::start(directory.path()).await;

    let said = refused(directory.path(), &empty());

    assert!(said.contains("in use by another backstitch server"), "{said}");
    assert_eq!(server.terminate().await, Some(0));
}

#[test]
fn a_move_does_not_go_on_with_a_database_that_has_changed_meanwhile() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    demo(directory.path(), &[]);
    let target = empty();
    let refuse = "ALTER TABLE stock_level ADD CONSTRAINT refuse CHECK (false) NOT VALID";
    target.session().run(refuse).expect("a constraint");
    refused(directory.path(), &target);
    change(directory.path(), "UPDATE catalog_shop SET city = 'Takengon'");

    let said = refused(directory.path(), &target);

    assert!(said.contains("before it was changed; drop the database"), "{said}");
}

#[test]
fn a_move_that_makes_no_sense_says_what_would_and_no_password() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (file, server) = ("sqlite:other.db", "postgres://me:hunter2@127.0.0.1:1/shop");
    for (from, to, said) in [
        (file, server, "other.db does not exist"),
        (server, file, "there is no way back"),
        (file, file, "there is no way back"),
        (file, "postgres://me:hunter2@", "--to must be a postgres:// URL"),
        ("other.db", server, "--from must be sqlite:PATH"),
    ] {
        let refused =
            command(directory.path()).args(["migrate", "--from", from, "--to", to]).output().expect("it runs");
        assert_eq!(refused.status.code(), Some(1), "{from} {to}");
        let message = text(&refused.stderr);
        assert!(message.contains(said) && !message.contains("hunter2"), "{from} {to}: {message}");
    }
    for (flag, other) in [("--from", "--to"), ("--to", "--from")] {
        let refused = command(directory.path()).args(["migrate", flag, file]).output().expect("it runs");
        assert!(!refused.status.success() && text(&refused.stderr).contains(other), "{}", text(&refused.stderr));
    }
    assert!(!directory.path().join("other.db").exists());
}
