//! The other processes that share the database, where it is one that several can share.
//!
//! A saga that is under way has an owner, the one node that drives it. A node that is heard of no more loses what
//! it owns to the others; one that is asked something about a saga takes it from whoever has it.

use super::StoreError;
use crate::domain::{ids::SagaId, time::Timestamp};
use futures::future::BoxFuture;

/// A process that drives sagas, as the database knows it. Times are by the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is called.
    pub id: String,
    /// Which start of it: no two starts have the same, and a later one has a higher.
    pub epoch: i64,
    /// The release that it runs.
    pub version: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it renewed its lease last.
    pub seen_at: Timestamp,
    /// When its lease ends unless it renews it; `None` where there are no leases, since there can be no other node.
    pub lease_until: Option<Timestamp>,
    /// Whether it is there.
    pub state: NodeState,
    /// How many unfinished sagas it owns.
    pub sagas: u64,
    /// Whether it is the one that was asked.
    pub is_this: bool,
}

/// Whether a node is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeState {
    /// Its lease runs.
    Alive,
    /// Its lease has ended, and nobody has given it up yet.
    Late,
    /// It has stopped or was given up: it writes nothing more, and others take its sagas over.
    GivenUp,
}

/// What was taken over from nodes that are given up.
#[derive(Clone, Debug, Default)]
pub struct Adopted {
    /// Sagas that were under way: they go on at once.
    pub under_way: Vec<SagaId>,
    /// When the first of those that wait is due.
    pub next_due: Option<Timestamp>,
    /// How many there were.
    pub sagas: usize,
    /// Nodes that are no more, of which this one has not heard before.
    pub gone: Vec<String>,
}

/// A saga that rests, or that is another node's to drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// Which one.
    pub saga_id: SagaId,
    /// Whether it rests.
    pub rests: bool,
    /// Sequence number of the first event of its log's last entry.
    pub latest: u32,
}

/// What another node has announced.
#[derive(Clone, Debug)]
pub enum News {
    /// These sagas rest.
    Rested(Vec<SagaId>),
    /// More than can be said: ask.
    Unknown,
}

/// What a node needs to know and do about the others.
pub trait Peers: Send + Sync {
    /// All nodes, the latest first.
    fn nodes(&self) -> BoxFuture<'static, Result<Vec<Node>, StoreError>>;
    /// Gives up nodes whose lease has ended, and takes over a portion of what nodes that are given up own: no sagas
    /// where they are in another database.
    fn adopt(&self, limit: u32) -> BoxFuture<'static, Result<Adopted, StoreError>>;
    /// Which of these sagas are not under way on this node.
    fn elsewhere(&self, sagas: Vec<SagaId>) -> BoxFuture<'static, Result<Vec<Elsewhere>, StoreError>>;
    /// The next thing that another node announces. Some may be missed.
    fn news(&self) -> BoxFuture<'static, News>;
    /// Whether it has become unknown, since the last question, what is stored: then sagas of this node may be under
    /// way that nobody drives.
    fn is_in_doubt(&self) -> bool;
}
