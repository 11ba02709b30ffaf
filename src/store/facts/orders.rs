//! One pass over everything that is stored, order by order.

use super::{Keyed, OrderFacts, PaymentFacts, Readable, StockFacts, cursor::Cursor};
use crate::{
    domain::{
        ids::{OrderId, ShopId},
        order::Order,
        payment::{Movement, Payments},
        shipment::Shipping,
        stock::{self, Reservation},
    },
    store::{StoredSaga, Visit, Watermark},
};

/// What each owner has stored, in one snapshot, in the order of the orders' ids.
pub(in crate::store) struct OrderRows<'s, E> {
    pub(in crate::store) orders: Keyed<'s, OrderId, Order, E>,
    /// In which shops' lists each order is.
    pub(in crate::store) shops: Keyed<'s, OrderId, ShopId, E>,
    /// Each payment by itself, an order's in their order.
    pub(in crate::store) payments: Keyed<'s, OrderId, Payments, E>,
    pub(in crate::store) payment_movements: Keyed<'s, OrderId, Movement, E>,
    /// Each shipment by itself, an order's in their order.
    pub(in crate::store) shipments: Keyed<'s, OrderId, Shipping, E>,
    pub(in crate::store) reservations: Keyed<'s, OrderId, Reservation, E>,
    pub(in crate::store) stock_movements: Keyed<'s, OrderId, stock::Movement, E>,
    pub(in crate::store) sagas: Keyed<'s, OrderId, StoredSaga, E>,
    pub(in crate::store) removed: Option<Watermark>,
}

impl<E> OrderRows<'_, E> {
    /// Calls `visit` for every order that any owner knows of, in their order, until it has seen enough.
    pub(in crate::store) fn pass(self, visit: &mut Visit<OrderFacts>) -> Result<Option<Watermark>, E> {
        let removed = self.removed;
        let mut orders = Cursor::new(self.orders)?;
        let mut shops = Cursor::new(self.shops)?;
        let mut payments = Cursor::new(self.payments)?;
        let mut payment_movements = Cursor::new(self.payment_movements)?;
        let mut shipments = Cursor::new(self.shipments)?;
        let mut reservations = Cursor::new(self.reservations)?;
        let mut stock_movements = Cursor::new(self.stock_movements)?;
        let mut sagas = Cursor::new(self.sagas)?;
        loop {
            let stocked = [shops.key(), reservations.key(), stock_movements.key()];
            let keys = [orders.key(), payments.key(), payment_movements.key(), shipments.key(), sagas.key()];
            let Some(order_id) = keys.into_iter().chain(stocked).flatten().min() else { return Ok(removed) };
            let paid = joined(payments.take_all(order_id)?, Payments::extend);
            let facts = OrderFacts {
                order_id,
                order: orders.take(order_id)?,
                shops: shops.take_all(order_id)?.into_iter().flatten().collect(),
                payment: payment_facts(paid, payment_movements.take_all(order_id)?),
                shipping: joined(shipments.take_all(order_id)?, Shipping::extend),
                stock: stock_facts(reservations.take(order_id)?, stock_movements.take_all(order_id)?),
                saga: sagas.take(order_id)?,
                removed,
            };
            if visit(facts).is_break() {
                return Ok(removed);
            }
        }
    }
}

/// What the rows of one order make together.
fn joined<A>(rows: Vec<Readable<A>>, join: fn(&mut A, A)) -> Option<Readable<A>> {
    rows.into_iter().reduce(|known, further| {
        let mut known = known?;
        join(&mut known, further?);
        Ok(known)
    })
}

fn payment_facts(payments: Option<Readable<Payments>>, movements: Vec<Readable<Movement>>) -> Option<PaymentFacts> {
    match (payments, readable(movements)) {
        (None, (movements, None)) if movements.is_empty() => None,
        (_, (movements, Some(why))) => Some(PaymentFacts { payments: Some(Err(why)), movements }),
        (payments, (movements, None)) => Some(PaymentFacts { payments, movements }),
    }
}

fn stock_facts(
    reservation: Option<Readable<Reservation>>,
    movements: Vec<Readable<stock::Movement>>,
) -> Option<StockFacts> {
    match (reservation, readable(movements)) {
        (None, (movements, None)) if movements.is_empty() => None,
        (_, (movements, Some(why))) => Some(StockFacts { reservation: Some(Err(why)), movements }),
        (reservation, (movements, None)) => Some(StockFacts { reservation, movements }),
    }
}

/// Those that can be read, and why the first of the others cannot.
fn readable<T>(rows: Vec<Readable<T>>) -> (Vec<T>, Option<String>) {
    let why = rows.iter().find_map(|row| row.as_ref().err().cloned());
    (rows.into_iter().flatten().collect(), why)
}
