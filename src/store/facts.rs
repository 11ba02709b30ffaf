//! Facts for the audit: what every owner knows of one order, side by side.

use super::{StoreError, StoredSaga};
use crate::domain::{
    ids::OrderId,
    order::Order,
    payment::{Movement, Payment},
    shipment::Shipping,
};
use futures::future::BoxFuture;

/// Everything that is stored about one order, by whoever owns it.
#[derive(Clone, Debug)]
pub struct OrderFacts {
    /// The order that the facts are about.
    pub order_id: OrderId,
    /// The order's row; `Err` says why it cannot be read.
    pub order: Option<Result<Order, String>>,
    /// Its payment.
    pub payment: Option<PaymentFacts>,
    /// Its shipments.
    pub shipping: Option<Result<Shipping, String>>,
    /// Its saga.
    pub saga: Option<SagaFacts>,
}

/// A payment and its ledger.
#[derive(Clone, Debug)]
pub struct PaymentFacts {
    /// The payment's row, where there is one.
    pub payment: Option<Result<Payment, String>>,
    /// Every movement of money for the order.
    pub movements: Vec<Movement>,
}

/// A saga as stored.
pub type SagaFacts = Result<StoredSaga, String>;

/// A database that can be audited.
pub trait FactSource: Send + Sync {
    /// Calls `visit` for every order that any owner knows of, in one consistent snapshot, in the
    /// order of their ids, holding few of them in memory at a time.
    fn visit(&self, visit: Box<dyn FnMut(OrderFacts) + Send>) -> BoxFuture<'static, Result<(), StoreError>>;
}
