//! The clients: each places an order, waits for its saga's end, and places the next.
//!
//! ```text
//!   due ─▶ POST /orders?wait= ─▶ 201: acknowledged ─▶ at rest?  ─▶ ended
//!              ▲   │ 503, no answer                      │ no
//!              └───┘ later, under the same key           └─▶ GET /sagas/{id}?wait= until it is
//! ```
//!
//! Behaves as a good client does: a request that was not answered may have happened, and is sent again
//! under its idempotency key, to another server where there are several; a server that says it is busy is left
//! alone for a moment.

use super::{
    client::{Answer, Client},
    grpc::{self, Caller},
    order::{End, SagaSeen, Seen, read},
    run::Run,
    schedule::Due,
    tally::Promise,
    target::Target,
};
use crate::domain::ids::{OrderId, SagaId};
use hyper::{StatusCode, header::HeaderValue, http::Uri};
use std::{
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::time::{sleep, sleep_until};

/// How long the server may hold a request for the saga's end.
const WAIT_SECONDS: u32 = 30;
/// How long an answer may take: the wait, and some time to answer in.
const ANSWER_BOUND: Duration = Duration::from_secs(40);
/// How long a client tries to have one order through before it gives it up.
const ORDER_BOUND: Duration = Duration::from_mins(1);
/// The first and the longest pause before a request is sent again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(500));

/// What a request for an order comes to.
#[derive(Debug)]
pub(super) enum Reply {
    /// It is placed, and its saga has perhaps ended.
    Acknowledged { order: OrderId, saga: SagaId, end: Option<End> },
    /// Not now, says the server.
    Busy { why: String, retry_after: Option<Duration> },
    /// The first request under this key is still being committed.
    Early(String),
    /// It is an answer that no order should get.
    Refused(String),
    /// There is none.
    Lost(String),
}

/// A client, with a connection to each server.
pub(super) struct Customer {
    connections: Vec<Client>,
    /// Where it places its orders over gRPC, if it does.
    caller: Option<Caller>,
    /// Which of them is used.
    at: usize,
}

impl Customer {
    fn new(targets: &[Target], at: usize) -> Self {
        let connection = |target: &Target| Client::new(target.clone(), ANSWER_BOUND);
        Self { connections: targets.iter().map(connection).collect(), caller: None, at: at % targets.len().max(1) }
    }

    /// Sends an order.
    async fn place(&mut self, run: &Run, place: &Uri, number: u64, key: &HeaderValue) -> Reply {
        if let Some(caller) = &mut self.caller {
            let key = key.to_str().unwrap_or_default();
            let request = grpc::request(run.orders.fate(number), key, WAIT_SECONDS);
            return grpc::place(caller, request, ANSWER_BOUND).await;
        }
        match self.connection().post(place, run.orders.body(number), Some(key)).await {
            Ok(answer) => replied(&answer),
            Err(lost) => Reply::Lost(lost.to_string()),
        }
    }

    fn connection(&mut self) -> &mut Client {
        &mut self.connections[self.at]
    }

    /// Goes on with the next server, where there are several.
    fn turn(&mut self) {
        self.at = (self.at + 1) % self.connections.len();
    }
}

/// Connected clients. One after the other and before the clock starts: what a few hundred connections at
/// once cost is no order's latency.
pub(super) async fn connected(targets: &[Target], callers: Vec<Caller>, clients: u16) -> Vec<Customer> {
    let mut callers = callers.into_iter().cycle();
    let mut connected = Vec::with_capacity(usize::from(clients));
    for number in 0..clients {
        let mut customer = Customer::new(targets, usize::from(number));
        for connection in &mut customer.connections {
            connection.connect().await;
        }
        customer.caller = callers.next();
        connected.push(customer);
    }
    connected
}

/// Places orders until there are enough, each at the next server.
pub(super) async fn place_orders(run: Rc<Run>, mut customer: Customer) {
    let place = Uri::try_from(format!("/orders?wait={WAIT_SECONDS}&on_failure=created")).unwrap_or_default();
    loop {
        let Some(due) = run.schedule.borrow_mut().next(Instant::now()) else { return };
        if let Some(wake) = due.sleep_until(Instant::now()) {
            sleep_until(wake.into()).await;
        }
        order(&run, &mut customer, &place, due).await;
        customer.turn();
    }
}

/// Pauses that grow and are spread, so that clients that failed together do not come back together.
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) const fn new() -> Self {
        Self(PAUSE.0)
    }

    pub(super) async fn pause(&mut self, asked: Option<Duration>) {
        let spread = self.0.mul_f64(0.5 + fastrand::f64());
        self.0 = (self.0 * 2).min(PAUSE.1);
        sleep(asked.map_or(spread, |asked| asked + spread)).await;
    }
}

/// Takes one order from its first request to its saga's end.
async fn order(run: &Run, customer: &mut Customer, place: &Uri, due: Due) {
    let sent = Instant::now();
    let (from, give_up) = (due.counts_from(sent), sent + ORDER_BOUND);
    run.tally.borrow_mut().placed += 1;
    let Ok(key) = HeaderValue::try_from(format!("{}-{}", run.key, due.number)) else { return };
    let mut pauses = Pauses::new();
    let mut why = String::from("there was no time to place it");
    let mut first_lost = None;
    while Instant::now() < give_up {
        match customer.place(run, place, due.number, &key).await {
            Reply::Acknowledged { order, saga, end } => {
                run.tally.borrow_mut().acknowledged.push(Promise { order, saga, by: customer.at });
                let end = match end {
                    Some(end) => Some(end),
                    None => followed(run, customer, saga, give_up).await,
                };
                let Some(end) = end else { return };
                let (mut tally, now) = (run.tally.borrow_mut(), Instant::now());
                tally.ended(end, from, now);
                if let Some(lost) = first_lost {
                    tally.recovered(lost, now);
                }
                return;
            }
            Reply::Busy { why: said, retry_after } => {
                run.tally.borrow_mut().refused(Instant::now());
                why = said;
                pauses.pause(retry_after).await;
            }
            Reply::Early(said) => {
                why = said;
                pauses.pause(None).await;
            }
            Reply::Refused(said) => return run.tally.borrow_mut().error(Instant::now(), said),
            Reply::Lost(said) => {
                run.tally.borrow_mut().lost(Instant::now());
                first_lost.get_or_insert_with(Instant::now);
                why = said;
                pauses.pause(None).await;
                // Under the same key: whichever server gets it, it is the same order.
                customer.turn();
            }
        }
    }
    run.tally.borrow_mut().error(Instant::now(), format!("an order was given up: {why}"));
}

/// What an answer over REST comes to.
fn replied(answer: &Answer) -> Reply {
    match answer.status {
        StatusCode::CREATED => match read::<Seen<'_>>(&answer.body) {
            Ok(Seen { id, saga_id, reason, saga }) => Reply::Acknowledged {
                order: id,
                saga: saga_id,
                end: saga.and_then(|saga| End::of(&saga.status, reason.as_deref())),
            },
            Err(error) => Reply::Refused(format!("an answer cannot be read: {error}")),
        },
        StatusCode::SERVICE_UNAVAILABLE => Reply::Busy { why: said(answer), retry_after: answer.retry_after },
        StatusCode::CONFLICT => Reply::Early(said(answer)),
        _ => Reply::Refused(said(answer)),
    }
}

/// Waits for the end of a saga whose order was acknowledged before.
async fn followed(run: &Run, customer: &mut Customer, saga: SagaId, give_up: Instant) -> Option<End> {
    let end = end_of(customer, saga, give_up).await;
    if end.is_none() {
        run.tally.borrow_mut().unfinished.push(saga);
    }
    end
}

/// Asks for a saga until it has ended; `None` when it has not by `give_up`.
pub(super) async fn end_of(customer: &mut Customer, saga: SagaId, give_up: Instant) -> Option<End> {
    let mut pauses = Pauses::new();
    loop {
        let left = give_up.checked_duration_since(Instant::now())?;
        let wait = left.as_secs().min(u64::from(WAIT_SECONDS));
        let path = Uri::try_from(format!("/sagas/{saga}?wait={wait}")).ok()?;
        if let Ok(answer) = customer.connection().get(&path).await
            && let Ok(seen) = read::<SagaSeen<'_>>(&answer.body)
            && let Some(end) = End::of(&seen.status, seen.reason.as_deref())
        {
            return Some(end);
        }
        customer.turn();
        pauses.pause(None).await;
    }
}

/// What an unexpected answer says, in short.
pub(super) fn said(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    format!("{}: {}", answer.status, text.chars().take(300).collect::<String>())
}

/// One more client, of all servers.
pub(super) fn onlooker(run: &Run) -> Customer {
    Customer::new(&run.nodes.targets(), 0)
}

/// A client for everything but orders, of one server.
pub(super) fn operator(target: &Target) -> Client {
    Client::new(target.clone(), ANSWER_BOUND)
}
