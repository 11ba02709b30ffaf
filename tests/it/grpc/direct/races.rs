//! Clients that want everything at once of the same order, while actors are crashed: the audit says whether anybody got
//! money back and goods too, and whether the three owners agree in the end.

use super::Steps;
use crate::support::{TestApp, eventually, scaled};
use futures::future::join_all;
use serde_json::json;
use std::time::Duration;
use tonic::{Code, Status};

/// What may come of a wish: an answer, or that the order's state forbids it.
#[track_caller]
fn answered<T>(wish: Result<T, Status>) -> Option<T> {
    match wish {
        Ok(answer) => Some(answer),
        Err(status) => {
            assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
            None
        }
    }
}

/// Wants all there is of one order, over and over, in a random order.
async fn client(steps: Steps, order: String, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut payment, mut shipment): (Option<String>, Option<String>) = (None, None);
    for _ in 0..8 {
        match (random.u8(0..10), &payment, &shipment) {
            (0, ..) => drop(answered(steps.cancel(&order).await)),
            (1..=2, Some(payment), _) => drop(answered(steps.refund(payment).await)),
            (3..=4, _, Some(shipment)) => drop(answered(steps.call_back(shipment).await)),
            (5..=7, Some(_), _) => shipment = answered(steps.ship(&order).await).map(|(id, _)| id).or(shipment),
            _ => payment = answered(steps.pay(&order).await).map(|(id, _)| id).or(payment),
        }
    }
}

#[tokio::test]
async fn clients_that_want_everything_at_once_leave_every_order_whole() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let orders = join_all((0..scaled("BACKSTITCH_TEST_DIRECT_ORDERS", 60)).map(|_| steps.create())).await;
    let clients = (0..).zip(orders).flat_map(|(number, order)| {
        let (order, steps) = (order.expect("an order"), steps.clone());
        (0..3).map(move |who| client(steps.clone(), order.clone(), seed ^ (number * 3 + who)))
    });
    join_all(clients).await;
    app.finish().await;
}

#[tokio::test]
async fn actors_that_are_crashed_under_direct_orders_lose_and_double_nothing() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let clients = (0..scaled("BACKSTITCH_TEST_DIRECT_CRASHES", 60)).map(async |number| {
        let order = steps.create().await.expect("an order");
        client(steps.clone(), order, seed ^ number as u64).await;
    });
    let crashes = async {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..15 {
            let actor = ["order", "payment", "shipping"][random.usize(0..3)];
            let mode = ["panic", "stop", "panic_in_future"][random.usize(0..3)];
            app.crash(actor, &json!({"mode": mode})).await.success(202);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::join!(join_all(clients), crashes);
    eventually("all actors run", async || {
        let actors = app.actors().await;
        let running = actors.success(200).as_array().expect("actors").iter().all(|actor| actor["state"] == "running");
        running.then_some(())
    })
    .await;
    app.finish().await;
}
