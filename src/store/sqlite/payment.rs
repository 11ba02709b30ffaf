//! Payments and their ledger in SQLite.

use super::{
    Sqlite,
    codec::{script_from_json, script_to_json},
    readers::Condition,
    recent::{Recent, Rows},
    table::{self, Runner, Table, Versioned},
    tx::Tx,
};
use crate::{
    domain::{
        ids::{OrderId, PaymentId},
        payment::{Movement, Payment, PaymentCommand, PaymentStatus},
    },
    store::{Answers, Claim, Commands, Executed, Keyed, Page, PaymentFilter, PaymentStore, StoreError},
};
use futures::future::BoxFuture;
use rusqlite::Row;

macro_rules! columns {
    () => {
        "order_id, id, saga_id, amount, currency, provider, script, status, reason, deadline_at, call, attempts, \
         claimed, captured_at, created_at, updated_at, version"
    };
}

/// All rows, by order: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM payment_payment ORDER BY order_id");
/// The whole ledger, by order: what the audit reads.
pub(super) const ALL_MOVEMENTS: &str =
    "SELECT order_id, payment_id, kind, amount, at FROM payment_movement ORDER BY order_id, kind";

/// Reads a row of [`ALL_MOVEMENTS`].
pub(super) fn read_movement(row: &Row<'_>) -> rusqlite::Result<Movement> {
    Ok(Movement {
        order_id: row.get(0)?,
        payment_id: row.get(1)?,
        kind: row.get(2)?,
        amount: row.get(3)?,
        at: row.get(4)?,
    })
}

impl Table for Payment {
    const LOAD: &'static str = concat!("SELECT ", columns!(), " FROM payment_payment WHERE order_id = ?1");

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            order_id: row.get(0)?,
            id: row.get(1)?,
            saga_id: row.get(2)?,
            amount: row.get(3)?,
            currency: row.get(4)?,
            provider: row.get(5)?,
            script: script_from_json(6, row.get(6)?)?,
            status: row.get(7)?,
            reason: row.get(8)?,
            deadline_at: row.get(9)?,
            call: row.get(10)?,
            attempts: row.get(11)?,
            claimed: row.get(12)?,
            captured_at: row.get(13)?,
            created_at: row.get(14)?,
            updated_at: row.get(15)?,
        })
    }

    fn recent(recent: &Recent) -> Option<&Rows<OrderId, Versioned<Self>>> {
        Some(&recent.payments)
    }

    fn insert(&self, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        tx.run(
            concat!(
                "INSERT INTO payment_payment (",
                columns!(),
                ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 1) \
                 ON CONFLICT (order_id) DO NOTHING"
            ),
            (
                self.order_id,
                self.id,
                self.saga_id,
                self.amount,
                self.currency,
                self.provider,
                script_to_json(self.script)?,
                self.status,
                self.reason,
                self.deadline_at,
                self.call,
                self.attempts,
                self.claimed,
                self.captured_at,
                self.created_at,
                self.updated_at,
            ),
        )
    }

    /// Whom it pays, how much and in what never changes.
    fn update(&self, tx: &Tx<'_, '_>, loaded: i64) -> rusqlite::Result<usize> {
        tx.run(
            "UPDATE payment_payment SET saga_id = ?3, provider = ?4, status = ?5, reason = ?6, deadline_at = ?7, \
             call = ?8, attempts = ?9, claimed = ?10, captured_at = ?11, updated_at = ?12, version = version + 1 \
             WHERE order_id = ?1 AND version = ?2",
            (
                self.order_id,
                loaded,
                self.saga_id,
                self.provider,
                self.status,
                self.reason,
                self.deadline_at,
                self.call,
                self.attempts,
                self.claimed,
                self.captured_at,
                self.updated_at,
            ),
        )
    }

    fn append(movement: &Movement, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        tx.run(
            "INSERT INTO payment_movement (order_id, payment_id, kind, amount, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (movement.order_id, movement.payment_id, movement.kind, movement.amount, movement.at),
        )
    }

    fn find_claim(claim: &Claim, tx: &Tx<'_, '_>) -> rusqlite::Result<Option<(OrderId, [u8; 32])>> {
        tx.row(
            "SELECT order_id, body_hash FROM payment_idempotency WHERE scope = ?1 AND key = ?2",
            (&claim.scope, &claim.key),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
    }

    fn keep_claim(claim: &Claim, order: OrderId, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        tx.run(
            "INSERT INTO payment_idempotency (scope, key, body_hash, order_id, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (&claim.scope, &claim.key, claim.body_hash, order, tx.now()),
        )
    }
}

impl Commands<PaymentCommand, Executed<Payment>> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<PaymentCommand>>) -> BoxFuture<'static, Answers<Executed<Payment>>> {
        self.writer.execute::<Runner<Payment>>(commands)
    }
}

impl PaymentStore for Sqlite {
    fn payment(&self, id: PaymentId) -> BoxFuture<'static, Result<Option<Payment>, StoreError>> {
        self.readers.read_one(concat!("SELECT ", columns!(), " FROM payment_payment WHERE id = ?1"), id)
    }

    fn payment_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Payment>, StoreError>> {
        self.readers.read_recent(self.recent.payments.committed(order), Payment::LOAD, order)
    }

    fn payments(
        &self,
        filter: PaymentFilter,
        page: Page<PaymentId>,
    ) -> BoxFuture<'static, Result<Vec<Payment>, StoreError>> {
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(order_id) = filter.order_id {
            conditions.push(("order_id = ?", Box::new(order_id)));
        }
        if let Some(status) = filter.status {
            // Each names the condition of the partial index that has its rows.
            let found_by = match status {
                PaymentStatus::Pending | PaymentStatus::Paid => "status = ?",
                PaymentStatus::Failed | PaymentStatus::Expired | PaymentStatus::Refunding | PaymentStatus::Refunded => {
                    "status = ? AND status <> 'pending' AND status <> 'paid'"
                }
            };
            conditions.push((found_by, Box::new(status)));
        }
        self.readers.read_page(concat!("SELECT ", columns!(), " FROM payment_payment"), conditions, page, Payment::read)
    }

    fn outstanding_payments(
        &self,
        after: Option<OrderId>,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Payment>, StoreError>> {
        self.writer.query(move |tx| {
            table::readable(
                tx,
                concat!(
                    "SELECT ",
                    columns!(),
                    " FROM payment_payment WHERE call IS NOT NULL AND order_id > coalesce(?1, x'') \
                     ORDER BY order_id LIMIT ?2"
                ),
                after,
                limit,
            )
        })
    }
}
