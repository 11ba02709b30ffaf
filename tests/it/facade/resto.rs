//! The listener for orders of somebody else's order service (E1, E2, E3, E4).

use crate::support::{Bank, Manner, TestApp, eventually, id, manual};
use backstitch::settings::{Settings, Sources};
use futures::future::join_all;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use tokio::{join, time::timeout};

/// A server with the listener, which tells `bank` of orders and users.
fn resto_of(bank: &Bank) -> TestApp {
    let (orders, users) = (bank.url("/orders/{order_id}/payment"), bank.url("/users/{user_id}/payment-service"));
    TestApp::with(&[
        ("resto.bind", "127.0.0.1:0"),
        ("notifications.orders.url", &orders),
        ("notifications.orders.method", "PUT"),
        ("notifications.orders.body", r#"{"payment_status":"paid"}"#),
        ("notifications.orders.allow_private", "true"),
        ("notifications.users.url", &users),
        ("notifications.users.method", "PUT"),
        ("notifications.users.body", r#"{"payment_status":"paid","payment_id":{payment_id}}"#),
        ("notifications.users.allow_private", "true"),
    ])
}

/// A server with the listener, which tells nobody.
fn resto() -> TestApp {
    TestApp::with(&[("resto.bind", "127.0.0.1:0")])
}

fn order() -> Value {
    json!({"order_id": 12, "user_id": 7, "amount": 20_000})
}

async fn told_once(bank: &Bank, requests: usize) -> Vec<(String, Value)> {
    let mut told = eventually("everybody is told", async || {
        let asked = bank.asked();
        (asked.len() >= requests).then_some(asked)
    })
    .await;
    told.sort_by(|one, other| one.path.cmp(&other.path));
    told.into_iter().map(|asked| (asked.path, asked.body)).collect()
}

#[tokio::test]
async fn a_payment_is_taken_numbered_and_told_to_the_order_service_and_the_user_service() {
    let bank = Bank::start();
    let app = resto_of(&bank);
    let paid = app.resto_post("/payments", &order()).await;
    assert_eq!((paid.status, &paid.json), (201, &json!({"message": "Pembayaran diproses", "payment_id": 1})));
    let read = app.resto("GET", "/payments/1").await;
    let expected = json!({"id": 1, "order_id": 12, "user_id": 7, "amount": 20_000, "status": "paid"});
    assert_eq!((read.status, &read.json), (200, &expected));
    assert_eq!(
        told_once(&bank, 2).await,
        [
            ("PUT /orders/12/payment".to_owned(), json!({"payment_status": "paid"})),
            ("PUT /users/7/payment-service".to_owned(), json!({"payment_status": "paid", "payment_id": 1})),
        ]
    );
    let told = eventually("both are delivered", async || {
        let told = app.get("/notifications?payment_id=1&status=delivered").await.items().to_vec();
        (told.len() == 2).then_some(told)
    })
    .await;
    for notification in &told {
        assert_eq!((&notification["payment_id"], &notification["order_id"]), (&json!(1), &json!(12)));
        assert_eq!((&notification["user_id"], &notification["amount"]), (&json!(7), &json!(20_000)));
    }
    let next = app.resto_post("/payments", &order()).await;
    assert_eq!(next.json["payment_id"], 2, "another payment, though for the same order");
    told_once(&bank, 4).await;
    app.finish().await;
}

#[tokio::test]
async fn a_payment_is_told_once_it_is_durable_and_not_when_it_is_next_looked_for_what_is_due() {
    let bank = Bank::start();
    let app = resto_of(&bank);
    let one_by_one = async {
        for number in 1..=10 {
            app.resto_post("/payments", &order()).await;
            told_once(&bank, 2 * number).await;
        }
    };
    // It is looked each second.
    timeout(Duration::from_secs(5), one_by_one).await.expect("all are told");
    app.finish().await;
}

#[tokio::test]
async fn a_payment_without_a_key_is_one_payment_whatever_crashes_meanwhile() {
    let bank = Bank::start();
    let app = resto_of(&bank);
    let pay = async |number: i32| {
        app.resto_post("/payments", &json!({"order_id": number, "user_id": 7, "amount": 20_000})).await
    };
    for round in 0..10 {
        let mode = ["panic", "panic_in_future"][usize::from(round % 2 == 0)];
        let body = json!({"mode": mode});
        let crash = async { app.crash("notifier", &body).await };
        let (paid, crashed) = join!(join_all((1..=20).map(|one| pay(20 * round + one))), crash);
        crashed.success(202);
        assert!(paid.iter().all(|paid| paid.status == 201), "{paid:?}");
    }
    for number in 1..=200 {
        let told = app.get(&format!("/notifications?target=orders&order_id={number}")).await;
        assert_eq!(told.items().len(), 1, "{number}: {told:?}");
    }
    app.finish().await;
}

#[tokio::test]
async fn what_is_missing_and_what_is_unknown_is_said_as_clients_know_it() {
    let app = resto();
    let missing = json!({"error": "order_id, user_id, dan amount wajib diisi"});
    for field in ["order_id", "user_id", "amount"] {
        for nothing in [None, Some(json!(null)), Some(json!(""))] {
            let mut body = order();
            match nothing {
                Some(nothing) => body[field] = nothing,
                None => drop(body.as_object_mut().expect("fields").remove(field)),
            }
            let refused = app.resto_post("/payments", &body).await;
            assert_eq!((refused.status, &refused.json), (400, &missing), "{body}");
        }
    }
    for (field, wrong) in
        [("amount", json!(0)), ("amount", json!(-5)), ("amount", json!(0.5)), ("amount", json!("20000"))]
    {
        let mut body = order();
        body[field] = wrong;
        let refused = app.resto_post("/payments", &body).await;
        assert_eq!((refused.status, &refused.json), (400, &json!({"error": "amount harus bilangan bulat positif"})));
    }
    for text in ["", "[]", "order_id=1", "{"] {
        let refused = app.resto("POST", "/payments").header("Content-Type", "application/json").bytes(text).await;
        assert_eq!((refused.status, refused.json["error"].is_string()), (400, true), "{text}");
    }
    for unknown in ["1", "0", "-1", "abc", "1.0", "99999999999999999999", "0198c0de-0000-7000-8000-000000000000"] {
        let refused = app.resto("GET", &format!("/payments/{unknown}")).await;
        assert_eq!(
            (refused.status, &refused.json),
            (404, &json!({"error": "Pembayaran tidak ditemukan"})),
            "{unknown}"
        );
    }
    for (method, path, status) in [
        ("GET", "/", 404),
        ("GET", "/orders", 404),
        ("GET", "/healthz", 404),
        ("GET", "/payments", 405),
        ("DELETE", "/payments", 405),
        ("PUT", "/payments/1", 405),
    ] {
        let refused = app.resto(method, path).await;
        assert_eq!((refused.status, refused.json["error"].is_string()), (status, true), "{method} {path}: {refused:?}");
        assert_eq!(refused.header("allow").is_some(), status == 405);
    }
    let long = json!({"order_id": 12, "user_id": 7, "amount": 1, "note": "x".repeat(300_000)});
    let refused = app.resto_post("/payments", &long).await;
    assert_eq!((refused.status, refused.json["error"].is_string()), (413, true));
    app.finish().await;
}

#[tokio::test]
async fn a_body_that_does_not_say_that_it_is_json_pays_nothing() {
    let app = resto();
    let pay = || app.resto("POST", "/payments").bytes(order().to_string());
    // What a page of anybody's may send without asking first.
    let unasked = ["text/plain", "text/plain; a=application/json", "application/x-www-form-urlencoded"];
    let mut refused: Vec<_> = Vec::new();
    for content_type in unasked {
        refused.push(pay().header("Content-Type", content_type).await);
    }
    refused.push(pay().await);
    for refused in refused {
        let error = json!({"error": "Content-Type harus application/json"});
        assert_eq!((refused.status, &refused.json), (415, &error), "{refused:?}");
    }
    assert_eq!(app.resto("GET", "/payments/1").await.status, 404);
    let paid = pay().header("Content-Type", "application/json; charset=utf-8").await;
    assert_eq!((paid.status, &paid.json["payment_id"]), (201, &json!(1)));
    app.finish().await;
}

#[tokio::test]
async fn ids_stay_of_the_type_in_which_they_came() {
    let app = resto();
    let body = json!({"order_id": "ORD-12", "user_id": "7", "amount": 20_000});
    let paid = app.resto_post("/payments", &body).await;
    let read = app.resto("GET", &format!("/payments/{}", paid.json["payment_id"])).await;
    assert_eq!((&read.json["order_id"], &read.json["user_id"]), (&json!("ORD-12"), &json!("7")));
    app.finish().await;
}

#[tokio::test]
async fn what_a_client_writes_leads_nowhere_else() {
    let bank = Bank::start();
    let app = resto_of(&bank);
    let body = json!({"order_id": "../users/1?a=b#c", "user_id": "7\"", "amount": 1});
    app.resto_post("/payments", &body).await;
    let paths: Vec<_> = told_once(&bank, 2).await.into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["PUT /orders/..%2Fusers%2F1%3Fa%3Db%23c/payment", "PUT /users/7%22/payment-service"]);
    app.finish().await;
}

#[tokio::test]
async fn a_repeat_under_the_same_key_is_the_same_payment() {
    let bank = Bank::start();
    let app = resto_of(&bank);
    let first = app.resto_post("/payments", &order()).key("k1").await;
    let again = app.resto_post("/payments", &order()).key("k1").await;
    assert_eq!((first.status, again.status, &first.json), (201, 201, &again.json));
    assert_eq!((first.is_replayed(), again.is_replayed()), (false, true));
    let mut other = order();
    other["amount"] = json!(1);
    let reused = app.resto_post("/payments", &other).key("k1").await;
    let error = json!({"error": "Idempotency-Key sudah dipakai untuk permintaan lain"});
    assert_eq!((reused.status, &reused.json), (422, &error));
    assert_eq!(app.resto("GET", "/payments/2").await.status, 404);
    told_once(&bank, 2).await;
    app.finish().await;
}

#[tokio::test]
async fn a_receiver_that_was_away_is_told_when_it_is_back() {
    let bank = Bank::start();
    let app = resto_of(&bank);
    bank.will([Manner::Says(503, "", None), Manner::Says(503, "", None)]);
    app.resto_post("/payments", &order()).await;
    let waiting = eventually("both were in vain", async || {
        let waiting = app.get("/notifications?status=pending").await.items().to_vec();
        (waiting.iter().filter(|told| told["attempts"] == 1).count() == 2).then_some(waiting)
    })
    .await;
    for notification in &waiting {
        app.call("POST", &format!("/notifications/{}/retry", id(notification))).await.success(202);
    }
    eventually("both are delivered", async || {
        (app.get("/notifications?status=delivered").await.items().len() == 2).then_some(())
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn another_backstitch_hears_that_its_order_and_its_user_are_paid() {
    const SECRET: &str = "correct-horse-battery";
    let shop = TestApp::with(&[("http.service_secret", SECRET)]);
    let (orders, users) = (
        format!("http://{}/orders/{{order_id}}/payment", shop.address),
        format!("http://{}/users/{{user_id}}/payment-service", shop.address),
    );
    let authorization = format!("Bearer {SECRET}");
    let resto = TestApp::with(&[
        ("resto.bind", "127.0.0.1:0"),
        ("notifications.orders.url", &orders),
        ("notifications.orders.method", "PUT"),
        ("notifications.orders.body", r#"{"payment_status":"paid"}"#),
        ("notifications.orders.allow_private", "true"),
        ("notifications.orders.headers.authorization", &authorization),
        ("notifications.users.url", &users),
        ("notifications.users.method", "PUT"),
        ("notifications.users.body", r#"{"payment_status":"paid","order_id":"{order_id}","payment_id":{payment_id}}"#),
        ("notifications.users.allow_private", "true"),
        ("notifications.users.headers.authorization", &authorization),
    ]);
    let order = shop.unpaid(&manual()).await;
    let users = [json!(7), json!("a/b"), json!("ana+x@mail.com"), json!("5%2B")];
    for (user, number) in users.into_iter().zip(1..) {
        let body = json!({"order_id": order["id"], "user_id": user, "amount": 170_000});
        assert_eq!(resto.resto_post("/payments", &body).await.status, 201);
        let name = user.as_str().map_or_else(|| user.to_string(), str::to_owned);
        // Either name is the same user's.
        let suffix = ["service", "status"][usize::from(number % 2 == 0)];
        let path = format!("/users/{}/payment-{suffix}", utf8_percent_encode(&name, NON_ALPHANUMERIC));
        let noted = eventually("the user is paid for", async || {
            let answer = shop.get(&path).await;
            (answer.status == 200).then(|| answer.success(200).clone())
        })
        .await;
        assert_eq!((&noted["user_id"], &noted["payment_id"]), (&json!(name), &json!(number)));
        assert_eq!(noted["order_id"], order["id"]);
    }
    assert_eq!(shop.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    resto.finish().await;
    shop.finish().await;
}

#[tokio::test]
async fn a_user_has_paid_who_has_a_payment_of_that_kind() {
    let app = resto();
    let paid = app.resto_post("/payments", &order()).await.json["payment_id"].clone();
    let put = |user: &str, body: Value| {
        let call = app.call("PUT", &format!("/users/{user}/payment-status"));
        call.header("Content-Type", "application/json").bytes(body.to_string())
    };
    let named = |order: Value| json!({"payment_status": "paid", "payment_id": paid, "order_id": order});
    put("8", named(json!(12))).await.problem(409, "payment_of_another_user");
    put("7", named(json!(13))).await.problem(409, "payment_of_another_order");
    put("7", json!({"payment_status": "paid", "payment_id": 99})).await.problem(404, "payment_not_found");
    put("7", named(json!(12))).await.success(200);
    let as_texts = json!({"payment_status": "paid", "payment_id": paid.to_string(), "order_id": "12"});
    put("7", as_texts).await.success(200);
    app.finish().await;
}

fn shipped() -> Sources {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/resto.toml");
    Sources::default().file(Some(shipped))
}

#[test]
fn the_shipped_configuration_is_whole() {
    let settings = Settings::load(&shipped()).expect("it is valid");
    assert_eq!(settings.resto.bind.map(|bind| bind.port()), Some(5004));
    let names: Vec<_> = settings.notifications.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["orders", "users", "users_status"]);
}

#[tokio::test]
async fn the_shipped_configuration_tells_the_order_service_and_the_user_service_by_both_of_its_names() {
    let (orders, users) = (Bank::start(), Bank::start());
    let shipped =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/resto.toml")).expect("it is there");
    let mut settings = vec![("resto.bind".to_owned(), "127.0.0.1:0".to_owned())];
    let mut section = "";
    for line in shipped.lines() {
        section = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')).unwrap_or(section);
        if let Some((key, value)) = line.split_once(" = ").filter(|_| section.starts_with("notifications.")) {
            let value = value.trim_matches(['"', '\'']).replace("127.0.0.1:5003", &orders.address.to_string());
            settings.push((format!("{section}.{key}"), value.replace("127.0.0.1:5001", &users.address.to_string())));
        }
    }
    let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let app = TestApp::with(&settings);
    assert_eq!(app.resto_post("/payments", &order()).await.status, 201);
    assert_eq!(told_once(&orders, 1).await, [("PUT /orders/12/payment".to_owned(), json!({"payment_status": "paid"}))]);
    let body = json!({"payment_status": "paid", "order_id": "12", "payment_id": 1});
    assert_eq!(
        told_once(&users, 2).await,
        [("PUT /users/7/payment-service".to_owned(), body.clone()), ("PUT /users/7/payment-status".to_owned(), body)]
    );
    app.finish().await;
}
