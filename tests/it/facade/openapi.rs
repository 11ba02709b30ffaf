//! The OpenAPI document says what is served, all of it and nothing else (C6).

use crate::support::TestApp;
use backstitch::http::openapi_document;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

async fn document(app: &TestApp) -> Value {
    let answer = app.get("/openapi.json").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    answer.json
}

/// The documented paths with their methods, in capitals.
fn paths(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let paths = document["paths"].as_object().expect("paths").iter();
    paths.map(|(path, item)| (path.clone(), methods(item))).collect()
}

fn methods(item: &Value) -> BTreeSet<String> {
    let known = ["get", "put", "post", "delete", "patch", "head", "options"];
    let operations = item.as_object().expect("operations").keys();
    operations.filter(|name| known.contains(&name.as_str())).map(|name| name.to_uppercase()).collect()
}

/// A documented path with something for each parameter.
fn filled(path: &str) -> String {
    path.replace("{id}", NOBODY).replace("{variant_id}", NOBODY).replace("{name}", "nobody")
}

#[tokio::test]
async fn the_served_document_is_the_one_of_the_code() {
    let app = TestApp::start();
    let served = document(&app).await;
    assert_eq!(served, serde_json::to_value(openapi_document()).expect("JSON"));
    assert!(served["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    app.finish().await;
}

#[tokio::test]
async fn every_documented_operation_is_served() {
    let app = TestApp::start();
    for (path, methods) in paths(&document(&app).await) {
        for method in methods {
            let answer = app.call(&method, &filled(&path)).await;
            assert_ne!(answer.status, 405, "{method} {path}");
            assert!(answer.status < 500, "{method} {path}: {answer:?}");
            assert_ne!(answer.json["code"], "not_found", "{method} {path}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_documented_path_serves_no_other_method() {
    let app = TestApp::start();
    for (path, documented) in paths(&document(&app).await) {
        let refused = app.call("BREW", &filled(&path)).await;
        refused.problem(405, "method_not_allowed");
        let mut allowed: BTreeSet<_> = refused.header("allow").expect("Allow").split(", ").map(str::to_owned).collect();
        // What HTTP gives every resource is not documented for each.
        assert_eq!(allowed.remove("HEAD"), documented.contains("GET"), "{path}");
        assert!(allowed.remove("OPTIONS"), "{path}");
        assert_eq!(allowed, documented, "{path}");
    }
    app.finish().await;
}

/// The paths that handlers are registered at, by the source: the one way to see a path that is served
/// and not documented.
fn registered() -> BTreeSet<String> {
    let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http")];
    let mut sources = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).expect("the facade's source") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { open.push(path) } else { sources.push(path) }
        }
    }
    let mut found = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(source).expect("a source file");
        for rest in text.split("resource(").skip(1) {
            let mut literal = rest.trim_start().strip_prefix("config,").map(str::trim_start).into_iter();
            let path = literal.next().and_then(|rest| rest.strip_prefix('"')).and_then(|rest| rest.split('"').next());
            found.extend(path.map(str::to_owned));
        }
    }
    found
}

#[tokio::test]
async fn every_served_path_is_documented() {
    let app = TestApp::start();
    let mut registered = registered();
    assert!(registered.remove("/openapi.json"), "the document does not describe itself");
    let documented: BTreeSet<_> = paths(&document(&app).await).into_keys().collect();
    assert_eq!(registered, documented);
    app.finish().await;
}

#[tokio::test]
async fn every_operation_says_what_it_does_and_answers() {
    let app = TestApp::start();
    let document = document(&app).await;
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in methods(item) {
            let operation = &item[method.to_lowercase()];
            assert!(operation["summary"].is_string() && operation["tags"].is_array(), "{method} {path}");
            let responses = operation["responses"].as_object().expect("responses");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let app = TestApp::start();
    let document = document(&app).await;
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(!found.is_empty());
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference into the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_document_can_be_explored_in_a_browser() {
    let app = TestApp::start();
    for path in ["/docs/", "/docs"] {
        let page = app.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(page.header("content-type").is_some_and(|media| media.starts_with("text/html")), "{path}");
        assert!(page.text.contains("swagger-ui"), "{path}");
    }
    app.finish().await;
}

#[tokio::test]
async fn health_readiness_and_metrics_are_served() {
    let app = TestApp::start();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(app.get(path).await.json["status"], "ok", "{path}");
    }
    let metrics = app.get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text.contains("store_commits_total"), "{}", metrics.text);
    app.finish().await;
}
