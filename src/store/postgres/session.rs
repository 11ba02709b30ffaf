//! The writer's connection: statements prepared once, sent together, waited for by the writer's own thread.
//!
//! Must not decide what is sent nor whether it is sent again.

use super::codec::Unreadable;
use crate::store::StoreError;
use futures::future::join_all;
use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, hash_map::Entry},
    fmt,
};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Row, Statement, error::SqlState, types::ToSql};

/// The values of a statement's parameters.
pub(super) type Params<'p> = Vec<Box<dyn ToSql + Sync + 'p>>;

/// Why a statement has no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// PostgreSQL, or the way to it.
    Postgres(tokio_postgres::Error),
    /// A row is not what this release writes.
    Unreadable(Unreadable),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(error) => match error.as_db_error() {
                Some(refusal) => write!(f, "{refusal}"),
                None => write!(f, "{error}"),
            },
            Self::Unreadable(error) => write!(f, "{error}"),
        }
    }
}

impl Failure {
    /// Whether PostgreSQL answered with this code.
    pub(super) fn is(&self, code: &SqlState) -> bool {
        matches!(self, Self::Postgres(error) if error.code() == Some(code))
    }

    /// Whether a statement before it, in the same transaction, is the one that failed.
    pub(super) fn is_consequence(&self) -> bool {
        self.is(&SqlState::IN_FAILED_SQL_TRANSACTION)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Postgres(error) => error.into(),
            Failure::Unreadable(error) => error.into(),
        }
    }
}

/// One statement of several that are sent together.
pub(super) struct Call<'p> {
    sql: &'static str,
    params: Params<'p>,
    /// It begins or ends a transaction, and is counted by nobody.
    is_control: bool,
}

impl<'p> Call<'p> {
    /// A statement that begins or ends a transaction.
    pub(super) fn control(sql: &'static str, params: Params<'p>) -> Self {
        Self { sql, params, is_control: true }
    }

    pub(super) fn new(sql: &'static str, params: Params<'p>) -> Self {
        Self { sql, params, is_control: false }
    }
}

/// A connection that one thread alone uses.
pub(super) struct Session {
    runtime: Runtime,
    client: Client,
    /// By the address of their text, as there are as many as there are places that use one.
    statements: RefCell<HashMap<(usize, usize), Statement, foldhash::fast::RandomState>>,
    sent: Cell<u64>,
    trips: Cell<u64>,
    is_in_transaction: Cell<bool>,
}

impl Session {
    /// A session over a connection that is driven by `runtime`.
    pub(super) fn new(runtime: Runtime, client: Client) -> Self {
        Self {
            runtime,
            client,
            statements: RefCell::default(),
            sent: Cell::new(0),
            trips: Cell::new(0),
            is_in_transaction: Cell::new(false),
        }
    }

    /// Gives the runtime back: the connection is of no use any more.
    pub(super) fn into_runtime(self) -> Runtime {
        self.runtime
    }

    /// Whether the connection is known to be gone.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Statements sent since the last question.
    pub(super) fn take_sent(&self) -> u64 {
        self.sent.take()
    }

    /// How often it was waited for an answer since the last question.
    pub(super) fn take_trips(&self) -> u64 {
        self.trips.take()
    }

    fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    fn prepare(&self, sql: &'static str) -> Result<Statement, Failure> {
        match self.statements.borrow_mut().entry((sql.as_ptr().addr(), sql.len())) {
            Entry::Occupied(known) => Ok(known.get().clone()),
            Entry::Vacant(new) => {
                let statement = self.block_on(self.client.prepare(sql))?;
                Ok(new.insert(statement).clone())
            }
        }
    }

    /// Sends statements together and waits for all of their answers, in their order.
    pub(super) fn call_all(&self, calls: &[Call<'_>]) -> Vec<Result<Vec<Row>, Failure>> {
        let prepared: Result<Vec<_>, _> = calls.iter().map(|call| self.prepare(call.sql)).collect();
        let statements = match prepared {
            Ok(statements) => statements,
            Err(failure) => return vec![Err(failure)],
        };
        self.sent.set(self.sent.get() + calls.iter().filter(|call| !call.is_control).count() as u64);
        self.trips.set(self.trips.get() + 1);
        for call in calls {
            match call.sql {
                "BEGIN" => self.is_in_transaction.set(true),
                // Where a statement before it failed, COMMIT has rolled back.
                "COMMIT" | "ROLLBACK" => self.is_in_transaction.set(false),
                _ => {}
            }
        }
        // A statement is written to the connection when its future is first polled: in this order.
        let answers = calls.iter().zip(&statements).map(async |(call, statement)| {
            let params: Vec<&(dyn ToSql + Sync)> = call.params.iter().map(|value| &**value as _).collect();
            self.client.query(statement, &params).await.map_err(Failure::from)
        });
        self.block_on(join_all(answers))
    }

    /// Ends the transaction under way, if there is one, without what it has written.
    pub(super) fn roll_back(&self) -> Result<(), Failure> {
        if self.is_in_transaction.get() { self.call("ROLLBACK", Vec::new()).map(drop) } else { Ok(()) }
    }

    /// Sends one statement and waits for its answer.
    pub(super) fn call(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let mut answers = self.call_all(&[Call::new(sql, params)]);
        answers.pop().unwrap_or(Ok(Vec::new()))
    }
}
