//! This process as one node of several: its lease, its epoch, and what it takes over from the dead.
//!
//! ```text
//!   node:  epoch · lease_until ── renewed every third of a lease ──▶ still there
//!                             └── ended: another node gives it up, and takes its sagas, a portion at a time
//! ```
//!
//! The database's clock alone says when a lease has ended. A node that was given up writes nothing any more: every
//! transaction leaves a mark in the node's own row, and there is none any more that it could leave it in.
//!
//! Owns `node`, and who owns an unfinished saga. Must not drive any.

use super::peers::{Channel, Shared};
use super::{
    connect::{Connector, Link},
    session::Session,
    write::Mark,
};
use crate::release::VERSION;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio_postgres::Client;

/// Why a node that others have given up must end.
pub(super) const GIVEN_UP: &str = "this node did not renew its lease in time and others have taken its sagas over; \
                                   it must be started again";

/// Takes the right to write over from whatever connection the node had before.
const TAKE_SESSION: &str = "UPDATE node SET session = session + 1 WHERE epoch = $1 AND NOT given_up \
                            RETURNING session, batch";

const STILL_THERE: &str = "SELECT 1 FROM node WHERE epoch = $1 AND NOT given_up";

/// A node's place among the others, and its way to the database.
pub(super) struct Membership {
    connector: Connector,
    epoch: i64,
    channel: Channel,
    session: i64,
    lease: Duration,
    shared: Arc<Shared>,
}

/// A connection that may write.
pub(super) struct Resumption {
    pub(super) client: Client,
    pub(super) link: Link,
    /// The last transaction of this node that was committed.
    pub(super) batch: i64,
}

/// Why there is no connection that may write.
pub(super) enum ResumeError {
    /// The others have taken this node for dead.
    GivenUp,
    /// There is no database now, and why.
    Away(String),
}

impl Membership {
    /// Registers a node, over a connection of its own. `None` where everything is being moved here from elsewhere.
    pub(super) async fn register(
        connector: Connector,
        client: &Client,
        id: &str,
        lease: Duration,
    ) -> Result<Option<Self>, tokio_postgres::Error> {
        let row = client
            .query_opt(
                "INSERT INTO node (id, version, started_at, seen_at, lease_until, given_up, session, batch) \
                 SELECT $1, $2, at, at, at + $3 * interval '1 millisecond', false, 1, 0 \
                 FROM (SELECT clock_timestamp() AS at) AS present \
                 WHERE to_regclass(format('%I.move_progress', current_schema())) IS NULL RETURNING epoch, tableoid",
                &[&id, &VERSION, &millis(lease)],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        client.batch_execute(&writing(lease)).await?;
        let (epoch, channel) = (row.try_get(0)?, Channel::of(row.try_get(1)?));
        Ok(Some(Self { connector, epoch, channel, session: 1, lease, shared: Arc::default() }))
    }

    /// Its epoch.
    pub(super) const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Its lease.
    pub(super) const fn lease(&self) -> Duration {
        self.lease
    }

    /// Its way to the database.
    pub(super) fn connector(&self) -> Connector {
        self.connector.clone()
    }

    /// What its threads know of each other.
    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// What the nodes of its database call each other on.
    pub(super) const fn channel(&self) -> Channel {
        self.channel
    }

    /// The mark of one of its transactions.
    pub(super) fn mark(&self, batch: i64) -> Mark {
        let is_in_company = self.shared.is_in_company.load(Ordering::Relaxed);
        let announces = is_in_company.then_some(self.channel);
        Mark { epoch: self.epoch, session: self.session, batch, announces }
    }

    /// Whether nobody has given this node up. Where that cannot be asked, it is found out later.
    pub(super) fn may_write(&self, session: &Session) -> bool {
        session.call(STILL_THERE, vec![Box::new(self.epoch)]).map_or(true, |rows| !rows.is_empty())
    }

    /// Nobody knows whether a transaction was committed.
    pub(super) fn doubts(&self) {
        self.shared.doubtful.store(true, Ordering::Release);
    }

    /// Connects again. Whatever the last connection has left on its way is waited for, or can no longer be written.
    pub(super) async fn resume(&mut self) -> Result<Resumption, ResumeError> {
        let (client, mut link) =
            self.connector.connect().await.map_err(|error| ResumeError::Away(error.to_string()))?;
        let resumed = {
            let taken = async {
                client.batch_execute(&writing(self.lease)).await?;
                client.query_opt(TAKE_SESSION, &[&self.epoch]).await
            };
            tokio::select! {
                taken = taken => taken,
                ended = &mut link => return Err(ResumeError::Away(match ended {
                    Ok(()) => "the connection was closed".into(),
                    Err(error) => error.to_string(),
                })),
            }
        };
        match resumed {
            Ok(Some(row)) => {
                let read = || Ok::<_, tokio_postgres::Error>((row.try_get(0)?, row.try_get(1)?));
                let (session, batch) = read().map_err(|error| ResumeError::Away(error.to_string()))?;
                self.session = session;
                Ok(Resumption { client, link, batch })
            }
            Ok(None) => Err(ResumeError::GivenUp),
            Err(error) => Err(ResumeError::Away(error.to_string())),
        }
    }
}

/// What a session that writes is set to.
///
/// A node that stands still in the middle of a transaction must not keep the others from its rows when it is given up.
/// And every statement goes by keys: planned once, when tables may still be empty or unknown to the planner, it must
/// not be planned to read them whole (which made it 930 orders a second instead of some thousands). What that rules
/// out is made to look expensive, for which no plan is worth compiling.
fn writing(lease: Duration) -> String {
    let idle_ms = lease.as_millis() / 2;
    format!(
        "SET idle_in_transaction_session_timeout = {idle_ms}; SET plan_cache_mode = force_generic_plan; \
         SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; SET jit = off"
    )
}

/// A duration as milliseconds that SQL multiplies an interval with.
#[expect(clippy::cast_precision_loss, reason = "a lease is a minute at most")]
pub(super) fn millis(lease: Duration) -> f64 {
    lease.as_millis() as f64
}
