//! Orders: what was bought, for how much, and how far it has come.
//!
//! ```text
//!   pending ──MarkOrderPaid──▶ paid ──CompleteOrder──▶ completed
//!      │                        │
//!      └──────CancelOrder───────┴──▶ failed (payment) | cancelled (anything else)
//! ```
//!
//! Never looks at a payment or a shipment: the saga tells it what happened there.

use super::{
    aggregate::{Aggregate, Decision},
    field::{CustomerRef, FieldError, FieldErrors, ItemName},
    ids::{OrderId, SagaId},
    money::{Amount, Currency, Price, Quantity},
    reason::Reason,
    saga::Outcome,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use strum::{EnumString, IntoStaticStr};

/// Most lines an order can have.
pub const MAX_LINES: usize = 100;

/// One thing that is bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What it is called.
    pub item_name: ItemName,
    /// How many.
    pub quantity: Quantity,
    /// The price of one.
    pub price: Price,
}

/// A line as a client writes it, not yet checked.
#[derive(Clone, Debug)]
pub struct LineDraft {
    /// What it is called.
    pub item_name: String,
    /// How many.
    pub quantity: i64,
    /// The price of one.
    pub price: i64,
}

/// The lines of an order and their total: at least one line, and a total that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    lines: Vec<Line>,
    total: Amount,
}

impl Basket {
    /// Checks a client's lines and adds them up. `field` gives the request's name for a line's
    /// field, so that the errors speak the client's language.
    ///
    /// # Errors
    /// Every field that cannot be accepted.
    pub fn parse(drafts: Vec<LineDraft>, field: impl Fn(usize, &str) -> String) -> Result<Self, Vec<FieldError>> {
        let mut errors = FieldErrors::default();
        if drafts.is_empty() || drafts.len() > MAX_LINES {
            errors.add("lines", format!("must have 1 to {MAX_LINES} lines, has {}", drafts.len()));
            return Err(errors.finish().err().unwrap_or_default());
        }
        let mut lines = Vec::with_capacity(drafts.len());
        let mut total = Some(Amount::ZERO);
        for (index, draft) in drafts.into_iter().enumerate() {
            let item_name = errors.check(field(index, "item_name"), ItemName::parse(draft.item_name));
            let quantity = errors.check(field(index, "quantity"), Quantity::parse(draft.quantity));
            let price = errors.check(field(index, "price"), Price::parse(draft.price));
            if let (Some(item_name), Some(quantity), Some(price)) = (item_name, quantity, price) {
                let line = Line { item_name, quantity, price };
                total = total.zip(line.amount()).and_then(|(sum, amount)| sum.checked_add(amount));
                lines.push(line);
            }
        }
        if total.is_none() {
            errors.add("lines", format!("the total exceeds {}", i64::MAX));
        }
        errors.finish()?;
        Ok(Self { lines, total: total.unwrap_or(Amount::ZERO) })
    }

    /// No lines at all: the basket of an order that was cancelled before it was created.
    pub const fn empty() -> Self {
        Self { lines: Vec::new(), total: Amount::ZERO }
    }

    /// A basket as it was stored. The audit checks that its total is the sum of its lines.
    pub const fn stored(lines: Vec<Line>, total: Amount) -> Self {
        Self { lines, total }
    }

    /// The lines in the client's order.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// What the customer pays.
    pub const fn total(&self) -> Amount {
        self.total
    }

    /// The total added up again, or `None` when it does not fit.
    pub fn sum(&self) -> Option<Amount> {
        self.lines.iter().try_fold(Amount::ZERO, |sum, line| sum.checked_add(line.amount()?))
    }
}

impl Line {
    /// Price times quantity, or `None` when it does not fit.
    pub fn amount(&self) -> Option<Amount> {
        self.price.checked_mul(self.quantity)
    }
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, IntoStaticStr, EnumString)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: OrderId,
    /// The saga that drives it.
    pub saga_id: SagaId,
    /// The client's own reference to its customer.
    pub customer_ref: Option<CustomerRef>,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What was bought.
    pub basket: Arc<Basket>,
    /// How far it has come.
    pub status: OrderStatus,
    /// Why it was unwound.
    pub reason: Option<Reason>,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// Records the order.
#[derive(Clone, Debug)]
pub struct CreateOrder {
    /// The order.
    pub order_id: OrderId,
    /// Its saga.
    pub saga_id: SagaId,
    /// The client's own reference to its customer.
    pub customer_ref: Option<CustomerRef>,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What is bought.
    pub basket: Arc<Basket>,
}

/// The money is in.
#[derive(Clone, Copy, Debug)]
pub struct MarkOrderPaid {
    /// The order.
    pub order_id: OrderId,
}

/// The goods are on their way; nothing is left to do.
#[derive(Clone, Copy, Debug)]
pub struct CompleteOrder {
    /// The order.
    pub order_id: OrderId,
}

/// Closes the order for good. Compensates [`CreateOrder`] and [`MarkOrderPaid`].
#[derive(Clone, Copy, Debug)]
pub struct CancelOrder {
    /// The order.
    pub order_id: OrderId,
    /// Its saga, for the tombstone of an order that was never created.
    pub saga_id: SagaId,
    /// Why.
    pub reason: Reason,
}

/// What the order participant can be asked.
#[derive(Clone, Debug)]
pub enum OrderCommand {
    /// Record it.
    Create(CreateOrder),
    /// The money is in.
    MarkPaid(MarkOrderPaid),
    /// Nothing is left to do.
    Complete(CompleteOrder),
    /// Close it.
    Cancel(CancelOrder),
}

impl Aggregate for Order {
    type Command = OrderCommand;
    type Answer = Outcome;
    type Movement = ();

    fn order(command: &OrderCommand) -> OrderId {
        match command {
            OrderCommand::Create(create) => create.order_id,
            OrderCommand::MarkPaid(mark) => mark.order_id,
            OrderCommand::Complete(complete) => complete.order_id,
            OrderCommand::Cancel(cancel) => cancel.order_id,
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
            OrderCommand::MarkPaid(_) => forward(row, OrderStatus::Pending, OrderStatus::Paid, now),
            OrderCommand::Complete(_) => forward(row, OrderStatus::Paid, OrderStatus::Completed, now),
            OrderCommand::Cancel(cancel) => cancel_order(row, cancel, now),
        }
    }
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
                status: OrderStatus::Pending,
                reason: None,
                created_at: now,
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
    let closed = |order: Order| Order {
        status: OrderStatus::unwound(cancel.reason),
        reason: Some(cancel.reason),
        updated_at: now,
        ..order
    };
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
                status: OrderStatus::Cancelled,
                reason: None,
                created_at: now,
                updated_at: now,
            };
            Decision::changed(closed(tombstone), Outcome::done(cancel.order_id.uuid()))
        }
    }
}
