//! A database of checkouts that the domain decided and the store saved, without actors.

mod direct;
mod driver;
mod edits;

pub(super) use direct::Until;

use crate::support::{CatalogRows, Literal, TestDatabase};
use backstitch::{
    audit::{self, Report},
    clock,
    domain::{
        catalog::{PricedOffer, ProductName, Sku, Standing},
        checkout::{self, Checkout, CheckoutSaga, Edit, Verb},
        ids::{OrderId, PaymentId, SagaId},
        money::{Currency, Price, Quantity},
        order::{Basket, Draft, LineDraft, OfferDraft},
        payment::{PaymentCall, PaymentCommand, Provider, SettlePayment, Settlement},
        saga::{CancelBy, Next, Outcome, Status},
        simulation::{Fault, Script, Simulation},
        stock::{Receive, Shelf, StockChange},
        time::Timestamp,
    },
    lifecycle::Fatal,
    store::{self, StockRequest, Store},
};
use std::sync::Arc;
use uuid::Uuid;

/// A database of its own.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) database: TestDatabase,
}

/// An order and its saga.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) order_id: OrderId,
    pub(crate) saga_id: SagaId,
}

/// A saga and how far it is in time, which need not be the clock's.
struct Driven {
    saga: CheckoutSaga,
    now: Timestamp,
}

impl Driven {
    fn placed(&self) -> Placed {
        Placed { order_id: self.saga.input().order_id, saga_id: self.saga.id() }
    }
}

const PLAIN: Script = Script { fault: None, delay_ms: 0 };
const SLOW: Script = Script { fault: None, delay_ms: 5 };

const fn fault(fault: Fault) -> Script {
    Script { fault: Some(fault), delay_ms: 0 }
}

/// How its store is opened.
pub(crate) const SETTINGS: [(&str, &str); 3] =
    [("store.cache_mib", "2"), ("store.readers", "1"), ("store.max_batch", "64")];

impl World {
    pub(crate) fn open() -> Self {
        let database = TestDatabase::new();
        let store = store::open(&database.with(&SETTINGS), &Fatal::default()).expect("a new database");
        Self { store, database }
    }

    pub(crate) async fn audit(&self) -> Report {
        audit::run(Arc::clone(&self.store.facts)).await.expect("an audit")
    }

    /// Changes what is stored behind the store's back. `?1` is the order, `?2` its saga.
    pub(crate) fn plant(&self, sql: &str, placed: Option<Placed>) {
        let raw = self.database.raw();
        let Some(Placed { order_id, saga_id }) = placed else { return raw.execute_batch(sql).expect("a change") };
        let ids: [&dyn Literal; 2] = [&order_id.uuid(), &saga_id.uuid()];
        assert_eq!(raw.execute(sql, &ids).expect("a change"), 1, "{sql}");
    }

    /// Two orders that went well.
    pub(crate) async fn completed_orders(&self) -> [Placed; 2] {
        [self.tell(Provider::Simulated, PLAIN, PLAIN).await, self.tell(Provider::Simulated, PLAIN, PLAIN).await]
    }

    /// An order that was paid and refunded, because its shipment failed.
    pub(crate) async fn compensated_order(&self) -> Placed {
        self.tell(Provider::Simulated, PLAIN, fault(Fault::Reject)).await
    }

    /// An order that nobody has paid.
    pub(crate) async fn unpaid_order(&self) -> Placed {
        self.waiting().await.placed()
    }

    /// Removes every saga that has ended well by now; how many.
    pub(crate) async fn remove_sagas(&self) -> u32 {
        let by_now = clock::now().plus_millis(60_000);
        self.store.engine.remove_sagas(by_now).await.expect("a portion").sagas
    }

    /// Every way in which a checkout can go, each with the status it ends or waits in.
    pub(crate) async fn every_story(&self) -> Vec<(Placed, Status)> {
        self.compensated_order().await;
        self.remove_sagas().await;
        let mut told = Vec::new();
        for (payment, shipping, status) in [
            (PLAIN, PLAIN, Status::Completed),
            (SLOW, SLOW, Status::Completed),
            (fault(Fault::Timeout), fault(Fault::Timeout), Status::Completed),
            (fault(Fault::ErrorOnce), fault(Fault::ErrorOnce), Status::Completed),
            (fault(Fault::Reject), PLAIN, Status::Compensated),
            (PLAIN, fault(Fault::Reject), Status::Compensated),
            (SLOW, fault(Fault::Reject), Status::Compensated),
        ] {
            told.push((self.tell(Provider::Simulated, payment, shipping).await, status));
        }
        told.push((self.shipped_in_doubt().await, Status::Compensated));
        told.push((self.paid_late(false).await, Status::Compensated));
        told.push((self.paid_late(true).await, Status::Compensated));
        told.push((self.cancelled_at_once().await, Status::Compensated));
        told.push((self.cancelled_order().await, Status::Compensated));
        told.push((self.waiting().await.placed(), Status::Waiting));
        told.push((self.set_aside().await, Status::NeedsAttention));
        told.push((self.interrupted().await, Status::Running));
        told.extend(self.every_story_of_goods().await);
        told.extend(self.every_story_of_edits().await);
        self.every_direct_story().await;
        told
    }

    /// An order of a shop's goods that went well.
    pub(crate) async fn delivered_order(&self) -> Placed {
        self.tell_of(self.goods(3).await, PLAIN, PLAIN).await
    }

    /// An order of a shop's goods that was paid and taken from the stock, and undone because its shipment
    /// failed.
    pub(crate) async fn given_back_order(&self) -> Placed {
        self.tell_of(self.goods(3).await, PLAIN, fault(Fault::Reject)).await
    }

    /// Every way in which a checkout of a shop's goods can go that free text cannot.
    async fn every_story_of_goods(&self) -> Vec<(Placed, Status)> {
        let mut told = vec![
            (self.delivered_order().await, Status::Completed),
            (self.tell_of(self.goods(3).await, SLOW, SLOW).await, Status::Completed),
            (self.given_back_order().await, Status::Compensated),
            (self.tell_of(self.goods(3).await, fault(Fault::Reject), PLAIN).await, Status::Compensated),
            (self.tell_of(self.goods(5).await, PLAIN, PLAIN).await, Status::Compensated),
        ];
        let mut waiting = self.begin_of(self.goods(3).await, Provider::Manual, 60_000, Simulation::default()).await;
        while !matches!(waiting.saga.next(), Next::Wait(_)) {
            self.step(&mut waiting).await;
        }
        told.push((waiting.placed(), Status::Waiting));
        told.push((self.edited().await, Status::Completed));
        told
    }

    /// Edited while it waits, paid for the lines before, and then for the new ones.
    async fn edited(&self) -> Placed {
        let mut driven = self.begin_of(self.goods(3).await, Provider::Manual, 60_000, Simulation::default()).await;
        let waits = |driven: &Driven| matches!(driven.saga.next(), Next::Wait(_));
        while !waits(&driven) {
            self.step(&mut driven).await;
        }
        let Placed { order_id, .. } = driven.placed();
        let first = driven.saga.input().payment_id;
        let edit = Edit { payment_id: PaymentId::from_uuid(Uuid::now_v7()), basket: Arc::new(self.goods(1).await) };
        let events = checkout::edit(&mut driven.saga, &edit, driven.now).expect("it waits");
        self.append(&driven, events).await;
        while !waits(&driven) {
            self.step(&mut driven).await;
        }
        for payment_id in [first, edit.payment_id] {
            self.pay(PaymentCommand::Settle(SettlePayment::trusted(order_id, payment_id, Settlement::Success))).await;
        }
        self.answer_provider(order_id, PaymentCall::Refund).await;
        let paid = self.send(&driven.saga, Verb::ProcessPayment).await;
        let events = driven.saga.outcome(Verb::ProcessPayment, paid, driven.now, 0.5).expect("possible");
        self.append(&driven, events).await;
        while self.step(&mut driven).await {}
        driven.placed()
    }

    /// So many pieces of what a shop of its own has, two in each of its two warehouses, and a free-text line.
    pub(crate) async fn goods(&self, pieces: i64) -> Basket {
        let catalog = CatalogRows::of(&self.database);
        let (shop_id, variant_id) = (CatalogRows::shop(), catalog.variant());
        for priority in [1, 2] {
            let here = Shelf { variant_id, warehouse_id: catalog.warehouse(shop_id, priority) };
            let two = Receive { shelf: here, quantity: Quantity::parse(2).expect("a quantity") };
            self.stock(StockRequest::Change(StockChange::Receive(two))).await;
        }
        let offer = OfferDraft { shop_id, variant_id, quantity: pieces, expected_price: None };
        let priced = PricedOffer {
            shop_id,
            variant_id,
            sku: Sku::stored("GAYO-250".into()),
            product_name: ProductName::stored("Kopi Gayo".into()),
            size: None,
            price: Price::parse(42_000).expect("a price"),
            currency: Currency::Idr,
            standing: Standing { shop: true, product: true, variant: true, offer: true },
        };
        let text = LineDraft { item_name: "Ongkos bungkus".into(), quantity: 1, price: 5_000 };
        let drafts = vec![Draft::Offer(offer), Draft::FreeText(text)];
        Basket::price(drafts, vec![Ok(priced)], |_, field| field.into()).expect("a basket")
    }

    async fn tell_of(&self, basket: Basket, payment: Script, shipping: Script) -> Placed {
        let simulate = Simulation { payment, shipping, ..Simulation::default() };
        let mut driven = self.begin_of(basket, Provider::Simulated, 60_000, simulate).await;
        while self.step(&mut driven).await {}
        driven.placed()
    }

    async fn tell(&self, provider: Provider, payment: Script, shipping: Script) -> Placed {
        let mut driven = self.begin(provider, 60_000, Simulation { payment, shipping, ..Simulation::default() }).await;
        while self.step(&mut driven).await {}
        driven.placed()
    }

    /// The carrier never answers, then nobody knows whether the goods left: they are called back.
    async fn shipped_in_doubt(&self) -> Placed {
        let mut driven = self.begin(Provider::Simulated, 60_000, Simulation::default()).await;
        while driven.saga.progress()[3].attempts == 0 {
            self.step(&mut driven).await;
        }
        let Next::Run(tasks) = driven.saga.next() else { panic!("shipping is under way") };
        self.send(&driven.saga, tasks[0].action).await;
        while driven.saga.turned().is_none() {
            let lost = Outcome::unknown("the answer was lost");
            let events = match driven.saga.next() {
                Next::Run(tasks) => driven.saga.outcome(tasks[0].step, lost, driven.now, 0.0),
                _ => {
                    driven.now = driven.now.plus_millis(60_000);
                    driven.saga.wake(driven.now)
                }
            };
            self.append(&driven, events.expect("possible")).await;
        }
        while self.step(&mut driven).await {}
        driven.placed()
    }

    /// The money comes after the deadline; the refund is on its way, or has arrived.
    async fn paid_late(&self, delivered: bool) -> Placed {
        let mut driven = self.begin(Provider::Manual, 0, Simulation::default()).await;
        while self.step(&mut driven).await {}
        let Checkout { order_id, payment_id, .. } = **driven.saga.input();
        let settle = SettlePayment::trusted(order_id, payment_id, Settlement::Success);
        assert!(self.pay(PaymentCommand::Settle(settle)).await.result.is_ok());
        if delivered {
            self.answer_provider(order_id, PaymentCall::Refund).await;
        }
        driven.placed()
    }

    async fn cancelled_at_once(&self) -> Placed {
        let mut driven = self.begin(Provider::Manual, 60_000, Simulation::default()).await;
        self.cancel(&mut driven).await;
        driven.placed()
    }

    /// An order that was cancelled while it waited for its money.
    pub(crate) async fn cancelled_order(&self) -> Placed {
        let mut driven = self.waiting().await;
        self.cancel(&mut driven).await;
        driven.placed()
    }

    async fn cancel(&self, driven: &mut Driven) {
        let events = checkout::cancel(&mut driven.saga, CancelBy::Customer, None, driven.now).expect("allowed");
        self.append(driven, events).await;
        while self.step(driven).await {}
    }

    async fn waiting(&self) -> Driven {
        let mut driven = self.begin(Provider::Manual, 60_000, Simulation::default()).await;
        while !matches!(driven.saga.next(), Next::Wait(_)) {
            self.step(&mut driven).await;
        }
        driven
    }

    async fn set_aside(&self) -> Placed {
        let mut driven = self.waiting().await;
        let events = driven.saga.set_aside("a person must look".into(), driven.now).expect("possible");
        self.append(&driven, events).await;
        driven.placed()
    }

    /// Shipped, and then the process ended.
    pub(crate) async fn interrupted(&self) -> Placed {
        let mut driven = self.begin(Provider::Simulated, 60_000, Simulation::default()).await;
        while !driven.saga.has_finished("shipping") {
            self.step(&mut driven).await;
        }
        driven.placed()
    }
}
