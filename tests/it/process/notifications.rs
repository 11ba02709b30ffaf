//! SIGKILL while others have still to be told of payments.

use super::server::{Home, Server, eventually, get};
use crate::support::{Bank, Manner, id, simulated};
use serde_json::{Value, json};
use std::collections::HashSet;

async fn serving(home: &Home, bank: &Bank) -> Server {
    let mut command = home.command();
    command
        .env("BACKSTITCH__NOTIFICATIONS__ORDERS__URL", bank.url("/orders/{order_id}/payment"))
        .env("BACKSTITCH__NOTIFICATIONS__ORDERS__METHOD", "PUT")
        .env("BACKSTITCH__NOTIFICATIONS__ORDERS__TIMEOUT_MS", "500")
        .env("BACKSTITCH__NOTIFICATIONS__ORDERS__ALLOW_PRIVATE", "true");
    Server::of(command).await
}

#[actix_web::test]
async fn what_was_to_be_told_when_the_process_was_killed_is_told_after_its_restart() {
    let (home, bank) = (Home::new(), Bank::start());
    let server = serving(&home, &bank).await;
    // Some are on their way when it dies, some have been in vain, some are not looked at yet.
    bank.will([Manner::Silence, Manner::Says(503, "", None), Manner::Silence, Manner::Says(500, "", None)]);
    let client = crate::support::http_client();
    let mut orders = HashSet::new();
    for _ in 0..10 {
        let placed = client.post(server.at("/orders?wait=10")).json(&simulated(&json!({}))).send().await;
        let placed: Value = placed.expect("an answer").json().await.expect("JSON");
        orders.insert(id(&placed["data"]).to_owned());
    }
    eventually("some are told", async || bank.asked().len() >= 4).await;
    server.kill();

    let server = serving(&home, &bank).await;
    eventually("everything is told", async || {
        let Some(list) = get(&client, &server.at("/notifications?limit=100")).await else { return false };
        let listed = list["data"].as_array().expect("a list");
        listed.len() == orders.len() && listed.iter().all(|told| told["status"] == "delivered")
    })
    .await;
    let ids: HashSet<_> = bank.asked().iter().map(|asked| asked.headers["webhook-id"].clone()).collect();
    assert_eq!(ids.len(), orders.len(), "each has one id, however often it is sent");
    let told: HashSet<_> =
        bank.asked().iter().filter_map(|asked| Some(asked.path.split('/').nth(2)?.to_owned())).collect();
    assert_eq!(told, orders);
    server.kill();
    home.assert_audit_is_clean();
}
