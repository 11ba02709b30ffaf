//! PostgreSQL for tests: a server of the test process's own, started when it is first needed and gone when the
//! process is, however that ends; and a database for each test.
//!
//! `TEST_POSTGRES_URL` names a server to use instead, without TLS, with a role that may create databases. What the
//! tests make there they drop, but for one database a run, `t_…_0`, which the others are copies of.

use backstitch::{
    load::postgres::{Postgres, Setup},
    store,
};
use std::{
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// The password of whoever the server belongs to, and as it is written in URLs.
const PASSWORD: [&str; 2] = ["p@ss/w?rd", "p%40ss%2Fw%3Frd"];
/// What the server has that only tests need.
const SETTINGS: &str = "shared_buffers = 64MB\nssl = on\nssl_cert_file = '../server.pem'\n\
                        ssl_key_file = '../server.key'";
const FILES: &[(&str, &str)] =
    &[("server.pem", include_str!("tls/server.pem")), ("server.key", include_str!("tls/server.key"))];

/// A server. It ends when this is dropped, or the process ends.
pub(crate) struct Cluster(Postgres);

/// What a server of tests promises of its disk.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Disk {
    /// What it is asked to: it may be killed.
    Kept,
    /// Nothing: it lives as long as the tests, and hundreds of databases are made and dropped on it.
    Lost,
}

impl Cluster {
    /// A new server with nothing in it, for tests that kill it.
    pub(crate) fn start() -> Self {
        Self::with(Disk::Kept)
    }

    fn with(disk: Disk) -> Self {
        let careless = if disk == Disk::Lost { "fsync = off\nfull_page_writes = off" } else { "" };
        let settings = format!("{SETTINGS}\n{careless}");
        let started = Postgres::start(Setup { password: Some(PASSWORD[0]), settings: &settings, files: FILES });
        Self(started.unwrap_or_else(|error| {
            panic!("{error}, or name a server by TEST_POSTGRES_URL=postgres://user:password@host/database: {error:?}")
        }))
    }

    /// As after a power cut, but for what the operating system had not written yet.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("PostgreSQL stops");
    }

    /// Starts it again, after [`Self::kill`].
    pub(crate) fn restart(&mut self) {
        self.0.restart().expect("PostgreSQL starts again");
    }

    /// The role that owns it, and its password as it is written in URLs.
    pub(crate) const OWNER: [&str; 2] = [Postgres::role(), PASSWORD[1]];

    /// The one of this process, which ends with it. Nobody kills it.
    pub(crate) fn shared() -> &'static Mutex<Self> {
        static CLUSTER: OnceLock<Mutex<Cluster>> = OnceLock::new();
        CLUSTER.get_or_init(|| Mutex::new(Self::with(Disk::Lost)))
    }

    /// Where it listens.
    pub(crate) const fn port(&self) -> u16 {
        self.0.port()
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        self.0.url(database)
    }
}

/// The server that the tests of this process share.
pub(crate) struct Server {
    /// Scheme, role, password, host and port.
    prefix: String,
    query: String,
    /// A database that is migrated, to be copied.
    template: OnceLock<String>,
    creating: Session,
    dropping: Session,
    made: AtomicU64,
    run: u32,
    outlives_us: bool,
}

impl Server {
    /// Starts it where it does not run yet.
    pub(crate) fn shared() -> &'static Self {
        static GIVEN: OnceLock<Server> = OnceLock::new();
        match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) => GIVEN.get_or_init(|| Self { outlives_us: true, ..Self::at(&url) }),
            Err(_) => Self::own(),
        }
    }

    /// The one that this process has started, whichever the others run on: for what changes a server.
    pub(crate) fn own() -> &'static Self {
        static OWN: OnceLock<Server> = OnceLock::new();
        OWN.get_or_init(|| Self::at(&Cluster::shared().lock().expect("a server").url("postgres")))
    }

    fn at(url: &str) -> Self {
        let (place, query) = url.split_once('?').map_or((url, String::new()), |(p, q)| (p, format!("?{q}")));
        let host = place.find("://").expect("a URL with a scheme") + 3;
        let end = place[host..].find('/').map_or(place.len(), |slash| host + slash);
        Self {
            prefix: place[..end].to_owned(),
            query,
            template: OnceLock::new(),
            creating: Session::open(url),
            dropping: Session::open(url),
            made: AtomicU64::new(0),
            run: fastrand::u32(..),
            outlives_us: false,
        }
    }

    /// Runs statements as whoever owns it.
    pub(crate) fn run(&self, sql: &str) {
        self.creating.run(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("{}/{database}{}", self.prefix, self.query)
    }

    /// A database that nobody else uses, migrated.
    pub(crate) fn database(&'static self) -> Database {
        let template = self.template.get_or_init(|| {
            let made = self.empty();
            store::migrate(&super::database(&made.url(), &[])).expect("a migrated database");
            let name = made.name.clone();
            // It lasts as long as the server.
            std::mem::forget(made);
            name
        });
        self.create(&format!("TEMPLATE {template}"))
    }

    /// A database that nobody else uses, with nothing in it.
    pub(crate) fn empty(&'static self) -> Database {
        self.create("TEMPLATE template0 ENCODING 'UTF8'")
    }

    fn create(&'static self, how: &str) -> Database {
        let name = format!("t_{:08x}_{}", self.run, self.made.fetch_add(1, Ordering::Relaxed));
        self.run(&format!("CREATE DATABASE {name} {how}"));
        Database { server: self, name, session: OnceLock::new() }
    }
}

/// A database of the shared server. It is removed, whoever is connected, when this is dropped.
pub(crate) struct Database {
    server: &'static Server,
    pub(crate) name: String,
    session: OnceLock<Session>,
}

impl Database {
    pub(crate) fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// The session that looks at it behind everybody's back.
    pub(crate) fn session(&self) -> &Session {
        self.session.get_or_init(|| self.another())
    }

    /// The rows that a query finds, as text.
    pub(crate) fn rows(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.session().run(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).iter().filter_map(cells).collect()
    }

    /// A session with transactions of its own.
    pub(crate) fn another(&self) -> Session {
        Session::open(&self.url())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        if self.server.outlives_us {
            // What is left for later is left behind when the process ends.
            if let Err(error) = self.server.dropping.run(&drop) {
                eprintln!("{drop}: {error}");
            }
        } else {
            self.server.dropping.run_later(&drop);
        }
    }
}

/// A connection for whoever is not asynchronous, or is and need not wait: it has a thread of its own.
pub(crate) struct Session(mpsc::Sender<Job>);

type Job = Box<dyn FnOnce(&tokio::runtime::Runtime, &Client) + Send>;

impl Session {
    pub(crate) fn open(url: &str) -> Self {
        let config: tokio_postgres::Config = url.parse().expect("a URL");
        let (jobs, queue) = mpsc::channel::<Job>();
        let (opened, is_open) = mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let connected = runtime.block_on(config.connect(NoTls));
            let client = match connected {
                Ok((client, link)) => {
                    runtime.spawn(link);
                    let _ = opened.send(Ok(()));
                    client
                }
                Err(error) => {
                    let _ = opened.send(Err(said(&error)));
                    return;
                }
            };
            for job in queue {
                job(&runtime, &client);
            }
        });
        is_open
            .recv()
            .expect("a session")
            .unwrap_or_else(|error| panic!("cannot connect to the test's database: {error}"));
        Self(jobs)
    }

    /// Runs statements; what they have answered.
    pub(crate) fn run(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, String> {
        let sql = sql.to_owned();
        self.with(move |runtime, client| runtime.block_on(client.simple_query(&sql)).map_err(|error| said(&error)))
    }

    fn run_later(&self, sql: &str) {
        let sql = sql.to_owned();
        let _ = self.0.send(Box::new(move |runtime, client| {
            if let Err(error) = runtime.block_on(client.simple_query(&sql)) {
                eprintln!("{sql}: {}", said(&error));
            }
        }));
    }

    /// Does something with the connection.
    pub(crate) fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&tokio::runtime::Runtime, &Client) -> T + Send + 'static,
    ) -> T {
        let (reply, answer) = mpsc::channel();
        let sent = self.0.send(Box::new(move |runtime, client| {
            let _ = reply.send(job(runtime, client));
        }));
        sent.expect("the session is open");
        answer.recv().expect("the session answers")
    }
}

/// The values of a row, where it is one.
pub(super) fn cells(message: &SimpleQueryMessage) -> Option<Vec<Option<String>>> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
}

fn said(error: &tokio_postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| format!("{error:?}"), |said| format!("{}: {}", said.code().code(), said.message()))
}
