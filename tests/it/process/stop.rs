//! Stopping on SIGTERM, and what a stopped server leaves behind.

use super::{
    load::{assert_all_there, clients},
    server::{Home, eventually},
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

#[actix_web::test]
async fn sigterm_under_load_exits_with_0_and_the_next_start_finishes_every_saga() {
    let home = Home::new();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let server = home.server().await;
    let target = Arc::new(Mutex::new(server.at("")));
    let acknowledged = Arc::default();
    let clients = clients(seed, 32, 600, 200, 0, &target, &acknowledged).await;
    eventually("some orders are acknowledged", async || acknowledged.lock().expect("no holder panics").len() >= 150)
        .await;

    assert_eq!(server.terminate().await, Some(0));

    let server = home.server().await;
    *target.lock().expect("no holder panics") = server.at("");
    for client in clients {
        client.await.expect("a client ends");
    }
    server.all_rest().await;
    assert_eq!(acknowledged.lock().expect("no holder panics").len(), 600);
    assert_all_there(&server.at(""), &acknowledged).await;
    assert_eq!(server.terminate().await, Some(0));
    home.assert_audit_is_clean();
}

#[actix_web::test]
async fn who_waits_for_a_saga_is_answered_when_the_server_stops() {
    let home = Home::new();
    let server = home.server().await;
    let url = server.at("/orders?wait=60");
    let waiting = actix_web::rt::spawn(async move {
        let order = json!({"item_name": "slow", "quantity": 1, "price": 1});
        crate::support::http_client().post(url).json(&order).send().await.expect("an answer").json::<Value>().await
    });
    let (client, list) = (crate::support::http_client(), server.at("/sagas?status=waiting"));
    eventually("the saga waits for its payment", async || {
        let waiting = super::server::get(&client, &list).await;
        waiting.is_some_and(|list| list["data"].as_array().is_some_and(|sagas| sagas.len() == 1))
    })
    .await;

    assert_eq!(server.terminate().await, Some(0));

    let answered = waiting.await.expect("the client ends").expect("the answer is JSON");
    assert_eq!(answered["data"]["saga"]["status"], "waiting");
}
