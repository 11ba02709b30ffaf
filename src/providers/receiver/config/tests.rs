use super::*;
use crate::domain::{
    ids::NotificationId,
    money::{Amount, Currency},
    notifier::{About, Audience},
    time::Timestamp,
};
use serde_json::json;
use uuid::Uuid;

fn config(json: Value) -> Result<ReceiverConfig, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

fn notification(order: &str) -> Notification {
    let about = About {
        payment_id: GivenId::Number(1),
        order_id: GivenId::Text(order.to_owned()),
        user_id: Some(GivenId::Number(7)),
        amount: Amount::parse(20_000).unwrap(),
        currency: Currency::Idr,
        status: PaymentStatus::Paid,
        reason: None,
    };
    let target = config(json!({"url": "http://shop/"})).unwrap().target("shop".parse().unwrap());
    let mut told = Audience::new(vec![target]).notifications(&about, Timestamp::from_millis(0)).collect::<Vec<_>>();
    Notification { id: NotificationId::from_uuid(Uuid::nil()), ..told.remove(0) }
}

#[test]
fn places_are_filled_and_what_others_have_written_is_escaped() {
    let config = config(json!({
        "url": "http://shop/orders/{order_id}/payment?by={user_id}",
        "body": r#"{"order":"{order_id}","payment":{payment_id},"amount":{amount},"status":"{status}"}"#,
    }))
    .unwrap();
    let notification = notification("a/../b\"?");
    assert_eq!(config.url(&notification).unwrap().as_str(), "http://shop/orders/a%2F..%2Fb%22%3F/payment?by=7");
    assert_eq!(config.body(&notification), r#"{"order":"a/../b\"?","payment":1,"amount":20000,"status":"paid"}"#);
}

#[test]
fn a_place_outside_quotes_is_a_number_or_a_text_as_what_stands_for_it_is() {
    let body = r#"{"user":{user_id},"order":{order_id},"status":{status},"why":{reason},"amount":{amount}}"#;
    let config = config(json!({"url": "http://shop/", "body": body})).unwrap();
    let mut notification = notification(r#"1,"amount":0"#);
    let body = |notification: &Notification| serde_json::from_str::<Value>(&config.body(notification)).unwrap();
    let mut expected = json!({"user": 7, "order": r#"1,"amount":0"#, "status": "paid", "why": null, "amount": 20_000});
    assert_eq!(body(&notification), expected);
    notification.about.user_id = Some(GivenId::Text("true".to_owned()));
    expected["user"] = json!("true");
    assert_eq!(body(&notification), expected);
}

#[test]
fn an_address_in_a_url_is_looked_at_however_it_is_written() {
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:10.0.0.1]", "169.254.169.254"] {
        let url = format!("http://{host}:9000/");
        let refused = config(json!({"url": url})).unwrap().url(&notification("1"));
        assert_eq!(refused.unwrap_err(), super::super::public::PRIVATE, "{host}");
        let allowed = config(json!({"url": url, "allow_private": true})).unwrap();
        assert!(allowed.url(&notification("1")).is_ok(), "{host}");
    }
    assert!(config(json!({"url": "http://1.1.1.1/"})).unwrap().url(&notification("1")).is_ok());
}

#[test]
fn who_is_told_of_the_user_is_told_of_payments_with_one_alone() {
    let target = |json: Value| config(json).unwrap().target("shop".parse().unwrap());
    assert!(!target(json!({"url": "http://shop/{order_id}"})).needs_user);
    assert!(target(json!({"url": "http://shop/{user_id}"})).needs_user);
    assert!(target(json!({"url": "http://shop/", "body": "{\"user\":\"{user_id}\"}"})).needs_user);
    assert_eq!(target(json!({"url": "http://shop/"})).on, [PaymentStatus::Paid]);
    let all = json!({"url": "http://shop/", "on": ["paid", "refunded", "paid"]});
    assert_eq!(target(all).on, [PaymentStatus::Paid, PaymentStatus::Refunded]);
}

#[test]
fn one_whose_user_is_not_known_is_not_sent_where_the_request_names_them() {
    let nameless = |json: Value| {
        let mut notification = notification("1");
        notification.about.user_id = None;
        config(json).unwrap().url(&notification).map(drop)
    };
    let unknown = Err("its user is not known".to_owned());
    assert_eq!(nameless(json!({"url": "http://shop/users/{user_id}/payment-service"})), unknown);
    assert_eq!(nameless(json!({"url": "http://shop/", "body": "{\"user\":\"{user_id}\"}"})), unknown);
    assert_eq!(nameless(json!({"url": "http://shop/{order_id}"})), Ok(()));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (json, why) in [
        (json!({}), "missing field `url`"),
        (json!({"url": "ftp://shop/"}), "must be the URL of an http or https service"),
        (json!({"url": "http://{order_id}.shop/"}), "no places in its scheme, host and port"),
        (json!({"url": "http://shop:1{amount}/"}), "no places in its scheme, host and port"),
        (json!({"url": "http://me:secret@shop/"}), "neither user nor password"),
        (json!({"url": "http://shop/{saga_id}"}), "nothing can stand for {saga_id}"),
        (json!({"url": "http://shop/", "body": "paid"}), "must be JSON"),
        (json!({"url": "http://shop/", "body": r#"{"cents":{amount}00}"#}), "whether its places are numbers or texts"),
        (json!({"url": "http://shop/", "body": r#"{"order":"\u000{order_id}"}"#}), "numbers or texts"),
        (json!({"url": "http://shop/", "body": r"{{order_id}:1}"}), "numbers or texts"),
        (json!({"url": "http://shop/", "on": "pending"}), "paid, failed, expired and refunded"),
        (json!({"url": "http://shop/", "on": []}), "one or several"),
        (json!({"url": "http://shop/", "method": "BREW"}), "must be GET, POST, PUT, PATCH or DELETE"),
        (json!({"url": "http://shop/", "secret": "short"}), "whsec_"),
        (json!({"url": "http://shop/", "headers": {"webhook-id": "1"}}), "the server's own"),
        (json!({"url": "http://shop/", "retries": 3}), "unknown field"),
    ] {
        let refused = config(json).expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn without_a_body_of_its_own_a_request_says_what_has_happened() {
    let config = config(json!({"url": "http://shop/"})).unwrap();
    let body: Value = serde_json::from_str(&config.body(&notification("A-1"))).unwrap();
    assert_eq!(
        body,
        json!({
            "type": "payment.paid",
            "timestamp": "1970-01-01T00:00:00.000Z",
            "data": {
                "notification_id": Uuid::nil().to_string(),
                "payment_id": 1,
                "order_id": "A-1",
                "user_id": 7,
                "amount": 20_000,
                "currency": "IDR",
                "status": "paid",
            },
        })
    );
}
