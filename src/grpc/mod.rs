//! The gRPC facade: the twin of [`crate::http`] over the same service.
//!
//! ```text
//!   request ─▶ call (request id, idempotency key) ─▶ fields of the domain ─▶ service
//!   response ◀─ message, or status with details ◀──────────────────────────────┘
//! ```
//!
//! Messages, servers and clients are compiled from `proto/` ([`proto`]). Runs on threads of its own, since its
//! connections are many calls at once. Must not hold a rule: what a request means is decided in [`crate::domain`],
//! what it does in [`crate::service`], and what a failure is called there too.

mod answers;
mod call;
mod health;
mod requests;
mod sagas;

/// What `proto/` says, compiled.
#[allow(missing_docs, clippy::pedantic, reason = "generated")]
pub mod proto {
    tonic::include_proto!("backstitch.v1");
    /// All of `proto/`, as a client that asks for it is told.
    pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
}

use crate::{lifecycle::Fatal, service::Service};
use health::Health;
use proto::saga_service_server::SagaServiceServer;
use sagas::Sagas;
use std::{io, net::TcpListener, time::Duration};
use tokio::{runtime, sync::oneshot};
use tonic::{
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
    /// Largest message that is taken, in bytes.
    pub max_message_bytes: usize,
    /// How long a client may take to send a message, and the server to answer it.
    pub answer_timeout: Duration,
    /// How long calls in progress may take once the server is stopping.
    pub shutdown_timeout: Duration,
}

/// A server that serves.
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    served: Option<oneshot::Receiver<()>>,
    runtime: Option<runtime::Runtime>,
    shutdown_timeout: Duration,
}

/// Serves on an open listener until it is stopped.
///
/// # Errors
/// When the listener cannot be used, or no thread can be had.
pub fn serve(listener: TcpListener, options: &Options, service: &Service, fatal: &Fatal) -> io::Result<Server> {
    listener.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(options.workers.max(1))
        .thread_name("grpc")
        .enable_all()
        .build()?;
    let listener = {
        let _guard = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let sagas =
        SagaServiceServer::new(Sagas::new(service.clone())).max_decoding_message_size(options.max_message_bytes);
    let reflection =
        || tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(proto::DESCRIPTORS);
    let health = HealthServer::new(Health::new(service.clone(), fatal.clone(), vec![SAGA_SERVICE]));
    let routes = Routes::new(sagas)
        .add_service(health)
        .add_service(reflection().build_v1().map_err(io::Error::other)?)
        .add_service(reflection().build_v1alpha().map_err(io::Error::other)?);
    let (stop, stopped) = oneshot::channel::<()>();
    let (serving, served) = oneshot::channel::<()>();
    let transport = Transport::builder()
        .max_concurrent_streams(MAX_STREAMS)
        // Until a call's answer begins: a stream may go on for as long as there is something to tell.
        .timeout(options.answer_timeout)
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .add_routes(routes)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async {
            let _ = stopped.await;
        });
    runtime.spawn(async move {
        if let Err(error) = transport.await {
            tracing::error!(%error, "the gRPC server has ended");
        }
        drop(serving);
    });
    let shutdown_timeout = options.shutdown_timeout;
    Ok(Server { stop: Some(stop), served: Some(served), runtime: Some(runtime), shutdown_timeout })
}

/// The service's name, as reflection and health know it.
const SAGA_SERVICE: &str = <SagaServiceServer<Sagas> as tonic::server::NamedService>::NAME;

impl Server {
    /// Takes no more calls, and waits until those in progress have ended, as long as they may take.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        if let Some(served) = self.served.take() {
            let _ = tokio::time::timeout(self.shutdown_timeout, served).await;
        }
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
