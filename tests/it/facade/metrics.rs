//! What an alert needs is in the metrics, by names that are bounded. The recorder is shared by all tests of the process:
//! what is counted is at least what this one did.

use crate::support::{TestApp, eventually, id};
use serde_json::json;

/// The value of a series, by its name and all of its labels.
fn value(metrics: &str, series: &str) -> Option<f64> {
    let is_it = |line: &str| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok();
    metrics.lines().find_map(is_it)
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_what_a_client_writes_there() {
    let app = TestApp::start();
    let nobody = "01a1ff78-0000-7000-8000-00000000dead";
    assert_eq!(app.get(&format!("/orders/{nobody}")).await.status, 404);
    assert_eq!(app.get("/no/such/path/of-mine").await.status, 404);
    let metrics = app.get("/metrics").await.text;
    let of_a_route = r#"http_requests_total{route="/orders/{id}",method="GET",status="404"}"#;
    let of_none = r#"http_requests_total{route="unmatched",method="GET",status="404"}"#;
    assert!(value(&metrics, of_a_route) >= Some(1.0), "{metrics}");
    assert!(value(&metrics, of_none) >= Some(1.0), "{metrics}");
    assert!(metrics.contains(r#"http_request_seconds_bucket{route="/orders/{id}",method="GET",le="0.0005"}"#));
    assert!(!metrics.contains(nobody) && !metrics.contains("of-mine"), "{metrics}");
    app.finish().await;
}

#[tokio::test]
async fn orders_and_sagas_are_counted_by_status() {
    let app = TestApp::start();
    let order = json!({"item_name": "Kopi", "quantity": 1, "price": 85_000, "payment": {"provider": "manual"}});
    let placed = app.place(&order).await.success(201).clone();
    let metrics = app.get("/metrics").await.text;
    for status in ["running", "waiting", "compensating", "needs_attention"] {
        assert!(value(&metrics, &format!(r#"sagas{{status="{status}"}}"#)).is_some(), "{status}: {metrics}");
        assert!(value(&metrics, &format!(r#"sagas_oldest_age_seconds{{status="{status}"}}"#)).is_some(), "{metrics}");
    }
    assert!(value(&metrics, "sagas_overdue_seconds").is_some(), "{metrics}");
    assert!(value(&metrics, r#"orders_total{status="placed"}"#) >= Some(1.0), "{metrics}");
    app.delete_order(id(&placed)).await;
    eventually("the cancellation is counted", async || {
        let metrics = app.get("/metrics").await.text;
        let ended = value(&metrics, r#"sagas_total{status="compensated"}"#) >= Some(1.0);
        (ended && value(&metrics, r#"orders_total{status="cancelled"}"#) >= Some(1.0)).then_some(())
    })
    .await;
    app.finish().await;
}
