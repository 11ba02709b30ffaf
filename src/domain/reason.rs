//! Why a step was refused and an order unwound: one closed list, the same in code, API and database.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// A business reason. Shown as `reason` on orders, payments, shipments and sagas.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    IntoStaticStr,
    EnumString,
    strum::Display,
    strum::EnumIter,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// The order could not be recorded after every attempt.
    OrderError,
    /// The order is closed: its compensation came first.
    OrderClosed,
    /// The order's money is not in.
    OrderUnpaid,
    /// There are not as many pieces as the order wants.
    OutOfStock,
    /// Stock is closed for the order: its compensation came first.
    StockClosed,
    /// Stock gave no usable answer after every attempt.
    StockError,
    /// The payment provider said no.
    PaymentDeclined,
    /// No money came before the deadline.
    PaymentExpired,
    /// The payment gave no usable answer after every attempt.
    PaymentError,
    /// The payment is closed: its compensation came first.
    PaymentClosed,
    /// The money is in.
    PaymentAlreadyPaid,
    /// The provider is being asked for the money.
    PaymentUnderWay,
    /// The provider will not give the money back.
    RefundRefused,
    /// The order was edited, and has another payment.
    PaymentSuperseded,
    /// The carrier said no.
    ShippingFailed,
    /// Shipping gave no usable answer after every attempt.
    ShippingError,
    /// Shipping is closed: its compensation came first.
    ShippingClosed,
    /// The carrier will not call the goods back.
    RecallRefused,
    /// The goods are on their way, or may be.
    GoodsDispatched,
    /// The customer cancelled the order.
    CancelledByCustomer,
    /// An operator cancelled the saga.
    CancelledByOperator,
}

impl Reason {
    /// The reason's stable name, e.g. `payment_declined`.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}
