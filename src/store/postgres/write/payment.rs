//! Payments and their ledger, written.

use super::{
    Call, Tx,
    aggregates::Table,
    columns_of, exactly, unchanged,
    working::{Slot, Working, changes, count},
};
use crate::{
    domain::{
        ids::OrderId,
        notifier::Notification,
        payment::{Movement, Payment, Payments},
        time::Timestamp,
    },
    store::{
        Claim, StoreError,
        commands::{Claimed, CommandError},
        postgres::{
            codec::{self, Unreadable, get, hash, script_to_json, trouble_to_json},
            payment,
            recent::{self, Memory},
        },
    },
};
use std::collections::HashMap;
use tokio_postgres::Row;

/// What is appended beside the payments' rows.
#[derive(Default)]
pub(super) struct PaymentBuffer {
    movements: Vec<Movement>,
    /// What others are to be told.
    pub(super) notifications: Vec<Notification>,
    claims: Vec<(Claim, OrderId, usize)>,
}

impl PaymentBuffer {
    pub(super) fn clear(&mut self) {
        self.movements.clear();
        self.notifications.clear();
        self.claims.clear();
    }
}

impl Table for Payments {
    const LOAD: &'static str = payment::LOCKED;

    const OUTSTANDING: Option<&'static str> = Some(payment::OUTSTANDING);

    const CHECK: &'static str = unchanged!("payment_payment AS t WHERE t.order_id = u.id AND t.number = 0");

    fn read(row: &Row) -> Result<Self, Unreadable> {
        payment::read(row).map(Self::of)
    }

    fn join(&mut self, further: Self) {
        self.extend(further);
    }

    fn count(&self) -> usize {
        self.all().count()
    }

    fn working<'w>(tx: &'w Tx<'_>) -> &'w Working<OrderId, Self> {
        &tx.payments
    }

    fn recent(kept: &mut Memory) -> &mut recent::Rows<Self> {
        &mut kept.payments
    }

    fn append(movement: &Movement, tx: &Tx<'_>) {
        tx.paid.borrow_mut().movements.push(*movement);
    }

    fn find_claim(claim: &Claim, tx: &Tx<'_>) -> Result<Option<Claimed>, CommandError> {
        let same = |(known, ..): &&(Claim, OrderId, usize)| known.scope == claim.scope && known.key == claim.key;
        if let Some((known, order, part)) = tx.paid.borrow().claims.iter().find(same) {
            return Ok(Some(Claimed { order: *order, part: *part, body_hash: known.body_hash }));
        }
        let rows = tx.ask(
            "SELECT order_id, number, body_hash FROM payment_idempotency WHERE scope = $1 AND key = $2",
            vec![Box::new(&claim.scope), Box::new(&claim.key)],
        )?;
        let Some(row) = rows.first() else { return Ok(None) };
        let read = || -> Result<Claimed, Unreadable> {
            let part = codec::count(row, 1)? as usize;
            Ok(Claimed { order: get(row, 0)?, part, body_hash: hash(row, 2)? })
        };
        Ok(Some(read().map_err(StoreError::from)?))
    }

    fn keep_claim(claim: &Claim, order: OrderId, part: usize, tx: &Tx<'_>) {
        tx.paid.borrow_mut().claims.push((claim.clone(), order, part));
    }
}

const INSERT: &str = concat!(
    "INSERT INTO payment_payment (",
    payment::columns!(),
    ") SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::bigint[], $5::uuid[], $6::bigint[], \
     $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::bigint[], $13::text[], $14::bigint[], \
     $15::boolean[], $16::boolean[], $17::boolean[], $18::bigint[], $19::text[], $20::bigint[], $21::bigint[], \
     $22::bigint[], $23::text[], $24::text[], $25::bigint[], $26::bigint[])"
);

const UPDATE: &str = exactly!(
    "UPDATE payment_payment p SET saga_id = u.saga_id, provider = u.provider, status = u.status, reason = u.reason, \
     deadline_at = u.deadline_at, call = u.call, attempts = u.attempts, claimed = u.claimed, held = u.held, \
     amendment = u.amendment, reference = u.reference, captured_at = u.captured_at, updated_at = u.updated_at, \
     trouble = u.trouble, retries = u.retries, version = CASE WHEN u.number = 0 THEN u.version ELSE p.version + 1 END \
     FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::text[], \
     $10::bigint[], $11::text[], $12::bigint[], $13::boolean[], $14::boolean[], $15::bigint[], $16::text[], \
     $17::bigint[], $18::bigint[], $19::bigint[], $20::text[]) AS u (order_id, number, loaded, version, saga_id, provider, status, reason, deadline_at, call, \
     attempts, claimed, held, amendment, reference, captured_at, updated_at, retries, trouble) \
     WHERE p.order_id = u.order_id AND p.number = u.number AND (u.number > 0 OR p.version = u.loaded)"
);

const APPEND: &str = "INSERT INTO payment_movement (order_id, payment_id, kind, amount, at) \
                      SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[])";

const KEEP_CLAIMS: &str = "INSERT INTO payment_idempotency (scope, key, body_hash, order_id, number, created_at) \
                           SELECT *, $6::bigint FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], \
                           $5::bigint[])";

/// A payment to be written, and its number among its order's.
struct Written<'r> {
    number: i64,
    payment: &'r Payment,
    loaded: i64,
    version: i64,
}

fn troubles(rows: &[Written<'_>]) -> Result<Vec<Option<String>>, StoreError> {
    rows.iter().map(|row| trouble_to_json(row.payment.trouble.as_deref())).collect()
}

/// Adds the statements that write what has changed.
///
/// The first row's version is that of all an order's payments. Of the others those are written that have changed:
/// theirs is the time of this very transaction. The last may be new.
pub(super) fn write<'r, S>(
    slots: &'r HashMap<OrderId, Slot<Payments>, S>,
    buffer: &'r PaymentBuffer,
    now: Timestamp,
    calls: &mut Vec<Call<'r>>,
) -> Result<(), StoreError> {
    let (mut new, mut old) = (Vec::new(), Vec::new());
    for change in changes(slots) {
        let stored = change.stored.map_or(0, |stored| stored.rows);
        for (place, payment) in change.row.all().enumerate() {
            let number = i64::try_from(place).unwrap_or(i64::MAX);
            let written = Written { number, payment, loaded: change.loaded(), version: change.version };
            if place >= stored {
                new.push(written);
            } else if place == 0 || payment.updated_at == now {
                old.push(written);
            }
        }
    }
    if !new.is_empty() {
        let scripts: Result<Vec<_>, _> = new.iter().map(|row| script_to_json(row.payment.script)).collect();
        let mut params = columns_of!(
            new,
            |row| row.payment.order_id,
            row.number,
            row.payment.id,
            i64::from(row.payment.revision),
            row.payment.saga_id,
            row.payment.amount,
            row.payment.currency,
            row.payment.provider,
            row.payment.status,
            row.payment.reason,
            row.payment.deadline_at,
            row.payment.call,
            i64::from(row.payment.attempts),
            row.payment.claimed,
            row.payment.direct,
            row.payment.held,
            i64::from(row.payment.amendment),
            row.payment.reference.clone(),
            row.payment.captured_at,
            row.payment.created_at,
            row.payment.updated_at,
            row.payment.payer,
            i64::from(row.payment.retries),
            row.version,
        );
        params.insert(8, Box::new(scripts?));
        params.insert(23, Box::new(troubles(&new)?));
        calls.push(Call::new(INSERT, params));
    }
    if !old.is_empty() {
        let mut params = columns_of!(
            old,
            |row| row.payment.order_id,
            row.number,
            row.loaded,
            row.version,
            row.payment.saga_id,
            row.payment.provider,
            row.payment.status,
            row.payment.reason,
            row.payment.deadline_at,
            row.payment.call,
            i64::from(row.payment.attempts),
            row.payment.claimed,
            row.payment.held,
            i64::from(row.payment.amendment),
            row.payment.reference.clone(),
            row.payment.captured_at,
            row.payment.updated_at,
            i64::from(row.payment.retries),
        );
        params.push(Box::new(troubles(&old)?));
        params.insert(0, count(&old));
        calls.push(Call::new(UPDATE, params));
    }
    if !buffer.movements.is_empty() {
        calls.push(Call::new(
            APPEND,
            columns_of!(
                buffer.movements,
                |movement| movement.order_id,
                movement.payment_id,
                movement.kind,
                movement.amount,
                movement.at,
            ),
        ));
    }
    super::notifier::write(&buffer.notifications, calls)?;
    if !buffer.claims.is_empty() {
        let mut params = columns_of!(
            buffer.claims,
            |claimed| claimed.0.scope.as_str(),
            claimed.0.key.as_str(),
            claimed.0.body_hash.as_slice(),
            claimed.1,
            i64::try_from(claimed.2).unwrap_or(i64::MAX),
        );
        params.push(Box::new(now));
        calls.push(Call::new(KEEP_CLAIMS, params));
    }
    Ok(())
}
