use super::*;
use crate::{
    domain::{reason::Reason, reference::Named},
    providers::answer::{Answer, Known},
};

const CHARGE: Call = Call::Payment(ProviderCall::Charge);
const REFUND: Call = Call::Payment(ProviderCall::Refund);

fn done() -> Answer {
    Answer::Done(Named::default())
}

fn provider() -> HttpService {
    let json = serde_json::json!({
        "kind": "http",
        "charge": {
            "url": "http://bank/charge", "result": "/a/0/status", "done": ["yes", "7"], "rejected": "no",
            "pending": "later", "rejected_codes": [402],
        },
        "refund": {"url": "http://bank/refund"},
        "status": {
            "url": "http://bank/{payment_id}", "result": "/status", "charged": "taken", "refunded": "back",
            "rejected": "no",
        },
    });
    let config: ServiceConfig = serde_json::from_value(json).expect("a service");
    let Ok(Reached::Http(service)) = config.reached(Purpose::Payment) else { panic!("a service over HTTP") };
    *service
}

const NO: Answer = Answer::Rejected(Reason::PaymentDeclined);

fn is_unknown(answer: &Answer, fails: bool) -> bool {
    matches!(answer, Answer::Unknown { failing, .. } if *failing == fails)
}

#[test]
fn an_answer_is_read_by_its_status_and_its_word() {
    let provider = provider();
    let charge = provider.action(CHARGE);
    for (status, body, answer) in [
        (200, r#"{"a":[{"status":"yes"}]}"#, done()),
        (201, r#"{"a":[{"status":7}]}"#, done()),
        (200, r#"{"a":[{"status":"no"}]}"#, NO),
        (200, r#"{"a":[{"status":"later"}]}"#, Answer::Pending),
        (202, "", Answer::Pending),
        (425, r#"{"a":[{"status":"yes"}]}"#, Answer::Pending),
        (422, r#"{"a":[{"status":"yes"}]}"#, NO),
        (402, "", NO),
    ] {
        assert_eq!(charge.read(CHARGE, status, body.as_bytes()), answer, "{status} {body}");
    }
    for (status, body, fails) in [
        (200, "", false),
        (200, "yes", false),
        (200, r#"{"status":"yes"}"#, false),
        (200, r#"{"a":[{"status":"Yes"}]}"#, false),
        (200, r#"{"a":[{"status":{"yes":1}}]}"#, false),
        (301, "", false),
        (400, r#"{"a":[{"status":"yes"}]}"#, false),
        (409, "", false),
        (429, "", true),
        (500, r#"{"a":[{"status":"no"}]}"#, true),
        (503, "", true),
    ] {
        let answer = charge.read(CHARGE, status, body.as_bytes());
        assert!(is_unknown(&answer, fails), "{status} {body}: {answer:?}");
    }
    assert_eq!(provider.action(REFUND).read(REFUND, 204, b""), done());
}

#[test]
fn a_status_says_whether_a_call_is_to_be_made() {
    let provider = provider();
    let status = provider.status.as_ref().expect("a query");
    let (charge, refund) = (CHARGE, REFUND);
    for (call, code, body, known) in [
        (charge, 200, r#"{"status":"taken"}"#, Known::Answer(done())),
        (charge, 200, r#"{"status":"back"}"#, Known::Answer(Answer::Rejected(Reason::PaymentClosed))),
        (charge, 200, r#"{"status":"no"}"#, Known::Answer(NO)),
        (charge, 404, "", Known::ToBeMade(Named::default())),
        (refund, 200, r#"{"status":"back"}"#, Known::Answer(done())),
        (refund, 200, r#"{"status":"taken"}"#, Known::ToBeMade(Named::default())),
        (refund, 404, "", Known::ToBeMade(Named::default())),
    ] {
        assert_eq!(status.read(call, code, body.as_bytes()), known, "{call:?} {code} {body}");
    }
    for (call, code, body) in
        [(charge, 200, "?"), (charge, 200, r#"{"status":"?"}"#), (refund, 200, r#"{"status":"no"}"#)]
    {
        let Known::Answer(answer) = status.read(call, code, body.as_bytes()) else {
            panic!("{body} sends {call:?} again")
        };
        assert!(is_unknown(&answer, false), "{answer:?}");
    }
    let Known::Answer(answer) = status.read(charge, 500, b"") else { panic!("500 sends a charge again") };
    assert!(is_unknown(&answer, true), "{answer:?}");
}

fn shipping(json: serde_json::Value) -> Result<HttpService, String> {
    let config: ServiceConfig = serde_json::from_value(json).map_err(|error| error.to_string())?;
    match config.reached(Purpose::Shipping)? {
        Reached::Http(service) => Ok(*service),
        Reached::Grpc(_) => panic!("it is over HTTP"),
    }
}

#[test]
fn a_carrier_names_what_it_has_sent() {
    let carrier = shipping(serde_json::json!({
        "kind": "http",
        "dispatch": {"url": "http://jne/ship", "reference": "/id", "tracking_number": "/awb"},
        "recall": {"url": "http://jne/ship/{reference}", "method": "DELETE"},
        "status": {
            "url": "http://jne/ship?of={shipment_id}", "result": "/status", "dispatched": "sent", "recalled": "back",
            "reference": "/id", "tracking_number": "/awb",
        },
    }))
    .expect("a carrier");
    let (dispatch, recall) = (Call::Shipment(CarrierCall::Dispatch), Call::Shipment(CarrierCall::Recall));
    let named = Named::parse(Some("7".into()), Some("JNE 1".into())).0;
    let body = br#"{"id": 7, "awb": "JNE 1", "status": "sent"}"#;
    assert_eq!(carrier.action(dispatch).read(dispatch, 201, body), Answer::Done(named.clone()));
    assert_eq!(carrier.action(dispatch).read(dispatch, 200, b"sent"), done(), "it is sent, whatever it is called");
    assert_eq!(carrier.action(dispatch).read(dispatch, 422, b""), Answer::Rejected(Reason::ShippingFailed));
    let status = carrier.status.as_ref().expect("a query");
    assert_eq!(status.read(dispatch, 200, body), Known::Answer(Answer::Done(named.clone())));
    assert_eq!(status.read(recall, 200, body), Known::ToBeMade(named));
    let back = br#"{"status": "back"}"#;
    assert_eq!(status.read(recall, 200, back), Known::Answer(done()));
    assert_eq!(status.read(dispatch, 200, back), Known::Answer(Answer::Rejected(Reason::ShippingClosed)));
}

#[test]
fn what_does_not_belong_together_is_named() {
    let both = serde_json::json!({"dispatch": {"url": "http://jne/"}, "recall": {"url": "http://jne/"}});
    for (change, why) in [
        (serde_json::json!({"kind": "http", "charge": {"url": "http://jne/"}}), "charge: is not what such a service"),
        (serde_json::json!({"kind": "http", "recall": null}), "recall: is missing"),
        (serde_json::json!({"kind": "http", "url": "http://jne/"}), "url: is of a service over gRPC"),
        (serde_json::json!({"kind": "grpc", "url": "http://jne/"}), "dispatch: is of a service over HTTP"),
        (
            serde_json::json!({"kind": "grpc", "dispatch": null, "recall": null}),
            "url: is missing; a service over gRPC has one",
        ),
        (
            serde_json::json!({"kind": "grpc", "dispatch": null, "recall": null, "url": "http://jne/path"}),
            "must be the URL of an http or https server",
        ),
        (
            serde_json::json!({"kind": "http", "dispatch": {"url": "http://jne/{amount}"}}),
            "dispatch: nothing can stand for {amount}; there are {order_id}, {shipment_id}",
        ),
        (
            serde_json::json!({"kind": "http", "dispatch": {"url": "http://jne/{reference}"}}),
            "dispatch: {reference} is known only once the service has answered",
        ),
        (
            serde_json::json!({"kind": "http", "recall": {"url": "http://jne/{contents}"}}),
            "recall: {contents} is JSON and stands in a body alone",
        ),
        (
            serde_json::json!({"kind": "http", "recall": {"url": "http://jne/{reference}"}}),
            "dispatch: recall is asked by {reference}, so its answer must have one",
        ),
        (
            serde_json::json!({
                "kind": "http", "dispatch": {"url": "http://jne/", "reference": "/id"},
                "recall": {"url": "http://jne/{reference}"},
                "status": {"url": "http://jne/", "result": "/s", "dispatched": "a", "recalled": "b"},
            }),
            "status: its answer must have a reference, too",
        ),
        (
            serde_json::json!({"kind": "http", "status": {
                "url": "http://jne/", "result": "/s", "dispatched": "a", "recalled": ["b", "a"],
            }}),
            "status: the word \"a\" is there twice",
        ),
        (
            serde_json::json!({"kind": "http", "recall": {"url": "http://jne/", "reference": "/id"}}),
            "recall: reference is what the service calls what it has done",
        ),
        (
            serde_json::json!({
                "kind": "grpc", "dispatch": null, "recall": null, "url": "http://jne/", "headers": {"x-token-bin": "a"},
            }),
            "headers: \"x-token-bin\" cannot be sent as metadata",
        ),
        (
            serde_json::json!({"kind": "grpc", "dispatch": null, "recall": null, "url": "http://me:secret@jne/"}),
            "must be the URL of an http or https server",
        ),
        (
            serde_json::json!({"kind": "http", "status": {"url": "http://jne/", "result": "/s", "charged": "a", "refunded": "b"}}),
            "status: dispatched and recalled must have a word each",
        ),
    ] {
        let mut json = both.clone();
        for (name, value) in change.as_object().expect("fields") {
            json[name] = value.clone();
        }
        let refused = shipping(json).expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
}
