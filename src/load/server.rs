//! A server of the run's own: a process on a temporary database, killed and started again as often as wanted.

use super::{LoadError, client::Client, process::Usage, target::Target};
use hyper::{StatusCode, http::Uri};
use std::{
    collections::VecDeque,
    ffi::OsString,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::time::sleep;

/// How long a server may take to be ready.
const READY_BOUND: Duration = Duration::from_mins(2);
/// Ports to listen on: below those that systems give to outgoing connections, so that none of ours
/// takes the port while the server is away.
const PORTS: std::ops::Range<u16> = 10_240..32_768;
/// Lines of its log that are kept, to say why it ended.
const LINES: usize = 10;

/// A running server. Killed, and its database removed, when dropped.
pub(super) struct Server {
    child: Child,
    /// What was given on the command line for every server, such as `--set` and its value.
    arguments: Vec<OsString>,
    port: u16,
    directory: TempDir,
    log: Arc<Mutex<VecDeque<String>>>,
    /// What the servers before this one have used.
    before: Usage,
}

impl Server {
    /// Starts one on an empty database. It listens before anyone can know, so see [`wait_until_ready`].
    pub(super) fn start(arguments: Vec<OsString>) -> Result<Self, LoadError> {
        let directory = tempfile::Builder::new().prefix("backstitch-load-").tempdir().map_err(LoadError::Directory)?;
        let port = free_port()?;
        let log = Arc::default();
        let child = spawn(&arguments, &directory, port, &log)?;
        Ok(Self { child, arguments, port, directory, log, before: Usage::default() })
    }

    /// Where it listens, also after it was killed and started again.
    pub(super) fn target(&self) -> Target {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)).into()
    }

    /// Where its database is.
    pub(super) fn database(&self) -> PathBuf {
        database(&self.directory)
    }

    /// SIGKILL: nothing gets to say goodbye. And another one on the same database and port.
    pub(super) fn kill_and_restart(&mut self) -> Result<(), LoadError> {
        self.note_end()?;
        self.before = self.usage();
        self.end();
        self.child = spawn(&self.arguments, &self.directory, self.port, &self.log)?;
        Ok(())
    }

    /// What all servers of the run have used.
    pub(super) fn usage(&self) -> Usage {
        self.before.and(Usage::of(self.child.id()).unwrap_or_default())
    }

    /// An error when it ended although nobody killed it.
    pub(super) fn note_end(&mut self) -> Result<(), LoadError> {
        match self.child.try_wait().map_err(LoadError::Server)? {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    fn ended(&self, status: ExitStatus) -> LoadError {
        let lines = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        LoadError::ServerEnded { status, log: lines.iter().flat_map(|line| ["\n  ", line]).collect() }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it and leaves its database where it is: where that is.
    pub(super) fn keep_database(mut self) -> PathBuf {
        self.end();
        self.directory.disable_cleanup(true);
        self.database()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

fn database(directory: &TempDir) -> PathBuf {
    directory.path().join("backstitch.db")
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

fn spawn(
    arguments: &[OsString],
    directory: &TempDir,
    port: u16,
    log: &Arc<Mutex<VecDeque<String>>>,
) -> Result<Child, LoadError> {
    let mut command = Command::new(std::env::current_exe().map_err(LoadError::Server)?);
    command.arg("serve").args(arguments);
    // After the user's own, so that these are in force.
    for (key, value) in [
        ("store.url", format!("sqlite:{}", database(directory).display())),
        ("http.bind", format!("127.0.0.1:{port}")),
        ("simulation.enabled", "true".to_owned()),
        ("telemetry.log", "warn".to_owned()),
    ] {
        command.arg("--set").arg(format!("{key}={value}"));
    }
    // Each crash on purpose would first unwind and print its stack: a stall that only the load run has.
    command.env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // Ctrl-C on a terminal reaches the whole group, and it is for the load generator to end the server.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn().map_err(LoadError::Server)?;
    if let Some(stderr) = child.stderr.take() {
        let kept = Arc::clone(log);
        std::thread::spawn(move || keep_log(stderr, &kept));
    }
    Ok(child)
}

/// Reads to the end, so that the server never blocks on a full pipe, and keeps the last lines. Panics are
/// left out: most are on purpose.
fn keep_log(stderr: ChildStderr, kept: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        if line.contains("\"panicked\"") || line.contains("on purpose") {
            continue;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == LINES {
            kept.pop_front();
        }
        kept.push_back(line);
    }
}
