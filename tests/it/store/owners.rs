//! Databases that have the tables of some owners alone, for processes that play some of the roles.

use super::given::{Case, TestStore, at, claim, decided, one, store, tell};
use crate::support::{TestDatabase, either};
use backstitch::role::{Role, Roles};
use backstitch::{
    audit,
    domain::{checkout::Verb, payment::Provider, saga::Outcome},
    store::{
        Keyed, OpenError, OrderFilter, Page, Removed, SagaAnswer, StoreError, migrate, open_export, open_facts, sqlite,
        transfer,
    },
};

fn only(owner: Role) -> Roles {
    Roles::of([owner])
}

/// Whether a table is one of an owner's, or one that every process has.
/// What a role's tables are named after.
fn named_after(role: Role) -> &'static str {
    match role {
        Role::Shipping => "shipment",
        Role::Coordinator => "saga",
        other => other.as_str(),
    }
}

fn is_of(table: &str, owner: Role) -> bool {
    let prefixes = if owner == Role::Stock { vec!["stock", "catalog"] } else { vec![named_after(owner)] };
    let is_everybodys = !either(true, false) && (table == "node" || table == "node_migrations");
    is_everybodys || prefixes.iter().any(|prefix| table.starts_with(&format!("{prefix}_")))
}

fn said(error: &OpenError, words: &[&str]) {
    let said = error.to_string();
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

/// A case each participant of which has done something, as far as its owner is here.
async fn begin(test: &TestStore, owners: Roles, case: &Case) {
    let store = &test.store;
    if owners.contains(Role::Coordinator) {
        tell(store, case.start(None)).await.unwrap();
    }
    if owners.contains(Role::Order) {
        decided(one(store.orders.execute(vec![case.order(Verb::CreateOrder).into()]).await));
    }
    if owners.contains(Role::Payment) {
        decided(one(store.payments.execute(vec![case.payment(Verb::ProcessPayment).into()]).await));
    }
    if owners.contains(Role::Shipping) {
        decided(one(store.shipments.execute(vec![case.shipping(Verb::StartShipping).into()]).await));
    }
}

#[actix_web::test]
async fn a_database_of_one_owner_has_only_its_tables_and_opens_again() {
    for owner in Roles::ALL.iter() {
        let test = TestStore::of(only(owner));
        let made = test.database.tables();
        assert!(made.len() >= 2 && made.iter().all(|table| is_of(table, owner)), "{owner}: {made:?}");
        let case = Case::new(Provider::Simulated);
        begin(&test, only(owner), &case).await;
        let before = format!("{:?}", test.facts().await);
        let test = test.reopen_as(only(owner)).await.unwrap();
        assert_eq!(test.database.tables(), made, "{owner}");
        assert_eq!(format!("{:?}", test.facts().await), before, "{owner}");
    }
}

#[actix_web::test]
async fn a_database_of_everybody_has_the_tables_of_each() {
    let test = store();
    let mut apart: Vec<String> =
        Roles::ALL.iter().flat_map(|owner| TestStore::of(only(owner)).database.tables()).collect();
    apart.sort_unstable();
    apart.dedup();
    assert_eq!(test.database.tables(), apart);
}

#[actix_web::test]
async fn a_database_is_refused_where_somebody_in_it_would_be_left_alone() {
    let many = Roles::of([Role::Payment, Role::Shipping, Role::Coordinator]);
    let test = TestStore::of(many);
    let (database, made) = (test.database.clone(), test.database.tables());
    let few = Roles::of([Role::Payment, Role::Order]);
    let refused = test.reopen_as(few).await.err().expect("it has tables of others");
    said(&refused, &["tables of shipping,coordinator", "give it these roles", "another store.url"]);
    said(&migrate(&database.of(few, &[])).unwrap_err(), &["tables of shipping,coordinator"]);
    assert_eq!(database.tables(), made, "nothing was added");
    assert!(TestStore::owned(database, many).is_ok());
}

#[actix_web::test]
async fn a_database_gains_the_tables_of_further_owners_and_keeps_what_it_has() {
    let test = TestStore::of(only(Role::Order));
    let case = Case::new(Provider::Simulated);
    begin(&test, only(Role::Order), &case).await;
    let more = Roles::of([Role::Order, Role::Coordinator]);
    let test = test.reopen_as(more).await.unwrap();
    assert!(test.store.orders.order(case.order_id()).await.unwrap().is_some());
    tell(&test.store, case.start(None)).await.unwrap();
    let test = test.reopen().await;
    assert_eq!(test.database.tables(), store().database.tables());
    let facts = test.facts().await;
    assert!(facts[0].order.is_some() && facts[0].saga.is_some(), "{facts:?}");
}

#[actix_web::test]
async fn keys_are_forgotten_whoever_is_there() {
    for owner in Roles::ALL.iter() {
        let test = TestStore::of(only(owner));
        let case = Case::new(Provider::Simulated);
        let claim = Some(claim("k", 1));
        let kept = match owner {
            Role::Order => {
                let command = case.order(Verb::CreateOrder);
                decided(one(test.store.orders.execute(vec![Keyed { command, claim }]).await));
                1
            }
            Role::Payment => {
                let command = case.payment(Verb::ProcessPayment);
                decided(one(test.store.payments.execute(vec![Keyed { command, claim }]).await));
                1
            }
            Role::Coordinator => {
                tell(&test.store, case.start(claim)).await.unwrap();
                1
            }
            Role::Stock | Role::Shipping => 0,
        };
        let later = backstitch::clock::now().plus_millis(1000);
        assert_eq!(test.store.engine.forget_keys(later).await, Ok(kept), "{owner}");
        assert_eq!(test.store.engine.forget_keys(later).await, Ok(0), "{owner}");
    }
}

#[actix_web::test]
async fn an_audit_reads_what_there_is_of_every_owner() {
    for owner in Roles::ALL.iter() {
        let test = TestStore::of(only(owner));
        let case = Case::new(Provider::Simulated);
        begin(&test, only(owner), &case).await;
        // Beside the server, as `backstitch audit` reads it.
        let beside = open_facts(&test.database.with(&[])).unwrap();
        let report = audit::run(beside).await.unwrap();
        assert!(report.checks.iter().all(|check| check.violations <= 1), "{owner}: {report}");
        let facts = test.facts().await;
        let has = facts.iter().map(|facts| {
            let found =
                [facts.order.is_some(), facts.stock.is_some(), facts.payment.is_some(), facts.shipping.is_some()];
            (facts.order_id, found.into_iter().chain([facts.saga.is_some()]).collect::<Vec<_>>())
        });
        let wanted = Roles::ALL.iter().map(|each| each == owner).collect::<Vec<_>>();
        let wanted: Vec<_> = (owner != Role::Stock).then(|| (case.order_id(), wanted)).into_iter().collect();
        assert_eq!(has.collect::<Vec<_>>(), wanted, "{owner}");
    }
}

#[actix_web::test]
async fn sagas_are_removed_where_they_are_and_nowhere_else() {
    let test = TestStore::of(only(Role::Coordinator));
    let mut case = Case::new(Provider::Simulated);
    tell(&test.store, case.start(Some(claim("k", 1)))).await.unwrap();
    assert_eq!(test.store.sagas.unfinished().await, Ok(1));
    let mut events = Vec::new();
    for step in [Verb::CreateOrder, Verb::ProcessPayment, Verb::MarkOrderPaid, Verb::StartShipping, Verb::CompleteOrder]
    {
        events.extend(case.saga.outcome(step, Outcome::DONE, at(1), 0.0).unwrap());
    }
    assert!(matches!(tell(&test.store, case.append(events, None)).await, Ok(SagaAnswer::Stored)));
    assert_eq!(test.store.sagas.unfinished().await, Ok(0));
    let key = format!("UPDATE saga_idempotency SET created_at = {}", at(0).millis());
    test.raw().execute_batch(&key).unwrap();
    assert_eq!(test.store.engine.remove_sagas(at(5)).await, Ok(Removed::default()), "its key is remembered");
    assert_eq!(test.store.engine.forget_keys(at(5)).await, Ok(1));
    assert_eq!(test.store.engine.remove_sagas(at(5)).await, Ok(Removed { sagas: 1, more: false }));

    let test = TestStore::of(Roles::ALL.without(only(Role::Coordinator)));
    assert_eq!(test.store.engine.remove_sagas(at(5)).await, Ok(Removed::default()));
    assert_eq!(test.store.sagas.unfinished().await, Ok(0));
}

#[actix_web::test]
async fn what_is_asked_of_an_owner_who_is_elsewhere_names_the_table_that_is_missing() {
    let test = TestStore::of(only(Role::Payment));
    let page = Page { before: None, limit: 1 };
    let asked = test.store.orders.orders(OrderFilter::default(), page).await;
    assert!(matches!(&asked, Err(StoreError::Unavailable(why)) if why.contains("order_order")), "{asked:?}");
    let case = Case::new(Provider::Simulated);
    let told = one(test.store.orders.execute(vec![case.order(Verb::CreateOrder).into()]).await);
    assert!(matches!(&told, Err(StoreError::Unavailable(why)) if why.contains("order_order")), "{told:?}");
    begin(&test, only(Role::Payment), &case).await;
    assert!(test.fatal.reason().is_none());
}

#[actix_web::test]
async fn goods_are_exported_from_where_they_are() {
    let test = TestStore::of(only(Role::Payment));
    let refused = open_export(&test.database.with(&[])).err().expect("there are no goods");
    said(&refused, &["no tables of stock", "a process that plays"]);
    assert!(open_export(&TestStore::of(only(Role::Stock)).database.with(&[])).is_ok());
    let elsewhere = test.database.of(only(Role::Payment), &[]).require(Roles::of([Role::Stock, Role::Payment]));
    said(&elsewhere.unwrap_err(), &["no tables of stock"]);
}

#[test]
fn a_database_with_nothing_in_it_is_not_audited() {
    let database = TestDatabase::untouched();
    database.raw().execute_batch("CREATE TABLE somebody_elses (id integer)").unwrap();
    said(&open_facts(&database.with(&[])).err().expect("nothing to audit"), &["no tables of backstitch"]);
}

#[test]
fn only_a_database_of_everybody_is_moved() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("payment.db");
    sqlite::migrate(&path, only(Role::Payment)).unwrap();
    let backstitch::store::Database::Postgres(nowhere) =
        crate::support::database("postgres://me@127.0.0.1:1/shop", &[])
    else {
        panic!("a PostgreSQL database")
    };
    let refused = transfer(&path, &nowhere, &mut |_| panic!("nothing is moved")).unwrap_err().to_string();
    assert!(refused.contains("no tables of order,stock,shipping,coordinator"), "{refused}");
    assert!(sqlite::migrate(&path, only(Role::Payment)).unwrap().is_empty(), "it is as it was");
}
