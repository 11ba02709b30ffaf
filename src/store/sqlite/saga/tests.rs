//! A saga that is parked is found again, and one that cannot be read harms nobody else.

use crate::role::Roles;
use crate::{
    domain::{
        checkout::{self, Checkout},
        ids::{OrderId, PaymentId, SagaId, ShipmentId},
        money::Currency,
        order::{Basket, LineDraft},
        payment::Provider,
        saga::Outcome,
        simulation::Simulation,
        time::Timestamp,
    },
    lifecycle::Fatal,
    store::{
        Append, LogEntry, OrderFacts, RowUpdate, SagaAnswer, SagaCommand, SagaRow, StartSaga, Store, StoreError,
        sqlite::{Options, open},
    },
};
use rusqlite::Connection;
use std::{
    ops::ControlFlow,
    path::PathBuf,
    sync::{Arc, Mutex},
};
use uuid::Uuid;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

struct Database {
    store: Store,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

fn database() -> Database {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("backstitch.db");
    let options = Options { path: path.clone(), owners: Roles::ALL, cache_mib: 2, readers: 1, max_batch: 64 };
    let store = open(&options, &Fatal::default()).expect("a new database");
    Database { store, path, _directory: directory }
}

fn entry(events: Vec<checkout::CheckoutEvent>) -> LogEntry {
    LogEntry { at: NOW, node: "test".into(), events }
}

impl Database {
    async fn run(&self, command: SagaCommand) -> Result<SagaAnswer, StoreError> {
        self.store.sagas.execute(vec![command]).await.remove(0)
    }

    /// A saga whose payment is pending and was asked again at once: it waits, but is still in hand.
    async fn waiting_in_hand(&self) -> SagaId {
        let line = LineDraft { item_name: "Kopi".into(), quantity: 1, price: 100 };
        let basket = Basket::parse(vec![line], |_, field| field.into()).expect("a basket");
        let checkout = Checkout {
            order_id: OrderId::from_uuid(Uuid::now_v7()),
            payment_id: PaymentId::from_uuid(Uuid::now_v7()),
            shipment_id: ShipmentId::from_uuid(Uuid::now_v7()),
            customer_ref: None,
            currency: Currency::Idr,
            basket: Arc::new(basket),
            revision: 0,
            provider: Provider::Manual,
            deadline_ms: 60_000,
            carrier: crate::domain::shipment::Carrier::Simulated,
            simulate: Simulation::default(),
        };
        let (id, order_id) = (SagaId::from_uuid(Uuid::now_v7()), checkout.order_id);
        let (mut saga, events) = checkout::begin(id, Arc::new(checkout), NOW);
        let row = SagaRow {
            id,
            order_id,
            definition: "checkout".into(),
            version: 1,
            status: saga.summary().status,
            waiting_for: None,
            reason: None,
            attention: None,
            wake_at: None,
            created_at: NOW,
            updated_at: NOW,
            finished_at: None,
        };
        let start = StartSaga { row, entry: entry(events), claim: None };
        self.run(SagaCommand::Start(Box::new(start))).await.expect("it starts");
        let seq = saga.events();
        let mut events = saga.outcome(checkout::Verb::CreateOrder, Outcome::DONE, NOW, 0.0).expect("possible");
        let pending = Outcome::Pending { until: Some(NOW.plus_millis(60_000)) };
        events.extend(saga.outcome(checkout::Verb::ProcessPayment, pending, NOW, 0.0).expect("possible"));
        let row = Some(RowUpdate { summary: saga.summary(), wake_at: None });
        let append = Append { saga_id: id, order_id, seq, entry: entry(events), row, claim: None };
        self.run(SagaCommand::Append(Box::new(append))).await.expect("it goes on");
        id
    }

    async fn facts(&self) -> Vec<OrderFacts> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let visit = move |facts| {
            sink.lock().expect("unpoisoned").push(facts);
            ControlFlow::Continue(())
        };
        self.store.facts.visit(Box::new(visit)).await.expect("a pass");
        std::mem::take(&mut *seen.lock().expect("unpoisoned"))
    }
}

#[tokio::test]
async fn a_waiting_saga_that_was_never_parked_gets_its_wake_up_when_it_is() {
    let database = database();
    let saga_id = database.waiting_in_hand().await;
    let wake_at = NOW.plus_millis(2_000);
    database.run(SagaCommand::Park { saga_id, wake_at }).await.expect("it is parked");
    let due = database.store.sagas.due(wake_at, 10).await.expect("an answer");
    assert_eq!(due.sagas, [saga_id]);
}

#[tokio::test]
async fn a_saga_at_rest_is_not_woken_by_a_park_that_comes_late() {
    let database = database();
    let saga_id = database.waiting_in_hand().await;
    database.run(SagaCommand::SetAside { saga_id, why: "a test".into() }).await.expect("it is set aside");
    database.run(SagaCommand::Park { saga_id, wake_at: NOW }).await.expect("it is answered");
    let row = database.store.sagas.saga(saga_id).await.expect("an answer").expect("the saga");
    assert_eq!(row.wake_at, None);
}

#[tokio::test]
async fn a_log_that_is_no_text_poisons_its_own_saga_and_no_other() {
    let database = database();
    let (broken, whole) = (database.waiting_in_hand().await, database.waiting_in_hand().await);
    let conn = Connection::open(&database.path).expect("a second connection");
    conn.execute("UPDATE saga_log SET entry = CAST(x'ff' AS TEXT) WHERE saga_id = ?1", [broken]).expect("it is broken");

    let loaded = database.run(SagaCommand::Load { saga_id: broken, take: false }).await;
    assert!(matches!(loaded, Err(StoreError::Poisoned(_))), "{loaded:?}");
    let sagas: Vec<_> = database.facts().await.into_iter().filter_map(|facts| facts.saga).collect();
    assert!(matches!(&sagas[0], Err(why) if why.contains(&broken.to_string())), "{:?}", sagas[0]);
    assert!(matches!(&sagas[1], Ok(stored) if stored.row.id == whole));
}
