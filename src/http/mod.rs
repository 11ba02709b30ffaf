//! The HTTP facade: wire types in, domain types through, wire types out.
//!
//! ```text
//!   request ─▶ request id ─▶ extractors (limits, JSON, ids, keys) ─▶ handler ─▶ service
//!   response ◀─ problem completed ◀──────────────────────────────── envelope ◀─┘
//! ```
//!
//! One file per resource, each with its wire types and its routes. Must not hold a rule: what a
//! request means is decided in [`crate::domain`], what it does in [`crate::service`].

mod admin;
mod attend;
mod body;
mod connection;
mod credential;
mod envelope;
mod idempotency;
mod notifications;
mod offers;
mod openapi;
mod operations;
mod orders;
mod outside;
mod params;
mod payments;
mod places;
mod problem;
mod products;
mod reports;
mod request_id;
mod resto;
mod saga_log;
mod sagas;
mod shipments;
mod shops;
mod slashes;
mod stock;
mod variants;
mod warehouses;
mod wire;

pub use idempotency::FleetingClaims;
pub use openapi::document as openapi_document;

use crate::{
    credential::Credential,
    dialect::{UnknownFields, Vocabulary},
    domain::payment::Provider,
    lifecycle::Fatal,
    role::{Role, Roles},
    service::{Code, Problem, Service},
    telemetry::Metrics,
};
use actix_http::{HttpService, KeepAlive};
use actix_service::{ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{
    App, HttpResponse, Route,
    dev::{AppConfig, Server},
    guard,
    http::{Method, header},
    middleware::from_fn,
    rt::net::TcpStream,
    web,
};
use connection::{Bounds, Conduct, Connection};
use places::Places;
use std::{future::ready, io, net::TcpListener, rc::Rc, sync::Arc, time::Duration};

/// Room for a request's head and for what is around a chunked body.
const HEAD_BYTES: u64 = 256 * 1024;

/// How the server behaves towards its clients.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads, at least 1.
    pub workers: usize,
    /// How long a client may take to send a request's head.
    pub request_timeout: Duration,
    /// How long an idle connection is kept.
    pub keep_alive: Duration,
    /// Most connections at once, over all workers.
    pub max_connections: usize,
    /// How long requests in progress may take once the server is stopping.
    pub shutdown_timeout: Duration,
}

/// What handlers work with.
#[derive(Clone)]
pub struct Context {
    /// The product.
    pub service: Service,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// How long a client may take to send a body.
    pub request_timeout: Duration,
    /// Renders the metrics.
    pub metrics: Metrics,
    /// Whether the process is about to end.
    pub fatal: Fatal,
    /// What services of one's own say to be believed, if any are.
    pub credential: Option<Credential>,
    /// What payment services outside say to be believed of payments that they take, by their names.
    pub reporters: Arc<[(Provider, Credential)]>,
    /// What becomes of fields that nobody knows.
    pub unknown_fields: UnknownFields,
    /// Whether a path with a slash at its end is the path without it.
    pub trailing_slashes: bool,
    /// The words in which orders and payments are told.
    pub vocabulary: Vocabulary,
    /// Idempotency keys of crashes on purpose, which are no more durable than what they do.
    pub crash_claims: FleetingClaims,
}

/// Which resources are served on an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resources {
    /// All that these roles have: a coordinator has everybody's.
    Of(Roles),
    /// Payments, and nothing that operators need.
    Payments,
    /// Payments of orders that live in somebody else's order service.
    Resto,
}

impl Resources {
    fn routes(self, config: &mut web::ServiceConfig) {
        match self {
            Self::Of(roles) => routes_of(roles, config),
            Self::Payments => payments::routes(config),
            Self::Resto => return resto::routes(config),
        }
        config.default_service(web::to(problem::no_such_path));
    }
}

/// The routes of these roles.
fn routes_of(roles: Roles, config: &mut web::ServiceConfig) {
    let serves = |role| roles.contains(Role::Coordinator) || roles.contains(role);
    if serves(Role::Order) {
        orders::routes(config);
        reports::order_routes(config);
    }
    if serves(Role::Payment) {
        payments::routes(config);
        notifications::routes(config);
        reports::user_routes(config);
    }
    if serves(Role::Shipping) {
        shipments::routes(config);
    }
    if serves(Role::Stock) {
        stock::routes(config);
        products::routes(config);
        variants::routes(config);
        shops::routes(config);
        offers::routes(config);
        warehouses::routes(config);
    }
    if roles.contains(Role::Coordinator) {
        sagas::routes(config);
        saga_log::routes(config);
        admin::audit_routes(config);
    }
    admin::routes(config);
    operations::routes(config);
    openapi::routes(config);
}

/// Serves resources on an open listener until it is stopped.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    resources: Resources,
    options: &Options,
    context: web::Data<Context>,
) -> io::Result<Server> {
    let places = Places::new(options.max_connections);
    let connections = places.connections();
    let workers = options.workers.max(1);
    let bounds = Bounds {
        request: options.request_timeout,
        // The framework closes an idle connection politely, a moment earlier.
        idle: options.keep_alive + Duration::from_secs(1),
        write: options.request_timeout,
        // A chunk of one byte takes six.
        request_bytes: context.max_body_bytes as u64 * 8 + HEAD_BYTES,
    };
    let keep_alive = KeepAlive::Timeout(options.keep_alive);
    let builder = actix_server::Server::build();
    let stopping = builder.graceful_shutdown_signal();
    let name = format!("http-{}", listener.local_addr()?);
    let factory = move || {
        let app = App::new()
            .app_data(web::Data::clone(&context))
            .wrap(from_fn(attend::attend))
            .wrap(from_fn(slashes::trim))
            .wrap(from_fn(request_id::complete))
            .configure(|config| resources.routes(config));
        let app = map_config(app, |()| AppConfig::default()).map_err(|error: actix_web::Error| error.error_response());
        let stopping = stopping.clone();
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(keep_alive)
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(Duration::from_secs(1))
            .on_connect_ext(|connection: &Connection, shared| {
                shared.insert(Rc::clone(connection.conduct()));
            })
            .h1(app);
        let places = Arc::clone(&places);
        let connect = move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            let conduct = Conduct::new(Arc::clone(&places));
            ready(Ok((Connection::new(stream, conduct, bounds), peer)))
        };
        fn_service(connect).and_then(http)
    };
    let server = builder
        .workers(workers)
        .max_concurrent_connections(connections.div_ceil(workers))
        .shutdown_timeout(options.shutdown_timeout.as_secs().max(1))
        .disable_signals()
        .listen(name, listener, factory)?
        .run();
    Ok(server)
}

/// Registers a path with its methods: HEAD where there is GET, and OPTIONS, which says which there are; so does a 405.
fn resource<const N: usize>(config: &mut web::ServiceConfig, path: &str, routes: [(Method, Route); N]) {
    let mut allowed: Vec<_> = routes.iter().map(|(method, _)| method.to_string()).collect();
    let mut resource = web::resource(path);
    for (method, route) in routes {
        resource = if method == Method::GET {
            allowed.push("HEAD".to_owned());
            resource.route(route.guard(guard::Any(guard::Get()).or(guard::Head())))
        } else {
            resource.route(route.method(method))
        };
    }
    allowed.push("OPTIONS".to_owned());
    let allowed = allowed.join(", ");
    let answer = move |method: Method| {
        let allowed = allowed.clone();
        async move {
            let mut response = match method {
                Method::OPTIONS => HttpResponse::NoContent().finish(),
                _ => HttpResponse::from_error(Problem::from(Code::MethodNotAllowed)),
            };
            if let Ok(allowed) = header::HeaderValue::from_str(&allowed) {
                response.headers_mut().insert(header::ALLOW, allowed);
            }
            response
        }
    };
    config.service(resource.default_service(web::to(answer)));
}
