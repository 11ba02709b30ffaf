//! Whether every promise was kept: the audit, and every acknowledged order looked up.
//!
//! A server of the run's own is judged by the library, over the database, in one pass; a server behind a
//! URL by its own audit and by reading each order.

use super::{
    LoadError,
    client::Client,
    order::{End, Seen, read},
    target::Target,
};
use crate::{
    audit,
    domain::ids::{OrderId, SagaId},
    store::{FactSource, OrderFacts, ShelfFacts, StoreError, sqlite},
};
use futures::future::BoxFuture;
use hyper::{StatusCode, http::Uri};
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// Orders that are named; the others are only counted.
const MOST_NAMED: usize = 20;
/// How long a server may take to audit itself.
const AUDIT_BOUND: Duration = Duration::from_mins(10);

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Verdict {
    pub(super) audit: Audit,
    pub(super) acknowledged: Kept,
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
        self.audit.clean && self.acknowledged.missing == 0 && self.acknowledged.not_at_rest == 0
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
pub(super) async fn of_database(path: &Path, acknowledged: Vec<(OrderId, SagaId)>) -> Result<Verdict, LoadError> {
    let facts = sqlite::open_facts(path).map_err(|error| LoadError::Audit(error.to_string()))?;
    let kept = Kept { checked: acknowledged.len() as u64, ..Kept::default() };
    let lookup = Arc::new(Mutex::new(Lookup { sought: acknowledged.into_iter().collect(), kept }));
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
    Ok(Verdict { audit, acknowledged: lookup.finish() })
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
    fn visit(&self, mut visit: Box<dyn FnMut(OrderFacts) + Send>) -> BoxFuture<'static, Result<(), StoreError>> {
        let lookup = Arc::clone(&self.lookup);
        self.facts.visit(Box::new(move |facts| {
            lookup.lock().unwrap_or_else(PoisonError::into_inner).found(&facts);
            visit(facts);
        }))
    }

    fn visit_shelves(&self, visit: Box<dyn FnMut(ShelfFacts) + Send>) -> BoxFuture<'static, Result<(), StoreError>> {
        self.facts.visit_shelves(visit)
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

/// Judges a server by what it answers.
pub(super) async fn of_server(target: &Target, acknowledged: &[(OrderId, SagaId)]) -> Result<Verdict, LoadError> {
    let mut client = Client::new(target.clone(), AUDIT_BOUND);
    let failed = |error: String| LoadError::Audit(error);
    let answer = client.get(&Uri::from_static("/admin/audit")).await.map_err(|error| failed(error.to_string()))?;
    let audit: Audit = read(&answer.body).map_err(|error| failed(format!("{}: {error}", answer.status)))?;
    let mut kept = Kept { checked: acknowledged.len() as u64, ..Kept::default() };
    for (order, saga) in acknowledged {
        let path = Uri::try_from(format!("/orders/{order}")).map_err(|error| failed(error.to_string()))?;
        let answer = client.get(&path).await.map_err(|error| failed(error.to_string()))?;
        if answer.status != StatusCode::OK {
            kept.missing(format!("order {order}: {}", answer.status));
            continue;
        }
        let seen: Seen<'_> = read(&answer.body).map_err(failed)?;
        let status = seen.saga.as_ref().map_or("unknown", |saga| &saga.status);
        if seen.saga_id != *saga {
            kept.missing(format!("order {order} has saga {}, not {saga}", seen.saga_id));
        } else if End::of(status, None).is_none() {
            kept.not_at_rest(format!("order {order}: its saga is {status}"));
        }
    }
    Ok(Verdict { audit, acknowledged: kept })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledged_order_that_is_not_there_is_missing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("empty.db");
        sqlite::migrate(&path).unwrap();
        let order: OrderId = "01900000-0000-7000-8000-000000000001".parse().unwrap();
        let saga: SagaId = "01900000-0000-7000-8000-000000000002".parse().unwrap();

        let run = |acknowledged| actix_rt::System::new().block_on(of_database(&path, acknowledged)).unwrap();

        assert!(run(Vec::new()).is_good());
        let verdict = run(vec![(order, saga)]);
        assert!(!verdict.is_good() && verdict.audit.clean);
        assert_eq!((verdict.acknowledged.checked, verdict.acknowledged.missing), (1, 1));
        assert!(verdict.acknowledged.offending[0].contains(&order.to_string()));
    }
}
