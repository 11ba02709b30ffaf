//! A good order, changed at random in thousands of ways: no change is a fault of ours, and only an
//! acknowledged order exists.

use crate::support::{TestApp, simulated};
use fastrand::Rng;
use serde_json::{Value, json};

const CASES: usize = 3_000;

/// What a value may be replaced with.
fn junk(rng: &mut Rng) -> Value {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(100),
        json!(1.5),
        json!(1e300),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("x".repeat(300)),
        json!("\u{202e}\u{1f600}"),
        json!("manual"),
        json!("simulated"),
        json!("decline"),
        json!("fail"),
        json!("error_once"),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!({"": {}}),
        json!([null, 1, "x"]),
        json!({"item_name": "Kopi", "quantity": 1, "price": 1}),
        json!([{"item_name": "Kopi", "quantity": 1, "price": 1}]),
    ];
    values[rng.usize(..values.len())].clone()
}

/// Changes one place in a JSON value.
fn change(value: &mut Value, rng: &mut Rng) {
    match value {
        Value::Object(fields) if !fields.is_empty() && rng.u8(..4) > 0 => {
            let name = fields.keys().nth(rng.usize(..fields.len())).expect("a field").clone();
            match rng.u8(..8) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let moved = fields.remove(&name).unwrap_or_default();
                    fields.insert(if rng.bool() { name.to_uppercase() } else { "lines".into() }, moved);
                }
                2 => drop(fields.insert(["lines", "customer_ref", "payment", "x"][rng.usize(..4)].into(), junk(rng))),
                _ => change(fields.get_mut(&name).expect("the field"), rng),
            }
        }
        Value::Array(items) if !items.is_empty() && rng.bool() => {
            let at = rng.usize(..items.len());
            match rng.u8(..4) {
                0 => drop(items.remove(at)),
                1 => items.push(items[at].clone()),
                _ => change(&mut items[at], rng),
            }
        }
        _ => *value = junk(rng),
    }
}

/// Changes some bytes.
fn scramble(bytes: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..rng.usize(1..3) {
        let at = rng.usize(..=bytes.len());
        match rng.u8(..4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, rng.u8(..)),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            _ if at < bytes.len() => bytes[at] ^= 1 << rng.u8(..8),
            _ => {}
        }
    }
}

fn case(rng: &mut Rng) -> Vec<u8> {
    let mut body = simulated(&json!({"payment": null, "shipping": null}));
    if rng.bool() {
        let line = json!({"item_name": "Kopi", "quantity": 1, "price": 1});
        body = json!({"lines": [line, line], "payment": {"provider": "simulated"}, "customer_ref": "cust-42"});
    }
    for _ in 0..rng.usize(..4) {
        change(&mut body, rng);
    }
    let mut bytes = body.to_string().into_bytes();
    if rng.u8(..3) == 0 {
        scramble(&mut bytes, rng);
    }
    bytes
}

#[tokio::test]
async fn no_change_to_a_good_order_is_a_fault_of_the_server() {
    let seed = std::env::var("BACKSTITCH_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("BACKSTITCH_TEST_SEED={seed}");
    let mut rng = Rng::with_seed(seed);
    let app = TestApp::start();
    let mut created = 0;
    for _ in 0..CASES / 10 {
        let bodies: Vec<_> = (0..10).map(|_| case(&mut rng)).collect();
        let answers = bodies.iter().map(|body| async { app.post_bytes("/orders", body.clone()).await });
        for (answer, body) in futures::future::join_all(answers).await.into_iter().zip(&bodies) {
            let body = String::from_utf8_lossy(body);
            if answer.status == 201 {
                created += 1;
            } else {
                assert!([400, 422].contains(&answer.status), "seed {seed}, {body}: {answer:?}");
                answer.any_problem();
            }
        }
    }
    assert!((1..CASES).contains(&created), "seed {seed}: {created} orders say little about the others");
    assert_eq!(app.walk("/orders?limit=100").await.len(), created, "seed {seed}");
    assert_eq!(app.walk("/sagas?limit=100").await.len(), created, "seed {seed}");
    app.finish_leaving_any().await;
}
