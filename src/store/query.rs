//! What lists can be asked for.

use crate::domain::{
    field::CustomerRef,
    ids::{OrderId, ShopId},
    order::OrderStatus,
    payment::PaymentStatus,
    saga::Status,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};

/// A part of a list, newest first.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Page<Id> {
    /// Only what is older than this.
    pub before: Option<Id>,
    /// At most so many.
    pub limit: u32,
}

/// Which orders.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OrderFilter {
    /// In this status.
    pub status: Option<OrderStatus>,
    /// With something of this shop.
    pub shop_id: Option<ShopId>,
    /// Of this customer.
    pub customer_ref: Option<CustomerRef>,
    /// Placed at or after this time.
    pub created_after: Option<Timestamp>,
}

/// Which payments.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct PaymentFilter {
    /// Of this order.
    pub order_id: Option<OrderId>,
    /// In this status.
    pub status: Option<PaymentStatus>,
}

/// Which sagas.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SagaFilter {
    /// In this status.
    pub status: Option<Status>,
    /// Of this definition.
    pub definition: Option<String>,
    /// Waiting for or stuck at this step.
    pub step: Option<String>,
    /// Started before this time.
    pub created_before: Option<Timestamp>,
}
