//! Processes that know each other by certificates.

use super::{
    authority::{Authority, Issued},
    cluster::{Split, eventually, order},
    guard::{Stranger, question},
    imposter::{Imposter, Manner},
};
use backstitch::{
    peers::{PROTOCOL, PROTOCOL_HEADER},
    proto::order::{CreateOrderRequest, order_service_client::OrderServiceClient},
    role::Role,
};
use serde_json::json;
use std::{fs, path::Path};
use tempfile::TempDir;
use tonic::{
    Code, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Identity},
};

/// Five processes with a certificate of this authority.
async fn start(authority: &Authority) -> (Split, TempDir) {
    let files = tempfile::tempdir().expect("a temporary directory");
    fs::write(files.path().join("authority.pem"), authority.certificate()).expect("a file");
    write(files.path(), "own", &authority.issue());
    let path = |name: &str| files.path().join(name).display().to_string();
    let split = Split::start_with(&[
        ("peers.authority", &path("authority.pem")),
        ("peers.certificate", &path("own.pem")),
        ("peers.key", &path("own.key")),
        ("peers.timeout_ms", "1000"),
    ])
    .await;
    (split, files)
}

fn write(directory: &Path, name: &str, issued: &Issued) {
    fs::write(directory.join(format!("{name}.pem")), &issued.certificate).expect("a file");
    fs::write(directory.join(format!("{name}.key")), &issued.key).expect("a file");
}

/// A channel to the orders of a client that believes this authority, and shows a certificate or none.
fn channel(split: &Split, authority: &Authority, shown: Option<Issued>) -> Channel {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.certificate()));
    if let Some(Issued { certificate, key }) = shown {
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    let address = Channel::from_shared(format!("https://{}", split.grpc(Role::Order))).expect("an address");
    address.tls_config(tls).expect("certificates").connect_lazy()
}

async fn ask(channel: Channel) -> Result<Vec<u8>, Status> {
    let (question, body) = question();
    Stranger::over(channel).ask(question, &body, &[(PROTOCOL_HEADER, &PROTOCOL.to_string())]).await
}

async fn create(channel: Channel) -> Result<String, Status> {
    let request = CreateOrderRequest { user_id: 42, ..CreateOrderRequest::default() };
    Ok(OrderServiceClient::new(channel).create_order(request).await?.into_inner().status)
}

#[actix_web::test]
async fn processes_with_certificates_of_one_authority_serve_together_and_other_clients_need_none() {
    let authority = Authority::new();
    let (split, _files) = start(&authority).await;
    let (status, placed) = split.post(Role::Order, "/orders?wait=10", &order(&json!({}))).await;
    assert_eq!((status, &placed["data"]["status"]), (201, &json!("completed")), "{placed}");
    split.assert_audit_is_clean();

    assert_eq!(create(channel(&split, &authority, None)).await.unwrap(), "PENDING");
    let refused = ask(channel(&split, &authority, None)).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    assert!(refused.message().contains("certificate"), "{refused}");
    assert!(ask(channel(&split, &authority, Some(authority.issue()))).await.is_ok());

    let other = Authority::new();
    for refused in [
        create(channel(&split, &authority, Some(other.issue()))).await.map(drop),
        ask(channel(&split, &authority, Some(other.issue()))).await.map(drop),
        // One that does not believe us, the other way round.
        create(channel(&split, &other, None)).await.map(drop),
    ] {
        let refused = refused.unwrap_err();
        assert!([Code::Unavailable, Code::Unknown, Code::Cancelled].contains(&refused.code()), "{refused:?}");
    }
    // Without TLS, nothing is to be had.
    let bare = Channel::from_shared(format!("http://{}", split.grpc(Role::Order))).expect("an address").connect_lazy();
    assert!(create(bare).await.is_err());
    assert_eq!(create(channel(&split, &authority, None)).await.unwrap(), "PENDING");
}

#[actix_web::test]
async fn an_order_waits_for_a_process_whose_certificate_is_of_another_authority() {
    let authority = Authority::new();
    let (mut split, files) = start(&authority).await;
    write(files.path(), "other", &Authority::new().issue());
    split.kill(Role::Payment);
    // Somebody who never even begins to show one: the next who does is connected to all the same.
    let deaf = Imposter::takes(split.grpc(Role::Payment), Manner::Deaf);
    let (_, placed) = split.post(Role::Coordinator, "/orders", &order(&json!({}))).await;
    assert_eq!(placed["data"]["incomplete"], json!(["payment"]), "{placed}");
    assert_eq!(split.known(Role::Coordinator, Role::Payment).await.0, "away");
    drop(deaf);
    let mut other = split.command(Role::Payment);
    other.env("BACKSTITCH__PEERS__CERTIFICATE", files.path().join("other.pem"));
    other.env("BACKSTITCH__PEERS__KEY", files.path().join("other.key"));
    split.spawn_by(Role::Payment, other);
    split.until_up(Role::Payment).await;

    let (status, placed) = split.post(Role::Coordinator, "/orders", &order(&json!({}))).await;
    assert_eq!((status, &placed["data"]["incomplete"]), (201, &json!(["payment"])), "{placed}");
    eventually("its certificate is not believed", async || {
        let (state, error) = split.known(Role::Coordinator, Role::Payment).await;
        state == "away" && error.contains("certificate")
    })
    .await;

    split.kill(Role::Payment);
    split.spawn(Role::Payment);
    split.until_ready(Role::Payment).await;
    split.all_rest().await;
    let path = format!("/orders/{}", placed["data"]["id"].as_str().unwrap());
    assert_eq!(split.get(Role::Order, &path).await.1["data"]["status"], "completed");
    split.assert_audit_is_clean();
}
