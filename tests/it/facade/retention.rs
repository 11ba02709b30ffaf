//! Orders whose sagas have been removed because they ended long ago.

use crate::support::{TestApp, eventually, id, manual, simulated};
use futures::future::join_all;
use serde_json::{Value, json};

/// Makes everything two days older than it is.
const TWO_DAYS_LATER: &str = "
    UPDATE saga_saga SET created_at = created_at - 172800000, finished_at = finished_at - 172800000;
    UPDATE saga_idempotency SET created_at = created_at - 172800000;
    UPDATE order_order SET created_at = created_at - 172800000, updated_at = updated_at - 172800000";

/// Keeps sagas for a day.
const A_DAY: [(&str, &str); 1] = [("retention.days", "1")];

/// Two days later, when these orders' sagas have been removed.
async fn once_removed(app: TestApp, orders: &[&Value]) -> TestApp {
    let app = app.restarted(&A_DAY, TWO_DAYS_LATER).await;
    for order in orders {
        let saga = order["saga_id"].as_str().expect("a saga's id");
        eventually("the saga is removed", async || (app.saga(saga).await.status == 404).then_some(())).await;
    }
    app
}

#[tokio::test]
async fn an_order_outlives_its_saga() {
    let app = TestApp::start();
    let completed = app.rested(&simulated(&json!({}))).await;
    let failed = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    let app = once_removed(app, &[&completed, &failed]).await;
    for before in [completed, failed] {
        let after = app.order(id(&before)).await.success(200).clone();
        assert_eq!(after["saga"], Value::Null);
        for kept in ["saga_id", "status", "reason", "total_amount", "lines", "payment", "shipments"] {
            assert_eq!(after[kept], before[kept], "{kept}");
        }
        let saga = before["saga_id"].as_str().expect("a saga's id");
        app.saga(saga).wait(5).await.problem(404, "saga_not_found");
        app.saga_log(saga).await.problem(404, "saga_not_found");
    }
    assert_eq!(app.orders("limit=10").await.items().len(), 2);
    assert!(app.sagas("limit=10").await.items().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn what_has_not_ended_is_kept_and_goes_on_however_old_it_is() {
    let app = TestApp::start();
    let gone = app.rested(&simulated(&json!({}))).await;
    let unpaid = app.unpaid(&manual()).await;
    let app = once_removed(app, &[&gone]).await;
    let saga = app.saga(unpaid["saga_id"].as_str().expect("a saga's id")).await;
    assert_eq!(saga.success(200)["status"], "waiting");
    app.pay(id(&unpaid["payment"])).await.success(200);
    let order = app.order_once(id(&unpaid), |order| order["status"] == "completed").await;
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn requests_for_an_ended_order_are_refused_alike_with_its_saga_and_without() {
    let app = TestApp::start();
    let completed = app.rested(&simulated(&json!({}))).await;
    let failed = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    let refusals = async |app: &TestApp| {
        let mut codes = Vec::new();
        for order in [&completed, &failed] {
            for answer in [app.delete_order(id(order)).await, app.edit_order(id(order), &manual()).await] {
                answer.any_problem();
                codes.push((answer.status, answer.json["code"].clone()));
            }
        }
        codes
    };
    let with = refusals(&app).await;
    assert!(with.iter().all(|(status, _)| *status == 409), "{with:?}");
    let app = once_removed(app, &[&completed, &failed]).await;
    assert_eq!(refusals(&app).await, with);
    app.finish().await;
}

#[tokio::test]
async fn an_operator_finds_no_saga_that_has_been_removed() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let app = once_removed(app, &[&order]).await;
    let saga = order["saga_id"].as_str().expect("a saga's id");
    let because = json!({"reason": "a customer called"});
    app.cancel_saga(saga, &because).await.problem(404, "saga_not_found");
    app.retry_saga(saga, &because).await.problem(404, "saga_not_found");
    app.finish().await;
}

#[tokio::test]
async fn money_that_comes_when_the_saga_has_been_removed_goes_back() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    let app = once_removed(app, &[&order]).await;
    for _ in 0..2 {
        app.pay(id(&order["payment"])).await.success(200);
        app.payment_once(id(&order["payment"]), "refunded").await;
    }
    assert_eq!(app.order(id(&order)).await.success(200)["reason"], "cancelled_by_customer");
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_finds_its_order_as_long_as_its_key_is_remembered() {
    let app = TestApp::start();
    let body = simulated(&json!({}));
    let place = |app: &TestApp, key: &str| app.place(&body).header("Idempotency-Key", key).wait(60);
    let first = place(&app, "remembered").await.success(201).clone();
    let gone = app.rested(&body).await;
    // The key that was claimed first holds back everything that ended after it.
    let app = app.restarted(&[("retention.days", "1"), ("idempotency.keep_hours", "1")], "").await;
    let again = place(&app, "remembered").await;
    assert_eq!((again.success(201)["id"].clone(), again.is_replayed()), (first["id"].clone(), true));
    let app = once_removed(app, &[&first, &gone]).await;
    let later = place(&app, "remembered").await;
    assert!(later.success(201)["id"] != first["id"] && !later.is_replayed(), "the key is forgotten: {later:?}");
    app.finish().await;
}

#[tokio::test]
async fn orders_go_on_while_hundreds_of_sagas_are_removed() {
    let app = TestApp::start();
    let body = simulated(&json!({}));
    let old = join_all((0..350).map(|_| app.rested(&body))).await;
    let app = app.restarted(&A_DAY, TWO_DAYS_LATER).await;
    let young = join_all((0..150).map(|_| app.rested(&body))).await;
    eventually("every old saga is removed", async || {
        (app.walk("/sagas?limit=100").await.len() == young.len()).then_some(())
    })
    .await;
    for order in &young {
        assert_eq!(order["status"], "completed");
        assert!(app.order(id(order)).await.success(200)["saga"].is_object());
    }
    assert_eq!(app.walk("/orders?limit=100").await.len(), old.len() + young.len());
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_removed_unless_it_is_asked_for() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let app = app.restarted(&[], TWO_DAYS_LATER).await;
    // Placed and ended after the first look at what is old.
    app.rested(&simulated(&json!({}))).await;
    app.saga(order["saga_id"].as_str().expect("a saga's id")).await.success(200);
    app.finish().await;
}

#[tokio::test]
async fn removed_sagas_are_counted_in_the_metrics() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    let app = once_removed(app, &[&order]).await;
    // The recorder is shared by all tests of the process: at least the one.
    let metrics = app.get("/metrics").await;
    let counted = metrics.text.lines().find_map(|line| line.strip_prefix("sagas_removed_total "));
    assert!(counted.is_some_and(|count| count.parse::<u64>().expect("a number") >= 1), "{}", metrics.text);
    app.finish().await;
}
