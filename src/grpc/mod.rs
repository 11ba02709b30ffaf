//! The gRPC facade: the twin of [`crate::http`] over the same service.
//!
//! ```text
//!   request ─▶ call (request id, idempotency key) ─▶ fields of the domain ─▶ service
//!   response ◀─ message, or status with details ◀──────────────────────────────┘
//! ```
//!
//! Messages, servers and clients are compiled from `proto/` ([`crate::proto`]). Runs on threads of its own, since its
//! connections are many calls at once. Must not hold a rule: what a request means is decided in [`crate::domain`],
//! what it does in [`crate::service`], and what a failure is called there too.

mod answers;
mod call;
mod connections;
mod direct;
mod health;
mod requests;
mod sagas;

use crate::{lifecycle::Fatal, proto, service::Service};
use direct::Direct;
use futures::future::join_all;
use health::Health;
use proto::{
    order::order_service_server::OrderServiceServer, payment::payment_service_server::PaymentServiceServer,
    saga_service_server::SagaServiceServer, shipping::shipping_service_server::ShippingServiceServer,
};
use sagas::Sagas;
use std::{io, net::TcpListener, sync::Arc, time::Duration};
use tokio::{
    runtime,
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tonic::{
    server::NamedService,
    service::Routes,
    transport::{Server as Transport, server::TcpIncoming},
};
use tonic_health::pb::health_server::HealthServer;

/// Calls that a connection may have under way at once. Who waits for a saga's end occupies one of them, and a client
/// multiplexes over few connections.
const MAX_STREAMS: u32 = 512;
/// How often a silent connection is asked whether it is still there, and how long it may take to answer.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// How the server behaves towards its clients.
#[derive(Clone, Debug)]
pub struct Options {
    /// Threads, at least 1.
    pub workers: usize,
    /// Connections at once on each port; others wait for their turn.
    pub max_connections: usize,
    /// How long a connection may be silent at first.
    pub request_timeout: Duration,
    /// Largest message that is taken, in bytes.
    pub max_message_bytes: usize,
    /// How long a client may take to send a message, and the server to answer it.
    pub answer_timeout: Duration,
    /// How long calls in progress may take once the server is stopping.
    pub shutdown_timeout: Duration,
}

/// What is served on a port: a service, beside health and reflection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Port {
    /// `order.OrderService`.
    Order,
    /// `payment.PaymentService`.
    Payment,
    /// `shipping.ShippingService`.
    Shipping,
    /// `backstitch.v1.SagaService`.
    Saga,
}

impl Port {
    /// The service's full name.
    pub const fn service(self) -> &'static str {
        match self {
            Self::Order => OrderServiceServer::<Direct>::NAME,
            Self::Payment => PaymentServiceServer::<Direct>::NAME,
            Self::Shipping => ShippingServiceServer::<Direct>::NAME,
            Self::Saga => SagaServiceServer::<Sagas>::NAME,
        }
    }

    fn routes(self, service: &Service, fatal: &Fatal, limit: usize) -> io::Result<Routes> {
        let direct = || Direct::new(service.clone());
        let routes = match self {
            Self::Order => Routes::new(OrderServiceServer::new(direct()).max_decoding_message_size(limit)),
            Self::Payment => Routes::new(PaymentServiceServer::new(direct()).max_decoding_message_size(limit)),
            Self::Shipping => Routes::new(ShippingServiceServer::new(direct()).max_decoding_message_size(limit)),
            Self::Saga => {
                Routes::new(SagaServiceServer::new(Sagas::new(service.clone())).max_decoding_message_size(limit))
            }
        };
        let reflection = || {
            tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .with_service_name(self.service())
                .with_service_name("grpc.health.v1.Health")
        };
        let health = HealthServer::new(Health::new(service.clone(), fatal.clone(), vec![self.service()]));
        Ok(routes
            .add_service(health)
            .add_service(reflection().build_v1().map_err(io::Error::other)?)
            .add_service(reflection().build_v1alpha().map_err(io::Error::other)?))
    }
}

/// A server that serves.
pub struct Server {
    stop: watch::Sender<bool>,
    served: Vec<JoinHandle<()>>,
    runtime: Option<runtime::Runtime>,
    shutdown_timeout: Duration,
}

/// Serves on open listeners until it is stopped.
///
/// # Errors
/// When a listener cannot be used, or no thread can be had.
pub fn serve(
    listeners: Vec<(Port, TcpListener)>,
    options: &Options,
    service: &Service,
    fatal: &Fatal,
) -> io::Result<Server> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(options.workers.max(1))
        .thread_name("grpc")
        .enable_all()
        .build()?;
    let (stop, stopping) = watch::channel(false);
    let mut served = Vec::with_capacity(listeners.len());
    for (port, listener) in listeners {
        listener.set_nonblocking(true)?;
        let listener = {
            let _guard = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let mut stopping = stopping.clone();
        let places = Arc::new(Semaphore::new(options.max_connections));
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let accepted = connections::accept(incoming, places, options.request_timeout);
        let transport = Transport::builder()
            .max_concurrent_streams(MAX_STREAMS)
            // Until a call's answer begins: a stream may go on for as long as there is something to tell.
            .timeout(options.answer_timeout)
            .http2_keepalive_interval(Some(KEEPALIVE.0))
            .http2_keepalive_timeout(Some(KEEPALIVE.1))
            .add_routes(port.routes(service, fatal, options.max_message_bytes)?)
            .serve_with_incoming_shutdown(accepted, async move {
                let _ = stopping.wait_for(|stopping| *stopping).await;
            });
        served.push(runtime.spawn(async move {
            if let Err(error) = transport.await {
                tracing::error!(%error, service = port.service(), "the gRPC server has ended");
            }
        }));
    }
    Ok(Server { stop, served, runtime: Some(runtime), shutdown_timeout: options.shutdown_timeout })
}

impl Server {
    /// Takes no more calls, and waits until those in progress have ended, as long as they may take.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        let served = join_all(std::mem::take(&mut self.served));
        let _ = tokio::time::timeout(self.shutdown_timeout, served).await;
    }
}

/// What is still in progress is given up: a runtime must not wait for its threads on one of another's.
impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
