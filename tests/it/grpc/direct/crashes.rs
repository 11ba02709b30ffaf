//! Whatever a direct order's owners have to tell each other survives the process.

use super::{Steps, assert_shown, payment_of, shipment_of};
use crate::support::{TestApp, eventually};
use backstitch::proto::{payment::ProcessPaymentRequest, shipping::StartShippingRequest};

/// The order's own row as it was before it was told.
fn untold(order: &str, status: &str, goods: &str) -> String {
    let id = order.replace('-', "");
    let id = if crate::support::on_postgres() { format!("'{order}'") } else { format!("x'{id}'") };
    format!("UPDATE order_order SET status = '{status}', goods = {goods}, version = version + 1 WHERE id = {id}")
}

fn asked(table: &str, order: &str, call: &str) -> String {
    let id = order.replace('-', "");
    let id = if crate::support::on_postgres() { format!("'{order}'") } else { format!("x'{id}'") };
    format!("UPDATE {table} SET call = '{call}', version = version + 1 WHERE order_id = {id}")
}

async fn order_is(app: &TestApp, order: &str, status: &str) {
    app.order_once(order, |order| order["status"] == status).await;
}

#[tokio::test]
async fn a_payment_that_its_order_has_not_heard_of_is_told_after_a_restart() {
    let app = TestApp::start();
    let (order, _) = Steps::of(&app).paid().await;
    let meanwhile = [untold(&order, "pending", "NULL"), asked("payment_payment", &order, "mark_order_paid")].join("; ");
    let app = app.restarted(&[], &meanwhile).await;
    order_is(&app, &order, "paid").await;
    assert_eq!(Steps::of(&app).pay(&order).await.expect("an answer").1, "SUCCESS");
    app.finish().await;
}

#[tokio::test]
async fn a_shipment_that_its_order_has_not_heard_of_is_told_after_a_restart() {
    let app = TestApp::start();
    let (order, ..) = Steps::of(&app).shipped().await;
    let meanwhile =
        [untold(&order, "paid", "'dispatched'"), asked("shipment_shipment", &order, "complete_order")].join("; ");
    let app = app.restarted(&[], &meanwhile).await;
    order_is(&app, &order, "completed").await;
    assert_eq!(Steps::of(&app).ship(&order).await.expect("an answer").1, "SHIPPED");
    app.finish().await;
}

#[tokio::test]
async fn who_does_not_wait_for_a_slow_step_finds_it_done_later() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    let slow = ProcessPaymentRequest { simulate_delay_ms: Some(400), ..payment_of(&order) };
    let given_up = tokio::time::timeout(std::time::Duration::from_millis(50), steps.charge(slow)).await;
    assert!(given_up.is_err(), "it takes longer");
    order_is(&app, &order, "paid").await;
    let slow = StartShippingRequest { simulate_delay_ms: Some(400), ..shipment_of(&order) };
    let given_up = tokio::time::timeout(std::time::Duration::from_millis(50), steps.send(slow)).await;
    assert!(given_up.is_err(), "it takes longer");
    order_is(&app, &order, "completed").await;
    eventually("all is told", async || {
        let waits = app.audit().await.success(200)["clean"] == true;
        waits.then_some(())
    })
    .await;
    assert_shown(&app, &order, "completed", Some("paid"), &["shipped"]).await;
    app.finish().await;
}

#[tokio::test]
async fn a_server_that_stops_while_a_step_is_slow_says_so_and_goes_on_after_its_restart() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    let slow = ProcessPaymentRequest { simulate_delay_ms: Some(700), ..payment_of(&order) };
    let charged = tokio::spawn(async move { steps.charge(slow).await });
    app.order_once(&order, |order| order["payment"]["status"] == "pending").await;
    let app = app.restarted(&[], "SELECT 1").await;
    let status = charged.await.expect("an answer").expect_err("the server stops");
    assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}");
    order_is(&app, &order, "paid").await;
    assert_eq!(Steps::of(&app).pay(&order).await.expect("an answer").1, "SUCCESS");
    app.finish().await;
}
