//! Each role is killed in its turn, in the middle of hundreds of sagas.

use super::cluster::{Split, eventually, order};
use crate::{
    process::load::{assert_all_there, clients},
    support::{scaled, sqlite_only},
};
use backstitch::role::Role;
use serde_json::json;
use std::sync::{Arc, Mutex};
use strum::VariantArray as _;

#[actix_web::test]
async fn every_role_killed_in_turn_in_the_middle_of_hundreds_of_sagas_loses_and_doubles_nothing() {
    let mut split = Split::start().await;
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let orders = scaled("BACKSTITCH_TEST_SPLIT_ORDERS", 600);
    let target = Arc::new(Mutex::new(split.at(Role::Coordinator, "")));
    let acknowledged = Arc::default();
    let clients = clients(seed, 32, orders, 400, 0, &target, &acknowledged).await;

    let mut roles: Vec<Role> = Role::VARIANTS.iter().chain(Role::VARIANTS).copied().collect();
    random.shuffle(&mut roles);
    for (round, role) in roles.iter().enumerate() {
        let enough = (round + 1) * orders / (roles.len() + 1);
        eventually("more orders are acknowledged", async || {
            acknowledged.lock().expect("no holder panics").len() >= enough
        })
        .await;
        eprintln!("SIGKILL for the {role}");
        split.kill(*role);
        split.spawn(*role);
        split.until_ready(*role).await;
    }
    for client in clients {
        client.await.expect("a client ends");
    }

    split.all_rest().await;
    assert_eq!(acknowledged.lock().expect("no holder panics").len(), orders);
    assert_all_there(&split.at(Role::Coordinator, ""), &acknowledged).await;
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn an_order_waits_without_an_attempt_for_a_role_that_is_away_and_goes_on_when_it_is_back() {
    for away in [Role::Shipping, Role::Payment, Role::Order] {
        let mut split = Split::start().await;
        split.kill(away);
        // Who cannot be told that the order exists, waits: the client is told so after 10 s.
        let placed = split.post(Role::Coordinator, "/orders", &order(&json!({}))).await;
        if away == Role::Order {
            assert_eq!(placed.0, 503, "{placed:?}");
        } else {
            assert_eq!(placed.0, 201, "{placed:?}");
            assert_eq!(placed.1["data"]["incomplete"], json!([away.as_str()]), "{placed:?}");
        }
        let waits = async || {
            let (_, sagas) = split.get(Role::Coordinator, "/sagas").await;
            sagas["data"][0]["status"] == "running"
        };
        eventually("the saga is under way", waits).await;
        split.spawn(away);
        split.until_ready(away).await;
        split.all_rest().await;
        let (_, sagas) = split.get(Role::Coordinator, "/sagas").await;
        assert_eq!(sagas["data"][0]["status"], "completed", "{away}: {sagas}");
        let (_, saga) =
            split.get(Role::Coordinator, &format!("/sagas/{}", sagas["data"][0]["id"].as_str().unwrap())).await;
        for step in saga["data"]["steps"].as_array().unwrap() {
            assert_eq!(step["attempts"], 1, "{away}: {step}");
        }
        split.assert_audit_is_clean();
    }
}

#[actix_web::test]
async fn a_role_that_stands_still_for_longer_than_an_answer_may_take_does_nothing_twice() {
    let split = Split::start_with(&[("peers.timeout_ms", "300")]).await;
    for still in [Role::Payment, Role::Shipping, Role::Order] {
        split.signal(still, "-STOP");
        let body = order(&json!({}));
        let placed = split.post(Role::Coordinator, "/orders?wait=1", &body);
        let woken = async {
            // It is given up, and not only asked again.
            let is_given_up = async || split.away_ms(Role::Coordinator, still).await > 2_500;
            eventually("the coordinator has no more patience", is_given_up).await;
            split.signal(still, "-CONT");
        };
        let (placed, ()) = tokio::join!(placed, woken);
        assert_eq!(placed.0, 201, "{still}: {placed:?}");
        split.all_rest().await;
    }
    let (_, orders) = split.get(Role::Coordinator, "/orders").await;
    for order in orders["data"].as_array().unwrap() {
        assert_eq!(order["status"], "completed", "{order}");
        assert_eq!(order["shipments"].as_array().unwrap().len(), 1, "{order}");
    }
    let (_, payments) = split.get(Role::Payment, "/payments").await;
    assert_eq!(payments["data"].as_array().unwrap().len(), 3, "{payments}");
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn a_role_whose_storage_takes_no_writes_is_waited_for_without_an_attempt() {
    if sqlite_only("a statement that waits for a lock is not given up there") {
        return;
    }
    // The process says so itself, before whoever asks it gives up.
    let split = Split::start_with(&[("peers.timeout_ms", "30000")]).await;
    let hold = split.database(Role::Payment).hold();
    // Perhaps the client waits in vain for the payment to be opened; the order exists.
    let (status, placed) = split.post(Role::Coordinator, "/orders", &order(&json!({}))).await;
    assert!(matches!(status, 201 | 503), "{placed}");
    let is_parked = async || {
        let log = std::fs::read_to_string(split.log(Role::Payment)).unwrap_or_default();
        log.contains("a batch failed")
    };
    eventually("the payment's storage has failed it", is_parked).await;
    hold.release();
    split.all_rest().await;
    assert_eq!(split.last_saga().await["status"], "completed");
    split.assert_no_attempt_was_burned().await;
    split.assert_audit_is_clean();
}
