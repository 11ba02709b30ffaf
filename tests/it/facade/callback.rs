//! What a payment service reports to the order side (C1, C5, C7).

use crate::support::{TestApp, id, manual};
use serde_json::{Value, json};

const NOBODY: &str = "0198c0de-0000-7000-8000-000000000000";

fn report(order: &Value, payment: &Value, status: &str) -> Value {
    json!({"order_id": order["id"], "payment_id": payment["id"], "payment_status": status})
}

#[tokio::test]
async fn a_reported_success_completes_the_order() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let answer = app.callback(&report(&order, &order["payment"], "success")).await;
    assert_eq!(answer.success(200)["status"], "paid");
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn a_reported_failure_fails_the_order() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.callback(&report(&order, &order["payment"], "failed")).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.order(id(&order)).await.success(200)["status"], "failed");
    app.finish().await;
}

#[tokio::test]
async fn a_repeated_report_changes_nothing() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let report = report(&order, &order["payment"], "success");
    app.callback(&report).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    assert_eq!(app.callback(&report).await.success(200)["status"], "paid");
    assert_eq!(app.payments(&format!("order_id={}", id(&order))).await.items().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn another_orders_payment_is_refused() {
    let app = TestApp::start();
    let (ours, theirs) = (app.unpaid(&manual()).await, app.unpaid(&manual()).await);
    for status in ["success", "failed"] {
        app.callback(&report(&ours, &theirs["payment"], status)).await.problem(409, "payment_of_another_order");
    }
    for order in [&ours, &theirs] {
        assert_eq!(app.payment(id(&order["payment"])).await.success(200)["status"], "pending");
    }
    app.finish_leaving(2).await;
}

#[tokio::test]
async fn a_failure_of_a_paid_payment_is_refused() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.callback(&report(&order, &order["payment"], "success")).await.success(200);
    let refused = app.callback(&report(&order, &order["payment"], "failed")).await;
    refused.problem(409, "payment_already_paid");
    app.saga_at_rest(&order["saga_id"]).await;
    app.finish().await;
}

#[tokio::test]
async fn an_unknown_order_is_told() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let nobody = json!({"id": NOBODY});
    app.callback(&report(&nobody, &order["payment"], "success")).await.problem(404, "order_not_found");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_payment_service_reports_by_its_own_id_which_is_the_payments_reference_from_then_on() {
    let app = TestApp::start();
    for own_id in ["PAY-2026/7 é", "42", NOBODY] {
        let order = app.unpaid(&manual()).await;
        let by = |name: &str| report(&order, &json!({"id": name}), "success");
        for _ in 0..2 {
            assert_eq!(app.callback(&by(own_id)).await.success(200)["id"], order["payment"]["id"], "{own_id}");
        }
        assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
        app.callback(&by("another")).await.problem(409, "payment_reference_mismatch");
        assert_eq!(app.callback(&report(&order, &order["payment"], "success")).await.success(200)["status"], "paid");
    }
    let order = app.unpaid(&manual()).await;
    for bad in ["", "a\u{0}b", &"x".repeat(1025)] {
        app.callback(&report(&order, &json!({"id": bad}), "success")).await.refuses("payment_id");
    }
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_report_of_other_money_is_refused_and_an_operator_sees_it() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let payment = id(&order["payment"]);
    let put = |path: &str, body: &Value| {
        app.call("PUT", path).header("Content-Type", "application/json").bytes(body.to_string())
    };
    for status in ["success", "failed", "refunded"] {
        let path = format!("/payments/{status}/{payment}");
        put(&path, &json!({"amount": 1})).await.problem(422, "amount_mismatch");
        put(&path, &json!({"currency": "USD"})).await.problem(422, "currency_mismatch");
        put(&path, &json!({"order_id": NOBODY})).await.problem(409, "payment_of_another_order");
        for (garbage, code) in [("{", 400), ("nonsense", 400), ("[]", 422), ("7", 422), (r#"{"sum":1}"#, 422)] {
            let answer = app.call("PUT", &path).header("Content-Type", "application/json").bytes(garbage).await;
            assert_eq!(answer.status, code, "{garbage}: {}", answer.text);
        }
        let mut body = report(&order, &order["payment"], status);
        body["amount"] = json!(1);
        let refused = app.callback(&body).await;
        refused.problem(422, "amount_mismatch");
        assert!(refused.text.contains("the payment is of 170000, the report says 1"), "{}", refused.text);
    }
    let shown = app.payment(payment).await.success(200).clone();
    assert_eq!((&shown["status"], &shown["next_attempt_at"]), (&json!("pending"), &Value::Null));
    assert!(shown["last_error"].as_str().expect("kept").contains("the report says 1"), "{shown}");
    let metrics = app.get("/metrics").await;
    assert!(metrics.text.contains("payment_reports_refused_total"), "{}", metrics.text);
    let mut right = report(&order, &order["payment"], "success");
    (right["amount"], right["currency"]) = (json!(170_000), json!("IDR"));
    app.callback(&right).await.success(200);
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    app.finish().await;
}

#[tokio::test]
async fn money_paid_by_hand_goes_back_by_hand_and_its_saga_waits_for_the_report() {
    let app = TestApp::start();
    let mut body = manual();
    body["simulate"] = json!({"shipping": "fail"});
    let order = app.unpaid(&body).await;
    let payment = id(&order["payment"]);
    app.report_refunded(payment).await.problem(409, "payment_not_refunding");
    app.pay(payment).await.success(200);
    let order = app.order_once(id(&order), |order| order["payment"]["status"] == "refunding").await;
    let saga = crate::support::eventually("the saga waits for the report", async || {
        let saga = app.saga(order["saga_id"].as_str().expect("an id")).await.success(200).clone();
        (saga["waiting_on"] == "report").then_some(saga)
    })
    .await;
    assert_eq!((&saga["status"], &saga["waiting_for"]), (&json!("compensating"), &json!("refund_payment")));
    let listed = app.payments("status=refunding").await;
    assert_eq!(listed.items()[0]["id"], order["payment"]["id"]);
    app.assert_audit_is_clean().await;
    for _ in 0..2 {
        app.callback(&report(&order, &order["payment"], "refunded")).await.success(200);
    }
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "compensated");
    let order = app.order(id(&order)).await.success(200).clone();
    assert_eq!((&order["status"], &order["payment"]["status"]), (&json!("cancelled"), &json!("refunded")));
    app.finish().await;
}

#[tokio::test]
async fn nobody_but_the_service_that_takes_a_payment_reports_it() {
    let bank = crate::support::Bank::start();
    let (charge, refund) = (bank.url("/charge"), bank.url("/refund"));
    let app = TestApp::with(&[
        ("providers.payment.bank.kind", "http"),
        ("providers.payment.bank.charge.url", &charge),
        ("providers.payment.bank.refund.url", &refund),
        ("providers.payment.bank.report_secret", "the-bank-says-this-itself"),
        ("http.service_secret", "correct-horse-battery"),
    ]);
    bank.always(Some(crate::support::Manner::Says(202, "", None)));
    let mut body = manual();
    body["payment"] = json!({"provider": "bank"});
    let order = app.place(&body).await.success(201).clone();
    let payment = id(&order["payment"]);
    let calls: [&dyn Fn() -> crate::support::Call; 3] = [&|| app.pay(payment), &|| app.fail_payment(payment), &|| {
        app.callback(&report(&order, &order["payment"], "success"))
    }];
    for call in calls {
        call().await.problem(409, "payment_not_manual");
        let trusted = call().header("Authorization", "Bearer correct-horse-battery").await;
        trusted.problem(409, "payment_not_manual");
        call().header("Authorization", "Bearer something-else-altogether").await.problem(401, "unauthorized");
    }
    assert_eq!(app.payment(payment).await.success(200)["status"], "pending");
    let by_the_bank = app.pay(payment).header("Authorization", "Bearer the-bank-says-this-itself").await;
    assert_eq!(by_the_bank.success(200)["status"], "paid");
    assert_eq!(app.saga_at_rest(&order["saga_id"]).await["status"], "completed");
    // It says so of its own payments alone.
    let by_hand = app.unpaid(&manual()).await;
    let refused = app.pay(id(&by_hand["payment"])).header("Authorization", "Bearer the-bank-says-this-itself").await;
    refused.problem(401, "unauthorized");
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_second_payment_for_an_order_whose_payment_is_closed_is_refused_and_says_why() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    let open = json!({"order_id": order["id"], "amount": 170_000, "provider": "manual"});
    assert_eq!(app.open_payment(&open).header("Idempotency-Key", "k").await.success(201)["status"], "pending");
    app.fail_payment(id(&order["payment"])).await.success(200);
    app.saga_at_rest(&order["saga_id"]).await;
    let refused = app.open_payment(&open).await;
    refused.problem(409, "payment_closed");
    assert!(refused.text.contains("place a new order"), "{}", refused.text);
    let again = app.open_payment(&open).header("Idempotency-Key", "k").await;
    assert_eq!(again.success(200)["status"], "failed", "a repeat is answered with what it opened");
    app.finish().await;
}

#[tokio::test]
async fn a_late_success_is_recorded_and_refunded() {
    let app = TestApp::start();
    let order = app.unpaid(&manual()).await;
    app.delete_order(id(&order)).await.success(202);
    app.saga_at_rest(&order["saga_id"]).await;
    app.callback(&report(&order, &order["payment"], "success")).await.success(200);
    app.payment_once(id(&order["payment"]), "refunded").await;
    app.finish().await;
}

#[tokio::test]
async fn every_field_is_needed_and_of_its_type() {
    let app = TestApp::start();
    let good = json!({"order_id": NOBODY, "payment_id": NOBODY, "payment_status": "success"});
    for field in ["order_id", "payment_id", "payment_status"] {
        let mut body = good.clone();
        body.as_object_mut().expect("an object").remove(field);
        app.callback(&body).await.refuses(field);
        if field != "payment_id" {
            body[field] = json!("paid");
            app.callback(&body).await.refuses(field);
        }
        body[field] = json!(7);
        app.callback(&body).await.refuses(field);
    }
    app.finish().await;
}
