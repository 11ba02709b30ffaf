//! Sagas and their logs in PostgreSQL.

use super::{
    Postgres,
    codec::{Unreadable, count, get, hash},
    loader::Loader,
    readers::{Condition, List, Planned, Readers, Walk},
};
use crate::role::Role;
use crate::{
    domain::{
        ids::{OrderId, SagaId},
        saga::Status,
        time::Timestamp,
    },
    store::{
        Answers, Claim, Due, Page, SagaAnswer, SagaCommand, SagaFilter, SagaQueries, SagaRow, SagaStore, StoreError,
        StoredSaga,
        commands::{Encoded, SagaRunner},
    },
};
use futures::future::BoxFuture;
use tokio_postgres::Row;

macro_rules! columns {
    () => {
        "id, order_id, definition, version, status, waiting_for, reason, attention, wake_at, created_at, updated_at, \
         finished_at"
    };
}

const BY_ID: &str = concat!("SELECT ", columns!(), " FROM saga_saga WHERE id = ANY($1)");
/// One saga's row before each entry of its log: one statement sees one moment.
const WITH_LOG: &str = concat!(
    "SELECT ",
    columns!(),
    ", seq, entry FROM saga_saga LEFT JOIN saga_log ON saga_id = id WHERE id = $1 ORDER BY seq"
);
/// Where an entry begins among them.
const ENTRY: usize = 12;
/// The sagas `$1`, with their owners as the last column.
pub(super) const OWNED: &str = concat!("SELECT ", columns!(), ", owner FROM saga_saga WHERE id = ANY($1)");
/// Their logs.
pub(super) const LOGS: &str = "SELECT saga_id, seq, entry FROM saga_log WHERE saga_id = ANY($1) ORDER BY saga_id, seq";
const DUE: &str = "SELECT id FROM saga_saga WHERE owner = $1 AND finished_at IS NULL AND wake_at <= $2 \
                   ORDER BY wake_at, id LIMIT $3";
const NEXT_DUE: &str = "SELECT min(wake_at) FROM saga_saga WHERE owner = $1 AND finished_at IS NULL AND wake_at > $2";
/// All rows, by order: what the audit reads.
pub(super) const ALL: &str = concat!("SELECT ", columns!(), " FROM saga_saga ORDER BY order_id");
const UNFINISHED: &str = "SELECT count(*) FROM saga_saga WHERE finished_at IS NULL";
const LISTED: List = List {
    select: concat!("SELECT ", columns!(), " FROM saga_saga"),
    key: "id",
    key_column: 0,
    order: "id DESC",
    planned: Planned::Once,
};
const CLAIMED: &str = "SELECT body_hash, order_id, saga_id FROM saga_idempotency WHERE scope = $1 AND key = $2";

/// Reads a saga's row.
pub(super) fn read_row(row: &Row) -> Result<SagaRow, Unreadable> {
    Ok(SagaRow {
        id: get(row, 0)?,
        order_id: get(row, 1)?,
        definition: get(row, 2)?,
        version: count(row, 3)?,
        status: get(row, 4)?,
        waiting_for: get(row, 5)?,
        reason: get(row, 6)?,
        attention: get(row, 7)?,
        wake_at: get(row, 8)?,
        created_at: get(row, 9)?,
        updated_at: get(row, 10)?,
        finished_at: get(row, 11)?,
    })
}

/// Reads sequence number and text of a log entry, from the column `first` on.
pub(super) fn read_entry(row: &Row, first: usize) -> Result<(u32, String), Unreadable> {
    Ok((count(row, first)?, get(row, first + 1)?))
}

/// The hash of the body that a key was used with, and the order and saga that it was used for.
type Claimed = ([u8; 32], (OrderId, SagaId));

fn read_claim(row: &Row) -> Result<Claimed, Unreadable> {
    Ok((hash(row, 0)?, (get(row, 1)?, get(row, 2)?)))
}

/// What looks sagas' rows up.
pub(super) fn loader(readers: &Readers) -> Loader<SagaId, SagaRow> {
    readers.loader(BY_ID, read_row, |_, _| {})
}

impl SagaQueries for Postgres {
    /// The order and saga of this very request, if it was made before under its key; an error where another
    /// one was.
    fn claimed(&self, claim: Claim) -> BoxFuture<'static, Result<Option<(OrderId, SagaId)>, StoreError>> {
        let Claim { scope, key, body_hash, request_id: _ } = claim;
        let found = self.readers.find(CLAIMED, vec![Box::new(scope), Box::new(key)], read_claim);
        Box::pin(async move {
            match found.await? {
                Some((claimed, _)) if claimed != body_hash => Err(StoreError::KeyReused),
                claimed => Ok(claimed.map(|(_, of)| of)),
            }
        })
    }

    /// One saga's row.
    fn saga(&self, id: SagaId) -> BoxFuture<'static, Result<Option<SagaRow>, StoreError>> {
        self.sagas.find(id)
    }

    /// One saga's row and log.
    fn saga_with_log(&self, id: SagaId) -> BoxFuture<'static, Result<Option<StoredSaga>, StoreError>> {
        self.readers.read(async move |client| {
            let statement = client.prepare_cached(WITH_LOG).await?;
            let rows = client.query(&statement, &[&id]).await?;
            let Some(first) = rows.first() else { return Ok(None) };
            let has_entry = |row: &&Row| !matches!(get::<Option<i64>>(row, ENTRY), Ok(None));
            let entries = rows.iter().filter(has_entry).map(|row| read_entry(row, ENTRY)).collect::<Result<_, _>>()?;
            Ok(Some(StoredSaga { row: read_row(first)?, entries }))
        })
    }

    /// Sagas, newest first.
    fn sagas(&self, filter: SagaFilter, page: Page<SagaId>) -> BoxFuture<'static, Result<Vec<SagaRow>, StoreError>> {
        let SagaFilter { statuses, definition, step, created_before } = filter;
        let mut walk = Walk { list: LISTED, conditions: Vec::new(), one_of: Vec::new() };
        if statuses.contains(&Status::Completed) {
            // Most are: those that are not are met on the way.
            walk.conditions.push(("status = ANY($n)", Box::new(statuses)));
        } else {
            // Each names the condition of the partial index that has its rows.
            let found_by = |status: &Status| match status {
                Status::Running | Status::Completed => "status = $n AND finished_at IS NULL",
                Status::Waiting | Status::Compensating | Status::Compensated | Status::NeedsAttention => {
                    "status = $n AND status <> 'running' AND status <> 'completed'"
                }
            };
            walk.one_of =
                statuses.iter().map(|status| -> Condition { (found_by(status), Box::new(*status)) }).collect();
        }
        if let Some(definition) = definition {
            walk.conditions.push(("definition = $n", Box::new(definition)));
        }
        if let Some(step) = step {
            walk.conditions.push(("waiting_for = $n", Box::new(step)));
        }
        if let Some(created_before) = created_before {
            walk.conditions.push(("created_at < $n", Box::new(created_before)));
        }
        self.readers.walks(vec![walk], page, read_row)
    }
    fn unfinished(&self) -> BoxFuture<'static, Result<u64, StoreError>> {
        if !self.owners.contains(Role::Coordinator) {
            return Box::pin(std::future::ready(Ok(0)));
        }
        let count = self.readers.find(UNFINISHED, Vec::new(), |row| get::<i64>(row, 0));
        Box::pin(async move { Ok(count.await?.unwrap_or_default().unsigned_abs()) })
    }
}

impl SagaStore for Postgres {
    fn execute(&self, commands: Vec<SagaCommand>) -> BoxFuture<'static, Answers<SagaAnswer>> {
        self.queue.execute::<SagaRunner>(commands.into_iter().map(Encoded::from).collect())
    }

    fn due(&self, now: Timestamp, limit: u32) -> BoxFuture<'static, Result<Due, StoreError>> {
        let owner = self.neighbours.epoch();
        self.readers.read(async move |client| {
            let statement = client.prepare_cached(DUE).await?;
            let rows = client.query(&statement, &[&owner, &now, &i64::from(limit)]).await?;
            let sagas = rows.iter().map(|row| get(row, 0)).collect::<Result<_, _>>()?;
            let statement = client.prepare_cached(NEXT_DUE).await?;
            let next = get(&client.query_one(&statement, &[&owner, &now]).await?, 0)?;
            Ok(Due { sagas, next })
        })
    }

    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> BoxFuture<'static, Result<Vec<SagaId>, StoreError>> {
        self.queue.ask(move |tx| tx.interrupted(after, limit))
    }
}
