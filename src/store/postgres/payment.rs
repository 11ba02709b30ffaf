//! Payments and their ledger in PostgreSQL.

use super::codec::{Unreadable, count, get, script_from_json};
use crate::domain::payment::Payment;
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "order_id, number, id, revision, saga_id, amount, currency, provider, script, status, reason, deadline_at, call, \
         attempts, claimed, held, amendment, captured_at, created_at, updated_at, version"
    };
}
pub(super) use columns;

pub(super) const LOCKED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM payment_payment WHERE order_id = ANY($1) ORDER BY order_id, number FOR UPDATE"
);
pub(super) const OUTSTANDING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM payment_payment WHERE order_id IN (SELECT DISTINCT order_id FROM payment_payment WHERE call IS NOT NULL \
     AND order_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid) ORDER BY order_id LIMIT $2) \
     ORDER BY order_id, number"
);

pub(super) fn read(row: &Row) -> Result<Payment, Unreadable> {
    Ok(Payment {
        order_id: get(row, 0)?,
        id: get(row, 2)?,
        revision: count(row, 3)?,
        saga_id: get(row, 4)?,
        amount: get(row, 5)?,
        currency: get(row, 6)?,
        provider: get(row, 7)?,
        script: script_from_json(row, 8)?,
        status: get(row, 9)?,
        reason: get(row, 10)?,
        deadline_at: get(row, 11)?,
        call: get(row, 12)?,
        attempts: count(row, 13)?,
        claimed: get(row, 14)?,
        held: get(row, 15)?,
        amendment: count(row, 16)?,
        captured_at: get(row, 17)?,
        created_at: get(row, 18)?,
        updated_at: get(row, 19)?,
    })
}
