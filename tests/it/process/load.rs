//! Orders from many clients at once, of every kind, retried as a good client would.

use super::server::get;
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Orders that were acknowledged: id and saga, by the idempotency key they were placed under.
pub(crate) type Acknowledged = Arc<Mutex<BTreeMap<String, (String, String)>>>;

/// Where the clients find the server; changes when it is restarted.
pub(crate) type Target = Arc<Mutex<String>>;

/// Opens two shops; a line of one piece of what each sells. There is too little of the second one for everybody.
pub(crate) async fn open_shops(base: &str) -> Vec<Value> {
    let client = crate::support::http_client();
    let sent = async |method: Method, path: String, body: Value| -> Value {
        let request = client.request(method, format!("{base}{path}")).json(&body);
        let answer = request.send().await.expect("the server answers");
        assert_eq!(answer.status(), 201, "{path}");
        let answer: Value = answer.json().await.expect("an answer is JSON");
        answer["data"]["id"].clone()
    };
    let mut lines = Vec::new();
    for (sku, pieces) in [("plenty", 1_000_000), ("few", 100)] {
        let product = sent(Method::POST, "/products".into(), json!({"name": sku})).await;
        let product = product.as_str().expect("an id").to_owned();
        let variant = sent(Method::POST, format!("/products/{product}/variants"), json!({"sku": sku})).await;
        let shop = sent(Method::POST, "/shops".into(), json!({"name": sku, "city": "Takengon"})).await;
        let place = json!({"shop_id": shop, "name": "Gudang", "address": "Jalan 1"});
        let warehouse = sent(Method::POST, "/warehouses".into(), place).await;
        let id = |id: &Value| id.as_str().expect("an id").to_owned();
        let offer = format!("/shops/{}/offers/{}", id(&shop), id(&variant));
        sent(Method::PUT, offer, json!({"price": 85_000})).await;
        let goods = json!({"variant_id": variant, "quantity": pieces});
        sent(Method::POST, format!("/warehouses/{}/stock", id(&warehouse)), goods).await;
        lines.push(json!({"shop_id": shop, "variant_id": variant, "quantity": 1}));
    }
    lines
}

/// A random order: most succeed, some fail at every step, some are slow. Half of them take something from one
/// or both shops.
fn random_order(random: &mut fastrand::Rng, max_delay_ms: u64, offers: &[Value]) -> Value {
    let mut simulate = json!({});
    match random.u8(0..20) {
        0 => simulate["payment"] = json!("decline"),
        1 => simulate["payment"] = json!("timeout"),
        2 => simulate["payment"] = json!("error_once"),
        3 => simulate["shipping"] = json!("timeout"),
        4 => simulate["shipping"] = json!("error_once"),
        5 | 6 => simulate["shipping"] = json!("fail"),
        _ => {}
    }
    if random.bool() {
        simulate["payment_delay_ms"] = json!(random.u64(0..=max_delay_ms));
    }
    if random.bool() {
        simulate["shipping_delay_ms"] = json!(random.u64(0..=max_delay_ms));
    }
    let mut lines = vec![json!({
        "item_name": format!("item {}", random.u32(..)),
        "quantity": random.u32(1..=10),
        "price": random.u32(1..=100_000),
    })];
    match random.u8(0..6) {
        0 => lines = offers.to_vec(),
        1 => lines.extend_from_slice(&offers[..1]),
        2 => lines = offers[1..].to_vec(),
        _ => {}
    }
    json!({"lines": lines, "payment": {"provider": "simulated"}, "simulate": simulate})
}

/// Places an order under a key, and waits for its end for `wait_seconds`, until the server acknowledges it or
/// `give_up` has passed.
pub(crate) async fn place(
    client: &reqwest::Client,
    target: &Target,
    key: &str,
    order: &Value,
    wait_seconds: u32,
    give_up: Instant,
    acknowledged: &Acknowledged,
) {
    while Instant::now() < give_up {
        let url = format!("{}/orders?wait={wait_seconds}&on_failure=created", target.lock().expect("no holder panics"));
        let sent = client.post(url).header("Idempotency-Key", key).json(order).send().await;
        if let Ok(response) = sent {
            let status = response.status().as_u16();
            if let Ok(body) = response.json::<Value>().await
                && status == 201
            {
                let id = |name: &str| body["data"][name].as_str().expect("an id").to_owned();
                let known =
                    acknowledged.lock().expect("no holder panics").insert(key.to_owned(), (id("id"), id("saga_id")));
                assert!(known.is_none(), "one key is placed once by this client");
                return;
            }
            assert!(status < 500 || status == 503, "an order was answered with {status}");
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// Opens shops and starts `clients` clients that place `orders` orders between them.
pub(crate) async fn clients(
    seed: u64,
    clients: usize,
    orders: usize,
    max_delay_ms: u64,
    wait_seconds: u32,
    target: &Target,
    acknowledged: &Acknowledged,
) -> Vec<actix_web::rt::task::JoinHandle<()>> {
    let base = target.lock().expect("no holder panics").clone();
    let offers: Arc<[Value]> = open_shops(&base).await.into();
    let client = crate::support::http_client();
    let give_up = Instant::now() + Duration::from_mins(5);
    (0..clients)
        .map(|number| {
            let (client, target, acknowledged) = (client.clone(), Arc::clone(target), Arc::clone(acknowledged));
            let offers = Arc::clone(&offers);
            let mut random = fastrand::Rng::with_seed(seed.wrapping_add(number as u64));
            actix_web::rt::spawn(async move {
                for order in (number..orders).step_by(clients) {
                    let body = random_order(&mut random, max_delay_ms, &offers);
                    let key = format!("{seed}-{order}");
                    place(&client, &target, &key, &body, wait_seconds, give_up, &acknowledged).await;
                }
            })
        })
        .collect()
}

/// Fails unless every acknowledged order is there with its saga at rest, as the client was told.
pub(crate) async fn assert_all_there(base: &str, acknowledged: &Acknowledged) {
    let client = crate::support::http_client();
    let acknowledged = acknowledged.lock().expect("no holder panics").clone();
    for (key, (order, saga)) in acknowledged {
        let found = get(&client, &format!("{base}/orders/{order}")).await.expect("the server answers");
        assert_eq!(found["code"], 200, "order {order} of key {key} was acknowledged and is missing");
        assert_eq!(found["data"]["saga_id"], saga.as_str(), "order {order} has another saga");
        let status = found["data"]["saga"]["status"].as_str().unwrap_or_default().to_owned();
        assert!(matches!(status.as_str(), "completed" | "compensated"), "saga {saga} is {status}");
    }
}
