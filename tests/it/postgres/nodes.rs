//! Several nodes over one database: a saga has one driver, and whoever is no more it writes nothing.

use crate::{
    store::{
        given::{Case, TestStore, at, decided, eventually, one, tell},
        shelves::{product, variant},
    },
    support::{Server, Session, TestDatabase},
};
use backstitch::role::{Role, Roles};
use backstitch::{
    domain::{
        catalog::{CatalogCommand, MAX_VARIANTS},
        checkout::Verb,
        order::OrderStatus,
        payment::Provider,
        saga::Outcome,
    },
    store::{Keyed, News, NodeState, Peers, SagaAnswer, SagaCommand, StoreError},
};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// Two nodes over one database.
fn two() -> (TestStore, TestStore) {
    let one = TestStore::on_postgres();
    let other = one.second().expect("a second node");
    (one, other)
}

fn peers(node: &TestStore) -> Arc<dyn Peers> {
    Arc::clone(node.store.peers.as_ref().expect("PostgreSQL is for several nodes"))
}

/// Which node a store is.
async fn epoch(node: &TestStore) -> i64 {
    let nodes = peers(node).nodes().await.unwrap();
    nodes.iter().find(|node| node.is_this).expect("a node knows itself").epoch
}

async fn give_up(node: &TestStore) {
    let epoch = epoch(node).await;
    let given_up = node.raw().execute("UPDATE node SET given_up = true WHERE epoch = ?1", &[&epoch]);
    assert_eq!(given_up, Ok(1));
}

async fn load(node: &TestStore, case: &Case, take: bool) -> SagaAnswer {
    tell(&node.store, SagaCommand::Load { saga_id: case.saga_id, take }).await.unwrap()
}

/// The saga's next entry: that its order was created.
fn created(case: &mut Case) -> SagaCommand {
    let events = case.saga.outcome(Verb::CreateOrder, Outcome::DONE, at(1), 0.0).unwrap();
    case.append(events, None)
}

fn entries(node: &TestStore, case: &Case) -> i64 {
    node.raw().one("SELECT count(*) FROM saga_log WHERE saga_id = ?1", &[&case.saga_id.uuid()])
}

/// Holds a row, so that whoever reads it in order to write it waits.
struct Row(Session);

impl Row {
    fn hold(node: &TestStore, case: &Case) -> Self {
        Self::hold_in(node, "order_order", &case.order_id().to_string())
    }

    fn hold_in(node: &TestStore, table: &str, id: &str) -> Self {
        let TestDatabase::Postgres(database) = &node.database else { panic!("not on PostgreSQL") };
        let session = database.another();
        session.run(&format!("BEGIN; SELECT 1 FROM {table} WHERE id = '{id}' FOR UPDATE")).expect("the row");
        Self(session)
    }

    /// Waits until somebody waits for it.
    async fn is_waited_for(&self, node: &TestStore) {
        self.is_waited_for_by(1, node).await;
    }

    async fn is_waited_for_by(&self, nodes: i64, node: &TestStore) {
        let sql =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        eventually("nodes wait for the row", async || node.raw().one::<i64>(sql, &[]) >= nodes).await;
    }

    fn release(self) {
        self.0.run("COMMIT").expect("the row is free");
    }
}

#[actix_web::test]
async fn a_saga_that_another_node_drives_is_looked_on_at_until_somebody_wants_something_of_it() {
    let (a, b) = two();
    let case = Case::new(Provider::Simulated);
    tell(&a.store, case.start(None)).await.unwrap();
    assert!(matches!(load(&b, &case, false).await, SagaAnswer::Elsewhere(_)));
    assert!(matches!(load(&a, &case, false).await, SagaAnswer::Loaded(Some(_))));
    assert!(matches!(load(&b, &case, true).await, SagaAnswer::Loaded(Some(_))));
    assert!(matches!(load(&a, &case, false).await, SagaAnswer::Elsewhere(_)));
}

#[actix_web::test]
async fn a_saga_that_was_set_aside_is_its_nodes_until_somebody_wants_something_of_it() {
    let (a, b) = two();
    let mut case = Case::new(Provider::Simulated);
    tell(&a.store, case.start(None)).await.unwrap();
    tell(&a.store, SagaCommand::SetAside { saga_id: case.saga_id, why: "nobody knows".into() }).await.unwrap();
    assert!(matches!(load(&b, &case, false).await, SagaAnswer::Elsewhere(_)));
    assert!(matches!(load(&b, &case, true).await, SagaAnswer::Loaded(Some(_))));
    let append = created(&mut case);
    assert_eq!(tell(&a.store, append.clone()).await.unwrap_err(), StoreError::Conflict);
    assert!(matches!(tell(&b.store, append).await, Ok(SagaAnswer::Stored)));
}

#[actix_web::test]
async fn two_nodes_do_not_make_the_last_variant_that_a_product_can_have_twice() {
    let (a, b) = two();
    let product = product("Kopi", None);
    let id = product.id;
    let mut batch: Vec<CatalogCommand> = vec![product.into()];
    batch.extend((1..MAX_VARIANTS).map(|number| CatalogCommand::from(variant(id, &format!("K-{number}")))));
    for made in a.store.catalog.execute(batch.into_iter().map(Keyed::from).collect()).await {
        made.unwrap().unwrap();
    }
    let row = Row::hold_in(&a, "catalog_product", &id.to_string());
    let add = |node: &TestStore, sku: &str| {
        let command = CatalogCommand::from(variant(id, sku));
        node.store.catalog.execute(vec![command.into()])
    };
    let (first, second) = (add(&a, "one"), add(&b, "other"));
    row.is_waited_for_by(2, &a).await;
    row.release();
    let made = [one(first.await).unwrap(), one(second.await).unwrap()];
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 1, "{made:?}");
    assert_eq!(a.raw().one::<i64>("SELECT count(*) FROM catalog_variant", &[]), i64::from(MAX_VARIANTS));
}

#[actix_web::test]
async fn who_has_lost_a_saga_to_another_node_appends_nothing_more() {
    let (a, b) = two();
    let mut case = Case::new(Provider::Simulated);
    tell(&a.store, case.start(None)).await.unwrap();
    load(&b, &case, true).await;
    let append = created(&mut case);
    assert_eq!(tell(&a.store, append.clone()).await.unwrap_err(), StoreError::Conflict);
    assert_eq!(entries(&a, &case), 1);
    assert!(matches!(tell(&b.store, append).await, Ok(SagaAnswer::Stored)));
}

#[actix_web::test]
async fn a_saga_that_is_taken_between_a_read_and_a_write_is_not_appended_to() {
    let (a, b) = two();
    let mut case = Case::new(Provider::Simulated);
    tell(&a.store, case.start(None)).await.unwrap();
    // What another node has written, it must read.
    decided(one(b.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]).await));
    let row = Row::hold(&a, &case);
    // One transaction: it has read the saga's keys and waits for the order's row, and then it writes.
    let paid = a.store.orders.execute(vec![case.order(Verb::MarkOrderPaid).into()]);
    row.is_waited_for(&a).await;
    let append = created(&mut case);
    let late = a.store.sagas.execute(vec![append.clone()]);
    assert!(matches!(load(&b, &case, true).await, SagaAnswer::Loaded(Some(_))));
    row.release();
    drop(paid.await);
    assert_eq!(one(late.await).unwrap_err(), StoreError::Conflict);
    assert!(matches!(tell(&b.store, append).await, Ok(SagaAnswer::Stored)));
    assert_eq!(entries(&a, &case), 2);
}

#[actix_web::test]
async fn a_node_that_stands_still_between_its_read_and_its_write_changes_nothing_once_it_is_given_up() {
    let (a, b) = two();
    let mut case = Case::new(Provider::Simulated);
    tell(&a.store, case.start(None)).await.unwrap();
    // What another node has written, it must read.
    decided(one(b.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]).await));
    let before = b.facts().await;
    let row = Row::hold(&a, &case);
    let paid = a.store.orders.execute(vec![case.order(Verb::MarkOrderPaid).into()]);
    row.is_waited_for(&a).await;
    // It stands still, and the others do not wait for it.
    give_up(&a).await;
    let adopted = peers(&b).adopt(10).await.unwrap();
    assert_eq!(adopted.under_way, [case.saga_id]);
    row.release();
    assert!(matches!(one(paid.await), Err(StoreError::Unavailable(_) | StoreError::Conflict)));
    let late = created(&mut case);
    assert!(tell(&a.store, late.clone()).await.is_err());
    assert_eq!(format!("{:?}", b.facts().await), format!("{before:?}"));
    assert!(a.fatal.reason().is_some_and(|why| why.contains("taken its sagas over")));
    // What it has done before stands, and goes on where it is driven now.
    assert!(matches!(tell(&b.store, late).await, Ok(SagaAnswer::Stored)));
    decided(one(b.store.orders.execute(vec![case.order(Verb::MarkOrderPaid).into()]).await));
    assert_eq!(b.store.orders.order(case.order_id()).await.unwrap().unwrap().status, OrderStatus::Paid);
}

#[actix_web::test]
async fn a_node_that_stops_leaves_its_sagas_to_the_others_at_once() {
    let (a, b) = two();
    let (running, mut waiting) = (Case::new(Provider::Simulated), Case::new(Provider::Manual));
    for case in [&running, &waiting] {
        tell(&a.store, case.start(None)).await.unwrap();
    }
    let events = waiting.saga.outcome(Verb::CreateOrder, Outcome::DONE, at(1), 0.0).unwrap();
    let parked = waiting.append(events, Some(at(5_000)));
    tell(&a.store, parked).await.unwrap();
    assert_eq!(peers(&b).adopt(10).await.unwrap().sagas, 0);
    a.store.engine.close().await;
    let adopted = peers(&b).adopt(10).await.unwrap();
    assert_eq!((adopted.under_way, adopted.next_due, adopted.sagas), (vec![running.saga_id], Some(at(5_000)), 2));
    let due = b.store.sagas.due(at(6_000), 10).await.unwrap();
    assert_eq!(due.sagas, [waiting.saga_id]);
    assert_eq!(peers(&b).adopt(10).await.unwrap().sagas, 0);
}

#[actix_web::test]
async fn sagas_are_taken_over_in_portions_and_by_one_node_each() {
    let (a, b) = two();
    let c = a.second().unwrap();
    let cases: Vec<_> = (0..25).map(|_| Case::new(Provider::Simulated)).collect();
    a.store.sagas.execute(cases.iter().map(|case| case.start(None)).collect()).await;
    give_up(&a).await;
    let mut taken = Vec::new();
    loop {
        let (one, other) = (peers(&b).adopt(4), peers(&c).adopt(4));
        let adopted = [one.await.unwrap(), other.await.unwrap()];
        assert!(adopted.iter().all(|adopted| adopted.sagas <= 4));
        if adopted.iter().all(|adopted| adopted.sagas == 0) {
            break;
        }
        taken.extend(adopted.into_iter().flat_map(|adopted| adopted.under_way));
    }
    taken.sort_unstable();
    let mut all: Vec<_> = cases.iter().map(|case| case.saga_id).collect();
    all.sort_unstable();
    assert_eq!(taken, all);
}

#[actix_web::test]
async fn what_comes_to_rest_on_one_node_the_others_hear_of() {
    let (a, b) = two();
    // A node that does not know yet that it is not alone tells nobody.
    eventually("the other node hears of it", async || {
        let mut case = Case::new(Provider::Simulated);
        tell(&a.store, case.start(None)).await.unwrap();
        let news = peers(&b).news();
        let events = case.saga.set_aside("on purpose".into(), at(2)).unwrap();
        tell(&a.store, case.append(events, None)).await.unwrap();
        let heard = timeout(Duration::from_millis(500), news).await;
        matches!(heard, Ok(News::Rested(sagas)) if sagas == [case.saga_id])
    })
    .await;
}

#[actix_web::test]
async fn every_node_knows_all_of_them_and_which_one_it_is() {
    let (a, b) = two();
    let case = Case::new(Provider::Simulated);
    tell(&a.store, case.start(None)).await.unwrap();
    let nodes = peers(&b).nodes().await.unwrap();
    let [second, first] = &nodes[..] else { panic!("{nodes:?}") };
    assert!(second.epoch > first.epoch && second.is_this && !first.is_this);
    assert_eq!([first.sagas, second.sagas], [1, 0]);
    assert!(nodes.iter().all(|node| node.state == NodeState::Alive && node.lease_until > Some(node.seen_at)));
    give_up(&a).await;
    let nodes = peers(&b).nodes().await.unwrap();
    assert_eq!(nodes[1].state, NodeState::GivenUp);
}

#[actix_web::test]
async fn where_there_are_no_sagas_nodes_are_given_up_and_known_to_be_gone_all_the_same() {
    let payment = Roles::of([Role::Payment]);
    let database = TestDatabase::Postgres(Arc::new(Server::shared().empty()));
    let a = TestStore::owned(database.clone(), payment).unwrap();
    let b = TestStore::owned(database, payment).unwrap();
    assert_eq!(peers(&b).nodes().await.unwrap().iter().map(|node| node.sagas).collect::<Vec<_>>(), [0, 0]);
    assert!(peers(&b).adopt(10).await.unwrap().gone.is_empty());
    a.store.engine.close().await;
    let adopted = peers(&b).adopt(10).await.unwrap();
    assert_eq!((adopted.sagas, adopted.gone.len()), (0, 1));
    assert!(peers(&b).adopt(10).await.unwrap().gone.is_empty(), "it is said once");
    assert_eq!(peers(&b).nodes().await.unwrap()[1].state, NodeState::GivenUp);
}
