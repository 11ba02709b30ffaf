//! The database that everything of a SQLite file is moved to.
//!
//! ```text
//!   empty ── begin: nobody may start here ──▶ rows and how far they have got, together ──▶ finish: open to servers
//! ```
//!
//! Owns `move_progress`: where it is, a move is not at its end. Sagas under way are left to a node that has never
//! been and is given up, so that the first one that starts takes them over.

use super::{
    Options,
    catalog::words::vector,
    codec::said,
    connect::Connector,
    connected, runtime,
    schema::{self, UNFINISHED},
};
use crate::role::Roles;
use crate::{
    domain::catalog::{Category, ProductName},
    store::transfer::{Column, Key, Kind, Made, NUMBERED, Portion, TABLES, Table, TransferError, Values},
};
use tokio::runtime::Runtime;
use tokio_postgres::{
    Client, Statement, Transaction,
    error::SqlState,
    types::{ToSql, Type},
};

/// The advisory lock of whoever moves. Any number, the same in every release.
const LOCK: i64 = 0x6261_636b_6d6f_7665;
/// A portion takes as long as it takes. Who was killed may have left a statement behind that ends soon.
const PATIENCE: &str =
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '30s'";
/// Nodes that are at work.
const SERVED: &str = "SELECT id FROM node WHERE NOT given_up AND lease_until > clock_timestamp() LIMIT 1";
const BEGIN: &str = "\
    CREATE TABLE move_progress (name text NOT NULL PRIMARY KEY, reached text, moved bigint NOT NULL, \
        source text NOT NULL); \
    UPDATE node SET given_up = true; \
    INSERT INTO node (epoch, id, version, started_at, seen_at, lease_until, given_up, session, batch) \
        SELECT 0, 'sqlite', '', at, at, at, true, 0, 0 FROM (SELECT clock_timestamp() AS at) AS present \
        ON CONFLICT (epoch) DO UPDATE SET given_up = true";

/// A database that is moved to.
pub(in crate::store) struct Target {
    runtime: Runtime,
    client: Client,
    place: String,
    /// Of the table that is being moved.
    write: Option<(&'static str, Statement)>,
}

impl Target {
    /// Opens an empty database, brings it up to this release and keeps servers from starting on it; or the one that
    /// a move from the same state of the same file has not come to its end with.
    pub(in crate::store) fn open(options: &Options, source: &str) -> Result<Self, TransferError> {
        let connector = Connector::new(&options.address)?;
        let (runtime, place) = (runtime()?, options.address.to_string());
        let client = runtime.block_on(async {
            let mut client = connected(&connector).await?;
            schema::migrate(&mut client, &options.address, Roles::ALL).await?;
            begin(&mut client, &place, source).await?;
            Ok::<_, TransferError>(client)
        })?;
        Ok(Self { runtime, client, place, write: None })
    }

    /// The last row of a table that is there, and how many are.
    pub(in crate::store) fn reached(&self, table: &Table) -> Result<(Option<Key>, u64), TransferError> {
        let sql = "SELECT reached, moved FROM move_progress WHERE name = $1";
        let read = || -> Result<(Option<String>, i64), tokio_postgres::Error> {
            let row = self.runtime.block_on(self.client.query_one(sql, &[&table.name]))?;
            Ok((row.try_get(0)?, row.try_get(1)?))
        };
        let (reached, moved) = read().map_err(|error| self.stopped(&error))?;
        let parsed = |text: String| Key::parse(table, &text).ok_or(text);
        let key = reached.map(parsed).transpose().map_err(|text| TransferError::Stopped {
            place: self.place.clone(),
            why: format!("move_progress has {text:?} for {table}"),
        })?;
        Ok((key, moved.unsigned_abs()))
    }

    /// Writes rows, and that they are there.
    pub(in crate::store) fn write(&mut self, table: &'static Table, portion: &Portion) -> Result<(), TransferError> {
        let statement = match &self.write {
            Some((name, statement)) if *name == table.name => statement.clone(),
            _ => {
                let prepared = self.runtime.block_on(self.client.prepare_typed(&insert(table), &types(table)));
                let statement = prepared.map_err(|error| self.stopped(&error))?;
                self.write = Some((table.name, statement.clone()));
                statement
            }
        };
        match self.insert(table, &statement, portion) {
            Ok(()) => Ok(()),
            // Of those that are refused together, one is to blame.
            Err(error) if is_refused(&error) => {
                for row in 0..portion.rows() {
                    self.try_alone(table, &statement, &portion.only(row))?;
                }
                Err(self.stopped(&error))
            }
            Err(error) => Err(self.stopped(&error)),
        }
    }

    /// How many rows a table has.
    pub(in crate::store) fn count(&self, table: &Table) -> Result<u64, TransferError> {
        let sql = format!("SELECT count(*) FROM {table}");
        let counted = self.runtime.block_on(self.client.query_one(&sql, &[])).and_then(|row| row.try_get::<_, i64>(0));
        Ok(counted.map_err(|error| self.stopped(&error))?.unsigned_abs())
    }

    /// All is there: servers may start.
    pub(in crate::store) fn finish(mut self) -> Result<(), TransferError> {
        let Self { runtime, client, .. } = &mut self;
        let finished = runtime.block_on(async {
            let transaction = client.transaction().await?;
            for (table, number) in NUMBERED {
                let sql = format!("SELECT coalesce(max({number}), 0) + 1 FROM {table}");
                let next: i64 = transaction.query_one(&sql, &[]).await?.try_get(0)?;
                let restart = format!("ALTER TABLE {table} ALTER COLUMN {number} RESTART WITH {next}");
                transaction.batch_execute(&restart).await?;
            }
            // Nobody should have to wait until the server looks at what it has.
            for table in &TABLES {
                transaction.batch_execute(&format!("ANALYZE {table}")).await?;
            }
            transaction.batch_execute("DROP TABLE move_progress").await?;
            transaction.commit().await
        });
        finished.map_err(|error| self.stopped(&error))
    }

    fn insert(&self, table: &Table, statement: &Statement, portion: &Portion) -> Result<(), tokio_postgres::Error> {
        let words = (table.made == Some(Made::Words)).then(|| words(table, portion));
        let rows = i64::try_from(portion.rows()).unwrap_or(i64::MAX);
        let reached = portion.keys.last().map(ToString::to_string);
        let mut params: Vec<&(dyn ToSql + Sync)> = portion.columns.iter().map(param).collect();
        params.extend(words.as_ref().map(|words| words as &(dyn ToSql + Sync)));
        params.extend::<[&(dyn ToSql + Sync); 3]>([&table.name, &reached, &rows]);
        self.runtime.block_on(self.client.execute(statement, &params)).map(drop)
    }

    /// Sees whether PostgreSQL takes a row, and leaves it.
    fn try_alone(&self, table: &'static Table, statement: &Statement, row: &Portion) -> Result<(), TransferError> {
        let run = |sql| self.runtime.block_on(self.client.batch_execute(sql)).map_err(|error| self.stopped(&error));
        run("BEGIN")?;
        let taken = self.insert(table, statement, row);
        run("ROLLBACK")?;
        taken.map_err(|error| match row.keys.first() {
            Some(key) if is_refused(&error) => {
                TransferError::Refused { table: table.name, key: key.to_string(), why: said(&error) }
            }
            _ => self.stopped(&error),
        })
    }

    fn stopped(&self, error: &tokio_postgres::Error) -> TransferError {
        stopped(&self.place, error)
    }
}

fn stopped(place: &str, error: &tokio_postgres::Error) -> TransferError {
    TransferError::Stopped { place: place.to_owned(), why: said(error) }
}

/// Whether it is the values that PostgreSQL does not take.
fn is_refused(error: &tokio_postgres::Error) -> bool {
    matches!(super::codec::store_error(error), crate::store::StoreError::Refused(_))
}

/// Sees to it that this is where the move may go to, and that nobody else moves or starts there.
async fn begin(client: &mut Client, place: &str, source: &str) -> Result<(), TransferError> {
    let failed = |error| stopped(place, &error);
    client.batch_execute(PATIENCE).await.map_err(failed)?;
    client.execute("SELECT pg_advisory_lock($1)", &[&LOCK]).await.map_err(|error| match error.code() {
        Some(&SqlState::LOCK_NOT_AVAILABLE) => TransferError::UnderWay { place: place.to_owned() },
        _ => failed(error),
    })?;
    let row = client.query_one(UNFINISHED, &[]).await.map_err(failed)?;
    if row.try_get(0).map_err(failed)? {
        let others = "SELECT count(*) FROM move_progress WHERE source <> $1";
        let row = client.query_one(others, &[&source]).await.map_err(failed)?;
        return match row.try_get(0).map_err(failed)? {
            0_i64 => Ok(()),
            _ => Err(TransferError::AnotherMove { place: place.to_owned() }),
        };
    }
    let transaction = client.transaction().await.map_err(failed)?;
    // Whoever registers a node waits for the end of this, and then finds that it may not.
    transaction.batch_execute("LOCK TABLE node IN EXCLUSIVE MODE").await.map_err(failed)?;
    refuse_to_harm(&transaction, place).await?;
    transaction.batch_execute(BEGIN).await.map_err(failed)?;
    let names: Vec<_> = TABLES.iter().map(|table| table.name).collect();
    let sql = "INSERT INTO move_progress (name, moved, source) SELECT name, 0, $2 FROM unnest($1::text[]) AS t (name)";
    transaction.execute(sql, &[&names, &source]).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}

/// What somebody uses, or has used, is left alone.
async fn refuse_to_harm(transaction: &Transaction<'_>, place: &str) -> Result<(), TransferError> {
    let failed = |error| stopped(place, &error);
    if let Some(row) = transaction.query_opt(SERVED, &[]).await.map_err(failed)? {
        let node = row.try_get(0).map_err(failed)?;
        return Err(TransferError::Served { place: place.to_owned(), node });
    }
    for table in &TABLES {
        let row = transaction.query_one(&format!("SELECT EXISTS (SELECT 1 FROM {table})"), &[]).await;
        if row.and_then(|row| row.try_get(0)).map_err(failed)? {
            return Err(TransferError::Occupied { place: place.to_owned(), table: table.name });
        }
    }
    Ok(())
}

const fn column_type(kind: Kind) -> (&'static str, Type) {
    match kind {
        Kind::Id => ("uuid[]", Type::UUID_ARRAY),
        Kind::Number => ("bigint[]", Type::INT8_ARRAY),
        Kind::Flag => ("boolean[]", Type::BOOL_ARRAY),
        Kind::Text => ("text[]", Type::TEXT_ARRAY),
        Kind::Bytes => ("bytea[]", Type::BYTEA_ARRAY),
    }
}

/// The columns' values, what is made of them, then the table, its last key, and how many rows.
fn types(table: &Table) -> Vec<Type> {
    let made = (table.made == Some(Made::Words)).then_some(Type::TEXT_ARRAY);
    let columns = table.columns.iter().map(|column| column_type(column.kind).1);
    columns.chain(made).chain([Type::TEXT, Type::TEXT, Type::INT8]).collect()
}

/// One statement, so that there are never rows without the note that they are there.
fn insert(table: &Table) -> String {
    let mut names: Vec<_> = table.columns.iter().map(|column: &Column| column.to).collect();
    let mut values: Vec<_> = table.columns.iter().map(|column| format!("v.{}", column.to)).collect();
    let mut kinds: Vec<_> = table.columns.iter().map(|column| column_type(column.kind).0).collect();
    let mut given = names.clone();
    match table.made {
        None => {}
        Some(Made::Words) => {
            names.push("words");
            given.push("words");
            values.push("v.words::tsvector".into());
            kinds.push(column_type(Kind::Text).0);
        }
        Some(Made::Owner) => {
            names.push("owner");
            values.push("0".into());
        }
    }
    let arrays: Vec<_> = kinds.iter().zip(1..).map(|(kind, place)| format!("${place}::{kind}")).collect();
    let next = arrays.len() + 1;
    format!(
        "WITH written AS (INSERT INTO {table} ({}) SELECT {} FROM unnest({}) AS v ({})) \
         UPDATE move_progress SET reached = ${}, moved = moved + ${} WHERE name = ${next}",
        names.join(", "),
        values.join(", "),
        arrays.join(", "),
        given.join(", "),
        next + 1,
        next + 2,
    )
}

fn param(values: &Values) -> &(dyn ToSql + Sync) {
    match values {
        Values::Ids(values) => values,
        Values::Numbers(values) => values,
        Values::Flags(values) => values,
        Values::Texts(values) => values,
        Values::Bytes(values) => values,
    }
}

/// What products are found by, as it is made when they are saved.
fn words(table: &Table, portion: &Portion) -> Vec<String> {
    let texts = |name: &str| {
        let at = table.columns.iter().position(|column| column.to == name);
        match at.and_then(|at| portion.columns.get(at)) {
            Some(Values::Texts(texts)) => texts.as_slice(),
            _ => &[],
        }
    };
    let both = texts("name").iter().zip(texts("category"));
    let stored = both.map(|(name, category)| {
        let category = category.clone().map(Category::stored);
        vector(&ProductName::stored(name.clone().unwrap_or_default()), category.as_ref())
    });
    stored.collect()
}
