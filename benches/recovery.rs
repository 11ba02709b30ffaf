//! How fast a server is back after it was killed with very many sagas under way: sagas are cut at every
//! point between their start and their end, written to a database, and the real binary is started on it.
//!
//! ```text
//! cargo bench --bench recovery [-- SAGAS]       (100,000 unless said otherwise)
//! ```
//!
//! Prints when the server was ready, when the last saga was at rest, what it used, and what the audit says.

use anyhow::{Context as _, Result, bail, ensure};
use backstitch::role::Roles;
use backstitch::{
    clock,
    domain::{
        checkout::{self, Checkout, CheckoutEvent, CheckoutSaga, Command, Verb},
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::{Basket, LineDraft},
        payment::Provider,
        saga::{Next, Outcome},
        simulation::Simulation,
    },
    lifecycle::Fatal,
    store::{Append, LogEntry, SagaCommand, SagaRow, StartSaga, Store, sqlite},
};
use rusqlite::{Connection, OpenFlags};
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Stdio},
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Points at which a saga is cut: before and after each of its five steps is logged as done, but for the
/// last, which would end it.
const CUTS: usize = 10;
/// Sagas written together.
const CHUNK: usize = 1_000;
/// How long the server may take, so that a run ends by itself.
const BOUND: Duration = Duration::from_mins(10);

fn main() -> Result<()> {
    // `cargo test --all-targets` starts this too, without --bench, and `cargo bench -- FILTER` with a
    // filter that is meant for other benches.
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let sagas = arguments.iter().find(|argument| *argument != "--bench");
    let Ok(sagas) = sagas.map_or(Ok(100_000), |count| count.parse::<usize>()) else { return Ok(()) };
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let database = directory.path().join("recovery.db");
    actix_rt::System::new().block_on(interrupt(sagas, &database))?;

    let begun = Instant::now();
    let mut server = Server::start(directory.path(), &database)?;
    let ready = until("the server is ready", begun, || server.is_ready())?;
    let conn = Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let unfinished = || {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM saga_saga WHERE finished_at IS NULL LIMIT 1)";
        Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get::<_, u32>(0))? == 0)
    };
    let rest = until("every saga is at rest", begun, unfinished)?;
    let peak = server.peak_mib();
    server.stop()?;
    println!("{sagas} unfinished sagas: ready after {ready:.2} s, at rest after {rest:.2} s, peak {peak} MiB");

    let audit = server_command().arg("audit").arg("--set").arg(store_url(&database)).output()?;
    print!("{}", String::from_utf8_lossy(&audit.stdout));
    ensure!(audit.status.success(), "the audit is not clean");
    Ok(())
}

/// Writes sagas that end in the middle, as a kill leaves them.
async fn interrupt(sagas: usize, database: &Path) -> Result<()> {
    let options = sqlite::Options {
        path: database.to_owned(),
        owners: Roles::ALL,
        cache_mib: 64,
        readers: 1,
        max_batch: 4 * CHUNK,
    };
    let store = sqlite::open(&options, &Fatal::default())?;
    let mut written = 0;
    while written < sagas {
        let mut cases: Vec<_> = (0..CHUNK.min(sagas - written)).map(|_| Case::new()).collect();
        written += cases.len();
        let starts = cases.iter().map(Case::start).collect();
        all(store.sagas.execute(starts).await)?;
        for cut in 1..CUTS {
            let going: Vec<_> = cases.iter_mut().enumerate().filter(|(index, _)| index % CUTS >= cut).collect();
            if cut % 2 == 1 {
                act(&store, going.iter().map(|(_, case)| case.command())).await?;
            } else {
                let appends = going.into_iter().map(|(_, case)| case.append()).collect::<Result<_>>()?;
                all(store.sagas.execute(appends).await)?;
            }
        }
    }
    store.engine.close().await;
    Ok(())
}

/// Has the participants do what the sagas ask for.
async fn act(store: &Store, commands: impl Iterator<Item = Result<Command>>) -> Result<()> {
    let (mut orders, mut payments, mut shipments) = (Vec::new(), Vec::new(), Vec::new());
    for command in commands {
        match command? {
            Command::Order(command) => orders.push(command.into()),
            Command::Stock(_) => bail!("an order of free text asks the stock"),
            Command::Payment(command) => payments.push(command.into()),
            Command::Shipping(command) => shipments.push(command.into()),
        }
    }
    all(store.orders.execute(orders).await)?;
    all(store.payments.execute(payments).await)?;
    all(store.shipments.execute(shipments).await)
}

fn all<T>(answers: backstitch::store::Answers<T>) -> Result<()> {
    answers.into_iter().try_for_each(|answer| answer.map(drop)).context("a command failed")
}

struct Case {
    saga: CheckoutSaga,
    started: Vec<CheckoutEvent>,
}

impl Case {
    fn new() -> Self {
        let line = LineDraft { item_name: "Kopi Gayo 250 g".into(), quantity: 2, price: 85_000 };
        let checkout = Checkout {
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
            customer_ref: None,
            currency: Currency::Idr,
            basket: Arc::new(Basket::parse(vec![line], |_, field| field.to_owned()).expect("a good line")),
            revision: 0,
            provider: Provider::Simulated,
            deadline_ms: checkout::DEFAULT_DEADLINE_MS,
            carrier: backstitch::domain::shipment::Carrier::Simulated,
            simulate: Simulation::default(),
        };
        let id = SagaId::from_uuid(Uuid::now_v7());
        let (saga, started) = checkout::begin(id, Arc::new(checkout), clock::now());
        Self { saga, started }
    }

    fn start(&self) -> SagaCommand {
        let row = SagaRow::started(&self.saga, clock::now());
        SagaCommand::Start(Box::new(StartSaga { row, entry: entry(self.started.clone()), claim: None }))
    }

    fn step(&self) -> Result<Verb> {
        match self.saga.next() {
            Next::Run(tasks) if tasks.len() == 1 => Ok(tasks[0].action),
            other => bail!("one step at a time, not {other:?}"),
        }
    }

    fn command(&self) -> Result<Command> {
        Ok(checkout::command(&self.saga, self.step()?)?)
    }

    fn append(&mut self) -> Result<SagaCommand> {
        let (step, seq) = (self.step()?, self.saga.events());
        let events = self.saga.outcome(step, Outcome::DONE, clock::now(), 0.0)?;
        let (saga_id, order_id) = (self.saga.id(), self.saga.input().order_id);
        let append = Append { saga_id, order_id, seq, entry: entry(events), row: None, claim: None };
        Ok(SagaCommand::Append(Box::new(append)))
    }
}

fn entry(events: Vec<CheckoutEvent>) -> LogEntry {
    LogEntry { at: clock::now(), node: "node-1".into(), events }
}

/// The real binary on the database, killed when dropped.
struct Server {
    child: Child,
    address: SocketAddr,
}

fn server_command() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_backstitch"));
    command.env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

fn store_url(database: &Path) -> String {
    format!("store.url=sqlite:{}", database.display())
}

impl Server {
    fn start(directory: &Path, database: &Path) -> Result<Self> {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = server_command();
        command.current_dir(directory).args(["serve", "--set", &store_url(database)]);
        command.args(["--set", &format!("http.bind={address}"), "--set", "telemetry.log=warn"]);
        Ok(Self { child: command.spawn()?, address })
    }

    fn is_ready(&mut self) -> Result<bool> {
        ensure!(self.child.try_wait()?.is_none(), "the server has ended");
        let Ok(mut connection) = TcpStream::connect(self.address) else { return Ok(false) };
        connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        Ok(answer.starts_with("HTTP/1.1 200"))
    }

    /// The most memory it has used, where the system says.
    fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB"));
        peak.and_then(|kib| kib.trim().parse::<u64>().ok()).unwrap_or_default() / 1024
    }

    fn stop(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.stop();
    }
}

/// Seconds since `begun` until the condition holds.
fn until(what: &str, begun: Instant, mut holds: impl FnMut() -> Result<bool>) -> Result<f64> {
    while !holds()? {
        ensure!(begun.elapsed() < BOUND, "in vain: {what}");
        sleep(Duration::from_millis(10));
    }
    Ok(begun.elapsed().as_secs_f64())
}
