//! SIGSTOP of a node until the others have given it up, again and again, while orders run; then SIGCONT.
//!
//! What it was about to write when it stood still must change nothing, which the audit judges; and it must end by
//! itself, which is judged here.

use super::{
    LoadError,
    client::Client,
    kills,
    nodes::{Node, Taken},
    order::read,
    run::Run,
};
use hyper::http::Uri;
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long the others may take to give a node up; when they are in trouble themselves, they do not.
const GIVE_UP_BOUND: Duration = Duration::from_secs(15);
/// How long a node stands still that nobody is there to give up.
const ALONE: Duration = Duration::from_secs(5);
/// How long a node that was given up may take to notice.
const END_BOUND: Duration = Duration::from_secs(20);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(50);

/// Freezes until it is dropped. Resolves only when a node goes on that should not, or cannot be started again.
pub(super) async fn go_on(run: &Run, every: Duration) -> LoadError {
    kills::first(run, every).await;
    loop {
        run.goes_on().await;
        let begun = Instant::now();
        if let Err(error) = one(run).await {
            return error;
        }
        sleep(every.saturating_sub(begun.elapsed())).await;
    }
}

async fn one(run: &Run) -> Result<(), LoadError> {
    let Some(node) = run.nodes.take() else { return Ok(()) };
    let _held = run.trouble();
    let frozen = Instant::now();
    node.freeze()?;
    let is_given_up = given_up(run, &node).await;
    node.thaw()?;
    if is_given_up {
        must_end(&node).await?;
    }
    node.until_ready().await?;
    run.tally.borrow_mut().frozen(&node.name, frozen, Instant::now());
    Ok(())
}

/// Waits until another node says that this one is given up; whether one does.
async fn given_up(run: &Run, node: &Node) -> bool {
    #[derive(Deserialize)]
    struct Listed {
        id: String,
        state: String,
    }
    let begun = Instant::now();
    let mut others: Vec<Client> = run.nodes.all().iter().filter(|other| other.name != node.name).map(asking).collect();
    if others.is_empty() {
        sleep(ALONE).await;
        return false;
    }
    let path = Uri::from_static("/admin/nodes");
    while begun.elapsed() < GIVE_UP_BOUND {
        for other in &mut others {
            let Ok(answer) = other.get(&path).await else { continue };
            // The latest start of a node comes first.
            let latest = read::<Vec<Listed>>(&answer.body).unwrap_or_default().into_iter();
            if latest.into_iter().find(|listed| listed.id == node.name).is_some_and(|found| found.state == "given_up") {
                return true;
            }
        }
        sleep(LOOK).await;
    }
    false
}

fn asking(node: &Node) -> Client {
    Client::new(node.target.clone(), Duration::from_secs(1))
}

async fn must_end(node: &Taken<'_>) -> Result<(), LoadError> {
    let thawed = Instant::now();
    while thawed.elapsed() < END_BOUND {
        match node.ended()? {
            // It is started again by whoever looks after it.
            Some(ended) if ended.is_given_up() => return Ok(()),
            Some(ended) => return Err(ended.into()),
            None => sleep(LOOK).await,
        }
    }
    Err(LoadError::Undead(node.name.clone()))
}
