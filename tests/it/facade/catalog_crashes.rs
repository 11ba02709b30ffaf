//! The catalogue under races and crashes of its actor.

use crate::support::{TestApp, eventually, id};
use futures::future::{join, join_all};
use serde_json::json;
use std::collections::HashSet;

#[tokio::test]
async fn of_many_who_want_one_sku_one_gets_it() {
    let app = TestApp::start();
    let (one, two) = (app.product("Kopi").await, app.product("Teh").await);
    for round in 0..10 {
        let body = json!({"sku": format!("RACE-{round}")});
        let tries = (0..16).map(|n| app.add_variant(if n % 2 == 0 { &one } else { &two }, &body).into_future());
        let answers = join_all(tries).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!(won.len(), 1, "round {round}");
        for answer in lost {
            answer.problem(409, "duplicate_sku");
        }
    }
    let count = async |product: &str| {
        app.get(&format!("/products/{product}")).await.success(200)["variants"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count(&one).await + count(&two).await, 10);
    app.finish().await;
}

#[tokio::test]
async fn every_acknowledged_write_is_there_once_however_often_the_actor_crashes() {
    let app = TestApp::start();
    let product = app.product("Kopi").await;
    let writes = async |client: usize| {
        for n in 0..15 {
            let sku = format!("C{client}-{n}");
            // Sent again after a crash it must not meet itself as a duplicate.
            let added = app.add_variant(&product, &json!({"sku": sku})).key(&sku).await;
            added.success(201);
            assert!(!added.is_replayed(), "its client has had no answer before");
        }
    };
    let crashes = async {
        for round in 0..15 {
            let mode = ["panic", "stop", "panic_in_future"][round % 3];
            app.crash("catalog", &json!({"mode": mode})).await.success(202);
            app.shop(&format!("Toko {round}")).await;
        }
    };
    join(join_all((0..8).map(writes)), crashes).await;
    let read = app.get(&format!("/products/{product}")).await;
    let variants = read.success(200)["variants"].as_array().expect("variants");
    let skus: HashSet<_> = variants.iter().map(|variant| variant["sku"].as_str().expect("a sku")).collect();
    assert_eq!((variants.len(), skus.len()), (120, 120));
    assert_eq!(app.walk("/shops?limit=100").await.len(), 15);
    eventually("the actor runs again", async || {
        let actors = app.actors().await;
        let actors = actors.success(200).as_array().expect("actors").clone();
        let catalog = actors.iter().find(|actor| actor["name"] == "catalog").expect("the catalogue's actor");
        (catalog["state"] == "running" && catalog["restarts"] == 15).then_some(())
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn changes_of_one_item_at_the_same_time_leave_one_of_them_whole() {
    let app = TestApp::start();
    let shop = app.shop("Toko").await;
    let path = format!("/shops/{shop}");
    let bodies: Vec<_> = (0..32).map(|n| json!({"name": format!("Toko {n}"), "city": format!("Kota {n}")})).collect();
    let answers = join_all(bodies.iter().map(|body| app.patch(&path, body).into_future())).await;
    answers.iter().for_each(|answer| assert_eq!(id(answer.success(200)), shop));
    let left = app.get(&path).await.success(200).clone();
    assert!(bodies.iter().any(|body| body["name"] == left["name"] && body["city"] == left["city"]), "{left}");
    app.finish().await;
}
