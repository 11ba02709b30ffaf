//! The five roles as five processes of a test's own, each on a database of its own.

use crate::support::TestDatabase;
use backstitch::role::Role;
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};
use strum::VariantArray as _;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// How long anything that must happen may take before the test fails.
pub(super) const BOUND: Duration = Duration::from_mins(1);

/// Where a role is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) rest: SocketAddr,
    pub(super) grpc: SocketAddr,
}

/// Five processes, of which any may be gone just now. Killed when dropped.
pub(super) struct Split {
    directory: TempDir,
    databases: HashMap<Role, TestDatabase>,
    places: HashMap<Role, Place>,
    /// Keep the places from being given to others while nobody listens there.
    _kept: Vec<Socket>,
    running: HashMap<Role, Child>,
    settings: Vec<(String, String)>,
    pub(super) client: reqwest::Client,
}

/// Gives a process a setting.
fn set(command: &mut Command, key: &str, value: &str) {
    command.env(format!("BACKSTITCH__{}", key.replace('.', "__").to_uppercase()), value);
}

/// An address that nobody gets as long as the socket is there, but who asks for it by name and listens.
pub(super) fn keep_address() -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    socket.set_reuse_address(true)?;
    let address = socket.local_addr()?.as_socket().expect("an address of the internet");
    Ok((socket, address))
}

impl Split {
    /// All five, which are ready.
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// All five, with these settings in common.
    pub(super) async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_each(settings, &[]).await
    }

    /// All five, with settings in common, and some that one role alone has.
    pub(super) async fn start_each(settings: &[(&str, &str)], own: &[(Role, String, String)]) -> Self {
        let mut split = Self::prepare(settings);
        for role in Role::VARIANTS {
            let mut command = split.command(*role);
            for (_, key, value) in own.iter().filter(|(of, ..)| of == role) {
                set(&mut command, key, value);
            }
            split.spawn_by(*role, command);
        }
        for role in Role::VARIANTS {
            split.until_ready(*role).await;
        }
        split
    }

    /// Places for all five, of which none runs.
    pub(super) fn prepare(settings: &[(&str, &str)]) -> Self {
        let roles = || Role::VARIANTS.iter().copied();
        let mut kept = Vec::new();
        let mut address = || {
            let (socket, address) = keep_address().expect("a free port");
            kept.push(socket);
            address
        };
        let places = roles().map(|role| (role, Place { rest: address(), grpc: address() })).collect();
        Self {
            directory: tempfile::tempdir().expect("a temporary directory"),
            databases: roles().map(|role| (role, TestDatabase::untouched())).collect(),
            places,
            _kept: kept,
            running: HashMap::new(),
            settings: settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            client: crate::support::http_client(),
        }
    }

    /// A role's database, behind its process's back.
    pub(super) fn database(&self, role: Role) -> &TestDatabase {
        &self.databases[&role]
    }

    /// A `backstitch` command with a role's settings, and nothing of the test's environment.
    pub(super) fn command(&self, role: Role) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backstitch"));
        let is_encrypted = self.settings.iter().any(|(key, _)| key == "peers.authority");
        let scheme = if is_encrypted { "https" } else { "http" };
        command.env_clear().current_dir(self.directory.path());
        set(&mut command, "telemetry.format", "json");
        set(&mut command, "node.id", role.as_str());
        set(&mut command, "node.roles", role.as_str());
        set(&mut command, "store.url", &self.databases[&role].url());
        set(&mut command, "http.bind", &self.places[&role].rest.to_string());
        for (bind, of) in [
            ("grpc.order_bind", Role::Order),
            ("grpc.stock_bind", Role::Stock),
            ("grpc.payment_bind", Role::Payment),
            ("grpc.shipping_bind", Role::Shipping),
            ("grpc.saga_bind", Role::Coordinator),
        ] {
            let address = self.places[&of].grpc;
            set(&mut command, bind, &if of == role { address.to_string() } else { String::new() });
            set(&mut command, &format!("peers.{of}"), &format!("{scheme}://{address}"));
        }
        for (key, value) in &self.settings {
            set(&mut command, key, value);
        }
        command
    }

    /// Starts a role's process, which is none just now.
    pub(super) fn spawn(&mut self, role: Role) {
        let command = self.command(role);
        self.spawn_by(role, command);
    }

    /// As [`Self::spawn`], by a command of the test's own making.
    pub(super) fn spawn_by(&mut self, role: Role, mut command: Command) {
        let log = std::fs::File::options().create(true).append(true).open(self.log(role)).expect("a log file");
        let child = command.arg("serve").stdout(Stdio::null()).stderr(log).spawn().expect("the binary starts");
        let before = self.running.insert(role, child);
        assert!(before.is_none(), "the {role} runs already");
    }

    /// Where a role's process says what it does.
    pub(super) fn log(&self, role: Role) -> std::path::PathBuf {
        self.directory.path().join(format!("{role}.log"))
    }

    /// Waits until a role's process takes work, and so do those that it needs for that.
    pub(super) async fn until_ready(&mut self, role: Role) {
        self.until_well(role, "/readyz").await;
    }

    /// Waits until a role's process is there, whoever else may be away.
    pub(super) async fn until_up(&mut self, role: Role) {
        self.until_well(role, "/healthz").await;
    }

    async fn until_well(&mut self, role: Role, asked: &str) {
        let deadline = Instant::now() + BOUND;
        let url = self.at(role, asked);
        while !self.client.get(&url).send().await.is_ok_and(|response| response.status() == 200) {
            // Whoever it waits for must be there, too.
            let ended =
                self.running.iter_mut().find_map(|(role, child)| child.try_wait().ok().flatten().map(|_| *role));
            let said = |role| std::fs::read_to_string(self.log(role)).unwrap_or_default();
            assert!(ended.is_none(), "the {ended:?} has ended: {}", ended.map(said).unwrap_or_default());
            assert!(Instant::now() < deadline, "the {role} does not get ready: {}", said(role));
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What a role's process has said so far, line by line.
    pub(super) fn said(&self, role: Role) -> Vec<Value> {
        let log = std::fs::read_to_string(self.log(role)).expect("a log");
        log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| json!(line))).collect()
    }

    async fn peer(&self, by: Role, of: Role) -> Value {
        let (_, peers) = self.get(by, "/admin/peers").await;
        let peers = peers["data"].as_array().expect("peers");
        peers.iter().find(|peer| peer["role"] == of.as_str()).expect("a peer").clone()
    }

    /// For how long another role has not answered a role's process, in ms; 0 where it answers.
    pub(super) async fn away_ms(&self, by: Role, of: Role) -> u64 {
        self.peer(by, of).await["away_ms"].as_u64().unwrap_or_default()
    }

    /// What a role's process knows of another: its state, and what went wrong last.
    pub(super) async fn known(&self, by: Role, of: Role) -> (String, String) {
        let peer = self.peer(by, of).await;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&peer["state"]), text(&peer["error"]))
    }

    /// SIGKILL: nothing gets to say goodbye.
    pub(super) fn kill(&mut self, role: Role) {
        let mut child = self.running.remove(&role).expect("it runs");
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }

    /// Sends a role's process a signal.
    pub(super) fn signal(&self, role: Role, signal: &str) {
        let pid = self.running[&role].id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// A URL of a role's REST server.
    pub(super) fn at(&self, role: Role, path: &str) -> String {
        format!("http://{}{path}", self.places[&role].rest)
    }

    /// Where a role serves gRPC.
    pub(super) fn grpc(&self, role: Role) -> SocketAddr {
        self.places[&role].grpc
    }

    /// Asks a role's REST server; the status and the body.
    pub(super) async fn get(&self, role: Role, path: &str) -> (u16, Value) {
        answer(self.client.get(self.at(role, path))).await
    }

    /// Sends a body to a role's REST server; the status and the body of the answer.
    pub(super) async fn post(&self, role: Role, path: &str, body: &Value) -> (u16, Value) {
        answer(self.client.post(self.at(role, path)).json(body)).await
    }

    /// As [`Self::post`], to put something.
    pub(super) async fn put(&self, role: Role, path: &str, body: &Value) -> (u16, Value) {
        answer(self.client.put(self.at(role, path)).json(body)).await
    }

    /// Waits until no saga is under way or waits.
    pub(super) async fn all_rest(&self) {
        let under_way = ["running", "waiting", "compensating"];
        let rest = async || {
            for status in under_way {
                let (code, list) = self.get(Role::Coordinator, &format!("/sagas?limit=1&status={status}")).await;
                if code != 200 || list["data"].as_array().is_none_or(|sagas| !sagas.is_empty()) {
                    return false;
                }
            }
            true
        };
        // Twice, since a saga may change from one status to another between two looks.
        eventually("every saga rests", async || rest().await && rest().await).await;
    }

    /// The saga of the order that was placed last, as lists show it.
    pub(super) async fn last_saga(&self) -> Value {
        self.get(Role::Coordinator, "/sagas?limit=1").await.1["data"][0].clone()
    }

    /// Fails unless no step of any saga was tried more than once.
    pub(super) async fn assert_no_attempt_was_burned(&self) {
        let (_, sagas) = self.get(Role::Coordinator, "/sagas").await;
        for saga in sagas["data"].as_array().expect("sagas") {
            let path = format!("/sagas/{}", saga["id"].as_str().expect("an id"));
            let (_, saga) = self.get(Role::Coordinator, &path).await;
            for step in saga["data"]["steps"].as_array().expect("steps") {
                assert!(step["attempts"].as_u64() <= Some(1), "{step}");
            }
        }
    }

    /// What `backstitch audit` says, asked as the coordinator.
    pub(super) fn audit(&self) -> Output {
        self.command(Role::Coordinator).arg("audit").output().expect("the binary runs")
    }

    /// Fails unless the audit over all five is clean.
    pub(super) fn assert_audit_is_clean(&self) {
        let audit = self.audit();
        let (said, errors) = (String::from_utf8_lossy(&audit.stdout), String::from_utf8_lossy(&audit.stderr));
        assert!(audit.status.success(), "the audit is red:\n{said}{errors}");
    }
}

impl Drop for Split {
    fn drop(&mut self) {
        for child in self.running.values_mut() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Sends a request; the status and the body of its answer.
pub(super) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

/// An order that is paid at once, with what is to be simulated.
pub(super) fn order(simulate: &Value) -> Value {
    json!({
        "item_name": "Kopi Gayo 250 g", "quantity": 2, "price": 85_000,
        "payment": {"provider": "simulated"}, "simulate": simulate,
    })
}

/// Waits for a condition; fails when it takes unreasonably long.
pub(super) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + BOUND;
    while !condition().await {
        assert!(Instant::now() < deadline, "gave up waiting until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
