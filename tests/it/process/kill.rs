//! SIGKILL in the middle of hundreds of sagas.

use super::{
    load::{assert_all_there, clients},
    server::{Home, eventually},
};
use crate::support::scaled;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

#[actix_web::test]
async fn sigkill_in_the_middle_of_hundreds_of_sagas_again_and_again_loses_and_doubles_nothing() {
    let home = Home::new();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let orders = scaled("BACKSTITCH_TEST_KILL_ORDERS", 1_000);
    let mut server = home.server().await;
    let target = Arc::new(Mutex::new(server.at("")));
    let acknowledged = Arc::default();
    let clients = clients(seed, 64, orders, 400, 0, &target, &acknowledged).await;

    for round in 1..=4 {
        // Kill when some hundred sagas more are under way, wherever they are just then.
        let enough = round * orders / 5 - random.usize(0..orders / 20);
        eventually("more orders are acknowledged", async || {
            acknowledged.lock().expect("no holder panics").len() >= enough
        })
        .await;
        server.kill();
        server = home.server().await;
        *target.lock().expect("no holder panics") = server.at("");
    }
    for client in clients {
        client.await.expect("a client ends");
    }

    server.all_rest().await;
    assert_eq!(acknowledged.lock().expect("no holder panics").len(), orders);
    assert_all_there(&server.at(""), &acknowledged).await;
    server.kill();
    home.assert_audit_is_clean();
}

#[actix_web::test]
async fn hundreds_of_sagas_that_are_killed_at_once_rest_soon_after_the_restart() {
    let home = Home::new();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let orders = scaled("BACKSTITCH_TEST_KILL_AT_ONCE", 500);
    let server = home.server().await;
    let target = Arc::new(Mutex::new(server.at("")));
    let acknowledged = Arc::default();
    // Delays far longer than placing takes: nearly all are under way when the server dies.
    for client in clients(seed, 100, orders, 5_000, 0, &target, &acknowledged).await {
        client.await.expect("a client ends");
    }
    server.kill();

    let server = home.server().await;
    tokio::time::timeout(Duration::from_secs(30), server.all_rest()).await.expect("every saga rests within 30 s");
    assert_eq!(acknowledged.lock().expect("no holder panics").len(), orders);
    assert_all_there(&server.at(""), &acknowledged).await;
    server.kill();
    home.assert_audit_is_clean();
}
