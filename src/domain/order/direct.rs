//! Direct orders: those that their client drives itself, step by step, without a saga.
//!
//! ```text
//!              goods: kept ──Dispatch──▶ dispatched ──Return──▶ returned
//!                      │                                            │
//!   pending ──▶ paid ──┴─CancelPaid (kept)        CancelPaid (returned)──▶ cancelled
//!      └─CancelUnpaid──▶ cancelled
//! ```
//!
//! The order's row is the arbiter between payment and shipping, which never hear of each other: money goes back only
//! for goods that have not left or are back, and goods leave only for money that stays. Goods leave once and come back
//! once, so that a command that arrives late, or twice, finds its time over and changes nothing.

use super::{Order, OrderStatus};
use crate::domain::{
    aggregate::Decision,
    ids::{OrderId, SagaId},
    reason::Reason,
    saga::Outcome,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// Where the goods of a direct order are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Goods {
    /// They never left.
    #[default]
    Kept,
    /// They have left, or are about to.
    Dispatched,
    /// They were called back, or the carrier did not take them: they will not leave again.
    Returned,
}

impl Goods {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// As it is stored: nothing for goods that never left, as a saga's never do as far as its order knows.
    pub fn stored(self) -> Option<Self> {
        Some(self).filter(|goods| *goods != Self::Kept)
    }
}

/// A client closes its order before any money came.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CancelUnpaidOrder {
    /// The order.
    pub order_id: OrderId,
}

/// The payment wants to give the order's money back, and closes the order for that.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CancelPaidOrder {
    /// The order.
    pub order_id: OrderId,
    /// Where its goods were when that was asked for: refused where they are not there any more.
    pub goods: Goods,
}

/// Shipping wants to send the order's goods.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct DispatchOrder {
    /// The order.
    pub order_id: OrderId,
}

/// The order's goods did not leave, or are back, and will not leave again.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReturnOrder {
    /// The order.
    pub order_id: OrderId,
}

/// Why a client cannot do with an order what it wants. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDirect {
    /// A saga drives it.
    #[error("the order is driven by saga {0}; cancel that, or let it go on")]
    HasSaga(SagaId),
    /// Its client drives it.
    #[error("the order has no saga: its client drives it, over gRPC (CreateOrder, ProcessPayment, StartShipping)")]
    HasNoSaga,
    /// Its money is not in.
    #[error("the order is not paid; call ProcessPayment first")]
    Unpaid,
    /// Its money is in, and must go back first.
    #[error("the order is paid; give its money back with RefundPayment, which cancels it")]
    Paid,
    /// Its goods are out, and must come back first.
    #[error("the order's goods are on their way; call them back with CancelShipping first")]
    Dispatched,
    /// Its goods are out, and the carrier leaves them there.
    #[error("the carrier will not call the goods back; it is asked again every 30 s")]
    RecallRefused,
    /// It was unwound.
    #[error("the order is closed")]
    Closed,
}

impl Order {
    /// Refuses to have a saga's order moved by anybody else.
    ///
    /// # Errors
    /// It has one.
    pub fn check_direct(&self) -> Result<(), NotDirect> {
        self.saga_id.map_or(Ok(()), |saga| Err(NotDirect::HasSaga(saga)))
    }

    /// Whether its goods can be sent as it stands.
    ///
    /// # Errors
    /// It has a saga, is not paid, or closed.
    pub fn check_shippable(&self) -> Result<(), NotDirect> {
        self.check_direct()?;
        match self.status {
            OrderStatus::Paid | OrderStatus::Completed => Ok(()),
            OrderStatus::Pending => Err(NotDirect::Unpaid),
            OrderStatus::Failed | OrderStatus::Cancelled => Err(NotDirect::Closed),
        }
    }
}

/// What becomes of a direct order; nothing where it is so already.
type Wish = Result<Option<Order>, Reason>;

/// Does with a direct order what is wished.
pub(super) fn decide(row: Option<&Order>, wish: impl FnOnce(&Order) -> Wish, now: Timestamp) -> Decision<Order> {
    let Some(order) = row.filter(|order| order.saga_id.is_none()) else {
        return Decision::unchanged(Outcome::rejected(Reason::OrderClosed));
    };
    let done = Outcome::done(order.id.uuid());
    match wish(order) {
        Ok(Some(changed)) => Decision::changed(Order { updated_at: now, ..changed }, done),
        Ok(None) => Decision::unchanged(done),
        Err(reason) => Decision::unchanged(Outcome::rejected(reason)),
    }
}

pub(super) fn cancel_unpaid(order: &Order) -> Wish {
    match order.status {
        OrderStatus::Pending => Ok(Some(order.clone().closed(Reason::CancelledByCustomer))),
        OrderStatus::Paid | OrderStatus::Completed => Err(Reason::PaymentAlreadyPaid),
        OrderStatus::Failed | OrderStatus::Cancelled => Ok(None),
    }
}

pub(super) fn cancel_paid(order: &Order, goods: Goods) -> Wish {
    match order.status {
        OrderStatus::Failed | OrderStatus::Cancelled => Ok(None),
        _ if order.goods != goods || goods == Goods::Dispatched => Err(Reason::GoodsDispatched),
        _ => Ok(Some(order.clone().closed(Reason::CancelledByCustomer))),
    }
}

pub(super) fn dispatch(order: &Order) -> Wish {
    match (order.status, order.goods) {
        (OrderStatus::Failed | OrderStatus::Cancelled, _) => Err(Reason::OrderClosed),
        (OrderStatus::Pending, _) => Err(Reason::OrderUnpaid),
        (_, Goods::Returned) => Err(Reason::ShippingClosed),
        (_, Goods::Dispatched) => Ok(None),
        (_, Goods::Kept) => Ok(Some(Order { goods: Goods::Dispatched, ..order.clone() })),
    }
}

/// A completed order is a paid one again.
#[expect(clippy::unnecessary_wraps, reason = "a wish like the others")]
pub(super) fn give_back(order: &Order) -> Wish {
    if order.goods == Goods::Returned || order.status.is_closed() {
        return Ok(None);
    }
    let status = if order.status == OrderStatus::Completed { OrderStatus::Paid } else { order.status };
    Ok(Some(Order { status, goods: Goods::Returned, ..order.clone() }))
}
