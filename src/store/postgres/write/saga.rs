//! Sagas and their logs, written.

use super::{Call, Reads, Tx, columns_of, exactly, working::count};
use crate::{
    domain::{
        ids::{IdMap, OrderId, SagaId},
        reason::Reason,
        saga::Status,
        time::Timestamp,
    },
    store::{
        Claim, RowUpdate, SagaRow, StoreError, StoredSaga,
        commands::{CommandError, Loaded, SagaClaimed, SagaRows, Wants},
        postgres::{
            codec::{Unreadable, get, hash},
            peers::{Channel, announcement},
            recent::{Memory, Written},
            saga,
            session::Failure,
        },
    },
};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Instant,
};
use tokio_postgres::{Row, error::SqlState};
use uuid::Uuid;

/// What is written of sagas, and what was read ahead.
#[derive(Default)]
pub(super) struct SagaBuffer {
    new: Vec<SagaRow>,
    changed: IdMap<SagaId, Changed>,
    parked: IdMap<SagaId, Timestamp>,
    entries: Vec<(SagaId, u32, Arc<str>)>,
    claims: Vec<(Claim, OrderId, SagaId)>,
    /// Keys that were looked up, and what they were used for.
    keys: HashMap<(String, String), Option<SagaClaimed>>,
    /// Sagas that were read in order to drive them.
    loaded: IdMap<SagaId, Result<Loaded, StoreError>>,
    /// Which of the sagas that are to be started are there already, where it was looked for them.
    there: Option<BTreeSet<SagaId>>,
    /// Rows as the transaction leaves them; `None` where it changes one that it does not know.
    rows: IdMap<SagaId, Option<SagaRow>>,
}

/// What changes in a saga's row.
struct Changed {
    status: Status,
    waiting_for: Option<&'static str>,
    reason: Option<Reason>,
    attention: Option<String>,
    wake_at: Option<Timestamp>,
    updated_at: Timestamp,
    finished_at: Option<Timestamp>,
}

impl SagaBuffer {
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Everything is written; what was read is old.
    pub(super) fn written(&mut self) {
        self.new.clear();
        self.changed.clear();
        self.parked.clear();
        self.entries.clear();
        for (claim, order_id, saga_id) in self.claims.drain(..) {
            let claimed = SagaClaimed { body_hash: claim.body_hash, order_id, saga_id };
            self.keys.insert((claim.scope.into(), claim.key), Some(claimed));
        }
        self.loaded.clear();
    }

    /// Keeps what was written.
    pub(super) fn keep(self, kept: &mut Memory, at: Instant) {
        for (saga, row) in self.rows {
            match row {
                Some(row) => kept.sagas.insert(saga, Written { row, at }),
                None => kept.sagas.remove(&saga),
            }
        }
    }

    fn touches(&self, saga: SagaId) -> bool {
        self.changed.contains_key(&saga)
            || self.parked.contains_key(&saga)
            || self.new.iter().any(|row| row.id == saga)
            || self.entries.iter().any(|(of, ..)| *of == saga)
    }
}

/// Whether a failure says that a log's place is taken.
pub(super) fn is_place_taken(failure: &Failure) -> bool {
    let Failure::Postgres(error) = failure else { return false };
    error.as_db_error().is_some_and(|refusal| {
        *refusal.code() == SqlState::UNIQUE_VIOLATION && refusal.constraint() == Some("saga_log_pkey")
    })
}

const KEYS: &str = "SELECT i.scope, i.key, i.body_hash, i.order_id, i.saga_id \
                    FROM unnest($1::text[], $2::text[]) AS k (scope, key) \
                    JOIN saga_idempotency i ON i.scope = k.scope AND i.key = k.key";

/// Who drives a saga owns it: whoever did before, finds that out with the next append. One that rests is driven by
/// nobody, unless somebody takes it because a person wants something of it.
const ADOPT: &str = "UPDATE saga_saga SET owner = $3 WHERE id IN \
                     (SELECT s.id FROM saga_saga s \
                      JOIN unnest($1::uuid[], $2::boolean[]) AS u (id, take) ON u.id = s.id \
                      WHERE s.owner <> $3 AND (s.finished_at IS NULL AND (u.take OR NOT EXISTS \
                      (SELECT 1 FROM node n WHERE n.epoch = s.owner AND NOT n.given_up)) \
                      OR u.take AND s.status = 'needs_attention') ORDER BY s.id FOR UPDATE OF s)";

const THERE: &str = "SELECT id FROM saga_saga WHERE id = ANY($1)";

impl Tx<'_> {
    pub(super) fn read_saga_keys_ahead<'a>(&'a self, claims: &[&Claim], reads: &mut Reads<'a>) {
        // A key that was used before is found when it is written.
        if claims.is_empty() || !self.careful {
            return;
        }
        let keys: Vec<(String, String)> =
            claims.iter().map(|claim| (claim.scope.clone().into(), claim.key.clone())).collect();
        let params = columns_of!(keys, |key| key.0.clone(), key.1.clone());
        reads.push(Call::new(KEYS, params), move |rows| self.take_in_keys(keys, &rows));
    }

    fn take_in_keys(&self, keys: Vec<(String, String)>, rows: &[Row]) -> Result<(), CommandError> {
        let mut buffer = self.sagas.borrow_mut();
        buffer.keys.extend(keys.into_iter().map(|key| (key, None)));
        for row in rows {
            let read = || {
                let claimed = SagaClaimed { body_hash: hash(row, 2)?, order_id: get(row, 3)?, saga_id: get(row, 4)? };
                Ok(((get(row, 0)?, get(row, 1)?), claimed))
            };
            let (key, claimed) = self.readable(read())?;
            buffer.keys.insert(key, Some(claimed));
        }
        Ok(())
    }

    pub(super) fn read_sagas_ahead<'a>(&'a self, wants: &Wants<'_>, reads: &mut Reads<'a>) {
        if !wants.saga_loads.is_empty() {
            let mut loads = wants.saga_loads.clone();
            // Where both are asked for, it is taken.
            loads.sort_unstable_by_key(|(saga, take)| (*saga, !take));
            loads.dedup_by_key(|(saga, _)| *saga);
            let sagas: Vec<SagaId> = loads.iter().map(|(saga, _)| *saga).collect();
            let mut params = columns_of!(loads, |load| load.0, load.1);
            params.push(Box::new(self.epoch));
            self.wrote.set(true);
            reads.push(Call::new(ADOPT, params), |_| Ok(()));
            reads.push(Call::new(saga::OWNED, vec![Box::new(sagas.clone())]), |rows| self.take_in_rows(&rows));
            reads.push(Call::new(saga::LOGS, vec![Box::new(sagas)]), |rows| self.take_in_logs(&rows));
        }
        if self.careful && !wants.saga_starts.is_empty() {
            reads.push(Call::new(THERE, vec![Box::new(wants.saga_starts.clone())]), |rows| {
                let there: Result<BTreeSet<SagaId>, Unreadable> = rows.iter().map(|row| get(row, 0)).collect();
                self.sagas.borrow_mut().there = Some(self.readable(there)?);
                Ok(())
            });
        }
    }

    fn take_in_rows(&self, rows: &[Row]) -> Result<(), CommandError> {
        let mut buffer = self.sagas.borrow_mut();
        for row in rows {
            let id: SagaId = self.readable(get(row, 0))?;
            let read = saga::read_row(row).and_then(|read| {
                let owner: i64 = get(row, row.len() - 1)?;
                // One that is set aside is whose it was: who wishes something of it has to take it.
                let is_driven = !read.status.is_at_rest() || read.status == Status::NeedsAttention;
                let is_elsewhere = owner != self.epoch && is_driven;
                self.recent.lock().forget(read.order_id, id);
                Ok(Loaded { saga: StoredSaga { row: read, entries: Vec::new() }, is_elsewhere })
            });
            let unreadable = |error| StoreError::Poisoned(format!("the stored saga {id} cannot be read: {error}"));
            buffer.loaded.insert(id, read.map_err(unreadable));
        }
        Ok(())
    }

    fn take_in_logs(&self, rows: &[Row]) -> Result<(), CommandError> {
        let mut buffer = self.sagas.borrow_mut();
        for row in rows {
            let id: SagaId = self.readable(get(row, 0))?;
            let Some(Ok(loaded)) = buffer.loaded.get_mut(&id) else { continue };
            match saga::read_entry(row, 1) {
                Ok(entry) => loaded.saga.entries.push(entry),
                Err(error) => {
                    let why = format!("the log of saga {id} cannot be read: {error}");
                    buffer.loaded.insert(id, Err(StoreError::Poisoned(why)));
                }
            }
        }
        Ok(())
    }
}

impl SagaRows for Tx<'_> {
    fn find_saga_claim(&self, claim: &Claim) -> Result<Option<SagaClaimed>, CommandError> {
        let key = (String::from(claim.scope.clone()), claim.key.clone());
        {
            let buffer = self.sagas.borrow();
            let same = |(known, ..): &&(Claim, OrderId, SagaId)| known.scope == claim.scope && known.key == claim.key;
            if let Some((known, order_id, saga_id)) = buffer.claims.iter().find(same) {
                let (order_id, saga_id) = (*order_id, *saga_id);
                return Ok(Some(SagaClaimed { body_hash: known.body_hash, order_id, saga_id }));
            }
            if let Some(known) = buffer.keys.get(&key) {
                return Ok(known.clone());
            }
            if !self.careful {
                return Ok(None);
            }
        }
        let rows = self.ask(KEYS, vec![Box::new(vec![&claim.scope]), Box::new(vec![&claim.key])])?;
        self.take_in_keys(vec![key.clone()], &rows)?;
        Ok(self.sagas.borrow().keys.get(&key).cloned().flatten())
    }

    fn keep_saga_claim(&self, claim: &Claim, order: OrderId, saga: SagaId) -> Result<bool, CommandError> {
        if self.find_saga_claim(claim)?.is_some() {
            return Ok(false);
        }
        self.sagas.borrow_mut().claims.push((claim.clone(), order, saga));
        Ok(true)
    }

    fn insert_saga(&self, row: &SagaRow) -> Result<bool, CommandError> {
        let looked = self.sagas.borrow().there.as_ref().map(|there| there.contains(&row.id));
        let is_there = match looked {
            Some(is_there) => is_there,
            None => self.careful && !self.ask(THERE, vec![Box::new(vec![row.id])])?.is_empty(),
        };
        let mut buffer = self.sagas.borrow_mut();
        if is_there || buffer.new.iter().any(|new| new.id == row.id) {
            return Ok(false);
        }
        buffer.new.push(row.clone());
        buffer.rows.insert(row.id, Some(row.clone()));
        Ok(true)
    }

    fn insert_entry(&self, saga: SagaId, seq: u32, entry: &Arc<str>) -> Result<bool, CommandError> {
        self.sagas.borrow_mut().entries.push((saga, seq, Arc::clone(entry)));
        Ok(true)
    }

    fn update_saga(&self, saga: SagaId, update: &RowUpdate, at: Timestamp) -> Result<(), CommandError> {
        let RowUpdate { summary, wake_at } = update;
        let mut buffer = self.sagas.borrow_mut();
        buffer.parked.remove(&saga);
        let before = match buffer.rows.remove(&saga) {
            Some(row) => row,
            None => self.recent.lock().sagas.get(&saga).map(|written| written.row.clone()),
        };
        buffer.rows.insert(saga, before.map(|row| row.updated(update, at)));
        let changed = Changed {
            status: summary.status,
            waiting_for: summary.waiting_for,
            reason: summary.reason,
            attention: summary.attention.clone(),
            wake_at: *wake_at,
            updated_at: at,
            finished_at: summary.status.is_at_rest().then_some(at),
        };
        buffer.changed.insert(saga, changed);
        Ok(())
    }

    fn park_saga(&self, saga: SagaId, wake_at: Timestamp) -> Result<(), CommandError> {
        let mut buffer = self.sagas.borrow_mut();
        buffer.rows.insert(saga, None);
        // A saga that was asked again before it was ever parked has no wake-up yet: it gets one too.
        match buffer.changed.get_mut(&saga) {
            Some(changed) if changed.finished_at.is_none() => changed.wake_at = Some(wake_at),
            Some(_) => {}
            None => {
                buffer.parked.insert(saga, wake_at);
            }
        }
        Ok(())
    }

    fn set_saga_aside(&self, saga: SagaId, why: &str) -> Result<(), CommandError> {
        self.flush()?;
        self.run(
            "UPDATE saga_saga SET status = 'needs_attention', attention = $2, wake_at = NULL, updated_at = $3, \
             finished_at = $3 WHERE id = $1 AND owner = $4 AND status NOT IN ('completed', 'compensated')",
            vec![Box::new(saga), Box::new(why.to_owned()), Box::new(self.now), Box::new(self.epoch)],
        )?;
        let mut buffer = self.sagas.borrow_mut();
        buffer.loaded.remove(&saga);
        buffer.rows.insert(saga, None);
        Ok(())
    }

    fn load_saga(&self, saga: SagaId, take: bool) -> Result<Option<Loaded>, CommandError> {
        let known = {
            let buffer = self.sagas.borrow();
            if buffer.touches(saga) { None } else { buffer.loaded.get(&saga).cloned() }
        };
        if let Some(known) = known {
            return Ok(Some(known?));
        }
        self.flush()?;
        self.run(ADOPT, vec![Box::new(vec![saga]), Box::new(vec![take]), Box::new(self.epoch)])?;
        let rows = self.ask(saga::OWNED, vec![Box::new(vec![saga])])?;
        self.take_in_rows(&rows)?;
        let rows = self.ask(saga::LOGS, vec![Box::new(vec![saga])])?;
        self.take_in_logs(&rows)?;
        Ok(self.sagas.borrow().loaded.get(&saga).cloned().transpose()?)
    }

    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> Result<Vec<SagaId>, CommandError> {
        self.flush()?;
        let after = after.map_or(Uuid::nil(), SagaId::uuid);
        let rows = self.ask(
            "SELECT id FROM saga_saga WHERE owner = $1 AND finished_at IS NULL AND wake_at IS NULL AND id > $2 \
             ORDER BY id LIMIT $3",
            vec![Box::new(self.epoch), Box::new(after), Box::new(i64::from(limit))],
        )?;
        self.readable(rows.iter().map(|row| get(row, 0)).collect())
    }
}

const INSERT: &str = "INSERT INTO saga_saga (id, order_id, definition, version, status, created_at, updated_at, owner) \
                      SELECT id, order_id, definition, version, status, created_at, created_at, $7::bigint \
                      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::bigint[]) \
                      AS u (id, order_id, definition, version, status, created_at)";

const UPDATE: &str = exactly!(
    "UPDATE saga_saga s SET status = u.status, waiting_for = u.waiting_for, reason = u.reason, \
     attention = u.attention, wake_at = u.wake_at, updated_at = u.updated_at, finished_at = u.finished_at \
     FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[]) \
     AS u (id, status, waiting_for, reason, attention, wake_at, updated_at, finished_at) \
     WHERE s.id = u.id AND s.owner = $10::bigint"
);

const PARK: &str = "UPDATE saga_saga s SET wake_at = u.wake_at FROM unnest($1::uuid[], $2::bigint[]) AS u (id, wake_at) \
                    WHERE s.id = u.id AND s.finished_at IS NULL AND s.owner = $3::bigint";

/// The compare-and-set of every append: the place must be free, and the saga this node's.
const APPEND: &str = exactly!(
    "INSERT INTO saga_log (saga_id, seq, entry) SELECT u.saga_id, u.seq, u.entry \
     FROM unnest($2::uuid[], $3::bigint[], $4::text[]) AS u (saga_id, seq, entry) \
     JOIN saga_saga s ON s.id = u.saga_id AND s.owner = $5::bigint"
);

const KEEP_CLAIMS: &str = "INSERT INTO saga_idempotency (scope, key, body_hash, order_id, saga_id, created_at) \
                           SELECT *, $6::bigint FROM unnest($1::text[], $2::text[], $3::bytea[], $4::uuid[], $5::uuid[])";

/// Tells other nodes which sagas come to rest.
pub(super) fn announce(buffer: &SagaBuffer, epoch: i64, channel: Channel) -> Option<Call<'static>> {
    let rested = buffer.changed.iter().filter(|(_, changed)| changed.finished_at.is_some()).map(|(saga, _)| *saga);
    let rested: Vec<SagaId> = rested.collect();
    (!rested.is_empty()).then(|| {
        let channel = Box::new(channel.to_string());
        Call::new("SELECT pg_notify($1, $2)", vec![channel, Box::new(announcement(epoch, &rested))])
    })
}

/// Adds the statements that write what has changed.
pub(super) fn write<'r>(buffer: &'r SagaBuffer, epoch: i64, now: Timestamp, calls: &mut Vec<Call<'r>>) {
    if !buffer.claims.is_empty() {
        let mut params = columns_of!(
            buffer.claims,
            |claimed| claimed.0.scope.as_str(),
            claimed.0.key.as_str(),
            claimed.0.body_hash.as_slice(),
            claimed.1,
            claimed.2,
        );
        params.push(Box::new(now));
        calls.push(Call::new(KEEP_CLAIMS, params));
    }
    if !buffer.new.is_empty() {
        let mut params = columns_of!(
            buffer.new,
            |row| row.id,
            row.order_id,
            row.definition.as_str(),
            i64::from(row.version),
            row.status,
            row.created_at,
        );
        params.push(Box::new(epoch));
        calls.push(Call::new(INSERT, params));
    }
    if !buffer.entries.is_empty() {
        let mut params = columns_of!(buffer.entries, |entry| entry.0, i64::from(entry.1), &*entry.2);
        params.insert(0, count(&buffer.entries));
        params.push(Box::new(epoch));
        calls.push(Call::new(APPEND, params));
    }
    let mut changed: Vec<_> = buffer.changed.iter().collect();
    changed.sort_unstable_by_key(|(id, _)| **id);
    if !changed.is_empty() {
        let mut params = columns_of!(
            changed,
            |saga| *saga.0,
            saga.1.status,
            saga.1.waiting_for,
            saga.1.reason,
            saga.1.attention.as_deref(),
            saga.1.wake_at,
            saga.1.updated_at,
            saga.1.finished_at,
        );
        params.insert(0, count(&changed));
        params.push(Box::new(epoch));
        calls.push(Call::new(UPDATE, params));
    }
    let mut parked: Vec<_> = buffer.parked.iter().collect();
    parked.sort_unstable_by_key(|(id, _)| **id);
    if !parked.is_empty() {
        let mut params = columns_of!(parked, |saga| *saga.0, *saga.1);
        params.push(Box::new(epoch));
        calls.push(Call::new(PARK, params));
    }
}
