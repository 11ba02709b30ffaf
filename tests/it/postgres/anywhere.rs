//! Any node answers for any saga: what is waited for, followed or wished for on one while another drives it.

use crate::support::{Bank, Manner, Server, TestApp, TestDatabase, eventually, id, manual, simulated};
use serde_json::{Value, json};
use std::sync::Arc;

/// Two servers over one database.
fn two() -> (TestApp, TestApp) {
    two_with(&[])
}

/// The same with further settings.
fn two_with(settings: &[(&str, &str)]) -> (TestApp, TestApp) {
    let database = TestDatabase::Postgres(Arc::new(Server::shared().database()));
    let one = TestApp::over(database.clone(), &[settings, &[("node.id", "one")]].concat());
    (one, TestApp::over(database, &[settings, &[("node.id", "other")]].concat()))
}

fn saga_of(order: &Value) -> &str {
    order["saga_id"].as_str().expect("an id")
}

async fn finish(one: TestApp, other: TestApp) {
    one.finish_leaving_any().await;
    other.finish_leaving_any().await;
}

#[tokio::test]
async fn a_saga_is_followed_on_a_node_that_does_not_drive_it() {
    let (one, other) = two();
    let order = one.unpaid(&manual()).await;
    let mut events = other.saga_events(saga_of(&order)).events().await;
    let mut told = events.until("step_waiting").await;
    // It goes on, and then waits again: nothing that a node announces.
    one.retry_saga(saga_of(&order), &json!({"reason": "impatience"})).await.success(202);
    told.extend(events.until("retry_requested").await);
    one.pay(id(&order["payment"])).await.success(200);
    told.extend(events.until("saga_completed").await);
    assert_eq!(events.next().await.expect("the saga").event, "rest");
    let told: Vec<_> = told.into_iter().map(|message| message.data).collect();
    assert_eq!(told, one.saga_log(saga_of(&order)).await.items());
    assert!(told.iter().all(|event| event["node"] == "one"), "{told:?}");
    finish(one, other).await;
}

#[tokio::test]
async fn a_stream_is_gone_on_with_on_another_node() {
    let (one, other) = two();
    let order = one.unpaid(&manual()).await;
    let seen = one.saga_events(saga_of(&order)).events().await.until("step_waiting").await;
    let last = seen.last().and_then(|message| message.id).expect("a number");
    let events = other.saga_events(saga_of(&order)).header("Last-Event-ID", last.to_string()).events().await;
    one.pay(id(&order["payment"])).await.success(200);
    let further = events.rest().await;
    assert_eq!(further[0].id, Some(last + 1));
    let told = seen.len() + further.len() - 1;
    assert_eq!(told, one.saga_log(saga_of(&order)).await.items().len());
    finish(one, other).await;
}

#[tokio::test]
async fn an_order_placed_again_on_another_node_waits_there_for_its_end() {
    let (one, other) = two();
    let body = simulated(&json!({"payment_delay_ms": 300}));
    let (placed, again) = tokio::join!(async { one.place(&body).key("k").wait(60).await }, async {
        other.place(&body).key("k").wait(60).await
    });
    let (placed, again) = (placed.success(201), again.success(201));
    assert_eq!(id(placed), id(again));
    assert_eq!([&placed["saga"]["status"], &again["saga"]["status"]], [&json!("completed"); 2]);
    finish(one, other).await;
}

#[tokio::test]
async fn an_order_is_edited_where_another_node_drives_its_saga() {
    let (one, other) = two();
    let order = one.unpaid(&manual()).await;
    let lines = json!({"lines": [{"item_name": "Kopi", "quantity": 1, "price": 1000}]});
    assert_eq!(other.edit_order(id(&order), &lines).await.success(200)["total_amount"], 1000);
    assert_eq!(one.order(id(&order)).await.success(200)["total_amount"], 1000);
    let read = one.saga(saga_of(&order)).wait(60);
    let (waited, ()) = tokio::join!(async { read.await.success(200).clone() }, async {
        let payment = other.order(id(&order)).await.success(200)["payment"].clone();
        other.pay(id(&payment)).await.success(200);
    });
    assert_eq!(waited["status"], "completed");
    finish(one, other).await;
}

#[tokio::test]
async fn an_order_is_cancelled_where_another_node_drives_its_saga() {
    let (one, other) = two();
    let order = one.unpaid(&manual()).await;
    let waiting = one.saga(saga_of(&order)).wait(60);
    let (waited, ()) = tokio::join!(async { waiting.await.success(200).clone() }, async {
        other.cancel_saga(saga_of(&order), &json!({"reason": "changed their mind"})).await.success(202);
    });
    assert_eq!(waited["status"], "compensated");
    finish(one, other).await;
}

#[tokio::test]
async fn a_call_that_one_node_makes_is_made_by_no_other_that_touches_its_payment() {
    let bank = Bank::start();
    let (charge, refund) = (bank.url("/charge"), bank.url("/refund"));
    let (one, other) = two_with(&[
        ("providers.payment.bank.kind", "http"),
        ("providers.payment.bank.timeout_ms", "3000"),
        ("providers.payment.bank.charge.url", &charge),
        ("providers.payment.bank.refund.url", &refund),
    ]);
    bank.will([Manner::DoneInSilence]);
    let mut body = manual();
    body["payment"] = json!({"provider": "bank"});
    let order = one.place(&body).await.success(201).clone();
    eventually("the bank is asked", async || (bank.asked().len() == 1).then_some(())).await;
    let open = json!({"order_id": order["id"], "amount": order["total_amount"], "provider": "bank"});
    other.open_payment(&open).await.success(200);
    other.cancel_saga(saga_of(&order), &json!({"reason": "changed their mind"})).await.success(202);
    // The order waits for nobody; its payment follows up what the bank makes of the charge.
    assert_eq!(other.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
    assert_eq!(bank.asked().len(), 1, "{:?}", bank.asked());
    one.payment_once(id(&order["payment"]), "refunded").await;
    assert_eq!(bank.effects(id(&order["payment"])), ["charge", "refund"]);
    finish(one, other).await;
}
