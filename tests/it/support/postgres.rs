//! PostgreSQL for tests: a server of the test process's own, started when it is first needed and gone when the
//! process is, however that ends; and a database for each test.
//!
//! ```text
//!   test process ── orders, on a pipe ──▶ sh ── initdb, pg_ctl ──▶ postgres
//!                     its end, too: stop at once, remove everything
//! ```
//!
//! `TEST_POSTGRES_URL` names a server to use instead, without TLS, with a role that may create databases.

use backstitch::store;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread,
};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// The oldest server that will do.
const OLDEST: u32 = 15;
/// Who the server belongs to, for whom the password is not the point.
const ROLE: &str = "backstitch";
const PASSWORD: &str = "p@ss/w?rd";
const PASSWORD_IN_URLS: &str = "p%40ss%2Fw%3Frd";
/// Below what the kernel gives out to those who ask for any port, as all other tests do.
const PORTS: std::ops::Range<u16> = 10_240..32_768;
/// What starts and stops the server, as the user who may, for as long as anybody can tell it to.
const KEEPER: &str = r#"
    control() { "$BIN/pg_ctl" -D "$HERE/data" -s -w "$@" >>"$HERE/control.log" 2>&1; }
    while read -r order; do
        case $order in
        init) "$BIN/initdb" -D "$HERE/data" -U "$ROLE" --pwfile="$HERE/password" --auth=scram-sha-256 \
            --no-locale --encoding=UTF8 --no-sync >>"$HERE/control.log" 2>&1 ;;
        start) control -l "$HERE/server.log" start ;;
        stop) control -m immediate stop ;;
        esac
        echo "$?"
    done
    control -m immediate stop
    rm -rf "$HERE"
"#;

/// A server. It ends when this is dropped, or the process ends.
pub(crate) struct Cluster {
    orders: Option<ChildStdin>,
    done: BufReader<ChildStdout>,
    keeper: Child,
    directory: PathBuf,
    pub(crate) port: u16,
}

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
        let bin = binaries();
        let directory = tempfile::Builder::new().prefix("backstitch-postgres-").tempdir().expect("a directory").keep();
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("a directory of one's own");
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        keeper.env("BIN", bin).env("HERE", &directory).env("ROLE", ROLE).env("LC_ALL", "C").current_dir(&directory);
        // Ctrl-C reaches a whole group, and this one has to clean up.
        keeper.process_group(0);
        // PostgreSQL refuses to run as root.
        let owner = (fs::metadata(&directory).expect("the directory").uid() == 0).then(unprivileged);
        if let Some((user, group)) = owner {
            keeper.uid(user).gid(group);
            chown(&directory, Some(user), Some(group)).expect("its directory");
        }
        let place = |name: &str, text: &str| {
            let path = directory.join(name);
            fs::write(&path, text).expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a private file");
            if let Some((user, group)) = owner {
                chown(&path, Some(user), Some(group)).expect("its file");
            }
        };
        place("password", PASSWORD);
        place("server.pem", include_str!("tls/server.pem"));
        place("server.key", include_str!("tls/server.key"));
        let mut keeper = keeper.spawn().expect("there is a shell");
        let orders = keeper.stdin.take();
        let done = BufReader::new(keeper.stdout.take().expect("a pipe"));
        let mut cluster = Self { orders, done, keeper, directory, port: 0 };
        cluster.must("init");
        for _ in 0..20 {
            cluster.port = fastrand::u16(PORTS);
            cluster.configure(disk);
            if cluster.order("start") {
                return cluster;
            }
        }
        cluster.fail("start")
    }

    /// As after a power cut, but for what the operating system had not written yet.
    pub(crate) fn kill(&mut self) {
        self.must("stop");
    }

    /// Starts it again, after [`Self::kill`].
    pub(crate) fn restart(&mut self) {
        self.must("start");
    }

    /// The role that owns it, and its password as it is written in URLs.
    pub(crate) const OWNER: [&str; 2] = [ROLE, PASSWORD_IN_URLS];

    /// The one of this process, which ends with it. Nobody kills it.
    pub(crate) fn shared() -> &'static Mutex<Self> {
        static CLUSTER: OnceLock<Mutex<Cluster>> = OnceLock::new();
        CLUSTER.get_or_init(|| Mutex::new(Self::with(Disk::Lost)))
    }

    /// The URL of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("postgres://{ROLE}:{PASSWORD_IN_URLS}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    fn configure(&self, disk: Disk) {
        let (port, here) = (self.port, self.directory.display());
        let settings = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = ''\nmax_connections = 300\n\
             shared_buffers = 64MB\nlogging_collector = off\nssl = on\nssl_cert_file = '{here}/server.pem'\n\
             ssl_key_file = '{here}/server.key'\n{}",
            if disk == Disk::Lost { "fsync = off\nfull_page_writes = off\n" } else { "" }
        );
        fs::write(self.directory.join("data/postgresql.auto.conf"), settings).expect("the configuration");
    }

    /// Whether it could be done.
    fn order(&mut self, order: &str) -> bool {
        let orders = self.orders.as_mut().expect("it is not dropped");
        writeln!(orders, "{order}").expect("the keeper listens");
        let mut code = String::new();
        self.done.read_line(&mut code).expect("the keeper answers");
        code.trim() == "0"
    }

    fn must(&mut self, order: &str) {
        if !self.order(order) {
            self.fail(order);
        }
    }

    fn fail(&self, order: &str) -> ! {
        let said = ["control.log", "server.log"].map(|log| fs::read_to_string(self.directory.join(log)));
        panic!("PostgreSQL does not {order}:\n{}", said.map(Result::unwrap_or_default).join("\n"));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.keeper.wait();
    }
}

/// The newest PostgreSQL of this machine, the one in PATH first.
fn binaries() -> PathBuf {
    let in_path =
        std::env::var_os("PATH").into_iter().flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    if let Some(found) = in_path.into_iter().find(|directory| version(directory) >= Some(OLDEST)) {
        return found;
    }
    let children = |parent: &str| fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.path());
    let installed = children("/usr/lib/postgresql")
        .chain(children("/usr").filter(|path| path.to_string_lossy().contains("/pgsql-")))
        .chain(children("/opt/homebrew/opt").filter(|path| path.to_string_lossy().contains("/postgresql@")));
    let newest = installed.map(|path| path.join("bin")).max_by_key(|path| version(path));
    newest.filter(|path| version(path) >= Some(OLDEST)).unwrap_or_else(|| {
        panic!(
            "these tests need PostgreSQL {OLDEST} or newer (initdb, pg_ctl, postgres): install it (Debian: apt-get \
             install postgresql), or name a server by TEST_POSTGRES_URL=postgres://user:password@host/database"
        )
    })
}

/// Which PostgreSQL's programs a directory has, if it has those of one.
fn version(directory: &Path) -> Option<u32> {
    if !["initdb", "pg_ctl"].iter().all(|program| directory.join(program).is_file()) {
        return None;
    }
    let said = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    said.split(' ').nth(2)?.split(['.', '\n']).next()?.parse().ok()
}

/// The user and group that the server runs as where the tests run as root.
fn unprivileged() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("the users of this machine");
    let find = |name: &str| {
        let fields: Vec<_> = users.lines().find(|line| line.starts_with(&format!("{name}:")))?.split(':').collect();
        Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
    };
    find("postgres").or_else(|| find("nobody")).expect("a user who is not root: postgres or nobody")
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
}

impl Server {
    /// Starts it where it does not run yet.
    pub(crate) fn shared() -> &'static Self {
        static GIVEN: OnceLock<Server> = OnceLock::new();
        match std::env::var("TEST_POSTGRES_URL") {
            Ok(url) => GIVEN.get_or_init(|| Self::at(&url)),
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
        self.server.dropping.run_later(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
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
