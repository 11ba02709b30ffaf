//! Others are told how payments went (E3): by a row that is written with the settlement, and sent until they have it.

use crate::{
    grpc::direct::Steps,
    support::{
        Bank, Manner, SECRET, TestApp, app_that_tells, assert_signed, eventually, id, manual, notification_once,
        notifications_of, simulated,
    },
};
use serde_json::{Value, json};
use std::collections::HashSet;

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

fn delivered(notification: &Value) -> bool {
    notification["status"] == "delivered"
}

/// One attempt was in vain.
fn failed_once(notification: &Value) -> bool {
    notification["status"] == "pending" && notification["attempts"] == 1
}

fn retry(app: &TestApp, notification: &Value) -> crate::support::Call {
    app.call("POST", &format!("/notifications/{}/retry", id(notification)))
}

#[tokio::test]
async fn who_is_configured_is_told_once_that_an_order_is_paid() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[("secret", SECRET), ("headers.authorization", "Bearer abc")]);
    let order = app.rested(&simulated(&json!({}))).await;
    let told = notification_once(&app, &order["id"], delivered).await;
    let [asked] = &bank.asked()[..] else { panic!("once: {:?}", bank.asked()) };
    assert_eq!(asked.path, format!("PUT /orders/{}/payment", id(&order)));
    assert_eq!(asked.body, json!({"payment_status": "paid"}));
    for (name, value) in [
        ("webhook-id", id(&told)),
        ("idempotency-key", id(&told)),
        ("backstitch-attempt", "1"),
        ("content-type", "application/json"),
        ("authorization", "Bearer abc"),
    ] {
        assert_eq!(asked.headers.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert_signed(asked);
    let payment = &order["payment"]["id"];
    for (field, value) in [
        ("target", json!("orders")),
        ("event", json!("paid")),
        ("payment_id", payment.clone()),
        ("order_id", order["id"].clone()),
        ("user_id", json!(null)),
        ("amount", json!(170_000)),
        ("currency", json!("IDR")),
        ("attempts", json!(1)),
        ("next_attempt_at", json!(null)),
        ("last_status", json!(200)),
        ("last_error", json!(null)),
    ] {
        assert_eq!(told[field], value, "{field}");
    }
    assert!(told["delivered_at"].is_string());
    assert_eq!(*app.get(&format!("/notifications/{}", id(&told))).await.success(200), told);
    app.finish().await;
}

#[tokio::test]
async fn nobody_is_told_of_what_they_do_not_want_to_hear() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[]);
    let mut late = manual();
    late["payment"] = json!({"deadline_ms": 50});
    for unpaid in [simulated(&json!({"payment": "decline"})), late] {
        let order = app.rested(&unpaid).await;
        assert_eq!(order["status"], "failed");
        assert!(notifications_of(&app, &order["id"]).await.is_empty());
    }
    assert!(bank.asked().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn money_that_goes_back_is_told_to_who_wants_to_hear_of_that() {
    let bank = Bank::start();
    let settings = [("url", bank.url("/events")), ("allow_private", "true".into())];
    let settings = settings.map(|(key, value)| (format!("notifications.books.{key}"), value));
    let on = "notifications.books.on";
    for (on_status, events) in [("refunded", vec!["refunded"]), ("paid", vec!["paid"])] {
        let mut all: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        all.push((on, on_status));
        let app = TestApp::with(&all);
        let order = app.rested(&simulated(&json!({"shipping": "fail"}))).await;
        assert_eq!(order["payment"]["status"], "refunded");
        let told = notification_once(&app, &order["id"], delivered).await;
        assert_eq!(vec![told["event"].as_str().expect("an event")], events);
        let asked = bank.asked().pop().expect("a request");
        assert_eq!(
            (asked.path.as_str(), &asked.body["type"]),
            ("POST /events", &json!(format!("payment.{on_status}")))
        );
        let data = &asked.body["data"];
        assert_eq!((&data["notification_id"], &data["order_id"]), (&told["id"], &order["id"]));
        assert_eq!((&data["amount"], &data["status"]), (&json!(170_000), &told["event"]));
        app.finish().await;
    }
}

#[tokio::test]
async fn a_receiver_that_was_away_is_told_under_the_same_id() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[]);
    bank.will([Manner::Says(503, "", None)]);
    let order = app.rested(&simulated(&json!({}))).await;
    let told = notification_once(&app, &order["id"], failed_once).await;
    assert_eq!((&told["last_status"], &told["last_error"]), (&json!(503), &json!("it answers 503")));
    assert!(told["next_attempt_at"].as_str() > told["created_at"].as_str(), "{told}");
    let again = retry(&app, &told).key("once-more").await;
    assert_eq!((again.success(202)["attempts"].clone(), again.is_replayed()), (json!(0), false));
    notification_once(&app, &order["id"], delivered).await;
    let ids: Vec<_> = bank.asked().iter().map(|asked| asked.headers["webhook-id"].clone()).collect();
    assert_eq!(ids, [id(&told), id(&told)]);
    let repeated = retry(&app, &told).key("once-more").await;
    assert_eq!((repeated.success(202)["status"].clone(), repeated.is_replayed()), (json!("delivered"), true));
    retry(&app, &told).await.problem(409, "notification_delivered");
    assert_eq!(bank.asked().len(), 2);
    app.finish().await;
}

#[tokio::test]
async fn what_is_in_vain_for_the_last_time_is_given_up_until_somebody_asks_for_it() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[]);
    bank.will([Manner::Says(500, "", None), Manner::Says(404, "", None)]);
    let order = app.rested(&simulated(&json!({}))).await;
    notification_once(&app, &order["id"], failed_once).await;
    // As if three days had passed.
    let last = "UPDATE payment_notification SET attempts = 9, next_attempt_at = 1";
    app.sql().execute_batch(last).expect("a change");
    let given_up = notification_once(&app, &order["id"], |told| told["status"] == "failed").await;
    assert_eq!((&given_up["attempts"], &given_up["last_status"]), (&json!(10), &json!(404)));
    assert_eq!(given_up["next_attempt_at"], json!(null));
    assert_eq!(app.get("/notifications?status=failed").await.items(), std::slice::from_ref(&given_up));
    retry(&app, &given_up).await.success(202);
    notification_once(&app, &order["id"], delivered).await;
    assert_eq!(app.get("/notifications?status=failed").await.items(), [json!(null); 0]);
    app.finish().await;
}

#[tokio::test]
async fn one_that_cannot_be_read_is_given_up_once_until_it_can_be() {
    let bank = Bank::start();
    // A name of its own, as all servers of the tests count together.
    let url = bank.url("/orders/{order_id}/payment");
    let app = TestApp::with(&[("notifications.garbled.url", &url), ("notifications.garbled.allow_private", "true")]);
    bank.will([Manner::Says(503, "", None)]);
    let order = app.rested(&simulated(&json!({}))).await;
    notification_once(&app, &order["id"], failed_once).await;
    let garble = "UPDATE payment_notification SET about = replace(about, 'amount', 'amuont'), next_attempt_at = 1";
    app.sql().execute_batch(garble).expect("a change");
    let given_up = async || {
        let metrics = app.get("/metrics").await.text;
        metrics.contains("notifications_given_up_total{target=\"garbled\"} 1").then_some(())
    };
    eventually("it is given up", given_up).await;
    let mend = "UPDATE payment_notification SET about = replace(about, 'amuont', 'amount')";
    app.sql().execute_batch(mend).expect("a change");
    let [told] = &notifications_of(&app, &order["id"]).await[..] else { panic!("one") };
    assert_eq!((&told["status"], &told["last_error"]), (&json!("failed"), &json!("cannot be read")));
    assert_eq!((&told["attempts"], &told["next_attempt_at"]), (&json!(1), &json!(null)));
    assert_eq!(given_up().await, Some(()), "and that once");
    retry(&app, told).await.success(202);
    notification_once(&app, &order["id"], delivered).await;
    app.finish().await;
}

#[tokio::test]
async fn only_a_2xx_is_a_yes_and_no_redirect_is_followed() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[("timeout_ms", "500")]);
    let elsewhere = || Some(("location", bank.url("/elsewhere")));
    for (manner, status, why) in [
        (Manner::Says(302, "", elsewhere()), json!(302), "it answers 302"),
        (Manner::Says(307, "", elsewhere()), json!(307), "it answers 307"),
        (Manner::Says(409, "{}", None), json!(409), "it answers 409"),
        (Manner::Silence, json!(null), "no answer in time"),
    ] {
        let shown = format!("{manner:?}");
        bank.will([manner]);
        let order = app.rested(&simulated(&json!({}))).await;
        let told = notification_once(&app, &order["id"], failed_once).await;
        assert_eq!((&told["last_status"], &told["last_error"]), (&status, &json!(why)), "{shown}");
    }
    let whatever_becomes_of_its_body = [Manner::Drips, Manner::BreaksOff, Manner::Floods(10 << 20)];
    let all = [Manner::Says(204, "", None), Manner::Says(299, "not JSON", None)];
    for yes in all.into_iter().chain(whatever_becomes_of_its_body) {
        let shown = format!("{yes:?}");
        bank.will([yes]);
        let order = app.rested(&simulated(&json!({}))).await;
        let told = notification_once(&app, &order["id"], delivered).await;
        assert_eq!(told["attempts"], 1, "{shown}");
    }
    assert!(bank.asked().iter().all(|asked| !asked.path.contains("elsewhere")), "{:?}", bank.asked());
    app.finish().await;
}

#[tokio::test]
async fn a_private_address_is_called_only_where_that_is_allowed() {
    let bank = Bank::start();
    let port = bank.address.port();
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"] {
        let url = format!("http://{host}:{port}/orders/{{order_id}}/payment");
        let app = app_that_tells(&bank, &[("url", &url), ("allow_private", "false")]);
        let order = app.rested(&simulated(&json!({}))).await;
        let told = notification_once(&app, &order["id"], failed_once).await;
        let why = told["last_error"].as_str().expect("a reason");
        assert!(why.contains("its address is private"), "{host}: {why}");
        app.finish().await;
    }
    assert!(bank.asked().is_empty(), "{:?}", bank.asked());
}

#[tokio::test]
async fn a_notifier_that_crashes_loses_nothing() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[("timeout_ms", "500")]);
    for mode in ["panic", "stop", "panic_in_future"] {
        // While one is on its way.
        bank.will([Manner::Silence]);
        let (before, order) = (bank.asked().len(), app.rested(&simulated(&json!({}))).await);
        eventually("the receiver is asked", async || (bank.asked().len() > before).then_some(())).await;
        app.crash("notifier", &json!({"mode": mode})).await.success(202);
        let told = notification_once(&app, &order["id"], failed_once).await;
        // Before it has been looked for.
        app.crash("notifier", &json!({"mode": mode})).await.success(202);
        let another = app.rested(&simulated(&json!({}))).await;
        notification_once(&app, &another["id"], delivered).await;
        retry(&app, &told).await.success(202);
        notification_once(&app, &order["id"], delivered).await;
        let ids: Vec<_> = bank.asked()[before..].iter().map(|asked| asked.headers["webhook-id"].clone()).collect();
        assert!(ids.iter().filter(|known| *known == id(&told)).count() >= 2, "{mode}: {ids:?}");
        assert_eq!(ids.iter().collect::<HashSet<_>>().len(), 2, "{mode}: {ids:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn what_a_server_that_was_stopped_had_still_to_tell_is_told_by_the_next_one() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[]);
    bank.will([Manner::Says(500, "", None)]);
    let order = app.rested(&simulated(&json!({}))).await;
    let told = notification_once(&app, &order["id"], failed_once).await;
    // A target that is not configured any more keeps what it is to be told.
    let app = app.restarted(&[], "UPDATE payment_notification SET next_attempt_at = 1").await;
    assert_eq!(notifications_of(&app, &order["id"]).await[0]["status"], "pending");
    let settings = crate::support::told(&bank, &[]);
    let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let app = app.restarted(&settings, "UPDATE payment_notification SET next_attempt_at = 2").await;
    notification_once(&app, &order["id"], delivered).await;
    assert_eq!(bank.asked().last().expect("a request").headers["webhook-id"], id(&told));
    app.finish().await;
}

#[tokio::test]
async fn more_than_there_is_room_for_are_told_one_after_the_other() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[("max_concurrent", "2")]);
    let orders: Vec<Value> = (0..20).map(|_| simulated(&json!({}))).collect();
    let placed = futures::future::join_all(orders.iter().map(|order| app.rested(order))).await;
    for order in &placed {
        notification_once(&app, &order["id"], delivered).await;
    }
    assert_eq!(bank.asked().len(), 20);
    app.finish().await;
}

#[tokio::test]
async fn notifications_are_listed_newest_first_and_found_by_what_they_are_about() {
    let bank = Bank::start();
    let app = app_that_tells(&bank, &[]);
    let mut orders = Vec::new();
    for _ in 0..3 {
        let order = app.rested(&simulated(&json!({}))).await;
        notification_once(&app, &order["id"], delivered).await;
        orders.insert(0, order["id"].clone());
    }
    let listed = app.walk("/notifications?limit=2").await;
    assert_eq!(listed.iter().map(|told| told["order_id"].clone()).collect::<Vec<_>>(), orders);
    let payment = listed[1]["payment_id"].as_str().expect("an id");
    for query in [
        format!("payment_id={payment}"),
        format!("status=delivered&target=orders&order_id={}", orders[1].as_str().expect("an id")),
    ] {
        assert_eq!(app.get(&format!("/notifications?{query}")).await.items(), &listed[1..2], "{query}");
    }
    for query in ["status=pending", "target=users", "order_id=1"] {
        assert!(app.get(&format!("/notifications?{query}")).await.items().is_empty(), "{query}");
    }
    for field in ["status", "target", "payment_id", "order_id", "limit", "cursor", "colour"] {
        app.get(&format!("/notifications?{field}=A%20b")).await.refuses(field);
    }
    app.get(&format!("/notifications/{NOBODY}")).await.problem(404, "notification_not_found");
    app.call("POST", &format!("/notifications/{NOBODY}/retry")).await.problem(404, "notification_not_found");
    app.get("/notifications/1").await.problem(400, "invalid_id");
    app.finish().await;
}

#[tokio::test]
async fn where_nobody_is_told_there_is_nothing_to_tell() {
    let app = TestApp::start();
    let order = app.rested(&simulated(&json!({}))).await;
    assert_eq!(order["status"], "completed");
    assert!(app.get("/notifications").await.items().is_empty());
    app.unpaid(&manual()).await;
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn who_is_told_of_the_user_is_told_of_the_orders_customer_whichever_way_it_was_paid() {
    let bank = Bank::start();
    let url = bank.url("/users/{user_id}/payment-service");
    let body = r#"{"payment_status":"paid","order_id":"{order_id}"}"#;
    let app = app_that_tells(&bank, &[("url", &url), ("body", body)]);
    let of = |customer: &str, mut order: Value| {
        order["customer_ref"] = json!(customer);
        order
    };
    let by_saga = app.rested(&of("cust-1", simulated(&json!({})))).await;
    let by_hand = app.unpaid(&of("cust-2", manual())).await;
    app.pay(id(&by_hand["payment"])).await.success(200);
    let by_client = app.place(&of("cust-3", manual())).await.success(201).clone();
    let opened = json!({"order_id": by_client["id"], "amount": 170_000, "provider": "simulated"});
    app.open_payment(&opened).await;
    let steps = Steps::at(|port| app.grpc(port));
    let direct = steps.create().await.expect("an order of user 42");
    steps.pay(&direct).await.expect("a payment");
    for (order, customer) in
        [(&by_saga["id"], "cust-1"), (&by_hand["id"], "cust-2"), (&by_client["id"], "cust-3"), (&json!(direct), "42")]
    {
        let told = notification_once(&app, order, delivered).await;
        assert_eq!(told["user_id"], *customer);
        let asked = bank.asked().into_iter().find(|asked| asked.body["order_id"] == *order).expect("a request");
        assert_eq!(asked.path, format!("PUT /users/{customer}/payment-service"));
    }
    // Nobody knows who these are, or nobody could say it in a URL.
    for nameless in [simulated(&json!({})), of("Ibu Sari", simulated(&json!({})))] {
        let order = app.rested(&nameless).await;
        assert_eq!(order["status"], "completed");
        assert!(notifications_of(&app, &order["id"]).await.is_empty());
    }
    app.saga_at_rest(&by_hand["saga_id"]).await;
    app.saga_at_rest(&by_client["saga_id"]).await;
    app.finish().await;
}
