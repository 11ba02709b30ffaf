//! Lists: newest first, in parts, filtered.

use crate::support::{TestApp, eventually, id, manual, simulated};
use serde_json::{Value, json};
use std::collections::HashSet;

async fn completed(app: &TestApp, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(id(&app.rested(&simulated(&json!({}))).await).to_owned());
    }
    ids
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(id).collect()
}

#[tokio::test]
async fn the_newest_come_first() {
    let app = TestApp::start();
    let mut placed = completed(&app, 5).await;
    placed.reverse();
    assert_eq!(ids(app.get("/orders").await.items()), placed);
    for list in ["/sagas", "/payments", "/shipments"] {
        let answer = app.get(list).await;
        let orders: Vec<_> = answer.items().iter().map(|item| item["order_id"].as_str().expect("an id")).collect();
        assert_eq!(orders, placed, "{list}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_list_has_twenty_items_unless_asked_otherwise() {
    let app = TestApp::start();
    completed(&app, 22).await;
    for list in ["/orders", "/sagas", "/payments", "/shipments"] {
        assert_eq!(app.get(list).await.items().len(), 20, "{list}");
        assert_eq!(app.get(&format!("{list}?limit=1")).await.items().len(), 1, "{list}");
        let all = app.get(&format!("{list}?limit=100")).await;
        assert_eq!((all.items().len(), all.next_cursor()), (22, None), "{list}");
        let exact = app.get(&format!("{list}?limit=22")).await;
        assert_eq!((exact.items().len(), exact.next_cursor()), (22, None), "{list}: no part follows the last");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_walk_meets_every_item_once() {
    let app = TestApp::start();
    let placed = completed(&app, 10).await;
    for list in ["/orders", "/sagas", "/payments", "/shipments"] {
        for limit in [1, 3, 5, 10] {
            let walked = app.walk(&format!("{list}?limit={limit}")).await;
            assert_eq!(walked.len(), placed.len(), "{list} by {limit}");
            assert_eq!(walked.iter().map(id).collect::<HashSet<_>>().len(), placed.len(), "{list} by {limit}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_walk_meets_every_item_once_while_new_ones_arrive() {
    let app = TestApp::start();
    let placed = completed(&app, 12).await;
    let mut walked: Vec<String> = Vec::new();
    let mut part = app.orders("limit=2").await;
    loop {
        walked.extend(part.items().iter().map(|order| id(order).to_owned()));
        let Some(cursor) = part.next_cursor() else { break };
        completed(&app, 1).await;
        part = app.orders(&format!("limit=2&cursor={cursor}")).await;
    }
    walked.reverse();
    assert_eq!(walked, placed);
    app.finish().await;
}

#[tokio::test]
async fn orders_are_filtered_by_status() {
    let app = TestApp::start();
    let done = app.rested(&simulated(&json!({}))).await;
    let declined = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    let unshipped = app.rested(&simulated(&json!({"shipping": "fail"}))).await;
    let unpaid = app.unpaid(&manual()).await;
    for (status, order) in
        [("completed", &done), ("failed", &declined), ("cancelled", &unshipped), ("pending", &unpaid)]
    {
        assert_eq!(ids(app.orders(&format!("status={status}")).await.items()), [id(order)], "{status}");
    }
    assert_eq!(app.orders("status=paid").await.items().len(), 0);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn orders_are_filtered_by_customer() {
    let app = TestApp::start();
    for customer in ["cust-1", "cust-2", "cust 3 & co"] {
        let mut body = simulated(&json!({}));
        body["customer_ref"] = json!(customer);
        app.rested(&body).await;
    }
    for (query, customer) in [("cust-2", "cust-2"), ("cust+3+%26%20co", "cust 3 & co")] {
        let found = app.orders(&format!("customer_ref={query}")).await;
        assert_eq!(found.items().iter().map(|order| &order["customer_ref"]).collect::<Vec<_>>(), [customer]);
    }
    assert_eq!(app.orders("customer_ref=cust").await.items().len(), 0, "not by a part of it");
    app.finish().await;
}

#[tokio::test]
async fn orders_are_filtered_by_when_they_were_placed() {
    let app = TestApp::start();
    let first = app.rested(&simulated(&json!({}))).await;
    // Placed in a later millisecond than the first, whatever the clock.
    let second = eventually("the clock moves on", async || {
        let order = app.rested(&simulated(&json!({}))).await;
        (order["created_at"] != first["created_at"]).then_some(order)
    })
    .await;
    let after = second["created_at"].as_str().expect("a time");
    let found = app.orders(&format!("created_after={after}&limit=100")).await;
    assert!(ids(found.items()).contains(&id(&second)) && !ids(found.items()).contains(&id(&first)), "{found:?}");
    app.finish().await;
}

#[tokio::test]
async fn sagas_are_filtered_by_when_they_started() {
    let app = TestApp::start();
    let saga_of = async |order: Value| app.saga_at_rest(&order["saga_id"]).await;
    let first = saga_of(app.rested(&simulated(&json!({}))).await).await;
    let second = eventually("the clock moves on", async || {
        let saga = saga_of(app.rested(&simulated(&json!({}))).await).await;
        (saga["created_at"] != first["created_at"]).then_some(saga)
    })
    .await;
    let before = second["created_at"].as_str().expect("a time");
    let found = app.sagas(&format!("created_before={before}&limit=100")).await;
    assert!(ids(found.items()).contains(&id(&first)) && !ids(found.items()).contains(&id(&second)), "{found:?}");
    app.finish().await;
}

#[tokio::test]
async fn sagas_are_filtered_by_status_definition_and_step() {
    let app = TestApp::start();
    let done = app.rested(&simulated(&json!({}))).await;
    let declined = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    let unpaid = app.unpaid(&manual()).await;
    for (query, order) in [
        ("status=completed", &done),
        ("status=compensated", &declined),
        ("status=waiting", &unpaid),
        ("step=process_payment", &unpaid),
    ] {
        let found = app.sagas(query).await;
        assert_eq!(found.items().iter().map(|saga| &saga["order_id"]).collect::<Vec<_>>(), [&order["id"]], "{query}");
    }
    assert_eq!(app.sagas("definition=checkout").await.items().len(), 3);
    assert_eq!(app.sagas("definition=other").await.items().len(), 0);
    assert_eq!(app.sagas("status=needs_attention").await.items().len(), 0);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn payments_are_filtered_by_order_and_status() {
    let app = TestApp::start();
    let done = app.rested(&simulated(&json!({}))).await;
    let declined = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    for (order, status) in [(&done, "paid"), (&declined, "failed")] {
        let payment = id(&order["payment"]);
        assert_eq!(ids(app.payments(&format!("order_id={}", id(order))).await.items()), [payment]);
        assert_eq!(ids(app.payments(&format!("status={status}")).await.items()), [payment]);
    }
    let none = app.payments(&format!("order_id={}&status=expired", id(&done))).await;
    assert_eq!(none.items().len(), 0, "filters add up");
    app.finish().await;
}

#[tokio::test]
async fn a_filtered_list_is_walked_like_any_other() {
    let app = TestApp::start();
    for n in 0..12 {
        let faults = if n % 3 == 0 { json!({"payment": "decline"}) } else { json!({}) };
        app.rested(&simulated(&faults)).await;
    }
    assert_eq!(app.walk("/orders?status=completed&limit=3").await.len(), 8);
    assert_eq!(app.walk("/payments?status=failed&limit=3").await.len(), 4);
    app.finish().await;
}
