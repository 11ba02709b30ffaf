//! Nothing is oversold: many clients fight for few pieces, through the facade, while the stock actor is crashed.

use crate::support::{Stand, TestApp, eventually, id, on_postgres, paid, scaled};
use futures::future::{Either, join_all, select};
use serde_json::{Value, json};
use std::{pin::pin, time::Duration};

/// Clients that fight at once.
const CLIENTS: usize = 256;
/// Pieces that they fight for.
const PIECES: i64 = 100;

/// How often each fight is repeated; more for a run by hand.
fn runs() -> usize {
    scaled("BACKSTITCH_TEST_OVERSELL_RUNS", 3)
}

/// Places all of these orders at once; how each of them ended.
async fn fight(app: &TestApp, orders: impl Iterator<Item = Value>) -> Vec<Value> {
    join_all(orders.map(async |order| app.rested(&order).await)).await
}

/// The same while something else goes on without an end.
async fn fight_beside(
    app: &TestApp,
    orders: impl Iterator<Item = Value>,
    endless: impl Future<Output = ()>,
) -> Vec<Value> {
    let (fight, endless) = (pin!(fight(app, orders)), pin!(endless));
    let Either::Left((ended, _)) = select(fight, endless).await else { unreachable!("it has no end") };
    ended
}

/// The same while the stock actor is crashed again and again, in every mode.
async fn fight_in_trouble(app: &TestApp, orders: impl Iterator<Item = Value>) -> Vec<Value> {
    let trouble = async {
        let mut pace = tokio::time::interval(Duration::from_millis(20));
        for mode in ["panic", "stop", "panic_in_future"].iter().cycle() {
            pace.tick().await;
            let stored = batches(app).await;
            app.crash("stock", &json!({"mode": mode})).await.success(202);
            if on_postgres() {
                // A batch may take longer than the pace, and would never be answered.
                eventually("a batch is stored", async || (batches(app).await > stored).then_some(())).await;
            }
        }
    };
    let ended = fight_beside(app, orders, trouble).await;
    let actors = app.actors().await;
    let mut actors = actors.success(200).as_array().expect("actors").iter();
    assert!(actors.any(|actor| actor["name"] == "stock" && actor["restarts"].as_u64() > Some(0)), "it was crashed");
    ended
}

/// How many batches the stock actor has stored.
async fn batches(app: &TestApp) -> u64 {
    let actors = app.actors().await;
    let stock = actors.success(200).as_array().expect("actors").iter().find(|actor| actor["name"] == "stock");
    stock.expect("the stock actor")["batches"].as_u64().expect("a number")
}

fn ended(orders: &[Value], status: &str, reason: &Value) -> usize {
    orders.iter().filter(|order| order["status"] == status && order["reason"] == *reason).count()
}

/// A shop with pieces in two warehouses, and one order of one piece for each client.
async fn hot(app: &TestApp) -> (Stand, impl Iterator<Item = Value> + use<>) {
    let stand = app.stand(85_000, PIECES - 40).await;
    app.fill(&app.warehouse(&stand.shop).await, &stand.variant, 40).await;
    let order = paid(&[stand.line(1)], &json!({}));
    (stand, std::iter::repeat_n(order, CLIENTS))
}

/// Exactly as many were sold as there were.
async fn sold_out(app: &TestApp, stand: &Stand, orders: &[Value]) {
    let (sold, missed) = (ended(orders, "completed", &Value::Null), ended(orders, "cancelled", &json!("out_of_stock")));
    assert_eq!((sold, missed), (100, CLIENTS - 100));
    assert_eq!(app.pieces(&stand.variant).await, [0, 0, 0]);
}

#[tokio::test]
async fn as_many_orders_as_there_are_pieces_get_one_whoever_comes_at_once() {
    let app = TestApp::start();
    for _ in 0..runs() {
        let (stand, orders) = hot(&app).await;
        let orders = fight(&app, orders).await;
        sold_out(&app, &stand, &orders).await;
    }
    app.finish().await;
}

#[tokio::test]
async fn no_more_and_no_fewer_get_one_while_the_stock_actor_is_crashed() {
    let app = TestApp::start();
    for _ in 0..runs() {
        let (stand, orders) = hot(&app).await;
        let orders = fight_in_trouble(&app, orders).await;
        sold_out(&app, &stand, &orders).await;
    }
    app.finish().await;
}

#[tokio::test]
async fn an_order_of_two_shops_gets_both_or_none_whichever_it_names_first() {
    let app = TestApp::start();
    let (one, other) = (app.stand(85_000, 50).await, app.stand(20_000, 50).await);
    let orders = (0..128).map(|number| {
        let mut lines = [one.line(1), other.line(1)];
        lines.rotate_left(number % 2);
        paid(&lines, &json!({}))
    });
    let orders = fight_in_trouble(&app, orders).await;
    assert_eq!(ended(&orders, "completed", &Value::Null), 50);
    assert_eq!((app.pieces(&one.variant).await, app.pieces(&other.variant).await), ([0, 0, 0], [0, 0, 0]));
    app.finish().await;
}

#[tokio::test]
async fn pieces_of_orders_that_fail_are_neither_lost_nor_sold_twice() {
    let app = TestApp::start();
    let seed = fastrand::u64(..);
    eprintln!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (stand, _) = hot(&app).await;
    let orders = (0..CLIENTS).map(|_| {
        let faults = match random.u8(0..6) {
            0 => json!({"payment": "decline"}),
            1 => json!({"shipping": "fail"}),
            2 => json!({"payment": "decline", "payment_delay_ms": random.u32(1..=50)}),
            3 => json!({"shipping": "fail", "shipping_delay_ms": random.u32(1..=50)}),
            _ => json!({}),
        };
        paid(&[stand.line(random.i64(1..=3))], &faults)
    });
    let orders = fight_in_trouble(&app, orders).await;
    let completed = orders.iter().filter(|order| order["status"] == "completed");
    let sold: i64 = completed.map(|order| order["lines"][0]["quantity"].as_i64().expect("a number")).sum();
    let left = PIECES - sold;
    assert!(sold > 0 && left >= 0, "{sold} of {PIECES} were sold");
    assert_eq!(app.pieces(&stand.variant).await, [left, 0, left]);
    app.finish().await;
}

/// Moves goods from one warehouse to the other and back, and closes and opens the other between.
async fn keep_house(app: &TestApp, stand: &Stand, other: &str) {
    let transfer = async |from: &str, to: &str, pieces: usize| {
        let goods =
            json!({"variant_id": stand.variant, "quantity": pieces, "from_warehouse_id": from, "to_warehouse_id": to});
        app.transfer(&goods).await
    };
    let set = async |verb: &str| app.call("POST", &format!("/warehouses/{other}/{verb}")).await;
    for pieces in (1..=5).cycle() {
        for answer in [
            transfer(&stand.warehouse, other, pieces).await,
            set("deactivate").await,
            transfer(other, &stand.warehouse, pieces).await,
            set("activate").await,
        ] {
            // Where there is not as much left, it says so.
            assert!([200, 201, 409].contains(&answer.status), "{answer:?}");
        }
    }
}

#[tokio::test]
async fn goods_that_are_moved_and_warehouses_that_close_and_open_meanwhile_lose_no_piece() {
    let app = TestApp::start();
    let (stand, orders) = hot(&app).await;
    let warehouses = app.get(&format!("/warehouses?shop_id={}", stand.shop)).await;
    let other = id(&warehouses.items()[0]);
    let orders = fight_beside(&app, orders, keep_house(&app, &stand, other)).await;
    let (sold, missed) =
        (ended(&orders, "completed", &Value::Null), ended(&orders, "cancelled", &json!("out_of_stock")));
    assert_eq!(sold + missed, CLIENTS);
    let [on_hand, reserved, _] = app.pieces(&stand.variant).await;
    assert_eq!((on_hand + i64::try_from(sold).expect("a count"), reserved), (PIECES, 0));
    app.finish().await;
}
