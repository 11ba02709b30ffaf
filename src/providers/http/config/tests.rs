use super::*;

fn provider() -> HttpProvider {
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
    serde_json::from_value(json).expect("a service")
}

const NO: Answer = Answer::Rejected(Reason::PaymentDeclined);

fn is_unknown(answer: &Answer, fails: bool) -> bool {
    matches!(answer, Answer::Unknown { failing, .. } if *failing == fails)
}

#[test]
fn an_answer_is_read_by_its_status_and_its_word() {
    let provider = provider();
    let charge = provider.action(ProviderCall::Charge);
    for (status, body, answer) in [
        (200, r#"{"a":[{"status":"yes"}]}"#, Answer::Done),
        (201, r#"{"a":[{"status":7}]}"#, Answer::Done),
        (200, r#"{"a":[{"status":"no"}]}"#, NO),
        (200, r#"{"a":[{"status":"later"}]}"#, Answer::Pending),
        (202, "", Answer::Pending),
        (425, r#"{"a":[{"status":"yes"}]}"#, Answer::Pending),
        (422, r#"{"a":[{"status":"yes"}]}"#, NO),
        (402, "", NO),
    ] {
        assert_eq!(charge.read(status, body.as_bytes()), answer, "{status} {body}");
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
        let answer = charge.read(status, body.as_bytes());
        assert!(is_unknown(&answer, fails), "{status} {body}: {answer:?}");
    }
    assert_eq!(provider.action(ProviderCall::Refund).read(204, b""), Answer::Done);
}

#[test]
fn a_status_says_whether_a_call_is_to_be_made() {
    let provider = provider();
    let status = provider.status.as_ref().expect("a query");
    let (charge, refund) = (ProviderCall::Charge, ProviderCall::Refund);
    for (call, code, body, known) in [
        (charge, 200, r#"{"status":"taken"}"#, Known::Answer(Answer::Done)),
        (charge, 200, r#"{"status":"back"}"#, Known::Answer(Answer::Rejected(Reason::PaymentClosed))),
        (charge, 200, r#"{"status":"no"}"#, Known::Answer(NO)),
        (charge, 404, "", Known::ToBeMade),
        (refund, 200, r#"{"status":"back"}"#, Known::Answer(Answer::Done)),
        (refund, 200, r#"{"status":"taken"}"#, Known::ToBeMade),
        (refund, 404, "", Known::ToBeMade),
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
