//! A server of the run's own: a process, killed, frozen and started again as often as wanted.

use super::{LoadError, client::Client, process::Usage, target::Target};
use hyper::{StatusCode, http::Uri};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::File,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// How long a server may take to be ready.
const READY_BOUND: Duration = Duration::from_mins(2);
/// Ports to listen on: below those that systems give to outgoing connections, so that none of ours
/// takes the port while the server is away.
const PORTS: std::ops::Range<u16> = 10_240..32_768;
/// Lines of its log that are kept, to say why it ended.
const LINES: usize = 10;

/// How a server is started, again and again.
pub(super) struct How {
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, String)>,
    /// The port on which it serves gRPC, if it does: several may run on this machine.
    grpc: Option<u16>,
    log: Log,
}

/// Where a log goes, beside the lines that are kept.
enum Log {
    Nowhere,
    File(PathBuf),
    /// To the terminal, each line after this name.
    Shown(String),
}

/// The same, open.
enum OpenLog {
    Nowhere,
    File(File),
    Shown(String),
}

impl Log {
    fn open(&self) -> std::io::Result<OpenLog> {
        Ok(match self {
            Self::Nowhere => OpenLog::Nowhere,
            Self::File(path) => OpenLog::File(File::options().create(true).append(true).open(path)?),
            Self::Shown(name) => OpenLog::Shown(name.clone()),
        })
    }
}

impl OpenLog {
    fn write(&mut self, line: &str) {
        match self {
            Self::Nowhere => {}
            // A full disk has worse consequences.
            Self::File(file) => drop(writeln!(file, "{line}")),
            Self::Shown(name) => eprintln!("{name}  {line}"),
        }
    }
}

/// A running server. Killed when dropped.
pub(super) struct Server {
    child: Child,
    how: How,
    port: u16,
    log: Arc<Mutex<VecDeque<String>>>,
    /// Reads its log.
    reader: Option<JoinHandle<()>>,
    /// What the servers before this one have used.
    before: Usage,
}

/// A server that has ended although nobody killed it.
pub(super) struct Ended {
    status: ExitStatus,
    log: String,
}

impl Ended {
    /// How.
    pub(super) const fn status(&self) -> ExitStatus {
        self.status
    }

    /// Whether it says that others have given it up.
    pub(super) fn is_given_up(&self) -> bool {
        self.has_failed() && self.log.contains("others have taken its sagas over")
    }

    /// Whether it has ended as servers do that cannot go on, not by a crash.
    pub(super) fn has_failed(&self) -> bool {
        self.status.code() == Some(1)
    }
}

impl From<Ended> for LoadError {
    fn from(Ended { status, log }: Ended) -> Self {
        Self::ServerEnded { status, log }
    }
}

impl How {
    /// On a SQLite database, and perhaps with gRPC.
    pub(super) fn on_sqlite(given: Vec<OsString>, database: &Path, grpc: bool) -> Result<Self, LoadError> {
        let own = [("store.url", format!("sqlite:{}", database.display()))];
        let grpc = grpc.then(free_port).transpose()?;
        Ok(Self { arguments: with(given, &own), environment: Vec::new(), grpc, log: Log::Nowhere })
    }

    /// As one node of several on a PostgreSQL database.
    pub(super) fn on_postgres(given: Vec<OsString>, url: &str, node: &str, log: PathBuf) -> Self {
        Self::node(given, url, node, Log::File(log))
    }

    /// The same, with a log for people.
    pub(super) fn to_be_watched(given: Vec<OsString>, url: &str, node: &str) -> Self {
        let human =
            ["telemetry.log=warn,backstitch=info", "telemetry.format=human"].into_iter().flat_map(|set| ["--set", set]);
        let given = human.map(OsString::from).chain(given).collect();
        Self::node(given, url, node, Log::Shown(node.to_owned()))
    }

    fn node(given: Vec<OsString>, url: &str, node: &str, log: Log) -> Self {
        let mut given = given.into_iter();
        let mut others = Vec::with_capacity(given.len());
        while let Some(argument) = given.next() {
            let value = if argument == "--set" { given.next() } else { None };
            // It would be in force over the environment.
            if !value.as_ref().is_some_and(|value| value.as_encoded_bytes().starts_with(b"store.url=")) {
                others.push(argument);
                others.extend(value);
            }
        }
        let arguments = with(others, &[("node.id", node.to_owned())]);
        // The password is nobody's business, and arguments can be read by everybody.
        Self { arguments, environment: vec![("BACKSTITCH__STORE__URL", url.to_owned())], grpc: None, log }
    }

    fn start(&self, port: u16, kept: &Arc<Mutex<VecDeque<String>>>) -> Result<(Child, JoinHandle<()>), LoadError> {
        let mut command = Command::new(std::env::current_exe().map_err(LoadError::Server)?);
        command.arg("serve").args(&self.arguments);
        let grpc = self.grpc.map(|port| format!("127.0.0.1:{port}")).unwrap_or_default();
        for (key, value) in [("http.bind", format!("127.0.0.1:{port}")), ("grpc.saga_bind", grpc)] {
            command.arg("--set").arg(format!("{key}={value}"));
        }
        for key in ["grpc.order_bind", "grpc.payment_bind", "grpc.shipping_bind"] {
            command.arg("--set").arg(format!("{key}="));
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        // Each crash on purpose would first unwind and print its stack: a stall that only the load run has.
        command.env("RUST_BACKTRACE", "0");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-C on a terminal reaches the whole group, and it is for the load generator to end the server.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut log = self.log.open().map_err(LoadError::Directory)?;
        let mut child = command.spawn().map_err(LoadError::Server)?;
        let (stderr, kept) = (child.stderr.take(), Arc::clone(kept));
        let reader = std::thread::spawn(move || stderr.into_iter().for_each(|lines| keep_log(lines, &mut log, &kept)));
        Ok((child, reader))
    }
}

/// The user's own arguments, and after them those that are in force whatever the user says.
fn with(given: Vec<OsString>, own: &[(&str, String)]) -> Vec<OsString> {
    let set = |key: &str, value: &str| ["--set".into(), OsString::from(format!("{key}={value}"))];
    let own = own.iter().flat_map(|(key, value)| set(key, value));
    let log = set("telemetry.log", "warn");
    log.into_iter().chain(given).chain(own).chain(set("simulation.enabled", "true")).collect()
}

impl Server {
    /// Starts one. It listens before anyone can know, so see [`wait_until_ready`].
    pub(super) fn start(how: How) -> Result<Self, LoadError> {
        Self::start_on(free_port()?, how)
    }

    /// The same on a port of somebody's choice.
    pub(super) fn start_on(port: u16, how: How) -> Result<Self, LoadError> {
        let log = Arc::default();
        let (child, reader) = how.start(port, &log)?;
        Ok(Self { child, how, port, log, reader: Some(reader), before: Usage::default() })
    }

    /// Where it listens, also after it was killed and started again.
    pub(super) fn target(&self) -> Target {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).into()
    }

    /// Where it serves gRPC, if it does.
    pub(super) fn grpc_address(&self) -> Option<SocketAddr> {
        self.how.grpc.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    }

    /// SIGKILL: nothing gets to say goodbye.
    pub(super) fn kill(&mut self) {
        self.before = self.usage();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Another one on the same database and port, after it has ended.
    pub(super) fn start_again(&mut self) -> Result<(), LoadError> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let (child, reader) = self.how.start(self.port, &self.log)?;
        (self.child, self.reader) = (child, Some(reader));
        Ok(())
    }

    /// Its process.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGTERM, unless it has ended.
    pub(super) fn terminate(&self) -> Result<(), LoadError> {
        self.signal(Signal::TERM)
    }

    /// SIGSTOP.
    pub(super) fn freeze(&self) -> Result<(), LoadError> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub(super) fn thaw(&self) -> Result<(), LoadError> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), LoadError> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).map_err(|error| LoadError::Server(error.into()))
    }

    /// What all servers of the run have used.
    pub(super) fn usage(&self) -> Usage {
        self.before.and(Usage::of(self.child.id()).unwrap_or_default())
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<Ended>, LoadError> {
        // Asked before: once it is known how it ended, nobody knows any more what it used.
        let used = self.usage();
        let Some(status) = self.child.try_wait().map_err(LoadError::Server)? else { return Ok(None) };
        self.before = used;
        // Its last words are read once its end of the pipe is closed.
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
        let lines = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Ended { status, log: lines.iter().flat_map(|line| ["\n  ", line]).collect() }))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a server takes orders; `check` says whether there is still one to wait for.
pub(super) async fn wait_until_ready(
    target: &Target,
    mut check: impl FnMut() -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    let path = Uri::from_static("/readyz");
    let mut client = Client::new(target.clone(), Duration::from_secs(5));
    let deadline = Instant::now() + READY_BOUND;
    loop {
        let why = match client.get(&path).await {
            Ok(answer) if answer.status == StatusCode::OK => return Ok(()),
            Ok(answer) => answer.status.to_string(),
            Err(error) => error.to_string(),
        };
        check()?;
        if Instant::now() > deadline {
            return Err(LoadError::NotReady(why));
        }
        sleep(Duration::from_millis(5)).await;
    }
}

fn free_port() -> Result<u16, LoadError> {
    let mut tried = Err(std::io::Error::other("no port was tried"));
    for _ in 0..100 {
        tried = TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS)))
            .and_then(|listener| listener.local_addr())
            .map(|address| address.port());
        if tried.is_ok() {
            break;
        }
    }
    tried.map_err(LoadError::Server)
}

/// Whether a line of a log says that something failed, or why the server ended.
fn is_error(line: &str) -> bool {
    line.contains(r#""level":"ERROR""#) || line.starts_with("backstitch:")
}

/// Reads to the end, so that the server never blocks on a full pipe, and keeps the last lines. Panics are
/// left out: most are on purpose.
fn keep_log(stderr: ChildStderr, log: &mut OpenLog, kept: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        log.write(&line);
        if line.contains("\"panicked\"") || line.contains("on purpose") {
            continue;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LINES {
            // Why it ends may be followed by what all of its clients are told.
            let first = kept.iter().position(|line| !is_error(line)).unwrap_or_default();
            kept.remove(first);
        }
        kept.push_back(line);
    }
}
