//! What becomes of bad answers: somebody else is where a peer should be.

use super::{
    cluster::{Split, eventually, order},
    imposter::{Imposter, Manner},
};
use backstitch::role::Role;
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// Longer than anything takes that does not hang.
const BOUND: Duration = Duration::from_secs(30);

#[actix_web::test]
async fn orders_wait_for_a_peer_that_answers_as_none_does_and_nothing_hangs() {
    let mut split = Split::prepare(&[("peers.timeout_ms", "300")]);
    let others = [Role::Order, Role::Stock, Role::Payment, Role::Coordinator];
    others.iter().for_each(|role| split.spawn(*role));
    for role in others {
        split.until_ready(role).await;
    }
    let mut placed = 0;
    for (manner, said) in [
        (Manner::Deaf, "no answer in time"),
        (Manner::Http1, ""),
        (Manner::Html, ""),
        (Manner::Never, "no answer in time"),
        (Manner::Halfway, "no answer in time"),
        (Manner::Late, "no answer in time"),
        (Manner::Garbage, "cannot be used"),
        (Manner::OtherJson, "cannot be used"),
        (Manner::TooFew, "0 replies to 1 commands"),
        (Manner::TooMany, "2 replies to 1 commands"),
        (Manner::TooLarge, "too large"),
        (Manner::OtherRelease, "one release"),
    ] {
        let imposter = Imposter::takes(split.grpc(Role::Shipping), manner);
        let body = order(&json!({}));
        let answered = timeout(BOUND, split.post(Role::Coordinator, "/orders", &body)).await;
        let (status, answer) = answered.unwrap_or_else(|_| panic!("{manner:?} hangs"));
        assert_eq!(status, 201, "{manner:?}: {answer}");
        placed += 1;
        eventually(&format!("the order stands at an imposter, {manner:?}"), async || {
            let (state, error) = split.known(Role::Coordinator, Role::Shipping).await;
            state == "away" && error.contains(said)
        })
        .await;
        assert_eq!(split.last_saga().await["status"], "running", "{manner:?}");
        assert_eq!(split.get(Role::Coordinator, "/readyz").await.0, 200, "{manner:?}");
        // Of facts there may be none, and an audit is not in such a hurry.
        if !matches!(manner, Manner::TooFew | Manner::Late) {
            let audit = split.audit();
            let said = String::from_utf8_lossy(&audit.stderr).into_owned();
            assert_eq!(audit.status.code(), Some(1), "{manner:?}: {audit:?}");
            assert!(said.contains("the shipping cannot be reached") && said.len() < 1_000, "{manner:?}: {said}");
        }
        drop(imposter);
    }
    split.spawn(Role::Shipping);
    split.until_ready(Role::Shipping).await;
    split.all_rest().await;
    let (_, sagas) = split.get(Role::Coordinator, "/sagas?status=completed").await;
    assert_eq!(sagas["data"].as_array().unwrap().len(), placed, "{sagas}");
    split.assert_no_attempt_was_burned().await;
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn a_client_is_told_that_it_cannot_order_now_where_somebody_else_answers_for_the_coordinator() {
    let mut split = Split::prepare(&[("peers.timeout_ms", "300")]);
    let others = [Role::Order, Role::Stock, Role::Payment, Role::Shipping];
    others.iter().for_each(|role| split.spawn(*role));
    for role in others {
        split.until_up(role).await;
    }
    for manner in [Manner::Deaf, Manner::Html, Manner::Never, Manner::Halfway, Manner::Garbage, Manner::OtherJson] {
        let imposter = Imposter::takes(split.grpc(Role::Coordinator), manner);
        let body = order(&json!({}));
        let answered = timeout(BOUND, split.post(Role::Order, "/orders?wait=1", &body)).await;
        let (status, problem) = answered.unwrap_or_else(|_| panic!("{manner:?} hangs"));
        assert_eq!((status, &problem["code"]), (503, &json!("unavailable")), "{manner:?}: {problem}");
        let (status, problem) = split.get(Role::Order, "/readyz").await;
        assert_eq!(status, 503, "{manner:?}");
        assert_eq!(problem["detail"], "the coordinator process does not answer", "{manner:?}");
        assert_eq!(split.get(Role::Payment, "/readyz").await.0, 200, "{manner:?}");
        drop(imposter);
    }
    split.spawn(Role::Coordinator);
    split.until_ready(Role::Order).await;
    let (_, placed) = split.post(Role::Order, "/orders?wait=10", &order(&json!({}))).await;
    assert_eq!(placed["data"]["status"], "completed", "{placed}");
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn a_command_that_its_process_cannot_read_sets_its_saga_aside_for_a_person() {
    let mut split = Split::prepare(&[]);
    let others = [Role::Order, Role::Stock, Role::Payment, Role::Coordinator];
    others.iter().for_each(|role| split.spawn(*role));
    for role in others {
        split.until_ready(role).await;
    }
    let imposter = Imposter::takes(split.grpc(Role::Shipping), Manner::CannotRead);
    let (status, placed) = split.post(Role::Coordinator, "/orders?wait=20", &order(&json!({}))).await;
    assert_eq!(status, 201, "{placed}");
    let saga = split.last_saga().await;
    assert_eq!(saga["status"], "needs_attention", "{saga}");
    assert!(saga["message"].as_str().unwrap().contains("the question cannot be read"), "{saga}");
    drop(imposter);
    split.spawn(Role::Shipping);
    split.until_ready(Role::Shipping).await;
    let retry = format!("/sagas/{}/retry", saga["id"].as_str().unwrap());
    let (status, answer) = split.post(Role::Coordinator, &retry, &json!({"reason": "it is mended"})).await;
    assert_eq!(status, 202, "{answer}");
    split.all_rest().await;
    assert_eq!(split.last_saga().await["status"], "completed");
    split.assert_audit_is_clean();
}
