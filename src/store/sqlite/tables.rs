//! The rules about whole tables, judged in a snapshot.

use super::{catalog, facts::Snapshot, schema, stock};
use crate::{
    role::{Role, Roles},
    store::{
        StoreError, TableFacts,
        facts::{table_rules, told},
    },
};
use futures::future::BoxFuture;
use rusqlite::{Connection, Row, types::ValueRef};
use uuid::Uuid;

impl Snapshot {
    pub(super) fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        self.on_a_thread(move |conn| judge(conn, of))
    }
}

fn judge(conn: &Connection, of: Roles) -> rusqlite::Result<Vec<TableFacts>> {
    let snapshot = conn.unchecked_transaction()?;
    let owners = schema::owners(&snapshot)?;
    let here = Roles::of(of.iter().filter(|role| owners.contains(*role)));
    let mut judged = Vec::new();
    for rule in table_rules(here) {
        judged.push(judged_by(&snapshot, rule.name, rule.rows, rule.broken)?);
    }
    if here.contains(Role::Stock) {
        for (rows, broken) in stock::STRETCHES {
            judged.push(judged_by(&snapshot, crate::store::STRETCHES, rows, broken)?);
        }
        judged.push(catalog::words_of_products(&snapshot)?);
    }
    Ok(judged)
}

/// What a rule says of the rows of a table.
pub(super) fn judged_by(conn: &Connection, rule: &str, rows: &str, broken: &str) -> rusqlite::Result<TableFacts> {
    let rows = conn.query_row(&format!("SELECT count(*) FROM {rows}"), [], |row| row.get(0))?;
    let mut facts = TableFacts::of(rule, rows);
    let mut statement = conn.prepare(broken)?;
    let columns = statement.column_count();
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let text = row.get_ref(0)?.as_str()?;
        let further = (1..columns).map(|column| in_words(row, column)).collect::<rusqlite::Result<Vec<_>>>()?;
        facts.broken(|| told(text, further));
    }
    Ok(facts)
}

/// An id, a number or a text.
fn in_words(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Blob(bytes) => Uuid::from_slice(bytes).map_or_else(|_| format!("{bytes:02x?}"), |id| id.to_string()),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Null => "nothing".to_owned(),
    })
}
