//! One consistent pass over everything that is stored, order by order.

use super::{
    codec::is_unreadable, connect_read_only, order, payment, retention, saga, shipment, stock, table::Table,
    tx::query_error,
};
use crate::{
    domain::{
        ids::{OrderId, SagaId},
        order::Order,
        payment::{Movement, Payments},
        shipment::Shipping,
        stock::{self as stock_domain, Reservation},
    },
    store::{FactSource, OrderFacts, PaymentFacts, SagaRow, ShelfFacts, StockFacts, StoreError, StoredSaga},
};
use futures::future::BoxFuture;
use rusqlite::{Connection, Row, Rows, types::FromSql};
use std::path::PathBuf;
use tokio::sync::oneshot;

/// Reads a database in a snapshot of its own, on a thread of its own.
pub(super) struct Snapshot {
    pub(super) path: PathBuf,
}

impl FactSource for Snapshot {
    fn visit(&self, mut visit: Box<dyn FnMut(OrderFacts) + Send>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(move |conn| pass(conn, &mut visit))
    }

    fn visit_shelves(
        &self,
        mut visit: Box<dyn FnMut(ShelfFacts) + Send>,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        self.on_a_thread(move |conn| stock::pass_shelves(conn, &mut visit))
    }
}

impl Snapshot {
    /// Runs a pass over the file, to its end.
    pub(super) fn on_a_thread(
        &self,
        mut pass: impl FnMut(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> BoxFuture<'static, Result<(), StoreError>> {
        let path = self.path.clone();
        let (reply, done) = oneshot::channel();
        let spawned = std::thread::Builder::new().name("store-facts".into()).spawn(move || {
            let result = connect_read_only(&path)
                .map_err(|error| StoreError::Unavailable(error.to_string()))
                .and_then(|conn| pass(&conn).map_err(|error| query_error(&error)));
            let _ = reply.send(result);
        });
        Box::pin(async move {
            spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
            done.await.unwrap_or_else(|_| Err(StoreError::Poisoned("reading the facts panicked".into())))
        })
    }
}

/// A row, or why it cannot be read.
pub(super) type Readable<T> = Result<T, String>;

/// One owner's rows in the order of a key, one held at a time.
pub(super) struct Cursor<'s, K, T> {
    rows: Rows<'s>,
    key_column: usize,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
    head: Option<(K, Readable<T>)>,
}

impl<'s, K: FromSql + Copy + PartialEq, T> Cursor<'s, K, T> {
    pub(super) fn new(
        rows: Rows<'s>,
        key_column: usize,
        read: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Self> {
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

    pub(super) fn key(&self) -> Option<K> {
        self.head.as_ref().map(|(key, _)| *key)
    }

    pub(super) fn take(&mut self, key: K) -> rusqlite::Result<Option<Readable<T>>> {
        if self.key() != Some(key) {
            return Ok(None);
        }
        let head = self.head.take();
        self.advance()?;
        Ok(head.map(|(_, value)| value))
    }

    fn take_all(&mut self, key: K) -> rusqlite::Result<Vec<Readable<T>>> {
        let mut all = Vec::new();
        while let Some(value) = self.take(key)? {
            all.push(value);
        }
        Ok(all)
    }
}

fn pass(conn: &Connection, visit: &mut dyn FnMut(OrderFacts)) -> rusqlite::Result<()> {
    let snapshot = conn.unchecked_transaction()?;
    let removed = retention::watermark(&snapshot)?;
    let mut orders = snapshot.prepare(order::ALL)?;
    let mut payments = snapshot.prepare(payment::ALL)?;
    let mut movements = snapshot.prepare(payment::ALL_MOVEMENTS)?;
    let mut shipments = snapshot.prepare(shipment::ALL)?;
    let mut reservations = snapshot.prepare(stock::ALL_RESERVATIONS)?;
    let mut moved = snapshot.prepare(stock::MOVEMENTS_BY_ORDER)?;
    let mut sagas = snapshot.prepare(saga::ALL)?;
    let mut orders = Cursor::new(orders.query([])?, 0, Order::read)?;
    let mut payments = Cursor::new(payments.query([])?, 0, Payments::read)?;
    let mut movements: Cursor<'_, _, Movement> = Cursor::new(movements.query([])?, 0, payment::read_movement)?;
    let mut shipments = Cursor::new(shipments.query([])?, 0, Shipping::read)?;
    let mut reservations = Cursor::new(reservations.query([])?, 0, stock::read_reservation)?;
    let mut stock_moved = Cursor::new(moved.query([])?, 5, stock::read_movement)?;
    let mut sagas: Cursor<'_, OrderId, (SagaId, Readable<SagaRow>)> = Cursor::new(sagas.query([])?, 1, read_saga)?;
    loop {
        let stocked = [reservations.key(), stock_moved.key()];
        let keys = [orders.key(), payments.key(), movements.key(), shipments.key(), sagas.key()];
        let Some(order_id) = keys.into_iter().chain(stocked).flatten().min() else { return Ok(()) };
        let paid = joined(payments.take_all(order_id)?);
        let moved = movements.take_all(order_id)?;
        let unreadable = moved.iter().find_map(|movement| movement.as_ref().err().cloned());
        let moved: Vec<_> = moved.into_iter().flatten().collect();
        let payment = match (paid, unreadable) {
            (None, None) if moved.is_empty() => None,
            (_, Some(why)) => Some(PaymentFacts { payments: Some(Err(why)), movements: moved }),
            (payments, None) => Some(PaymentFacts { payments, movements: moved }),
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
            stock: stock_facts(reservations.take(order_id)?, stock_moved.take_all(order_id)?),
            saga,
            removed,
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

fn stock_facts(
    reservation: Option<Readable<Reservation>>,
    movements: Vec<Readable<stock_domain::Movement>>,
) -> Option<StockFacts> {
    let unreadable = movements.iter().find_map(|movement| movement.as_ref().err().cloned());
    let movements: Vec<_> = movements.into_iter().flatten().collect();
    match (reservation, unreadable) {
        (None, None) if movements.is_empty() => None,
        (_, Some(why)) => Some(StockFacts { reservation: Some(Err(why)), movements }),
        (reservation, None) => Some(StockFacts { reservation, movements }),
    }
}

fn read_saga(row: &Row<'_>) -> rusqlite::Result<(SagaId, Readable<SagaRow>)> {
    let id = row.get(0)?;
    match saga::read_row(row) {
        Ok(saga) => Ok((id, Ok(saga))),
        Err(error) if is_unreadable(&error) => Ok((id, Err(error.to_string()))),
        Err(error) => Err(error),
    }
}
