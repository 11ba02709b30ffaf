//! Orders: what was bought, for how much, and how far it has come.
//!
//! ```text
//!   pending ──MarkOrderPaid──▶ paid ──CompleteOrder──▶ completed
//!      │                        │
//!      └──────CancelOrder───────┴──▶ failed (payment) | cancelled (anything else)
//! ```
//!
//! Until it is paid its lines can become others ([`AmendOrder`]): another revision.
//!
//! Never looks at a payment or a shipment: the saga tells it what happened there. Where its client drives it without a
//! saga (a direct order), payment and shipping tell it themselves.

mod basket;
mod direct;
mod lines;

pub use basket::{Basket, Draft, Line, LineDraft, LinesRefused, MAX_LINES, OfferDraft, ShopOrder, Stocked};
pub use direct::{CancelPaidOrder, CancelUnpaidOrder, DispatchOrder, Goods, NotDirect, ReturnOrder};
pub use lines::{LineFields, LinesFields, LinesRequest};

use super::{
    aggregate::{Aggregate, Decision},
    field::CustomerRef,
    ids::{OrderId, SagaId},
    money::Currency,
    reason::Reason,
    saga::Outcome,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use strum::{EnumString, IntoStaticStr};

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum OrderStatus {
    /// Placed, not paid.
    Pending,
    /// The money is in.
    Paid,
    /// Shipped: nothing is left to do.
    Completed,
    /// Unwound because of its payment.
    Failed,
    /// Unwound for any other reason.
    Cancelled,
}

impl OrderStatus {
    /// The status's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether its compensation has closed it for good.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled)
    }

    /// The status that an order unwound for `reason` ends in.
    pub const fn unwound(reason: Reason) -> Self {
        match reason {
            Reason::PaymentDeclined | Reason::PaymentExpired => Self::Failed,
            _ => Self::Cancelled,
        }
    }
}

/// An order as it is stored: the order participant's barrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The saga that drives it; `None` for a direct order, which its client drives.
    pub saga_id: Option<SagaId>,
    /// The client's own reference to its customer.
    pub customer_ref: Option<CustomerRef>,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What was bought; nothing is known of that in a direct order without lines.
    pub basket: Arc<Basket>,
    /// The revision of its lines: 0 as they were placed, then that of the saga's latest amendment.
    pub revision: u32,
    /// How far it has come.
    pub status: OrderStatus,
    /// Why it was unwound.
    pub reason: Option<Reason>,
    /// Where the goods of a direct order are; a saga knows that itself.
    pub goods: Goods,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Records the order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CreateOrder {
    /// The order.
    pub order_id: OrderId,
    /// Its saga, unless its client drives it.
    pub saga_id: Option<SagaId>,
    /// The client's own reference to its customer.
    pub customer_ref: Option<CustomerRef>,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What is bought.
    pub basket: Arc<Basket>,
}

/// The lines of an unpaid order become others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AmendOrder {
    /// The order.
    pub order_id: OrderId,
    /// The new lines' revision, higher than that of the old ones.
    pub revision: u32,
    /// What is bought now.
    pub basket: Arc<Basket>,
}

/// The money is in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MarkOrderPaid {
    /// The order.
    pub order_id: OrderId,
}

/// The goods are on their way; nothing is left to do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CompleteOrder {
    /// The order.
    pub order_id: OrderId,
}

/// Closes the order for good. Compensates [`CreateOrder`] and [`MarkOrderPaid`].
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CancelOrder {
    /// The order.
    pub order_id: OrderId,
    /// Its saga, for the tombstone of an order that was never created.
    pub saga_id: Option<SagaId>,
    /// Why.
    pub reason: Reason,
}

/// What the order participant can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum OrderCommand {
    /// Record it.
    Create(CreateOrder),
    /// Its lines become others.
    Amend(AmendOrder),
    /// The money is in.
    MarkPaid(MarkOrderPaid),
    /// Nothing is left to do.
    Complete(CompleteOrder),
    /// Close it.
    Cancel(CancelOrder),
    /// Of a direct order: its client closes it, unpaid.
    CancelUnpaid(CancelUnpaidOrder),
    /// Of a direct order: its money goes back.
    CancelPaid(CancelPaidOrder),
    /// Of a direct order: its goods are about to leave.
    Dispatch(DispatchOrder),
    /// Of a direct order: its goods never left, or are back.
    Return(ReturnOrder),
}

impl Aggregate for Order {
    type Command = OrderCommand;
    type Answer = Outcome;
    type Movement = ();

    fn order(command: &OrderCommand) -> OrderId {
        match command {
            OrderCommand::Create(create) => create.order_id,
            OrderCommand::Amend(amend) => amend.order_id,
            OrderCommand::MarkPaid(mark) => mark.order_id,
            OrderCommand::Complete(complete) => complete.order_id,
            OrderCommand::Cancel(cancel) => cancel.order_id,
            OrderCommand::CancelUnpaid(CancelUnpaidOrder { order_id })
            | OrderCommand::CancelPaid(CancelPaidOrder { order_id, .. })
            | OrderCommand::Dispatch(DispatchOrder { order_id })
            | OrderCommand::Return(ReturnOrder { order_id }) => *order_id,
        }
    }

    fn begins(command: &OrderCommand) -> bool {
        matches!(command, OrderCommand::Create(_))
    }

    fn outcome(answer: Outcome) -> Outcome {
        answer
    }

    fn decide(row: Option<&Self>, command: &OrderCommand, now: Timestamp) -> Decision<Self> {
        match command {
            OrderCommand::Create(create) => create_order(row, create, now),
            OrderCommand::Amend(amend) => amend_order(row, amend, now),
            OrderCommand::MarkPaid(_) => forward(row, OrderStatus::Pending, OrderStatus::Paid, now),
            OrderCommand::Complete(_) if row.is_some_and(|order| order.goods == Goods::Returned) => {
                Decision::unchanged(Outcome::rejected(Reason::ShippingClosed))
            }
            OrderCommand::Complete(_) => forward(row, OrderStatus::Paid, OrderStatus::Completed, now),
            OrderCommand::Cancel(cancel) => cancel_order(row, cancel, now),
            OrderCommand::CancelUnpaid(_) => direct::decide(row, direct::cancel_unpaid, now),
            OrderCommand::CancelPaid(cancel) => {
                direct::decide(row, |order| direct::cancel_paid(order, cancel.goods), now)
            }
            OrderCommand::Dispatch(_) => direct::decide(row, direct::dispatch, now),
            OrderCommand::Return(_) => direct::decide(row, direct::give_back, now),
        }
    }
}

impl Order {
    /// The order, unwound.
    fn closed(self, reason: Reason) -> Self {
        Self { status: OrderStatus::unwound(reason), reason: Some(reason), ..self }
    }
}

/// When an order counts as placed: when it is recorded. One that is recorded long after its id was made, because its
/// owner was away, or by a clock that goes wrong, counts as placed when its id was made: then it is found by time
/// where its id is.
pub fn placed_at(id: OrderId, now: Timestamp) -> Timestamp {
    let is_far = |made: &Timestamp| now.millis().abs_diff(made.millis()) > OrderId::DRIFT_MS;
    id.made_at().filter(is_far).unwrap_or(now)
}

fn create_order(row: Option<&Order>, create: &CreateOrder, now: Timestamp) -> Decision<Order> {
    match row {
        None => Decision::changed(
            Order {
                id: create.order_id,
                saga_id: create.saga_id,
                customer_ref: create.customer_ref.clone(),
                currency: create.currency,
                basket: Arc::clone(&create.basket),
                revision: 0,
                status: OrderStatus::Pending,
                reason: None,
                goods: Goods::Kept,
                created_at: placed_at(create.order_id, now),
                updated_at: now,
            },
            Outcome::done(create.order_id.uuid()),
        ),
        Some(order) if order.status.is_closed() || order.saga_id != create.saga_id => {
            Decision::unchanged(Outcome::rejected(Reason::OrderClosed))
        }
        Some(order) => Decision::unchanged(Outcome::done(order.id.uuid())),
    }
}

/// A revision that is not newer has been taken in before, or comes late, when nobody waits for its answer.
fn amend_order(row: Option<&Order>, amend: &AmendOrder, now: Timestamp) -> Decision<Order> {
    match row {
        Some(order) if !order.status.is_closed() && order.revision >= amend.revision => {
            Decision::unchanged(Outcome::done(order.id.uuid()))
        }
        Some(order) if order.status == OrderStatus::Pending => {
            let basket = Arc::clone(&amend.basket);
            let amended = Order { basket, revision: amend.revision, updated_at: now, ..order.clone() };
            Decision::changed(amended, Outcome::done(order.id.uuid()))
        }
        _ => Decision::unchanged(Outcome::rejected(Reason::OrderClosed)),
    }
}

/// Moves an order from one status to the next; done already where it is there or further.
fn forward(row: Option<&Order>, from: OrderStatus, to: OrderStatus, now: Timestamp) -> Decision<Order> {
    match row {
        Some(order) if order.status == from => {
            Decision::changed(Order { status: to, updated_at: now, ..order.clone() }, Outcome::done(order.id.uuid()))
        }
        Some(order) if order.status == to || order.status == OrderStatus::Completed => {
            Decision::unchanged(Outcome::done(order.id.uuid()))
        }
        _ => Decision::unchanged(Outcome::rejected(Reason::OrderClosed)),
    }
}

fn cancel_order(row: Option<&Order>, cancel: &CancelOrder, now: Timestamp) -> Decision<Order> {
    let closed = |order: Order| Order { updated_at: now, ..order.closed(cancel.reason) };
    match row {
        Some(order) if order.status.is_closed() => Decision::unchanged(Outcome::done(order.id.uuid())),
        Some(order) if order.status == OrderStatus::Completed => {
            Decision::unchanged(Outcome::rejected(Reason::OrderClosed))
        }
        Some(order) => Decision::changed(closed(order.clone()), Outcome::done(order.id.uuid())),
        None => {
            let tombstone = Order {
                id: cancel.order_id,
                saga_id: cancel.saga_id,
                customer_ref: None,
                currency: Currency::default(),
                basket: Arc::new(Basket::empty()),
                revision: 0,
                status: OrderStatus::Cancelled,
                reason: None,
                goods: Goods::Kept,
                created_at: placed_at(cancel.order_id, now),
                updated_at: now,
            };
            Decision::changed(closed(tombstone), Outcome::done(cancel.order_id.uuid()))
        }
    }
}
