//! Who may ask a process what its peers ask, and what becomes of bad questions.

use super::cluster::{Split, order};
use backstitch::{
    peers::{MAX_MESSAGE_BYTES, PROTOCOL, PROTOCOL_HEADER},
    proto::peer::{AskRequest, FactsKind, FactsRequest, peer_service_client::PeerServiceClient},
    role::Role,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use strum::VariantArray as _;
use tonic::{Code, Request, Status, transport::Channel};
use uuid::Uuid;

const SECRET: &str = "a-secret-of-this-test";
const OTHER_SECRET: &str = "a-secret-of-somebody-else";

/// A client that says what it likes.
pub(super) struct Stranger(PeerServiceClient<Channel>);

impl Stranger {
    fn at(address: SocketAddr) -> Self {
        Self::over(Channel::from_shared(format!("http://{address}")).expect("an address").connect_lazy())
    }

    pub(super) fn over(channel: Channel) -> Self {
        Self(PeerServiceClient::new(channel).max_encoding_message_size(2 * MAX_MESSAGE_BYTES))
    }

    /// Asks with these metadata.
    pub(super) async fn ask(
        &self,
        question: &str,
        body: &[u8],
        metadata: &[(&'static str, &str)],
    ) -> Result<Vec<u8>, Status> {
        let asked = AskRequest { question: question.to_owned(), body: body.to_vec().into() };
        Ok(self.0.clone().ask(with(asked, metadata)).await?.into_inner().body.to_vec())
    }

    /// Facts of a role, as the JSON of the first portion.
    async fn facts(&self, role: &str, metadata: &[(&'static str, &str)]) -> Result<Value, Status> {
        let asked = FactsRequest { kind: FactsKind::Orders.into(), role: role.to_owned() };
        let mut told = self.0.clone().facts(with(asked, metadata)).await?.into_inner();
        let first = told.message().await?.expect("a portion");
        Ok(serde_json::from_slice(&first.body).expect("JSON"))
    }
}

fn with<T>(message: T, metadata: &[(&'static str, &str)]) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in metadata {
        request.metadata_mut().append(*name, value.parse().expect("a value"));
    }
    request
}

/// A question about an order that there is not, which `order` processes answer.
pub(super) fn question() -> (&'static str, Vec<u8>) {
    ("order.order", serde_json::to_vec(&[Uuid::now_v7()]).expect("JSON"))
}

fn bearer(secret: &str) -> String {
    format!("Bearer {secret}")
}

#[actix_web::test]
async fn processes_that_share_a_secret_serve_together_and_a_stranger_is_answered_nothing() {
    let split = Split::start_with(&[("peers.secret", SECRET), ("telemetry.log", "trace")]).await;
    let (status, placed) = split.post(Role::Order, "/orders?wait=10", &order(&json!({}))).await;
    assert_eq!((status, &placed["data"]["status"]), (201, &json!("completed")), "{placed}");
    split.assert_audit_is_clean();

    let protocol = (PROTOCOL_HEADER, PROTOCOL.to_string());
    let protocol = (protocol.0, protocol.1.as_str());
    let (question, body) = question();
    let stranger = Stranger::at(split.grpc(Role::Order));
    for wrong in [OTHER_SECRET, "", "a", &SECRET[1..], &format!("{SECRET} ")] {
        for given in [&bearer(wrong), wrong] {
            let metadata = [protocol, ("authorization", given)];
            let refused = stranger.ask(question, &body, &metadata).await.unwrap_err();
            assert_eq!(refused.code(), Code::Unauthenticated, "{given:?}: {refused}");
            assert!(refused.message().contains("peers.secret"), "{refused}");
            assert_eq!(
                stranger.facts("order", &metadata).await.unwrap_err().code(),
                Code::Unauthenticated,
                "{given:?}"
            );
        }
    }
    assert_eq!(stranger.ask(question, &body, &[protocol]).await.unwrap_err().code(), Code::Unauthenticated);
    assert_eq!(stranger.facts("order", &[protocol]).await.unwrap_err().code(), Code::Unauthenticated);
    // Not even read, be it as large as can be.
    let large = vec![b'x'; MAX_MESSAGE_BYTES + 1];
    assert_eq!(stranger.ask(question, &large, &[protocol]).await.unwrap_err().code(), Code::Unauthenticated);

    let known = [protocol, ("authorization", &bearer(SECRET))];
    assert_eq!(stranger.ask(question, &body, &known).await.unwrap(), br#"{"Ok":null}"#);
    assert_eq!(stranger.facts("order", &known).await.unwrap().as_array().map(Vec::len), Some(1));
    for role in Role::VARIANTS {
        let log = std::fs::read_to_string(split.log(*role)).unwrap();
        assert!(!log.contains(SECRET), "the {role} tells the secret");
    }
}

#[actix_web::test]
async fn an_order_waits_for_a_process_with_another_secret_and_goes_on_once_that_has_the_right_one() {
    let mut split = Split::start_with(&[("peers.secret", SECRET)]).await;
    split.kill(Role::Payment);
    let mut other = split.command(Role::Payment);
    other.env("BACKSTITCH__PEERS__SECRET", OTHER_SECRET);
    split.spawn_by(Role::Payment, other);
    split.until_ready(Role::Payment).await;

    let mut placed = Vec::new();
    for _ in 0..2 {
        let (status, answer) = split.post(Role::Coordinator, "/orders", &order(&json!({}))).await;
        assert_eq!(status, 201, "{answer}");
        assert_eq!(answer["data"]["incomplete"], json!(["payment"]), "{answer}");
        placed.push(format!("/orders/{}", answer["data"]["id"].as_str().unwrap()));
    }
    let (state, error) = split.known(Role::Coordinator, Role::Payment).await;
    assert!(state == "away" && error.contains("peers.secret"), "{state}: {error}");
    assert!(!error.contains(SECRET) && !error.contains(OTHER_SECRET), "{error}");
    let cancelled = split.client.request(Method::DELETE, split.at(Role::Coordinator, &placed[1])).send().await.unwrap();
    assert_eq!(cancelled.status(), 202);
    assert_eq!(split.last_saga().await["status"], "compensating");

    split.kill(Role::Payment);
    split.spawn(Role::Payment);
    split.until_ready(Role::Payment).await;
    split.all_rest().await;
    for (path, status) in placed.iter().zip(["completed", "cancelled"]) {
        let (_, shown) = split.get(Role::Order, path).await;
        assert_eq!(shown["data"]["status"], status, "{shown}");
    }
    split.assert_no_attempt_was_burned().await;
    assert_eq!(split.known(Role::Coordinator, Role::Payment).await, ("there".into(), String::new()));
    let said = split.said(Role::Coordinator);
    let warned = said.iter().filter(|line| line["level"] == "WARN" && line["peer"] == "payment");
    assert_eq!(warned.count(), 1, "{said:?}");
    for role in Role::VARIANTS {
        let log = std::fs::read_to_string(split.log(*role)).unwrap();
        assert!(!log.contains(SECRET) && !log.contains(OTHER_SECRET), "the {role} tells a secret");
    }
    split.assert_audit_is_clean();
}

#[actix_web::test]
async fn who_speaks_as_another_release_is_told_so() {
    let split = Split::start().await;
    let stranger = Stranger::at(split.grpc(Role::Order));
    let (question, body) = question();
    let next = (PROTOCOL + 1).to_string();
    let long = "9".repeat(4_000);
    for (spoken, said) in [(None, "not none"), (Some(next.as_str()), &*format!("not {next}")), (Some(&*long), "not 9")]
    {
        let metadata: Vec<_> = spoken.map(|spoken| (PROTOCOL_HEADER, spoken)).into_iter().collect();
        for refused in [
            stranger.ask(question, &body, &metadata).await.unwrap_err(),
            stranger.facts("order", &metadata).await.unwrap_err(),
        ] {
            assert_eq!(refused.code(), Code::FailedPrecondition, "{refused}");
            assert!(refused.message().contains(said) && refused.message().contains("one release"), "{refused}");
            assert!(refused.message().len() < 200, "{refused}");
        }
    }
}

#[actix_web::test]
async fn a_question_that_is_none_is_refused_in_few_words_and_harms_nobody() {
    let split = Split::start().await;
    let protocol = PROTOCOL.to_string();
    let asked = async |role: Role, question: &str, body: &[u8]| {
        let answered = Stranger::at(split.grpc(role)).ask(question, body, &[(PROTOCOL_HEADER, &protocol)]).await;
        let refused = answered.expect_err(question);
        assert!(refused.message().len() < 400, "{refused}");
        refused.code()
    };
    let long = "x".repeat(1 << 20);
    let quoted = serde_json::to_vec(&[&long]).unwrap();
    let deep = "[".repeat(1 << 20);
    let none = Uuid::now_v7();
    for (role, question, body) in [
        (Role::Order, "order.perform", &b""[..]),
        (Role::Order, "order.perform", b"\xff\xfe\x00"),
        (Role::Order, "order.perform", b"<html></html>"),
        (Role::Order, "order.perform", b"{}"),
        (Role::Order, "order.perform", b"[{\"NoSuchCommand\":1}]"),
        (Role::Order, "order.perform", &quoted),
        (Role::Order, "order.perform", deep.as_bytes()),
        (Role::Order, "order.order", b"[\"no id\"]"),
        (Role::Order, "order.order", b"[1,2,3]"),
        (Role::Stock, "stock.perform", b"null"),
        (Role::Payment, "payment.perform", b"[null]"),
        (Role::Payment, "payment.open", b"[]"),
        (Role::Shipping, "shipping.perform", b"\"\""),
        (Role::Coordinator, "coordinator.signal", b"[\"x\"]"),
        (Role::Coordinator, "coordinator.place", b"{\"order\":{},\"claim\":{},\"wait_ms\":-1}"),
        (Role::Coordinator, "coordinator.rest", format!("[\"{none}\",-1]").as_bytes()),
    ] {
        assert_eq!(asked(role, question, body).await, Code::InvalidArgument, "{role} {question}");
    }
    for (role, question) in [
        (Role::Order, ""),
        (Role::Order, "order"),
        (Role::Order, "order.performs"),
        (Role::Order, "ORDER.PERFORM"),
        (Role::Order, "payment.perform"),
        (Role::Payment, "coordinator.signal"),
        (Role::Stock, "order.ping"),
        (Role::Coordinator, "shipping.shipment"),
        (Role::Shipping, &long),
        (Role::Shipping, "\r\n\u{0}grpc-status: 0"),
    ] {
        assert_eq!(asked(role, question, b"[]").await, Code::Unimplemented, "{role} {}", question.len());
    }
    for role in ["payment", "coordinator", "Order", "", &long] {
        let refused = Stranger::at(split.grpc(Role::Order)).facts(role, &[(PROTOCOL_HEADER, &protocol)]).await;
        assert_eq!(refused.unwrap_err().code(), Code::Unimplemented, "{}", role.len());
    }
    let large = vec![b'['; MAX_MESSAGE_BYTES + 1];
    for role in Role::VARIANTS {
        let refused = asked(*role, "order.perform", &large).await;
        assert!([Code::OutOfRange, Code::ResourceExhausted].contains(&refused), "{role}: {refused:?}");
    }
    // What can be read, and means nothing here.
    let coordinator = Stranger::at(split.grpc(Role::Coordinator));
    for (question, body) in [
        ("coordinator.rest", format!("[\"{none}\",{}]", u64::MAX)),
        ("coordinator.signal", format!("[\"{none}\"]")),
        ("coordinator.signal", "[]".into()),
    ] {
        let answered = coordinator.ask(question, body.as_bytes(), &[(PROTOCOL_HEADER, &protocol)]).await;
        assert!(answered.is_ok(), "{question}: {answered:?}");
    }

    let (_, placed) = split.post(Role::Order, "/orders?wait=10", &order(&json!({}))).await;
    assert_eq!(placed["data"]["status"], "completed", "{placed}");
    for role in Role::VARIANTS {
        let said = split.said(*role);
        let failed = said.iter().any(|line| line["level"] == "ERROR" || line.to_string().contains("panic"));
        assert!(!failed, "{role}: {said:?}");
    }
    split.assert_audit_is_clean();
}

#[test]
fn what_a_process_cannot_be_is_refused_in_words_that_help() {
    let split = Split::prepare(&[]);
    let refused = split.command(Role::Payment).args(["serve", "--role", "nonsense"]).output().expect("the binary runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("'nonsense'") && said.contains("--role"), "{said}");

    let made = split.command(Role::Payment).arg("migrate").output().expect("the binary runs");
    assert!(made.status.success(), "{made:?}");
    let refused = split.command(Role::Payment).arg("audit").output().expect("the binary runs");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("of the stock") && said.contains("settings of the coordinator"), "{said}");
}
