//! One consistent pass over everything that is stored, order by order.

use super::{
    codec::is_unreadable,
    connect_read_only, order, payment, retention, saga, schema, shipment, stock,
    table::Table,
    tx::query_error,
    wal::{Ceiling, MOST_BYTES},
};
use crate::role::{Role, Roles};
use crate::{
    domain::{order::Order, payment::Payments, shipment::Shipping},
    store::{
        FactSource, OrderFacts, Passed, ShelfFacts, StoreError, StoredSaga, TableFacts, Visit, Watermark,
        facts::{self, Keyed, OrderRows, Readable},
    },
};
use futures::future::BoxFuture;
use rusqlite::{Connection, Row, Statement, types::FromSql};
use std::path::PathBuf;

/// Reads a database in a snapshot of its own, on a thread of its own.
pub(super) struct Snapshot {
    pub(super) path: PathBuf,
}

impl FactSource for Snapshot {
    fn visit(&self, visit: Visit<OrderFacts>) -> BoxFuture<'static, Result<Passed, StoreError>> {
        let ceiling = Ceiling::over(&self.path, MOST_BYTES);
        let mut visit = ceiling.watch(visit);
        let removed = self.on_a_thread(move |conn| pass(conn, &mut visit));
        Box::pin(async move { ceiling.end(removed.await?.into()) })
    }

    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        let ceiling = Ceiling::over(&self.path, MOST_BYTES);
        let mut visit = ceiling.watch(visit);
        let passed = self.on_a_thread(move |conn| stock::pass_shelves(conn, &mut visit));
        Box::pin(async move { ceiling.end(passed.await?) })
    }

    fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        self.judge_tables(of)
    }
}

impl Snapshot {
    /// Runs a pass over the file, to its end.
    pub(super) fn on_a_thread<T: Send + 'static>(
        &self,
        pass: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let path = self.path.clone();
        facts::on_a_thread(move || {
            let conn = connect_read_only(&path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            pass(&conn).map_err(|error| query_error(&error))
        })
    }
}

/// A row, or why it cannot be read.
pub(super) fn readable<T>(read: rusqlite::Result<T>) -> rusqlite::Result<Readable<T>> {
    match read {
        Ok(read) => Ok(Ok(read)),
        Err(error) if is_unreadable(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

/// The rows of a statement without parameters, each made what `read` makes of it.
pub(super) fn rows<'s, T: 's>(
    statement: &'s mut Statement<'_>,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T> + 's,
) -> rusqlite::Result<facts::Rows<'s, T, rusqlite::Error>> {
    let mut rows = statement.query([])?;
    Ok(Box::new(std::iter::from_fn(move || rows.next().and_then(|row| row.map(&read).transpose()).transpose())))
}

/// The rows of a statement, with the key that is in a column.
fn keyed<'s, K: FromSql + 's, T: 's>(
    statement: &'s mut Statement<'_>,
    key_column: usize,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Keyed<'s, K, T, rusqlite::Error>> {
    rows(statement, move |row| Ok((row.get(key_column)?, readable(read(row))?)))
}

fn pass(conn: &Connection, visit: &mut Visit<OrderFacts>) -> rusqlite::Result<Option<Watermark>> {
    let snapshot = conn.unchecked_transaction()?;
    let owners = schema::owners(&snapshot)?;
    let removed = if owners.contains(Role::Coordinator) { retention::watermark(&snapshot)? } else { None };
    let prepare = |owner, sql| snapshot.prepare(owners.rows(owner, sql));
    let mut orders = prepare(Role::Order, order::ALL)?;
    let mut shops = prepare(Role::Order, order::SHOPS)?;
    let mut payments = prepare(Role::Payment, payment::ALL)?;
    let mut payment_movements = prepare(Role::Payment, payment::ALL_MOVEMENTS)?;
    let mut shipments = prepare(Role::Shipping, shipment::ALL)?;
    let mut reservations = prepare(Role::Stock, stock::ALL_RESERVATIONS)?;
    let mut stock_movements = prepare(Role::Stock, stock::MOVEMENTS_BY_ORDER)?;
    let mut sagas = prepare(Role::Coordinator, saga::ALL)?;
    let stored = OrderRows {
        orders: keyed(&mut orders, 0, Order::read)?,
        shops: keyed(&mut shops, 0, |row| row.get(1))?,
        payments: keyed(&mut payments, 0, Payments::read)?,
        payment_movements: keyed(&mut payment_movements, 0, payment::read_movement)?,
        shipments: keyed(&mut shipments, 0, Shipping::read)?,
        reservations: keyed(&mut reservations, 0, stock::read_reservation)?,
        stock_movements: keyed(&mut stock_movements, 5, stock::read_movement)?,
        sagas: rows(&mut sagas, |row| Ok((row.get(1)?, stored_saga(&snapshot, row)?)))?,
        removed,
    };
    stored.pass(visit)
}

/// A saga and its log. One bad log must not end the pass over all the others.
fn stored_saga(conn: &Connection, row: &Row<'_>) -> rusqlite::Result<Readable<StoredSaga>> {
    let row = match readable(saga::read_row(row))? {
        Ok(row) => row,
        Err(why) => return Ok(Err(why)),
    };
    let entries = readable(saga::read_log(conn, row.id))?;
    Ok(match entries {
        Ok(entries) => Ok(StoredSaga { row, entries }),
        Err(why) => Err(format!("saga {}: its log: {why}", row.id)),
    })
}
