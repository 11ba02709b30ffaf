//! SIGKILL under orders that their clients drive themselves, without a saga that would go on for them.

use super::server::{BOUND, Home, Server, eventually, get};
use crate::{grpc::direct::Steps, support::scaled};
use backstitch::role::Role;
use futures::future::join_all;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

async fn server(home: &Home) -> Server {
    let mut command = home.command();
    for port in ["ORDER", "PAYMENT", "SHIPPING"] {
        command.env(format!("BACKSTITCH__GRPC__{port}_BIND"), "127.0.0.1:0");
    }
    Server::of(command).await
}

/// A client of whichever server runs just now.
fn steps(server: &Server) -> Steps {
    Steps::at(|port: Role| server.grpc(port))
}

/// Asks until it is answered, by one server or the next. `None` is the order's own refusal.
async fn ask<T>(target: &Mutex<Steps>, wish: impl AsyncFn(Steps) -> Result<T, Status>) -> Option<T> {
    let deadline = Instant::now() + BOUND;
    loop {
        let steps = target.lock().expect("no holder panics").clone();
        match wish(steps).await {
            Ok(answer) => return Some(answer),
            Err(status) if status.code() == Code::FailedPrecondition => return None,
            Err(status) => assert!(Instant::now() < deadline, "never answered: {status:?}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Drives an order to its end, or halfway, or there and back.
async fn client(target: Arc<Mutex<Steps>>, way: u8) -> String {
    let target = target.as_ref();
    let order = ask(target, async |steps| steps.create().await).await.expect("an order");
    if way == 0 {
        ask(target, async |steps| steps.cancel(&order).await).await.expect("it is cancelled");
        return order;
    }
    let (payment, _) = ask(target, async |steps| steps.pay(&order).await).await.expect("a payment");
    if way > 1 {
        let (shipment, _) = ask(target, async |steps| steps.ship(&order).await).await.expect("a shipment");
        if way == 3 {
            ask(target, async |steps| steps.call_back(&shipment).await).await.expect("it is called back");
        }
    }
    if way == 3 || way == 4 {
        ask(target, async |steps| steps.refund(&payment).await).await;
    }
    order
}

#[actix_web::test]
async fn sigkill_under_direct_orders_again_and_again_loses_and_doubles_nothing() {
    let home = Home::new();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut running = server(&home).await;
    let target = Arc::new(Mutex::new(steps(&running)));
    let ways: Vec<u8> = (0..scaled("BACKSTITCH_TEST_DIRECT_KILLS", 400)).map(|_| random.u8(0..5)).collect();
    let clients: Vec<_> = ways
        .chunks(ways.len().div_ceil(16))
        .map(|ways| {
            let (ways, target) = (ways.to_vec(), Arc::clone(&target));
            actix_web::rt::spawn(async move {
                let mut orders = Vec::new();
                for way in ways {
                    orders.push((client(Arc::clone(&target), way).await, way));
                }
                orders
            })
        })
        .collect();
    for _ in 0..4 {
        sleep(Duration::from_millis(random.u64(100..400))).await;
        running.kill();
        running = server(&home).await;
        *target.lock().expect("no holder panics") = steps(&running);
    }
    let driven: Vec<_> =
        join_all(clients).await.into_iter().flat_map(|orders| orders.expect("a client ends")).collect();
    assert_eq!(driven.len(), ways.len());
    let http = crate::support::http_client();
    for (order, way) in driven {
        let ends = ["cancelled", "paid", "completed", "cancelled", "completed"][usize::from(way)];
        eventually(&format!("order {order} is {ends}"), async || {
            let shown = get(&http, &running.at(&format!("/orders/{order}"))).await;
            shown.is_some_and(|shown| shown["data"]["status"] == ends)
        })
        .await;
    }
    running.kill();
    home.assert_audit_is_clean();
}
