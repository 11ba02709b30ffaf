//! Stock that an order has taken comes back when the order fails (D5), whole and once, whatever made it fail.

use crate::support::{Stand, TestApp, id, paid, unpaid};
use serde_json::{Value, json};

/// A server with two shops that have ten pieces each, and an order for some of both.
struct Stalls {
    app: TestApp,
    coffee: Stand,
    tea: Stand,
}

impl Stalls {
    async fn open() -> Self {
        let app = TestApp::start();
        let (coffee, tea) = (app.stand(85_000, 10).await, app.stand(20_000, 10).await);
        Self { app, coffee, tea }
    }

    fn lines(&self) -> [Value; 2] {
        [self.coffee.line(2), self.tea.line(3)]
    }

    /// An order that waits for its payment, with its pieces reserved.
    async fn ordered(&self) -> Value {
        let order = self.app.unpaid(&unpaid(&self.lines())).await;
        assert_eq!(self.pieces().await, [[10, 2, 8], [10, 3, 7]]);
        order
    }

    async fn pieces(&self) -> [[i64; 3]; 2] {
        [self.app.pieces(&self.coffee.variant).await, self.app.pieces(&self.tea.variant).await]
    }

    /// The order has ended like this, and everything is back on the shelves of both shops.
    async fn gave_back(&self, order: &Value, status: &str, reason: &str, movements: &[&str]) {
        self.app.saga_at_rest(&order["saga_id"]).await;
        let order = self.app.order(id(order)).await.success(200).clone();
        assert_eq!((&order["status"], &order["reason"]), (&json!(status), &json!(reason)), "{order}");
        assert_eq!(order["saga"]["status"], "compensated");
        assert_eq!(self.app.movements_of(&order).await, movements);
        assert_eq!(self.pieces().await, [[10, 0, 10]; 2]);
    }

    async fn close(self) {
        self.app.finish().await;
    }
}

#[tokio::test]
async fn a_payment_left_to_expire_gives_everything_back() {
    let stalls = Stalls::open().await;
    let mut body = unpaid(&stalls.lines());
    body["payment"] = json!({"provider": "manual", "deadline_ms": 150});
    let order = stalls.app.rested(&body).await;
    stalls.gave_back(&order, "failed", "payment_expired", &["reserve", "release"]).await;
    stalls.close().await;
}

#[tokio::test]
async fn a_declined_payment_gives_everything_back() {
    let stalls = Stalls::open().await;
    let order = stalls.app.rested(&paid(&stalls.lines(), &json!({"payment": "decline"}))).await;
    stalls.gave_back(&order, "failed", "payment_declined", &["reserve", "release"]).await;
    stalls.close().await;
}

#[tokio::test]
async fn a_cancelled_order_gives_everything_back() {
    let stalls = Stalls::open().await;
    let order = stalls.ordered().await;
    stalls.app.delete_order(id(&order)).await.success(202);
    stalls.gave_back(&order, "cancelled", "cancelled_by_customer", &["reserve", "release"]).await;
    stalls.close().await;
}

#[tokio::test]
async fn a_failed_shipment_of_one_shop_undoes_the_whole_order_and_every_shops_stock_returns() {
    let stalls = Stalls::open().await;
    let order = stalls.app.rested(&paid(&stalls.lines(), &json!({"shipping": "fail"}))).await;
    stalls.gave_back(&order, "cancelled", "shipping_failed", &["reserve", "commit", "release"]).await;
    assert_eq!(order["payment"]["status"], "refunded");
    let shipments = order["shipments"].as_array().expect("shipments");
    assert!(shipments.iter().all(|shipment| shipment["status"] == "cancelled"), "{order}");
    stalls.close().await;
}

#[tokio::test]
async fn a_carrier_that_says_no_after_a_while_undoes_the_whole_order_too() {
    let stalls = Stalls::open().await;
    let faults = json!({"shipping": "fail", "shipping_delay_ms": 50, "payment_delay_ms": 20});
    let order = stalls.app.rested(&paid(&stalls.lines(), &faults)).await;
    stalls.gave_back(&order, "cancelled", "shipping_failed", &["reserve", "commit", "release"]).await;
    stalls.app.payment_once(id(&order["payment"]), "refunded").await;
    stalls.close().await;
}

#[tokio::test]
async fn an_operator_cancels_an_order_that_waits_for_its_money_and_everything_comes_back() {
    let stalls = Stalls::open().await;
    let order = stalls.ordered().await;
    let saga = order["saga_id"].as_str().expect("an id");
    stalls.app.cancel_saga(saga, &json!({"reason": "a customer called"})).await.success(202);
    stalls.gave_back(&order, "cancelled", "cancelled_by_operator", &["reserve", "release"]).await;
    stalls.close().await;
}

#[tokio::test]
async fn money_for_an_expired_order_goes_back_and_its_stock_stays_where_it_is() {
    let stalls = Stalls::open().await;
    let mut body = unpaid(&stalls.lines());
    body["payment"] = json!({"provider": "manual", "deadline_ms": 100});
    let order = stalls.app.rested(&body).await;
    stalls.app.pay(id(&order["payment"])).await.success(200);
    stalls.app.payment_once(id(&order["payment"]), "refunded").await;
    stalls.gave_back(&order, "failed", "payment_expired", &["reserve", "release"]).await;
    stalls.close().await;
}

#[tokio::test]
async fn an_order_of_more_than_there_is_exists_and_is_cancelled_as_out_of_stock() {
    let stalls = Stalls::open().await;
    let lines = [stalls.coffee.line(1), stalls.tea.line(11)];
    let order = stalls.app.rested(&paid(&lines, &json!({}))).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("out_of_stock")));
    assert_eq!(order["saga"]["status"], "compensated");
    assert_eq!(order["saga"]["message"], "Out of stock. Order has been cancelled.");
    assert_eq!(order["shipments"], json!([]));
    stalls.gave_back(&order, "cancelled", "out_of_stock", &[]).await;
    stalls.close().await;
}

#[tokio::test]
async fn nothing_is_charged_for_an_order_that_is_out_of_stock() {
    let stalls = Stalls::open().await;
    let order = stalls.app.rested(&paid(&[stalls.coffee.line(11)], &json!({}))).await;
    let payments = stalls.app.payments(&format!("order_id={}", id(&order))).await;
    assert!(payments.items().iter().all(|payment| payment["status"] == "failed"), "{payments:?}");
    stalls.close().await;
}

#[tokio::test]
async fn lines_of_one_variant_are_added_up_before_they_are_looked_for() {
    let stalls = Stalls::open().await;
    let order = stalls.app.rested(&paid(&[stalls.coffee.line(6), stalls.coffee.line(5)], &json!({}))).await;
    stalls.gave_back(&order, "cancelled", "out_of_stock", &[]).await;
    let order = stalls.app.rested(&paid(&[stalls.coffee.line(5), stalls.coffee.line(5)], &json!({}))).await;
    assert_eq!(order["status"], "completed");
    assert_eq!(stalls.pieces().await, [[0, 0, 0], [10, 0, 10]]);
    stalls.close().await;
}

#[tokio::test]
async fn what_one_order_gives_back_the_next_one_gets() {
    let stalls = Stalls::open().await;
    let all = [stalls.coffee.line(10)];
    let first = stalls.app.unpaid(&unpaid(&all)).await;
    let refused = stalls.app.rested(&paid(&all, &json!({}))).await;
    assert_eq!(refused["reason"], "out_of_stock");
    stalls.app.delete_order(id(&first)).await.success(202);
    stalls.app.saga_at_rest(&first["saga_id"]).await;
    let second = stalls.app.rested(&paid(&all, &json!({}))).await;
    assert_eq!(second["status"], "completed");
    stalls.close().await;
}

#[tokio::test]
async fn a_stock_actor_that_panics_on_a_reservation_makes_it_once_all_the_same() {
    let stalls = Stalls::open().await;
    let order = stalls.app.rested(&paid(&stalls.lines(), &json!({"stock": "panic"}))).await;
    assert_eq!(order["status"], "completed");
    assert_eq!(stalls.pieces().await, [[8, 0, 8], [7, 0, 7]]);
    stalls.close().await;
}

#[tokio::test]
async fn money_that_comes_while_the_order_is_cancelled_takes_the_stock_or_leaves_it() {
    let stalls = Stalls::open().await;
    let mut left = 10;
    for _ in 0..10 {
        let order = stalls.app.unpaid(&unpaid(&[stalls.coffee.line(1)])).await;
        let (cancelled, paid) = tokio::join!(async { stalls.app.delete_order(id(&order)).await }, async {
            stalls.app.pay(id(&order["payment"])).await
        });
        paid.success(200);
        stalls.app.saga_at_rest(&order["saga_id"]).await;
        left -= i64::from(cancelled.status == 409);
        assert_eq!(stalls.pieces().await[0], [left, 0, left]);
    }
    stalls.close().await;
}
