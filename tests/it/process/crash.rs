//! Actors crashed on purpose while orders run.

use super::{
    load::{assert_all_there, clients},
    server::{Home, get},
};
use crate::support::scaled;
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

#[actix_web::test]
async fn crashing_every_actor_in_every_mode_under_load_ends_no_process_and_loses_no_order() {
    let home = Home::new();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let crashes = scaled("BACKSTITCH_TEST_CRASHES", 60);
    let per_second = scaled("BACKSTITCH_TEST_CRASHES_PER_SECOND", 20);
    let orders = scaled("BACKSTITCH_TEST_CRASH_ORDERS", 500);
    let mut server = home.server().await;
    let target = Arc::new(Mutex::new(server.at("")));
    let acknowledged = Arc::default();
    let clients = clients(seed, 12, orders, 150, 30, &target, &acknowledged).await;

    let http = crate::support::http_client();
    let mut pace = tokio::time::interval(Duration::from_secs(1) / u32::try_from(per_second).expect("a rate"));
    let actors = ["order", "stock", "payment", "notifier", "shipping", "catalog", "coordinator"];
    let modes = ["panic", "stop", "panic_in_future"];
    for crash in 0..crashes {
        pace.tick().await;
        let (actor, mode) = (actors[crash % actors.len()], modes[crash / actors.len() % modes.len()]);
        let url = server.at(&format!("/admin/actors/{actor}/crash"));
        let answer = http.post(url).json(&json!({"mode": mode})).send().await.expect("the server answers");
        assert_eq!(answer.status(), 202);
    }
    for client in clients {
        client.await.expect("a client ends");
    }

    server.all_rest().await;
    assert!(server.is_running());
    let set_aside = get(&http, &server.at("/sagas?status=needs_attention")).await.expect("the server answers");
    assert_eq!(set_aside["data"], json!([]), "no saga needs a person because of a crash");
    assert_eq!(acknowledged.lock().expect("no holder panics").len(), orders);
    assert_all_there(&server.at(""), &acknowledged).await;
    let listed = get(&http, &server.at("/admin/actors")).await.expect("the server answers");
    let restarts = |name: &str| {
        let actors = listed["data"].as_array().expect("a list").iter();
        actors.filter(|actor| actor["name"] == name).filter_map(|actor| actor["restarts"].as_u64()).sum::<u64>()
    };
    for actor in actors {
        // Two crashes that arrive while an actor is down are one restart.
        assert!(restarts(actor) >= 1, "{actor} was never restarted: {listed}");
    }
    eprintln!("restarts: {:?}", actors.map(restarts));
    assert_eq!(server.terminate().await, Some(0));
    home.assert_audit_is_clean();
}
