//! From an address to a connection: TLS, what every session is set to, and which servers will do.
//!
//! Sessions are set by statements and not by startup parameters, which PgBouncer refuses. They last as long as
//! the connection: behind a pooler that hands a server's connection on after each transaction they would not.

use super::{OpenError, tls};
use futures::future::{BoxFuture, Either, select};
use std::{fmt, path::PathBuf, pin::pin, time::Duration};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, Config, Connection, SimpleQueryMessage, Socket, config::Host, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long connecting may take where the address does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server's machine may leave what was sent to it unacknowledged, and a connection that nobody uses be
/// silent, before it is asked after.
const SILENCE: Duration = Duration::from_secs(10);
/// The oldest server that will do.
const OLDEST: u32 = 15;
/// The encoding of a database that holds texts of every script.
const ENCODING: &str = "UTF8";
/// What a session is called where the address does not say.
const APPLICATION: &str = "backstitch";
/// What every session is set to. A statement that hangs, or a process that was stopped in the middle of a
/// transaction, must not hold its locks for ever. Whatever the user's role is set to, a commit is on the server's
/// disk, and a statement sees what was committed before it. JIT compiling costs more than these statements.
const SESSION: &str = "\
    SET statement_timeout = '30s'; \
    SET idle_in_transaction_session_timeout = '10s'; \
    SET default_transaction_isolation = 'read committed'; \
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local'); \
    SELECT set_config('jit', 'off', false) WHERE current_setting('jit', true) IS NOT NULL; \
    SELECT current_setting('server_version_num'), current_setting('server_encoding')";

/// Where a database is, who asks it, and whom it is believed to be. `Debug` and `Display` do not show the password.
#[derive(Clone, Debug)]
pub struct Address {
    /// Hosts, user, password, database, and whether TLS is used at all.
    pub server: Config,
    /// What is asked of the server's certificate where TLS is used.
    pub certificate: Certificate,
}

/// What is asked of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing.
    Unchecked,
    /// That it leads to one in this PEM file.
    Chain(PathBuf),
    /// The same, and that it is for the host that was asked for.
    ChainAndHost(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {:?} of ", self.server.get_dbname().or(self.server.get_user()).unwrap_or_default())?;
        let ports = self.server.get_ports();
        for (index, host) in self.server.get_hosts().iter().enumerate() {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            let or = if index == 0 { "" } else { " or " };
            match host {
                Host::Tcp(host) if host.contains(':') => write!(f, "{or}[{host}]:{port}")?,
                Host::Tcp(host) => write!(f, "{or}{host}:{port}")?,
                Host::Unix(path) => write!(f, "{or}{}:{port}", path.display())?,
            }
        }
        Ok(())
    }
}

/// The other half of a [`Client`]: a future that talks to the server, and ends when the client is dropped. Polled as a
/// stream it also says what the server notifies of.
pub(super) type Link = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// What a server says of itself and of the database.
#[derive(Default)]
struct Server {
    version: u32,
    encoding: String,
}

/// Connects to one address, as often as is wanted.
#[derive(Clone)]
pub(super) struct Connector {
    server: Config,
    tls: MakeRustlsConnect,
    session: String,
    patience: Duration,
    place: String,
}

impl Connector {
    /// Reads what there is to read once, such as certificates.
    pub(super) fn new(address: &Address) -> Result<Self, OpenError> {
        let mut server = address.server.clone();
        let application = address.server.get_application_name().unwrap_or(APPLICATION);
        let application = application.replace('\\', "\\\\").replace('\'', "\\'");
        // Every host is tried in turn.
        let hosts = u32::try_from(server.get_hosts().len().max(1)).unwrap_or(1);
        let each = server.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT);
        server.connect_timeout(each);
        // A firewall that forgets a connection says nothing: without these, whoever waits for an answer on it waits for
        // a quarter of an hour.
        server.keepalives(true).keepalives_idle(SILENCE);
        if server.get_tcp_user_timeout().is_none() {
            server.tcp_user_timeout(SILENCE);
        }
        Ok(Self {
            server,
            tls: MakeRustlsConnect::new(tls::client_config(&address.certificate)?),
            session: format!("SET application_name = E'{application}'; {SESSION}"),
            patience: each.saturating_mul(hosts),
            place: address.to_string(),
        })
    }

    /// A connection whose session is set, to a server that will do. Whoever gets it polls the link.
    pub(super) async fn connect(&self) -> Result<(Client, Link), OpenError> {
        let in_vain = |_| OpenError::Unreachable {
            place: self.place.clone(),
            why: format!("no answer within {:?}", self.patience),
        };
        let (client, link, server) =
            timeout(self.patience, self.attempt()).await.map_err(in_vain)?.map_err(|error| self.error(error))?;
        let place = || self.place.clone();
        match (too_old(server.version), server.encoding) {
            (Some(version), _) => Err(OpenError::TooOld { place: place(), version }),
            (None, encoding) if encoding != ENCODING => Err(OpenError::Encoding { place: place(), encoding }),
            (None, _) => Ok((client, link)),
        }
    }

    /// What an error of a database means while it is opened.
    pub(super) fn error(&self, error: tokio_postgres::Error) -> OpenError {
        OpenError::new(&self.place, error)
    }

    /// What a pool makes its connections with. They are driven on the runtime that asks for them.
    pub(super) fn manager(self) -> deadpool_postgres::Manager {
        let server = self.server.clone();
        deadpool_postgres::Manager::from_connect(server, self, deadpool_postgres::ManagerConfig::default())
    }

    /// A connection whose session is set, and what its server is.
    async fn attempt(&self) -> Result<(Client, Link, Server), tokio_postgres::Error> {
        let (client, mut link) = self.server.connect(self.tls.clone()).await?;
        let answers = {
            let asked = pin!(client.simple_query(&self.session));
            match select(asked, &mut link).await {
                Either::Left((answers, _)) => answers?,
                Either::Right((ended, asked)) => {
                    ended?;
                    asked.await?
                }
            }
        };
        let server = answers.iter().rev().find_map(|answer| match answer {
            SimpleQueryMessage::Row(row) => {
                Some(Server { version: row.get(0)?.parse().ok()?, encoding: row.try_get(1).ok()??.to_owned() })
            }
            _ => None,
        });
        Ok((client, link, server.unwrap_or_default()))
    }
}

/// What a server that will not do calls itself, by its `server_version_num`.
fn too_old(version: u32) -> Option<String> {
    let (major, minor) = (version / 10_000, version % 10_000);
    (major < OLDEST).then(|| format!("{major}.{minor}"))
}

impl deadpool_postgres::Connect for Connector {
    fn connect(&self, _: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        Box::pin(async {
            let (client, link, _) = self.attempt().await?;
            let driving = tokio::spawn(async move {
                if let Err(error) = link.await {
                    tracing::debug!(%error, "a connection for reading has ended");
                }
            });
            Ok((client, driving))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fourteen_is_too_old_and_fifteen_will_do() {
        assert_eq!(too_old(140_019).as_deref(), Some("14.19"));
        assert_eq!(too_old(150_000), None);
        assert_eq!(too_old(180_001), None);
    }

    #[test]
    fn an_address_shows_where_it_is_and_no_password() {
        let mut server = Config::new();
        server.host("db").port(6432).host("::1").port(5432).user("me").password("hunter2").dbname("shop");
        let address = Address { server, certificate: Certificate::Unchecked };
        assert_eq!(address.to_string(), "database \"shop\" of db:6432 or [::1]:5432");
        assert!(!format!("{address:?}").contains("hunter2"));
    }

    #[test]
    fn a_connection_that_is_silently_gone_is_noticed_as_soon_as_its_user_says_or_else_soon() {
        let timeout_of = |server: Config| {
            let connector = Connector::new(&Address { server, certificate: Certificate::Unchecked }).unwrap();
            assert_eq!(connector.server.get_keepalives_idle(), SILENCE);
            connector.server.get_tcp_user_timeout().copied()
        };
        let mut own = Config::new();
        own.tcp_user_timeout(Duration::from_secs(3));
        assert_eq!(timeout_of(Config::new()), Some(SILENCE));
        assert_eq!(timeout_of(own), Some(Duration::from_secs(3)));
    }
}
