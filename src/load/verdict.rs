//! Whether every promise was kept: the audit, and every acknowledged order looked up.
//!
//! A server of the run's own on SQLite is judged by the library, over the database, in one pass; a server behind a
//! URL, and several on one PostgreSQL, by their own audit and by reading each order.

use super::{
    LoadError,
    client::Client,
    order::{End, Seen, read},
    tally::Promise,
    target::Target,
};
use crate::{
    audit,
    domain::ids::{OrderId, SagaId},
    role::Roles,
    store::{FactSource, OrderFacts, Passed, ShelfFacts, StoreError, TableFacts, Visit, sqlite},
};
use futures::future::{BoxFuture, try_join_all};
use hyper::{StatusCode, http::Uri};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Orders that are named; the others are only counted.
const MOST_NAMED: usize = 20;
/// How long a server may take to audit itself.
const AUDIT_BOUND: Duration = Duration::from_mins(10);
/// How many orders are looked up at once.
const LOOKERS: usize = 16;
/// How often it is looked whether sagas still run.
const LOOK: Duration = Duration::from_millis(100);

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Verdict {
    pub(super) audit: Audit,
    pub(super) acknowledged: Kept,
    /// Sagas that did not come to rest, whoever has placed their orders; nothing where others may place some.
    pub(super) unfinished: Option<u64>,
}

/// An audit's report, wherever it was made.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Audit {
    pub(super) clean: bool,
    pub(super) checks: Vec<Check>,
}

/// One check of an audit.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) checked: u64,
    pub(super) violations: u64,
    pub(super) offending: Vec<String>,
}

/// What became of the acknowledged orders.
#[derive(Debug, Default, Serialize)]
pub(super) struct Kept {
    pub(super) checked: u64,
    /// Not there, or there with another saga than the client was told.
    pub(super) missing: u64,
    pub(super) not_at_rest: u64,
    /// The first of both, each with the reason.
    pub(super) offending: Vec<String>,
}

impl Verdict {
    /// Whether every promise was kept.
    pub(super) fn is_good(&self) -> bool {
        let kept = &self.acknowledged;
        self.audit.clean && kept.missing == 0 && kept.not_at_rest == 0 && self.unfinished.unwrap_or(0) == 0
    }
}

impl Kept {
    fn missing(&mut self, why: String) {
        self.missing += 1;
        self.name(why);
    }

    fn not_at_rest(&mut self, why: String) {
        self.not_at_rest += 1;
        self.name(why);
    }

    fn name(&mut self, why: String) {
        if self.offending.len() < MOST_NAMED {
            self.offending.push(why);
        }
    }
}

/// Judges a database, also that of a running server.
pub(super) async fn of_database(path: &Path, acknowledged: &[Promise]) -> Result<Verdict, LoadError> {
    let facts = sqlite::open_facts(path).map_err(|error| LoadError::Audit(error.to_string()))?;
    let kept = Kept { checked: acknowledged.len() as u64, ..Kept::default() };
    let sought = acknowledged.iter().map(|promise| (promise.order, promise.saga)).collect();
    let lookup = Arc::new(Mutex::new(Lookup { sought, kept }));
    let tee = Arc::new(Tee { facts, lookup: Arc::clone(&lookup) });
    let report = audit::run(tee).await.map_err(|error| LoadError::Audit(error.to_string()))?;
    let checks = report.checks.iter().map(|check| Check {
        name: check.name.to_owned(),
        checked: check.checked,
        violations: check.violations,
        offending: check.offending.clone(),
    });
    let audit = Audit { clean: report.is_clean(), checks: checks.collect() };
    let mut lookup = lookup.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Verdict { audit, acknowledged: lookup.finish(), unfinished: None })
}

/// Facts on their way to the audit, in which the acknowledged orders are looked for: one pass for both.
struct Tee {
    facts: Arc<dyn FactSource>,
    lookup: Arc<Mutex<Lookup>>,
}

struct Lookup {
    sought: HashMap<OrderId, SagaId>,
    kept: Kept,
}

impl FactSource for Tee {
    fn visit(&self, mut visit: Visit<OrderFacts>) -> BoxFuture<'static, Result<Passed, StoreError>> {
        let lookup = Arc::clone(&self.lookup);
        self.facts.visit(Box::new(move |facts| {
            lookup.lock().unwrap_or_else(PoisonError::into_inner).found(&facts);
            visit(facts)
        }))
    }

    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.facts.visit_shelves(visit)
    }

    fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>> {
        self.facts.judge_tables(of)
    }
}

impl Lookup {
    fn found(&mut self, facts: &OrderFacts) {
        let Some(saga_id) = self.sought.remove(&facts.order_id) else { return };
        let id = facts.order_id;
        if !matches!(facts.order, Some(Ok(_))) {
            self.kept.missing(format!("order {id} cannot be read"));
        }
        match &facts.saga {
            Some(Ok(saga)) if saga.row.id != saga_id => {
                self.kept.missing(format!("order {id} has saga {}, not {saga_id}", saga.row.id));
            }
            Some(Ok(saga)) if saga.row.status.is_at_rest() => {}
            Some(Ok(saga)) => self.kept.not_at_rest(format!("order {id}: its saga is {}", saga.row.status.as_str())),
            Some(Err(_)) | None => self.kept.missing(format!("order {id} has no saga that can be read")),
        }
    }

    fn finish(&mut self) -> Kept {
        for (order, _) in self.sought.drain() {
            self.kept.missing(format!("order {order} was acknowledged and is not there"));
        }
        std::mem::take(&mut self.kept)
    }
}

/// Judges servers by what they answer: each order is asked of another server than the one that has promised it,
/// where there are several.
pub(super) async fn of_servers(targets: &[Target], acknowledged: &[Promise]) -> Result<Verdict, LoadError> {
    let failed = |error: String| LoadError::Audit(error);
    let mut clients: Vec<Client> = targets.iter().map(|target| Client::new(target.clone(), AUDIT_BOUND)).collect();
    let auditor = clients.first_mut().ok_or_else(|| failed("there is no server".to_owned()))?;
    let answer = auditor.get(&Uri::from_static("/admin/audit")).await.map_err(|error| failed(error.to_string()))?;
    let audit: Audit = read(&answer.body).map_err(|error| failed(format!("{}: {error}", answer.status)))?;
    let looked_up = async |first: usize| {
        let mut clients: Vec<Client> = targets.iter().map(|target| Client::new(target.clone(), AUDIT_BOUND)).collect();
        let mut kept = Kept::default();
        for promise in acknowledged.iter().skip(first).step_by(LOOKERS) {
            let another = (promise.by + 1) % clients.len();
            look_up(&mut clients[another], promise, &mut kept).await?;
        }
        Ok::<_, LoadError>(kept)
    };
    let mut kept = Kept { checked: acknowledged.len() as u64, ..Kept::default() };
    for part in try_join_all((0..LOOKERS).map(looked_up)).await? {
        kept.missing += part.missing;
        kept.not_at_rest += part.not_at_rest;
        part.offending.into_iter().for_each(|why| kept.name(why));
    }
    Ok(Verdict { audit, acknowledged: kept, unfinished: None })
}

async fn look_up(
    client: &mut Client,
    &Promise { order, saga, .. }: &Promise,
    kept: &mut Kept,
) -> Result<(), LoadError> {
    let failed = |error: String| LoadError::Audit(error);
    let path = Uri::try_from(format!("/orders/{order}")).map_err(|error| failed(error.to_string()))?;
    let answer = client.get(&path).await.map_err(|error| failed(error.to_string()))?;
    if answer.status != StatusCode::OK {
        kept.missing(format!("order {order}: {}", answer.status));
        return Ok(());
    }
    let seen: Seen<'_> = read(&answer.body).map_err(failed)?;
    let status = seen.saga.as_ref().map_or("unknown", |saga| &saga.status);
    if seen.saga_id != saga {
        kept.missing(format!("order {order} has saga {}, not {saga}", seen.saga_id));
    } else if End::of(status, None).is_none() {
        kept.not_at_rest(format!("order {order}: its saga is {status}"));
    }
    Ok(())
}

/// Waits until no node owns an unfinished saga any more, also of orders that were never acknowledged; how many are
/// left when that takes too long.
pub(super) async fn unfinished(target: &Target, give_up: Instant) -> Result<u64, LoadError> {
    #[derive(Deserialize)]
    struct Listed {
        sagas: u64,
    }
    let mut client = Client::new(target.clone(), AUDIT_BOUND);
    loop {
        let answer = client.get(&Uri::from_static("/admin/nodes")).await;
        let answer = answer.map_err(|error| LoadError::Audit(error.to_string()))?;
        let nodes: Vec<Listed> = read(&answer.body).map_err(LoadError::Audit)?;
        let left = nodes.iter().map(|node| node.sagas).sum();
        if left == 0 || Instant::now() > give_up {
            return Ok(left);
        }
        sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::Roles;

    #[test]
    fn an_acknowledged_order_that_is_not_there_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("empty.db");
        sqlite::migrate(&path, Roles::ALL).unwrap();
        let order: OrderId = "01900000-0000-7000-8000-000000000001".parse().unwrap();
        let saga: SagaId = "01900000-0000-7000-8000-000000000002".parse().unwrap();

        let run =
            |acknowledged: &[Promise]| actix_rt::System::new().block_on(of_database(&path, acknowledged)).unwrap();

        assert!(run(&[]).is_good());
        let verdict = run(&[Promise { order, saga, by: 0 }]);
        assert!(!verdict.is_good() && verdict.audit.clean);
        assert_eq!((verdict.acknowledged.checked, verdict.acknowledged.missing), (1, 1));
        assert!(verdict.acknowledged.offending[0].contains(&order.to_string()));
    }
}
