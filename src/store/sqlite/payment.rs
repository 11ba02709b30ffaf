//! Payments and their ledger in SQLite.

use super::{
    Sqlite,
    codec::{script_from_json, script_to_json, trouble_from_json, trouble_to_json},
    readers::{Condition, List, Walk, name_list},
    recent::{Recent, Rows as RecentRows},
    table::Table,
    tx::Tx,
};
use crate::{
    domain::{
        ids::{OrderId, PaymentId},
        notifier::Audience,
        payment::{Movement, Payment, PaymentCommand, PaymentStatus, Payments},
    },
    store::{
        Answers, Claim, Commands, Executed, Keyed, Page, PaymentFilter, PaymentQueries, PaymentStore, StoreError,
        commands::{Aggregates, Announced, AnnouncedPayments, Claimed, Rows, Versioned},
    },
};
use futures::future::BoxFuture;
use rusqlite::{Row, params};
use std::sync::Arc;

macro_rules! columns {
    () => {
        "order_id, number, id, revision, saga_id, amount, currency, provider, script, status, reason, deadline_at, call, \
         attempts, claimed, direct, held, amendment, reference, captured_at, created_at, \
         updated_at, payer, trouble, retries, version"
    };
}

/// All rows, by order: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM payment_payment ORDER BY order_id, number");
/// The whole ledger, by order: what the audit reads.
pub(super) const ALL_MOVEMENTS: &str =
    "SELECT order_id, payment_id, kind, amount, at FROM payment_movement ORDER BY order_id, payment_id, kind";

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

fn read_payment(row: &Row<'_>) -> rusqlite::Result<Payment> {
    Ok(Payment {
        order_id: row.get(0)?,
        id: row.get(2)?,
        revision: row.get(3)?,
        saga_id: row.get(4)?,
        amount: row.get(5)?,
        currency: row.get(6)?,
        provider: row.get(7)?,
        script: script_from_json(8, row.get_ref(8)?.as_str_or_null()?)?,
        status: row.get(9)?,
        reason: row.get(10)?,
        deadline_at: row.get(11)?,
        call: row.get(12)?,
        attempts: row.get(13)?,
        claimed: row.get(14)?,
        direct: row.get(15)?,
        held: row.get(16)?,
        amendment: row.get(17)?,
        reference: row.get(18)?,
        captured_at: row.get(19)?,
        created_at: row.get(20)?,
        updated_at: row.get(21)?,
        payer: row.get(22)?,
        trouble: trouble_from_json(23, row.get_ref(23)?.as_str_or_null()?)?,
        retries: row.get(24)?,
    })
}

/// Writes a new row; 0 where there is one in its place.
fn insert(number: i64, payment: &Payment, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
    tx.run(
        concat!(
            "INSERT INTO payment_payment (",
            columns!(),
            ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
             ?22, ?23, ?24, ?25, 1) \
             ON CONFLICT (order_id, number) DO NOTHING"
        ),
        params![
            payment.order_id,
            number,
            payment.id,
            payment.revision,
            payment.saga_id,
            payment.amount,
            payment.currency,
            payment.provider,
            script_to_json(payment.script)?,
            payment.status,
            payment.reason,
            payment.deadline_at,
            payment.call,
            payment.attempts,
            payment.claimed,
            payment.direct,
            payment.held,
            payment.amendment,
            &payment.reference,
            payment.captured_at,
            payment.created_at,
            payment.updated_at,
            payment.payer,
            trouble_to_json(payment.trouble.as_deref())?,
            payment.retries,
        ],
    )
}

/// Writes a row over another one of the same payment; 0 where the order's first one has not this version. Whom
/// it pays, what for, how much and in what never changes.
fn update(number: i64, payment: &Payment, loaded: i64, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
    tx.run(
        "UPDATE payment_payment SET saga_id = ?4, provider = ?5, status = ?6, reason = ?7, deadline_at = ?8, \
         call = ?9, attempts = ?10, claimed = ?11, held = ?12, amendment = ?13, reference = ?14, captured_at = ?15, \
         updated_at = ?16, trouble = ?17, retries = ?18, \
         version = version + 1 \
         WHERE order_id = ?1 AND number = ?2 AND (number > 0 OR version = ?3)",
        params![
            payment.order_id,
            number,
            loaded,
            payment.saga_id,
            payment.provider,
            payment.status,
            payment.reason,
            payment.deadline_at,
            payment.call,
            payment.attempts,
            payment.claimed,
            payment.held,
            payment.amendment,
            &payment.reference,
            payment.captured_at,
            payment.updated_at,
            trouble_to_json(payment.trouble.as_deref())?,
            payment.retries,
        ],
    )
}

impl Table for Payments {
    const LOAD: &'static str =
        concat!("SELECT ", columns!(), " FROM payment_payment WHERE order_id = ?1 ORDER BY number");

    const OUTSTANDING: Option<&'static str> = Some(concat!(
        "SELECT ",
        columns!(),
        " FROM payment_payment WHERE order_id IN (SELECT DISTINCT order_id FROM payment_payment \
             WHERE call IS NOT NULL AND order_id > coalesce(?1, x'') ORDER BY order_id LIMIT ?2) \
             ORDER BY order_id, number"
    ));

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        read_payment(row).map(Self::of)
    }

    fn join(&mut self, further: Self) {
        self.extend(further);
    }

    fn recent(recent: &Recent) -> Option<&RecentRows<OrderId, Versioned<Self>>> {
        Some(&recent.payments)
    }

    /// An order's first payment is new alone.
    fn insert(&self, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        insert(0, self.current(), tx)
    }

    /// The first row's version is that of all. Of the others those are written that have changed: theirs is the
    /// time of this very transaction. The last may be new.
    fn update(&self, tx: &Tx<'_, '_>, loaded: i64) -> rusqlite::Result<usize> {
        let is_written = |number: i64, payment: &Payment| number == 0 || payment.updated_at == tx.now();
        for (number, payment) in (0..).zip(self.all()).filter(|(number, payment)| is_written(*number, payment)) {
            let mut written = update(number, payment, loaded, tx)?;
            if written == 0 && number > 0 {
                written = insert(number, payment, tx)?;
            }
            match (number, written) {
                (_, 1) => {}
                (0, written) => return Ok(written),
                // The first has been written: all or none.
                (_, written) => return Err(rusqlite::Error::StatementChangedRows(written)),
            }
        }
        Ok(1)
    }

    fn append(movement: &Movement, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        tx.run(
            "INSERT INTO payment_movement (order_id, payment_id, kind, amount, at) VALUES (?1, ?2, ?3, ?4, ?5)",
            (movement.order_id, movement.payment_id, movement.kind, movement.amount, movement.at),
        )
    }

    fn find_claim(claim: &Claim, tx: &Tx<'_, '_>) -> rusqlite::Result<Option<Claimed>> {
        tx.row(
            "SELECT order_id, number, body_hash FROM payment_idempotency WHERE scope = ?1 AND key = ?2",
            (&claim.scope, &claim.key),
            |row| Ok(Claimed { order: row.get(0)?, part: row.get::<_, u32>(1)? as usize, body_hash: row.get(2)? }),
        )
    }

    fn keep_claim(claim: &Claim, order: OrderId, part: usize, tx: &Tx<'_, '_>) -> rusqlite::Result<usize> {
        let number = u32::try_from(part).unwrap_or(u32::MAX);
        tx.run(
            "INSERT INTO payment_idempotency (scope, key, body_hash, order_id, number, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (&claim.scope, &claim.key, claim.body_hash, order, number, tx.now()),
        )
    }
}

impl Commands<PaymentCommand, Executed<Payments>> for Sqlite {
    fn execute(&self, commands: Vec<Keyed<PaymentCommand>>) -> BoxFuture<'static, Answers<Executed<Payments>>> {
        self.queue.execute::<Aggregates<Payments>>(commands)
    }
}

impl PaymentQueries for Sqlite {
    fn payment(&self, id: PaymentId) -> BoxFuture<'static, Result<Option<Payment>, StoreError>> {
        let found = self
            .readers
            .read_one::<Payments>(concat!("SELECT ", columns!(), " FROM payment_payment WHERE id = ?1"), id);
        Box::pin(async move { Ok(found.await?.map(Payments::into_current)) })
    }

    fn payment_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Payment>, StoreError>> {
        let found = self.readers.read_recent(self.recent.payments.committed(order), Payments::LOAD, order);
        Box::pin(async move { Ok(found.await?.map(Payments::into_current)) })
    }

    fn payments(
        &self,
        filter: PaymentFilter,
        page: Page<PaymentId>,
    ) -> BoxFuture<'static, Result<Vec<Payment>, StoreError>> {
        let PaymentFilter { order_id, reference, statuses } = filter;
        let list =
            List { select: concat!("SELECT ", columns!(), " FROM payment_payment"), key: "id", order: "id DESC" };
        let mut walk = Walk { list, conditions: Vec::new(), one_of: Vec::new() };
        let is_few = order_id.is_some() || reference.is_some();
        if let Some(order_id) = order_id {
            walk.conditions.push(("order_id = ?", Box::new(order_id)));
        }
        if let Some(reference) = reference {
            walk.conditions.push(("reference = ?", Box::new(reference)));
        }
        let names = statuses.iter().map(|status| status.as_str());
        if !is_few && !statuses.is_empty() && statuses.iter().all(|status| status.is_unwound()) {
            // Each names the condition of the partial index that has its rows.
            let found_by = |status: &PaymentStatus| -> Condition {
                ("status = ? AND status <> 'pending' AND status <> 'paid'", Box::new(*status))
            };
            walk.one_of = statuses.iter().map(found_by).collect();
        } else if !statuses.is_empty() {
            walk.conditions.push(("status IN (SELECT value FROM json_each(?))", Box::new(name_list(names))));
        }
        self.readers.read_walks(vec![walk], page, read_payment)
    }
}

impl PaymentStore for Sqlite {
    fn execute_before(
        &self,
        audience: &Arc<Audience>,
        commands: Vec<Keyed<PaymentCommand>>,
    ) -> BoxFuture<'static, Answers<Executed<Payments>>> {
        let announced = |keyed| Announced { keyed, audience: Arc::clone(audience) };
        self.queue.execute::<AnnouncedPayments>(commands.into_iter().map(announced).collect())
    }

    fn outstanding_payments(
        &self,
        after: Option<OrderId>,
        limit: u32,
    ) -> BoxFuture<'static, Result<Vec<Payments>, StoreError>> {
        self.queue.ask(move |tx| Rows::<Payments>::outstanding(tx, after, limit))
    }
}
