//! What the tests of the actors start from: a house of actors over a database of its own, which can
//! lose its arbiter as a process loses its life, and the promises that must hold afterwards.

use crate::store::given::{Case, TestStore, eventually, store};
use actix::Addr;
use backstitch::{
    actors::{Actors, Cast, CrashMode, PaymentAccepted, SagaCoordinator},
    domain::{
        checkout::{DEFAULT_DEADLINE_MS, Policy},
        ids::{OrderId, SagaId},
        order::OrderStatus,
        payment::{ManualNames, MovementKind, PaymentStatus, Provider, Reported, Reporter, SettlePayment, Settlement},
        saga::Status,
        shipment::{Carrier, ShipmentStatus},
    },
    providers::Providers,
    service::{Report, Service, ServiceError},
    store::{OrderFacts, Page, PaymentFilter, Store},
};
use std::{
    ops::Deref,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// An arbiter that ends with its test, and the actors on it, and the store that they share.
pub(super) struct TestArbiter(Option<actix_rt::Arbiter>);

impl TestArbiter {
    pub(super) fn new() -> Self {
        Self(Some(actix_rt::Arbiter::new()))
    }

    /// Ends it now.
    pub(super) fn end(mut self) {
        if let Some(arbiter) = self.0.take() {
            arbiter.stop();
            arbiter.join().unwrap();
        }
    }
}

impl Deref for TestArbiter {
    type Target = actix_rt::Arbiter;

    fn deref(&self) -> &actix_rt::Arbiter {
        self.0.as_ref().expect("it has not ended")
    }
}

impl Drop for TestArbiter {
    fn drop(&mut self) {
        if let Some(arbiter) = &self.0 {
            arbiter.stop();
        }
    }
}

/// All actors over one database.
pub(super) struct House {
    pub(super) test: TestStore,
    pub(super) actors: Actors,
    pub(super) service: Service,
    pub(super) arbiter: TestArbiter,
    /// Kept, or nobody could wait for a saga.
    stopping: watch::Sender<bool>,
}

/// What clients of these actors may ask for.
fn policy() -> Policy {
    let default_deadline_ms = DEFAULT_DEADLINE_MS;
    Policy {
        providers: Arc::default(),
        manual_names: ManualNames::default(),
        simulation: true,
        direct_provider: None,
        carrier: Carrier::Simulated,
        free_text_lines: true,
        default_deadline_ms,
    }
}

pub(super) fn house() -> House {
    House::over(store())
}

impl House {
    pub(super) fn over(test: TestStore) -> Self {
        let arbiter = TestArbiter::new();
        let actors = Actors::start(
            &arbiter.handle(),
            &test.store,
            Cast::ALL,
            Providers::default(),
            "test".into(),
            100_000,
            &test.fatal,
        );
        let (stopping, seen) = watch::channel(false);
        let service = Service::new(test.store.clone(), actors.clone(), "test", policy(), seen);
        Self { test, actors, service, arbiter, stopping }
    }

    pub(super) fn coordinator(&self) -> &Addr<SagaCoordinator> {
        self.actors.coordinator.as_ref().expect("it drives the sagas")
    }

    /// Ends every actor in the middle of whatever it does. What the store has taken in by then runs.
    pub(super) async fn stop_abruptly(self) -> TestStore {
        let Self { test, arbiter, actors, service, stopping } = self;
        arbiter.end();
        drop((actors, service, stopping));
        test.reopen().await
    }

    /// Every actor starts anew over the same database.
    pub(super) async fn restart(self) -> Self {
        Self::over(self.stop_abruptly().await)
    }

    /// Places an order for good, whatever becomes of the coordinator meanwhile.
    pub(super) async fn place(&self, case: &Case) {
        loop {
            match self.service.place_order(case.saga_id, case.checkout.clone(), None, Duration::ZERO).await {
                Ok(placed) => {
                    assert_eq!((placed.order_id, placed.saga_id), (case.order_id(), case.saga_id));
                    return;
                }
                // Ten seconds of crashes in a row are more than the facade bears, not more than a test.
                Err(ServiceError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub(super) async fn place_all(&self, cases: &[Case]) {
        futures::future::join_all(cases.iter().map(|case| self.place(case))).await;
    }

    /// Reports that an order's money is in, once its payment is open.
    pub(super) async fn settle(&self, case: &Case) {
        let settle = success(case);
        eventually("the payment takes its result", async || self.report(&settle).await.is_ok()).await;
    }

    /// Brings a report as it would come from outside.
    pub(super) async fn report(&self, settle: &SettlePayment) -> Result<PaymentAccepted, ServiceError> {
        let Reported::Own(payment) = settle.payment else { panic!("a payment of ours: {settle:?}") };
        let report = Report::of(settle.settlement, settle.by);
        self.service.settle_order_payment(settle.order_id, &payment.to_string(), report, None).await
    }

    /// Waits until the sagas rest, and says how.
    pub(super) async fn rest(&self, cases: &[Case]) -> Vec<Status> {
        let mut rested = Vec::new();
        for case in cases {
            rested.push(self.rest_of(case.saga_id).await);
        }
        rested
    }

    pub(super) async fn rest_of(&self, saga: SagaId) -> Status {
        let deadline = Instant::now() + Duration::from_secs(90);
        loop {
            let _ = self.service.wait_for_rest(saga, Duration::from_millis(200)).await;
            let row = self.test.store.sagas.saga(saga).await.unwrap().expect("the saga is stored");
            if row.status.is_at_rest() {
                return row.status;
            }
            assert!(Instant::now() < deadline, "saga {saga} is {:?} and does not rest", row.status);
            self.give_back_by_hand(row.order_id).await;
        }
    }

    /// Reports the refund of an order's payments that wait for somebody to give the money back.
    pub(super) async fn give_back_by_hand(&self, order: OrderId) {
        let filter = PaymentFilter { order_id: Some(order), ..PaymentFilter::default() };
        let page = Page { limit: 100, before: None };
        for payment in self.test.store.payments.payments(filter, page).await.unwrap() {
            if payment.status == PaymentStatus::Refunding && payment.provider == Provider::Manual {
                let report = Report::of(Settlement::Refunded, Reporter::Trusted);
                let _ = self.service.settle_payment(payment.id, report).await;
            }
        }
    }

    /// Crashes an actor, and waits until it has been restarted.
    pub(super) async fn crash(&self, name: &str, mode: CrashMode) {
        let watched = self.actors.watched().iter().find(|watched| watched.status.name() == name).unwrap();
        let before = watched.status.restarts();
        assert!(self.actors.crash(name, mode));
        eventually("the actor is restarted", async || watched.status.restarts() > before).await;
    }
}

/// The report that an order's money is in.
pub(super) fn success(case: &Case) -> SettlePayment {
    SettlePayment::trusted(case.order_id(), case.checkout.payment_id, Settlement::Success)
}

pub(super) async fn status(store: &Store, saga: SagaId) -> Option<Status> {
    store.sagas.saga(saga).await.unwrap().map(|row| row.status)
}

/// Stops an arbiter's thread between two messages, until it is released.
pub(super) struct Stall(mpsc::Sender<()>);

impl Stall {
    pub(super) fn begin(arbiter: &actix_rt::Arbiter) -> Self {
        let (release, released) = mpsc::channel();
        arbiter.spawn_fn(move || {
            let _ = released.recv();
        });
        Self(release)
    }

    pub(super) fn end(self) {
        drop(self.0);
    }
}

/// What must be true of every order whose saga rests well: money and goods are conserved, and every
/// owner agrees.
pub(super) fn assert_promises(facts: &[OrderFacts]) {
    for facts in facts {
        let id = facts.order_id;
        let stored = facts.saga.as_ref().unwrap_or_else(|| panic!("order {id} has no saga")).as_ref().unwrap();
        let saga = stored.replay().unwrap_or_else(|error| panic!("order {id}: {error}"));
        assert_eq!(saga.summary().status, stored.row.status, "order {id}: row and log agree");
        let order = facts.order.as_ref().map(|order| order.as_ref().unwrap());
        let payment = facts.payment.as_ref();
        let moved = |kind| {
            payment.map_or(0, |payment| payment.movements.iter().filter(|movement| movement.kind == kind).count())
        };
        let (captures, refunds) = (moved(MovementKind::Capture), moved(MovementKind::Refund));
        let payment = payment.map(|payment| payment.payments.as_ref().unwrap().as_ref().unwrap().current());
        let shipments = facts.shipping.as_ref().map_or(&[][..], |shipping| shipping.as_ref().unwrap().shipments());
        let all = |status| shipments.iter().all(|shipment| shipment.status == status);
        let shown =
            format!("order {id}: {order:?}, {captures} captures, {refunds} refunds, {payment:?}, {shipments:?}");
        match stored.row.status {
            Status::Completed => {
                assert_eq!(order.unwrap().status, OrderStatus::Completed, "{shown}");
                assert_eq!(payment.unwrap().status, PaymentStatus::Paid, "{shown}");
                assert!(!shipments.is_empty() && all(ShipmentStatus::Shipped), "{shown}");
                assert_eq!((captures, refunds), (1, 0), "{shown}");
            }
            Status::Compensated => {
                assert!(order.unwrap().status.is_closed(), "{shown}");
                assert!(payment.is_none_or(|payment| payment.status != PaymentStatus::Paid), "{shown}");
                assert!(all(ShipmentStatus::Cancelled), "{shown}");
                assert!(captures == refunds && captures <= 1, "{shown}");
            }
            other => panic!("{other:?}: {shown}"),
        }
    }
}
