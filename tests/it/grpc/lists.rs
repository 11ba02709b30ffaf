//! Listing sagas.

use super::{COMPLETED, REJECT, WAITING, client, faulty, manual, placed, refuses, simulated, waited};
use crate::support::TestApp;
use backstitch::proto::{
    ListOrdersRequest, ListOrdersResponse, ListPaymentsRequest, ListSagasRequest, ListSagasResponse,
    ListShipmentsRequest, OrderStatus, PaymentStatus, SagaStatus, ShipmentStatus, Simulation, SummarizeOrdersRequest,
    SummaryBy, SummaryGroup,
};
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
        (ListSagasRequest { statuses: vec![COMPLETED], ..base() }, vec![&done]),
        (ListSagasRequest { statuses: vec![SagaStatus::Waiting.into()], ..base() }, vec![&waits]),
        (ListSagasRequest { statuses: vec![COMPLETED, WAITING], ..base() }, vec![&waits, &done]),
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
        statuses: vec![99],
        created_before: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        ..ListSagasRequest::default()
    };
    let fields = ["page_size", "page_token", "statuses", "created_before"];
    refuses(list(&app, request).await, Code::InvalidArgument, "invalid_request", &fields);
    app.finish().await;
}

async fn orders(app: &TestApp, request: ListOrdersRequest) -> Result<ListOrdersResponse, Status> {
    Ok(client(app).await.list_orders(request).await?.into_inner())
}

#[tokio::test]
async fn orders_are_listed_and_found_as_over_rest() {
    let app = TestApp::start();
    let done = placed(&app, waited(simulated())).await;
    let declined = placed(&app, waited(faulty(Simulation { payment: REJECT, ..Simulation::default() }))).await;
    let waits = placed(&app, manual()).await;
    let tracking_number = done.shipments[0].tracking_number.clone();
    let base = ListOrdersRequest::default;
    let (failed, cancelled) = (OrderStatus::Failed.into(), OrderStatus::Cancelled.into());
    for (request, expected) in [
        (base(), vec![&waits, &declined, &done]),
        (ListOrdersRequest { page_size: 2, ..base() }, vec![&waits, &declined]),
        (ListOrdersRequest { page_size: 2, page_token: declined.id.clone(), ..base() }, vec![&done]),
        (ListOrdersRequest { statuses: vec![failed, cancelled], ..base() }, vec![&declined]),
        (
            ListOrdersRequest { reasons: vec!["payment_declined".into(), "out_of_stock".into()], ..base() },
            vec![&declined],
        ),
        (ListOrdersRequest { tracking_number, ..base() }, vec![&done]),
        (ListOrdersRequest { payment_reference: Some("nobodys".into()), ..base() }, vec![]),
        (ListOrdersRequest { customer_ref: Some("cust-42".into()), ..base() }, vec![&waits, &declined, &done]),
        (ListOrdersRequest { created_before: declined.created_at, ..base() }, vec![&done]),
        (ListOrdersRequest { updated_after: waits.created_at, ..base() }, vec![&waits]),
    ] {
        let found = orders(&app, request.clone()).await.expect("a list").orders;
        let found: Vec<_> = found.iter().map(|order| &order.id).collect();
        assert_eq!(found, expected.iter().map(|order| &order.id).collect::<Vec<_>>(), "{request:?}");
    }
    app.finish_leaving(1).await;
}

#[tokio::test]
async fn orders_that_cannot_be_listed_or_counted_are_refused_with_their_fields() {
    let app = TestApp::start();
    let request = ListOrdersRequest {
        page_size: 101,
        statuses: vec![0],
        reasons: vec!["rain".into()],
        shop_id: Some("x".into()),
        tracking_number: Some(String::new()),
        updated_after: Some(prost_types::Timestamp { seconds: i64::MIN, nanos: 0 }),
        ..ListOrdersRequest::default()
    };
    let fields = ["page_size", "statuses", "reasons", "shop_id", "tracking_number", "updated_after"];
    refuses(orders(&app, request).await, Code::InvalidArgument, "invalid_request", &fields);
    let counted = client(&app).await.summarize_orders(SummarizeOrdersRequest::default()).await;
    refuses(counted, Code::InvalidArgument, "invalid_request", &["from", "until", "by"]);
    app.finish().await;
}

#[tokio::test]
async fn orders_of_a_time_are_counted_as_over_rest() {
    let app = TestApp::start();
    let first = placed(&app, waited(simulated())).await;
    placed(&app, waited(simulated())).await;
    let last = placed(&app, waited(faulty(Simulation { payment: REJECT, ..Simulation::default() }))).await;
    let request = SummarizeOrdersRequest {
        from: first.created_at,
        until: last.created_at.map(|time| prost_types::Timestamp { seconds: time.seconds + 1, ..time }),
        by: SummaryBy::Reason.into(),
    };
    let counted = client(&app).await.summarize_orders(request).await.expect("groups").into_inner().groups;
    let group = |group: Option<&str>, orders, total: &str| SummaryGroup {
        group: group.map(str::to_owned),
        currency: "IDR".to_owned(),
        orders,
        total_amount: total.to_owned(),
    };
    assert_eq!(counted, [group(None, 2, "340000"), group(Some("payment_declined"), 1, "170000")]);
    app.finish().await;
}

#[tokio::test]
async fn payments_and_shipments_are_listed_and_found_as_over_rest() {
    let app = TestApp::start();
    let done = placed(&app, waited(simulated())).await;
    let declined = placed(&app, waited(faulty(Simulation { payment: REJECT, ..Simulation::default() }))).await;
    let unshipped = placed(&app, waited(faulty(Simulation { shipping: REJECT, ..Simulation::default() }))).await;
    let base = ListPaymentsRequest::default;
    let (failed, refunded) = (PaymentStatus::Failed.into(), PaymentStatus::Refunded.into());
    for (request, expected) in [
        (base(), vec![&unshipped, &declined, &done]),
        (ListPaymentsRequest { page_size: 1, ..base() }, vec![&unshipped]),
        (ListPaymentsRequest { statuses: vec![failed, refunded], ..base() }, vec![&unshipped, &declined]),
        (ListPaymentsRequest { order_id: Some(done.id.clone()), ..base() }, vec![&done]),
        (ListPaymentsRequest { reference: Some("nobodys".into()), ..base() }, vec![]),
    ] {
        let found = client(&app).await.list_payments(request.clone()).await.expect("a list").into_inner();
        assert_eq!(found.next_page_token.is_empty(), request.page_size == 0);
        let found: Vec<_> = found.payments.iter().map(|payment| (&payment.order_id, payment.amount)).collect();
        assert_eq!(found, expected.iter().map(|order| (&order.id, 170_000)).collect::<Vec<_>>(), "{request:?}");
    }
    let base = ListShipmentsRequest::default;
    let (shipped, cancelled) = (ShipmentStatus::Shipped.into(), ShipmentStatus::Cancelled.into());
    let tracking_number = done.shipments[0].tracking_number.clone();
    for (request, expected) in [
        (base(), vec![&unshipped, &done]),
        (ListShipmentsRequest { statuses: vec![shipped, cancelled], ..base() }, vec![&unshipped, &done]),
        (ListShipmentsRequest { statuses: vec![cancelled], ..base() }, vec![&unshipped]),
        (ListShipmentsRequest { tracking_number, ..base() }, vec![&done]),
        (ListShipmentsRequest { order_id: Some(declined.id.clone()), ..base() }, vec![]),
    ] {
        let found = client(&app).await.list_shipments(request.clone()).await.expect("a list").into_inner().shipments;
        let found: Vec<_> = found.iter().map(|shipment| &shipment.order_id).collect();
        assert_eq!(found, expected.iter().map(|order| &order.id).collect::<Vec<_>>(), "{request:?}");
    }
    let request = ListShipmentsRequest { statuses: vec![0, 7], order_id: Some("x".into()), ..base() };
    let refused = client(&app).await.list_shipments(request).await;
    refuses(refused, Code::InvalidArgument, "invalid_request", &["order_id", "statuses", "statuses"]);
    let request =
        ListPaymentsRequest { statuses: vec![9], reference: Some(String::new()), ..ListPaymentsRequest::default() };
    let refused = client(&app).await.list_payments(request).await;
    refuses(refused, Code::InvalidArgument, "invalid_request", &["reference", "statuses"]);
    app.finish().await;
}
