//! The writer thread: whatever is queued, from all actors, is one transaction.

use super::{
    recent::Recent,
    tx::{Statements, Tx, store_error},
};
use crate::{
    clock,
    lifecycle::Fatal,
    store::{
        Stats, StoreError, Verdict,
        commands::{Alone, Cuts, Job, Message, Mode, Queue, Severed, guarded},
    },
};
use crossbeam_channel::Receiver;
use rusqlite::{Connection, ErrorCode};
use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::sync::oneshot;

/// Starts the writer; where its work is handed over.
pub(super) fn start(
    conn: Connection,
    max_batch: usize,
    recent: Arc<Recent>,
    stats: Arc<Stats>,
    fatal: &Fatal,
) -> Queue {
    let (queue, jobs) = Queue::new(Arc::clone(&stats));
    let thread = Thread {
        conn,
        jobs,
        max_batch: max_batch.max(1),
        severed: Severed::default(),
        recent,
        data_version: Cell::new(0),
        stats,
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
    queue
}

/// How a transaction ended.
enum End {
    Committed,
    /// Rolled back before COMMIT: nothing happened.
    RolledBack(StoreError),
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
    fn transact_alone(&self, statements: &Statements<'_>, mut job: Box<dyn Alone>) -> bool {
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
                job.ended(Err(unavailable(error)));
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
                self.fail(batch, &unavailable(error));
                true
            }
            End::InDoubt(error) => {
                tracing::error!(%error, commands, "COMMIT failed; the process ends and recovers from the disk");
                self.fatal.raise(format!("COMMIT failed: {error}"));
                self.fail(batch, &StoreError::Unavailable(error.to_string()));
                false
            }
        }
    }

    fn fail(&self, batch: Vec<Box<dyn Job>>, error: &StoreError) {
        batch.into_iter().for_each(|job| job.failed(&self.severed, error));
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
        let begun = control(statements, "BEGIN IMMEDIATE").and_then(|()| self.notice_strangers(statements));
        let run = begun
            .map_err(|error| store_error(&error))
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
                End::RolledBack(store_error(&error))
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

/// What commands are answered that were rolled back for no fault of their own.
fn unavailable(error: StoreError) -> StoreError {
    match error {
        StoreError::Unavailable(_) => error,
        other => StoreError::Unavailable(other.to_string()),
    }
}

fn control(statements: &Statements<'_>, sql: &'static str) -> rusqlite::Result<()> {
    statements.with(sql, |statement| statement.execute([])).map(drop)
}

#[expect(clippy::cast_precision_loss, reason = "a batch has some thousands of commands at most")]
const fn metrics_value(commands: usize) -> f64 {
    commands as f64
}
