//! The checkout saga as data: its stages, its verbs, and the command each verb is for an order.
//!
//! Adding a participant means: its aggregate in a file beside this one, its verbs and its stage
//! here, a store file and an actor.

mod direct;
mod edit;
mod request;
mod waiting;

pub use direct::DirectFields;
pub use edit::{Edit, Edited, MAX_EDITS, edit, edit_ended, edited};
pub use request::{CheckoutIds, NotSimulated, OrderFields, OrderRequest, Policy, ProviderRefused};
pub use waiting::{WaitingOn, explain, waiting_on};

use super::{
    field::CustomerRef,
    ids::{OrderId, PaymentId, SagaId, ShipmentId, VariantId},
    money::Currency,
    order::{
        AmendOrder, Basket, CancelOrder, CompleteOrder, CreateOrder, Line, MarkOrderPaid, OrderCommand, OrderStatus,
    },
    payment::{ExpirePayment, HoldPayment, Payer, PaymentCommand, ProcessPayment, Provider, RefundPayment, Terms},
    reason::Reason,
    saga::{
        Action, Amendment, CancelBy, Definition, Event, Kind, Receipt, Refused, RetryPolicy, Saga, Stage, Status, Step,
        Summary,
    },
    shipment::{CancelShipping, Carrier, Consignment, Content, Origin, Parcel, ShippingCommand, StartShipping},
    simulation::Simulation,
    stock::{Allotment, CommitStock, ReleaseStock, ReplaceReservation, ReserveStock, StockCommand},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, LazyLock};
use strum::VariantNames as _;

/// The checkout's verbs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::IntoStaticStr, strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Verb {
    /// Records the order.
    CreateOrder,
    /// Closes the order.
    CancelOrder,
    /// Promises the goods to the order.
    ReserveStock,
    /// Lets them leave the stock for good.
    CommitStock,
    /// Gives back what the order holds.
    ReleaseStock,
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
    /// Lets no money in as this order's until the payment is asked for again.
    HoldPayment,
    /// Promises the goods of the amended lines instead.
    ReplaceReservation,
    /// The lines have changed, the order hears.
    AmendOrder,
}

impl Action for Verb {
    fn name(self) -> &'static str {
        self.into()
    }

    fn participant(self) -> &'static str {
        match self {
            Self::CreateOrder | Self::CancelOrder | Self::AmendOrder | Self::MarkOrderPaid | Self::CompleteOrder => {
                "order"
            }
            Self::ReserveStock | Self::ReplaceReservation | Self::CommitStock | Self::ReleaseStock => STOCK,
            Self::ProcessPayment | Self::HoldPayment | Self::ExpirePayment | Self::RefundPayment => "payment",
            Self::StartShipping | Self::CancelShipping => "shipping",
        }
    }
}

/// The participant that orders of free-text lines have no use for.
const STOCK: &str = "stock";

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

static CHECKOUT: LazyLock<Checkouts> = LazyLock::new(|| {
    let step = |action, compensation, exhausted| Step {
        action,
        compensation: Some(compensation),
        on_deadline: None,
        rejectable: true,
        claimable: false,
        exhausted,
        retry: ACTION_RETRY,
    };
    let stage = |name, kind, step| Stage { name, kind, steps: vec![step], undone_with_next: false };
    let stocked = Definition::build(
        "checkout",
        1,
        vec![
            stage(ORDER_STAGE, Kind::Compensatable, step(Verb::CreateOrder, Verb::CancelOrder, Reason::OrderError)),
            // Goods go back to the shelf however long the money takes to go back to the customer.
            Stage {
                undone_with_next: true,
                ..stage(STOCK, Kind::Compensatable, step(Verb::ReserveStock, Verb::ReleaseStock, Reason::StockError))
            },
            stage(
                PAYMENT_STAGE,
                Kind::Compensatable,
                Step {
                    on_deadline: Some(Verb::ExpirePayment),
                    claimable: true,
                    ..step(Verb::ProcessPayment, Verb::RefundPayment, Reason::PaymentError)
                },
            ),
            Stage {
                name: "confirm",
                kind: Kind::Compensatable,
                steps: vec![
                    step(Verb::MarkOrderPaid, Verb::CancelOrder, Reason::OrderError),
                    step(Verb::CommitStock, Verb::ReleaseStock, Reason::StockError),
                ],
                undone_with_next: false,
            },
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
    .and_then(|stocked| stocked.amended_by(edit::amendment()));
    let unstocked = stocked.as_ref().map_err(Clone::clone).and_then(|stocked| stocked.without(STOCK));
    let checkouts = stocked.and_then(|stocked| Ok(Checkouts { stocked, unstocked: unstocked? }));
    checkouts.expect("the built-in checkout keeps the rules of a definition, as its test proves")
});

/// The checkout, and what is left of it for an order that takes nothing from a warehouse: such an order pays
/// for no step that would do nothing, until it is edited.
struct Checkouts {
    stocked: Definition<Verb>,
    unstocked: Definition<Verb>,
}

/// The checkout's current definition, with all its steps.
pub fn definition() -> &'static Definition<Verb> {
    &CHECKOUT.stocked
}

/// The part of the current definition that an order of these lines runs.
fn definition_for(basket: &Basket) -> &'static Definition<Verb> {
    if basket.is_stocked() { &CHECKOUT.stocked } else { &CHECKOUT.unstocked }
}

/// Starts the saga of a checkout: its first events, to be appended before anything else is done for it.
pub fn begin(id: SagaId, checkout: Arc<Checkout>, now: Timestamp) -> (CheckoutSaga, Vec<CheckoutEvent>) {
    Saga::begin(id, definition_for(&checkout.basket), checkout, now)
}

/// The definition that a stored saga runs, if this release knows it.
pub fn definition_of(name: &str, version: u32, checkout: &Arc<Checkout>) -> Option<&'static Definition<Verb>> {
    Some(definition_for(&checkout.basket)).filter(|known| known.name() == name && known.version() == version)
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
    /// The revision of the basket: 0 as the order was placed, then that of the amendment that it came with.
    #[serde(default, skip_serializing_if = "is_original")]
    pub revision: u32,
    /// Who takes the money.
    pub provider: Provider,
    /// How long to wait for it, in milliseconds.
    pub deadline_ms: u64,
    /// Who carries the goods.
    #[serde(default, skip_serializing_if = "Carrier::is_simulated")]
    pub carrier: Carrier,
    /// What the simulated participants do.
    #[serde(default, skip_serializing_if = "Simulation::is_default")]
    pub simulate: Simulation,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_original(revision: &u32) -> bool {
    *revision == 0
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
    /// For the stock participant.
    Stock(StockCommand),
    /// For the payment participant.
    Payment(PaymentCommand),
    /// For the shipping participant.
    Shipping(ShippingCommand),
}

/// A saga whose log does not say which warehouses give what: nothing can be sent of it but what is sent to no
/// warehouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its lines come from warehouses, but its log does not say from which: reserve_stock has left no receipt")]
pub struct MissingReceipt;

/// The command that `verb` is for this saga.
///
/// # Errors
/// What a log that was tampered with does not say. The saga must be set aside.
pub fn command(saga: &CheckoutSaga, verb: Verb) -> Result<Command, MissingReceipt> {
    let checkout = saga.input();
    let (order_id, saga_id) = (checkout.order_id, saga.id());
    let amendment = || saga.amendment().map_or((0, checkout), |latest| (latest.revision(), latest.input()));
    let terms = || Terms {
        order_id,
        saga_id,
        payment_id: checkout.payment_id,
        revision: checkout.revision,
        amendment: saga.amendment().map_or(0, Amendment::revision),
        amount: checkout.basket.total(),
        currency: checkout.currency,
        payer: Payer::of(checkout.customer_ref.as_ref()),
        provider: checkout.provider,
        script: checkout.simulate.payment,
        deadline_ms: checkout.deadline_ms,
        retries: saga.retries(),
    };
    let goods = |parcels| Consignment {
        order_id,
        saga_id: Some(saga_id),
        shipment_id: checkout.shipment_id,
        parcels,
        loose: checkout.basket.has_free_text(),
        named: Content::of_free_text(&checkout.basket, checkout.carrier),
        carrier: checkout.carrier,
        script: checkout.simulate.shipping,
        retries: saga.retries(),
    };
    Ok(match verb {
        Verb::CreateOrder => Command::Order(OrderCommand::Create(CreateOrder {
            order_id,
            saga_id: Some(saga_id),
            customer_ref: checkout.customer_ref.clone(),
            currency: checkout.currency,
            basket: Arc::clone(&checkout.basket),
        })),
        Verb::CancelOrder => {
            let reason = saga.turned().unwrap_or(Reason::OrderError);
            Command::Order(OrderCommand::Cancel(CancelOrder { order_id, saga_id: Some(saga_id), reason }))
        }
        Verb::AmendOrder => {
            let (revision, amended) = amendment();
            Command::Order(OrderCommand::Amend(AmendOrder { order_id, revision, basket: Arc::clone(&amended.basket) }))
        }
        Verb::MarkOrderPaid => Command::Order(OrderCommand::MarkPaid(MarkOrderPaid { order_id })),
        Verb::CompleteOrder => Command::Order(OrderCommand::Complete(CompleteOrder { order_id })),
        Verb::ReserveStock => Command::Stock(StockCommand::Reserve(ReserveStock {
            order_id,
            saga_id,
            revision: checkout.revision,
            demands: checkout.basket.demands(),
            script: checkout.simulate.stock,
        })),
        Verb::ReplaceReservation => {
            let (revision, amended) = amendment();
            let demands = amended.basket.demands();
            Command::Stock(StockCommand::Replace(ReplaceReservation { order_id, saga_id, revision, demands }))
        }
        Verb::CommitStock => Command::Stock(StockCommand::Commit(CommitStock { order_id })),
        Verb::ReleaseStock => Command::Stock(StockCommand::Release(ReleaseStock { order_id, saga_id })),
        Verb::ProcessPayment => Command::Payment(PaymentCommand::Process(ProcessPayment(terms()))),
        Verb::HoldPayment => Command::Payment(PaymentCommand::Hold(HoldPayment { order_id, amendment: amendment().0 })),
        Verb::ExpirePayment => Command::Payment(PaymentCommand::Expire(ExpirePayment(terms()))),
        Verb::RefundPayment => Command::Payment(PaymentCommand::Refund(RefundPayment(terms()))),
        Verb::StartShipping => {
            let parcels = parcels(saga).ok_or(MissingReceipt)?;
            Command::Shipping(ShippingCommand::Start(StartShipping(goods(parcels))))
        }
        // What was never reserved was never sent.
        Verb::CancelShipping => {
            let parcels = parcels(saga).unwrap_or_default();
            Command::Shipping(ShippingCommand::Cancel(CancelShipping(goods(parcels))))
        }
    })
}

/// What each warehouse sends, by the receipt of the reservation: a parcel for each, in the order of its first
/// allotment. `None` where there is none and should be.
fn parcels(saga: &CheckoutSaga) -> Option<Vec<Parcel>> {
    let Some(Receipt::Allotments(allotments)) = saga.receipt(Verb::ReserveStock) else {
        return (!saga.input().basket.is_stocked()).then(Vec::new);
    };
    let Checkout { basket, carrier, .. } = &**saga.input();
    let name = |variant_id: VariantId| {
        let is_it = |line: &&Line| line.stocked.as_ref().is_some_and(|stocked| stocked.variant_id == variant_id);
        basket.lines().iter().find(is_it).map(|line| line.item_name.clone())
    };
    let mut parcels: Vec<(Origin, Vec<Content>)> = Vec::new();
    for Allotment { shop_id, warehouse_id, variant_id, quantity } in allotments.iter() {
        let origin = Origin { shop_id: *shop_id, warehouse_id: *warehouse_id };
        let item_name = if carrier.is_simulated() { None } else { name(*variant_id) };
        let content = Content { variant_id: Some(*variant_id), item_name, quantity: quantity.get() };
        match parcels.iter_mut().find(|(known, _)| *known == origin) {
            Some((_, contents)) => contents.push(content),
            None => parcels.push((origin, vec![content])),
        }
    }
    Some(parcels.into_iter().map(|(origin, contents)| Parcel { origin, contents: contents.into() }).collect())
}

/// The checkout's own name of a step, where it has one of this name.
pub fn step_named(name: &str) -> Option<&'static str> {
    Verb::VARIANTS.iter().copied().find(|verb| *verb == name)
}

/// Whether the order exists: all that a client is told while nobody can ask for anything more.
pub fn has_order(saga: &CheckoutSaga) -> bool {
    saga.has_finished(ORDER_STAGE)
}

/// Whether a client can be told that its order is placed: the order exists, and its payment too, unless
/// the stock or the payment participant has no usable answer just now or the saga has turned before the
/// payment was asked for.
pub fn is_placed(saga: &CheckoutSaga) -> bool {
    let has_tried = || saga.has_answer(Verb::ProcessPayment) || saga.is_tried_again(Verb::ReserveStock);
    has_order(saga) && (has_tried() || saga.turned().is_some())
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

/// Why an order is not cancelled by its customer whose saga has been removed since it ended: what the saga would
/// say. `None` for an order that is not at its end.
pub fn cancel_ended(order: OrderStatus) -> Option<Refused> {
    match order {
        OrderStatus::Completed => Some(Refused::AlreadyPaid),
        OrderStatus::Failed | OrderStatus::Cancelled => Some(Refused::Ended(Status::Compensated.as_str())),
        OrderStatus::Pending | OrderStatus::Paid => None,
    }
}

/// What a person is told about a saga at rest; `None` while it is under way.
pub fn message(summary: &Summary) -> Option<String> {
    Some(match summary.status {
        Status::Running | Status::Waiting | Status::Compensating => return None,
        Status::Completed => "All steps completed successfully".into(),
        Status::Compensated => unwound(summary.reason).into(),
        Status::NeedsAttention => {
            let why = summary.attention.as_deref().unwrap_or("see the saga's log").trim_end_matches('.');
            format!("Needs attention: {why}. {}", waiting::advice(summary.waiting_for))
        }
    })
}

/// What a person is told of an order that was unwound for this reason.
pub const fn unwound(reason: Option<Reason>) -> &'static str {
    match reason {
        Some(
            Reason::PaymentDeclined
            | Reason::PaymentError
            | Reason::PaymentClosed
            | Reason::PaymentAlreadyPaid
            | Reason::PaymentUnderWay
            | Reason::RefundRefused
            | Reason::PaymentSuperseded,
        ) => "Payment failed. Order has been cancelled.",
        Some(Reason::PaymentExpired) => "Payment expired. Order has been cancelled.",
        Some(Reason::ShippingFailed | Reason::ShippingError | Reason::ShippingClosed | Reason::RecallRefused) => {
            "Shipping failed. Payment refunded and order cancelled."
        }
        Some(Reason::OutOfStock) => "Out of stock. Order has been cancelled.",
        Some(Reason::CancelledByCustomer | Reason::CancelledByOperator) => "Order cancelled on request.",
        Some(
            Reason::OrderError
            | Reason::OrderClosed
            | Reason::OrderUnpaid
            | Reason::StockError
            | Reason::StockClosed
            | Reason::GoodsDispatched,
        )
        | None => "Order failed. Order has been cancelled.",
    }
}
