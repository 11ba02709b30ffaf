//! SIGKILL while others have still to be told of payments.

use super::{
    load::clients,
    server::{Home, Server, eventually, get},
};
use crate::support::{Bank, Manner, id, scaled, simulated};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

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

#[actix_web::test]
async fn crashes_and_kills_under_load_leave_nobody_untold() {
    let (home, bank) = (Home::new(), Bank::start());
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut server = serving(&home, &bank).await;
    let (target, acknowledged) = (Arc::new(Mutex::new(server.at(""))), Arc::default());
    let orders = scaled("BACKSTITCH_TEST_TOLD_ORDERS", 200);
    let clients = clients(seed, 12, orders, 150, 30, &target, &acknowledged).await;
    let http = crate::support::http_client();
    let mut pace = tokio::time::interval(Duration::from_millis(50));
    for crash in 0..40 {
        pace.tick().await;
        let (actor, mode) = (["notifier", "payment"][crash % 2], ["panic", "stop", "panic_in_future"][crash % 3]);
        let url = server.at(&format!("/admin/actors/{actor}/crash"));
        http.post(url).json(&json!({"mode": mode})).send().await.expect("the server answers");
        if crash % 20 == 10 {
            server.kill();
            server = serving(&home, &bank).await;
            *target.lock().expect("no holder panics") = server.at("");
        }
    }
    for client in clients {
        client.await.expect("a client ends");
    }
    server.all_rest().await;

    let told = all(&http, &server, "/notifications?limit=100").await;
    eventually("everybody is told", async || {
        all(&http, &server, "/notifications?limit=100").await.iter().all(|told| told["status"] == "delivered")
    })
    .await;
    let about: HashSet<_> = told.iter().map(|told| told["payment_id"].clone()).collect();
    assert_eq!(about.len(), told.len(), "each payment is paid once");
    for payment in all(&http, &server, "/payments?limit=100").await {
        let is_told = about.contains(&payment["id"]);
        match payment["status"].as_str() {
            Some("paid") => assert!(is_told, "nobody is told of {payment}"),
            // It was paid before, or came too late.
            Some("refunding" | "refunded") => {}
            _ => assert!(!is_told, "{payment}"),
        }
    }
    let ids: HashSet<_> = bank.asked().iter().map(|asked| asked.headers["webhook-id"].clone()).collect();
    assert_eq!(ids, told.iter().map(|told| id(told).to_owned()).collect());
    server.kill();
    home.assert_audit_is_clean();
}

/// All items of a list, part by part.
async fn all(http: &reqwest::Client, server: &Server, list: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let part = get(http, &server.at(&format!("{list}{cursor}"))).await.expect("the server answers");
        items.extend_from_slice(part["data"].as_array().expect("a list"));
        let Some(next) = part["meta"]["next_cursor"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}
