//! The writer thread: whatever is queued, from all actors, is one transaction.
//!
//! ```text
//!   attempt ── quick ─▶ committed
//!      │         └─ failed: once more, taking nothing for granted ─▶ one by one
//!      ├─ another transaction was in the way: again
//!      └─ connection lost: a new one, then the node's mark says whether it was committed, or it is run again
//! ```
//!
//! An answer is let out only when it is known that its transaction is durable, or that it is not. Only when
//! PostgreSQL stays away longer than [`PATIENCE`] are commands answered that they have failed; of those whose COMMIT
//! was sent, nobody knows, which is what their senders are told.

use super::{
    codec::{is_lost, is_passing},
    node::{GIVEN_UP, Membership, ResumeError},
    recent::Recent,
    session::{Failure, Session},
    write::{Mark, Tx, is_key_used, is_outdated},
};
use crate::{
    clock,
    lifecycle::Fatal,
    store::{
        Stats, StoreError, Verdict,
        commands::{Alone, CommandError, Cuts, Job, Message, Mode, Queue, Severed, Wants, guarded},
    },
};
use crossbeam_channel::Receiver;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::sync::oneshot;
use tokio_postgres::error::SqlState;

/// How long commands wait for PostgreSQL to come back before they fail.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(100);
/// How often a transaction is run again because others were in its way.
const PASSING: u32 = 8;
/// How long nothing is taken for granted after rows were not what they were taken to be: who shares sagas with
/// another node does so more than once.
const WARY: Duration = Duration::from_secs(1);
/// How often a transaction is run again because its connection was lost.
const LOSSES: u32 = 50;

/// Starts the writer over its first connection; where its work is handed over.
pub(super) fn start(
    membership: Membership,
    session: Session,
    max_batch: usize,
    recent: Arc<Recent>,
    stats: Arc<Stats>,
    fatal: &Fatal,
) -> Queue {
    let (queue, jobs) = Queue::new(Arc::clone(&stats));
    let writer = Thread {
        membership,
        connection: Connection::Up(Box::new(session)),
        jobs,
        max_batch: max_batch.max(1),
        severed: Severed::default(),
        recent,
        wary_until: None,
        batch: 0,
        stats,
        fatal: fatal.clone(),
    };
    let spawned = thread::Builder::new().name("store-writer".into()).spawn(move || {
        let fatal = writer.fatal.clone();
        if catch_unwind(AssertUnwindSafe(|| writer.run())).is_err() {
            fatal.raise("the store's writer thread panicked");
        }
    });
    if let Err(error) = spawned {
        fatal.raise(format!("the store's writer thread cannot be started: {error}"));
    }
    queue
}

/// How a transaction is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// All commands together; what is to be new is taken to be, and what this node wrote last to be there still.
    Quick,
    /// All commands together; nothing is taken for granted.
    Careful,
    /// Each command can be undone by itself.
    OneByOne,
}

/// How an attempt at a transaction ended.
enum End {
    Committed,
    /// Nothing happened.
    RolledBack(StoreError),
    /// Nothing happened, because what was taken for granted was not so.
    Mistaken(About),
    /// Nothing happened, because of other transactions: again.
    InTheWay(StoreError),
    /// Nothing happened, and nothing will any more: the others have given this node up.
    GivenUp,
    /// The connection is gone.
    Lost(Option<Doubt>, StoreError),
}

/// What was taken for granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum About {
    /// That an idempotency key is new. A client has sent again.
    Key,
    /// That rows are new, or as this node has written them.
    Rows,
}

/// A transaction that may have been committed.
struct Doubt {
    mark: Mark,
    /// The orders that are cut off if it was.
    cuts: Cuts,
}

/// What a writer has taken from its queue.
#[derive(Default)]
struct Taken {
    batch: Vec<Box<dyn Job>>,
    /// To be run after the batch, by itself.
    alone: Option<Box<dyn Alone>>,
    /// Who waits for the end, after which nothing comes.
    closed: Option<oneshot::Sender<()>>,
}

enum Connection {
    Up(Box<Session>),
    /// Since when it is known to be gone.
    Down(tokio::runtime::Runtime, Instant),
    /// Between the two.
    Changing,
}

struct Thread {
    membership: Membership,
    connection: Connection,
    jobs: Receiver<Message>,
    max_batch: usize,
    severed: Severed,
    recent: Arc<Recent>,
    /// Until then nothing is taken for granted.
    wary_until: Option<Instant>,
    batch: i64,
    stats: Arc<Stats>,
    fatal: Fatal,
}

impl Thread {
    /// Runs what is queued until the store is closed, or nobody can hand over work any more.
    fn run(mut self) {
        let mut closed = None;
        while closed.is_none() {
            let Ok(first) = self.jobs.recv() else { return };
            let taken = self.take(first);
            closed = taken.closed;
            if !taken.batch.is_empty() {
                self.transact(taken.batch);
            }
            if let Some(job) = taken.alone {
                self.transact_alone(job);
            }
            if self.fatal.reason().is_some() {
                return;
            }
        }
        drop(self.jobs);
        if let Some(closed) = closed {
            let _: Result<(), ()> = oneshot::Sender::send(closed, ());
        }
    }

    /// What is queued, as far as it goes into one transaction.
    fn take(&self, first: Message) -> Taken {
        let (mut taken, mut commands, mut next) = (Taken::default(), 0, Some(first));
        while let Some(message) = next.take() {
            match message {
                Message::Run(job) => {
                    commands += job.len();
                    taken.batch.push(job);
                }
                Message::Alone(job) => {
                    taken.alone = Some(job);
                    return taken;
                }
                Message::Close(reply) => {
                    taken.closed = Some(reply);
                    return taken;
                }
            }
            if commands < self.max_batch {
                next = self.jobs.try_recv().ok();
            }
        }
        taken
    }

    /// Runs the jobs and answers them.
    fn transact(&mut self, mut batch: Vec<Box<dyn Job>>) {
        let commands: usize = batch.iter().map(|job| job.len()).sum();
        let begun = Instant::now();
        let is_wary = self.wary_until.is_some_and(|until| begun < until);
        let mut way = if is_wary { Way::Careful } else { Way::Quick };
        let mut doubt: Option<Doubt> = None;
        let (mut in_the_way, mut losses) = (0, 0);
        let error = loop {
            let (mark, cuts) = doubt.take().map(|doubt| (doubt.mark, doubt.cuts)).unzip();
            match self.connect(begun, mark) {
                Ok(Resumed::Committed) => {
                    cuts.into_iter().for_each(|cuts| self.severed.restore(cuts));
                    return self.committed(batch, commands);
                }
                // What ends each connection that it is sent over must not be sent for ever.
                Ok(Resumed::Nothing) if losses > LOSSES => break gone(),
                Ok(Resumed::Nothing) => {}
                Err(error) => break error,
            }
            match self.attempt(&mut batch, way) {
                End::Committed => return self.committed(batch, commands),
                End::Lost(in_doubt, error) => {
                    tracing::warn!(%error, commands, "the connection to PostgreSQL is lost");
                    self.hang_up();
                    losses += 1;
                    doubt = in_doubt;
                }
                End::InTheWay(error) if in_the_way < PASSING => {
                    tracing::debug!(%error, commands, "other transactions were in the way of a batch; it is run again");
                    in_the_way += 1;
                    thread::sleep(Duration::from_millis(fastrand::u64(1..=5) << in_the_way.min(5)));
                }
                End::GivenUp => {
                    self.fatal.raise(GIVEN_UP);
                    break StoreError::Unavailable(GIVEN_UP.into());
                }
                End::Mistaken(about) if way == Way::Quick => {
                    Stats::add(&self.stats.reruns, 1);
                    if about == About::Rows {
                        self.recent.clear();
                        self.wary_until = Some(Instant::now() + WARY);
                    }
                    way = Way::Careful;
                }
                End::Mistaken(_) if way == Way::OneByOne => break StoreError::Conflict,
                End::RolledBack(error) | End::InTheWay(error) if way == Way::OneByOne => break error,
                End::RolledBack(_) | End::InTheWay(_) | End::Mistaken(_) => {
                    Stats::add(&self.stats.reruns, 1);
                    way = Way::OneByOne;
                    tracing::debug!(commands, "a batch failed and is run again one command at a time");
                }
            }
        };
        tracing::error!(%error, commands, "PostgreSQL takes no writes");
        batch.into_iter().for_each(|job| job.failed(&self.severed, &unavailable(&error)));
    }

    fn committed(&self, batch: Vec<Box<dyn Job>>, commands: usize) {
        Stats::add(&self.stats.commits, 1);
        metrics::histogram!("store_batch_commands").record(metrics_value(commands));
        batch.into_iter().for_each(Job::committed);
    }

    /// One attempt at a transaction of all jobs.
    fn attempt(&mut self, batch: &mut [Box<dyn Job>], way: Way) -> End {
        let mark = self.next_mark();
        let Connection::Up(session) = &self.connection else { return End::Lost(None, gone()) };
        let cuts = self.severed.snapshot();
        let careful = way != Way::Quick;
        let tx = Tx::new(session, &self.severed, &self.recent, mark.epoch, careful, clock::now());
        let begun = {
            let mut wants = Wants::default();
            if way != Way::OneByOne {
                batch.iter().for_each(|job| job.wants(&mut wants));
            }
            tx.read_wanted(&wants)
        };
        let mode = if way == Way::OneByOne { Mode::OneByOne } else { Mode::Together };
        let run = begun
            .map_err(CommandError::into_store_error)
            .and_then(|()| batch.iter_mut().try_for_each(|job| job.run(&tx, mode)));
        let (committing, at) = (run.is_ok(), Instant::now());
        let ended = run.and_then(|()| tx.commit(&mark).map_err(CommandError::into_store_error));
        Stats::add(&self.stats.statements, session.take_sent());
        metrics::histogram!("store_batch_round_trips")
            .record(metrics_value(usize::try_from(session.take_trips()).unwrap_or(usize::MAX)));
        let Err(error) = ended else {
            match way {
                Way::Quick | Way::Careful => tx.keep(at),
                Way::OneByOne => self.recent.clear(),
            }
            return End::Committed;
        };
        let failure = tx.take_failure();
        drop(tx);
        let cut = self.severed.snapshot();
        self.severed.restore(cuts);
        if session.is_closed() || matches!(&failure, Some(Failure::Postgres(error)) if is_lost(error)) {
            return End::Lost(committing.then_some(Doubt { mark, cuts: cut }), error);
        }
        if session.roll_back().is_err() {
            return End::Lost(None, error);
        }
        if error == StoreError::Conflict && !self.membership.may_write(session) {
            return End::GivenUp;
        }
        match failure {
            Some(Failure::Postgres(failure)) if is_passing(&failure) => End::InTheWay(error),
            Some(failure) if is_key_used(&failure) => End::Mistaken(About::Key),
            Some(failure) if failure.is(&SqlState::UNIQUE_VIOLATION) => End::Mistaken(About::Rows),
            Some(failure) if way == Way::Quick && is_outdated(&failure) => End::Mistaken(About::Rows),
            _ => End::RolledBack(error),
        }
    }

    /// Runs a job that has its transaction to itself, and says how it ended.
    fn transact_alone(&mut self, mut job: Box<dyn Alone>) {
        if let Err(error) = self.connect(Instant::now(), None) {
            return job.ended(Err(unavailable(&error)));
        }
        let mark = self.next_mark();
        let Connection::Up(session) = &self.connection else { return job.ended(Err(gone())) };
        let cuts = self.severed.snapshot();
        let tx = Tx::new(session, &self.severed, &self.recent, mark.epoch, true, clock::now());
        let begun = tx.take_time().map_err(CommandError::into_store_error);
        let verdict = begun.and_then(|()| guarded(|| job.run(&tx)).and_then(|verdict| verdict));
        let keep = matches!(verdict, Ok(Verdict::Keep));
        let end = match verdict {
            Ok(Verdict::Keep) => {
                tx.commit(&mark).map(|()| Verdict::Keep).map_err(|error| unavailable(&error.into_store_error()))
            }
            other => other,
        };
        Stats::add(&self.stats.statements, session.take_sent());
        let lost = session.is_closed();
        drop(tx);
        if end.is_err() || !keep {
            self.severed.restore(cuts);
            if !lost {
                // Where that fails, the connection is of no use, as the next transaction finds out.
                let _ = session.roll_back();
            }
        } else {
            Stats::add(&self.stats.commits, 1);
        }
        if lost && keep && matches!(self.connect(Instant::now(), Some(mark)), Ok(Resumed::Committed)) {
            return job.ended(Ok(Verdict::Keep));
        }
        job.ended(end);
    }

    fn next_mark(&mut self) -> Mark {
        self.batch += 1;
        self.membership.mark(self.batch)
    }

    /// The connection is of no use any more. Others may have written before there is another one.
    fn hang_up(&mut self) {
        self.recent.clear();
        self.connection = match std::mem::replace(&mut self.connection, Connection::Changing) {
            Connection::Up(session) => Connection::Down(session.into_runtime(), Instant::now()),
            other => other,
        };
    }

    /// Sees to it that there is a connection, for which it is waited until `begun` is long ago. Says whether the
    /// transaction of a mark was committed.
    fn connect(&mut self, begun: Instant, doubt: Option<Mark>) -> Result<Resumed, StoreError> {
        if matches!(&self.connection, Connection::Up(session) if doubt.is_some() || session.is_closed()) {
            self.hang_up();
        }
        let (runtime, since) = match std::mem::replace(&mut self.connection, Connection::Changing) {
            Connection::Up(session) => {
                self.connection = Connection::Up(session);
                return Ok(Resumed::Nothing);
            }
            Connection::Down(runtime, since) => (runtime, since),
            Connection::Changing => return Err(gone()),
        };
        // Who has waited in vain does not have everybody else wait as long again.
        let patience = if since.elapsed() > PATIENCE { Duration::ZERO } else { PATIENCE };
        loop {
            match runtime.block_on(self.membership.resume()) {
                Ok(resumed) => {
                    let committed = doubt.is_some_and(|mark| resumed.batch >= mark.batch);
                    self.batch = self.batch.max(resumed.batch);
                    runtime.spawn(resumed.link);
                    self.connection = Connection::Up(Box::new(Session::new(runtime, resumed.client)));
                    tracing::info!(away_ms = since.elapsed().as_millis(), "connected to PostgreSQL again");
                    return Ok(if committed { Resumed::Committed } else { Resumed::Nothing });
                }
                Err(ResumeError::GivenUp) => {
                    self.fatal.raise(GIVEN_UP);
                    self.connection = Connection::Down(runtime, since);
                    return Err(StoreError::Unavailable(GIVEN_UP.into()));
                }
                Err(ResumeError::Away(why)) => {
                    if begun.elapsed() > patience {
                        if doubt.is_some() {
                            self.membership.doubts();
                        }
                        self.connection = Connection::Down(runtime, since);
                        return Err(StoreError::Unavailable(why));
                    }
                }
            }
            thread::sleep(PAUSE);
        }
    }
}

/// What is known once there is a connection again.
enum Resumed {
    /// The transaction in doubt was committed.
    Committed,
    /// It was not, or there was none.
    Nothing,
}

fn gone() -> StoreError {
    StoreError::Unavailable("there is no connection to PostgreSQL".into())
}

/// What commands are answered that were rolled back for no fault of their own.
fn unavailable(error: &StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(_) => error.clone(),
        other => StoreError::Unavailable(other.to_string()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "some thousands at most")]
const fn metrics_value(count: usize) -> f64 {
    count as f64
}
