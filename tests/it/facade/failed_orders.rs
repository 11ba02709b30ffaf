//! Orders that fail while their client waits: what the answer says, and what it names.

use crate::{
    grpc::client,
    support::{Stand, TestApp, id, paid, unpaid},
};
use backstitch::proto::{LineRequest, OnFailure, PlaceOrderRequest};
use serde_json::{Value, json};
use tonic::Code;
use tonic_types::StatusExt as _;

async fn shop() -> (TestApp, Stand, Stand) {
    let app = TestApp::start();
    let (coffee, tea) = (app.stand(85_000, 3).await, app.stand(20_000, 4).await);
    (app, coffee, tea)
}

#[tokio::test]
async fn an_order_that_cannot_be_had_is_refused_at_once_and_names_each_line_with_what_there_is() {
    let (app, coffee, tea) = shop().await;
    let body = unpaid(&[coffee.line(5), tea.line(1), tea.line(4), coffee.line(1)]);
    let refused = app.post("/orders", &body).header("Idempotency-Key", "k-1").await;
    refused.problem(409, "out_of_stock");
    let expected = json!([
        {"field": "lines[0].quantity", "message": "6 are wanted by all its lines together, 3 are available"},
        {"field": "lines[1].quantity", "message": "5 are wanted by all its lines together, 4 are available"},
        {"field": "lines[2].quantity", "message": "5 are wanted by all its lines together, 4 are available"},
        {"field": "lines[3].quantity", "message": "6 are wanted by all its lines together, 3 are available"},
    ]);
    assert_eq!(refused.json["errors"], expected);
    // The order exists, is closed, and says so; nothing is held for it.
    let order = refused.json["order_id"].as_str().expect("an order");
    let order = app.order(order).await.success(200).clone();
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("out_of_stock")));
    assert_eq!(app.pieces(&coffee.variant).await, [3, 0, 3]);
    let again = app.post("/orders", &body).header("Idempotency-Key", "k-1").await;
    again.problem(409, "out_of_stock");
    assert_eq!((&again.json["order_id"], &again.json["errors"]), (&order["id"], &expected), "a repeat says the same");
    let log = app.saga_log(order["saga_id"].as_str().expect("an id")).await;
    let rejected = log.success(200).as_array().expect("events").iter().find(|event| event["event"] == "step_rejected");
    let said = rejected.expect("a refusal")["error"].as_str().expect("why").to_owned();
    for part in ["out_of_stock", &coffee.variant, "6 of variant", "3 are available", &tea.variant, "4 are available"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_client_says_how_it_is_told_of_a_failure() {
    let (app, coffee, _) = shop().await;
    let short = paid(&[coffee.line(4)], &json!({}));
    let declined = paid(&[coffee.line(1)], &json!({"payment": "decline"}));
    let unshipped = paid(&[coffee.line(1)], &json!({"shipping": "fail"}));
    for (body, usual, status) in [
        (&short, (409, Some("out_of_stock")), (409, "out_of_stock")),
        (&declined, (201, None), (402, "payment_failed")),
        (&unshipped, (201, None), (409, "order_failed")),
    ] {
        let answer = app.post("/orders?wait=30", body).await;
        assert_eq!((answer.status, answer.json["code"].as_str()), usual, "{}", answer.text);
        let answer = app.post("/orders?wait=30&on_failure=status", body).await;
        answer.problem(status.0, status.1);
        let order = app.order(answer.json["order_id"].as_str().expect("an order")).await.success(200).clone();
        assert!(answer.json["detail"].as_str().expect("why").contains(id(&order)), "{}", answer.text);
        assert_eq!(order["saga"]["status"], "compensated");
        let created = app.post("/orders?wait=30&on_failure=created", body).await;
        assert_eq!(created.success(201)["reason"], order["reason"]);
    }
    for wrong in ["usual", "409", ""] {
        app.post(&format!("/orders?on_failure={wrong}"), &short).await.refuses("on_failure");
    }
    let placed = app.post("/orders?wait=30&on_failure=status", &paid(&[coffee.line(1)], &json!({}))).await;
    assert_eq!(placed.success(201)["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn over_grpc_it_is_told_alike() {
    let (app, coffee, _) = shop().await;
    let mut client = client(&app).await;
    let mut place = async |on_failure: OnFailure| {
        let line = LineRequest {
            quantity: 4,
            shop_id: Some(coffee.shop.clone()),
            variant_id: Some(coffee.variant.clone()),
            ..LineRequest::default()
        };
        let lines = vec![line];
        client.place_order(PlaceOrderRequest { lines, on_failure: on_failure.into(), ..Default::default() }).await
    };
    for on_failure in [OnFailure::Unspecified, OnFailure::Status] {
        let refused = place(on_failure).await.expect_err("there is too little");
        assert_eq!(refused.code(), Code::FailedPrecondition);
        let details = refused.get_error_details();
        let info = details.error_info().expect("a reason");
        assert_eq!(info.reason, "out_of_stock");
        let order = app.order(&info.metadata["order_id"]).await.success(200).clone();
        assert_eq!(order["reason"], "out_of_stock");
        let violation = &details.bad_request().expect("fields").field_violations[0];
        assert_eq!(violation.field, "lines[0].quantity");
        assert_eq!(violation.description, "4 are wanted, 3 are available");
    }
    let created = place(OnFailure::Created).await.expect("an order").into_inner();
    assert!(created.order.is_some());
    app.finish_leaving_any().await;
}

#[tokio::test]
async fn an_edit_that_cannot_be_had_names_its_lines_too() {
    let (app, coffee, tea) = shop().await;
    let order = app.unpaid(&unpaid(&[coffee.line(2)])).await;
    let refused = app.edit_order(id(&order), &unpaid(&[tea.line(1), coffee.line(4)])).await;
    refused.problem(409, "out_of_stock");
    let errors = json!([{"field": "lines[1].quantity", "message": "4 are wanted, 3 are available"}]);
    assert_eq!(refused.json["errors"], errors, "{}", refused.text);
    let stands: Value = app.order(id(&order)).await.success(200).clone();
    assert_eq!(stands["revision"], 0);
    app.finish_leaving(1).await;
}
