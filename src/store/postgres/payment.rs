//! Payments and their ledger in PostgreSQL.

use super::{
    Postgres,
    codec::{Unreadable, count, get, script_from_json, trouble_from_json},
    loader::Loader,
    readers::{Condition, Readers},
};
use crate::{
    domain::{
        ids::{OrderId, PaymentId},
        notifier::Audience,
        payment::{Movement, Payment, PaymentCommand, Payments},
    },
    store::{
        Answers, Commands, Executed, Keyed, Page, PaymentFilter, PaymentQueries, PaymentStore, StoreError,
        commands::{Aggregates, Announced, AnnouncedPayments, Rows},
    },
};
use futures::future::BoxFuture;
use std::sync::Arc;
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "order_id, number, id, revision, saga_id, amount, currency, provider, script, status, reason, deadline_at, call, \
         attempts, claimed, direct, held, amendment, reference, captured_at, created_at, \
         updated_at, payer, trouble, retries, version"
    };
}
pub(super) use columns;

const BY_ORDER: &str =
    concat!("SELECT ", columns!(), " FROM payment_payment WHERE order_id = ANY($1) ORDER BY order_id, number");
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM payment_payment WHERE id = $1");
/// The payments of the orders `$1`, locked in an order that is the same for every node.
pub(super) const LOCKED: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM payment_payment WHERE order_id = ANY($1) ORDER BY order_id, number FOR UPDATE"
);
/// The payments of the first `$2` orders after `$1` that have one with an outside call.
pub(super) const OUTSTANDING: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM payment_payment WHERE order_id IN (SELECT DISTINCT order_id FROM payment_payment WHERE call IS NOT NULL \
     AND order_id > coalesce($1, '00000000-0000-0000-0000-000000000000'::uuid) ORDER BY order_id LIMIT $2) \
     ORDER BY order_id, number"
);
/// All rows, by order: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM payment_payment ORDER BY order_id, number");
/// The whole ledger, by order: what the audit reads.
pub(super) const ALL_MOVEMENTS: &str =
    "SELECT order_id, payment_id, kind, amount, at FROM payment_movement ORDER BY order_id, payment_id, kind";
const LISTED: &str = concat!("SELECT ", columns!(), " FROM payment_payment");
/// Which column of them is the payment's id.
const ID: usize = 2;

/// Reads one payment of an order, whose id is the first column; the version is the column after it.
pub(super) fn read(row: &Row) -> Result<Payment, Unreadable> {
    Ok(Payment {
        order_id: get(row, 0)?,
        id: get(row, ID)?,
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
        direct: get(row, 15)?,
        held: get(row, 16)?,
        amendment: count(row, 17)?,
        reference: get(row, 18)?,
        captured_at: get(row, 19)?,
        created_at: get(row, 20)?,
        updated_at: get(row, 21)?,
        payer: get(row, 22)?,
        trouble: trouble_from_json(row, 23)?,
        retries: count(row, 24)?,
    })
}

/// Reads the first payment of an order, which its others are joined to.
pub(super) fn read_first(row: &Row) -> Result<Payments, Unreadable> {
    read(row).map(Payments::of)
}

/// Reads order, payment, kind, amount and time of a movement.
pub(super) fn read_movement(row: &Row) -> Result<Movement, Unreadable> {
    Ok(Movement {
        order_id: get(row, 0)?,
        payment_id: get(row, 1)?,
        kind: get(row, 2)?,
        amount: get(row, 3)?,
        at: get(row, 4)?,
    })
}

/// What looks orders' payments up.
pub(super) fn loader(readers: &Readers) -> Loader<OrderId, Payments> {
    readers.loader(BY_ORDER, read_first, Payments::extend)
}

impl Commands<PaymentCommand, Executed<Payments>> for Postgres {
    fn execute(&self, commands: Vec<Keyed<PaymentCommand>>) -> BoxFuture<'static, Answers<Executed<Payments>>> {
        self.queue.execute::<Aggregates<Payments>>(commands)
    }
}

impl PaymentQueries for Postgres {
    /// One payment.
    fn payment(&self, id: PaymentId) -> BoxFuture<'static, Result<Option<Payment>, StoreError>> {
        self.readers.find(BY_ID, vec![Box::new(id)], read)
    }

    /// An order's current payment.
    fn payment_of(&self, order: OrderId) -> BoxFuture<'static, Result<Option<Payment>, StoreError>> {
        let found = self.payments.find(order);
        Box::pin(async move { Ok(found.await?.map(Payments::into_current)) })
    }

    /// Payments, newest first.
    fn payments(
        &self,
        filter: PaymentFilter,
        page: Page<PaymentId>,
    ) -> BoxFuture<'static, Result<Vec<Payment>, StoreError>> {
        let PaymentFilter { order_id, reference, statuses } = filter;
        let mut conditions: Vec<Condition> = Vec::new();
        let is_few = order_id.is_some() || reference.is_some();
        if let Some(order_id) = order_id {
            conditions.push(("order_id = $n", Box::new(order_id)));
        }
        if let Some(reference) = reference {
            conditions.push(("reference = $n", Box::new(reference)));
        }
        if !statuses.is_empty() {
            let are_closed = !is_few && statuses.iter().all(|status| status.is_unwound());
            // Names the condition of the partial index that has their rows.
            let found_by = if are_closed { "status = ANY($n) AND unwound" } else { "status = ANY($n)" };
            conditions.push((found_by, Box::new(statuses)));
        }
        self.readers.page(LISTED, ID, conditions, page, read)
    }
}

impl PaymentStore for Postgres {
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
