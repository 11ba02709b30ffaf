//! Orders in PostgreSQL.

use super::codec::{Unreadable, count, from_json, get};
use crate::domain::{
    field::CustomerRef,
    order::{Basket, Order},
};
use std::sync::Arc;
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "id, saga_id, customer_ref, currency, total_amount, lines, revision, status, reason, created_at, updated_at, \
         version"
    };
}
pub(super) use columns;

pub(super) const LOCKED: &str =
    concat!("SELECT ", columns!(), " FROM order_order WHERE id = ANY($1) ORDER BY id FOR UPDATE");

/// Reads an order.
pub(super) fn read(row: &Row) -> Result<Order, Unreadable> {
    let lines = from_json(row, 5)?;
    let customer_ref: Option<String> = get(row, 2)?;
    Ok(Order {
        id: get(row, 0)?,
        saga_id: get(row, 1)?,
        customer_ref: customer_ref.map(CustomerRef::stored),
        currency: get(row, 3)?,
        basket: Arc::new(Basket::stored(lines, get(row, 4)?)),
        revision: count(row, 6)?,
        status: get(row, 7)?,
        reason: get(row, 8)?,
        created_at: get(row, 9)?,
        updated_at: get(row, 10)?,
    })
}
