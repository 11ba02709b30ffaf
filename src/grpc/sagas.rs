//! `backstitch.v1.SagaService`.

use super::{
    call::{Call, problem},
    orders, requests,
};
use crate::{
    domain::saga::CancelBy,
    proto::{
        CancelSagaRequest, CancelSagaResponse, GetSagaRequest, GetSagaResponse, ListOrdersRequest, ListOrdersResponse,
        ListPaymentsRequest, ListPaymentsResponse, ListSagasRequest, ListSagasResponse, ListShipmentsRequest,
        ListShipmentsResponse, PlaceOrderRequest, PlaceOrderResponse, RetrySagaRequest, RetrySagaResponse, Saga,
        SagaEvent, SummarizeOrdersRequest, SummarizeOrdersResponse, WatchSagaRequest, WatchSagaResponse,
        saga_service_server::SagaService, watch_saga_response::Update,
    },
    service::{Code, Followed, Follower, Problem, Service, ServiceError},
};
use futures::stream::{self, BoxStream, StreamExt};
use std::time::Instant;
use tonic::{Request, Response, Status, async_trait};

/// The service behind the port.
pub(super) struct Sagas {
    service: Service,
}

impl Sagas {
    pub(super) const fn new(service: Service) -> Self {
        Self { service }
    }

    async fn place(&self, call: &Call, request: PlaceOrderRequest) -> Result<PlaceOrderResponse, Problem> {
        let asked = Instant::now();
        let wait = requests::wait(request.wait_seconds)?;
        let on_failure = requests::on_failure(request.on_failure)?;
        // How long a client waits, how it is answered, and where its key stands, makes no other order.
        let essence = PlaceOrderRequest { wait_seconds: 0, on_failure: 0, idempotency_key: None, ..request.clone() };
        let claim = call.claim(&essence, request.idempotency_key.as_deref())?;
        let placed = self.service.place(requests::order(request)?, claim, wait).await?;
        let view = self.service.placed_view(&placed, asked, on_failure).await?;
        Ok(PlaceOrderResponse { order: Some(view.into()), replayed: placed.replayed })
    }

    async fn get(&self, request: GetSagaRequest) -> Result<GetSagaResponse, Problem> {
        let saga_id = requests::saga_id(&request.saga_id)?;
        let wait = requests::wait(request.wait_seconds)?;
        self.service.wait_for_rest(saga_id, wait).await?;
        Ok(GetSagaResponse { saga: Some(self.service.saga_view(saga_id).await?.into()) })
    }

    async fn cancel(&self, call: &Call, request: CancelSagaRequest) -> Result<CancelSagaResponse, Problem> {
        let saga_id = requests::saga_id(&request.saga_id)?;
        let essence = CancelSagaRequest { idempotency_key: None, ..request.clone() };
        let claim = call.claim(&essence, request.idempotency_key.as_deref())?;
        let note = requests::note(request.reason)?;
        let replayed = self.service.cancel_saga(saga_id, CancelBy::Operator, note, claim).await?;
        Ok(CancelSagaResponse { saga: Some(self.service.saga_view(saga_id).await?.into()), replayed })
    }

    async fn retry(&self, call: &Call, request: RetrySagaRequest) -> Result<RetrySagaResponse, Problem> {
        let saga_id = requests::saga_id(&request.saga_id)?;
        let essence = RetrySagaRequest { idempotency_key: None, ..request.clone() };
        let claim = call.claim(&essence, request.idempotency_key.as_deref())?;
        let note = requests::note(request.reason)?;
        let replayed = self.service.retry_saga(saga_id, note, claim).await?;
        Ok(RetrySagaResponse { saga: Some(self.service.saga_view(saga_id).await?.into()), replayed })
    }

    async fn list(&self, request: ListSagasRequest) -> Result<ListSagasResponse, Problem> {
        let (filter, limit, page) = requests::list(request)?;
        let mut rows = self.service.queries().sagas.sagas(filter, page).await.map_err(ServiceError::from)?;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next_page_token = rows.last().filter(|_| more).map(|row| row.id.to_string()).unwrap_or_default();
        Ok(ListSagasResponse { sagas: rows.into_iter().map(Saga::from).collect(), next_page_token })
    }
}

/// What is told of a saga, message by message: what was found and not sent yet, and who finds what follows.
struct Watching {
    call: Call,
    found: std::vec::IntoIter<Update>,
    follower: Option<Follower>,
}

impl Watching {
    async fn go_on(mut self) -> Option<(Result<WatchSagaResponse, Status>, Self)> {
        loop {
            if let Some(update) = self.found.next() {
                return Some((Ok(WatchSagaResponse { update: Some(update) }), self));
            }
            let mut follower = self.follower.take()?;
            let found = match follower.next().await {
                Ok(Followed::Stopping) => {
                    let stopping = Problem::new(Code::Unavailable, "the server is stopping; go on with after_seq");
                    return Some((Err(self.call.refuse(&stopping)), self));
                }
                Ok(found) => found,
                Err(error) => return Some((Err(self.call.refuse(&problem(error))), self)),
            };
            self.take_in(found, follower);
        }
    }

    /// Takes in what was found. Where there is more to come, `follower` will find it.
    fn take_in(&mut self, found: Followed, follower: Follower) {
        let updates = match found {
            Followed::Events(events) => {
                self.follower = Some(follower);
                events.into_iter().map(|event| Update::Event(SagaEvent::from(event))).collect()
            }
            Followed::Rests(view) => vec![Update::Rest(Saga::from(*view))],
            Followed::Stopping => Vec::new(),
        };
        self.found = updates.into_iter();
    }
}

macro_rules! method {
    ($name:literal) => {
        concat!("backstitch.v1.SagaService/", $name)
    };
}

#[async_trait]
impl SagaService for Sagas {
    async fn place_order(&self, request: Request<PlaceOrderRequest>) -> Result<Response<PlaceOrderResponse>, Status> {
        let (call, message) = Call::of(method!("PlaceOrder"), request);
        let answer = self.place(&call, message).await;
        call.answer(answer)
    }

    async fn get_saga(&self, request: Request<GetSagaRequest>) -> Result<Response<GetSagaResponse>, Status> {
        let (call, message) = Call::of(method!("GetSaga"), request);
        call.answer(self.get(message).await)
    }

    type WatchSagaStream = BoxStream<'static, Result<WatchSagaResponse, Status>>;

    async fn watch_saga(&self, request: Request<WatchSagaRequest>) -> Result<Response<Self::WatchSagaStream>, Status> {
        let (call, WatchSagaRequest { saga_id, after_seq }) = Call::of(method!("WatchSaga"), request);
        let from = after_seq.map_or(0, |seq| seq.saturating_add(1));
        let begun = requests::saga_id(&saga_id).and_then(|id| Ok(self.service.follow(id, from)?));
        let mut follower = begun.map_err(|problem| call.refuse(&problem))?;
        // What cannot be followed at all is the call's failure and not its stream's.
        let first = follower.look().await.map_err(|error| call.refuse(&problem(error)))?;
        let mut watching = Watching { call, found: Vec::new().into_iter(), follower: None };
        match first {
            Some(found) => watching.take_in(found, follower),
            None => watching.follower = Some(follower),
        }
        Ok(Response::new(stream::unfold(watching, Watching::go_on).boxed()))
    }

    async fn cancel_saga(&self, request: Request<CancelSagaRequest>) -> Result<Response<CancelSagaResponse>, Status> {
        let (call, message) = Call::of(method!("CancelSaga"), request);
        let answer = self.cancel(&call, message).await;
        call.answer(answer)
    }

    async fn retry_saga(&self, request: Request<RetrySagaRequest>) -> Result<Response<RetrySagaResponse>, Status> {
        let (call, message) = Call::of(method!("RetrySaga"), request);
        let answer = self.retry(&call, message).await;
        call.answer(answer)
    }

    async fn list_sagas(&self, request: Request<ListSagasRequest>) -> Result<Response<ListSagasResponse>, Status> {
        let (call, message) = Call::of(method!("ListSagas"), request);
        call.answer(self.list(message).await)
    }

    async fn list_orders(&self, request: Request<ListOrdersRequest>) -> Result<Response<ListOrdersResponse>, Status> {
        let (call, message) = Call::of(method!("ListOrders"), request);
        call.answer(orders::list(&self.service, message).await)
    }

    async fn list_payments(
        &self,
        request: Request<ListPaymentsRequest>,
    ) -> Result<Response<ListPaymentsResponse>, Status> {
        let (call, message) = Call::of(method!("ListPayments"), request);
        call.answer(orders::payments(&self.service, message).await)
    }

    async fn list_shipments(
        &self,
        request: Request<ListShipmentsRequest>,
    ) -> Result<Response<ListShipmentsResponse>, Status> {
        let (call, message) = Call::of(method!("ListShipments"), request);
        call.answer(orders::shipments(&self.service, message).await)
    }

    async fn summarize_orders(
        &self,
        request: Request<SummarizeOrdersRequest>,
    ) -> Result<Response<SummarizeOrdersResponse>, Status> {
        let (call, message) = Call::of(method!("SummarizeOrders"), request);
        call.answer(orders::summarize(&self.service, message).await)
    }
}
