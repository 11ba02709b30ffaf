//! The servers of a run: one behind a URL, one of the run's own on SQLite, or several on one PostgreSQL.
//!
//! Looks after those of its own as whoever operates them does: one that ends because the others have given it up, or
//! because there was no database when it started, is started again. One that ends for any other reason ends the run.

use super::{
    LoadError, Options,
    counters::{Counters, Scraper},
    postgres::{Postgres, Setup},
    process::Usage,
    server::{self, Ended, How, Server},
    target::Target,
};
use futures::future::join_all;
use std::{
    cell::{Cell, RefCell},
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tempfile::TempDir;
use tokio::sync::{Mutex as AsyncMutex, MutexGuard};

/// The servers, and what they work on.
pub(super) struct Nodes {
    nodes: Vec<Node>,
    place: RefCell<Place>,
}

/// Where the data is.
enum Place {
    /// Behind a URL, or not there any more.
    Elsewhere,
    /// A file of the run's own.
    Sqlite(TempDir),
    /// A database server, perhaps of the run's own; the directory has the nodes' logs.
    Postgres(Option<Arc<Mutex<Postgres>>>, TempDir),
}

/// One server.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) target: Target,
    server: Option<RefCell<Server>>,
    scraper: AsyncMutex<Scraper>,
    /// Somebody makes trouble with it just now.
    is_taken: Cell<bool>,
    /// It has answered since it was started.
    has_answered: Cell<bool>,
    /// Whether it may be started while its database is away.
    may_lack_its_database: bool,
    /// How often it ended because others had given it up.
    given_up: Cell<u64>,
}

/// A node with which nobody else makes trouble meanwhile.
pub(super) struct Taken<'a>(&'a Node);

impl std::ops::Deref for Taken<'_> {
    type Target = Node;

    fn deref(&self) -> &Node {
        self.0
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.is_taken.set(false);
    }
}

impl Nodes {
    /// The servers that are asked for, started where they are the run's own. `arguments` are handed to those.
    pub(super) async fn start(options: &Options, arguments: Vec<OsString>) -> Result<Self, LoadError> {
        if let Some(target) = &options.url {
            return Ok(Self { nodes: vec![Node::elsewhere(target)], place: Place::Elsewhere.into() });
        }
        let directory = tempfile::Builder::new().prefix("backstitch-load-").tempdir().map_err(LoadError::Directory)?;
        let Some(count) = options.nodes else {
            let how = How::on_sqlite(arguments, &sqlite(directory.path()), options.grpc)?;
            let node = Node::start("the server", how, false)?;
            return Ok(Self { nodes: vec![node], place: Place::Sqlite(directory).into() });
        };
        let (url, own) = match &options.database {
            Some(given) => (given.clone(), None),
            None => {
                let started = actix_rt::task::spawn_blocking(|| Postgres::start(Setup::default())).await;
                let started = started.map_err(|error| LoadError::Database(error.to_string()))??;
                (started.first(), Some(Arc::new(Mutex::new(started))))
            }
        };
        let mut nodes = Vec::with_capacity(usize::from(count));
        for number in 1..=count {
            let name = format!("node-{number}");
            let log = directory.path().join(format!("{name}.log"));
            let how = How::on_postgres(arguments.clone(), &url, &name, log);
            let node = Node::start(&name, how, options.restart_db.is_some())?;
            // Only one can bring the database up to date, and the others would wait for it.
            node.until_ready().await?;
            nodes.push(node);
        }
        Ok(Self { nodes, place: Place::Postgres(own, directory).into() })
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Node] {
        &self.nodes
    }

    /// Where the run's own server serves gRPC, if it is asked to.
    pub(super) fn grpc_address(&self) -> Option<SocketAddr> {
        self.nodes.iter().find_map(|node| node.server.as_ref()?.borrow().grpc_address())
    }

    /// Where they are found.
    pub(super) fn targets(&self) -> Vec<Target> {
        self.nodes.iter().map(|node| node.target.clone()).collect()
    }

    /// Any one with which nobody makes trouble.
    pub(super) fn take(&self) -> Option<Taken<'_>> {
        let free: Vec<&Node> = self.nodes.iter().filter(|node| !node.is_taken.get()).collect();
        let node = fastrand::choice(free)?;
        node.is_taken.set(true);
        Some(Taken(node))
    }

    /// Waits until every one takes orders.
    pub(super) async fn until_ready(&self) -> Result<(), LoadError> {
        for node in &self.nodes {
            node.until_ready().await?;
        }
        Ok(())
    }

    /// Starts again what may have ended; an error when one has ended that should not have.
    pub(super) fn look_after(&self) -> Result<(), LoadError> {
        self.nodes.iter().filter(|node| !node.is_taken.get()).try_for_each(Node::look_after)
    }

    /// Reads the counters of those that answer.
    pub(super) async fn read_counters(&self) {
        let free = self.nodes.iter().filter(|node| !node.is_taken.get());
        join_all(free.map(async |node| node.read_counters(&mut node.scraper.lock().await).await)).await;
    }

    /// What all of them have counted.
    pub(super) async fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for node in &self.nodes {
            counters.add(&node.scraper.lock().await.counters);
        }
        counters
    }

    /// What all of them have used, where that can be known.
    pub(super) fn usage(&self) -> Option<Usage> {
        let used = self.nodes.iter().filter_map(|node| Some(node.server.as_ref()?.borrow().usage()));
        used.reduce(Usage::and)
    }

    /// How often one has ended because others had given it up.
    pub(super) fn given_up(&self) -> u64 {
        self.nodes.iter().map(|node| node.given_up.get()).sum()
    }

    /// The SQLite database of the run's own.
    pub(super) fn sqlite(&self) -> Option<PathBuf> {
        match &*self.place.borrow() {
            Place::Sqlite(directory) => Some(sqlite(directory.path())),
            Place::Postgres(..) | Place::Elsewhere => None,
        }
    }

    /// The database server of the run's own.
    pub(super) fn postgres(&self) -> Option<Arc<Mutex<Postgres>>> {
        match &*self.place.borrow() {
            Place::Postgres(own, _) => own.clone(),
            Place::Sqlite(_) | Place::Elsewhere => None,
        }
    }

    /// Ends what is the run's own, and leaves its data and logs where they are: where that is.
    pub(super) fn keep(&self) -> Vec<String> {
        self.nodes.iter().for_each(Node::end);
        match &mut *self.place.borrow_mut() {
            Place::Elsewhere => Vec::new(),
            Place::Sqlite(directory) => {
                directory.disable_cleanup(true);
                vec![format!("the database is kept: {}", sqlite(directory.path()).display())]
            }
            Place::Postgres(own, logs) => {
                logs.disable_cleanup(true);
                let database = own.as_ref().and_then(|own| {
                    let mut own = own.lock().unwrap_or_else(PoisonError::into_inner);
                    Some(format!("the database is kept: {}", own.keep().ok()?.join("data").display()))
                });
                database.into_iter().chain([format!("the logs are kept: {}", logs.path().display())]).collect()
            }
        }
    }

    /// Ends what is the run's own.
    pub(super) fn end(&self) {
        self.nodes.iter().for_each(Node::end);
        self.place.replace(Place::Elsewhere);
    }
}

/// Where a database is in a directory.
fn sqlite(directory: &Path) -> PathBuf {
    directory.join("backstitch.db")
}

impl Node {
    fn elsewhere(target: &Target) -> Self {
        Self {
            name: "the server".to_owned(),
            target: target.clone(),
            server: None,
            scraper: Scraper::new(target.clone()).into(),
            is_taken: Cell::new(false),
            has_answered: Cell::new(false),
            may_lack_its_database: false,
            given_up: Cell::new(0),
        }
    }

    fn start(name: &str, how: How, may_lack_its_database: bool) -> Result<Self, LoadError> {
        let server = Server::start(how)?;
        let elsewhere = Self::elsewhere(&server.target());
        Ok(Self { name: name.to_owned(), server: Some(RefCell::new(server)), may_lack_its_database, ..elsewhere })
    }

    /// Waits until it takes orders.
    pub(super) async fn until_ready(&self) -> Result<(), LoadError> {
        server::wait_until_ready(&self.target, || self.look_after()).await?;
        self.has_answered.set(true);
        Ok(())
    }

    /// Starts it again where it may have ended.
    pub(super) fn look_after(&self) -> Result<(), LoadError> {
        let Some(server) = &self.server else { return Ok(()) };
        let mut server = server.borrow_mut();
        let Some(ended) = server.ended()? else { return Ok(()) };
        if ended.is_given_up() {
            self.given_up.set(self.given_up.get() + 1);
        } else if !ended.has_failed() || self.has_answered.get() || !self.may_lack_its_database {
            return Err(ended.into());
        }
        self.has_answered.set(false);
        server.start_again()
    }

    /// SIGKILL, and a new start on the same database and port.
    pub(super) async fn kill(&self) -> Result<(), LoadError> {
        let Some(server) = &self.server else { return Ok(()) };
        self.look_after()?;
        // Held over the restart: nobody reads the counters of a server that is not there.
        let mut scraper = self.scraper.lock().await;
        self.read_counters(&mut scraper).await;
        self.has_answered.set(false);
        let mut server = server.borrow_mut();
        server.kill();
        server.start_again()?;
        scraper.counters.restarted();
        Ok(())
    }

    /// SIGSTOP. It must be told to go on.
    pub(super) fn freeze(&self) -> Result<(), LoadError> {
        self.server.as_ref().map_or(Ok(()), |server| server.borrow().freeze())
    }

    /// SIGCONT.
    pub(super) fn thaw(&self) -> Result<(), LoadError> {
        self.server.as_ref().map_or(Ok(()), |server| server.borrow().thaw())
    }

    /// How it has ended, if it has.
    pub(super) fn ended(&self) -> Result<Option<Ended>, LoadError> {
        self.server.as_ref().map_or(Ok(None), |server| server.borrow_mut().ended())
    }

    async fn read_counters(&self, scraper: &mut MutexGuard<'_, Scraper>) {
        if scraper.read().await {
            self.has_answered.set(true);
        }
    }

    fn end(&self) {
        if let Some(server) = &self.server {
            server.borrow_mut().kill();
        }
    }
}
