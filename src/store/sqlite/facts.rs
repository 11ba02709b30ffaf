//! One consistent pass over everything that is stored, order by order.

use super::{codec::is_unreadable, connect_read_only, order, payment, saga, shipment, table::Table, tx::query_error};
use crate::{
    domain::{
        ids::{OrderId, SagaId},
        order::Order,
        payment::{Movement, Payment},
        shipment::Shipping,
    },
    store::{FactSource, OrderFacts, PaymentFacts, SagaRow, StoreError, StoredSaga},
};
use futures::future::BoxFuture;
use rusqlite::{Connection, Row, Rows};
use std::path::PathBuf;
use tokio::sync::oneshot;

/// Reads a database in a snapshot of its own, on a thread of its own.
pub(super) struct Snapshot {
    pub(super) path: PathBuf,
}

impl FactSource for Snapshot {
    fn visit(&self, mut visit: Box<dyn FnMut(OrderFacts) + Send>) -> BoxFuture<'static, Result<(), StoreError>> {
        let path = self.path.clone();
        let (reply, done) = oneshot::channel();
        let spawned = std::thread::Builder::new().name("store-facts".into()).spawn(move || {
            let result = connect_read_only(&path)
                .map_err(|error| StoreError::Unavailable(error.to_string()))
                .and_then(|conn| pass(&conn, &mut visit).map_err(|error| query_error(&error)));
            let _ = reply.send(result);
        });
        Box::pin(async move {
            spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            done.await.unwrap_or_else(|_| Err(StoreError::Poisoned("reading the facts panicked".into())))
        })
    }
}

/// A row, or why it cannot be read.
type Readable<T> = Result<T, String>;

/// One owner's rows in the order of their order ids, one held at a time.
struct Cursor<'s, T> {
    rows: Rows<'s>,
    key_column: usize,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    head: Option<(OrderId, Readable<T>)>,
}

impl<'s, T> Cursor<'s, T> {
    fn new(rows: Rows<'s>, key_column: usize, read: fn(&Row<'_>) -> rusqlite::Result<T>) -> rusqlite::Result<Self> {
        let mut cursor = Self { rows, key_column, read, head: None };
        cursor.advance()?;
        Ok(cursor)
    }

    fn advance(&mut self) -> rusqlite::Result<()> {
        self.head = match self.rows.next()? {
            None => None,
            Some(row) => {
                let value = match (self.read)(row) {
                    Ok(value) => Ok(value),
                    Err(error) if is_unreadable(&error) => Err(error.to_string()),
                    Err(error) => return Err(error),
                };
                Some((row.get(self.key_column)?, value))
            }
        };
        Ok(())
    }

    fn key(&self) -> Option<OrderId> {
        self.head.as_ref().map(|(key, _)| *key)
    }

    fn take(&mut self, order: OrderId) -> rusqlite::Result<Option<Readable<T>>> {
        if self.key() != Some(order) {
            return Ok(None);
        }
        let head = self.head.take();
        self.advance()?;
        Ok(head.map(|(_, value)| value))
    }

    fn take_all(&mut self, order: OrderId) -> rusqlite::Result<Vec<Readable<T>>> {
        let mut all = Vec::new();
        while let Some(value) = self.take(order)? {
            all.push(value);
        }
        Ok(all)
    }
}

fn pass(conn: &Connection, visit: &mut dyn FnMut(OrderFacts)) -> rusqlite::Result<()> {
    let snapshot = conn.unchecked_transaction()?;
    let mut orders = snapshot.prepare(order::ALL)?;
    let mut payments = snapshot.prepare(payment::ALL)?;
    let mut movements = snapshot.prepare(payment::ALL_MOVEMENTS)?;
    let mut shipments = snapshot.prepare(shipment::ALL)?;
    let mut sagas = snapshot.prepare(saga::ALL)?;
    let mut orders = Cursor::new(orders.query([])?, 0, Order::read)?;
    let mut payments = Cursor::new(payments.query([])?, 0, Payment::read)?;
    let mut movements: Cursor<'_, Movement> = Cursor::new(movements.query([])?, 0, payment::read_movement)?;
    let mut shipments = Cursor::new(shipments.query([])?, 0, Shipping::read)?;
    let mut sagas: Cursor<'_, (SagaId, Readable<SagaRow>)> = Cursor::new(sagas.query([])?, 1, read_saga)?;
    loop {
        let keys = [orders.key(), payments.key(), movements.key(), shipments.key(), sagas.key()];
        let Some(order_id) = keys.into_iter().flatten().min() else { return Ok(()) };
        let payment = payments.take(order_id)?;
        let moved = movements.take_all(order_id)?;
        let unreadable = moved.iter().find_map(|movement| movement.as_ref().err().cloned());
        let moved: Vec<_> = moved.into_iter().flatten().collect();
        let payment = match (payment, unreadable) {
            (None, None) if moved.is_empty() => None,
            (_, Some(why)) => Some(PaymentFacts { payment: Some(Err(why)), movements: moved }),
            (payment, None) => Some(PaymentFacts { payment, movements: moved }),
        };
        let saga = match sagas.take(order_id)? {
            None => None,
            Some(Ok((id, Ok(row)))) => match saga::read_log(&snapshot, id) {
                Ok(entries) => Some(Ok(StoredSaga { row, entries })),
                // One bad log must not end the pass over all the others.
                Err(error) if is_unreadable(&error) => Some(Err(format!("saga {id}: its log: {error}"))),
                Err(error) => return Err(error),
            },
            Some(Ok((_, Err(why))) | Err(why)) => Some(Err(why)),
        };
        visit(OrderFacts {
            order_id,
            order: orders.take(order_id)?,
            payment,
            shipping: joined(shipments.take_all(order_id)?),
            saga,
        });
    }
}

/// What the rows of one order make together.
fn joined<A: Table>(rows: Vec<Readable<A>>) -> Option<Readable<A>> {
    rows.into_iter().reduce(|known, further| {
        let mut known = known?;
        known.join(further?);
        Ok(known)
    })
}

fn read_saga(row: &Row<'_>) -> rusqlite::Result<(SagaId, Readable<SagaRow>)> {
    let id = row.get(0)?;
    match saga::read_row(row) {
        Ok(saga) => Ok((id, Ok(saga))),
        Err(error) if is_unreadable(&error) => Ok((id, Err(error.to_string()))),
        Err(error) => Err(error),
    }
}
