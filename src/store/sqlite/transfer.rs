//! Everything in a file, table by table, for a move to another database.

use super::{OpenError, connect, connect_read_only, lock, migrate, schema};
use crate::role::Roles;
use crate::store::transfer::{Column, Key, Part, Portion, Table, TransferError, Values};
use rusqlite::{
    Connection, Row, params_from_iter,
    types::{ToSqlOutput, ValueRef},
};
use std::{
    fs::File,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};
use uuid::Uuid;

/// Most rows in a portion.
const ROWS: usize = 2000;
/// What a portion may hold of texts before it is full.
const TEXT: usize = 4 << 20;

/// A file that is moved. Nobody else serves it, and what is read is of one moment.
pub(in crate::store) struct Source {
    conn: Connection,
    state: String,
    _lock: File,
}

impl Source {
    /// Opens a file that has everybody's tables, brings it up to this release, and keeps servers away from it.
    pub(in crate::store) fn open(path: &Path) -> Result<Self, TransferError> {
        let found = schema::found_in(&connect_read_only(path)?, path)?;
        Roles::ALL.check_all_in(found, path.display()).map_err(OpenError::from)?;
        let lock = lock(path)?;
        migrate(path, Roles::ALL)?;
        let conn = connect(path, 32)?;
        let failed = |source| OpenError::Sqlite { path: path.to_owned(), source };
        // All of it is in the file itself, so that the file says whether it has changed.
        let busy: bool = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).map_err(failed)?;
        if busy {
            return Err(TransferError::Busy(path.to_owned()));
        }
        conn.execute_batch("BEGIN").map_err(failed)?;
        // The first read takes the snapshot.
        conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).map_err(failed)?;
        let file = |source| OpenError::File { path: path.to_owned(), source };
        let about = path.metadata().map_err(file)?;
        let written = about.modified().map_err(file)?;
        Ok(Self { conn, state: format!("{} bytes, written {}", about.len(), nanoseconds(written)), _lock: lock })
    }

    /// What tells it from other databases, and from itself before and after a change.
    pub(in crate::store) fn state(&self) -> &str {
        &self.state
    }

    /// How many rows a table has.
    pub(in crate::store) fn count(&self, table: &Table) -> Result<u64, TransferError> {
        let sql = format!("SELECT count(*) FROM {table}");
        let count: rusqlite::Result<i64> = self.conn.query_row(&sql, [], |row| row.get(0));
        Ok(count.map_err(failed(table))?.unsigned_abs())
    }

    /// Hands on the rows of a table behind one of them, or all, in the order of their keys.
    pub(in crate::store) fn portions(
        &self,
        table: &'static Table,
        after: Option<&Key>,
        each: &mut dyn FnMut(Portion) -> Result<(), TransferError>,
    ) -> Result<(), TransferError> {
        let mut statement = self.conn.prepare(&rows_after(table, after.is_some())).map_err(failed(table))?;
        let bound = after.map(|key| key.0.iter().map(bound)).into_iter().flatten();
        let mut rows = statement.query(params_from_iter(bound)).map_err(failed(table))?;
        let (mut portion, mut text) = (Portion::new(table), 0);
        while let Some(row) = rows.next().map_err(failed(table))? {
            text += take(table, row, &mut portion)?;
            if portion.rows() == ROWS || text >= TEXT {
                each(std::mem::replace(&mut portion, Portion::new(table)))?;
                text = 0;
            }
        }
        if portion.rows() > 0 { each(portion) } else { Ok(()) }
    }
}

fn nanoseconds(written: SystemTime) -> u128 {
    written.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}

fn failed(table: &Table) -> impl Fn(rusqlite::Error) -> TransferError {
    let table = table.name;
    move |source| TransferError::Read { table, source }
}

/// The key comes first, then the columns.
fn rows_after(table: &Table, is_after: bool) -> String {
    let named = |columns: &[Column]| columns.iter().map(|column| column.from).collect::<Vec<_>>().join(", ");
    let (key, columns) = (named(table.key), named(table.columns));
    let places = vec!["?"; table.key.len()].join(", ");
    let after = if is_after { format!(" WHERE ({key}) > ({places})") } else { String::new() };
    format!("SELECT {key}, {columns} FROM {table}{after} ORDER BY {key}")
}

fn bound(part: &Part) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match part {
        Part::Id(id) => ValueRef::Blob(id.as_bytes()),
        Part::Number(number) => ValueRef::Integer(*number),
        Part::Text(text) => ValueRef::Text(text.as_bytes()),
    })
}

/// Puts a row to the others; how much text there is in it.
fn take(table: &Table, row: &Row<'_>, portion: &mut Portion) -> Result<usize, TransferError> {
    let value = |index| row.get_ref(index).map_err(failed(table));
    let mut parts = Vec::with_capacity(table.key.len());
    for (index, column) in table.key.iter().enumerate() {
        parts.push(key_part(value(index)?).map_err(|why| {
            let before = portion.keys.last().map_or("the first".into(), |key| format!("after {key}"));
            unreadable(table, before, column, &why)
        })?);
    }
    let key = Key(parts);
    let mut text = 0;
    for (index, (column, values)) in table.columns.iter().zip(&mut portion.columns).enumerate() {
        let value = value(table.key.len() + index)?;
        text += put(value, values).map_err(|why| unreadable(table, key.to_string(), column, &why))?;
    }
    portion.keys.push(key);
    Ok(text)
}

fn unreadable(table: &Table, key: String, column: &Column, why: &str) -> TransferError {
    TransferError::Unreadable { table: table.name, key, why: format!("{} {why}", column.from) }
}

fn key_part(value: ValueRef<'_>) -> Result<Part, String> {
    Ok(match value {
        ValueRef::Blob(bytes) => Part::Id(id(bytes)?),
        ValueRef::Integer(number) => Part::Number(number),
        ValueRef::Text(bytes) => Part::Text(string(bytes)?),
        other => return Err(unexpected(other)),
    })
}

fn put(value: ValueRef<'_>, values: &mut Values) -> Result<usize, String> {
    match (values, value) {
        (Values::Ids(values), ValueRef::Null) => values.push(None),
        (Values::Numbers(values), ValueRef::Null) => values.push(None),
        (Values::Flags(values), ValueRef::Null) => values.push(None),
        (Values::Texts(values), ValueRef::Null) => values.push(None),
        (Values::Bytes(values), ValueRef::Null) => values.push(None),
        (Values::Ids(values), ValueRef::Blob(bytes)) => values.push(Some(id(bytes)?)),
        (Values::Numbers(values), ValueRef::Integer(number)) => values.push(Some(number)),
        (Values::Flags(values), ValueRef::Integer(number @ (0 | 1))) => values.push(Some(number == 1)),
        (Values::Texts(values), ValueRef::Text(bytes)) => {
            values.push(Some(string(bytes)?));
            return Ok(bytes.len());
        }
        (Values::Bytes(values), ValueRef::Blob(bytes)) => values.push(Some(bytes.to_vec())),
        (_, other) => return Err(unexpected(other)),
    }
    Ok(0)
}

fn id(bytes: &[u8]) -> Result<Uuid, String> {
    Uuid::from_slice(bytes).map_err(|_| format!("is no id, but {} bytes", bytes.len()))
}

fn string(bytes: &[u8]) -> Result<String, String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| "is not UTF-8".into())
}

fn unexpected(value: ValueRef<'_>) -> String {
    format!("has an unexpected value of type {}", value.data_type())
}
