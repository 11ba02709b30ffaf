//! Shipments by a carrier outside, which is described in the configuration and reached over HTTP.

use crate::{
    grpc::direct::Steps,
    support::{Asked, Bank, Manner, Stand, TestApp, eventually, id, paid, simulated},
};
use serde_json::{Value, json};

/// A server whose goods are carried by `carrier`, with further settings of it.
fn app_of(carrier: &Bank, more: &[(&str, &str)]) -> TestApp {
    let (dispatch, recall) = (carrier.url("/shipments"), carrier.url("/shipments/recall"));
    let settings = [
        ("kind", "http"),
        ("dispatch.url", &dispatch),
        ("recall.url", &recall),
        ("timeout_ms", "500"),
        ("dispatch.tracking_number", "/awb"),
        ("dispatch.reference", "/id"),
    ];
    let named = settings.iter().chain(more).map(|(key, value)| (format!("providers.shipping.jne.{key}"), *value));
    let settings: Vec<_> = named.chain([("orders.carrier".to_owned(), "jne")]).collect();
    let settings: Vec<_> = settings.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    TestApp::with(&settings)
}

fn dispatches(carrier: &Bank) -> Vec<Asked> {
    carrier.asked().into_iter().filter(|asked| asked.path == "POST /shipments").collect()
}

fn shipments(order: &Value) -> Vec<Value> {
    order["shipments"].as_array().expect("shipments").clone()
}

#[tokio::test]
async fn an_order_is_sent_by_the_carrier_that_the_server_has() {
    let carrier = Bank::start();
    let app = app_of(&carrier, &[]);
    carrier.will([Manner::DoneBut(201, r#"{"id": 7, "awb": "JNE 0042"}"#)]);
    let order = app.rested(&simulated(&json!({}))).await;
    assert_eq!(order["status"], "completed");
    let [shipment] = &shipments(&order)[..] else { panic!("one shipment: {order}") };
    assert_eq!((&shipment["carrier"], &shipment["tracking_number"]), (&json!("jne"), &json!("JNE 0042")));
    let [dispatch] = &dispatches(&carrier)[..] else { panic!("one request: {:?}", carrier.asked()) };
    let contents = json!([{"item_name": "Kopi Gayo 250 g", "quantity": 2}]);
    let body = json!({
        "shipment_id": id(shipment), "order_id": id(&order), "shop_id": "", "warehouse_id": "", "contents": contents
    });
    assert_eq!((&dispatch.body, &shipment["items"]), (&body, &contents));
    for (name, value) in [
        ("idempotency-key", format!("{}.dispatch", id(shipment))),
        ("backstitch-saga", order["saga_id"].as_str().expect("an id").to_owned()),
        ("backstitch-step", "start_shipping".to_owned()),
        ("backstitch-attempt", "1".to_owned()),
    ] {
        assert_eq!(dispatch.headers.get(name), Some(&value), "{name}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_carrier_is_told_what_things_are_called_also_in_its_own_way() {
    let carrier = Bank::start();
    let url = carrier.url("/ship/{item_name}");
    let body = r#"{"item":"{item_name}","shipment":"{shipment_id}","all":{contents}}"#;
    let app = app_of(&carrier, &[("dispatch.url", &url), ("dispatch.body", body)]);
    let stand = app.stand(10_000, 2).await;
    let tea = json!({"item_name": "Teh \"Poci\"/1", "quantity": 3, "price": 5_000});
    let order = app.rested(&paid(&[tea, stand.line(1)], &json!({}))).await;
    assert_eq!(order["status"], "completed");
    let mut sent: Vec<_> = carrier.asked().into_iter().map(|asked| (asked.path, asked.body)).collect();
    sent.sort_by(|one, other| one.0.cmp(&other.0));
    let told = |at: usize| (sent[at].0.as_str(), &sent[at].1["item"], &sent[at].1["all"]);
    let coffee = json!([{"variant_id": stand.variant, "item_name": "Kopi Gayo", "quantity": 1}]);
    assert_eq!(told(0), ("POST /ship/Kopi%20Gayo", &json!("Kopi Gayo"), &coffee));
    let tea = json!([{"item_name": "Teh \"Poci\"/1", "quantity": 3}]);
    assert_eq!(told(1), ("POST /ship/Teh%20%22Poci%22%2F1", &json!("Teh \"Poci\"/1"), &tea));
    app.finish().await;
}

/// A shop with two pieces in each of two warehouses.
async fn two_warehouses(app: &TestApp) -> (Stand, String) {
    let stand = app.stand(10_000, 2).await;
    let other = app.warehouse(&stand.shop).await;
    app.fill(&other, &stand.variant, 2).await;
    (stand, other)
}

#[tokio::test]
async fn each_warehouse_s_goods_are_a_shipment_and_a_request_of_their_own() {
    let carrier = Bank::start();
    let app = app_of(&carrier, &[]);
    let (stand, other) = two_warehouses(&app).await;
    let order = app.rested(&paid(&[stand.line(3)], &json!({}))).await;
    assert_eq!(order["status"], "completed");
    let sent = dispatches(&carrier);
    let mut warehouses: Vec<_> = sent.iter().map(|asked| asked.body["warehouse_id"].as_str().expect("an id")).collect();
    warehouses.sort_unstable();
    let mut expected = [stand.warehouse.as_str(), other.as_str()];
    expected.sort_unstable();
    assert_eq!(warehouses, expected);
    let pieces = sent.iter().flat_map(|asked| asked.body["contents"].as_array().expect("contents").clone());
    assert_eq!(pieces.map(|content| content["quantity"].as_i64().expect("a number")).sum::<i64>(), 3);
    let numbers: Vec<_> = shipments(&order).iter().map(|shipment| shipment["tracking_number"].clone()).collect();
    assert!(numbers.iter().all(|number| number.as_str().expect("a number").starts_with("BS")), "{numbers:?}");
    app.finish().await;
}

#[tokio::test]
async fn where_one_shipment_is_refused_the_others_are_called_back_and_the_money_goes_back() {
    let carrier = Bank::start();
    let recall = carrier.url("/shipments/recall/{reference}");
    let app = app_of(&carrier, &[("recall.url", &recall), ("max_concurrent", "1")]);
    let (stand, _) = two_warehouses(&app).await;
    carrier.will([Manner::DoneBut(200, r#"{"id": "S/1="}"#), Manner::Says(422, "{}", None)]);
    let order = app.rested(&paid(&[stand.line(3)], &json!({}))).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("shipping_failed")));
    assert_eq!(order["payment"]["status"], "refunded");
    assert!(shipments(&order).iter().all(|shipment| shipment["status"] == "cancelled"), "{order}");
    let last = carrier.asked().pop().expect("a request");
    assert_eq!(last.path, "POST /shipments/recall/S%2F1%3D", "it is called back by what the carrier calls it");
    assert_eq!(last.headers["backstitch-step"], "cancel_shipping");
    assert_eq!(app.pieces(&stand.variant).await, [4, 0, 4], "all is in stock again");
    app.finish().await;
}

#[tokio::test]
async fn a_refusal_undoes_the_order() {
    let carrier = Bank::start();
    let app = app_of(&carrier, &[]);
    carrier.will([Manner::Says(422, r#"{"why": "too far"}"#, None)]);
    let order = app.rested(&simulated(&json!({}))).await;
    assert_eq!((&order["status"], &order["reason"]), (&json!("cancelled"), &json!("shipping_failed")));
    assert_eq!(order["saga"]["message"], "Shipping failed. Payment refunded and order cancelled.");
    app.finish().await;
}

#[tokio::test]
async fn goods_whose_dispatch_is_in_doubt_leave_once() {
    let carrier = Bank::start();
    let app = app_of(&carrier, &[]);
    for manner in [
        Manner::Says(500, "", None),
        Manner::Says(409, "", None),
        Manner::Says(202, "", None),
        Manner::Says(302, "", Some(("location", carrier.url("/elsewhere")))),
        Manner::Silence,
        Manner::Drips,
        Manner::DoneBut(500, ""),
        Manner::DoneInSilence,
    ] {
        let (before, shown) = (dispatches(&carrier).len(), format!("{manner:?}"));
        carrier.will([manner]);
        let order = app.rested(&simulated(&json!({}))).await;
        assert_eq!(order["status"], "completed", "{shown}");
        assert_eq!(dispatches(&carrier).len() - before, 2, "{shown}");
        assert_eq!(carrier.effects(id(&shipments(&order)[0])), ["dispatch"], "{shown}");
    }
    app.finish().await;
}

#[tokio::test]
async fn goods_that_may_have_left_are_asked_about_before_they_are_sent_again() {
    let carrier = Bank::start();
    let status = carrier.url("/shipments/{shipment_id}");
    let app = app_of(
        &carrier,
        &[
            ("status.url", &status),
            ("status.result", "/payment/state"),
            ("status.dispatched", "dispatch"),
            ("status.recalled", "recall"),
        ],
    );
    carrier.will([Manner::DoneInSilence]);
    let order = app.rested(&simulated(&json!({}))).await;
    assert_eq!(order["status"], "completed");
    assert_eq!(dispatches(&carrier).len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_crash_of_the_shipping_actor_sends_nothing_twice() {
    let carrier = Bank::start();
    let app = app_of(&carrier, &[]);
    carrier.will([Manner::DoneInSilence]);
    let placed = app.place(&simulated(&json!({}))).await.success(201).clone();
    eventually("the carrier is asked", async || (dispatches(&carrier).len() == 1).then_some(())).await;
    for mode in ["panic", "stop", "panic_in_future"] {
        app.crash("shipping", &json!({"mode": mode})).await.success(202);
    }
    assert_eq!(app.saga_at_rest(&placed["saga_id"]).await["status"], "completed");
    let order = app.order(id(&placed)).await.success(200).clone();
    assert_eq!(carrier.effects(id(&shipments(&order)[0])), ["dispatch"]);
    app.finish().await;
}

#[tokio::test]
async fn a_direct_order_is_sent_and_called_back_by_the_same_carrier() {
    let carrier = Bank::start();
    let app = app_of(&carrier, &[]);
    let steps = Steps::at(|port| app.grpc(port));
    let order = steps.create().await.expect("an order");
    steps.pay(&order).await.expect("a payment");
    let (shipment, status) = steps.ship(&order).await.expect("a shipment");
    assert_eq!((status.as_str(), &carrier.effects(&shipment)[..]), ("SHIPPED", &["dispatch".to_owned()][..]));
    assert!(!dispatches(&carrier)[0].headers.contains_key("backstitch-saga"));
    assert_eq!(steps.call_back(&shipment).await.expect("it is called back"), "CANCELLED");
    assert_eq!(carrier.effects(&shipment), ["dispatch", "recall"]);
    app.finish().await;
}

#[tokio::test]
async fn a_recall_that_is_refused_is_said_so_and_asked_for_until_it_is_done() {
    let carrier = Bank::start();
    let app = app_of(&carrier, &[]);
    let steps = Steps::at(|port| app.grpc(port));
    let order = steps.create().await.expect("an order");
    let (payment, _) = steps.pay(&order).await.expect("a payment");
    let (shipment, _) = steps.ship(&order).await.expect("a shipment");
    carrier.will(std::iter::repeat_n(Manner::Says(422, "{}", None), 3));
    let refused = steps.call_back(&shipment).await.expect_err("the carrier says no");
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition, "{refused:?}");
    let refused = steps.refund(&payment).await.expect_err("its goods are out");
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition, "{refused:?}");
    app.order_once(&order, |order| order["status"] == "paid").await;
    assert_eq!(steps.refund(&payment).await.expect("its goods are back"), "REFUNDED");
    assert_eq!(carrier.effects(&shipment), ["dispatch", "recall"]);
    app.finish().await;
}

#[tokio::test]
async fn a_carrier_that_has_not_said_what_it_calls_the_goods_is_asked_for_that_before_they_are_called_back() {
    let carrier = Bank::start();
    let (recall, status) = (carrier.url("/shipments/recall/{reference}"), carrier.url("/shipments/{shipment_id}"));
    let app = app_of(
        &carrier,
        &[
            ("recall.url", &recall),
            ("status.url", &status),
            ("status.result", "/payment/state"),
            ("status.dispatched", "dispatch"),
            ("status.recalled", "recall"),
            ("status.reference", "/payment/state"),
        ],
    );
    let steps = Steps::at(|port| app.grpc(port));
    let order = steps.create().await.expect("an order");
    steps.pay(&order).await.expect("a payment");
    let (shipment, _) = steps.ship(&order).await.expect("a shipment");
    assert_eq!(steps.call_back(&shipment).await.expect("it is called back"), "CANCELLED");
    let paths: Vec<_> = carrier.asked().into_iter().map(|asked| asked.path).collect();
    let asked = format!("GET /shipments/{shipment}");
    assert_eq!(paths, ["POST /shipments", asked.as_str(), "POST /shipments/recall/dispatch"]);
    app.finish().await;
}
