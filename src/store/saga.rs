//! What the coordinator hands to the store and gets back: saga rows and log entries.

use super::Claim;
use crate::domain::{
    checkout::{self, CheckoutEvent, CheckoutSaga},
    ids::{OrderId, SagaId},
    reason::Reason,
    saga::{Impossible, Saga, Status, Summary},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One append to a saga's log: events that became durable together.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// On which node.
    pub node: Arc<str>,
    /// What happened, in order.
    pub events: Vec<CheckoutEvent>,
}

/// The first append: the saga's row, its first log entry and the client's key, all or nothing. Where it
/// is not stored, nothing more is done for its order, until the saga is loaded or the order abandoned.
#[derive(Clone, Debug)]
pub struct StartSaga {
    /// Its row.
    pub row: SagaRow,
    /// Its first events.
    pub entry: LogEntry,
    /// The client's idempotency key.
    pub claim: Option<Claim>,
}

/// An append: a compare-and-set on the saga's position.
#[derive(Clone, Debug)]
pub struct Append {
    /// The saga.
    pub saga_id: SagaId,
    /// Its order: nothing more is done for it when this append fails, until the saga is loaded again.
    pub order_id: OrderId,
    /// Sequence number of the entry's first event; the append fails when the log is longer.
    pub seq: u32,
    /// What to append.
    pub entry: LogEntry,
    /// The row, where it changes.
    pub row: Option<RowUpdate>,
    /// The idempotency key of the request that caused it.
    pub claim: Option<Claim>,
}

/// What changes in a saga's row.
#[derive(Clone, Debug)]
pub struct RowUpdate {
    /// Its status and what goes with it.
    pub summary: Summary,
    /// When to look at it again, where it waits.
    pub wake_at: Option<Timestamp>,
}

/// What the saga store can be asked.
#[derive(Clone, Debug)]
pub enum SagaCommand {
    /// Start a saga.
    Start(Box<StartSaga>),
    /// Go on with one.
    Append(Box<Append>),
    /// Nothing happened to a waiting one: look at it again later.
    Park {
        /// The saga.
        saga_id: SagaId,
        /// When.
        wake_at: Timestamp,
    },
    /// Set one aside whose log cannot be used.
    SetAside {
        /// The saga.
        saga_id: SagaId,
        /// What a person needs to know.
        why: String,
    },
    /// Load one, after every earlier command, in order to drive it.
    Load {
        /// The saga.
        saga_id: SagaId,
        /// Whether to take it from another node that drives it.
        take: bool,
    },
    /// Say whether all that was sent before for this order's saga is in its log. Changes nothing, so that it is
    /// for those who ask, not for the driver: to what could not be written, it goes on only after a load.
    Confirm(OrderId),
    /// Nothing more is sent for this order, whose saga was not started.
    Abandon(OrderId),
}

/// What a saga command is answered.
#[derive(Clone, Debug)]
pub enum SagaAnswer {
    /// It is durable.
    Stored,
    /// The saga was started before, by the same request sent again.
    AlreadyStarted,
    /// The idempotency key was claimed by an earlier, identical request for this order and saga.
    Replayed {
        /// That request's order.
        order_id: OrderId,
        /// That order's saga.
        saga_id: SagaId,
    },
    /// The saga, if there is one.
    Loaded(Option<Box<StoredSaga>>),
    /// The saga, which is another node's to drive.
    Elsewhere(Box<StoredSaga>),
}

/// A saga's row: what lists and timers need, without reading its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SagaRow {
    /// The saga.
    pub id: SagaId,
    /// Its order.
    pub order_id: OrderId,
    /// Name of its definition.
    pub definition: String,
    /// Version of its definition.
    pub version: u32,
    /// Its status at the last write of the row.
    pub status: Status,
    /// The step it waited for or was stuck at.
    pub waiting_for: Option<String>,
    /// Why it is unwound.
    pub reason: Option<Reason>,
    /// What a person needs to know, where one must act.
    pub attention: Option<String>,
    /// When to look at it again, where it waits.
    pub wake_at: Option<Timestamp>,
    /// When it started.
    pub created_at: Timestamp,
    /// When the row was last written.
    pub updated_at: Timestamp,
    /// When it came to rest.
    pub finished_at: Option<Timestamp>,
}

impl SagaRow {
    /// The row of a saga that has just begun.
    pub fn started(saga: &CheckoutSaga, now: Timestamp) -> Self {
        Self {
            id: saga.id(),
            order_id: saga.input().order_id,
            definition: saga.definition().name().to_owned(),
            version: saga.definition().version(),
            status: saga.summary().status,
            waiting_for: None,
            reason: None,
            attention: None,
            wake_at: None,
            created_at: now,
            updated_at: now,
            finished_at: None,
        }
    }

    /// The row as an update leaves it.
    pub(super) fn updated(self, update: &RowUpdate, at: Timestamp) -> Self {
        let RowUpdate { summary, wake_at } = update;
        Self {
            status: summary.status,
            waiting_for: summary.waiting_for.map(str::to_owned),
            reason: summary.reason,
            attention: summary.attention.clone(),
            wake_at: *wake_at,
            updated_at: at,
            finished_at: summary.status.is_at_rest().then_some(at),
            ..self
        }
    }
}

/// A saga's row and its log as stored, not yet read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSaga {
    /// The row.
    pub row: SagaRow,
    /// The log's entries with the sequence number of each one's first event, in order.
    pub entries: Vec<(u32, String)>,
}

/// Why a stored log is no saga.
#[derive(Debug, thiserror::Error)]
pub enum BrokenLog {
    /// An entry is not what this release writes.
    #[error("log entry {seq} cannot be read")]
    Unreadable {
        /// Sequence number of its first event.
        seq: u32,
        /// What the parser says.
        #[source]
        source: serde_json::Error,
    },
    /// Entries are missing or doubled.
    #[error("log entry {seq} should be at {expected}")]
    Gap {
        /// Where it is.
        seq: u32,
        /// Where it should be.
        expected: u32,
    },
    /// The events do not make a saga.
    #[error(transparent)]
    Impossible(#[from] Impossible),
}

impl StoredSaga {
    /// The log's entries, read.
    ///
    /// # Errors
    /// When one cannot be read, is missing or doubled.
    pub fn log(&self) -> Result<Vec<(u32, LogEntry)>, BrokenLog> {
        let mut expected = 0;
        self.entries
            .iter()
            .map(|(seq, json)| {
                if *seq != expected {
                    return Err(BrokenLog::Gap { seq: *seq, expected });
                }
                let entry: LogEntry =
                    serde_json::from_str(json).map_err(|source| BrokenLog::Unreadable { seq: *seq, source })?;
                expected += u32::try_from(entry.events.len()).unwrap_or(u32::MAX);
                Ok((*seq, entry))
            })
            .collect()
    }

    /// The saga that the log tells of.
    ///
    /// # Errors
    /// When the log cannot be read or is impossible.
    pub fn replay(&self) -> Result<CheckoutSaga, BrokenLog> {
        let events =
            self.log()?.into_iter().flat_map(|(_, entry)| entry.events.into_iter().map(move |event| (entry.at, event)));
        Ok(Saga::replay(self.row.id, events, checkout::definition_of)?)
    }
}
