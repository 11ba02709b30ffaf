//! A database of a test's own, on whichever backend the tests run: `BACKSTITCH_TEST_STORE` is `sqlite` (the
//! default) or `postgres`.
//!
//! What a test does behind the store's back is written once, in SQL that both take: ids and other values come in
//! as `?1`, `?2` and are written the way of each. What cannot be said in one way has a method here, or
//! [`either`].

use super::postgres::{self, Server, Session, cells};
use backstitch::role::Roles;
use backstitch::{
    app,
    settings::{Settings, Sources},
    store::{self},
};
use std::{str::FromStr, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio_postgres::SimpleQueryMessage;
use uuid::Uuid;

/// Whether the tests run on PostgreSQL.
pub(crate) fn on_postgres() -> bool {
    match std::env::var("BACKSTITCH_TEST_STORE").as_deref() {
        Err(_) | Ok("" | "sqlite") => false,
        Ok("postgres") => true,
        Ok(other) => panic!("BACKSTITCH_TEST_STORE is {other:?}: must be sqlite or postgres"),
    }
}

/// Whether a test that is about SQLite itself has nothing to say here; then it says why.
#[must_use]
pub(crate) fn sqlite_only(reason: &str) -> bool {
    if on_postgres() {
        eprintln!("not run on PostgreSQL: {reason}");
    }
    on_postgres()
}

/// What is said in each backend's own words.
pub(crate) fn either<T>(sqlite: T, postgres: T) -> T {
    if on_postgres() { postgres } else { sqlite }
}

/// A database that nobody else uses. Clones are the same one, which is removed with the last of them.
#[derive(Clone)]
pub(crate) enum TestDatabase {
    Sqlite(Arc<TempDir>),
    Postgres(Arc<postgres::Database>),
}

impl TestDatabase {
    /// A new one, on which nobody has opened a store yet.
    pub(crate) fn new() -> Self {
        if on_postgres() {
            Self::Postgres(Arc::new(Server::shared().database()))
        } else {
            Self::Sqlite(Arc::new(TempDir::new().expect("a directory")))
        }
    }

    /// A new one, which is not migrated either.
    pub(crate) fn untouched() -> Self {
        if on_postgres() { Self::Postgres(Arc::new(Server::shared().empty())) } else { Self::new() }
    }

    /// What `store.url` has to be for it.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Sqlite(directory) => format!("sqlite:{}", directory.path().join("test.db").display()),
            Self::Postgres(database) => database.url(),
        }
    }

    /// How a store is opened on it, with these settings.
    pub(crate) fn with(&self, settings: &[(&str, &str)]) -> store::Database {
        database(&self.url(), settings)
    }

    /// How a store of these owners alone is opened on it, with these settings.
    pub(crate) fn of(&self, owners: Roles, settings: &[(&str, &str)]) -> store::Database {
        let mut database = self.with(settings);
        match &mut database {
            store::Database::Sqlite(options) => options.owners = owners,
            store::Database::Postgres(options) => options.owners = owners,
        }
        database
    }

    /// The database behind the store's back.
    pub(crate) fn raw(&self) -> Sql<'_> {
        match self {
            Self::Sqlite(directory) => {
                let conn = rusqlite::Connection::open(directory.path().join("test.db")).expect("the database");
                conn.busy_timeout(Duration::from_secs(10)).expect("patience");
                Sql::Sqlite(conn)
            }
            Self::Postgres(database) => Sql::Postgres(database.session()),
        }
    }

    /// Another one with the same in it, also while a store is at work on this one.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::new();
        match (self, &copy) {
            (Self::Sqlite(_), Self::Sqlite(directory)) => {
                let file = directory.path().join("test.db").display().to_string();
                self.raw().execute("VACUUM INTO ?1", &[&file.as_str()]).expect("a copy");
            }
            (Self::Postgres(from), Self::Postgres(to)) => copy_rows(from.session(), to.session()),
            _ => unreachable!("one run of the tests is on one backend"),
        }
        copy
    }

    /// The tables that are in it, but for those that SQLite keeps for itself.
    pub(crate) fn tables(&self) -> Vec<String> {
        let sql = either(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name",
            "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename COLLATE \"C\"",
        );
        self.raw().rows(sql, &[]).into_iter().flatten().flatten().collect()
    }

    /// As [`Self::copy`], without the tables whose names do not begin with one of these.
    pub(crate) fn part(&self, prefixes: &[&str]) -> Self {
        let part = self.copy();
        let is_kept = |table: &str| prefixes.iter().any(|prefix| table.starts_with(&format!("{prefix}_")));
        // What SQLite keeps for a search goes with it, which comes first.
        for table in part.tables().into_iter().filter(|table| *table != "node" && !is_kept(table)) {
            part.raw().execute_batch(&format!("DROP TABLE IF EXISTS {table}")).expect("a table that can be dropped");
        }
        part
    }

    /// Lets nobody write until this is released; everybody may read.
    pub(crate) fn hold(&self) -> Hold {
        match self {
            Self::Sqlite(directory) => {
                let conn = rusqlite::Connection::open(directory.path().join("test.db")).expect("the database");
                conn.busy_timeout(Duration::from_secs(10)).expect("patience");
                conn.execute_batch("BEGIN IMMEDIATE").expect("the only writer");
                Hold::Sqlite(conn)
            }
            Self::Postgres(database) => {
                let session = database.another();
                let tables = tables(&session).join(", ");
                let lock = format!("BEGIN; LOCK TABLE {tables} IN EXCLUSIVE MODE");
                // A store that writes meanwhile takes its locks in another order.
                while let Err(error) = session.run(&lock) {
                    assert!(error.contains("40P01"), "the only writer: {error}");
                    session.run("ROLLBACK").expect("the end of a transaction");
                }
                Hold::Postgres(session)
            }
        }
    }
}

/// How a store is opened on the database of a URL.
pub(crate) fn database(url: &str, settings: &[(&str, &str)]) -> store::Database {
    let sources = Sources::default().set("store.url", url).set("node.id", "test");
    let sources = settings.iter().fold(sources, |sources, (key, value)| sources.set(*key, *value));
    app::database(&Settings::load(&sources).expect("the settings are valid"))
}

/// The store's tables, but for those that say which migrations there were, and which nodes are alive.
fn tables(session: &Session) -> Vec<String> {
    let sql = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'node' \
               AND tablename NOT LIKE '%\\_migrations' ORDER BY 1";
    session.run(sql).expect("the tables").iter().filter_map(|row| cells(row)?.pop()?).collect()
}

fn copy_rows(from: &Session, to: &Session) {
    use futures::{SinkExt, StreamExt, pin_mut};
    from.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").expect("a snapshot");
    for table in tables(from) {
        let sql = format!("COPY {table} TO STDOUT");
        let rows = from.with(move |runtime, client| {
            runtime.block_on(async {
                let rows = client.copy_out(&sql).await.expect("rows");
                rows.map(|part| part.expect("a part")).collect::<Vec<_>>().await
            })
        });
        let sql = format!("COPY {table} FROM STDIN");
        to.with(move |runtime, client| {
            runtime.block_on(async {
                let into = client.copy_in(&sql).await.expect("a table");
                pin_mut!(into);
                for part in rows {
                    into.send(part).await.expect("room");
                }
                into.finish().await.expect("the same rows");
            });
        });
    }
    from.run("COMMIT").expect("the snapshot is let go");
    // What numbers its rows goes on where the original does.
    let numbered = "SELECT format('SELECT setval(%L, coalesce(max(%I), 0) + 1, false) FROM %I', \
                    pg_get_serial_sequence(table_name, column_name), column_name, table_name) \
                    FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'";
    for row in to.run(numbered).expect("the sequences") {
        if let Some(sql) = cells(&row).and_then(|mut cells| cells.pop()?) {
            to.run(&sql).expect("the next number");
        }
    }
}

/// Keeps everybody else from writing.
pub(crate) enum Hold {
    Sqlite(rusqlite::Connection),
    Postgres(Session),
}

impl Hold {
    pub(crate) fn release(self) {
        match self {
            Self::Sqlite(conn) => conn.execute_batch("COMMIT").expect("the end"),
            Self::Postgres(session) => drop(session.run("COMMIT").expect("the end")),
        }
    }
}

/// A value in a statement, written the way of each backend.
pub(crate) trait Literal {
    fn sqlite(&self) -> String;
    fn postgres(&self) -> String;
}

impl Literal for Uuid {
    fn sqlite(&self) -> String {
        format!("x'{}'", self.simple())
    }

    fn postgres(&self) -> String {
        format!("uuid '{self}'")
    }
}

/// Bytes that are no id.
impl Literal for [u8; 32] {
    fn sqlite(&self) -> String {
        format!("x'{}'", hex(self))
    }

    fn postgres(&self) -> String {
        format!("'\\x{}'::bytea", hex(self))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

impl Literal for &str {
    fn sqlite(&self) -> String {
        format!("'{}'", self.replace('\'', "''"))
    }

    fn postgres(&self) -> String {
        self.sqlite()
    }
}

impl Literal for i64 {
    fn sqlite(&self) -> String {
        self.to_string()
    }

    fn postgres(&self) -> String {
        self.to_string()
    }
}

impl Literal for bool {
    fn sqlite(&self) -> String {
        u8::from(*self).to_string()
    }

    fn postgres(&self) -> String {
        self.to_string()
    }
}

/// A database behind its store's back.
pub(crate) enum Sql<'a> {
    Sqlite(rusqlite::Connection),
    Postgres(&'a Session),
}

impl Sql<'_> {
    /// Runs statements without values.
    pub(crate) fn execute_batch(&self, sql: &str) -> Result<(), String> {
        match self {
            Self::Sqlite(conn) => conn.execute_batch(sql).map_err(|error| error.to_string()),
            Self::Postgres(session) => session.run(sql).map(drop),
        }
    }

    /// Runs one statement; how many rows it has changed.
    pub(crate) fn execute(&self, sql: &str, values: &[&dyn Literal]) -> Result<usize, String> {
        let sql = self.written(sql, values);
        match self {
            Self::Sqlite(conn) => conn.execute(&sql, []).map_err(|error| error.to_string()),
            Self::Postgres(session) => Ok(session.run(&sql)?.iter().fold(0, |rows, message| match message {
                SimpleQueryMessage::CommandComplete(rows) => usize::try_from(*rows).expect("few rows"),
                _ => rows,
            })),
        }
    }

    /// The rows that a query finds, each value as text. An id is written as an id.
    pub(crate) fn rows(&self, sql: &str, values: &[&dyn Literal]) -> Vec<Vec<Option<String>>> {
        let sql = self.written(sql, values);
        match self {
            Self::Sqlite(conn) => {
                let mut statement = conn.prepare(&sql).expect("a statement");
                let columns = statement.column_count();
                let rows = statement.query_map([], |row| (0..columns).map(|at| row.get_ref(at).map(shown)).collect());
                rows.expect("rows").map(|row| row.expect("a row")).collect()
            }
            Self::Postgres(session) => {
                session.run(&sql).unwrap_or_else(|error| panic!("{sql}: {error}")).iter().filter_map(cells).collect()
            }
        }
    }

    /// The only value that a query finds.
    pub(crate) fn one<T: FromStr>(&self, sql: &str, values: &[&dyn Literal]) -> T {
        let found = self.rows(sql, values);
        let [row] = &found[..] else { panic!("{sql}: not one row: {found:?}") };
        let [Some(value)] = &row[..] else { panic!("{sql}: not one value: {row:?}") };
        value.parse().unwrap_or_else(|_| panic!("{sql}: {value:?}"))
    }

    /// Has the database refuse rows of a table, by a condition on `NEW`'s columns.
    pub(crate) fn refuse(&self, table: &str, condition: &str, values: &[&dyn Literal]) {
        let condition = self.written(condition, values);
        let refuse = match self {
            Self::Sqlite(_) => format!(
                "CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} WHEN {condition} \
                 BEGIN SELECT RAISE(ABORT, 'not this one'); END"
            ),
            Self::Postgres(_) => format!(
                "ALTER TABLE {table} ADD CONSTRAINT refuse_{table} CHECK (NOT ({})) NOT VALID",
                condition.replace("NEW.", "")
            ),
        };
        self.execute_batch(&refuse).expect("a table that can be told to");
    }

    /// Takes [`Self::refuse`] back.
    pub(crate) fn allow(&self, table: &str) {
        let allow = match self {
            Self::Sqlite(_) => format!("DROP TRIGGER refuse_{table}"),
            Self::Postgres(_) => format!("ALTER TABLE {table} DROP CONSTRAINT refuse_{table}"),
        };
        self.execute_batch(&allow).expect("a table that was told to");
    }

    /// Has the database refuse to delete one row of a table.
    pub(crate) fn guard(&self, table: &str, id: &Uuid) {
        let guard = match self {
            Self::Sqlite(_) => format!(
                "CREATE TRIGGER guard_{table} BEFORE DELETE ON {table} WHEN OLD.id = ?1 \
                 BEGIN SELECT RAISE(ABORT, 'guarded'); END"
            ),
            Self::Postgres(_) => {
                format!(
                    "CREATE TABLE guard_{table} (id uuid REFERENCES {table}); INSERT INTO guard_{table} VALUES (?1)"
                )
            }
        };
        self.execute_batch(&self.written(&guard, &[id])).expect("a table that can be guarded");
    }

    /// Takes [`Self::guard`] back.
    pub(crate) fn unguard(&self, table: &str) {
        let kind = either("TRIGGER", "TABLE");
        self.execute_batch(&format!("DROP {kind} guard_{table}")).expect("a table that was guarded");
    }

    /// Runs statements that a table's constraints would not let pass.
    pub(crate) fn unchecked(&self, table: &str, sql: &str) {
        if let Self::Sqlite(conn) = self {
            conn.pragma_update(None, "ignore_check_constraints", true).expect("no constraints");
        } else {
            let checks = "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) \
                          FROM pg_constraint WHERE contype = 'c' AND conrelid = ?1::regclass";
            for drop in self.rows(checks, &[&table]).into_iter().flatten().flatten() {
                self.execute_batch(&drop).expect("a constraint that can be dropped");
            }
        }
        self.execute_batch(sql).expect("a change");
    }

    fn written(&self, sql: &str, values: &[&dyn Literal]) -> String {
        let numbered = values.iter().enumerate().rev();
        numbered.fold(sql.to_owned(), |sql, (index, value)| {
            let literal = match self {
                Self::Sqlite(_) => value.sqlite(),
                Self::Postgres(_) => value.postgres(),
            };
            sql.replace(&format!("?{}", index + 1), &literal)
        })
    }
}

fn shown(value: rusqlite::types::ValueRef<'_>) -> Option<String> {
    use rusqlite::types::ValueRef;
    match value {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => {
            Some(Uuid::from_slice(bytes).map_or_else(|_| format!("{bytes:x?}"), |id| id.to_string()))
        }
    }
}
