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

use super::{CommandError, Run, Tx};
use crate::{
    domain::{ids::SagaId, time::Timestamp},
    store::Removed,
};

/// Sagas looked at in one transaction: some milliseconds, which the orders that are queued with them wait.
const PORTION: usize = 100;

/// A saga that the walk has come to.
pub(in crate::store) struct Found {
    pub(in crate::store) id: SagaId,
    /// When it ended, if it ended well.
    pub(in crate::store) ended: Option<Timestamp>,
}

/// What one portion of the walk writes.
pub(in crate::store) struct Portion {
    /// Sagas to remove, with their logs.
    pub(in crate::store) removed: Vec<SagaId>,
    /// Sagas to be looked at again, and since when they are as they are.
    pub(in crate::store) passed_over: Vec<(Timestamp, SagaId)>,
    /// How far the walk has come.
    pub(in crate::store) reached: SagaId,
    /// All that were removed ended before this.
    pub(in crate::store) before: Timestamp,
}

/// Where a transaction has what the walk needs to know.
pub(in crate::store) trait RetentionRows {
    /// When the oldest idempotency key that names a saga was claimed. A key is as old as its saga's start, or a
    /// request to it before its end: no saga that ended before this is named by any.
    fn oldest_saga_key(&self) -> Result<Option<Timestamp>, CommandError>;
    /// How far the walk has come.
    fn reached(&self) -> Result<Option<SagaId>, CommandError>;
    /// Takes at most so many out of the notes that may be old enough by now.
    fn take_noted(&self, before: Timestamp, most: usize) -> Result<Vec<Found>, CommandError>;
    /// The next ones along the walk, at most so many, as far as they are old enough to have ended before `before`.
    fn ahead(&self, reached: Option<SagaId>, before: Timestamp, most: usize) -> Result<Vec<Found>, CommandError>;
    /// Writes a portion.
    fn save_portion(&self, portion: &Portion) -> Result<(), CommandError>;
}

/// Removes a portion of what ended before the command's time.
pub(in crate::store) struct Removal;

impl Run for Removal {
    type Command = Timestamp;
    type Answer = Removed;

    fn run(tx: &dyn Tx, before: &Timestamp) -> Result<Removed, CommandError> {
        let before = tx.oldest_saga_key()?.map_or(*before, |key| key.min(*before));
        let reached = tx.reached()?;
        let mut found = tx.take_noted(before, PORTION)?;
        let fresh = tx.ahead(reached, before, PORTION.saturating_sub(found.len()))?;
        let Some(reached) = fresh.last().map(|saga| saga.id).or(reached) else { return Ok(Removed::default()) };
        found.extend(fresh);
        let more = found.len() == PORTION;
        if found.is_empty() {
            return Ok(Removed::default());
        }
        let mut portion = Portion { removed: Vec::new(), passed_over: Vec::new(), reached, before };
        for Found { id, ended } in found {
            match ended {
                Some(ended) if ended < before => portion.removed.push(id),
                // One that has not ended cannot be old enough before it is seen again.
                ended => portion.passed_over.push((ended.unwrap_or_else(|| tx.now().max(before)), id)),
            }
        }
        tx.save_portion(&portion)?;
        Ok(Removed { sagas: u32::try_from(portion.removed.len()).unwrap_or(u32::MAX), more })
    }
}
