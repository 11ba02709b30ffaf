//! How sagas' commands are run: the start, the compare-and-set of every append, and what it severs.

use super::{CommandError, Run, Severed, Tx, Wants};
use crate::{
    domain::{
        ids::{OrderId, SagaId},
        time::Timestamp,
    },
    store::{Claim, LogEntry, RowUpdate, SagaAnswer, SagaCommand, SagaRow, StoreError, StoredSaga, json},
};
use std::sync::Arc;

/// Where a transaction has sagas and their logs.
pub(in crate::store) trait SagaRows {
    /// Looks up an idempotency key.
    fn find_saga_claim(&self, claim: &Claim) -> Result<Option<SagaClaimed>, CommandError>;
    /// Records an idempotency key, unless it has been used before: then it says false.
    fn keep_saga_claim(&self, claim: &Claim, order: OrderId, saga: SagaId) -> Result<bool, CommandError>;
    /// Writes a new saga's row; false where there is one of this id.
    fn insert_saga(&self, row: &SagaRow) -> Result<bool, CommandError>;
    /// Appends to a saga's log; false where its place is taken, or where the saga is somebody else's by now. A
    /// backend may find that out later, as an error.
    fn insert_entry(&self, saga: SagaId, seq: u32, entry: &Arc<str>) -> Result<bool, CommandError>;
    /// Writes what changes in a saga's row.
    fn update_saga(&self, saga: SagaId, update: &RowUpdate, at: Timestamp) -> Result<(), CommandError>;
    /// A saga that is under way is looked at again later.
    fn park_saga(&self, saga: SagaId, wake_at: Timestamp) -> Result<(), CommandError>;
    /// Sets a saga aside, unless it has come to a good end.
    fn set_saga_aside(&self, saga: SagaId, why: &str) -> Result<(), CommandError>;
    /// A saga and its log, in order to drive it: it is this node's from now on, unless another one drives it and it
    /// is not to be taken from there.
    fn load_saga(&self, saga: SagaId, take: bool) -> Result<Option<Loaded>, CommandError>;
    /// Sagas that were under way, not waiting, when their process ended.
    fn interrupted(&self, after: Option<SagaId>, limit: u32) -> Result<Vec<SagaId>, CommandError>;
}

/// A saga that was loaded.
#[derive(Clone, Debug)]
pub(in crate::store) struct Loaded {
    pub(in crate::store) saga: StoredSaga,
    /// It is another node's to drive.
    pub(in crate::store) is_elsewhere: bool,
}

/// What a saga's idempotency key was used for, and under which body.
#[derive(Clone, Debug)]
pub(in crate::store) struct SagaClaimed {
    pub(in crate::store) body_hash: [u8; 32],
    pub(in crate::store) order_id: OrderId,
    pub(in crate::store) saga_id: SagaId,
}

/// A command with its log entry already encoded, so that the writer thread only writes.
pub(in crate::store) enum Encoded {
    Start {
        row: SagaRow,
        entry: Arc<str>,
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
    Load {
        saga_id: SagaId,
        take: bool,
    },
    Confirm(OrderId),
    Abandon(OrderId),
    /// What cannot be written, and the order of the start or append that it was.
    Unencodable {
        order_id: Option<OrderId>,
        why: String,
    },
}

pub(in crate::store) struct EncodedAppend {
    saga_id: SagaId,
    order_id: OrderId,
    seq: u32,
    at: Timestamp,
    entry: Arc<str>,
    row: Option<RowUpdate>,
    claim: Option<Claim>,
}

fn encode(entry: &LogEntry) -> serde_json::Result<Arc<str>> {
    json::encode(entry).map(Arc::from)
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
                encode(&start.entry).map(|entry| Self::Start { row: start.row, entry, claim: start.claim })
            }
            SagaCommand::Append(append) => encode(&append.entry).map(|entry| {
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
            SagaCommand::Load { saga_id, take } => Ok(Self::Load { saga_id, take }),
            SagaCommand::Confirm(order_id) => Ok(Self::Confirm(order_id)),
            SagaCommand::Abandon(order_id) => Ok(Self::Abandon(order_id)),
        };
        encoded.unwrap_or_else(|error| Self::Unencodable { order_id, why: error.to_string() })
    }
}

/// Runs sagas' commands.
pub(in crate::store) struct SagaRunner;

impl Run for SagaRunner {
    type Command = Encoded;
    type Answer = SagaAnswer;

    fn wants<'c>(command: &'c Encoded, wants: &mut Wants<'c>) {
        match command {
            Encoded::Start { row, claim, .. } => {
                wants.saga_starts.push(row.id);
                wants.saga_keys.extend(claim);
            }
            Encoded::Append(append) => wants.saga_keys.extend(&append.claim),
            Encoded::Load { saga_id, take } => wants.saga_loads.push((*saga_id, *take)),
            _ => {}
        }
    }

    fn run(tx: &dyn Tx, command: &Encoded) -> Result<SagaAnswer, CommandError> {
        match command {
            // Whatever keeps a start or an append out of the log also keeps out what its driver does next.
            Encoded::Start { row, entry, claim } => {
                let answer = start(tx, row, entry, claim.as_ref());
                if matches!(answer, Ok(SagaAnswer::Replayed { .. }) | Err(CommandError::Failed(_))) {
                    tx.severed().cut(row.order_id);
                }
                answer
            }
            Encoded::Append(append) => append_entry(tx, append).inspect(|answer| {
                if !matches!(answer, SagaAnswer::Stored) {
                    tx.severed().cut(append.order_id);
                }
            }),
            Encoded::Park { saga_id, wake_at } => tx.park_saga(*saga_id, *wake_at).map(|()| SagaAnswer::Stored),
            Encoded::SetAside { saga_id, why } => tx.set_saga_aside(*saga_id, why).map(|()| SagaAnswer::Stored),
            Encoded::Load { saga_id, take } => match tx.load_saga(*saga_id, *take)? {
                None => Ok(SagaAnswer::Loaded(None)),
                Some(Loaded { saga, is_elsewhere }) => {
                    tx.severed().mend(saga.row.order_id);
                    let saga = Box::new(saga);
                    Ok(if is_elsewhere { SagaAnswer::Elsewhere(saga) } else { SagaAnswer::Loaded(Some(saga)) })
                }
            },
            Encoded::Confirm(order_id) => tx.severed().check_whole(*order_id).map(|()| SagaAnswer::Stored),
            Encoded::Abandon(order_id) => {
                tx.severed().abandon(*order_id);
                Ok(SagaAnswer::Stored)
            }
            Encoded::Unencodable { order_id, why } => {
                if let Some(order_id) = order_id {
                    tx.severed().cut(*order_id);
                }
                Err(StoreError::Poisoned(why.clone()).into())
            }
        }
    }

    fn not_stored(severed: &Severed, command: &Encoded) {
        match command {
            Encoded::Unencodable { order_id: Some(order_id), .. } => severed.cut(*order_id),
            Encoded::Start { row, .. } => severed.cut(row.order_id),
            Encoded::Append(append) => severed.cut(append.order_id),
            Encoded::Abandon(order_id) => severed.abandon(*order_id),
            Encoded::Park { .. }
            | Encoded::SetAside { .. }
            | Encoded::Load { .. }
            | Encoded::Confirm(_)
            | Encoded::Unencodable { .. } => {}
        }
    }
}

fn start(tx: &dyn Tx, row: &SagaRow, entry: &Arc<str>, claim: Option<&Claim>) -> Result<SagaAnswer, CommandError> {
    if let Some(claim) = claim
        && !tx.keep_saga_claim(claim, row.order_id, row.id)?
        && let Some(replayed) = find_claim(tx, Some(claim))?
    {
        let same = matches!(replayed, SagaAnswer::Replayed { saga_id, .. } if saga_id == row.id);
        return Ok(if same { SagaAnswer::AlreadyStarted } else { replayed });
    }
    if !tx.insert_saga(row)? {
        return Ok(SagaAnswer::AlreadyStarted);
    }
    tx.insert_entry(row.id, 0, entry)?;
    Ok(SagaAnswer::Stored)
}

fn append_entry(tx: &dyn Tx, append: &EncodedAppend) -> Result<SagaAnswer, CommandError> {
    tx.severed().check_whole(append.order_id)?;
    match find_claim(tx, append.claim.as_ref()) {
        Ok(None) => {}
        Ok(Some(replayed)) => return Ok(replayed),
        Err(error) => {
            tx.severed().cut(append.order_id);
            return Err(error);
        }
    }
    if !tx.insert_entry(append.saga_id, append.seq, &append.entry)? {
        tx.severed().cut(append.order_id);
        return Err(StoreError::Conflict.into());
    }
    if let Some(update) = &append.row {
        tx.update_saga(append.saga_id, update, append.at)?;
    }
    if let Some(claim) = &append.claim {
        tx.keep_saga_claim(claim, append.order_id, append.saga_id)?;
    }
    Ok(SagaAnswer::Stored)
}

fn find_claim(tx: &dyn Tx, claim: Option<&Claim>) -> Result<Option<SagaAnswer>, CommandError> {
    let Some(claim) = claim else { return Ok(None) };
    match tx.find_saga_claim(claim)? {
        None => Ok(None),
        Some(SagaClaimed { body_hash, .. }) if body_hash != claim.body_hash => Err(StoreError::KeyReused.into()),
        Some(SagaClaimed { order_id, saga_id, .. }) => Ok(Some(SagaAnswer::Replayed { order_id, saga_id })),
    }
}
