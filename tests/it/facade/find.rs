//! Finding what one looks for: orders by what others call something of theirs, by why they were unwound and by time,
//! variants by their sku; and counting orders.

use crate::support::{Bank, Manner, TestApp, day, id, manual, paid, simulated};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use uuid::Uuid;

async fn found(app: &TestApp, query: &str) -> Vec<String> {
    app.get(query).await.items().iter().map(|item| id(item).to_owned()).collect()
}

/// Three orders: completed, declined, and cancelled because nobody carries it; the oldest first.
async fn three(app: &TestApp) -> [String; 3] {
    let mut ids = Vec::new();
    for faults in [json!({}), json!({"payment": "decline"}), json!({"shipping": "fail"})] {
        ids.push(id(&app.rested(&simulated(&faults)).await).to_owned());
    }
    ids.try_into().expect("three")
}

#[tokio::test]
async fn orders_are_found_by_several_statuses_and_by_why_they_were_unwound() {
    let app = TestApp::start();
    let [completed, declined, unshipped] = &three(&app).await;
    for (query, expected) in [
        ("status=failed,cancelled", vec![unshipped, declined]),
        ("status=cancelled,failed&limit=1", vec![unshipped]),
        ("status=completed,failed", vec![declined, completed]),
        ("status=completed,completed", vec![completed]),
        ("status=pending,paid", vec![]),
        ("reason=payment_declined", vec![declined]),
        ("reason=payment_declined,shipping_failed", vec![unshipped, declined]),
        ("reason=payment_declined,shipping_failed&status=cancelled", vec![unshipped]),
        ("reason=out_of_stock", vec![]),
        ("reason=payment_declined&status=completed", vec![]),
    ] {
        assert_eq!(
            found(&app, &format!("/orders?{query}")).await,
            expected.into_iter().cloned().collect::<Vec<_>>(),
            "{query}"
        );
    }
    let walked = app.walk("/orders?status=failed,cancelled&limit=1").await;
    assert_eq!(walked.iter().map(id).collect::<Vec<_>>(), [unshipped, declined]);
    app.finish().await;
}

#[tokio::test]
async fn every_list_that_has_a_status_takes_several() {
    let app = TestApp::start();
    let orders = three(&app).await;
    for (list, all, one) in [
        ("/payments", "paid,failed,refunded", "failed,refunded"),
        ("/sagas", "completed,compensated", "compensated,waiting,running"),
    ] {
        assert_eq!(found(&app, &format!("{list}?status={all}")).await.len(), orders.len(), "{list}");
        assert_eq!(found(&app, &format!("{list}?status={one}")).await.len(), 2, "{list}");
        app.get(&format!("{list}?status={all},nonsense")).await.refuses("status");
        app.get(&format!("{list}?status=,")).await.refuses("status");
    }
    assert_eq!(app.get("/notifications?status=pending,failed,delivered").await.items().len(), 0);
    for (query, count) in [("", 2), ("status=cancelled", 1), ("status=shipped", 1), ("status=cancelled,shipped", 2)] {
        assert_eq!(found(&app, &format!("/shipments?{query}")).await.len(), count, "{query}");
    }
    assert_eq!(found(&app, "/shipments?status=requested").await.len(), 0);
    app.get("/shipments?status=sent").await.refuses("status");
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_found_by_the_tracking_number_that_its_customer_has() {
    let app = TestApp::start();
    let (one, other) = (app.rested(&simulated(&json!({}))).await, app.rested(&simulated(&json!({}))).await);
    let number = one["shipments"][0]["tracking_number"].as_str().expect("a number");
    let number = utf8_percent_encode(number, NON_ALPHANUMERIC);
    assert_eq!(found(&app, &format!("/orders?tracking_number={number}")).await, [id(&one)]);
    assert_eq!(found(&app, &format!("/orders?tracking_number={number}&status=completed,paid")).await, [id(&one)]);
    assert_eq!(found(&app, &format!("/orders?tracking_number={number}&status=failed")).await, [""; 0]);
    assert_eq!(found(&app, &format!("/orders?tracking_number={number}&cursor={}", id(&one))).await, [""; 0]);
    assert_eq!(found(&app, "/orders?tracking_number=nobodys").await, [""; 0]);
    assert_eq!(found(&app, &format!("/shipments?tracking_number={number}")).await, [id(&one["shipments"][0])]);
    let of_the_other = format!("/shipments?tracking_number={number}&order_id={}", id(&other));
    assert_eq!(found(&app, &of_the_other).await, [""; 0]);
    app.finish().await;
}

#[tokio::test]
async fn an_order_is_found_by_what_its_provider_calls_the_payment() {
    let bank = Bank::start();
    let (charge, refund) = (bank.url("/charge"), bank.url("/refund"));
    let app = TestApp::with(&[
        ("providers.payment.bank.kind", "http"),
        ("providers.payment.bank.charge.url", &charge),
        ("providers.payment.bank.charge.reference", "/transaction"),
        ("providers.payment.bank.refund.url", &refund),
    ]);
    let body = json!({"item_name": "Kopi", "quantity": 1, "price": 85_000, "payment": {"provider": "bank"}});
    bank.will([Manner::DoneBut(200, r#"{"transaction":"TX/1+2"}"#), Manner::DoneBut(200, r#"{"transaction":"TX-3"}"#)]);
    let (one, other) = (app.rested(&body).await, app.rested(&body).await);
    let payments = found(&app, "/payments?reference=TX%2F1%2B2").await;
    assert_eq!(payments, [id(&one["payment"])]);
    assert_eq!(app.payment(id(&one["payment"])).await.success(200)["reference"], "TX/1+2");
    assert_eq!(found(&app, "/orders?payment_reference=TX%2F1%2B2").await, [id(&one)]);
    assert_eq!(found(&app, "/orders?payment_reference=TX-3").await, [id(&other)]);
    assert_eq!(found(&app, "/payments?reference=TX-3&status=paid,refunded").await, [id(&other["payment"])]);
    assert_eq!(found(&app, "/orders?payment_reference=TX-4").await, [""; 0]);
    // Both must hold: one order's payment, and the other's shipment.
    let number = other["shipments"][0]["tracking_number"].as_str().expect("a number");
    let both = format!("/orders?payment_reference=TX%2F1%2B2&tracking_number={number}");
    assert_eq!(found(&app, &both).await, [""; 0]);
    app.finish().await;
}

#[tokio::test]
async fn orders_are_found_by_when_they_were_placed() {
    let app = TestApp::start();
    let orders = three(&app).await;
    let newest_first: Vec<_> = orders.iter().rev().cloned().collect();
    let second = app.order(&orders[1]).await.success(200)["created_at"].as_str().expect("a time").to_owned();
    let (yesterday, tomorrow) = (day(-1), day(1));
    for (query, expected) in [
        (format!("created_after={yesterday}"), &newest_first[..]),
        (format!("created_after={tomorrow}"), &[]),
        (format!("created_before={yesterday}"), &[]),
        (format!("created_before={tomorrow}&created_after={yesterday}"), &newest_first[..]),
        (format!("created_before={second}"), &newest_first[2..]),
        (format!("created_after={second}&reason=payment_declined,shipping_failed"), &newest_first[..2]),
        (format!("created_before={second}&status=failed,cancelled"), &[]),
        ("created_before=9999-12-31".into(), &newest_first[..]),
        ("created_before=9999-12-31T23:59:59.999Z".into(), &newest_first[..]),
        ("created_after=9999-12-31".into(), &[]),
        // A plus sign that nobody has escaped.
        ("created_before=9999-12-31T23:59:59+07:00".into(), &newest_first[..]),
        ("created_after=0001-01-01".into(), &newest_first[..]),
        ("created_before=0001-01-01".into(), &[]),
        (format!("created_after={tomorrow}&created_before={yesterday}"), &[]),
    ] {
        assert_eq!(found(&app, &format!("/orders?{query}")).await, expected, "{query}");
    }
    assert_eq!(found(&app, "/sagas?created_before=9999-12-31").await.len(), orders.len());
    app.finish().await;
}

#[tokio::test]
async fn orders_are_found_by_when_they_changed_also_long_after_they_were_placed() {
    let app = TestApp::start();
    let orders = three(&app).await;
    let newest_first: Vec<_> = orders.iter().rev().cloned().collect();
    // As if the second one had been unwound ten minutes later.
    let changed: Uuid = orders[1].parse().expect("an id");
    app.sql()
        .execute("UPDATE order_order SET updated_at = updated_at + 600000 WHERE id = ?1", &[&changed])
        .expect("a row");
    let now = jiff::Timestamp::now();
    let at = |seconds: i64| (now + jiff::SignedDuration::from_secs(seconds)).to_string();
    for (query, expected) in [
        (format!("updated_after={}", at(-60)), &newest_first[..]),
        (format!("updated_after={}", at(300)), &newest_first[1..2]),
        (format!("updated_after={}&status=failed,completed", at(300)), &newest_first[1..2]),
        (format!("updated_after={}&reason=payment_declined", at(300)), &newest_first[1..2]),
        (format!("updated_after={}&reason=shipping_failed", at(300)), &[]),
        (format!("updated_after={}&created_after={}", at(300), at(-60)), &newest_first[1..2]),
        (format!("updated_after={}&created_before={}", at(300), at(-60)), &[]),
        (format!("updated_after={}", at(900)), &[]),
        ("updated_after=1970-01-01".into(), &newest_first[..]),
        ("updated_after=9999-12-31".into(), &[]),
    ] {
        assert_eq!(found(&app, &format!("/orders?{query}")).await, expected, "{query}");
    }
    app.sql()
        .execute("UPDATE order_order SET updated_at = updated_at - 600000 WHERE id = ?1", &[&changed])
        .expect("a row");
    app.finish().await;
}

#[tokio::test]
async fn a_shops_orders_are_found_by_everything_together() {
    let app = TestApp::start();
    let (coffee, tea) = (app.stand(85_000, 10).await, app.stand(20_000, 10).await);
    let mut body = paid(&[coffee.line(1), tea.line(1)], &json!({"payment": "decline"}));
    body["customer_ref"] = json!("cust-7");
    let both = app.rested(&body).await;
    let alone = app.rested(&paid(&[coffee.line(1)], &json!({}))).await;
    let (both, alone) = (id(&both).to_owned(), id(&alone).to_owned());
    let everything = format!("created_after={}&created_before={}&updated_after={}", day(-1), day(1), day(-1));
    for (shop, query, expected) in [
        (&coffee.shop, String::new(), vec![&alone, &both]),
        (&tea.shop, everything.clone(), vec![&both]),
        (&coffee.shop, everything.clone(), vec![&alone, &both]),
        (&coffee.shop, format!("{everything}&reason=payment_declined"), vec![&both]),
        (&coffee.shop, format!("{everything}&status=failed,cancelled"), vec![&both]),
        (&coffee.shop, format!("{everything}&customer_ref=cust-7&status=failed"), vec![&both]),
        (&tea.shop, format!("{everything}&status=completed"), vec![]),
    ] {
        let expected: Vec<_> = expected.into_iter().cloned().collect();
        assert_eq!(found(&app, &format!("/shops/{shop}/orders?{query}")).await, expected, "{shop} {query}");
        assert_eq!(found(&app, &format!("/orders?shop_id={shop}&{query}")).await, expected, "{shop} {query}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_variant_is_found_by_its_sku_across_products() {
    let app = TestApp::start();
    let (coffee, tea) = (app.product("Kopi").await, app.product("Teh").await);
    let (small, large) = (app.variant(&coffee, "KOPI 250/g").await, app.variant(&coffee, "KOPI 1/kg").await);
    let leaves = app.variant(&tea, "TEH-1").await;
    assert_eq!(found(&app, "/variants?sku=KOPI%20250%2Fg").await, [small.as_str()]);
    assert_eq!(found(&app, &format!("/variants?sku=TEH-1&product_id={coffee}")).await, [""; 0]);
    assert_eq!(found(&app, "/variants?sku=kopi").await, [""; 0]);
    assert_eq!(found(&app, &format!("/variants?product_id={coffee}")).await, [large.as_str(), &small]);
    assert_eq!(found(&app, "/variants?active=false").await, [""; 0]);
    let walked = app.walk("/variants?active=true&limit=2").await;
    assert_eq!(walked.iter().map(id).collect::<Vec<_>>(), [leaves.as_str(), &large, &small]);
    app.finish().await;
}

#[tokio::test]
async fn a_filter_that_cannot_be_is_refused_with_its_name() {
    let app = TestApp::start();
    for (query, field) in [
        ("/orders?status=paid,shipped", "status"),
        ("/orders?status=", "status"),
        ("/orders?status=paid,", "status"),
        ("/orders?reason=rain", "reason"),
        ("/orders?tracking_number=", "tracking_number"),
        ("/orders?tracking_number=%00", "tracking_number"),
        ("/orders?payment_reference=", "payment_reference"),
        ("/orders?payment_reference=a%00b", "payment_reference"),
        ("/orders?created_before=2026-02-30", "created_before"),
        ("/orders?updated_after=2026-12-01T00:00:00", "updated_after"),
        ("/orders?updated_after=10000-01-01", "updated_after"),
        ("/shipments?tracking_number=%0A", "tracking_number"),
        ("/payments?reference=", "reference"),
        ("/variants?sku=", "sku"),
        ("/variants?sku=%00", "sku"),
        ("/variants?product_id=x", "product_id"),
        ("/variants?nonsense=1", "nonsense"),
        ("/orders/summary", "from"),
        ("/orders/summary?from=2026-12-01&to=2026-12-02", "by"),
        ("/orders/summary?from=2026-12-01&to=2026-12-02&by=weather", "by"),
        ("/orders/summary?from=x&to=2026-12-02&by=status", "from"),
        ("/orders/summary?from=2026-12-03&to=2026-12-01&by=status", "to"),
        ("/orders/summary?from=2026-01-01&to=2027-06-01&by=status", "to"),
        ("/orders/summary?from=0001-01-01&to=9999-12-31&by=status", "to"),
    ] {
        app.get(query).await.refuses(field);
    }
    app.finish().await;
}

/// A summary's groups: what they have in common, how many orders, and what they come to.
async fn summary(app: &TestApp, by: &str) -> Vec<(Value, i64, i64)> {
    let answer = app.get(&format!("/orders/summary?from={}&to={}&by={by}", day(-1), day(1))).await;
    let groups = answer.success(200)["groups"].as_array().expect("groups").clone();
    let group = |group: Value| {
        let number = |name: &str| group[name].as_i64().expect("a number");
        assert_eq!(
            (&group["currency"], &group["total_amount_text"]),
            (&json!("IDR"), &json!(number("total_amount").to_string()))
        );
        (group["group"].clone(), number("orders"), number("total_amount"))
    };
    groups.into_iter().map(group).collect()
}

#[tokio::test]
async fn orders_of_a_time_are_counted_by_status_by_reason_and_by_shop() {
    let app = TestApp::start();
    let (coffee, tea) = (app.stand(85_000, 10).await, app.stand(20_000, 10).await);
    app.rested(&paid(&[coffee.line(2), tea.line(1)], &json!({}))).await;
    app.rested(&paid(&[coffee.line(1)], &json!({"payment": "decline"}))).await;
    app.rested(&simulated(&json!({}))).await;
    app.rested(&simulated(&json!({}))).await;
    assert_eq!(summary(&app, "status").await, [(json!("completed"), 3, 530_000), (json!("failed"), 1, 85_000)]);
    assert_eq!(summary(&app, "reason").await, [(json!(null), 3, 530_000), (json!("payment_declined"), 1, 85_000)]);
    let by_shop = summary(&app, "shop").await;
    assert_eq!(by_shop, [(json!(coffee.shop), 2, 255_000), (json!(tea.shop), 1, 20_000)]);
    let empty = app.get("/orders/summary?from=9999-12-31&to=9999-12-31&by=status").await;
    assert_eq!(empty.success(200)["groups"], json!([]));
    let past = app.get(&format!("/orders/summary?from={}&to={}&by=status", day(-9), day(-8))).await;
    assert_eq!(past.success(200)["groups"], json!([]));
    app.finish().await;
}

#[tokio::test]
async fn a_sum_beyond_what_json_tells_apart_is_told_in_full() {
    let app = TestApp::start();
    let mut body = manual();
    (body["quantity"], body["price"]) = (json!(1), json!(1));
    for _ in 0..3 {
        app.unpaid(&body).await;
    }
    app.sql()
        .execute_batch(&format!("UPDATE order_order SET total_amount = {}", 9_007_199_254_740_991_i64))
        .expect("rows");
    let answer = app.get(&format!("/orders/summary?from={}&to={}&by=status", day(-1), day(1))).await;
    assert_eq!(answer.success(200)["groups"][0]["total_amount_text"], "27021597764222973");
    app.sql().execute_batch("UPDATE order_order SET total_amount = 1").expect("rows");
    app.finish_leaving(3).await;
}
