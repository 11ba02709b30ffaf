//! One write transaction on PostgreSQL, as the commands see it.
//!
//! ```text
//!   1  BEGIN · SELECT … = ANY($1) ORDER BY … FOR UPDATE, a statement for each kind of row      one round trip, for
//!      that this node has not written lately                                                   what there is of it
//!      ┆ the levels that reservations hold and orders ask for, in one order over all nodes     one more, for stock
//!      ┆ commands: decided in memory, over what was read or written lately                     none
//!   2  unnest: an INSERT and an UPDATE for each kind of row · the node's mark · COMMIT         one round trip
//! ```
//!
//! What was not read ahead is asked for when it is needed, one by one: that is seldom, and as right. COMMIT is sent
//! with the statements before it, so each of them fails by itself, and the transaction with it, when it has not
//! written what it was to: a row that is new, or one over the very version that was decided from. Unless it is
//! `careful`, a transaction relies on that: what is to be new is taken to be, and what this node wrote last is
//! taken to be there still.
//!
//! Owns what is written when. Must not decide anything, nor send anything again: that is the writer's.

mod aggregates;
mod catalog;
mod mark;
mod notifier;
mod order;
mod payment;
mod retention;
mod saga;
mod shipment;
mod stock;
mod working;

use super::{
    codec::store_error,
    recent::Recent,
    session::{Call, Failure, Params, Session},
};
use crate::role::{Role, Roles};
use crate::{
    domain::{ids::OrderId, order::Order, payment::Payments, shipment::Shipping, time::Timestamp},
    store::{
        Claim, StoreError,
        commands::{self, CommandError, Severed, Wants},
    },
};
use aggregates::Table;
use payment::PaymentBuffer;
use saga::SagaBuffer;
use std::{
    cell::{Cell, RefCell},
    time::Instant,
};
use stock::StockBuffer;
use tokio_postgres::{Row, error::SqlState};
use working::Working;

pub(super) use mark::Mark;

/// A statement that fails, and its transaction with it, unless it writes as many rows as its first parameter says.
macro_rules! exactly {
    ($($sql:expr),+) => {
        concat!("WITH written AS (", $($sql,)+ " RETURNING 1) SELECT 1 / (count(*) = $1::bigint)::int FROM written")
    };
}

/// A statement that fails, and its transaction with it, unless rows are in the versions that its third parameter says,
/// for the keys that its second does; as many as the first. A subquery for each row looks it up by its key, whatever the
/// planner knows; as a join it read the whole table.
macro_rules! unchanged {
    ($found:expr) => {
        concat!(
            "SELECT 1 / (count(*) = $1::bigint)::int FROM unnest($2::uuid[], $3::bigint[]) AS u (id, version) \
             WHERE u.version = coalesce((SELECT t.version FROM ",
            $found,
            "), 0)"
        )
    };
}

/// The values of an `unnest`, a column for each expression, a row for each item.
macro_rules! columns_of {
    ($rows:expr, |$row:pat_param| $($value:expr),+ $(,)?) => {
        vec![$(
            Box::new($rows.iter().map(|$row| $value).collect::<Vec<_>>())
                as Box<dyn tokio_postgres::types::ToSql + Sync + '_>
        ),+]
    };
}

use {columns_of, exactly, unchanged};

/// A transaction under way.
pub(super) struct Tx<'t> {
    session: &'t Session,
    severed: &'t Severed,
    recent: &'t Recent,
    now: Timestamp,
    /// The node that writes.
    epoch: i64,
    /// Whether everything is looked at before it is decided from, and before a row is written as new.
    careful: bool,
    begun: Cell<bool>,
    /// It may change any number of rows, which are not all kept in memory.
    is_long: Cell<bool>,
    orders: Working<OrderId, Order>,
    payments: Working<OrderId, Payments>,
    shipping: Working<OrderId, Shipping>,
    paid: RefCell<PaymentBuffer>,
    stock: StockBuffer,
    sagas: RefCell<SagaBuffer>,
    /// Shops of orders that were edited, as they were.
    shops_before: RefCell<Vec<order::ShopsBefore>>,
    order_claims: RefCell<Vec<(Claim, OrderId)>>,
    /// Something has been written by itself.
    wrote: Cell<bool>,
    failure: RefCell<Option<Failure>>,
}

impl<'t> Tx<'t> {
    /// A transaction that begins with its first statement.
    pub(super) fn new(
        session: &'t Session,
        severed: &'t Severed,
        recent: &'t Recent,
        epoch: i64,
        careful: bool,
        now: Timestamp,
    ) -> Self {
        Self {
            session,
            severed,
            recent,
            now,
            epoch,
            careful,
            begun: Cell::new(false),
            is_long: Cell::new(false),
            orders: Working::default(),
            payments: Working::default(),
            shipping: Working::default(),
            paid: RefCell::default(),
            stock: StockBuffer::default(),
            sagas: RefCell::default(),
            shops_before: RefCell::default(),
            order_claims: RefCell::default(),
            wrote: Cell::new(false),
            failure: RefCell::new(None),
        }
    }

    /// Reads what the commands are going to ask for.
    pub(super) fn read_wanted(&self, wants: &Wants<'_>) -> Result<(), CommandError> {
        let mut reads = Reads::default();
        self.read_ahead::<Order>(&wants.orders, &mut reads);
        self.read_ahead::<Payments>(&wants.payments, &mut reads);
        self.read_ahead::<Shipping>(&wants.shipping, &mut reads);
        self.read_reservations_ahead(&wants.reservations, &mut reads);
        self.read_sources_ahead(&wants.sources, &mut reads);
        self.read_saga_keys_ahead(&wants.saga_keys, &mut reads);
        self.read_sagas_ahead(wants, &mut reads);
        if !reads.calls.is_empty() {
            let answers = self.call_all(reads.calls)?;
            for (take_in, rows) in reads.readers.into_iter().zip(answers) {
                take_in(rows)?;
            }
        }
        self.read_levels_ahead(&wants.levels)
    }

    /// Has the transaction take its time between statements, and change any number of rows.
    pub(super) fn take_time(&self) -> Result<(), CommandError> {
        self.is_long.set(true);
        let patient = "SET LOCAL idle_in_transaction_session_timeout = '60s'";
        self.call_all(vec![Call::control(patient, Vec::new())]).map(drop)
    }

    /// It is committed, all commands together, and its COMMIT was not sent before `at`: what it has written is kept
    /// for a while.
    pub(super) fn keep(self, at: Instant) {
        let mut kept = self.recent.lock();
        aggregates::keep(self.orders, &mut kept, at);
        aggregates::keep(self.payments, &mut kept, at);
        aggregates::keep(self.shipping, &mut kept, at);
        self.sagas.into_inner().keep(&mut kept, at);
        kept.age();
    }

    /// Writes what was changed, the mark, and ends the transaction.
    pub(super) fn commit(&self, mark: &Mark) -> Result<(), CommandError> {
        self.write(Some(mark))
    }

    /// Writes what was changed so far, so that statements see it.
    fn flush(&self) -> Result<(), CommandError> {
        self.write(None)
    }

    fn write(&self, end: Option<&Mark>) -> Result<(), CommandError> {
        {
            let (orders, payments, shipping) = (self.orders.slots(), self.payments.slots(), self.shipping.slots());
            let (paid, sagas, shops_before) = (self.paid.borrow(), self.sagas.borrow(), self.shops_before.borrow());
            let order_claims = self.order_claims.borrow();
            let (reservations, levels, movements) =
                (self.stock.reservations.slots(), self.stock.levels.slots(), self.stock.movements.borrow());
            let mut calls = Vec::new();
            if end.is_some() {
                aggregates::check(&self.orders, &mut calls);
                aggregates::check(&self.payments, &mut calls);
                aggregates::check(&self.shipping, &mut calls);
            }
            let checks = calls.len();
            order::write(&orders, &shops_before, &order_claims, self.now, &mut calls)?;
            payment::write(&payments, &paid, self.now, &mut calls)?;
            shipment::write(&shipping, &mut calls)?;
            stock::write(&reservations, &levels, &movements, self.now, &mut calls)?;
            saga::write(&sagas, self.epoch, self.now, &mut calls);
            if calls.len() > checks {
                self.wrote.set(true);
            }
            if let Some(mark) = end {
                if self.wrote.get() {
                    calls.push(mark.call());
                }
                // One for each transaction at most: PostgreSQL lets one that notifies commit at a time.
                if let Some(channel) = mark.announces {
                    calls.extend(saga::announce(&sagas, self.epoch, channel));
                }
                calls.push(Call::control("COMMIT", Vec::new()));
            }
            if calls.is_empty() {
                return Ok(());
            }
            self.call_all(calls)?;
        }
        self.orders.written(Table::count);
        self.payments.written(Table::count);
        self.shipping.written(Table::count);
        self.stock.written();
        self.paid.borrow_mut().clear();
        self.sagas.borrow_mut().written();
        self.shops_before.borrow_mut().clear();
        self.order_claims.borrow_mut().clear();
        Ok(())
    }

    /// Sends statements together, after BEGIN where they are the first. The first that fails, fails them all.
    fn call_all(&self, mut calls: Vec<Call<'_>>) -> Result<Vec<Vec<Row>>, CommandError> {
        let begins = !self.begun.replace(true);
        if begins {
            calls.insert(0, Call::control("BEGIN", Vec::new()));
        }
        let mut rows = Vec::with_capacity(calls.len());
        let mut failed: Option<Failure> = None;
        for answer in self.session.call_all(&calls) {
            match answer {
                Ok(answer) => rows.push(answer),
                Err(failure) if failed.as_ref().is_none_or(Failure::is_consequence) => failed = Some(failure),
                Err(_) => {}
            }
        }
        match failed {
            None => {
                rows.drain(..usize::from(begins));
                Ok(rows)
            }
            Some(failure) => Err(self.broken(failure)),
        }
    }

    /// Runs one statement that only reads.
    fn ask(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, CommandError> {
        Ok(self.call_all(vec![Call::new(sql, params)])?.pop().unwrap_or_default())
    }

    /// Runs one statement that writes.
    fn run(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, CommandError> {
        self.wrote.set(true);
        self.ask(sql, params)
    }

    fn broken(&self, failure: Failure) -> CommandError {
        if matches!(failure, Failure::Unreadable(_)) {
            return CommandError::Failed(failure.into());
        }
        let error = meaning(&failure);
        self.failure.replace(Some(failure));
        CommandError::Broken(error)
    }

    /// What PostgreSQL said last when it did not do what it was asked.
    pub(super) fn take_failure(&self) -> Option<Failure> {
        self.failure.take()
    }

    fn clear(&self) {
        self.orders.clear();
        self.payments.clear();
        self.shipping.clear();
        self.paid.borrow_mut().clear();
        self.stock.clear();
        self.sagas.borrow_mut().clear();
        self.shops_before.borrow_mut().clear();
        self.order_claims.borrow_mut().clear();
    }
}

/// Whether a failure says that what was to be written over has changed meanwhile, or is somebody else's by now.
pub(super) fn is_outdated(failure: &Failure) -> bool {
    failure.is(&SqlState::DIVISION_BY_ZERO)
}

/// Whether a failure says that an idempotency key was used before.
pub(super) fn is_key_used(failure: &Failure) -> bool {
    let Failure::Postgres(error) = failure else { return false };
    error.as_db_error().is_some_and(|refusal| {
        let table = refusal.table().unwrap_or_default();
        *refusal.code() == SqlState::UNIQUE_VIOLATION && table.ends_with("_idempotency")
    })
}

/// What a failure means to the command whose statement it is.
fn meaning(failure: &Failure) -> StoreError {
    if is_outdated(failure) || saga::is_place_taken(failure) {
        return StoreError::Conflict;
    }
    match failure {
        Failure::Postgres(error) => store_error(error),
        Failure::Unreadable(error) => StoreError::Poisoned(error.to_string()),
    }
}

/// What takes in what a statement has found.
type TakeIn<'a> = Box<dyn FnOnce(Vec<Row>) -> Result<(), CommandError> + 'a>;

/// Statements that read ahead, and what takes in what each has found.
#[derive(Default)]
struct Reads<'a> {
    calls: Vec<Call<'a>>,
    readers: Vec<TakeIn<'a>>,
}

impl<'a> Reads<'a> {
    fn push(&mut self, call: Call<'a>, take_in: impl FnOnce(Vec<Row>) -> Result<(), CommandError> + 'a) {
        self.calls.push(call);
        self.readers.push(Box::new(take_in));
    }
}

impl commands::Tx for Tx<'_> {
    fn now(&self) -> Timestamp {
        self.now
    }

    fn severed(&self) -> &Severed {
        self.severed
    }

    fn begin_one(&self) -> Result<(), CommandError> {
        self.ask("SAVEPOINT one", Vec::new()).map(drop)
    }

    fn end_one(&self) -> Result<(), CommandError> {
        self.flush()?;
        self.ask("RELEASE SAVEPOINT one", Vec::new()).map(drop)
    }

    fn undo_one(&self) -> Result<(), CommandError> {
        self.clear();
        self.ask("ROLLBACK TO SAVEPOINT one", Vec::new())?;
        self.ask("RELEASE SAVEPOINT one", Vec::new()).map(drop)
    }

    fn forget_keys(&self, owners: Roles, before: Timestamp) -> Result<usize, CommandError> {
        let mut forgotten = 0;
        for (_, sql) in FORGET_KEYS.iter().filter(|(owner, _)| owners.contains(*owner)) {
            forgotten += self.run(sql, vec![Box::new(before)])?.len();
        }
        Ok(forgotten)
    }
}

/// Forgets the oldest keys, whoever they are of.
const FORGET_KEYS: [(Role, &str); 6] = [
    (
        Role::Coordinator,
        "DELETE FROM saga_idempotency WHERE (scope, key) IN (SELECT scope, key FROM saga_idempotency \
         WHERE created_at < $1 ORDER BY created_at LIMIT 500) RETURNING 1",
    ),
    (
        Role::Order,
        "DELETE FROM order_idempotency WHERE (scope, key) IN (SELECT scope, key FROM order_idempotency \
         WHERE created_at < $1 ORDER BY created_at LIMIT 500) RETURNING 1",
    ),
    (
        Role::Payment,
        "DELETE FROM payment_idempotency WHERE (scope, key) IN (SELECT scope, key FROM payment_idempotency \
         WHERE created_at < $1 ORDER BY created_at LIMIT 500) RETURNING 1",
    ),
    (
        Role::Payment,
        "DELETE FROM payment_notifier_idempotency WHERE (scope, key) IN (SELECT scope, key FROM \
         payment_notifier_idempotency WHERE created_at < $1 ORDER BY created_at LIMIT 500) RETURNING 1",
    ),
    (
        Role::Stock,
        "DELETE FROM stock_idempotency WHERE (scope, key) IN (SELECT scope, key FROM stock_idempotency \
         WHERE created_at < $1 ORDER BY created_at LIMIT 500) RETURNING 1",
    ),
    (
        Role::Stock,
        "DELETE FROM catalog_idempotency WHERE (scope, key) IN (SELECT scope, key FROM catalog_idempotency \
         WHERE created_at < $1 ORDER BY created_at LIMIT 500) RETURNING 1",
    ),
];
