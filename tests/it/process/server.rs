//! A `backstitch serve` process of a test's own, on a database of its own.

use crate::support::TestDatabase;
use backstitch::{grpc, role::Role};
use serde_json::Value;
use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long anything that must happen may take before the test fails.
pub(super) const BOUND: Duration = Duration::from_mins(1);

/// A running server. Killed when dropped.
pub(super) struct Server {
    child: Child,
    url: String,
    /// What it serves over gRPC, by the services' names.
    grpc: HashMap<String, SocketAddr>,
}

/// A `backstitch` command on the SQLite database in `directory`, with nothing of the test's environment.
pub(super) fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_backstitch"));
    command
        .env_clear()
        .current_dir(directory)
        .env("BACKSTITCH__STORE__URL", format!("sqlite:{}", database(directory).display()))
        .env("BACKSTITCH__HTTP__BIND", "127.0.0.1:0")
        .env("BACKSTITCH__GRPC__SAGA_BIND", "")
        .env("BACKSTITCH__GRPC__ORDER_BIND", "")
        .env("BACKSTITCH__GRPC__PAYMENT_BIND", "")
        .env("BACKSTITCH__GRPC__SHIPPING_BIND", "")
        .env("BACKSTITCH__TELEMETRY__FORMAT", "json");
    command
}

/// A database of a test's own, on whichever backend the tests run, and a directory to be in.
pub(super) struct Home {
    directory: TempDir,
    database: TestDatabase,
}

impl Home {
    /// With a database that nothing was done to yet.
    pub(super) fn new() -> Self {
        Self { directory: tempfile::tempdir().expect("a temporary directory"), database: TestDatabase::untouched() }
    }

    /// A `backstitch` command on this database, with nothing of the test's environment.
    pub(super) fn command(&self) -> Command {
        let mut command = command(self.directory.path());
        command.env("BACKSTITCH__STORE__URL", self.database.url());
        command
    }

    /// A server on this database, which is ready.
    pub(super) async fn server(&self) -> Server {
        Server::of(self.command()).await
    }

    /// Fails unless the audit is clean, asked of a database that nobody serves.
    pub(super) fn assert_audit_is_clean(&self) {
        assert_clean(&self.command().arg("audit").output().expect("the binary runs"));
    }
}

/// Where a test's database is.
pub(super) fn database(directory: &Path) -> PathBuf {
    directory.join("backstitch.db")
}

/// What `backstitch audit` says about a database that nobody serves.
pub(super) fn audit(directory: &Path) -> Output {
    command(directory).arg("audit").output().expect("the binary runs")
}

/// Fails unless the audit is clean.
pub(super) fn assert_audit_is_clean(directory: &Path) {
    assert_clean(&audit(directory));
}

fn assert_clean(audit: &Output) {
    assert!(audit.status.success(), "the audit is red:\n{}", String::from_utf8_lossy(&audit.stdout));
}

impl Server {
    /// Starts a server on SQLite and waits until it is ready.
    pub(super) async fn start(directory: &Path) -> Self {
        Self::of(command(directory)).await
    }

    /// Starts a server by a command and waits until it is ready.
    pub(super) async fn of(mut command: Command) -> Self {
        let mut child =
            command.arg("serve").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (found, address) = mpsc::channel();
        // Read to the end, so that the server never blocks on a full pipe.
        std::thread::spawn(move || {
            let mut grpc = HashMap::new();
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let event: Value = serde_json::from_str(&line).unwrap_or_default();
                let said = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                if event["message"] == "gRPC is served" {
                    grpc.insert(said("service"), said("address").parse().expect("an address"));
                } else if event["message"] == "backstitch is listening" {
                    let _ = found.send((said("address"), std::mem::take(&mut grpc)));
                } else if event["level"] == "ERROR" && event["message"] != "panicked" {
                    eprintln!("server: {line}");
                }
            }
        });
        let (address, grpc) = address.recv_timeout(BOUND).expect("the server says where it listens");
        let server = Self { child, url: format!("http://{address}"), grpc };
        let client = crate::support::http_client();
        eventually("the server is ready", async || {
            client.get(server.at("/readyz")).send().await.is_ok_and(|response| response.status() == 200)
        })
        .await;
        server
    }

    /// A URL of this server.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Where it serves something over gRPC.
    pub(super) fn grpc(&self, role: Role) -> SocketAddr {
        self.grpc[grpc::service_of(role)]
    }

    /// SIGKILL: nothing gets to say goodbye.
    pub(super) fn kill(mut self) {
        self.child.kill().expect("the server can be killed");
        self.child.wait().expect("the server ends");
    }

    /// SIGTERM; the exit code.
    pub(super) async fn terminate(mut self) -> Option<i32> {
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
        let deadline = Instant::now() + BOUND;
        loop {
            if let Some(status) = self.child.try_wait().expect("the server can be waited for") {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the server does not stop on SIGTERM");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Whether the process still runs.
    pub(super) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("the server can be waited for").is_none()
    }

    /// Waits until no saga is under way or waits.
    pub(super) async fn all_rest(&self) {
        let client = crate::support::http_client();
        eventually("every saga rests", async || self.every_saga_rests(&client).await).await;
    }

    /// Looks at each saga, because one that is looked for by status can change its status between two
    /// looks and be missed by both; what rests goes on resting.
    async fn every_saga_rests(&self, client: &reqwest::Client) -> bool {
        let mut cursor = String::new();
        loop {
            let Some(list) = get(client, &self.at(&format!("/sagas?limit=100{cursor}"))).await else { return false };
            let Some(sagas) = list["data"].as_array() else { return false };
            let rests =
                |saga: &Value| matches!(saga["status"].as_str(), Some("completed" | "compensated" | "needs_attention"));
            if !sagas.iter().all(rests) {
                return false;
            }
            let Some(next) = list["meta"]["next_cursor"].as_str() else { return true };
            cursor = format!("&cursor={next}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The JSON at a URL, or nothing when the server is away.
pub(super) async fn get(client: &reqwest::Client, url: &str) -> Option<Value> {
    client.get(url).send().await.ok()?.json().await.ok()
}

/// Waits for a condition; fails when it takes unreasonably long.
pub(super) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !condition().await {
        assert!(Instant::now() < deadline, "gave up waiting until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
