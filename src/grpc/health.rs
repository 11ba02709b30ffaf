//! The standard health service: as ready as `/readyz` says.

use super::call::Call;
use crate::{
    lifecycle::Fatal,
    service::{Code, Problem, Service},
};
use futures::stream::{self, BoxStream, StreamExt};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, async_trait};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health as Standard,
};

/// How often a client that watches is told, at most: each time is a question to the coordinator and to the store.
const EVERY: Duration = Duration::from_secs(1);

/// Clients that may watch one port at once: each has the server look every second.
const MOST_WATCHERS: usize = 64;

/// Says whether the services on this port are ready.
#[derive(Clone)]
pub(super) struct Health {
    service: Service,
    fatal: Fatal,
    places: Arc<Semaphore>,
    known: Vec<&'static str>,
}

impl Health {
    /// Of the services of these names, and of the server as a whole, which has none.
    pub(super) fn new(service: Service, fatal: Fatal, known: Vec<&'static str>) -> Self {
        Self { service, fatal, places: Arc::new(Semaphore::new(MOST_WATCHERS)), known }
    }

    fn knows(&self, name: &str) -> bool {
        name.is_empty() || self.known.contains(&name)
    }

    async fn status(&self) -> ServingStatus {
        match self.service.ready(&self.fatal).await {
            Ok(()) => ServingStatus::Serving,
            Err(_) => ServingStatus::NotServing,
        }
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[async_trait]
impl Standard for Health {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let HealthCheckRequest { service } = request.into_inner();
        if !self.knows(&service) {
            return Err(Status::not_found(format!("there is no service {service:?} here")));
        }
        Ok(Response::new(answer(self.status().await)))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    /// A service that is not known may be one day: the protocol wants it watched.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let problem = Problem::new(Code::TooManyWatchers, "too many clients watch already; call Check instead");
            let (call, _) = Call::of("grpc.health.v1.Health/Watch", request);
            return Err(call.refuse(&problem));
        };
        let known = self.knows(&request.into_inner().service);
        let changes = stream::unfold((self.clone(), None, place), move |(health, told, place)| async move {
            let mut told: Option<ServingStatus> = told;
            loop {
                if health.service.is_stopping() {
                    return None;
                }
                let status = if known { health.status().await } else { ServingStatus::ServiceUnknown };
                if told != Some(status) {
                    return Some((Ok(answer(status)), (health, Some(status), place)));
                }
                told = Some(status);
                tokio::time::sleep(EVERY).await;
            }
        });
        Ok(Response::new(changes.boxed()))
    }
}
