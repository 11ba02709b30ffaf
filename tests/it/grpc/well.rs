//! The standard health service, and server reflection.

use super::channel;
use crate::support::TestApp;
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};
use tonic_types::StatusExt as _;

fn of(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.into() }
}

#[tokio::test]
async fn a_server_that_is_ready_is_serving() {
    let app = TestApp::start();
    let mut client = HealthClient::new(channel(&app).await);
    for service in ["", "backstitch.v1.SagaService"] {
        let answer = client.check(of(service)).await.expect("it is known").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = client.check(of("nobody.v1.Nothing")).await.expect_err("it is not known");
    assert_eq!(unknown.code(), Code::NotFound);
    app.finish().await;
}

#[tokio::test]
async fn who_watches_is_told_when_storage_takes_no_writes_and_when_it_does_again() {
    let app = TestApp::start();
    let mut client = HealthClient::new(channel(&app).await);
    let mut changes = client.watch(of("")).await.expect("it is known").into_inner();
    let first = changes.message().await.expect("a stream").expect("an answer");
    assert_eq!(first.status(), ServingStatus::Serving);
    let hold = app.database().hold();
    // Something must want to be written.
    let order = tokio::spawn(app.place(&crate::support::manual()).into_future());
    let next = changes.message().await.expect("a stream").expect("an answer");
    assert_eq!(next.status(), ServingStatus::NotServing);
    hold.release();
    let next = changes.message().await.expect("a stream").expect("an answer");
    assert_eq!(next.status(), ServingStatus::Serving);
    order.await.expect("an answer");
    app.finish_leaving_any().await;
}

#[tokio::test]
async fn a_client_without_the_protos_is_told_what_there_is() {
    let app = TestApp::start();
    let mut client = ServerReflectionClient::new(channel(&app).await);
    let ask = |message: MessageRequest| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        futures::stream::iter([request])
    };
    let listed = client.server_reflection_info(ask(MessageRequest::ListServices(String::new()))).await;
    let listed = listed.expect("an answer").into_inner().message().await.expect("a stream").expect("a list");
    let Some(MessageResponse::ListServicesResponse(services)) = listed.message_response else { panic!("{listed:?}") };
    let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    assert!(names.contains(&"backstitch.v1.SagaService"), "{names:?}");
    let symbol = MessageRequest::FileContainingSymbol("backstitch.v1.SagaService.PlaceOrder".into());
    let file = client.server_reflection_info(ask(symbol)).await;
    let file = file.expect("an answer").into_inner().message().await.expect("a stream").expect("a file");
    assert!(matches!(file.message_response, Some(MessageResponse::FileDescriptorResponse(_))), "{file:?}");
    app.finish().await;
}

#[tokio::test]
async fn so_many_clients_watch_and_the_next_is_told_to_ask() {
    let app = TestApp::start();
    let mut client = HealthClient::new(channel(&app).await);
    let mut watching = Vec::new();
    let refused = loop {
        match client.watch(of("")).await {
            Ok(changes) => watching.push(changes),
            Err(refused) => break refused,
        }
        assert!(watching.len() < 1000, "anybody may watch");
    };
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert_eq!(refused.get_error_details().error_info().map(|info| info.reason.as_str()), Some("too_many_watchers"));
    client.check(of("")).await.expect("it can be asked");
    drop(watching);
    crate::support::eventually("there is room again", async || client.watch(of("")).await.ok()).await;
    app.finish().await;
}
