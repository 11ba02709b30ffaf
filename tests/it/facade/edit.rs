//! Editing an order that is not paid yet (C1, C3): its lines, its reservation and its payment become others
//! together, or none of them do.

use crate::support::{Stand, TestApp, either, id, manual, simulated, unpaid};
use futures::future::{Either, join_all, select};
use serde_json::{Value, json};
use std::{pin::pin, time::Duration};

/// An order over 60,000.
fn tea() -> Value {
    json!({"item_name": "Teh Melati", "quantity": 3, "price": 20_000})
}

/// The payments of an order: revision, status and amount, the first one first.
async fn payments(app: &TestApp, order: &Value) -> Vec<(i64, String, i64)> {
    let listed = app.walk(&format!("/payments?order_id={}&limit=100", id(order))).await;
    let one = |payment: &Value| {
        let number = |name: &str| payment[name].as_i64().expect("a number");
        (number("revision"), payment["status"].as_str().expect("a status").to_owned(), number("amount"))
    };
    listed.iter().rev().map(one).collect()
}

fn shown(of: &[(i64, &str, i64)]) -> Vec<(i64, String, i64)> {
    of.iter().map(|(revision, status, amount)| (*revision, (*status).to_owned(), *amount)).collect()
}

#[tokio::test]
async fn an_unpaid_order_gets_other_lines_and_another_payment() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let edited = app.edit_order(id(&order), &tea()).await.success(200).clone();
    assert_eq!((&edited["revision"], &edited["total_amount"]), (&json!(1), &json!(60_000)));
    assert_eq!((&edited["item_name"], &edited["status"]), (&json!("Teh Melati"), &json!("pending")));
    assert_eq!(edited["saga_id"], order["saga_id"]);
    assert_ne!(edited["payment"]["id"], order["payment"]["id"]);
    assert_eq!(app.order(id(&order)).await.success(200)["lines"], edited["lines"]);
    assert_eq!(payments(&app, &order).await, shown(&[(0, "failed", 170_000), (1, "pending", 60_000)]));

    app.pay(id(&edited["payment"])).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    let ended = app.order(id(&order)).await.success(200).clone();
    assert_eq!((&ended["status"], &ended["payment"]["status"]), (&json!("completed"), &json!("paid")));
    app.finish().await;
}

#[tokio::test]
async fn money_for_the_lines_before_is_recorded_and_goes_back() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let edited = app.edit_order(id(&order), &tea()).await.success(200).clone();
    let late = app.pay(id(&order["payment"])).await;
    assert_eq!(late.success(200)["reason"], "payment_superseded");
    app.payment_once(id(&order["payment"]), "refunded").await;
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "pending");
    app.pay(id(&edited["payment"])).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(payments(&app, &order).await, shown(&[(0, "refunded", 170_000), (1, "paid", 60_000)]));
    app.finish().await;
}

#[tokio::test]
async fn the_stock_promises_the_new_lines_and_takes_back_the_old_ones() {
    let app = TestApp::start();
    let (coffee, tea) = (app.stand(85_000, 10).await, app.stand(20_000, 10).await);
    let pieces = async || [app.pieces(&coffee.variant).await, app.pieces(&tea.variant).await];
    let order = app.unpaid(&unpaid(&[coffee.line(9)])).await;
    let edited = app.edit_order(id(&order), &unpaid(&[coffee.line(10), tea.line(3)])).await.success(200).clone();
    assert_eq!(edited["total_amount"], 910_000);
    assert_eq!(pieces().await, [[10, 10, 0], [10, 3, 7]]);
    for shop in [&coffee.shop, &tea.shop] {
        assert_eq!(app.walk(&format!("/shops/{shop}/orders")).await.len(), 1, "both shops have it in their lists");
    }
    app.edit_order(id(&order), &unpaid(&[tea.line(4)])).await.success(200);
    assert_eq!(pieces().await, [[10, 0, 10], [10, 4, 6]]);
    assert!(app.walk(&format!("/shops/{}/orders", coffee.shop)).await.is_empty(), "it has nothing of this one now");

    let payment = app.order(id(&order)).await.success(200)["payment"].clone();
    app.pay(id(&payment)).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    let ended = app.order(id(&order)).await.success(200).clone();
    assert_eq!(ended["shipments"].as_array().map(Vec::len), Some(1), "{ended}");
    assert_eq!(ended["shipments"][0]["items"][0]["quantity"], 4);
    assert_eq!(pieces().await, [[10, 0, 10], [6, 0, 6]]);
    app.finish().await;
}

#[tokio::test]
async fn where_there_is_too_little_the_order_stands_as_it_was() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 5).await;
    let order = app.unpaid(&unpaid(&[stand.line(2)])).await;
    app.edit_order(id(&order), &unpaid(&[stand.line(6)])).await.problem(409, "out_of_stock");
    assert_eq!(app.pieces(&stand.variant).await, [5, 2, 3]);
    let mut after = app.order(id(&order)).await.success(200).clone();
    after["updated_at"] = order["updated_at"].clone();
    after["saga"] = order["saga"].clone();
    assert_eq!(after, order);
    app.pay(id(&order["payment"])).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.pieces(&stand.variant).await, [3, 0, 3]);
    app.finish().await;
}

#[tokio::test]
async fn an_order_of_free_text_can_have_a_shops_goods_and_lose_them_again() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 5).await;
    let order = app.unpaid(&manual()).await;
    app.edit_order(id(&order), &unpaid(&[stand.line(6)])).await.problem(409, "out_of_stock");
    app.edit_order(id(&order), &unpaid(&[stand.line(5)])).await.success(200);
    assert_eq!(app.pieces(&stand.variant).await, [5, 5, 0]);
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.pieces(&stand.variant).await, [5, 0, 5]);
    app.finish().await;
}

#[tokio::test]
async fn an_order_that_is_paid_or_over_is_not_edited() {
    let app = TestApp::start();
    let completed = app.rested(&simulated(&json!({}))).await;
    app.edit_order(id(&completed), &tea()).await.problem(409, "order_already_paid");
    let failed = app.rested(&simulated(&json!({"payment": "decline"}))).await;
    app.edit_order(id(&failed), &tea()).await.problem(409, "order_closed");
    let order = app.unpaid(&manual()).await;
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    app.edit_order(id(&order), &tea()).await.problem(409, "order_closed");
    app.edit_order(&uuid::Uuid::now_v7().to_string(), &tea()).await.problem(404, "order_not_found");
    app.finish().await;
}

#[tokio::test]
async fn an_order_whose_provider_is_being_asked_for_the_money_is_busy() {
    let app = TestApp::start();
    let order = app.unpaid(&simulated(&json!({"payment_delay_ms": 2_000}))).await;
    app.edit_order(id(&order), &tea()).await.problem(409, "order_busy");
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.order(id(&order)).await.success(200)["total_amount"], 170_000);
    app.finish().await;
}

#[tokio::test]
async fn lines_that_cannot_be_are_named_and_change_nothing() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 5).await;
    let order = app.unpaid(&manual()).await;
    let refused = async |body: Value, field: &str| app.edit_order(id(&order), &body).await.refuses(field);
    refused(json!({}), "lines").await;
    refused(json!({"lines": []}), "lines").await;
    refused(json!({"item_name": "Teh", "quantity": 0, "price": 1}), "quantity").await;
    refused(
        json!({"lines": [{"shop_id": stand.shop, "variant_id": stand.shop, "quantity": 1}]}),
        "lines[0].variant_id",
    )
    .await;
    app.edit_order(id(&order), &json!({"lines": 7})).await.any_problem();
    app.edit_order(id(&order), &json!({"customer_ref": "somebody else"})).await.any_problem();
    let mut dearer = stand.line(1);
    dearer["expected_price"] = json!(80_000);
    app.edit_order(id(&order), &unpaid(&[dearer])).await.problem(409, "price_changed");
    assert_eq!(app.order(id(&order)).await.success(200)["revision"], 0);
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish().await;
}

#[tokio::test]
async fn the_saga_shows_the_edit_and_its_log_has_every_step_of_it() {
    let app = TestApp::start();
    let stand = app.stand(85_000, 5).await;
    let order = app.unpaid(&unpaid(&[stand.line(2)])).await;
    app.edit_order(id(&order), &unpaid(&[stand.line(6)])).await.problem(409, "out_of_stock");
    let saga = order["saga_id"].as_str().expect("an id");
    let shown = app.saga(saga).await.success(200).clone();
    let steps = shown["steps"].as_array().expect("steps").iter().filter(|step| step["stage"] == "amendment");
    let states: Vec<_> = steps.map(|step| (&step["step"], &step["state"])).collect();
    let (done, rejected, pending) = (json!("done"), json!("rejected"), json!("pending"));
    assert_eq!(
        states,
        [
            (&json!("hold_payment"), &done),
            (&json!("replace_reservation"), &rejected),
            (&json!("amend_order"), &pending)
        ]
    );
    let log = app.saga_log(saga).await.items().to_vec();
    let refused = log.iter().find(|entry| entry["event"] == "amendment_refused").expect("it is logged");
    assert_eq!(refused["error"], "out_of_stock");
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish().await;
}

/// What a client does with its order: edits, reports of money for any of its payments, and perhaps a cancellation.
/// Ends with the order paid or over.
async fn restless(app: &TestApp, stand: &Stand, seed: u64) -> Value {
    let mut random = fastrand::Rng::with_seed(seed);
    let order = app.unpaid(&unpaid(&[stand.line(random.i64(1..=3))])).await;
    let mut payments = vec![order["payment"].clone()];
    for _ in 0..random.usize(1..6) {
        match random.u8(0..10) {
            0 => drop(app.delete_order(id(&order)).await),
            1 | 2 => drop(app.pay(id(&payments[random.usize(0..payments.len())])).await),
            kind => {
                let lines = if kind == 3 { tea() } else { unpaid(&[stand.line(random.i64(1..=4))]) };
                let edited = app.edit_order(id(&order), &lines).await;
                assert!([200, 409, 503].contains(&edited.status), "{edited:?}");
                if edited.status == 200 {
                    payments.push(edited.success(200)["payment"].clone());
                }
            }
        }
    }
    let last = app.order_once(id(&order), |order| order["payment"]["status"] != Value::Null).await;
    if last["status"] == "pending" {
        app.pay(id(&last["payment"])).await.success(200);
    }
    app.saga_at_rest(&order["saga_id"]).await;
    app.order(id(&order)).await.success(200).clone()
}

#[tokio::test]
async fn whatever_clients_do_while_actors_are_crashed_an_order_ends_in_one_revision_with_its_money_and_goods() {
    let app = TestApp::start();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let stand = app.stand(85_000, 120).await;
    let orders = {
        let orders = pin!(join_all((0..48).map(|number| restless(&app, &stand, seed.wrapping_add(number)))));
        let trouble = pin!(async {
            let mut pace = tokio::time::interval(Duration::from_millis(either(15, 150)));
            for actor in ["stock", "coordinator", "payment", "order"].iter().cycle() {
                pace.tick().await;
                app.crash(actor, &json!({"mode": "panic"})).await.success(202);
            }
        });
        let Either::Left((orders, _)) = select(orders, trouble).await else { unreachable!("it has no end") };
        orders
    };
    let completed = orders.iter().filter(|order| order["status"] == "completed");
    let lines = completed.flat_map(|order| order["lines"].as_array().expect("lines"));
    let sold: i64 = lines.filter(|line| line["sku"] != Value::Null).filter_map(|line| line["quantity"].as_i64()).sum();
    assert_eq!(app.pieces(&stand.variant).await, [120 - sold, 0, 120 - sold]);
    // What is left to be seen of every order is for the audit, which the end of each test asks.
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_request_for_a_payment_is_answered_with_the_payment_that_it_opened() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let body = json!({"order_id": id(&order), "amount": 170_000, "provider": "manual"});
    let opened = app.open_payment(&body).key("k-1").await.success(201)["id"].clone();
    // The same total, other lines.
    let lines = json!({"item_name": "Teh", "quantity": 1, "price": 170_000});
    app.edit_order(id(&order), &lines).await.success(200);
    let again = app.open_payment(&body).key("k-1").await;
    assert_eq!(again.success(200)["id"], opened);
    app.finish_leaving(1).await;
}

/// A person must act, says the saga's row; its log only says that it waits. Nobody's edit may set it going again.
#[tokio::test]
async fn a_saga_that_was_set_aside_is_not_set_going_by_an_edit() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let sql = "UPDATE saga_saga SET status = 'needs_attention', attention = 'planted', wake_at = NULL, finished_at = 1";
    assert_eq!(app.sql().execute(sql, &[]).expect("a change"), 1);
    let saga = order["saga_id"].as_str().expect("an id");
    let edited = app.edit_order(id(&order), &tea()).await;
    assert_eq!((edited.status, &app.saga(saga).await.success(200)["status"]), (409, &json!("needs_attention")));
    app.finish_leaving_any().await;
}
