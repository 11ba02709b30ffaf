//! Bodies that are not the JSON of an order: none of them creates one.

use crate::support::{TestApp, manual};
use serde_json::json;

/// Sends these bytes as an order, and expects this problem and no order.
async fn refused(bytes: impl Into<Vec<u8>>, status: u16, code: &str) {
    let app = TestApp::start();
    app.post_bytes("/orders", bytes).await.problem(status, code);
    assert_eq!(app.get("/orders").await.items().len() + app.get("/sagas").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let app = TestApp::start();
    let good = manual().to_string();
    let bodies = [
        "",
        " ",
        "{",
        "}",
        "{]",
        "nul",
        "{'item_name': 'Kopi'}",
        "{\"item_name\":\"Kopi\",}",
        "{\"item_name\":\"\\ud800\",\"quantity\":1,\"price\":1}",
        "{\"item_name\":\"\\x41\",\"quantity\":1,\"price\":1}",
        "{\"item_name\":\"Kopi\",\"quantity\":01,\"price\":1}",
        "{\"item_name\":\"Kopi\",\"quantity\":NaN,\"price\":1}",
        "{\"item_name\":\"raw\ncontrol\",\"quantity\":1,\"price\":1}",
        &format!("{good}{good}"),
        &format!("{good};"),
    ];
    for body in bodies {
        let answer = app.post_bytes("/orders", body).await;
        assert!(answer.status == 400, "{body:?}: {answer:?}");
        answer.problem(400, "malformed_json");
    }
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_body_cut_anywhere_is_refused() {
    let app = TestApp::start();
    let good = manual().to_string();
    for end in 0..good.len() {
        app.post_bytes("/orders", &good[..end]).await.problem(400, "malformed_json");
    }
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn invalid_utf_8_is_refused() {
    refused(&b"{\"item_name\":\"Ko\xff\xfepi\",\"quantity\":1,\"price\":1}"[..], 400, "malformed_json").await;
}

#[tokio::test]
async fn utf_16_is_refused() {
    let utf_16: Vec<u8> = manual().to_string().encode_utf16().flat_map(u16::to_le_bytes).collect();
    refused(utf_16, 400, "malformed_json").await;
}

#[tokio::test]
async fn deep_nesting_is_refused() {
    let app = TestApp::start();
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("{\"lines\":[", "]}")] {
        let deep = format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
        let in_a_field = format!("{{\"item_name\":{deep},\"quantity\":1,\"price\":1}}");
        let unknown = format!("{{\"item_name\":\"Kopi\",\"quantity\":1,\"price\":1,\"more\":{deep}}}");
        for body in [deep.clone(), in_a_field, unknown] {
            let answer = app.post_bytes("/orders", body).await;
            answer.any_problem();
            assert!([400, 413, 422].contains(&answer.status), "{answer:?}");
        }
    }
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn json_that_is_no_object_is_refused() {
    let app = TestApp::start();
    for body in [json!(null), json!(true), json!(7), json!("order"), json!([]), json!([manual()])] {
        app.place(&body).await.problem(422, "invalid_request");
    }
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_list_in_place_of_an_object_is_refused() {
    let app = TestApp::start();
    let positional = json!([null, "Kopi", 1, 85_000, null, null, null]);
    app.place(&positional).await.problem(422, "invalid_request");
    app.place(&json!({"lines": [["Kopi", 1, 85_000]]})).await.refuses("lines[0]");
    let mut terms = manual();
    terms["payment"] = json!(["manual", 1000]);
    app.place(&terms).await.refuses("payment");
    assert_eq!(app.get("/orders").await.items().len(), 0);
    app.finish().await;
}

#[tokio::test]
async fn a_field_given_twice_is_refused() {
    let twice = "{\"item_name\":\"Kopi\",\"quantity\":1,\"quantity\":2,\"price\":1}";
    refused(twice, 422, "invalid_request").await;
}

#[tokio::test]
async fn whitespace_and_escapes_are_only_another_spelling() {
    let app = TestApp::start();
    let spelt = "\n{ \"item_\\u006eame\" : \"\\u004bopi\",\t\"quantity\":1 , \"price\": 1 }\r\n";
    let placed = app.post_bytes("/orders", spelt).await;
    assert_eq!(placed.success(201)["item_name"], "Kopi");
    app.finish_leaving(1).await;
}
