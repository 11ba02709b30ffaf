//! Sagas and their logs in SQLite.

use super::{
    Sqlite,
    codec::to_json,
    readers::Condition,
    tx::{CommandError, Tx},
    writer::Run,
};
use crate::{
    domain::{
        ids::{OrderId, SagaId},
        saga::Status,
        time::Timestamp,
    },
    store::{
        Answers, Claim, Due, Page, RowUpdate, SagaAnswer, SagaCommand, SagaFilter, SagaRow, SagaStore, StoreError,
        StoredSaga,
    },
};
use futures::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, Row};

macro_rules! columns {
    () => {
        "id, order_id, definition, version, status, waiting_for, reason, attention, wake_at, created_at, updated_at, \
         finished_at"
    };
}

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM saga_saga WHERE id = ?1");
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

/// A command with its log entry already encoded, so that the writer thread only writes.
enum Encoded {
    Start {
        row: SagaRow,
        entry: String,
        claim: Option<Claim>,
    },
    Append(EncodedAppend),
    Park {
        saga_id: SagaId,
        wake_at: Timestamp,
    },
    SetAside {
        saga_id: SagaId,
        why: String,
    },
    Load(SagaId),
    Abandon(OrderId),
    /// What cannot be written, and the order of the start or append that it was.
    Unencodable {
        order_id: Option<OrderId>,
        why: String,
    },
}

struct EncodedAppend {
    saga_id: SagaId,
    order_id: OrderId,
    seq: u32,
    at: Timestamp,
    entry: String,
    row: Option<RowUpdate>,
    claim: Option<Claim>,
}

impl From<SagaCommand> for Encoded {
    fn from(command: SagaCommand) -> Self {
        let order_id = match &command {
            SagaCommand::Start(start) => Some(start.row.order_id),
            SagaCommand::Append(append) => Some(append.order_id),
            _ => None,
        };
        let encoded = match command {
            SagaCommand::Start(start) => {
                to_json(&start.entry).map(|entry| Self::Start { row: start.row, entry, claim: start.claim })
            }
            SagaCommand::Append(append) => to_json(&append.entry).map(|entry| {
                Self::Append(EncodedAppend {
                    saga_id: append.saga_id,
                    order_id: append.order_id,
                    seq: append.seq,
                    at: append.entry.at,
                    entry,
                    row: append.row,
                    claim: append.claim,
                })
            }),
            SagaCommand::Park { saga_id, wake_at } => Ok(Self::Park { saga_id, wake_at }),
            SagaCommand::SetAside { saga_id, why } => Ok(Self::SetAside { saga_id, why }),
            SagaCommand::Load(saga_id) => Ok(Self::Load(saga_id)),
            SagaCommand::Abandon(order_id) => Ok(Self::Abandon(order_id)),
        };
        encoded.unwrap_or_else(|error| Self::Unencodable { order_id, why: error.to_string() })
    }
}

struct SagaRunner;

impl Run for SagaRunner {
    type Command = Encoded;
    type Answer = SagaAnswer;

    fn run(tx: &Tx<'_, '_>, command: &Encoded) -> Result<SagaAnswer, CommandError> {
        match command {
            // Whatever keeps a start or an append out of the log also keeps out what its driver does next.
            Encoded::Start { row, entry, claim } => {
                let answer = start(tx, row, entry, claim.as_ref());
                if matches!(answer, Ok(SagaAnswer::Replayed { .. }) | Err(CommandError::Failed(_))) {
                    tx.sever(row.order_id);
                }
                answer
            }
            Encoded::Append(append) => append_entry(tx, append).inspect(|answer| {
                if !matches!(answer, SagaAnswer::Stored) {
                    tx.sever(append.order_id);
                }
            }),
            Encoded::Park { saga_id, wake_at } => {
                // A saga that was asked again before it was ever parked has no wake-up yet: it gets one too.
                tx.run("UPDATE saga_saga SET wake_at = ?2 WHERE id = ?1 AND finished_at IS NULL", (saga_id, wake_at))?;
                forget_recent(tx, *saga_id);
                Ok(SagaAnswer::Stored)
            }
            Encoded::SetAside { saga_id, why } => set_aside(tx, *saga_id, why),
            Encoded::Load(saga_id) => load(tx, *saga_id),
            Encoded::Abandon(order_id) => {
                tx.abandon(*order_id);
                Ok(SagaAnswer::Stored)
            }
            Encoded::Unencodable { order_id, why } => {
                if let Some(order_id) = order_id {
                    tx.sever(*order_id);
                }
                Err(StoreError::Poisoned(why.clone()).into())
            }
        }
    }

    fn not_stored(tx: &Tx<'_, '_>, command: &Encoded) {
        match command {
            Encoded::Unencodable { order_id: Some(order_id), .. } => tx.sever(*order_id),
            Encoded::Start { row, .. } => tx.sever(row.order_id),
            Encoded::Append(append) => tx.sever(append.order_id),
            Encoded::Abandon(order_id) => tx.abandon(*order_id),
            Encoded::Park { .. } | Encoded::SetAside { .. } | Encoded::Load(_) | Encoded::Unencodable { .. } => {}
        }
    }
}

fn start(tx: &Tx<'_, '_>, row: &SagaRow, entry: &str, claim: Option<&Claim>) -> Result<SagaAnswer, CommandError> {
    if !keep_claim(tx, claim, row.order_id, row.id)?
        && let Some(replayed) = find_claim(tx, claim)?
    {
        let same = matches!(replayed, SagaAnswer::Replayed { saga_id, .. } if saga_id == row.id);
        return Ok(if same { SagaAnswer::AlreadyStarted } else { replayed });
    }
    let inserted = tx.run(
        "INSERT INTO saga_saga (id, order_id, definition, version, status, created_at, updated_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6) ON CONFLICT (id) DO NOTHING",
        (row.id, row.order_id, &row.definition, row.version, row.status, row.created_at),
    )?;
    if inserted == 0 {
        return Ok(SagaAnswer::AlreadyStarted);
    }
    insert_entry(tx, row.id, 0, entry)?;
    if let Some(recent) = tx.recent() {
        recent.sagas.write(row.id, Some(row.clone()));
    }
    Ok(SagaAnswer::Stored)
}

fn append_entry(tx: &Tx<'_, '_>, append: &EncodedAppend) -> Result<SagaAnswer, CommandError> {
    tx.check_not_severed(append.order_id)?;
    match find_claim(tx, append.claim.as_ref()) {
        Ok(None) => {}
        Ok(Some(replayed)) => return Ok(replayed),
        Err(error) => {
            tx.sever(append.order_id);
            return Err(error);
        }
    }
    if insert_entry(tx, append.saga_id, append.seq, &append.entry)? == 0 {
        tx.sever(append.order_id);
        return Err(StoreError::Conflict.into());
    }
    if let Some(update @ RowUpdate { summary, wake_at }) = &append.row {
        let finished_at = summary.status.is_at_rest().then_some(append.at);
        tx.run(
            "UPDATE saga_saga SET status = ?2, waiting_for = ?3, reason = ?4, attention = ?5, wake_at = ?6, \
             updated_at = ?7, finished_at = ?8 WHERE id = ?1",
            (
                append.saga_id,
                summary.status,
                summary.waiting_for,
                summary.reason,
                &summary.attention,
                wake_at,
                append.at,
                finished_at,
            ),
        )?;
        if let Some(recent) = tx.recent()
            && let Some(row) = recent.sagas.latest(append.saga_id)
        {
            recent.sagas.write(append.saga_id, Some(updated(row, update, append.at)));
        }
    }
    keep_claim(tx, append.claim.as_ref(), append.order_id, append.saga_id)?;
    Ok(SagaAnswer::Stored)
}

/// The row as the statement above leaves it.
fn updated(row: SagaRow, update: &RowUpdate, at: Timestamp) -> SagaRow {
    let RowUpdate { summary, wake_at } = update;
    SagaRow {
        status: summary.status,
        waiting_for: summary.waiting_for.map(str::to_owned),
        reason: summary.reason,
        attention: summary.attention.clone(),
        wake_at: *wake_at,
        updated_at: at,
        finished_at: summary.status.is_at_rest().then_some(at),
        ..row
    }
}

fn insert_entry(tx: &Tx<'_, '_>, saga_id: SagaId, seq: u32, entry: &str) -> rusqlite::Result<usize> {
    tx.run(
        "INSERT INTO saga_log (saga_id, seq, entry) VALUES (?1, ?2, ?3) ON CONFLICT (saga_id, seq) DO NOTHING",
        (saga_id, seq, entry),
    )
}

fn set_aside(tx: &Tx<'_, '_>, saga_id: SagaId, why: &str) -> Result<SagaAnswer, CommandError> {
    tx.run(
        "UPDATE saga_saga SET status = 'needs_attention', attention = ?2, wake_at = NULL, updated_at = ?3, \
         finished_at = ?3 WHERE id = ?1 AND status NOT IN ('completed', 'compensated')",
        (saga_id, why, tx.now()),
    )?;
    forget_recent(tx, saga_id);
    Ok(SagaAnswer::Stored)
}

pub(super) fn forget_recent(tx: &Tx<'_, '_>, saga_id: SagaId) {
    if let Some(recent) = tx.recent() {
        recent.sagas.write(saga_id, None);
    }
}

fn load(tx: &Tx<'_, '_>, saga_id: SagaId) -> Result<SagaAnswer, CommandError> {
    let loaded = (|| {
        let Some(row) = tx.row(BY_ID, [saga_id], read_row)? else { return Ok(None) };
        let entries = tx.rows(LOG, [saga_id], read_entry)?;
        Ok(Some(StoredSaga { row, entries }))
    })();
    match loaded {
        Ok(Some(saga)) => {
            tx.mend(saga.row.order_id);
            Ok(SagaAnswer::Loaded(Some(Box::new(saga))))
        }
        Ok(None) => Ok(SagaAnswer::Loaded(None)),
        Err(error) if super::codec::is_unreadable(&error) => {
            Err(StoreError::Poisoned(format!("the stored saga cannot be read: {error}")).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn find_claim(tx: &Tx<'_, '_>, claim: Option<&Claim>) -> Result<Option<SagaAnswer>, CommandError> {
    let Some(claim) = claim else { return Ok(None) };
    let found = tx.row(
        "SELECT body_hash, order_id, saga_id FROM saga_idempotency WHERE scope = ?1 AND key = ?2",
        (&claim.scope, &claim.key),
        |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get(1)?, row.get(2)?)),
    )?;
    match found {
        None => Ok(None),
        Some((body_hash, ..)) if body_hash != claim.body_hash => Err(StoreError::KeyReused.into()),
        Some((_, order_id, saga_id)) => Ok(Some(SagaAnswer::Replayed { order_id, saga_id })),
    }
}

/// Records an idempotency key; false when it has been used before.
fn keep_claim(tx: &Tx<'_, '_>, claim: Option<&Claim>, order_id: OrderId, saga_id: SagaId) -> rusqlite::Result<bool> {
    let Some(claim) = claim else { return Ok(true) };
    tx.run(
        "INSERT INTO saga_idempotency (scope, key, body_hash, order_id, saga_id, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (scope, key) DO NOTHING",
        (&claim.scope, &claim.key, claim.body_hash, order_id, saga_id, tx.now()),
    )
    .map(|kept| kept == 1)
}

impl SagaStore for Sqlite {
    fn execute(&self, commands: Vec<SagaCommand>) -> BoxFuture<'static, Answers<SagaAnswer>> {
        self.writer.execute::<SagaRunner>(commands.into_iter().map(Encoded::from).collect())
    }

    fn claimed(&self, claim: Claim) -> BoxFuture<'static, Result<Option<(OrderId, SagaId)>, StoreError>> {
        let Claim { scope, key, body_hash, request_id: _ } = claim;
        let found = self.readers.read(move |conn| {
            conn.prepare_cached(
                "SELECT body_hash, order_id, saga_id FROM saga_idempotency WHERE scope = ?1 AND key = ?2",
            )?
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

    fn sagas(&self, filter: SagaFilter, page: Page<SagaId>) -> BoxFuture<'static, Result<Vec<SagaRow>, StoreError>> {
        let mut conditions: Vec<Condition> = Vec::new();
        let mut select = concat!("SELECT ", columns!(), " FROM saga_saga");
        if let Some(status) = filter.status {
            // Each names the condition of the partial index that has its rows. SQLite would rather read
            // every saga in order than sort the few that run.
            if status == Status::Running {
                select = concat!("SELECT ", columns!(), " FROM saga_saga INDEXED BY saga_saga_unfinished");
            }
            let found_by = match status {
                Status::Running => "status = ? AND finished_at IS NULL",
                Status::Completed => "status = ?",
                Status::Waiting | Status::Compensating | Status::Compensated | Status::NeedsAttention => {
                    "status = ? AND status <> 'running' AND status <> 'completed'"
                }
            };
            conditions.push((found_by, Box::new(status)));
        }
        if let Some(definition) = filter.definition {
            conditions.push(("definition = ?", Box::new(definition)));
        }
        if let Some(step) = filter.step {
            conditions.push(("waiting_for = ?", Box::new(step)));
        }
        if let Some(created_before) = filter.created_before {
            conditions.push(("created_at < ?", Box::new(created_before)));
        }
        self.readers.read_page(select, conditions, page, read_row)
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
        self.writer.query(move |tx| {
            tx.rows(
                "SELECT id FROM saga_saga WHERE finished_at IS NULL AND wake_at IS NULL AND id > coalesce(?1, x'') ORDER BY id LIMIT ?2",
                (after, limit),
                |row| row.get(0),
            )
        })
    }
}

#[cfg(test)]
mod tests;
