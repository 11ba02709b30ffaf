//! Several processes of few roles in one database: each has a schema of its own, and nobody hears of the others.

use crate::{
    store::given::{Case, at, eventually, tell},
    support::{Database, Server, database},
};
use backstitch::role::{Role, Roles};
use backstitch::{
    domain::payment::Provider,
    lifecycle::Fatal,
    store::{self, News, Peers, Store, open_facts},
};
use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;

/// A database with these schemas.
fn with_schemas(schemas: &[&str]) -> Database {
    let database = Server::shared().empty();
    for schema in schemas {
        database.rows(&format!("CREATE SCHEMA {schema}"));
    }
    database
}

/// How a process of these owners opens it, whose tables are where `search_path` says.
fn within(place: &Database, search_path: &str, owners: Roles) -> store::Database {
    let url = place.url();
    let and = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{and}options=-c%20search_path%3D{}", search_path.replace(',', "%2C"));
    let store::Database::Postgres(mut options) = database(&url, &[]) else { panic!("a PostgreSQL database") };
    options.owners = owners;
    store::Database::Postgres(options)
}

fn open(database: &store::Database) -> Store {
    store::open(database, &Fatal::default()).expect("a schema with room")
}

fn peers(store: &Store) -> Arc<dyn Peers> {
    Arc::clone(store.peers.as_ref().expect("PostgreSQL is for several nodes"))
}

/// The tables of a schema.
fn tables(place: &Database, schema: &str) -> Vec<String> {
    let sql = format!("SELECT tablename FROM pg_tables WHERE schemaname = '{schema}' ORDER BY 1");
    place.rows(&sql).into_iter().flatten().flatten().collect()
}

/// Starts a saga and has it rest.
async fn rest(store: &Store) -> Case {
    let mut case = Case::new(Provider::Simulated);
    tell(store, case.start(None)).await.unwrap();
    let events = case.saga.set_aside("on purpose".into(), at(2)).unwrap();
    tell(store, case.append(events, None)).await.unwrap();
    case
}

async fn facts(database: &store::Database) -> usize {
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    let source = open_facts(database).unwrap();
    let visit = move |_| {
        *count.lock().unwrap() += 1;
        ControlFlow::Continue(())
    };
    source.visit(Box::new(visit)).await.unwrap();
    *seen.lock().unwrap()
}

#[actix_web::test]
async fn everything_of_a_process_is_in_the_schema_that_its_url_names() {
    let place = with_schemas(&["payment"]);
    let payment = within(&place, "payment", Roles::of([Role::Payment]));
    let store = open(&payment);
    assert_eq!(peers(&store).nodes().await.unwrap().len(), 1);
    store.engine.close().await;
    assert!(tables(&place, "public").is_empty());
    let made = tables(&place, "payment");
    assert!(made.contains(&"node".into()) && made.contains(&"payment_payment".into()), "{made:?}");
    assert!(made.iter().all(|table| table.starts_with("node") || table.starts_with("payment_")), "{made:?}");
}

#[test]
fn a_schema_that_is_not_there_is_asked_for_by_its_name() {
    let place = with_schemas(&[]);
    let nowhere = within(&place, "payment", Roles::ALL);
    for refused in [store::migrate(&nowhere).err(), open_facts(&nowhere).err()] {
        let said = refused.expect("there is no schema").to_string();
        assert!(said.contains("no schema for search_path payment") && said.contains("CREATE SCHEMA"), "{said}");
    }
}

#[actix_web::test]
async fn a_search_path_that_leads_on_to_others_tables_does_not_make_them_this_processs() {
    let place = with_schemas(&["payment"]);
    let all = within(&place, "public", Roles::ALL);
    let everybody = open(&all);
    rest(&everybody).await;
    let payment = within(&place, "payment,public", Roles::of([Role::Payment]));
    let store = open(&payment);
    assert_eq!(store.sagas.unfinished().await, Ok(0));
    assert_eq!(peers(&store).nodes().await.unwrap().len(), 1);
    assert!(tables(&place, "payment").iter().all(|table| !table.starts_with("saga_")));
    assert_eq!((facts(&all).await, facts(&payment).await), (1, 0));
}

#[actix_web::test]
async fn what_rests_in_one_schema_is_not_heard_of_in_another() {
    let place = with_schemas(&["here", "there"]);
    let two = |schema| {
        let database = within(&place, schema, Roles::of([Role::Coordinator]));
        (open(&database), open(&database))
    };
    let ((a, b), (c, d)) = (two("here"), two("there"));
    let heard_there = peers(&d).news();
    // A node that does not know yet that it is not alone tells nobody.
    eventually("the other node of the schema hears of it", async || {
        let news = peers(&b).news();
        let rested = rest(&a).await.saga_id;
        matches!(timeout(Duration::from_millis(500), news).await, Ok(News::Rested(sagas)) if sagas == [rested])
    })
    .await;
    let mut rested_there = Vec::new();
    eventually("a rest in their own schema", async || {
        let news = peers(&d).news();
        rested_there.push(rest(&c).await.saga_id);
        timeout(Duration::from_millis(500), news).await.is_ok()
    })
    .await;
    let News::Rested(first) = heard_there.await else { panic!("a saga is named") };
    assert!(first.iter().all(|saga| rested_there.contains(saga)), "it was of the other schema");
    assert_eq!(peers(&c).nodes().await.unwrap().len(), 2);
}
