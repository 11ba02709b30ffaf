//! One consistent pass over everything that is stored, order by order.

use super::{
    codec::{Unreadable, get},
    loader::Found,
    order, payment,
    readers::gather,
    retention, saga, shipment,
    snapshot::{Snapshot, Snapshots, readable},
    stock,
};
use crate::role::{Role, Roles};
use crate::{
    domain::ids::{OrderId, SagaId},
    store::{
        FactSource, OrderFacts, Passed, SagaRow, ShelfFacts, StoreError, StoredSaga, TableFacts, Visit, Watermark,
        facts::{Keyed, OrderRows, Readable},
    },
};
use futures::future::BoxFuture;
use tokio_postgres::{Row, types::FromSql};

impl FactSource for Snapshots {
    fn visit(&self, mut visit: Visit<OrderFacts>) -> BoxFuture<'static, Result<Passed, StoreError>> {
        let removed = self.on_a_thread(move |snapshot| pass(snapshot, &mut visit));
        Box::pin(async { Ok(removed.await?.into()) })
    }

    fn visit_shelves(&self, mut visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(move |snapshot| stock::pass_shelves(snapshot, &mut visit))
    }

    fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        self.judge_tables(of)
    }
}

fn pass(snapshot: &Snapshot<'_>, visit: &mut Visit<OrderFacts>) -> Result<Option<Watermark>, StoreError> {
    let owners = snapshot.owners()?;
    let stock = |sql| owners.rows(Role::Stock, sql);
    let payment = |sql| owners.rows(Role::Payment, sql);
    let removed = owners.rows(Role::Coordinator, retention::WATERMARK);
    let stored = OrderRows {
        orders: keyed(snapshot, owners.rows(Role::Order, order::ALL), 0, order::read)?,
        shops: keyed(snapshot, owners.rows(Role::Order, order::SHOPS), 0, |row| get(row, 1))?,
        payments: keyed(snapshot, payment(payment::ALL), 0, payment::read_first)?,
        payment_movements: keyed(snapshot, payment(payment::ALL_MOVEMENTS), 0, payment::read_movement)?,
        shipments: keyed(snapshot, owners.rows(Role::Shipping, shipment::ALL), 0, shipment::read_first)?,
        reservations: keyed(snapshot, stock(stock::ALL_RESERVATIONS), 0, stock::read_reservation)?,
        stock_movements: keyed(snapshot, stock(stock::MOVEMENTS_BY_ORDER), 5, stock::read_movement)?,
        sagas: sagas(*snapshot, owners.rows(Role::Coordinator, saga::ALL))?,
        removed: snapshot.rows(removed, retention::watermark)?.next().transpose()?,
    };
    stored.pass(visit)
}

/// The rows of a statement, with the key that is in a column.
fn keyed<'s, K, T: 's>(
    snapshot: &Snapshot<'s>,
    sql: &str,
    key_column: usize,
    read: fn(&Row) -> Result<T, Unreadable>,
) -> Result<Keyed<'s, K, T, StoreError>, StoreError>
where
    K: for<'r> FromSql<'r> + 's,
{
    snapshot.rows(sql, move |row| Ok((get(row, key_column)?, readable(read(row)))))
}

/// All sagas by order, the logs of a portion of them with one statement.
fn sagas<'s>(snapshot: Snapshot<'s>, all: &str) -> Result<Keyed<'s, OrderId, StoredSaga, StoreError>, StoreError> {
    snapshot.portions(all, move |rows| {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let ids = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<SagaId>, _>>()?;
        let entries = snapshot.query(saga::LOGS, &[&ids])?;
        let mut logs: Found<SagaId, _> = gather(&entries, |row| Ok(vec![saga::read_entry(row, 1)?]), Vec::extend)?;
        let sagas = rows.iter().zip(ids).map(|(row, id)| {
            let log = logs.remove(&id).unwrap_or_else(|| Ok(Vec::new()));
            Ok((get(row, 1)?, stored_saga(readable(saga::read_row(row)), log)))
        });
        sagas.collect()
    })
}

/// A saga and its log. One bad log must not end the pass over all the others.
fn stored_saga(row: Readable<SagaRow>, log: Result<Vec<(u32, String)>, StoreError>) -> Readable<StoredSaga> {
    let row = row?;
    match log {
        Ok(entries) => Ok(StoredSaga { row, entries }),
        Err(why) => Err(format!("saga {}: its log: {why}", row.id)),
    }
}
