//! Removing sagas that ended long ago, with their logs: the order's participants keep their rows.
//!
//! ```text
//!   sagas by id, the oldest first:    removed, or passed over  │  not looked at yet
//!                                             reached ────────▶│
//! ```
//!
//! Ids are in the order of time, so that a walk along them finds the old ones without an index, and what cannot be
//! removed when the walk comes by is noted down, to be looked at again when it may be old enough: at the earliest
//! as long after it was seen unfinished as sagas are kept. Nothing of this costs a saga anything while it runs.
//!
//! Never removes a saga whose idempotency key is still remembered, and keeps count, for the audit, in the same
//! transaction.

use super::{
    saga::forget_recent,
    tx::{CommandError, Tx},
    writer::{Run, Writer},
};
use crate::{
    domain::{ids::SagaId, time::Timestamp},
    store::{Removed, StoreError, Watermark},
};
use futures::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, Row};

/// Sagas looked at in one transaction: some milliseconds, which the orders that are queued with them wait.
const PORTION: usize = 100;

/// When a saga that ended well did so; NULL for every other. Names its own columns of `saga_saga`.
macro_rules! ended {
    () => {
        "CASE WHEN status = 'completed' OR status = 'compensated' THEN finished_at END"
    };
}

/// Removes a portion, once everything that was handed over before has run.
pub(super) fn remove(writer: &Writer, before: Timestamp) -> BoxFuture<'static, Result<Removed, StoreError>> {
    let answers = writer.execute::<Removal>(vec![before]);
    Box::pin(async move {
        let answer = answers.await.pop();
        answer.unwrap_or_else(|| Err(StoreError::Unavailable("nothing was removed".into())))
    })
}

/// Which sagas have been removed so far.
pub(super) fn watermark(conn: &Connection) -> rusqlite::Result<Option<Watermark>> {
    conn.prepare_cached("SELECT ended_before, removed FROM saga_retention WHERE removed > 0")?
        .query_row([], |row| Ok(Watermark { ended_before: row.get(0)?, sagas: row.get::<_, i64>(1)?.unsigned_abs() }))
        .optional()
}

/// A saga that the walk has come to.
struct Found {
    id: SagaId,
    /// When it ended, if it ended well.
    ended: Option<Timestamp>,
}

struct Removal;

impl Run for Removal {
    type Command = Timestamp;
    type Answer = Removed;

    fn run(tx: &Tx<'_, '_>, before: &Timestamp) -> Result<Removed, CommandError> {
        let before = oldest_key(tx)?.map_or(*before, |key| key.min(*before));
        let reached: Option<SagaId> = tx.row("SELECT reached FROM saga_retention", [], |row| row.get(0))?;
        let mut found = noted(tx, before)?;
        let fresh = ahead(tx, reached, before, PORTION - found.len())?;
        let Some(reached) = fresh.last().map(|saga| saga.id).or(reached) else { return Ok(Removed::default()) };
        found.extend(fresh);
        let mut sagas: u32 = 0;
        for Found { id, ended } in &found {
            match ended {
                Some(ended) if *ended < before => {
                    tx.run("DELETE FROM saga_log WHERE saga_id = ?1", [id])?;
                    tx.run("DELETE FROM saga_saga WHERE id = ?1", [id])?;
                    forget_recent(tx, *id);
                    sagas += 1;
                }
                // One that has not ended cannot be old enough before it is seen again.
                ended => {
                    let since = ended.unwrap_or_else(|| tx.now().max(before));
                    tx.run("INSERT INTO saga_passed_over (since, saga_id) VALUES (?1, ?2)", (since, id))?;
                }
            }
        }
        if !found.is_empty() {
            let until = if sagas > 0 { before } else { Timestamp::from_millis(0) };
            tx.run(
                "INSERT INTO saga_retention (only, reached, ended_before, removed) VALUES (1, ?1, ?2, ?3) \
                 ON CONFLICT (only) DO UPDATE SET reached = ?1, ended_before = max(ended_before, ?2), \
                 removed = removed + ?3",
                (reached, until, sagas),
            )?;
        }
        Ok(Removed { sagas, more: found.len() == PORTION })
    }
}

/// When the oldest idempotency key that names a saga was claimed. A key is as old as its saga's start, or a request
/// to it before its end: no saga that ended before this is named by any.
fn oldest_key(tx: &Tx<'_, '_>) -> rusqlite::Result<Option<Timestamp>> {
    tx.row("SELECT created_at FROM saga_idempotency ORDER BY rowid LIMIT 1", [], |row| row.get(0))
}

/// Takes those out of the notes that may be old enough by now.
fn noted(tx: &Tx<'_, '_>, before: Timestamp) -> rusqlite::Result<Vec<Found>> {
    let sql = concat!(
        "SELECT s.id, ",
        ended!(),
        ", p.since FROM saga_passed_over p CROSS JOIN saga_saga s ON s.id = p.saga_id WHERE p.since < ?1 \
         ORDER BY p.since, p.saga_id"
    );
    let due = tx.query(sql, [before], |rows| {
        let mut due: Vec<(Found, Timestamp)> = Vec::new();
        while due.len() < PORTION
            && let Some(row) = rows.next()?
        {
            due.push((found(row)?, row.get(2)?));
        }
        Ok(due)
    })?;
    due.into_iter()
        .map(|(saga, since)| {
            tx.run("DELETE FROM saga_passed_over WHERE since = ?1 AND saga_id = ?2", (since, saga.id))?;
            Ok(saga)
        })
        .collect()
}

/// The next ones along the walk, as far as they are old enough to have ended before `before`.
fn ahead(tx: &Tx<'_, '_>, reached: Option<SagaId>, before: Timestamp, most: usize) -> rusqlite::Result<Vec<Found>> {
    let sql = concat!("SELECT id, ", ended!(), ", created_at FROM saga_saga WHERE id > coalesce(?1, x'') ORDER BY id");
    tx.query(sql, [reached], |rows| {
        let mut old = Vec::new();
        // The rows come one by one: those that are too young are not read.
        while old.len() < most
            && let Some(row) = rows.next()?
            && row.get::<_, Timestamp>(2)? < before
        {
            old.push(found(row)?);
        }
        Ok(old)
    })
}

fn found(row: &Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found { id: row.get(0)?, ended: row.get(1)? })
}
