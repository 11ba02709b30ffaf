//! The admission limit: orders beyond it are refused politely, and nothing of them is left.

use crate::support::{TestApp, eventually, id, manual, simulated};
use futures::future::{Either, select};
use serde_json::json;
use std::pin::pin;

const ONE: &[(&str, &str)] = &[("saga.max_in_flight", "1")];

/// Two orders at once where storage stands still: one is admitted and hangs, the other is refused.
#[tokio::test]
async fn an_order_beyond_the_limit_is_refused_and_may_be_sent_again() {
    let app = TestApp::with(ONE);
    let mut storage = Some(app.database().hold());
    let body = simulated(&json!({}));
    let place = || async { app.place(&body).key("k").wait(60).await };
    let (refused, admitted) = match select(pin!(place()), pin!(place())).await {
        Either::Left((refused, admitted)) | Either::Right((refused, admitted)) => {
            refused.problem(503, "overloaded");
            if let Some(storage) = storage.take() {
                storage.release();
            }
            (refused, admitted.await)
        }
    };
    assert!(refused.header("retry-after").is_some_and(|seconds| seconds.parse::<u32>().is_ok()), "{refused:?}");
    let admitted = id(admitted.success(201)).to_owned();
    let again =
        eventually("there is room again", async || Some(place().await).filter(|again| again.status != 503)).await;
    assert_eq!(id(again.success(201)), admitted);
    assert_eq!(app.get("/orders").await.items().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn reads_and_settlements_are_served_where_orders_are_refused() {
    let app = TestApp::with(ONE);
    let order = app.unpaid(&manual()).await;
    let storage = app.database().hold();
    let body = simulated(&json!({}));
    let both = futures::future::join(async { app.place(&body).await }, async { app.place(&body).await });
    let meanwhile = async {
        app.order(id(&order)).await.success(200);
        app.get("/orders").await.items();
        assert_eq!(app.get("/healthz").await.status, 200);
        storage.release();
        app.pay(id(&order["payment"])).await.success(200);
    };
    tokio::join!(both, meanwhile);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_saga_that_waits_takes_no_room() {
    let app = TestApp::with(ONE);
    for _ in 0..5 {
        app.unpaid(&manual()).await;
        // The place is given back as the saga begins to wait, which is a moment after its order exists.
        eventually("a waiting saga makes room", async || {
            let placed = app.place(&simulated(&json!({}))).wait(60).await;
            Some(placed).filter(|placed| placed.status == 201)
        })
        .await;
    }
    app.finish_leaving(5).await;
}

#[tokio::test]
async fn only_acknowledged_orders_of_a_burst_exist() {
    let app = TestApp::with(ONE);
    let body = simulated(&json!({}));
    let burst = futures::future::join_all((0..60).map(|_| async { app.place(&body).wait(60).await })).await;
    let (placed, refused): (Vec<_>, Vec<_>) = burst.iter().partition(|answer| answer.status == 201);
    for answer in refused {
        answer.problem(503, "overloaded");
    }
    assert_eq!(app.walk("/orders?limit=100").await.len(), placed.len());
    app.finish().await;
}
