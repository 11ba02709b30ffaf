//! Sagas and their logs in SQLite.

use super::{
    Sqlite,
    readers::{Condition, List, Walk, name_list},
    tx::{Tx, command_error},
};
use crate::role::Role;
use crate::{
    domain::{
        ids::{OrderId, SagaId},
        saga::Status,
        time::Timestamp,
    },
    store::{
        Answers, Claim, Due, Page, RowUpdate, SagaAnswer, SagaCommand, SagaFilter, SagaQueries, SagaRow, SagaStore,
        StoreError, StoredSaga,
        commands::{CommandError, Encoded, Loaded, SagaClaimed, SagaRows, SagaRunner},
    },
};
use futures::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, Row};
use std::sync::Arc;

macro_rules! columns {
    () => {
        "id, order_id, definition, version, status, waiting_for, reason, attention, wake_at, created_at, updated_at, \
         finished_at"
    };
}

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM saga_saga WHERE id = ?1");
const CLAIM: &str = "SELECT body_hash, order_id, saga_id FROM saga_idempotency WHERE scope = ?1 AND key = ?2";
const LOG: &str = "SELECT seq, entry FROM saga_log WHERE saga_id = ?1 ORDER BY seq";
/// All rows, by order: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM saga_saga ORDER BY order_id");

/// Reads a saga's row.
pub(super) fn read_row(row: &Row<'_>) -> rusqlite::Result<SagaRow> {
    Ok(SagaRow {
        id: row.get(0)?,
        order_id: row.get(1)?,
        definition: row.get(2)?,
        version: row.get(3)?,
        status: row.get(4)?,
        waiting_for: row.get(5)?,
        reason: row.get(6)?,
        attention: row.get(7)?,
        wake_at: row.get(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        finished_at: row.get(11)?,
    })
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<(u32, String)> {
    Ok((row.get(0)?, row.get(1)?))
}

/// Reads a saga's log.
pub(super) fn read_log(conn: &Connection, id: SagaId) -> rusqlite::Result<Vec<(u32, String)>> {
    conn.prepare_cached(LOG)?.query_map([id], read_entry)?.collect()
}

impl SagaRows for Tx<'_, '_> {
    fn find_saga_claim(&self, claim: &Claim) -> Result<Option<SagaClaimed>, CommandError> {
        let read =
            |row: &Row<'_>| Ok(SagaClaimed { body_hash: row.get(0)?, order_id: row.get(1)?, saga_id: row.get(2)? });
        Ok(self.row(CLAIM, (&claim.scope, &claim.key), read)?)
    }

    fn keep_saga_claim(&self, claim: &Claim, order: OrderId, saga: SagaId) -> Result<bool, CommandError> {
        let kept = self.run(
            "INSERT INTO saga_idempotency (scope, key, body_hash, order_id, saga_id, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (scope, key) DO NOTHING",
            (&claim.scope, &claim.key, claim.body_hash, order, saga, self.now()),
        )?;
        Ok(kept == 1)
    }

    fn insert_saga(&self, row: &SagaRow) -> Result<bool, CommandError> {
        let inserted = self.run(
            "INSERT INTO saga_saga (id, order_id, definition, version, status, created_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (id) DO NOTHING",
            (row.id, row.order_id, &row.definition, row.version, row.status, row.created_at),
        )?;
        if inserted == 1
            && let Some(recent) = self.recent()
        {
            recent.sagas.write(row.id, Some(row.clone()));
        }
        Ok(inserted == 1)
    }

    fn insert_entry(&self, saga: SagaId, seq: u32, entry: &Arc<str>) -> Result<bool, CommandError> {
        let inserted = self.run(
            "INSERT INTO saga_log (saga_id, seq, entry) VALUES (?1, ?2, ?3) ON CONFLICT (saga_id, seq) DO NOTHING",
            (saga, seq, &**entry),
        )?;
        Ok(inserted == 1)
    }

    fn update_saga(&self, saga: SagaId, update: &RowUpdate, at: Timestamp) -> Result<(), CommandError> {
        let RowUpdate { summary, wake_at } = update;
        let finished_at = summary.status.is_at_rest().then_some(at);
        self.run(
            "UPDATE saga_saga SET status = ?2, waiting_for = ?3, reason = ?4, attention = ?5, wake_at = ?6, \
             updated_at = ?7, finished_at = ?8 WHERE id = ?1",
            (saga, summary.status, summary.waiting_for, summary.reason, &summary.attention, wake_at, at, finished_at),
        )?;
        if let Some(recent) = self.recent()
            && let Some(row) = recent.sagas.latest(saga)
        {
            recent.sagas.write(saga, Some(row.updated(update, at)));
        }
        Ok(())
    }

    fn park_saga(&self, saga: SagaId, wake_at: Timestamp) -> Result<(), CommandError> {
        // A saga that was asked again before it was ever parked has no wake-up yet: it gets one too.
        self.run("UPDATE saga_saga SET wake_at = ?2 WHERE id = ?1 AND finished_at IS NULL", (saga, wake_at))?;
        forget_recent(self, saga);
        Ok(())
    }

    fn set_saga_aside(&self, saga: SagaId, why: &str) -> Result<(), CommandError> {
        self.run(
            "UPDATE saga_saga SET status = 'needs_attention', attention = ?2, wake_at = NULL, updated_at = ?3, \
             finished_at = ?3 WHERE id = ?1 AND status NOT IN ('completed', 'compensated')",
            (saga, why, self.now()),
        )?;
        forget_recent(self, saga);
        Ok(())
    }

    /// There is no other node.
    fn load_saga(&self, saga: SagaId, _take: bool) -> Result<Option<Loaded>, CommandError> {
        let loaded = (|| {
            let Some(row) = self.row(BY_ID, [saga], read_row)? else { return Ok(None) };
            let entries = self.rows(LOG, [saga], read_entry)?;
            Ok(Some(Loaded { saga: StoredSaga { row, entries }, is_elsewhere: false }))
        })();
        loaded.map_err(|error| command_error(&error))
    }

    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> Result<Vec<SagaId>, CommandError> {
        Ok(self.rows(
            "SELECT id FROM saga_saga WHERE finished_at IS NULL AND wake_at IS NULL AND id > coalesce(?1, x'') \
             ORDER BY id LIMIT ?2",
            (after, limit),
            |row| row.get(0),
        )?)
    }
}

pub(super) fn forget_recent(tx: &Tx<'_, '_>, saga_id: SagaId) {
    if let Some(recent) = tx.recent() {
        recent.sagas.write(saga_id, None);
    }
}

impl SagaQueries for Sqlite {
    fn claimed(&self, claim: Claim) -> BoxFuture<'static, Result<Option<(OrderId, SagaId)>, StoreError>> {
        let Claim { scope, key, body_hash, request_id: _ } = claim;
        let found = self.readers.read(move |conn| {
            conn.prepare_cached(CLAIM)?
                .query_row((scope, key), |row| Ok((row.get::<_, [u8; 32]>(0)?, (row.get(1)?, row.get(2)?))))
                .optional()
        });
        Box::pin(async move {
            match found.await? {
                Some((claimed, _)) if claimed != body_hash => Err(StoreError::KeyReused),
                claimed => Ok(claimed.map(|(_, of)| of)),
            }
        })
    }

    fn saga(&self, id: SagaId) -> BoxFuture<'static, Result<Option<SagaRow>, StoreError>> {
        if let Some(row) = self.recent.sagas.committed(id) {
            return Box::pin(std::future::ready(Ok(Some(row))));
        }
        self.readers.look_up(|conn| conn.prepare_cached(BY_ID)?.query_row([id], read_row).optional())
    }

    fn saga_with_log(&self, id: SagaId) -> BoxFuture<'static, Result<Option<StoredSaga>, StoreError>> {
        self.readers.read(move |conn| {
            let snapshot = conn.unchecked_transaction()?;
            let row = snapshot.prepare_cached(BY_ID)?.query_row([id], read_row).optional()?;
            row.map(|row| Ok(StoredSaga { row, entries: read_log(&snapshot, id)? })).transpose()
        })
    }

    fn unfinished(&self) -> BoxFuture<'static, Result<u64, StoreError>> {
        if !self.owners.contains(Role::Coordinator) {
            return Box::pin(std::future::ready(Ok(0)));
        }
        self.readers.read(|conn| {
            let count = conn
                .prepare_cached("SELECT count(*) FROM saga_saga WHERE finished_at IS NULL")?
                .query_row([], |row| row.get::<_, i64>(0))?;
            Ok(count.unsigned_abs())
        })
    }

    fn sagas(&self, filter: SagaFilter, page: Page<SagaId>) -> BoxFuture<'static, Result<Vec<SagaRow>, StoreError>> {
        let SagaFilter { statuses, definition, step, created_before } = filter;
        let mut conditions: Vec<Condition> = Vec::new();
        if let Some(definition) = definition {
            conditions.push(("definition = ?", Box::new(definition)));
        }
        if let Some(step) = step {
            conditions.push(("waiting_for = ?", Box::new(step)));
        }
        if let Some(created_before) = created_before {
            conditions.push(("created_at < ?", Box::new(created_before)));
        }
        let select = concat!("SELECT ", columns!(), " FROM saga_saga");
        let mut walk = Walk { list: List { select, key: "id", order: "id DESC" }, conditions, one_of: Vec::new() };
        if statuses.contains(&Status::Completed) {
            // Most are: those that are not are met on the way.
            let names = name_list(statuses.iter().map(<&str>::from));
            walk.conditions.push(("status IN (SELECT value FROM json_each(?))", Box::new(names)));
        } else {
            walk.one_of =
                statuses.iter().map(|status| -> Condition { (found_by(*status), Box::new(*status)) }).collect();
        }
        self.readers.read_walks(vec![walk], page, read_row)
    }
}

/// What finds the sagas of a status; each names the condition of the partial index that has its rows.
const fn found_by(status: Status) -> &'static str {
    match status {
        // SQLite would rather read every saga in order than sort the few that run.
        Status::Running => {
            "id IN (SELECT id FROM saga_saga INDEXED BY saga_saga_unfinished WHERE status = ? AND finished_at IS NULL)"
        }
        Status::Completed => "status = ?",
        Status::Waiting | Status::Compensating | Status::Compensated | Status::NeedsAttention => {
            "status = ? AND status <> 'running' AND status <> 'completed'"
        }
    }
}

impl SagaStore for Sqlite {
    fn execute(&self, commands: Vec<SagaCommand>) -> BoxFuture<'static, Answers<SagaAnswer>> {
        self.queue.execute::<SagaRunner>(commands.into_iter().map(Encoded::from).collect())
    }

    fn due(&self, now: Timestamp, limit: u32) -> BoxFuture<'static, Result<Due, StoreError>> {
        self.readers.read(move |conn| {
            let snapshot = conn.unchecked_transaction()?;
            let sagas = snapshot
                .prepare_cached(
                    "SELECT id FROM saga_saga WHERE finished_at IS NULL AND wake_at <= ?1 \
                     ORDER BY wake_at, id LIMIT ?2",
                )?
                .query_map((now, limit), |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let next = snapshot
                .prepare_cached("SELECT min(wake_at) FROM saga_saga WHERE finished_at IS NULL AND wake_at > ?1")?
                .query_row([now], |row| row.get(0))?;
            Ok(Due { sagas, next })
        })
    }

    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> BoxFuture<'static, Result<Vec<SagaId>, StoreError>> {
        self.queue.ask(move |tx| tx.interrupted(after, limit))
    }
}

#[cfg(test)]
mod tests;
