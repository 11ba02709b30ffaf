//! The composition root: settings → store → actors → servers, and the way back.
//!
//! ```text
//!   start:  listen · open the store · start the actors (recovery begins) · serve
//!   stop:   stop listening · answer who waits · drain the sagas in hand · flush and close the store
//! ```
//!
//! The port is taken first, so that a second server fails before it touches the database.

pub mod health;
mod housekeeping;

use crate::{
    actors::{self, Actors, Cast},
    credential::Credential,
    domain::payment::Provider,
    grpc::{self, PeerDoor},
    http::{self, Resources},
    lifecycle::Fatal,
    peers::{Identity, Peer, PeerOptions, Router, answer_pings, answer_queries, facts_beside},
    providers::{Providers, Receivers},
    role::{Role, Roles},
    service::{MAX_WAIT_SECONDS, Service},
    settings::{self, Grpc, PostgresUrl, Settings, SslPolicy, StoreUrl},
    store::{
        self, Database, FactSource, Store,
        postgres::{self, Certificate},
        sqlite,
    },
    telemetry::Metrics,
};
use actix_rt::Arbiter;
use actix_web::web;
use anyhow::{Context as _, bail};
use futures::future::{join_all, select_all};
use housekeeping::Housekeeping;
use socket2::{Domain, Socket, Type};
use std::{
    fs,
    future::Future,
    io,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;

/// How long sagas in hand may take to come to rest or to wait, once the server has stopped listening.
const DRAIN_BOUND: Duration = Duration::from_secs(5);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 2048;

/// A server that listens and works.
pub struct App {
    address: SocketAddr,
    further_addresses: Vec<(Resources, SocketAddr)>,
    servers: Vec<actix_web::dev::Server>,
    grpc_addresses: Vec<(Role, SocketAddr)>,
    grpc: Option<grpc::Server>,
    store: Store,
    actors: Actors,
    arbiter: Arbiter,
    fatal: Fatal,
    stopping: watch::Sender<bool>,
    housekeeping: Housekeeping,
}

/// The database that the settings name, and how they have it opened.
pub fn database(settings: &Settings) -> Database {
    match &settings.store.url {
        StoreUrl::Sqlite { path } => Database::Sqlite(sqlite::Options {
            path: path.clone(),
            owners: settings.node.roles,
            cache_mib: settings.store.cache_mib,
            readers: settings.store.readers,
            max_batch: settings.store.max_batch,
        }),
        StoreUrl::Postgres(url) => Database::Postgres(Box::new(postgres::Options {
            address: address(url),
            owners: settings.node.roles,
            pool_size: settings.store.pool_size,
            pool_timeout: settings.store.pool_timeout,
            max_batch: settings.store.max_batch,
            node: settings.node.id.clone(),
            lease: settings.node.lease,
        })),
    }
}

fn address(url: &PostgresUrl) -> postgres::Address {
    let certificate = match (url.ssl, &url.root_certificates) {
        (SslPolicy::VerifyFull, Some(roots)) => Certificate::ChainAndHost(roots.clone()),
        (SslPolicy::VerifyCa, Some(roots)) => Certificate::Chain(roots.clone()),
        _ => Certificate::Unchecked,
    };
    postgres::Address { server: url.connection.clone(), certificate }
}

/// Takes an address, with room for the clients of a whole shop to connect at the same moment: with the
/// standard library's short queue, 256 of them had a second to wait for each connection that was dropped.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Takes the address that a setting names; the port is the one that was given out when port 0 was asked for.
fn take(setting: &str, bind: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = listen(bind).with_context(|| format!("cannot listen on {bind}; set {setting} to a free address"))?;
    let address = listener.local_addr().context("the listener has no address")?;
    Ok((listener, address))
}

/// Takes the further addresses that HTTP is served on, each for some resources alone.
fn take_further(settings: &Settings) -> anyhow::Result<Vec<(Resources, TcpListener, SocketAddr)>> {
    let further = [
        (Resources::Payments, "http.payment_bind", settings.http.payment_bind),
        (Resources::Resto, "resto.bind", settings.resto.bind),
    ];
    let wanted = further.into_iter().filter_map(|(resources, key, bind)| Some((resources, key, bind?)));
    let taken = wanted.map(|(resources, key, bind)| {
        let (listener, address) = take(key, bind)?;
        Ok((resources, listener, address))
    });
    taken.collect()
}

/// Takes the addresses that gRPC is served on: those of the roles that are played here. Of stock nobody is served but other
/// processes.
#[expect(clippy::type_complexity, reason = "two lists")]
fn take_grpc(grpc: &Grpc, roles: Roles) -> anyhow::Result<(Vec<(Role, TcpListener)>, Vec<(Role, SocketAddr)>)> {
    let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
    for role in roles.iter().filter(|role| *role != Role::Stock || !roles.are_all()) {
        if let Some(bind) = grpc.bind_of(role) {
            let (listener, address) = take(Grpc::bind_key(role), bind)?;
            listeners.push((role, listener));
            addresses.push((role, address));
        }
    }
    Ok((listeners, addresses))
}

/// The certificates by which the processes of the installation know each other, where they do.
fn identity(settings: &settings::Peers) -> anyhow::Result<Option<Identity>> {
    let Some(files) = &settings.certificates else { return Ok(None) };
    let read = |key: &str, file: &Path| fs::read(file).with_context(|| format!("cannot read {key} {}", file.display()));
    Ok(Some(Identity {
        authority: read("peers.authority", &files.authority)?,
        certificate: read("peers.certificate", &files.certificate)?,
        key: read("peers.key", &files.key)?,
    }))
}

/// The processes that play the roles that this one asks something of. Must be called on a runtime that goes on: it carries
/// what they are asked.
///
/// # Errors
/// When an address, the secret or a certificate cannot be used.
pub fn peers(settings: &Settings) -> anyhow::Result<Vec<Peer>> {
    let identity = identity(&settings.peers)?;
    let peers = settings.node.roles.peers().filter_map(|role| Some((role, settings.peers.urls.get(&role)?)));
    let peers = peers.map(|(role, url)| {
        Peer::new(PeerOptions {
            role,
            url: url.clone(),
            secret: settings.peers.secret.as_ref().map(|secret| secret.reveal().to_owned()),
            identity: identity.clone(),
            timeout: settings.peers.timeout,
        })
    });
    Ok(peers.collect::<Result<_, _>>()?)
}

/// What an audit looks at: these facts of this process's database, and those of all others.
///
/// # Errors
/// When this process does not know where some are, or as [`peers`].
pub fn facts(settings: &Settings, here: Arc<dyn FactSource>) -> anyhow::Result<Arc<dyn FactSource>> {
    let roles = settings.node.roles;
    if roles.are_all() {
        return Ok(here);
    }
    let peers = peers(settings)?;
    if let Some(missing) =
        Roles::ALL.iter().find(|role| !roles.contains(*role) && roles.peers().all(|peer| peer != *role))
    {
        bail!(
            "an audit looks at what every role has stored, and a process of the roles {roles} asks nothing of the \
             {missing}; run it with the settings of the coordinator"
        );
    }
    Ok(facts_beside(here, &peers))
}

/// Those who are told of payments, where this process has them.
fn receivers(settings: &Settings) -> anyhow::Result<Receivers> {
    let told = settings.notifications.iter().filter(|_| settings.node.roles.contains(Role::Payment));
    Receivers::new(told.map(|(name, receiver)| (*name, receiver))).context("cannot tell others of payments")
}

/// How other processes ask this one, where they do.
/// The payment services that report payments themselves, and what they say to be believed.
fn reporters(settings: &Settings) -> Arc<[(Provider, Credential)]> {
    let services = settings.providers.payment.iter();
    services.filter_map(|(provider, service)| Some((*provider, Credential::of(service.report_secret()?)))).collect()
}

fn door(settings: &Settings, store: &Store, actors: &Actors, service: &Service) -> anyhow::Result<Option<PeerDoor>> {
    let roles = settings.node.roles;
    if roles.are_all() {
        return Ok(None);
    }
    let mut router = Router::default();
    answer_pings(&mut router, roles);
    answer_queries(&mut router, roles, &store.queries());
    actors::answer(&mut router, roles, actors);
    service.answer(&mut router, roles);
    Ok(Some(PeerDoor {
        roles,
        router: Arc::new(router),
        facts: Arc::clone(&store.facts),
        secret: settings.peers.secret.as_ref().map(|secret| Credential::of(secret.reveal())),
        identity: identity(&settings.peers)?,
    }))
}

impl App {
    /// Starts everything that the settings ask for.
    ///
    /// # Errors
    /// When an address is taken, or the database cannot be opened or migrated.
    pub fn start(settings: &Settings, metrics: Metrics) -> anyhow::Result<Self> {
        let (listener, address) = take("http.bind", settings.http.bind)?;
        let further = take_further(settings)?;
        let roles = settings.node.roles;
        let (grpc_listeners, grpc_addresses) = take_grpc(&settings.grpc, roles)?;
        let peers = peers(settings)?;
        let cast = Cast { roles, peers: &peers };
        let fatal = Fatal::default();
        let store = store::open(&database(settings), &fatal)?;
        let arbiter = Arbiter::new();
        let payments = settings.providers.payment.iter().map(|(name, service)| (*name, service));
        let carriers = settings.providers.shipping.iter().map(|(name, service)| (*name, service));
        let providers = Providers::new(payments, carriers).context("cannot call services outside")?;
        let providers = providers.telling(receivers(settings)?);
        let (node, in_flight) = (settings.node.id.clone(), settings.saga.max_in_flight);
        let actors = Actors::start(&arbiter.handle(), &store, cast, providers, node, in_flight, &fatal);
        let (stopping, stopping_seen) = watch::channel(false);
        let service = Service::new(store.clone(), actors.clone(), &settings.node.id, settings.policy(), stopping_seen);
        let service = service.beside(&peers);
        let door = door(settings, &store, &actors, &service)?;
        let context = web::Data::new(http::Context {
            service: service.clone(),
            max_body_bytes: settings.http.max_body_bytes,
            request_timeout: settings.http.request_timeout,
            metrics,
            fatal: fatal.clone(),
            credential: settings.http.service_secret.as_ref().map(|secret| Credential::of(secret.reveal())),
            reporters: reporters(settings),
            unknown_fields: settings.http.unknown_fields,
            trailing_slashes: settings.http.trailing_slashes,
            vocabulary: settings.http.vocabulary,
            crash_claims: http::FleetingClaims::default(),
        });
        let options = http::Options {
            workers: settings.http.worker_threads(),
            request_timeout: settings.http.request_timeout,
            keep_alive: settings.http.keep_alive,
            max_connections: settings.http.max_connections,
            shutdown_timeout: settings.http.shutdown_timeout,
        };
        let serve = |listener, resources| {
            http::serve(listener, resources, &options, web::Data::clone(&context)).context("cannot serve HTTP")
        };
        let mut servers = vec![serve(listener, Resources::Of(roles))?];
        let mut further_addresses = Vec::new();
        for (resources, listener, address) in further {
            servers.push(serve(listener, resources)?);
            further_addresses.push((resources, address));
        }
        let grpc_options = grpc::Options {
            workers: settings.http.worker_threads(),
            max_connections: settings.http.max_connections,
            request_timeout: settings.http.request_timeout,
            max_message_bytes: settings.http.max_body_bytes,
            answer_timeout: Duration::from_secs(MAX_WAIT_SECONDS) + settings.http.request_timeout,
            shutdown_timeout: settings.http.shutdown_timeout,
        };
        let grpc = (!grpc_listeners.is_empty())
            .then(|| grpc::serve(grpc_listeners, &grpc_options, &service, door.as_ref(), &fatal));
        let grpc = grpc.transpose().context("cannot serve gRPC")?;
        let housekeeping = Housekeeping::of(settings);
        Ok(Self {
            address,
            further_addresses,
            servers,
            grpc_addresses,
            grpc,
            store,
            actors,
            arbiter,
            fatal,
            stopping,
            housekeeping,
        })
    }

    /// Where it listens; the port is the one that was given out when port 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What else is served over HTTP, each on an address of its own.
    pub fn further_addresses(&self) -> &[(Resources, SocketAddr)] {
        &self.further_addresses
    }

    /// The roles that it serves over gRPC, and where it listens for that.
    pub fn grpc_addresses(&self) -> &[(Role, SocketAddr)] {
        &self.grpc_addresses
    }

    /// Serves until `stop` resolves, then stops gracefully.
    ///
    /// # Errors
    /// When the process must end because it cannot keep its promises any more.
    pub async fn run(self, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
        let servers = self.servers.into_iter().map(|server| (server.handle(), actix_rt::spawn(server)));
        let (handles, servers): (Vec<_>, Vec<_>) = servers.unzip();
        let housekeeping = actix_rt::spawn(self.housekeeping.run(self.store.clone()));
        tokio::select! {
            () = stop => tracing::info!("stopping"),
            why = self.fatal.raised() => bail!("{why}"),
            (ended, ..) = select_all(servers) => bail!("an HTTP server ended by itself: {ended:?}"),
        }
        // Who waits for a saga is answered now; the rest of what is being served may finish.
        self.stopping.send_replace(true);
        let grpc = self.grpc.map(|server| actix_rt::spawn(server.stop()));
        join_all(handles.iter().map(|handle| handle.stop(true))).await;
        if let Some(grpc) = grpc {
            let _ = grpc.await;
        }
        let in_hand = self.actors.drain(DRAIN_BOUND).await;
        if in_hand > 0 {
            tracing::info!(sagas = in_hand, "sagas in hand go on at the next start");
        }
        housekeeping.abort();
        self.store.engine.close().await;
        self.arbiter.stop();
        tracing::info!("stopped");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Sources;

    #[test]
    fn others_are_told_of_payments_by_the_process_that_has_them_alone() {
        let sources = Sources::default().set("notifications.orders.url", "https://shop.example/{order_id}");
        let mut settings = Settings::load(&sources).unwrap();
        for role in Roles::ALL.iter() {
            settings.node.roles = Roles::of([role]);
            let told = receivers(&settings).unwrap().names().count();
            assert_eq!(told, usize::from(role == Role::Payment), "{role}");
        }
    }
}
