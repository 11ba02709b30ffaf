//! The audit over the databases of several processes says what the audit over one database does.

use super::{red, world::World};
use crate::{
    store::given::facts_of,
    support::{TestDatabase, either},
};
use backstitch::{
    audit,
    store::{FactSource, StoreError, merged, open_facts},
};
use std::{
    fmt::Debug,
    ops::ControlFlow,
    sync::{Arc, Mutex},
};

/// The owners' tables, the sagas' first, as several processes may have them.
pub(super) const APART: [&[&str]; 5] = [&["saga"], &["order"], &["payment"], &["stock", "catalog"], &["shipment"]];
const IN_PAIRS: [&[&str]; 3] = [&["saga", "order"], &["shipment", "payment"], &["catalog", "stock"]];

/// The databases of processes that have these tables each, and what is found in them together.
pub(super) struct Apart(Vec<TestDatabase>);

impl Apart {
    pub(super) fn of(world: &World, processes: &[&[&str]]) -> Self {
        Self(processes.iter().map(|prefixes| world.database.part(prefixes)).collect())
    }

    pub(super) fn facts(&self) -> Arc<dyn FactSource> {
        let open = |database: &TestDatabase| open_facts(&database.with(&[])).expect("a database");
        merged(self.0.iter().map(open).collect())
    }
}

async fn shelves(source: &dyn FactSource) -> Result<String, StoreError> {
    let all = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&all);
    let visit = move |facts| {
        seen.lock().unwrap().push(facts);
        ControlFlow::Continue(())
    };
    source.visit_shelves(Box::new(visit)).await?;
    Ok(format!("{:?}", all.lock().unwrap()))
}

fn printed(facts: &[impl Debug]) -> Vec<String> {
    facts.iter().map(|facts| format!("{facts:?}")).collect()
}

#[tokio::test]
async fn an_audit_of_databases_apart_says_what_one_of_a_whole_database_does() {
    let world = World::open();
    world.every_story().await;
    let whole = world.store.facts.as_ref();
    for processes in [&APART[..], &IN_PAIRS[..]] {
        let apart = Apart::of(&world, processes);
        let facts = apart.facts();
        assert_eq!(printed(&facts_of(facts.as_ref()).await.unwrap()), printed(&facts_of(whole).await.unwrap()));
        assert_eq!(shelves(facts.as_ref()).await.unwrap(), shelves(whole).await.unwrap());
        assert_eq!(audit::run(facts).await.unwrap(), world.audit().await);
    }
}

#[tokio::test]
async fn sagas_that_were_removed_are_known_of_where_none_is_left() {
    let world = World::open();
    world.completed_orders().await;
    assert_eq!(world.remove_sagas().await, 2);
    let apart = Apart::of(&world, &APART);
    let report = audit::run(apart.facts()).await.unwrap();
    assert!(report.is_clean(), "{report}");
    apart.0[1].raw().execute_batch("DELETE FROM order_order").expect("the orders are lost");
    for lost in ["payment", "shipment"] {
        let place = if lost == "payment" { 2 } else { 4 };
        let sql = format!("DELETE FROM {lost}_{lost}");
        apart.0[place].raw().execute_batch(&sql).expect("their rows are lost");
    }
    apart.0[2].raw().execute_batch("DELETE FROM payment_movement").expect("the ledger is lost");
    let report = audit::run(apart.facts()).await.unwrap();
    assert_eq!(red(&report), ["removed_sagas_left_their_orders"], "{report}");
}

#[tokio::test]
async fn what_two_databases_have_of_one_order_is_found() {
    let world = World::open();
    world.completed_orders().await;
    let apart =
        Apart::of(&world, &[&["saga"], &["order"], &["payment", "order"], &["stock", "catalog"], &["shipment"]]);
    let report = audit::run(apart.facts()).await.unwrap();
    assert!(red(&report).contains(&"rows_are_readable"), "{report}");
    assert!(report.to_string().contains("two databases have it"), "{report}");
}

#[tokio::test]
async fn a_database_that_cannot_be_read_ends_the_audit() {
    let world = World::open();
    world.completed_orders().await;
    let apart = Apart::of(&world, &APART);
    let facts = apart.facts();
    let broken = either("DROP TABLE payment_movement", "ALTER TABLE payment_movement DROP COLUMN amount");
    apart.0[2].raw().execute_batch(broken).expect("a table that can be broken");
    assert!(matches!(audit::run(facts).await, Err(StoreError::Unavailable(_))));
}
