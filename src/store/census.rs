//! How much is under way, for the metrics: what stands open now, and for how long. What has ended is not looked at,
//! however many millions there are.

use crate::domain::{saga::Status, time::Timestamp};

/// What stands open in a database, by those of its owners that have something open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Sagas that have not ended; `None` where others have the sagas.
    pub sagas: Option<Vec<OpenSagas>>,
    /// Notifications that are not delivered; `None` where others have the payments.
    pub notifications: Option<Vec<OpenNotifications>>,
    /// How large SQLite's WAL is, in bytes; `None` where there is none of ours.
    pub wal_bytes: Option<u64>,
}

/// The statuses of sagas that are counted: all in which one has not ended.
pub const OPEN: [Status; 4] = [Status::Running, Status::Waiting, Status::Compensating, Status::NeedsAttention];

/// The sagas in one status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSagas {
    /// Which one.
    pub status: Status,
    /// How many there are.
    pub count: u64,
    /// When the oldest of them was started.
    pub oldest: Option<Timestamp>,
    /// When the first of them was or is to be woken.
    pub due: Option<Timestamp>,
}

/// What one target has not been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenNotifications {
    /// Who.
    pub target: String,
    /// Whether they were given up; else they are sent again.
    pub failed: bool,
    /// How many there are.
    pub count: u64,
    /// When the oldest was written.
    pub oldest: Option<Timestamp>,
}

/// Unfinished sagas and those that need attention: each by an index of those alone.
pub(in crate::store) const SAGAS: [&str; 2] = [
    "SELECT status, count(*), min(created_at), min(wake_at) FROM saga_saga WHERE finished_at IS NULL GROUP BY status",
    // What the index is of is said, so that the database sees that it will do.
    "SELECT status, count(*), min(created_at), min(wake_at) FROM saga_saga \
     WHERE status = 'needs_attention' AND status <> 'running' AND status <> 'completed' GROUP BY status",
];
pub(in crate::store) const NOTIFICATIONS: &str = "SELECT target, status = 'failed', count(*), min(created_at) \
                                                  FROM payment_notification WHERE status <> 'delivered' GROUP BY 1, 2";
