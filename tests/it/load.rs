//! `backstitch load`: the real binary against a server that it starts, crashes, kills and audits itself.

use crate::support::{PATIENCE, TestApp};
use actix_web::{App, HttpResponse, HttpServer, web};
use serde_json::{Value, json};
use std::{
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};

/// `backstitch load` with nothing of the test's environment but a place for temporary databases.
fn load(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_backstitch"))
        .env_clear()
        .env("TMPDIR", directory)
        .current_dir(directory)
        .arg("load")
        .args(arguments)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn written(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the report is written")).expect("the report is JSON")
}

#[test]
fn a_load_that_crashes_and_kills_its_server_ends_with_a_clean_audit_and_every_acknowledged_order() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let (json, html) = (directory.path().join("load.json"), directory.path().join("load.html"));
    let arguments = ["--orders", "300", "--concurrency", "16", "--fail", "0.2", "--crash-all", "20"];
    let files = ["--kill-server", "1", "--json", "load.json", "--html", "load.html"];

    let output = load(directory.path(), &[&arguments[..], &files[..]].concat());

    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "nothing but the report where there is no terminal");
    assert!(printed.contains("audit: clean"), "{printed}");
    let report = written(&json);
    let number = |pointer: &str| {
        let found = report.pointer(pointer).and_then(Value::as_f64);
        found.unwrap_or_else(|| panic!("no number {pointer} in {report:#}"))
    };
    assert_eq!(report["passed"], true);
    assert_eq!(report["verdict"]["audit"]["clean"], true);
    for (field, expected) in [
        ("/placed", 300.0),
        ("/acknowledged", 300.0),
        ("/verdict/acknowledged/checked", 300.0),
        ("/verdict/acknowledged/missing", 0.0),
        ("/verdict/acknowledged/not_at_rest", 0.0),
        ("/completed", 240.0),
        ("/compensated", 60.0),
        ("/compensated_by_cause/payment_declined", 30.0),
        ("/compensated_by_cause/shipping_failed", 30.0),
        ("/errors", 0.0),
    ] {
        assert!((number(field) - expected).abs() < 0.5, "{field} is {} and not {expected}", number(field));
    }
    for field in ["p50", "p90", "p99", "p99_9", "max"].map(|name| format!("/latency_ms/{name}")) {
        assert!(number(&field) > 0.0, "{field}");
    }
    for field in ["/sagas_per_s", "/crashes", "/store/commits_per_s", "/store/mean_batch", "/kills/0/away_s"] {
        assert!(number(field) > 0.0, "{field}");
    }
    for field in ["/refused", "/connections_lost", "/actor_restarts", "/server/cpu_s", "/store/statements_per_saga"] {
        assert!(number(field) >= 0.0, "{field}");
    }
    assert!(report["timeline"].as_array().is_some_and(|points| !points.is_empty()));
    assert!(std::fs::read_to_string(html).expect("the page is written").contains("</html>"));
    let left: Vec<_> = std::fs::read_dir(directory.path()).expect("a directory").flatten().collect();
    assert_eq!(left.len(), 2, "only the reports are left: {left:?}");
}

/// The number of violations that a report has of a check, once it has judged something.
fn violations(report: &Value, check: &str) -> u64 {
    let checks = report["verdict"]["audit"]["checks"].as_array().expect("checks");
    let found = checks.iter().find(|found| found["name"] == check).unwrap_or_else(|| panic!("no check {check}"));
    assert!(found["checked"].as_u64() > Some(0), "{check} has judged nothing");
    found["violations"].as_u64().expect("a count")
}

#[test]
fn a_load_on_shops_that_crashes_and_kills_its_server_leaves_stock_that_adds_up() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let arguments = ["--mix", "shops", "--orders", "300", "--concurrency", "16", "--fail", "0.3", "--seed", "4711"];
    let trouble = ["--crash-all", "20", "--kill-server", "1", "--json", "load.json"];

    let output = load(directory.path(), &[&arguments[..], &trouble[..]].concat());

    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}{}", text(&output.stderr));
    assert!(printed.contains("mix shops (seed 4711)") && printed.contains("+stock 20/s"), "{printed}");
    let report = written(&directory.path().join("load.json"));
    assert_eq!((&report["run"]["mix"], &report["run"]["seed"]), (&json!("shops"), &json!(4711)));
    assert_eq!((&report["completed"], &report["compensated"], &report["errors"]), (&json!(210), &json!(90), &json!(0)));
    let causes = json!({"out_of_stock": 30, "payment_declined": 30, "shipping_failed": 30});
    assert_eq!(report["compensated_by_cause"], causes);
    for check in [
        "stock_is_the_sum_of_its_movements",
        "reserved_stock_is_the_sum_of_open_reservations",
        "nothing_is_reserved_or_taken_twice",
        "completed_sagas_took_their_stock",
        "compensated_sagas_hold_no_stock",
    ] {
        assert_eq!(violations(&report, check), 0, "{check}");
    }
}

/// A temporary directory that the user can enter as whom PostgreSQL runs.
fn open_directory() -> tempfile::TempDir {
    let everybody = std::fs::Permissions::from_mode(0o755);
    tempfile::Builder::new().permissions(everybody).tempdir().expect("a temporary directory")
}

/// Loads nodes on a PostgreSQL of the run's own, makes trouble, and finds everything that was acknowledged.
fn assert_nodes_keep_everything(trouble: &[&str]) -> Value {
    let directory = open_directory();
    let arguments = ["--nodes", "2", "--orders", "200", "--concurrency", "8", "--fail", "0.2", "--json", "load.json"];

    let output = load(directory.path(), &[&arguments[..], trouble].concat());

    let printed = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{printed}{}", text(&output.stderr));
    let report = written(&directory.path().join("load.json"));
    assert_eq!((&report["acknowledged"], &report["run"]["nodes"]), (&json!(200), &json!(2)));
    let verdict = &report["verdict"];
    assert_eq!((&verdict["audit"]["clean"], &verdict["unfinished"]), (&json!(true), &json!(0)));
    assert_eq!(verdict["acknowledged"], json!({"checked": 200, "missing": 0, "not_at_rest": 0, "offending": []}));
    // The database goes with the process, by a shell that may be a moment behind.
    let left = || std::fs::read_dir(directory.path()).expect("a directory").count();
    let deadline = Instant::now() + PATIENCE;
    while left() > 1 {
        assert!(Instant::now() < deadline, "not only the report is left");
        std::thread::sleep(Duration::from_millis(20));
    }
    report
}

#[test]
fn nodes_that_are_killed_leave_what_they_have_acknowledged_to_the_others() {
    let report = assert_nodes_keep_everything(&["--kill-node", "1s"]);

    let server = report["kills"][0]["server"].as_str().unwrap_or_default().to_owned();
    assert!(server.starts_with("node-"), "{report:#}");
}

#[test]
fn nodes_whose_database_is_restarted_lose_nothing_that_they_have_acknowledged() {
    let report = assert_nodes_keep_everything(&["--restart-db", "1s"]);

    assert!(report["database_restarts"][0]["away_s"].as_f64() > Some(0.0), "{report:#}");
}

#[actix_web::test]
async fn mixed_orders_are_placed_at_a_server_behind_a_url_again_and_again() {
    let app = TestApp::start();
    let url = format!("http://{}", app.address);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let arguments = ["--url", &url, "--mix", "mixed", "--orders", "100", "--crash", "stock=20/s,catalog=20/s"];
    for _ in 0..2 {
        let output = load(directory.path(), &[&arguments[..], &["--json", "load.json"]].concat());

        assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
        let report = written(&directory.path().join("load.json"));
        assert_eq!((&report["run"]["mix"], &report["completed"]), (&json!("mixed"), &json!(100)));
    }
    let orders = app.walk("/orders?limit=100").await;
    let stocked = orders.iter().filter(|order| order["shop_orders"].as_array().is_some_and(|parts| parts.len() == 2));
    let simple = orders.iter().filter(|order| order["item_name"].is_string());
    assert_eq!((orders.len(), stocked.count() + simple.count()), (200, 200), "every order is of one of the two kinds");
    app.finish().await;
}

#[test]
fn a_server_without_shops_is_named_before_anything_is_ordered() {
    let directory = tempfile::tempdir().expect("a temporary directory");

    let output = load(directory.path(), &["--url", &forgetful(true), "--orders", "5", "--mix", "shops"]);

    let message = text(&output.stderr);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{message}");
    assert!(message.contains("POST /shops: 404"), "{message}");
}

#[test]
fn an_open_loop_places_what_its_rate_and_time_come_to() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let arguments = ["--rate", "100", "--duration", "1", "--concurrency", "8", "--json", "load.json"];

    let output = load(directory.path(), &arguments);

    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let report = written(&directory.path().join("load.json"));
    assert_eq!(report["completed"], report["placed"]);
    // Fewer only when all clients are held up beyond the end of the run.
    assert!((1..=100).contains(&report["placed"].as_u64().expect("a count")), "{}", report["placed"]);
}

#[test]
fn a_value_that_is_not_allowed_is_refused_by_the_name_of_its_option() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (option, value, named) in [
        ("--crash", "paiment=2/s", "paiment"),
        ("--crash", "payment=never", "payment"),
        ("--crash-all", "-1", "--crash-all"),
        ("--fail", "2", "--fail"),
        ("--mix", "commerce", "commerce"),
        ("--seed", "-1", "--seed"),
        ("--url", "https://127.0.0.1:1", "--url"),
    ] {
        let output = load(directory.path(), &[&format!("{option}={value}")]);

        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{option}={value}: {message}");
        assert!(message.contains(option) && message.contains(named), "{option}={value}: {message}");
    }
}

#[test]
fn a_file_that_cannot_be_written_is_named_before_anything_is_loaded() {
    let directory = tempfile::tempdir().expect("a temporary directory");

    let output = load(directory.path(), &["--json", "missing/load.json"]);

    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("missing/load.json"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "");
}

#[actix_web::test]
async fn a_server_behind_a_url_is_loaded_crashed_and_asked_for_its_audit() {
    let app = TestApp::start();
    let url = format!("http://{}", app.address);
    let directory = tempfile::tempdir().expect("a temporary directory");
    let arguments =
        ["--url", &url, "--orders", "200", "--crash", "payment=50/s,coordinator=20/s", "--json", "load.json"];

    let output = load(directory.path(), &arguments);

    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    let report = written(&directory.path().join("load.json"));
    assert_eq!((&report["completed"], &report["server"]["cpu_s"]), (&json!(200), &Value::Null));
    assert!(report["verdict"]["audit"]["checks"].as_array().is_some_and(|checks| !checks.is_empty()));
    app.finish().await;
}

/// A server that acknowledges every order, says `clean` of itself, and knows no order.
fn forgetful(clean: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        let serve = async move {
            let app = move || {
                let placed = || async {
                    let id = uuid::Uuid::now_v7();
                    let data = json!({"id": id, "saga_id": id, "reason": null, "saga": {"status": "completed"}});
                    HttpResponse::Created().json(json!({"data": data}))
                };
                let audit =
                    move || async move { HttpResponse::Ok().json(json!({"data": {"clean": clean, "checks": []}})) };
                App::new()
                    .route("/orders", web::post().to(placed))
                    .route("/admin/audit", web::get().to(audit))
                    .route("/readyz", web::get().to(HttpResponse::Ok))
                    .route("/metrics", web::get().to(HttpResponse::Ok))
            };
            let server = HttpServer::new(app).workers(1).disable_signals().listen(listener);
            server.expect("the listener works").run().await
        };
        actix_web::rt::System::new().block_on(serve)
    });
    url
}

#[test]
fn an_acknowledged_order_that_is_not_there_ends_with_exit_1_whatever_the_audit_says() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (clean, word) in [(true, "audit: clean"), (false, "audit: BROKEN")] {
        let output = load(directory.path(), &["--url", &forgetful(clean), "--orders", "5", "--json", "load.json"]);

        let printed = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{printed}{}", text(&output.stderr));
        assert!(printed.contains(word) && printed.contains("5 looked up, 5 missing"), "{printed}");
        let report = written(&directory.path().join("load.json"));
        assert_eq!((&report["passed"], &report["verdict"]["acknowledged"]["missing"]), (&json!(false), &json!(5)));
    }
}
