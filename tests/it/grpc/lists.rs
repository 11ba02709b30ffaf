//! Listing sagas.

use super::{COMPLETED, client, manual, placed, refuses, simulated, waited};
use crate::support::TestApp;
use backstitch::proto::{ListSagasRequest, ListSagasResponse, SagaStatus};
use tonic::{Code, Status};

async fn list(app: &TestApp, request: ListSagasRequest) -> Result<ListSagasResponse, Status> {
    Ok(client(app).await.list_sagas(request).await?.into_inner())
}

#[tokio::test]
async fn all_sagas_are_listed_page_by_page_newest_first() {
    let app = TestApp::start();
    let mut placed_ids = Vec::new();
    for _ in 0..5 {
        placed_ids.push(placed(&app, waited(simulated())).await.saga_id);
    }
    let mut found = Vec::new();
    let mut request = ListSagasRequest { page_size: 2, ..ListSagasRequest::default() };
    loop {
        let page = list(&app, request.clone()).await.expect("a page");
        assert!(page.sagas.len() <= 2);
        found.extend(page.sagas.into_iter().map(|saga| saga.id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    placed_ids.reverse();
    assert_eq!(found, placed_ids);
    app.finish().await;
}

#[tokio::test]
async fn sagas_are_found_by_status_definition_step_and_age() {
    let app = TestApp::start();
    let done = placed(&app, waited(simulated())).await;
    let waits = placed(&app, manual()).await;
    let mine = super::saga(&app, &waits.saga_id, 1).await;
    let base = ListSagasRequest::default;
    for (request, expected) in [
        (ListSagasRequest { status: COMPLETED, ..base() }, vec![&done]),
        (ListSagasRequest { status: SagaStatus::Waiting.into(), ..base() }, vec![&waits]),
        (ListSagasRequest { step: Some("process_payment".into()), ..base() }, vec![&waits]),
        (ListSagasRequest { definition: Some("checkout".into()), ..base() }, vec![&waits, &done]),
        (ListSagasRequest { definition: Some("other".into()), ..base() }, vec![]),
        (ListSagasRequest { created_before: mine.created_at, ..base() }, vec![&done]),
    ] {
        let found = list(&app, request.clone()).await.expect("a list").sagas;
        let found: Vec<_> = found.iter().map(|saga| &saga.id).collect();
        assert_eq!(found, expected.iter().map(|order| &order.saga_id).collect::<Vec<_>>(), "{request:?}");
    }
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn a_list_that_cannot_be_is_refused_with_its_fields() {
    let app = TestApp::start();
    let request = ListSagasRequest {
        page_size: 101,
        page_token: "nonsense".into(),
        status: 99,
        created_before: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        ..ListSagasRequest::default()
    };
    let fields = ["page_size", "page_token", "status", "created_before"];
    refuses(list(&app, request).await, Code::InvalidArgument, "invalid_request", &fields);
    app.finish().await;
}
