//! Cancelling and retrying.

use super::{WAITING, client, manual, placed, refuses, saga, simulated, waited};
use crate::support::TestApp;
use backstitch::proto::{CancelSagaRequest, RetrySagaRequest, SagaStatus};
use tonic::Code;

fn cancel(saga_id: &str, key: Option<&str>) -> CancelSagaRequest {
    let idempotency_key = key.map(str::to_owned);
    CancelSagaRequest { saga_id: saga_id.into(), reason: "changed their mind".into(), idempotency_key }
}

fn retry(saga_id: &str) -> RetrySagaRequest {
    RetrySagaRequest { saga_id: saga_id.into(), reason: "impatience".into(), idempotency_key: None }
}

#[tokio::test]
async fn a_saga_that_waits_is_cancelled_once() {
    let app = TestApp::start();
    let order = placed(&app, manual()).await;
    let mut client = client(&app).await;
    let first = client.cancel_saga(cancel(&order.saga_id, Some("k"))).await.expect("it waits").into_inner();
    let again = client.cancel_saga(cancel(&order.saga_id, Some("k"))).await.expect("a repeat").into_inner();
    assert_eq!((first.replayed, again.replayed), (false, true));
    let ended = saga(&app, &order.saga_id, 60).await;
    assert_eq!((ended.status(), ended.reason.as_str()), (SagaStatus::Compensated, "cancelled_by_operator"));
    let log = app.saga_log(&order.saga_id).await;
    assert!(log.text.contains(r#""note":"changed their mind""#), "{}", log.text);
    app.finish().await;
}

#[tokio::test]
async fn a_saga_that_waits_is_asked_again() {
    let app = TestApp::start();
    let order = placed(&app, manual()).await;
    saga(&app, &order.saga_id, 1).await;
    let answer = client(&app).await.retry_saga(retry(&order.saga_id)).await.expect("it waits").into_inner();
    assert!(!answer.replayed);
    assert_eq!(saga(&app, &order.saga_id, 1).await.status, WAITING);
    assert!(app.saga_log(&order.saga_id).await.text.contains("impatience"));
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_saga_that_has_ended_is_neither_cancelled_nor_retried() {
    let app = TestApp::start();
    let order = placed(&app, waited(simulated())).await;
    let mut client = client(&app).await;
    let cancelled = client.cancel_saga(cancel(&order.saga_id, None)).await;
    refuses(cancelled, Code::FailedPrecondition, "saga_ended", &[]);
    refuses(client.retry_saga(retry(&order.saga_id)).await, Code::FailedPrecondition, "saga_ended", &[]);
    app.finish().await;
}

#[tokio::test]
async fn who_steers_says_why() {
    let app = TestApp::start();
    let order = placed(&app, manual()).await;
    let mut client = client(&app).await;
    for reason in [String::new(), "  ".into(), "a\u{7}b".into(), "x".repeat(501)] {
        let request = CancelSagaRequest { reason, ..cancel(&order.saga_id, None) };
        refuses(client.cancel_saga(request).await, Code::InvalidArgument, "invalid_request", &["reason"]);
    }
    app.finish_leaving(1).await;
}
