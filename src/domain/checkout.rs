//! The checkout saga as data: its stages, its verbs, and the command each verb is for an order.
//!
//! Adding a participant means: its aggregate in a file beside this one, its verbs and its stage
//! here, a store file and an actor.

use super::{
    field::CustomerRef,
    ids::{OrderId, PaymentId, ShipmentId},
    money::Currency,
    order::{Basket, CancelOrder, CompleteOrder, CreateOrder, MarkOrderPaid, OrderCommand},
    payment::{ExpirePayment, PaymentCommand, ProcessPayment, Provider, RefundPayment, Terms},
    reason::Reason,
    saga::{Action, CancelBy, Definition, Event, Kind, Refused, RetryPolicy, Saga, Stage, Status, Step, Summary},
    shipment::{CancelShipping, Consignment, ShippingCommand, StartShipping},
    simulation::Simulation,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};

/// The checkout's verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verb {
    /// Records the order.
    CreateOrder,
    /// Closes the order.
    CancelOrder,
    /// Takes the money, or waits for it.
    ProcessPayment,
    /// Tells a waiting payment that its time is up.
    ExpirePayment,
    /// Closes the payment and gives back what came.
    RefundPayment,
    /// The money is in, the order hears.
    MarkOrderPaid,
    /// Sends the goods.
    StartShipping,
    /// Closes shipping and calls back what left.
    CancelShipping,
    /// The goods are on their way, the order hears.
    CompleteOrder,
}

impl Action for Verb {
    fn name(self) -> &'static str {
        self.into()
    }

    fn participant(self) -> &'static str {
        match self {
            Self::CreateOrder | Self::CancelOrder | Self::MarkOrderPaid | Self::CompleteOrder => "order",
            Self::ProcessPayment | Self::ExpirePayment | Self::RefundPayment => "payment",
            Self::StartShipping | Self::CancelShipping => "shipping",
        }
    }
}

/// The stage whose end means that the order is paid.
pub const PAYMENT_STAGE: &str = "payment";
/// The stage whose end means that the order exists.
pub const ORDER_STAGE: &str = "order";

/// Longest wait for a payment that a client can ask for: 30 days, in milliseconds.
pub const MAX_DEADLINE_MS: u64 = 30 * 24 * 60 * 60 * 1000;
/// Wait for a payment when the client names none: 15 minutes, in milliseconds.
pub const DEFAULT_DEADLINE_MS: u64 = 15 * 60 * 1000;

/// Before the pivot, giving up is cheap and a customer waits: six attempts in about 6 s.
const ACTION_RETRY: RetryPolicy = RetryPolicy { attempts: 6, floor_ms: 20, base_ms: 200, cap_ms: 10_000 };
/// Past the pivot and on the way back, giving up costs a person's time: 15 attempts in about 5 min.
const PERSISTENT_RETRY: RetryPolicy = RetryPolicy { attempts: 15, floor_ms: 20, base_ms: 200, cap_ms: 60_000 };

static CHECKOUT: LazyLock<Definition<Verb>> = LazyLock::new(|| {
    let step = |action, compensation, exhausted| Step {
        action,
        compensation: Some(compensation),
        on_deadline: None,
        rejectable: true,
        claimable: false,
        exhausted,
        retry: ACTION_RETRY,
    };
    let stage = |name, kind, step| Stage { name, kind, steps: vec![step] };
    Definition::build(
        "checkout",
        1,
        vec![
            stage(ORDER_STAGE, Kind::Compensatable, step(Verb::CreateOrder, Verb::CancelOrder, Reason::OrderError)),
            stage(
                PAYMENT_STAGE,
                Kind::Compensatable,
                Step {
                    on_deadline: Some(Verb::ExpirePayment),
                    claimable: true,
                    ..step(Verb::ProcessPayment, Verb::RefundPayment, Reason::PaymentError)
                },
            ),
            stage("confirm", Kind::Compensatable, step(Verb::MarkOrderPaid, Verb::CancelOrder, Reason::OrderError)),
            stage("shipping", Kind::Pivot, step(Verb::StartShipping, Verb::CancelShipping, Reason::ShippingError)),
            stage(
                "complete",
                Kind::Retriable,
                Step {
                    action: Verb::CompleteOrder,
                    compensation: None,
                    on_deadline: None,
                    rejectable: false,
                    claimable: false,
                    exhausted: Reason::OrderError,
                    retry: PERSISTENT_RETRY,
                },
            ),
        ],
        PERSISTENT_RETRY,
    )
    .expect("the built-in checkout keeps the rules of a definition, as its test proves")
});

/// The checkout's current definition.
pub fn definition() -> &'static Definition<Verb> {
    &CHECKOUT
}

/// The definition that a stored saga runs, if this release knows it.
pub fn definition_of(name: &str, version: u32) -> Option<&'static Definition<Verb>> {
    Some(definition()).filter(|known| known.name() == name && known.version() == version)
}

/// What a checkout is started with. Every id is made up front, so that a step that is sent again
/// after any crash asks for the very same thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// The order.
    pub order_id: OrderId,
    /// The id its payment gets, unless a client opens one first.
    pub payment_id: PaymentId,
    /// The id its shipment gets.
    pub shipment_id: ShipmentId,
    /// The client's own reference to its customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_ref: Option<CustomerRef>,
    /// The currency of all its amounts.
    pub currency: Currency,
    /// What is bought.
    pub basket: Arc<Basket>,
    /// Who takes the money.
    pub provider: Provider,
    /// How long to wait for it, in milliseconds.
    pub deadline_ms: u64,
    /// What the simulated participants do.
    #[serde(default, skip_serializing_if = "Simulation::is_default")]
    pub simulate: Simulation,
}

/// A checkout under way.
pub type CheckoutSaga = Saga<Verb, Arc<Checkout>>;
/// An event of a checkout's log.
pub type CheckoutEvent = Event<Verb, Arc<Checkout>>;

/// A verb as the command it is for one order.
#[derive(Clone, Debug)]
pub enum Command {
    /// For the order participant.
    Order(OrderCommand),
    /// For the payment participant.
    Payment(PaymentCommand),
    /// For the shipping participant.
    Shipping(ShippingCommand),
}

/// The command that `verb` is for this saga.
pub fn command(saga: &CheckoutSaga, verb: Verb) -> Command {
    let checkout = saga.input();
    let (order_id, saga_id) = (checkout.order_id, saga.id());
    let terms = || Terms {
        order_id,
        saga_id,
        payment_id: checkout.payment_id,
        amount: checkout.basket.total(),
        currency: checkout.currency,
        provider: checkout.provider,
        script: checkout.simulate.payment,
        deadline_ms: checkout.deadline_ms,
    };
    let goods = || Consignment {
        order_id,
        saga_id,
        shipment_id: checkout.shipment_id,
        parcels: Vec::new(),
        loose: true,
        script: checkout.simulate.shipping,
    };
    match verb {
        Verb::CreateOrder => Command::Order(OrderCommand::Create(CreateOrder {
            order_id,
            saga_id,
            customer_ref: checkout.customer_ref.clone(),
            currency: checkout.currency,
            basket: Arc::clone(&checkout.basket),
        })),
        Verb::CancelOrder => {
            let reason = saga.turned().unwrap_or(Reason::OrderError);
            Command::Order(OrderCommand::Cancel(CancelOrder { order_id, saga_id, reason }))
        }
        Verb::MarkOrderPaid => Command::Order(OrderCommand::MarkPaid(MarkOrderPaid { order_id })),
        Verb::CompleteOrder => Command::Order(OrderCommand::Complete(CompleteOrder { order_id })),
        Verb::ProcessPayment => Command::Payment(PaymentCommand::Process(ProcessPayment(terms()))),
        Verb::ExpirePayment => Command::Payment(PaymentCommand::Expire(ExpirePayment(terms()))),
        Verb::RefundPayment => Command::Payment(PaymentCommand::Refund(RefundPayment(terms()))),
        Verb::StartShipping => Command::Shipping(ShippingCommand::Start(StartShipping(goods()))),
        Verb::CancelShipping => Command::Shipping(ShippingCommand::Cancel(CancelShipping(goods()))),
    }
}

/// Whether a client can be told that its order is placed: the order exists, and its payment too, unless
/// the payment participant has no usable answer just now or the saga has turned before it was asked.
pub fn is_placed(saga: &CheckoutSaga) -> bool {
    saga.has_finished(ORDER_STAGE) && (saga.has_answer(Verb::ProcessPayment) || saga.turned().is_some())
}

/// Cancels a checkout. A customer may do so until the money is in, an operator until the pivot.
///
/// # Errors
/// As [`Saga::cancel`], and [`Refused::AlreadyPaid`].
pub fn cancel(
    saga: &mut CheckoutSaga,
    by: CancelBy,
    note: Option<String>,
    now: Timestamp,
) -> Result<Vec<CheckoutEvent>, Refused> {
    if by == CancelBy::Customer && saga.turned().is_none() && saga.has_finished(PAYMENT_STAGE) {
        return Err(Refused::AlreadyPaid);
    }
    saga.cancel(by, note, now)
}

/// What a person is told about a saga at rest; `None` while it is under way.
pub fn message(summary: &Summary) -> Option<String> {
    Some(match summary.status {
        Status::Running | Status::Waiting | Status::Compensating => return None,
        Status::Completed => "All steps completed successfully".into(),
        Status::Compensated => unwound(summary.reason).into(),
        Status::NeedsAttention => {
            format!("Needs attention: {}", summary.attention.as_deref().unwrap_or("see the saga's log"))
        }
    })
}

const fn unwound(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(Reason::PaymentDeclined | Reason::PaymentError | Reason::PaymentClosed) => {
            "Payment failed. Order has been cancelled."
        }
        Some(Reason::OutOfStock | Reason::StockClosed | Reason::StockError) => {
            "Out of stock. Order has been cancelled."
        }
        Some(Reason::PaymentExpired) => "Payment expired. Order has been cancelled.",
        Some(Reason::ShippingFailed | Reason::ShippingError | Reason::ShippingClosed) => {
            "Shipping failed. Payment refunded and order cancelled."
        }
        Some(Reason::CancelledByCustomer | Reason::CancelledByOperator) => "Order cancelled on request.",
        Some(Reason::OrderError | Reason::OrderClosed) | None => "Order failed. Order has been cancelled.",
    }
}
