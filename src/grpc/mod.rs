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
mod orders;
mod peers;
mod requests;
mod sagas;
mod unread;

pub use peers::PeerDoor;

use crate::{lifecycle::Fatal, peers::Identity, proto, role::Role, service::Service};
use direct::Direct;
use futures::future::join_all;
use health::Health;
use peers::Peers;
use proto::{
    order::order_service_server::OrderServiceServer, payment::payment_service_server::PaymentServiceServer,
    peer::peer_service_server::PeerServiceServer, saga_service_server::SagaServiceServer,
    shipping::shipping_service_server::ShippingServiceServer,
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
    transport::{Certificate, Server as Transport, ServerTlsConfig, server::TcpIncoming},
};
use tonic_health::pb::health_server::HealthServer;
use tower::util::MapResponseLayer;

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

/// The full name of the service that a role has a port for.
pub const fn service_of(role: Role) -> &'static str {
    match role {
        Role::Order => OrderServiceServer::<Direct>::NAME,
        Role::Stock => PeerServiceServer::<Peers>::NAME,
        Role::Payment => PaymentServiceServer::<Direct>::NAME,
        Role::Shipping => ShippingServiceServer::<Direct>::NAME,
        Role::Coordinator => SagaServiceServer::<Sagas>::NAME,
    }
}

/// What is served on a role's port: its service, beside health and reflection, and what other processes ask.
fn routes(role: Role, service: &Service, door: Option<&PeerDoor>, fatal: &Fatal, limit: usize) -> io::Result<Routes> {
    let direct = || Direct::new(service.clone());
    let name = service_of(role);
    let mut routes = Routes::default();
    routes = match role {
        Role::Order => routes.add_service(OrderServiceServer::new(direct()).max_decoding_message_size(limit)),
        Role::Stock => routes,
        Role::Payment => routes.add_service(PaymentServiceServer::new(direct()).max_decoding_message_size(limit)),
        Role::Shipping => routes.add_service(ShippingServiceServer::new(direct()).max_decoding_message_size(limit)),
        Role::Coordinator => {
            let sagas = Sagas::new(service.clone());
            routes.add_service(SagaServiceServer::new(sagas).max_decoding_message_size(limit))
        }
    };
    if let Some(door) = door {
        routes = routes.add_service(Peers::server(door.clone()));
    }
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name(name)
            .with_service_name("grpc.health.v1.Health")
    };
    let health = HealthServer::new(Health::new(service.clone(), fatal.clone(), vec![name]));
    Ok(routes
        .add_service(health)
        .add_service(reflection().build_v1().map_err(io::Error::other)?)
        .add_service(reflection().build_v1alpha().map_err(io::Error::other)?))
}

/// TLS as an installation's processes speak it: other clients need no certificate of their own.
fn tls(identity: &Identity, patience: Duration) -> ServerTlsConfig {
    let Identity { authority, certificate, key } = identity;
    ServerTlsConfig::new()
        .identity(tonic::transport::Identity::from_pem(certificate, key))
        .client_ca_root(Certificate::from_pem(authority))
        .client_auth_optional(true)
        .timeout(patience)
}

/// A server that serves.
pub struct Server {
    stop: watch::Sender<bool>,
    served: Vec<JoinHandle<()>>,
    runtime: Option<runtime::Runtime>,
    shutdown_timeout: Duration,
}

/// Serves on open listeners until it is stopped; to other processes, too, where there is a door for them.
///
/// # Errors
/// When a listener or a certificate cannot be used, or no thread can be had.
pub fn serve(
    listeners: Vec<(Role, TcpListener)>,
    options: &Options,
    service: &Service,
    door: Option<&PeerDoor>,
    fatal: &Fatal,
) -> io::Result<Server> {
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(options.workers.max(1))
        .thread_name("grpc")
        .enable_all()
        .build()?;
    let (stop, stopping) = watch::channel(false);
    let mut served = Vec::with_capacity(listeners.len());
    for (role, listener) in listeners {
        listener.set_nonblocking(true)?;
        let listener = {
            let _guard = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        let mut stopping = stopping.clone();
        let places = Arc::new(Semaphore::new(options.max_connections));
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let accepted = connections::accept(incoming, places, options.request_timeout);
        let mut transport = Transport::builder();
        if let Some(identity) = door.and_then(|door| door.identity.as_ref()) {
            transport = transport.tls_config(tls(identity, options.request_timeout)).map_err(io::Error::other)?;
        }
        let transport = transport
            .max_concurrent_streams(MAX_STREAMS)
            // Until a call's answer begins: a stream may go on for as long as there is something to tell.
            .timeout(options.answer_timeout)
            .http2_keepalive_interval(Some(KEEPALIVE.0))
            .http2_keepalive_timeout(Some(KEEPALIVE.1))
            .layer(MapResponseLayer::new(unread::explain))
            .add_routes(routes(role, service, door, fatal, options.max_message_bytes)?)
            .serve_with_incoming_shutdown(accepted, async move {
                let _ = stopping.wait_for(|stopping| *stopping).await;
            });
        served.push(runtime.spawn(async move {
            if let Err(error) = transport.await {
                tracing::error!(%error, service = service_of(role), "the gRPC server has ended");
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
