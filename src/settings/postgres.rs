//! A PostgreSQL server's address, as libpq writes it:
//! `postgres://user:password@host:port,host:port/database?parameter=value`.
//!
//! What libpq takes and this does not is refused by name. An error never repeats what may hold the
//! password, also where the URL was written so wrongly that it is not where it should be.

use std::{fmt, path::PathBuf, time::Duration};
use strum::EnumString;
use tokio_postgres::{
    Config,
    config::{Host, SslMode},
};

/// How long connecting may take where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The parameters that are understood. `sslmode` and `sslrootcert` are read here, the others by the driver.
const PARAMETERS: [&str; 15] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// A PostgreSQL server, who asks it, and how the connection is protected. Neither `Debug` nor `Display` shows
/// the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresUrl {
    /// Hosts, user, password, database, timeouts.
    pub connection: Config,
    /// How the connection is protected. Default [`SslPolicy::Prefer`].
    pub ssl: SslPolicy,
    /// The certificates that the server's is checked against (`sslrootcert`), a PEM file. There is one exactly
    /// where the policy checks.
    pub root_certificates: Option<PathBuf>,
}

/// How a connection is protected (`sslmode`), in libpq's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum SslPolicy {
    /// Not at all.
    Disable,
    /// Encrypted where the server can; whoever it is.
    Prefer,
    /// Encrypted, whoever the server is. With `sslrootcert` the same as [`Self::VerifyCa`].
    Require,
    /// Encrypted, and the server's certificate is of one of these roots.
    VerifyCa,
    /// The same, and it was made for the host that was asked for.
    VerifyFull,
}

impl PostgresUrl {
    /// Takes a URL apart; the error says what is allowed where it is wrong. `None` where it is not of this kind.
    pub(super) fn parse(url: &str) -> Option<Result<Self, String>> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"))?;
        Some(Parts::parse(rest).and_then(Parts::join).map_err(|part| format!("a postgres:// URL {part}")))
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.connection.get_user() {
            write!(f, "{user}@")?;
        }
        let ports = self.connection.get_ports();
        for (index, host) in self.connection.get_hosts().iter().enumerate() {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            let comma = if index == 0 { "" } else { "," };
            match host {
                Host::Tcp(host) if host.contains(':') => write!(f, "{comma}[{host}]:{port}")?,
                Host::Tcp(host) => write!(f, "{comma}{host}:{port}")?,
                Host::Unix(path) => write!(f, "{comma}{}:{port}", path.display())?,
            }
        }
        write!(f, "/{}", self.connection.get_dbname().unwrap_or_default())
    }
}

/// The parts of a URL, decoded: each by the name that it has as a parameter, and none twice.
#[derive(Default)]
struct Parts(Vec<(&'static str, String)>);

impl Parts {
    /// An error is the end of a sentence that begins with "a postgres:// URL".
    fn parse(rest: &str) -> Result<Self, String> {
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        let (credentials, hosts) = match authority.split_once('@') {
            Some((credentials, hosts)) => (Some(credentials), hosts),
            // An @ behind the first / or ? ends the credentials all the same, to whoever wrote it.
            None if rest.contains('@') => return Err(ENCODED.into()),
            None => (None, authority),
        };
        if hosts.contains('@') || database.contains('@') {
            return Err(ENCODED.into());
        }
        let mut parts = Self::default();
        if let Some(credentials) = credentials {
            let (user, password) = credentials.split_once(':').map_or((credentials, None), |(u, p)| (u, Some(p)));
            parts.put("user", user)?;
            parts.put("password", password.unwrap_or_default())?;
        }
        parts.put_hosts(hosts)?;
        parts.put("dbname", database)?;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or("whose parameters are name=value, with & between them")?;
            let known = PARAMETERS.iter().find(|known| **known == name);
            let name = known.ok_or_else(|| format!("with no other parameters than {}", PARAMETERS.join(", ")))?;
            parts.put(name, value)?;
        }
        Ok(parts)
    }

    fn put_hosts(&mut self, hosts: &str) -> Result<(), String> {
        if hosts.is_empty() {
            return Ok(());
        }
        let (mut names, mut ports) = (Vec::new(), Vec::new());
        for host in hosts.split(',') {
            let (name, port) = match host.strip_prefix('[') {
                Some(address) => address.split_once(']').ok_or("whose IPv6 address is in brackets, such as [::1]")?,
                None => host.find(':').map_or((host, ""), |colon| host.split_at(colon)),
            };
            let port = match port.strip_prefix(':') {
                None if port.is_empty() => "5432",
                Some(port) => port,
                None => return Err("with a colon between host and port".into()),
            };
            names.push(name);
            ports.push(port);
        }
        self.put("host", &names.join(","))?;
        self.put("port", &ports.join(","))
    }

    fn put(&mut self, name: &'static str, encoded: &str) -> Result<(), String> {
        if encoded.is_empty() {
            return Ok(());
        }
        let value = decoded(encoded).ok_or("whose percent-encoding is right: % is %25, and all of it is UTF-8")?;
        if self.0.iter().any(|(known, _)| *known == name) {
            return Err(format!("that says {name} once"));
        }
        if name == "port" && value.split(',').any(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err("whose port is a number from 1 to 65535".into());
        }
        self.0.push((name, value));
        Ok(())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    fn join(mut self) -> Result<PostgresUrl, String> {
        let ssl = match self.take("sslmode") {
            None => SslPolicy::Prefer,
            Some(mode) => {
                mode.parse().map_err(|_| "whose sslmode is disable, prefer, require, verify-ca or verify-full")?
            }
        };
        let root_certificates = self.take("sslrootcert").map(PathBuf::from);
        let ssl = match (ssl, &root_certificates) {
            (SslPolicy::Disable | SslPolicy::Prefer, Some(_)) => {
                return Err("that checks no certificate unless its sslmode is verify-ca or verify-full, \
                            or has no sslrootcert"
                    .into());
            }
            (SslPolicy::VerifyCa | SslPolicy::VerifyFull, None) => {
                return Err("whose sslmode verifies a certificate and that says against which: \
                            give it sslrootcert=FILE, the server's root certificate as PEM"
                    .into());
            }
            (SslPolicy::Require, Some(_)) => SslPolicy::VerifyCa,
            (ssl, _) => ssl,
        };
        let mut words = String::new();
        for (name, value) in &self.0 {
            let word = format!("{name}='{}' ", value.replace('\\', "\\\\").replace('\'', "\\'"));
            // Each alone, so that it can be said which one is wrong.
            word.parse::<Config>().map_err(|_| format!("whose {name} is {}", allowed(name)))?;
            words.push_str(&word);
        }
        let mut connection: Config = words.parse().map_err(|_| "that PostgreSQL's driver understands")?;
        let (hosts, addresses) = (connection.get_hosts().len(), connection.get_hostaddrs().len());
        if hosts == 0 || connection.get_hosts().contains(&Host::Tcp(String::new())) {
            return Err("that names a host, such as postgres://user:password@host:5432/database".into());
        }
        let fits = |count: usize| count <= 1 || count == hosts;
        if !fits(connection.get_ports().len()) || (addresses != 0 && addresses != hosts) {
            return Err("with as many ports and hostaddrs as hosts".into());
        }
        if connection.get_connect_timeout().is_none() {
            connection.connect_timeout(CONNECT_TIMEOUT);
        }
        connection.ssl_mode(match ssl {
            SslPolicy::Disable => SslMode::Disable,
            SslPolicy::Prefer => SslMode::Prefer,
            SslPolicy::Require | SslPolicy::VerifyCa | SslPolicy::VerifyFull => SslMode::Require,
        });
        Ok(PostgresUrl { connection, ssl, root_certificates })
    }
}

const ENCODED: &str = "whose user and password are percent-encoded where they have special characters: \
                       @ is %40, : is %3A, / is %2F, ? is %3F";

/// What may be written where the driver does not take a value.
fn allowed(name: &str) -> &'static str {
    match name {
        "channel_binding" => "disable, prefer or require",
        "connect_timeout" | "tcp_user_timeout" => "a whole number of seconds",
        "hostaddr" => "an IP address",
        "load_balance_hosts" => "disable or random",
        "target_session_attrs" => "any or read-write",
        _ => "a text",
    }
}

/// A text without its percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
        } else {
            byte
        };
        bytes.push(byte);
    }
    // PostgreSQL's texts end at a zero.
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
