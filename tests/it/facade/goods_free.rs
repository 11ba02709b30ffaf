//! Goods are free when their order ends, however long the money takes.

use crate::support::{Bank, Manner, Stand, TestApp, id};
use serde_json::{Value, json};

/// A server with ten pieces, whose orders are paid by a service outside.
async fn shop(bank: &Bank) -> (TestApp, Stand) {
    let (charge, refund) = (bank.url("/charge"), bank.url("/refund"));
    let app = TestApp::with(&[
        ("providers.payment.bank.kind", "http"),
        ("providers.payment.bank.charge.url", &charge),
        ("providers.payment.bank.refund.url", &refund),
        ("providers.payment.bank.timeout_ms", "300"),
    ]);
    let stand = app.stand(85_000, 10).await;
    (app, stand)
}

fn order_of(stand: &Stand, deadline_ms: u64) -> Value {
    json!({"lines": [stand.line(4)], "payment": {"provider": "bank", "deadline_ms": deadline_ms}})
}

/// Ways in which a service does not decide.
fn undecided() -> [Manner; 3] {
    [Manner::Says(202, "", None), Manner::Says(503, "", None), Manner::Silence]
}

#[tokio::test]
async fn at_the_deadline_the_order_ends_and_its_goods_are_free_although_the_service_has_not_decided() {
    for manner in undecided() {
        let bank = Bank::start();
        let (app, stand) = shop(&bank).await;
        bank.always(Some(manner.clone()));
        let order = app.rested(&order_of(&stand, 200)).await;
        assert_eq!((&order["status"], &order["reason"]), (&json!("failed"), &json!("payment_expired")), "{manner:?}");
        assert_eq!(order["saga"]["status"], "compensated");
        assert_eq!(app.pieces(&stand.variant).await, [10, 0, 10], "{manner:?}");
        app.assert_audit_is_clean().await;
        // The money is followed up, and goes back when it comes.
        bank.always(None);
        let payment = app.payment_once(id(&order["payment"]), "refunded").await;
        assert_eq!(bank.effects(id(&payment)), ["charge", "refund"]);
        app.finish().await;
    }
}

#[tokio::test]
async fn a_customer_who_cancels_frees_the_goods_at_once_whatever_the_service_does() {
    for manner in undecided() {
        let bank = Bank::start();
        let (app, stand) = shop(&bank).await;
        bank.always(Some(manner.clone()));
        let order = app.place(&order_of(&stand, 600_000)).await.success(201).clone();
        app.delete_order(id(&order)).await.success(202);
        assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated", "{manner:?}");
        assert_eq!(app.pieces(&stand.variant).await, [10, 0, 10], "{manner:?}");
        bank.always(Some(Manner::Says(422, "", None)));
        let closed = app.payment(id(&order["payment"])).await.success(200).clone();
        assert_eq!((&closed["status"], &closed["reason"]), (&json!("failed"), &json!("payment_closed")));
        app.finish().await;
    }
}

#[tokio::test]
async fn after_a_failed_shipment_the_goods_are_back_on_the_shelf_while_the_refund_is_still_asked_for() {
    let bank = Bank::start();
    let (app, stand) = shop(&bank).await;
    bank.will([Manner::Well]);
    bank.always(Some(Manner::Says(503, "", None)));
    let mut body = order_of(&stand, 600_000);
    body["simulate"] = json!({"shipping": "fail"});
    let order = app.place(&body).await.success(201).clone();
    app.payment_once(id(&order["payment"]), "refunding").await;
    app.pieces_once(&stand.variant, [10, 0, 10]).await;
    let order = app.order(id(&order)).await.success(200).clone();
    assert_eq!((&order["saga"]["status"], &order["payment"]["status"]), (&json!("compensating"), &json!("refunding")));
    bank.always(None);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
    app.finish().await;
}
