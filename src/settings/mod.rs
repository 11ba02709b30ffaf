//! Layered configuration, validated once into one typed value.
//!
//! ```text
//!   built-in defaults < config/default.toml < config/{profile}.toml < --config FILE
//!                     < environment (BACKSTITCH__SECTION__KEY) < flags   ─▶ Settings
//! ```
//!
//! The built-in defaults *are* `config/default.toml`, compiled in: a default is written once, with its
//! explanation. Whatever gets past [`Settings::load`] is valid, so nothing behind it checks again.
//!
//! Owns names, defaults, ranges and precedence. Must not read the process's environment (it is given
//! as pairs) nor act on a setting.

mod layers;
mod notifications;
mod peers;
mod postgres;
mod providers;
mod secret;
#[cfg(test)]
mod tests;
mod value;

pub use layers::Sources;
pub use notifications::Notifications;
pub use peers::{Certificates, Peers};
pub use postgres::{PostgresUrl, SslPolicy};
pub use providers::Providers;
pub use secret::Secret;

use crate::{
    dialect::{UnknownFields, Vocabulary},
    domain::{
        checkout::{MAX_DEADLINE_MS, Policy},
        payment::{ManualNames, Provider},
        shipment::Carrier,
    },
    role::{Role, Roles},
};
use std::{
    borrow::Cow,
    fmt,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    str::FromStr,
    time::Duration,
};
use strum::EnumString;
use tracing_subscriber::EnvFilter;
use value::Values;

/// Everything that can be configured. Fields bear the names of their keys; a duration that is handed
/// to the HTTP server is a [`Duration`] and leaves the unit out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The profile in force (`BACKSTITCH_PROFILE`); default `development`.
    pub profile: String,
    /// The configuration files that were read, lowest first.
    pub files: Vec<PathBuf>,
    /// The REST server.
    pub http: Http,
    /// The gRPC server.
    pub grpc: Grpc,
    /// The listener for somebody else's orders.
    pub resto: Resto,
    /// The database.
    pub store: Store,
    /// The coordinator.
    pub saga: Saga,
    /// Orders.
    pub orders: Orders,
    /// Payments.
    pub payments: Payments,
    /// Services outside.
    pub providers: Providers,
    /// Who is told how payments went.
    pub notifications: Notifications,
    /// The simulation of failures.
    pub simulation: Simulation,
    /// Idempotency keys.
    pub idempotency: Idempotency,
    /// How long what has ended is kept.
    pub retention: Retention,
    /// This process.
    pub node: Node,
    /// The processes beside it.
    pub peers: Peers,
    /// Logs.
    pub telemetry: Telemetry,
}

/// `[http]`: the REST server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// The address and port to listen on; port 0 takes any free one. Default `127.0.0.1:8080`.
    pub bind: SocketAddr,
    /// A second address and port, where payments alone are served; `None`, which is the default, is written as an empty
    /// text.
    pub payment_bind: Option<SocketAddr>,
    /// Threads that serve requests; 0 means one per core ([`Http::worker_threads`]). Default 0.
    pub workers: usize,
    /// Largest request body, in bytes. Default 262,144.
    pub max_body_bytes: usize,
    /// How long a client may take to send its headers, and again its body (`request_timeout_ms`).
    /// Default 10 s.
    pub request_timeout: Duration,
    /// How long an idle connection is kept (`keep_alive_ms`); zero closes it after the answer.
    /// Default 75 s.
    pub keep_alive: Duration,
    /// Most connections open at once, over all workers. Default 10,000.
    pub max_connections: usize,
    /// How long a stop waits for requests that are being served (`shutdown_timeout_ms`). Default 10 s.
    pub shutdown_timeout: Duration,
    /// What services of one's own say (`Authorization: Bearer …`) to be believed without further questions; where it
    /// is set, nobody else settles a payment. Default: there is none.
    pub service_secret: Option<Secret>,
    /// What becomes of fields that nobody knows. Default: they are refused.
    pub unknown_fields: UnknownFields,
    /// Whether a path with a slash at its end is the path without it. Default false.
    pub trailing_slashes: bool,
    /// The words in which orders and payments are told. Default: the product's own.
    pub vocabulary: Vocabulary,
}

impl Http {
    /// How many threads serve requests: as configured, or one per core.
    pub fn worker_threads(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
            workers => workers,
        }
    }
}

impl Grpc {
    /// Where a role is served.
    pub const fn bind_of(&self, role: Role) -> Option<SocketAddr> {
        match role {
            Role::Order => self.order_bind,
            Role::Stock => self.stock_bind,
            Role::Payment => self.payment_bind,
            Role::Shipping => self.shipping_bind,
            Role::Coordinator => self.saga_bind,
        }
    }

    /// The key of that address.
    pub const fn bind_key(role: Role) -> &'static str {
        match role {
            Role::Order => "grpc.order_bind",
            Role::Stock => "grpc.stock_bind",
            Role::Payment => "grpc.payment_bind",
            Role::Shipping => "grpc.shipping_bind",
            Role::Coordinator => "grpc.saga_bind",
        }
    }
}

/// `[grpc]`: the gRPC server. It has as many threads and takes as much as the REST server does. Of each address, port 0
/// takes any free one, and `None`, which is written as an empty text, serves none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grpc {
    /// The address and port of `order.OrderService`. Default `127.0.0.1:50051`.
    pub order_bind: Option<SocketAddr>,
    /// The address and port of `payment.PaymentService`. Default `127.0.0.1:50052`.
    pub payment_bind: Option<SocketAddr>,
    /// The address and port of `shipping.ShippingService`. Default `127.0.0.1:50053`.
    pub shipping_bind: Option<SocketAddr>,
    /// The address and port at which other processes ask this one for stock, where it is apart from them. Default
    /// `127.0.0.1:50054`.
    pub stock_bind: Option<SocketAddr>,
    /// The address and port of `backstitch.v1.SagaService`. Default `127.0.0.1:50055`.
    pub saga_bind: Option<SocketAddr>,
    /// Who takes the money of `ProcessPayment` where its client names nobody: `simulated`, or one of
    /// `[providers.payment]`. Written as an empty text, which is the default, it is the simulation, where that is
    /// enabled.
    pub payment_provider: Option<Provider>,
}

/// `[resto]`: the listener for payments of orders that live in somebody else's order service. It has as many threads and
/// takes as much as the REST server does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resto {
    /// The address and port to listen on; port 0 takes any free one, and `None`, which is written as an empty text and is
    /// the default, serves none.
    pub bind: Option<SocketAddr>,
}

/// `[store]`: the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Where the data is. Default `sqlite:./data/backstitch.db`.
    pub url: StoreUrl,
    /// SQLite: page cache of the writer, in MiB. Default 32.
    pub cache_mib: u32,
    /// SQLite: reader threads, at least 1. Default 2.
    pub readers: usize,
    /// Most commands in one transaction. Default 1,024.
    pub max_batch: usize,
    /// PostgreSQL: most connections for reading, at least 1. Default 4.
    pub pool_size: usize,
    /// PostgreSQL: how long a query waits for a connection (`pool_timeout_ms`). Default 5 s.
    pub pool_timeout: Duration,
}

/// Which database, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `sqlite:PATH`: one file on this machine.
    Sqlite {
        /// The file; a relative path starts at the working directory.
        path: PathBuf,
    },
    /// `postgres://…`: a server that several nodes share.
    Postgres(Box<PostgresUrl>),
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(url: &str) -> Result<Self, StoreUrlError> {
        const ALLOWED: &str =
            "sqlite:PATH, such as sqlite:./data/backstitch.db, or postgres://user:password@host/database";
        if let Some(parsed) = PostgresUrl::parse(url) {
            return parsed.map(|url| Self::Postgres(Box::new(url))).map_err(|allowed| StoreUrlError(allowed.into()));
        }
        let path = url.strip_prefix("sqlite:").ok_or(StoreUrlError(ALLOWED.into()))?;
        let path = path.strip_prefix("//").unwrap_or(path);
        // What SQLite would open as a temporary database, or with fewer promises than ours.
        if path.is_empty() || path.starts_with(':') || path.contains('?') || path.ends_with('/') {
            let allowed = "sqlite:PATH with the path of a file; neither :memory: nor ?parameters";
            return Err(StoreUrlError(allowed.into()));
        }
        Ok(Self::Sqlite { path: PathBuf::from(path) })
    }
}

/// Without a password.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// Why a text names no database. Repeats nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be {0}")]
pub struct StoreUrlError(Cow<'static, str>);

/// `[saga]`: the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saga {
    /// Most sagas of new orders in hand at once; above it, new orders are refused with 503.
    /// Default 4,096.
    pub max_in_flight: usize,
}

/// `[orders]`: orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Orders {
    /// How long an order waits for its payment when it names no deadline, in ms; at most 30 days.
    /// Default 900,000 (15 minutes).
    pub default_payment_deadline_ms: u64,
    /// Whether an order may have lines of free text, which no shop offers and no warehouse has. Default true.
    pub allow_free_text_lines: bool,
    /// Who carries the goods of new orders: `simulated`, which is the default, or one of `[providers.shipping]`.
    pub carrier: Carrier,
}

/// `[payments]`: payments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payments {
    /// What clients call payments whose result somebody reports, beside `manual`. Default: nothing else.
    pub manual_names: ManualNames,
}

/// `[simulation]`: failures on request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Simulation {
    /// Orders may script failures, operators may crash actors. Default: true in the development
    /// profile, false elsewhere.
    pub enabled: bool,
}

/// `[idempotency]`: idempotency keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// How long a key is remembered, in hours. Default 24.
    pub keep_hours: u32,
}

/// `[retention]`: how long what has ended is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days after which a saga that completed or was compensated is removed with its log; `None`, written 0: never.
    /// At least as long as idempotency keys are remembered. Default: never.
    pub days: Option<NonZeroU32>,
}

/// `[node]`: this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its name in the saga log: 1–64 of `A-Z a-z 0-9 . _ -`. Default `node-1`.
    pub id: String,
    /// The roles that it plays (`roles`), of which the others are played by its peers. Default: all.
    pub roles: Roles,
    /// PostgreSQL: how long the sagas of a node that has died or hangs are left to it (`lease_ms`). Default 3 s.
    pub lease: Duration,
}

/// `[telemetry]`: logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telemetry {
    /// What is logged: a level, or a filter per module (a valid `tracing` env-filter).
    /// Default `info`.
    pub log: String,
    /// How a log line looks. Default `auto`.
    pub format: LogFormat,
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum LogFormat {
    /// Human on a terminal, JSON elsewhere.
    Auto,
    /// Text for a person.
    Human,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// What clients may ask for.
    pub fn policy(&self) -> Policy {
        Policy {
            simulation: self.simulation.enabled,
            direct_provider: self.grpc.payment_provider,
            carrier: self.orders.carrier,
            free_text_lines: self.orders.allow_free_text_lines,
            default_deadline_ms: self.orders.default_payment_deadline_ms,
            providers: self.providers.payment.keys().copied().collect(),
            manual_names: self.payments.manual_names.clone(),
        }
    }

    /// Reads all layers and validates what they add up to.
    ///
    /// # Errors
    /// When a file cannot be read, a key is unknown or a value is not allowed; the message says where
    /// it came from.
    pub fn load(sources: &Sources) -> Result<Self, SettingsError> {
        let merged = layers::merge(sources)?;
        let mut values = merged.values;
        let idempotency = Idempotency { keep_hours: values.number("idempotency.keep_hours", 1, 8_760)? };
        let retention = Retention {
            // A repeat under a key that is still remembered is answered from the saga.
            days: values.days_or_never("retention.days", idempotency.keep_hours.div_ceil(24), 36_500)?,
        };
        let simulation = values.switch("simulation.enabled")?;
        let grpc = Grpc::read(&mut values, &merged.providers, simulation)?;
        let roles = values.parsed("node.roles", |roles| {
            roles.parse().map_err(|_| "all, or some of order, stock, payment, shipping and coordinator, with commas")
        })?;
        let settings = Self {
            profile: merged.profile,
            files: merged.files,
            http: Http::read(&mut values, roles)?,
            resto: Resto { bind: payments_address(&mut values, "resto.bind", roles)? },
            peers: Peers::read(&mut values, roles, &grpc)?,
            grpc,
            store: Store::read(&mut values)?,
            saga: Saga { max_in_flight: values.number("saga.max_in_flight", 1, 1_000_000)? },
            orders: Orders {
                default_payment_deadline_ms: values.number("orders.default_payment_deadline_ms", 1, MAX_DEADLINE_MS)?,
                allow_free_text_lines: values.switch("orders.allow_free_text_lines")?,
                carrier: values.parsed("orders.carrier", |name| match name.parse() {
                    _ if name.is_empty() => Ok(if simulation { Carrier::Simulated } else { Carrier::Manual }),
                    Ok(Carrier::Simulated) if !simulation => Err(
                        "manual, or a name of [providers.shipping]: where simulation.enabled is off, the simulation would say \
                         that goods are on their way which nobody sends",
                    ),
                    Ok(carrier @ (Carrier::Manual | Carrier::Simulated)) => Ok(carrier),
                    Ok(carrier) if merged.providers.shipping.contains_key(&carrier) => Ok(carrier),
                    _ => Err("manual, simulated where simulation.enabled is on, or a name of [providers.shipping]"),
                })?,
            },
            payments: Payments {
                manual_names: values.parsed("payments.manual_names", |names| {
                    names.parse().map_err(|_| {
                        "names of 1 to 64 visible characters with commas between them, \"*\" for any that no provider has, \
                         or \"\""
                    })
                })?,
            },
            providers: merged.providers,
            notifications: merged.notifications,
            simulation: Simulation { enabled: simulation },
            idempotency,
            retention,
            node: Node {
                id: values.parsed("node.id", |id| {
                    is_node_id(id).then(|| id.to_owned()).ok_or("1 to 64 of A-Z a-z 0-9 . _ -")
                })?,
                roles,
                lease: values.millis("node.lease_ms", 500, 60_000)?,
            },
            telemetry: Telemetry::read(&mut values)?,
        };
        debug_assert!(values.is_empty(), "keys that no field reads: {values:?}");
        Ok(settings)
    }
}

impl Http {
    fn read(values: &mut Values, roles: Roles) -> Result<Self, SettingsError> {
        Ok(Self {
            bind: values.parsed("http.bind", |address| {
                address.parse().map_err(|_| "an IP address and a port, such as 127.0.0.1:8080 or [::]:8080")
            })?,
            payment_bind: payments_address(values, "http.payment_bind", roles)?,
            workers: values.number("http.workers", 0, 1_024)?,
            max_body_bytes: values.number("http.max_body_bytes", 1_024, 16 << 20)?,
            request_timeout: values.millis("http.request_timeout_ms", 1_000, 600_000)?,
            keep_alive: values.millis("http.keep_alive_ms", 0, 3_600_000)?,
            max_connections: values.number("http.max_connections", 1, 1_000_000)?,
            shutdown_timeout: values.millis("http.shutdown_timeout_ms", 0, 600_000)?,
            service_secret: values.secret("http.service_secret")?,
            unknown_fields: values
                .parsed("http.unknown_fields", |word| word.parse().map_err(|_| "\"refuse\" or \"ignore\""))?,
            trailing_slashes: values.switch("http.trailing_slashes")?,
            vocabulary: values
                .parsed("http.vocabulary", |word| word.parse().map_err(|_| "\"native\" or \"order-payment\""))?,
        })
    }
}

fn optional_address(values: &mut Values, key: &'static str) -> Result<Option<SocketAddr>, SettingsError> {
    values.parsed(key, address)
}

/// An address where payments are served: by who owns them, and by the coordinator, who serves everything.
fn payments_address(values: &mut Values, key: &'static str, roles: Roles) -> Result<Option<SocketAddr>, SettingsError> {
    let serves_payments = [Role::Payment, Role::Coordinator].iter().any(|role| roles.contains(*role));
    values.parsed(key, |text| match address(text)? {
        Some(_) if !serves_payments => Err("\"\" in a process that plays neither payment nor coordinator"),
        bind => Ok(bind),
    })
}

fn address(text: &str) -> Result<Option<SocketAddr>, &'static str> {
    const ALLOWED: &str = "an IP address and a port, such as 127.0.0.1:50055 or [::]:50055, or \"\" for none";
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| ALLOWED) }
}

impl Grpc {
    fn read(values: &mut Values, providers: &Providers, simulation: bool) -> Result<Self, SettingsError> {
        Ok(Self {
            order_bind: optional_address(values, "grpc.order_bind")?,
            payment_bind: optional_address(values, "grpc.payment_bind")?,
            shipping_bind: optional_address(values, "grpc.shipping_bind")?,
            stock_bind: optional_address(values, "grpc.stock_bind")?,
            saga_bind: optional_address(values, "grpc.saga_bind")?,
            payment_provider: values.parsed("grpc.payment_provider", |name| match name {
                "" => Ok(None),
                name => match name.parse() {
                    Ok(Provider::Simulated) if simulation => Ok(Some(Provider::Simulated)),
                    Ok(provider) if providers.payment.contains_key(&provider) => Ok(Some(provider)),
                    _ => Err("a name of [providers.payment], or simulated or \"\" where simulation is enabled"),
                },
            })?,
        })
    }
}

impl Store {
    fn read(values: &mut Values) -> Result<Self, SettingsError> {
        Ok(Self {
            url: values.parsed_secret("store.url", |url| url.parse().map_err(|StoreUrlError(allowed)| allowed))?,
            cache_mib: values.number("store.cache_mib", 1, 65_536)?,
            readers: values.number("store.readers", 1, 64)?,
            max_batch: values.number("store.max_batch", 1, 16_384)?,
            pool_size: values.number("store.pool_size", 1, 100)?,
            pool_timeout: values.millis("store.pool_timeout_ms", 1, 600_000)?,
        })
    }
}

impl Telemetry {
    fn read(values: &mut Values) -> Result<Self, SettingsError> {
        Ok(Self {
            log: values.parsed("telemetry.log", |filter| {
                // An empty filter is valid and would hide everything but errors.
                let valid = !filter.trim().is_empty() && EnvFilter::try_new(filter).is_ok();
                valid.then(|| filter.to_owned()).ok_or("a level or filter, such as info,backstitch::store=debug")
            })?,
            format: values
                .parsed("telemetry.format", |format| format.parse().map_err(|_| "\"auto\", \"human\" or \"json\""))?,
        })
    }
}

fn is_node_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Why there are no valid settings. A cause is the error's source and not part of its text.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The profile's name is part of a file's name.
    #[error("BACKSTITCH_PROFILE is {0:?}: must be lower-case letters, digits, - and _")]
    Profile(String),
    /// The file that `--config` names is not there.
    #[error("there is no configuration file {0}")]
    Missing(PathBuf),
    /// A file is there and cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A file is not TOML.
    #[error("{file} is not valid TOML")]
    Syntax {
        /// The file.
        file: String,
        /// Where it goes wrong.
        #[source]
        source: Box<config::ConfigError>,
    },
    /// An environment variable of ours has a value that is not text.
    #[error("environment variable {0} is not valid Unicode")]
    NotUnicode(String),
    /// Nothing is called like this.
    #[error("unknown setting {key} (from {origin}); {hint}")]
    Unknown {
        /// The key, as `section.name`.
        key: String,
        /// The file, environment variable or flag that has it.
        origin: String,
        /// What there is instead.
        hint: String,
    },
    /// The processes beside this one are not described so that they can work together.
    #[error("{0}")]
    Peers(String),
    /// What is said of a service outside makes no service.
    #[error("{key} (from {origin}): {why}")]
    Provider {
        /// The key, as far as it is known.
        key: String,
        /// The file, environment variable or flag that has it, or something of the same service.
        origin: String,
        /// What is wrong; never with a secret.
        why: String,
    },
    /// A value of the wrong type, or out of range.
    #[error("{key} is {value} (from {origin}): must be {allowed}")]
    Invalid {
        /// The key, as `section.name`.
        key: &'static str,
        /// The value as it was given; without credentials.
        value: String,
        /// The file, environment variable or flag that has it.
        origin: String,
        /// What is allowed.
        allowed: String,
    },
    /// The layers do not add up to all settings: a mistake of the program's.
    #[error("there is no default for {0}")]
    NoDefault(&'static str),
    /// The layers cannot be merged: a mistake of the program's.
    #[error("cannot merge the configuration")]
    Merge(#[source] Box<config::ConfigError>),
}
