//! The other nodes: this one's lease, what it takes over from the dead, and what nodes tell each other.
//!
//! ```text
//!   thread store-node, a connection of its own:
//!      every third of a lease ─▶ renew
//!      adopt ─▶ lease ended? ─▶ given up ─▶ its sagas, a portion at a time, passing over those that others take
//!      LISTEN ─▶ news
//! ```
//!
//! A node that cannot renew, because the database is away, gives up nobody until it has renewed for a whole lease
//! again: others have been as unable as it was.

use super::{
    OpenError, Postgres,
    codec::{Unreadable, count, get},
    connect::{Connector, Link},
    node::{GIVEN_UP, Membership},
    readers::QueryError,
};
use crate::{
    clock,
    domain::{ids::SagaId, time::Timestamp},
    lifecycle::Fatal,
    role::{Role, Roles},
    store::{Adopted, Elsewhere, News, Node, NodeState, Peers, StoreError},
};
use futures::future::{BoxFuture, poll_fn};
use std::{
    collections::HashSet,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Runtime,
    sync::{broadcast, mpsc, oneshot},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_postgres::{AsyncMessage, Client, Row, types::Oid};
use uuid::Uuid;

/// Most news that nobody has taken yet.
const NEWS: usize = 1024;
/// The pause between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);
/// The same where a person has to do something first.
const LONG_PAUSE: Duration = Duration::from_secs(5);
/// The longest text that PostgreSQL carries from one node to others.
const LONGEST: usize = 7900;

/// What nodes call each other on. A server has the channels of a whole database in common, in which there may be tables
/// of several processes, each in a schema of its own: the number of their own table of nodes tells them apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Channel(Oid);

impl Channel {
    /// The one of the nodes of a table.
    pub(super) const fn of(nodes: Oid) -> Self {
        Self(nodes)
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "backstitch_{}", self.0)
    }
}

/// What the threads of a node know of each other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Nobody knows whether some transaction was committed.
    pub(super) doubtful: AtomicBool,
    /// Other nodes are there, who may wait for what this one does.
    pub(super) is_in_company: AtomicBool,
}

/// Asks the node's thread.
pub(super) struct Neighbours {
    wishes: mpsc::UnboundedSender<Wish>,
    news: broadcast::Sender<News>,
    epoch: i64,
    shared: Arc<Shared>,
}

enum Wish {
    Adopt(i64, oneshot::Sender<Result<Adopted, StoreError>>),
    Leave(oneshot::Sender<()>),
}

/// Says which sagas rest, in so few words that PostgreSQL carries them.
pub(super) fn announcement(epoch: i64, sagas: &[SagaId]) -> String {
    let mut text = format!("{epoch}:");
    if text.len() + sagas.len() * 32 <= LONGEST {
        sagas.iter().for_each(|saga| text.push_str(&saga.uuid().simple().to_string()));
    }
    text
}

/// What another node has said; `None` for what this one has.
fn understood(epoch: i64, text: &str) -> Option<News> {
    let Some((from, sagas)) = text.split_once(':') else { return Some(News::Unknown) };
    if from.parse() == Ok(epoch) {
        return None;
    }
    let ids = sagas.as_bytes().chunks(32).map(|id| Some(SagaId::from_uuid(Uuid::try_parse_ascii(id).ok()?)));
    Some(match ids.collect::<Option<Vec<_>>>() {
        Some(ids) if !ids.is_empty() => News::Rested(ids),
        _ => News::Unknown,
    })
}

impl Neighbours {
    /// Starts the node's thread.
    pub(super) fn start(
        runtime: Runtime,
        membership: &Membership,
        owners: Roles,
        fatal: &Fatal,
    ) -> std::io::Result<Self> {
        let (wishes, taken) = mpsc::unbounded_channel();
        let (news, _) = broadcast::channel(NEWS);
        let (epoch, shared) = (membership.epoch(), membership.shared());
        let mut thread = NodeThread {
            connector: membership.connector(),
            epoch,
            channel: membership.channel(),
            has_sagas: owners.contains(Role::Coordinator),
            lease: membership.lease(),
            shared: Arc::clone(&shared),
            fatal: fatal.clone(),
            wished: taken,
            news: news.clone(),
            steady_since: None,
            renewed: Instant::now(),
            gone: HashSet::new(),
        };
        thread::Builder::new().name("store-node".into()).spawn(move || runtime.block_on(thread.run()))?;
        Ok(Self { wishes, news, epoch, shared })
    }

    /// This node's epoch.
    pub(super) const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Leaves what this node owns to the others.
    pub(super) fn leave(&self) -> BoxFuture<'static, ()> {
        let (reply, left) = oneshot::channel();
        let _ = self.wishes.send(Wish::Leave(reply));
        Box::pin(async move {
            // The database may be away: then the lease ends by itself.
            let _ = timeout(Duration::from_secs(2), left).await;
        })
    }
}

struct NodeThread {
    connector: Connector,
    epoch: i64,
    channel: Channel,
    /// Whether the sagas are here, so that there may be some to take over.
    has_sagas: bool,
    lease: Duration,
    shared: Arc<Shared>,
    fatal: Fatal,
    wished: mpsc::UnboundedReceiver<Wish>,
    news: broadcast::Sender<News>,
    /// Since when the lease has been renewed in time again and again.
    steady_since: Option<Instant>,
    /// When it was renewed last.
    renewed: Instant,
    /// The nodes that are known to be no more.
    gone: HashSet<i64>,
}

/// Why the thread does not go on with a connection.
enum Over {
    /// Another connection may serve.
    Lost(tokio_postgres::Error),
    /// Nothing more is asked.
    Done,
}

impl From<tokio_postgres::Error> for Over {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Lost(error)
    }
}

impl NodeThread {
    async fn run(&mut self) {
        loop {
            let mut pause = PAUSE;
            match self.connector.connect().await {
                Ok((client, link)) => {
                    let hearing = tokio::spawn(hear(link, self.epoch, self.news.clone()));
                    let over = self.serve(&client).await;
                    drop(client);
                    hearing.abort();
                    match over {
                        Over::Lost(error) => tracing::debug!(%error, "the node's connection is lost"),
                        Over::Done => return,
                    }
                }
                Err(error) => {
                    tracing::debug!(%error, "the node cannot renew its lease now");
                    // Nobody brings a database back in a moment, nor a user.
                    if matches!(error, OpenError::NoDatabase { .. } | OpenError::Login { .. }) {
                        pause = LONG_PAUSE;
                    }
                }
            }
            self.steady_since = None;
            // Who was promised something is told that it did not come to be.
            while let Ok(wish) = self.wished.try_recv() {
                match wish {
                    Wish::Adopt(_, reply) => {
                        let _ = reply.send(Err(StoreError::Unavailable("PostgreSQL is away".into())));
                    }
                    Wish::Leave(reply) => return drop(reply),
                }
            }
            if self.wished.is_closed() {
                return;
            }
            sleep(pause).await;
        }
    }

    async fn serve(&mut self, client: &Client) -> Over {
        let served: Result<(), Over> = async {
            client.batch_execute(&format!("LISTEN {}", self.channel)).await?;
            let mut ticks = interval(self.lease / 3);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = ticks.tick() => self.renew(client).await?,
                    wish = self.wished.recv() => match wish {
                        None => return Err(Over::Done),
                        Some(Wish::Leave(reply)) => {
                            client.execute(LEAVE, &[&self.epoch]).await?;
                            let _ = reply.send(());
                            return Err(Over::Done);
                        }
                        Some(Wish::Adopt(limit, reply)) => match self.adopt(client, limit).await {
                            Ok(adopted) => {
                                // Who asked may have failed meanwhile: what was taken over is looked for again.
                                if reply.send(Ok(adopted)).is_err() {
                                    self.shared.doubtful.store(true, Ordering::Release);
                                }
                            }
                            Err(error) => {
                                // It may have been taken over all the same.
                                self.shared.doubtful.store(true, Ordering::Release);
                                let _ = reply.send(Err(super::codec::store_error(&error)));
                                return Err(error.into());
                            }
                        },
                    },
                }
            }
        }
        .await;
        served.err().unwrap_or(Over::Done)
    }

    async fn renew(&mut self, client: &Client) -> Result<(), tokio_postgres::Error> {
        let asked = clock::local();
        let row = client.query_opt(RENEW, &[&self.epoch, &super::node::millis(self.lease)]).await?;
        let answered = clock::local();
        let Some(row) = row else {
            self.fatal.raise(GIVEN_UP);
            return Ok(());
        };
        self.shared.is_in_company.store(row.try_get::<_, i64>(0)? > 1, Ordering::Relaxed);
        clock::follow(Timestamp::from_millis(row.try_get(1)?), asked, answered);
        if self.renewed.elapsed() > self.lease {
            self.steady_since = None;
        }
        self.renewed = Instant::now();
        self.steady_since.get_or_insert(self.renewed);
        Ok(())
    }

    async fn adopt(&mut self, client: &Client, limit: i64) -> Result<Adopted, tokio_postgres::Error> {
        let mut adopted = Adopted::default();
        if self.steady_since.is_some_and(|since| since.elapsed() >= self.lease) {
            client.execute(GIVE_UP, &[&self.epoch]).await?;
        }
        for row in client.query(GONE, &[]).await? {
            if self.gone.insert(row.try_get(0)?) {
                adopted.gone.push(row.try_get(1)?);
            }
        }
        if self.has_sagas {
            for row in client.query(ADOPT, &[&self.epoch, &limit]).await? {
                let (saga, wake_at): (SagaId, Option<Timestamp>) = (row.try_get(0)?, row.try_get(1)?);
                adopted.sagas += 1;
                match wake_at {
                    None => adopted.under_way.push(saga),
                    Some(at) => adopted.next_due = Some(adopted.next_due.map_or(at, |known| known.min(at))),
                }
            }
        }
        if !adopted.gone.is_empty() {
            client.execute(if self.has_sagas { FORGET_IDLE } else { FORGET }, &[]).await?;
        }
        Ok(adopted)
    }
}

/// Drives the connection, and passes on what it hears.
async fn hear(mut link: Link, epoch: i64, news: broadcast::Sender<News>) {
    while let Some(Ok(message)) = poll_fn(|context| link.poll_message(context)).await {
        if let AsyncMessage::Notification(heard) = message
            && let Some(heard) = understood(epoch, heard.payload())
        {
            // Nobody listens while the coordinator starts.
            let _ = news.send(heard);
        }
    }
}

/// Renews the lease, and says how many nodes there are and what time it is.
const RENEW: &str = "UPDATE node SET seen_at = clock_timestamp(), \
                     lease_until = clock_timestamp() + $2 * interval '1 millisecond' \
                     WHERE epoch = $1 AND NOT given_up \
                     RETURNING (SELECT count(*) FROM node WHERE NOT given_up), \
                     floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const LEAVE: &str = "UPDATE node SET given_up = true, lease_until = clock_timestamp() WHERE epoch = $1";

/// A node whose own lease has ended gives up nobody, however long this was on its way.
const GIVE_UP: &str = "UPDATE node SET given_up = true \
                       WHERE NOT given_up AND lease_until < clock_timestamp() AND epoch <> $1 AND EXISTS \
                       (SELECT 1 FROM node me \
                        WHERE me.epoch = $1 AND NOT me.given_up AND me.lease_until > clock_timestamp())";

const GONE: &str = "SELECT epoch, id FROM node WHERE given_up";

/// Takes over some of what nodes that are given up own. What another node is taking over now is passed over.
const ADOPT: &str = "WITH left_behind AS \
                     (SELECT s.id FROM node n JOIN saga_saga s ON s.owner = n.epoch AND s.finished_at IS NULL \
                      WHERE n.given_up LIMIT $2 FOR UPDATE OF s SKIP LOCKED) \
                     UPDATE saga_saga s SET owner = $1 FROM left_behind l WHERE s.id = l.id RETURNING s.id, s.wake_at";

/// Forgets nodes that were given up long ago.
macro_rules! forget {
    () => {
        "DELETE FROM node n WHERE n.given_up AND n.seen_at < clock_timestamp() - interval '1 day'"
    };
}

const FORGET: &str = forget!();
/// The same of those that own nothing any more.
const FORGET_IDLE: &str =
    concat!(forget!(), " AND NOT EXISTS (SELECT 1 FROM saga_saga s WHERE s.owner = n.epoch AND s.finished_at IS NULL)");

/// The nodes, and how many unfinished sagas each owns.
macro_rules! nodes {
    ($sagas:literal) => {
        concat!(
            "SELECT n.id, n.epoch, n.version, floor(extract(epoch FROM n.started_at) * 1000)::bigint, \
             floor(extract(epoch FROM n.seen_at) * 1000)::bigint, \
             floor(extract(epoch FROM n.lease_until) * 1000)::bigint, n.given_up, \
             n.lease_until < clock_timestamp(), ",
            $sagas,
            " FROM node n ORDER BY n.epoch DESC LIMIT 100"
        )
    };
}

const NODES: &str = nodes!("0::bigint");
const NODES_WITH_SAGAS: &str =
    nodes!("(SELECT count(*) FROM saga_saga s WHERE s.owner = n.epoch AND s.finished_at IS NULL)");

const ELSEWHERE: &str = "SELECT id, finished_at IS NOT NULL, \
                         (SELECT max(seq) FROM saga_log WHERE saga_id = id) FROM saga_saga \
                         WHERE id = ANY($1) AND (finished_at IS NOT NULL OR owner <> $2)";

fn read_node(row: &Row, this: i64) -> Result<Node, Unreadable> {
    let epoch: i64 = get(row, 1)?;
    let state = match (get(row, 6)?, get(row, 7)?) {
        (true, _) => NodeState::GivenUp,
        (false, true) => NodeState::Late,
        (false, false) => NodeState::Alive,
    };
    Ok(Node {
        id: get(row, 0)?,
        epoch,
        version: get(row, 2)?,
        started_at: get(row, 3)?,
        seen_at: get(row, 4)?,
        lease_until: Some(get(row, 5)?),
        state,
        sagas: get::<i64>(row, 8)?.unsigned_abs(),
        is_this: epoch == this,
    })
}

impl Peers for Postgres {
    fn nodes(&self) -> BoxFuture<'static, Result<Vec<Node>, StoreError>> {
        let this = self.neighbours.epoch;
        let nodes = if self.owners.contains(Role::Coordinator) { NODES_WITH_SAGAS } else { NODES };
        self.readers.read(async move |client| {
            let statement = client.prepare_cached(nodes).await?;
            let rows = client.query(&statement, &[]).await?;
            rows.iter().map(|row| read_node(row, this)).collect::<Result<_, _>>().map_err(QueryError::from)
        })
    }

    fn adopt(&self, limit: u32) -> BoxFuture<'static, Result<Adopted, StoreError>> {
        let (reply, adopted) = oneshot::channel();
        let _ = self.neighbours.wishes.send(Wish::Adopt(limit.into(), reply));
        Box::pin(async move {
            adopted.await.unwrap_or_else(|_| Err(StoreError::Unavailable("the node's thread has ended".into())))
        })
    }

    fn elsewhere(&self, sagas: Vec<SagaId>) -> BoxFuture<'static, Result<Vec<Elsewhere>, StoreError>> {
        let this = self.neighbours.epoch;
        self.readers.read(async move |client| {
            let statement = client.prepare_cached(ELSEWHERE).await?;
            let rows = client.query(&statement, &[&sagas, &this]).await?;
            let read = |row: &Row| Ok(Elsewhere { saga_id: get(row, 0)?, rests: get(row, 1)?, latest: count(row, 2)? });
            rows.iter().map(read).collect::<Result<_, Unreadable>>().map_err(QueryError::from)
        })
    }

    fn news(&self) -> BoxFuture<'static, News> {
        let mut news = self.neighbours.news.subscribe();
        Box::pin(async move {
            match news.recv().await {
                Ok(heard) => heard,
                Err(broadcast::error::RecvError::Lagged(_)) => News::Unknown,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        })
    }

    fn is_in_doubt(&self) -> bool {
        self.neighbours.shared.doubtful.swap(false, Ordering::AcqRel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saga(number: u128) -> SagaId {
        SagaId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn what_a_node_announces_the_others_understand_and_it_passes_over_itself() {
        let text = announcement(7, &[saga(1), saga(u128::MAX)]);
        assert!(matches!(understood(8, &text), Some(News::Rested(sagas)) if sagas == [saga(1), saga(u128::MAX)]));
        assert!(understood(7, &text).is_none());
    }

    #[test]
    fn more_sagas_than_can_be_said_are_left_to_be_asked_for() {
        let sagas: Vec<SagaId> = (0..500).map(saga).collect();
        let text = announcement(7, &sagas);
        assert!(text.len() < 8000);
        assert!(matches!(understood(8, &text), Some(News::Unknown)));
        assert!(matches!(understood(8, "nonsense"), Some(News::Unknown)));
    }
}
