//! One driver per order: what a saga drives, its client cannot move past it, and the other way round.

use super::{Steps, assert_shown, refuses};
use crate::support::{TestApp, id, manual, simulated};
use serde_json::json;
use tonic::Code;

#[tokio::test]
async fn a_saga_s_order_is_turned_back_by_its_client_and_waited_for() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    assert_eq!(Steps::of(&app).cancel(id(&order)).await.expect("it is cancelled"), "CANCELLED");
    let order = app.order(id(&order)).await.success(200).clone();
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("cancelled_by_customer")));
    assert_eq!(order["saga"]["status"], "compensated");
    app.finish().await;
}

#[tokio::test]
async fn a_saga_s_order_is_paid_shipped_and_given_back_by_its_saga_alone() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let waiting = app.unpaid(&manual()).await;
    let completed = app.rested(&simulated(&json!({}))).await;
    for order in [&waiting, &completed] {
        refuses(steps.pay(id(order)).await, Code::FailedPrecondition, "order_has_saga", &[]);
        refuses(steps.ship(id(order)).await, Code::FailedPrecondition, "order_has_saga", &[]);
        let payment = order["payment"]["id"].as_str().expect("an id");
        refuses(steps.refund(payment).await, Code::FailedPrecondition, "order_has_saga", &[]);
    }
    let shipment = completed["shipments"][0]["id"].as_str().expect("an id");
    refuses(steps.call_back(shipment).await, Code::FailedPrecondition, "order_has_saga", &[]);
    refuses(steps.cancel(id(&completed)).await, Code::FailedPrecondition, "order_already_paid", &[]);
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_direct_order_is_cancelled_over_rest_and_neither_edited_nor_paid_there() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let order = steps.create().await.expect("an order");
    let payment = json!({"order_id": order, "amount": 170_000, "provider": "simulated"});
    app.open_payment(&payment).await.problem(409, "order_has_no_saga");
    app.edit_order(&order, &json!({"item_name": "Teh", "quantity": 1, "price": 1}))
        .await
        .problem(409, "order_has_no_saga");
    app.delete_order(&order).await.success(202);
    assert_shown(&app, &order, "cancelled", None, &[]).await;
    app.delete_order(&order).await.success(202);

    let (order, payment) = steps.paid().await;
    app.delete_order(&order).await.problem(409, "order_already_paid");
    app.open_payment(&json!({"order_id": order, "amount": 170_000, "provider": "simulated"}))
        .await
        .problem(409, "order_has_no_saga");
    app.fail_payment(&payment).await.problem(409, "order_has_no_saga");
    app.pay(&payment).await.problem(409, "order_has_no_saga");
    assert_shown(&app, &order, "paid", Some("paid"), &[]).await;
    app.finish().await;
}

#[tokio::test]
async fn direct_orders_are_listed_beside_the_others() {
    let app = TestApp::start();
    let steps = Steps::of(&app);
    let direct = steps.create().await.expect("an order");
    let driven = app.rested(&simulated(&json!({}))).await;
    let listed = app.orders("limit=10").await;
    let sagas: Vec<_> = listed.items().iter().map(|order| (order["id"].clone(), order["saga_id"].is_null())).collect();
    assert_eq!(sagas, [(driven["id"].clone(), false), (json!(direct), true)]);
    app.finish().await;
}
