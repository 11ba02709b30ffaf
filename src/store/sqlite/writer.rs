//! The writer thread: whatever is queued, from all actors, is one transaction.

use super::{
    recent::Recent,
    table::guarded,
    tx::{CommandError, Cuts, Severed, Statements, Tx, query_error, store_error},
};
use crate::{
    clock,
    lifecycle::Fatal,
    store::{Answers, Stats, StoreError, Verdict},
};
use crossbeam_channel::{Receiver, Sender};
use futures::future::BoxFuture;
use rusqlite::{Connection, ErrorCode};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::sync::oneshot;

/// One owner's way to run one command.
pub(super) trait Run: Send + 'static {
    type Command: Send + 'static;
    type Answer: Send + 'static;

    /// Runs the command. Must write nothing before it returns [`CommandError::Failed`].
    fn run(tx: &Tx<'_, '_>, command: &Self::Command) -> Result<Self::Answer, CommandError>;

    /// The command's statements were undone: storage failed it, or the database refuses it.
    fn not_stored(_tx: &Tx<'_, '_>, _command: &Self::Command) {}
}

/// Hands work to the writer thread.
pub(super) struct Writer {
    queue: Sender<Message>,
    stats: Arc<Stats>,
}

enum Message {
    Run(Box<dyn Job>),
    Alone(Box<dyn Lone>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    pub(super) fn start(
        conn: Connection,
        max_batch: usize,
        recent: Arc<Recent>,
        stats: Arc<Stats>,
        fatal: &Fatal,
    ) -> Self {
        let (queue, jobs) = crossbeam_channel::unbounded();
        let thread = Thread {
            conn,
            jobs,
            max_batch: max_batch.max(1),
            severed: Severed::default(),
            recent,
            data_version: Cell::new(0),
            stats: Arc::clone(&stats),
            fatal: fatal.clone(),
        };
        let spawned = std::thread::Builder::new().name("store-writer".into()).spawn(move || {
            let fatal = thread.fatal.clone();
            if catch_unwind(AssertUnwindSafe(|| thread.run())).is_err() {
                fatal.raise("the store's writer thread panicked");
            }
        });
        if let Err(error) = spawned {
            fatal.raise(format!("the store's writer thread cannot be started: {error}"));
        }
        Self { queue, stats }
    }

    /// Queues the commands as one job. Jobs run in the order in which they are queued, which is when
    /// this is called, not when the future is first polled.
    pub(super) fn execute<R: Run>(&self, commands: Vec<R::Command>) -> BoxFuture<'static, Answers<R::Answer>> {
        let count = commands.len();
        Stats::add(&self.stats.commands, count as u64);
        let (reply, answers) = oneshot::channel();
        let job = Batch::<R> { commands, answers: Vec::with_capacity(count), reply };
        // A closed queue drops the job and with it `reply`, which the wait below sees.
        let _ = self.queue.send(Message::Run(Box::new(job)));
        Box::pin(async move {
            answers.await.unwrap_or_else(|_| all(count, &StoreError::Unavailable("the store is closed".into())))
        })
    }

    /// Runs a closure on the writer's connection, after everything queued before.
    pub(super) fn query<T: Send + 'static>(
        &self,
        run: impl Fn(&Tx<'_, '_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let _ = self.queue.send(Message::Run(Box::new(Query { run, answer: None, reply })));
        Box::pin(
            async move { answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the store is closed".into()))) },
        )
    }

    /// Queues a job that has its transaction to itself, after everything queued before.
    pub(super) fn execute_alone(&self, job: Box<dyn Lone>) {
        // A closed queue drops the job, and with it what it would have answered with.
        let _ = self.queue.send(Message::Alone(job));
    }

    /// Runs what is queued and ends the thread.
    pub(super) fn close(&self) -> BoxFuture<'static, ()> {
        let (reply, closed) = oneshot::channel();
        let _ = self.queue.send(Message::Close(reply));
        Box::pin(async move {
            let _ = closed.await;
        })
    }
}

/// The same error for every command of a batch.
fn all<T>(count: usize, error: &StoreError) -> Answers<T> {
    (0..count).map(|_| Err(error.clone())).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// All commands share the transaction's fate.
    Together,
    /// Each command has a savepoint: the offender alone fails.
    OneByOne,
}

trait Job: Send {
    fn len(&self) -> usize;
    /// Runs the job and keeps its answers; an error ends the whole transaction.
    fn run(&mut self, tx: &Tx<'_, '_>, mode: Mode) -> rusqlite::Result<()>;
    /// Lets the answers out: the transaction is durable.
    fn committed(self: Box<Self>);
    /// Answers that nothing happened.
    fn failed(self: Box<Self>, tx: &Tx<'_, '_>, error: &StoreError);
}

struct Batch<R: Run> {
    commands: Vec<R::Command>,
    answers: Answers<R::Answer>,
    reply: oneshot::Sender<Answers<R::Answer>>,
}

impl<R: Run> Job for Batch<R> {
    fn len(&self) -> usize {
        self.commands.len()
    }

    fn run(&mut self, tx: &Tx<'_, '_>, mode: Mode) -> rusqlite::Result<()> {
        self.answers.clear();
        for command in &self.commands {
            if mode == Mode::OneByOne {
                tx.run("SAVEPOINT one", [])?;
            }
            let answer = match R::run(tx, command) {
                Ok(answer) => Ok(answer),
                Err(CommandError::Failed(error)) => Err(error),
                Err(CommandError::Broken(error)) if mode == Mode::Together => return Err(error),
                Err(CommandError::Broken(error)) => {
                    tx.run("ROLLBACK TO one", [])?;
                    R::not_stored(tx, command);
                    Err(store_error(&error))
                }
            };
            if mode == Mode::OneByOne {
                tx.run("RELEASE one", [])?;
            }
            self.answers.push(answer);
        }
        Ok(())
    }

    fn committed(self: Box<Self>) {
        // Nobody listens any more when the actor was restarted meanwhile.
        let _ = self.reply.send(self.answers);
    }

    fn failed(self: Box<Self>, tx: &Tx<'_, '_>, error: &StoreError) {
        self.commands.iter().for_each(|command| R::not_stored(tx, command));
        let _ = self.reply.send(all(self.commands.len(), error));
    }
}

struct Query<T, F> {
    run: F,
    answer: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: Fn(&Tx<'_, '_>) -> rusqlite::Result<T> + Send> Job for Query<T, F> {
    fn len(&self) -> usize {
        1
    }

    fn run(&mut self, tx: &Tx<'_, '_>, mode: Mode) -> rusqlite::Result<()> {
        self.answer = Some(match (self.run)(tx) {
            Err(error) if mode == Mode::Together && !super::codec::is_unreadable(&error) => return Err(error),
            other => other.map_err(|error| query_error(&error)),
        });
        Ok(())
    }

    fn committed(self: Box<Self>) {
        let answer = self.answer.unwrap_or_else(|| Err(StoreError::Unavailable("the query was not run".into())));
        let _ = self.reply.send(answer);
    }

    fn failed(self: Box<Self>, _tx: &Tx<'_, '_>, error: &StoreError) {
        let _ = self.reply.send(Err(error.clone()));
    }
}

/// A job that has a transaction to itself and is run once: nobody else's command can fail it, and its input can
/// be read once only.
pub(super) trait Lone: Send {
    /// Runs the job; what it has done is kept when it says so, and rolled back otherwise.
    fn run(&mut self, tx: &Tx<'_, '_>) -> Result<Verdict, StoreError>;
    /// Says how it ended.
    fn ended(self: Box<Self>, end: Result<Verdict, StoreError>);
}

/// How a transaction ended.
enum End {
    Committed,
    /// Rolled back before COMMIT: nothing happened.
    RolledBack(rusqlite::Error),
    /// COMMIT itself failed: what is on disk is unknown.
    InDoubt(rusqlite::Error),
}

struct Thread {
    conn: Connection,
    jobs: Receiver<Message>,
    max_batch: usize,
    severed: Severed,
    recent: Arc<Recent>,
    /// SQLite's number of changes that others have made to the file.
    data_version: Cell<i64>,
    stats: Arc<Stats>,
    fatal: Fatal,
}

impl Thread {
    fn run(self) {
        let Some(closed) = self.serve() else { return };
        drop(self.jobs);
        // What a backup or a person finds after a stop is one whole file. A reader that is still busy
        // only means that the WAL is folded in at the next start.
        let _ = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        if let Err((_, error)) = self.conn.close() {
            tracing::warn!(%error, "the database did not close cleanly; its WAL is replayed at the next start");
        }
        let _ = closed.send(());
    }

    /// Runs what is queued until the store is closed: then who waits for that. `None` when nobody can
    /// hand over work any more, or when the process must end.
    fn serve(&self) -> Option<oneshot::Sender<()>> {
        let statements = Statements::new(&self.conn);
        let mut closed = None;
        while closed.is_none() {
            let mut next = Some(self.jobs.recv().ok()?);
            let mut batch: Vec<Box<dyn Job>> = Vec::new();
            let mut commands = 0;
            let mut alone = None;
            while let Some(message) = next.take() {
                match message {
                    Message::Run(job) => {
                        commands += job.len();
                        batch.push(job);
                    }
                    Message::Alone(job) => alone = Some(job),
                    Message::Close(reply) => closed = Some(reply),
                }
                if commands < self.max_batch && alone.is_none() && closed.is_none() {
                    next = self.jobs.try_recv().ok();
                }
            }
            if !batch.is_empty() && !self.transact(&statements, batch, commands) {
                return None;
            }
            if let Some(job) = alone
                && !self.transact_alone(&statements, job)
            {
                return None;
            }
        }
        closed
    }

    /// Runs a job that has its transaction to itself, and says how it ended. False when the process must end.
    ///
    /// Nothing is kept in memory of what it writes: that may be any number of rows.
    fn transact_alone(&self, statements: &Statements<'_>, mut job: Box<dyn Lone>) -> bool {
        self.recent.clear();
        let cuts = self.severed.snapshot();
        let tx = Tx::new(statements, &self.severed, None, clock::now());
        let begun = control(statements, "BEGIN IMMEDIATE").map_err(|error| store_error(&error));
        let verdict = begun.and_then(|()| guarded(|| job.run(&tx)).and_then(|verdict| verdict));
        Stats::add(&self.stats.statements, tx.statements());
        if !matches!(verdict, Ok(Verdict::Keep)) {
            self.roll_back(statements, cuts);
            job.ended(verdict);
            return true;
        }
        match self.commit(statements, cuts) {
            End::Committed => {
                job.ended(verdict);
                true
            }
            End::RolledBack(error) => {
                tracing::error!(%error, "storage takes no writes; nothing of a bulk change is stored");
                job.ended(Err(StoreError::Unavailable(error.to_string())));
                true
            }
            End::InDoubt(error) => {
                tracing::error!(%error, "COMMIT failed; the process ends and recovers from the disk");
                self.fatal.raise(format!("COMMIT failed: {error}"));
                job.ended(Err(StoreError::Unavailable(error.to_string())));
                false
            }
        }
    }

    /// Runs the jobs and answers them. False when the process must end.
    fn transact(&self, statements: &Statements<'_>, mut batch: Vec<Box<dyn Job>>, commands: usize) -> bool {
        let mut end = self.attempt(statements, &mut batch, Mode::Together);
        if let End::RolledBack(error) = &end {
            tracing::warn!(%error, commands, "a batch failed and is run again one command at a time");
            Stats::add(&self.stats.reruns, 1);
            end = self.attempt(statements, &mut batch, Mode::OneByOne);
        }
        match end {
            End::Committed => {
                metrics::histogram!("store_batch_commands").record(metrics_value(commands));
                batch.into_iter().for_each(Job::committed);
                true
            }
            End::RolledBack(error) => {
                tracing::error!(%error, commands, "storage takes no writes; nothing of the batch is stored");
                self.fail(statements, batch, &StoreError::Unavailable(error.to_string()));
                true
            }
            End::InDoubt(error) => {
                tracing::error!(%error, commands, "COMMIT failed; the process ends and recovers from the disk");
                self.fatal.raise(format!("COMMIT failed: {error}"));
                self.fail(statements, batch, &StoreError::Unavailable(error.to_string()));
                false
            }
        }
    }

    fn fail(&self, statements: &Statements<'_>, batch: Vec<Box<dyn Job>>, error: &StoreError) {
        let tx = Tx::new(statements, &self.severed, None, clock::now());
        batch.into_iter().for_each(|job| job.failed(&tx, error));
    }

    fn attempt(&self, statements: &Statements<'_>, batch: &mut [Box<dyn Job>], mode: Mode) -> End {
        let recent = match mode {
            Mode::Together => Some(self.recent.as_ref()),
            Mode::OneByOne => {
                self.recent.clear();
                None
            }
        };
        let cuts = self.severed.snapshot();
        let tx = Tx::new(statements, &self.severed, recent, clock::now());
        let run = control(statements, "BEGIN IMMEDIATE")
            .and_then(|()| self.notice_strangers(statements))
            .and_then(|()| batch.iter_mut().try_for_each(|job| job.run(&tx, mode)));
        Stats::add(&self.stats.statements, tx.statements());
        if let Err(error) = run {
            self.roll_back(statements, cuts);
            return End::RolledBack(error);
        }
        self.commit(statements, cuts)
    }

    fn commit(&self, statements: &Statements<'_>, cuts: Cuts) -> End {
        match control(statements, "COMMIT") {
            Ok(()) => {
                self.recent.publish();
                Stats::add(&self.stats.commits, 1);
                End::Committed
            }
            // SQLite writes the WAL at COMMIT; a full disk leaves the transaction open and unharmed.
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {
                self.roll_back(statements, cuts);
                End::RolledBack(error)
            }
            Err(error) => End::InDoubt(error),
        }
    }

    /// Somebody with a database shell may mend a row beside the running server. What is kept in memory is
    /// worth nothing then.
    fn notice_strangers(&self, statements: &Statements<'_>) -> rusqlite::Result<()> {
        let version: i64 = statements.with("PRAGMA data_version", |pragma| pragma.query_row([], |row| row.get(0)))?;
        if self.data_version.replace(version) != version {
            self.recent.clear();
        }
        Ok(())
    }

    fn roll_back(&self, statements: &Statements<'_>, cuts: Cuts) {
        self.recent.discard();
        self.severed.restore(cuts);
        // Some failures have rolled back already; what matters is that no transaction stays open.
        if !self.conn.is_autocommit()
            && let Err(error) = control(statements, "ROLLBACK")
        {
            self.fatal.raise(format!("ROLLBACK failed: {error}"));
        }
    }
}

fn control(statements: &Statements<'_>, sql: &'static str) -> rusqlite::Result<()> {
    statements.with(sql, |statement| statement.execute([])).map(drop)
}

#[expect(clippy::cast_precision_loss, reason = "a batch has some thousands of commands at most")]
const fn metrics_value(commands: usize) -> f64 {
    commands as f64
}
