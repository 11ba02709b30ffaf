//! Facts for the audit: what every owner knows of one order, side by side, and what the stock knows of one
//! shelf.
//!
//! ```text
//!   each owner's rows, in a backend's snapshot, by order ──▶ put together ──▶ one order's facts after the other
//!   each database's facts, by order ──▶ merged ──▶ steady: what two passes tell alike
//! ```
//!
//! A backend reads rows; how they are put together is the same for all.

mod cursor;
mod feed;
mod merged;
mod orders;
mod shelves;
mod steady;
mod tables;

pub use merged::merged;
pub(in crate::store) use orders::OrderRows;
pub(in crate::store) use shelves::{ShelfRows, nowhere};
pub use steady::steady;
pub use tables::{CATALOGUE, KEYS, STRETCHES, TABLE_RULE_NAMES, TableFacts, WORDS};
pub(in crate::store) use tables::{table_rules, told};

use super::{StoreError, StoredSaga, Visit, Watermark};
use crate::{
    domain::{
        ids::{OrderId, ShopId},
        order::Order,
        payment::{Movement, Payments},
        shipment::Shipping,
        stock::{self, Level, Reservation, Shelf},
    },
    role::{Role, Roles},
};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::thread;
use tokio::sync::oneshot;

/// A row, or why it cannot be read.
pub(in crate::store) type Readable<T> = Result<T, String>;

/// Rows, one after the other; an error ends the pass.
pub(in crate::store) type Rows<'s, T, E> = Box<dyn Iterator<Item = Result<T, E>> + 's>;

/// Rows with the key that they go by.
pub(in crate::store) type Keyed<'s, K, T, E> = Rows<'s, (K, Readable<T>), E>;

/// Everything that is stored about one order, by whoever owns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFacts {
    /// The order that the facts are about.
    pub order_id: OrderId,
    /// The order's row; `Err` says why it cannot be read.
    pub order: Option<Result<Order, String>>,
    /// The shops in whose lists the order is; where the order is a direct one, or has gone, there may be none.
    pub shops: Vec<ShopId>,
    /// Its payments.
    pub payment: Option<PaymentFacts>,
    /// Its shipments.
    pub shipping: Option<Result<Shipping, String>>,
    /// Its stock.
    pub stock: Option<StockFacts>,
    /// Its saga.
    pub saga: Option<SagaFacts>,
    /// Which sagas have been removed, in the same snapshot; none where there have been none.
    pub removed: Option<Watermark>,
}

impl OrderFacts {
    /// Of an order of which nothing is known.
    pub const fn nothing_of(order_id: OrderId) -> Self {
        let shops = Vec::new();
        Self { order_id, order: None, shops, payment: None, shipping: None, stock: None, saga: None, removed: None }
    }

    /// What the owner of one role has stored of it; `None` where that is nothing.
    pub fn only(self, role: Role) -> Option<Self> {
        let Self { order_id, order, shops, payment, shipping, stock, saga, removed } = self;
        let nothing = Self { removed, ..Self::nothing_of(order_id) };
        match role {
            Role::Order => (order.is_some() || !shops.is_empty()).then_some(Self { order, shops, ..nothing }),
            Role::Stock => stock.map(|stock| Self { stock: Some(stock), ..nothing }),
            Role::Payment => payment.map(|payment| Self { payment: Some(payment), ..nothing }),
            Role::Shipping => shipping.map(|shipping| Self { shipping: Some(shipping), ..nothing }),
            Role::Coordinator => saga.map(|saga| Self { saga: Some(saga), ..nothing }),
        }
    }
}

/// A reservation and what was moved for its order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockFacts {
    /// The reservation's row, where there is one.
    pub reservation: Option<Result<Reservation, String>>,
    /// Every movement of stock for the order.
    pub movements: Vec<stock::Movement>,
}

/// Everything that is stored about one variant in one warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShelfFacts {
    /// The shelf that the facts are about.
    pub shelf: Shelf,
    /// The level's row; `Err` says why it cannot be read.
    pub level: Option<Result<Level, String>>,
    /// What its movements add up to, on hand and reserved; `Err` says why one cannot be read.
    pub moved: Result<(i64, i64), String>,
    /// What open reservations hold of it.
    pub promised: i64,
}

/// An order's payments and their ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentFacts {
    /// The payments' rows, where there are some.
    pub payments: Option<Result<Payments, String>>,
    /// Every movement of money for the order.
    pub movements: Vec<Movement>,
}

/// A saga as stored.
pub type SagaFacts = Result<StoredSaga, String>;

/// What a pass over all orders has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Which sagas have been removed, as each order's facts say, too: there may be no order left that does.
    pub removed: Option<Watermark>,
    /// Orders that were left out, because somebody was at them and what is known of them is not of one moment.
    pub left_out: u64,
}

impl From<Option<Watermark>> for Passed {
    /// A pass that has left nothing out.
    fn from(removed: Option<Watermark>) -> Self {
        Self { removed, left_out: 0 }
    }
}

/// A database that can be audited.
pub trait FactSource: Send + Sync {
    /// Calls `visit` for every order that any owner knows of, in one consistent snapshot, in the
    /// order of their ids, holding few of them in memory at a time, until it has seen enough; it may block.
    fn visit(&self, visit: Visit<OrderFacts>) -> BoxFuture<'static, Result<Passed, StoreError>>;
    /// Calls `visit` for every shelf that a level, a movement or an open reservation names, in one consistent
    /// snapshot, in their order. In memory are what the movements of each shelf add up to, and what open
    /// reservations hold.
    fn visit_shelves(&self, visit: Visit<ShelfFacts>) -> BoxFuture<'static, Result<(), StoreError>>;
    /// What the rules about whole tables find in those of these roles that are here, in one consistent snapshot.
    fn judge_tables(&self, of: Roles) -> BoxFuture<'static, Result<Vec<TableFacts>, StoreError>>;
}

/// Runs a pass to its end, on a thread of its own.
pub(in crate::store) fn on_a_thread<T: Send + 'static>(
    pass: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> BoxFuture<'static, Result<T, StoreError>> {
    let (reply, done) = oneshot::channel();
    let spawned = thread::Builder::new().name("store-facts".into()).spawn(move || {
        let _ = reply.send(pass());
    });
    Box::pin(async move {
        spawned.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        done.await.unwrap_or_else(|_| Err(panicked()))
    })
}

fn panicked() -> StoreError {
    StoreError::Poisoned("reading the facts panicked".into())
}
