//! Shipments: the goods on their way, or called back.
//!
//! ```text
//!   requested ──▶ shipped ──CancelShipping──▶ cancelled
//!       └──── carrier says no, or CancelShipping ──▲
//! ```
//!
//! An order has one shipment for each warehouse that serves it; free-text lines go together in one of their
//! own. All of them are the shipping participant's barrier together: they are sent, or called back, as one.
//!
//! The shipment of a direct order, which no saga drives, calls its order as it calls the carrier: it asks before the
//! goods leave, and tells when they are on their way or will not be. One call follows the other, each committed with
//! what led to it:
//!
//! ```text
//!   StartShipping ─▶ dispatch_order ─┬─ done ─▶ dispatch ─┬─ done ─▶ shipped, complete_order
//!                                    │                    └─ refused ─▶ cancelled, return_order
//!                                    └─ order closed ─▶ cancelled, return_order
//!   CancelShipping ─▶ cancelled, recall ─▶ return_order
//! ```
//!
//! A cancelled shipment whose `call` is still open is closed for the order, but its compensation is
//! done only when the carrier's answer is known: goods that went out after all are called back.

mod carrier;
mod decide;
mod report;

pub use carrier::Carrier;
pub use report::{ReportShipment, ShipmentRefusal, ShipmentReport};

use super::{
    aggregate::{Aftermath, Aggregate, Decision, Errand, Outgoing},
    call::Trouble,
    field::ItemName,
    ids::{OrderId, SagaId, ShipmentId, ShopId, VariantId, WarehouseId},
    order::{Basket, CompleteOrder, DispatchOrder, Line, OrderCommand, ReturnOrder},
    reason::Reason,
    reference::Reference,
    saga::Outcome,
    simulation::{CallAnswer, Script},
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use strum::{EnumString, IntoStaticStr};

/// Where a shipment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ShipmentStatus {
    /// The carrier has not answered yet; not shown to clients.
    Requested,
    /// On its way.
    Shipped,
    /// Never left, or was called back.
    Cancelled,
}

impl ShipmentStatus {
    /// The status's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// A call that is committed as requested and whose answer is not yet known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ShipmentCall {
    /// The carrier: send the goods.
    Dispatch,
    /// The carrier: call them back.
    Recall,
    /// The carrier, which has refused that: call them back.
    RecallAgain,
    /// A direct order: the goods are about to leave.
    DispatchOrder,
    /// A direct order: they are on their way.
    CompleteOrder,
    /// A direct order: they never left, or are back.
    ReturnOrder,
}

/// A call to a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum CarrierCall {
    /// Send the goods.
    Dispatch,
    /// Call them back.
    Recall,
}

impl CarrierCall {
    /// The call's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

impl ShipmentCall {
    /// The call's stable name.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Where a shipment leaves from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Whose goods it carries.
    pub shop_id: ShopId,
    /// Where they are.
    pub warehouse_id: WarehouseId,
}

/// Pieces of one thing in a shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What, where a warehouse has it; `None` for what only its name tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant_id: Option<VariantId>,
    /// What it is called, where its carrier is to know that: the simulation is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item_name: Option<ItemName>,
    /// How many.
    pub quantity: i64,
}

impl Content {
    /// What an order has of free text, as its carrier is told of it.
    pub fn of_free_text(basket: &Basket, carrier: Carrier) -> Vec<Self> {
        if carrier.is_simulated() {
            return Vec::new();
        }
        let lines = basket.lines().iter().filter(|line| line.stocked.is_none());
        let content = |line: &Line| Self {
            variant_id: None,
            item_name: Some(line.item_name.clone()),
            quantity: line.quantity.get(),
        };
        lines.map(content).collect()
    }
}

/// A shipment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Its id, and the idempotency key of every call to the carrier.
    pub id: ShipmentId,
    /// The order whose goods it carries.
    pub order_id: OrderId,
    /// The saga to signal; `None` for a direct order, which it tells itself how it went.
    pub saga_id: Option<SagaId>,
    /// Where it leaves from; `None` for free-text lines.
    pub origin: Option<Origin>,
    /// What is in it; empty for free-text lines that the simulation carries.
    pub contents: Arc<[Content]>,
    /// Who carries it.
    pub carrier: Carrier,
    /// What the simulated carrier does with it.
    pub script: Script,
    /// What its carrier calls it, where that has said so.
    pub reference: Option<Reference>,
    /// Where it stands.
    pub status: ShipmentStatus,
    /// Why it was cancelled.
    pub reason: Option<Reason>,
    /// What the customer follows it by.
    pub tracking_number: Option<String>,
    /// The call whose answer is not yet known.
    pub call: Option<ShipmentCall>,
    /// Attempts of that call, or of deciding a simulated one, so far.
    pub attempts: u32,
    /// Why that call is not answered yet, where it has been made in vain.
    pub trouble: Option<Box<Trouble>>,
    /// How many of its saga's retries it has heard of.
    pub retries: u32,
    /// When it was requested.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Shipment {
    /// Whether clients see it.
    pub fn is_shown(&self) -> bool {
        self.status != ShipmentStatus::Requested || !self.carrier.is_simulated()
    }

    /// Whether its carrier will not call the goods back, though it is asked again and again.
    pub fn refuses_recall(&self) -> bool {
        self.call == Some(ShipmentCall::RecallAgain)
    }

    /// Where a call of it goes.
    pub const fn errand(&self, call: ShipmentCall) -> Errand<CarrierCall> {
        let order_id = self.order_id;
        Errand::Order(match call {
            ShipmentCall::Dispatch => return Errand::Outside(CarrierCall::Dispatch),
            ShipmentCall::Recall | ShipmentCall::RecallAgain => return Errand::Outside(CarrierCall::Recall),
            ShipmentCall::DispatchOrder => OrderCommand::Dispatch(DispatchOrder { order_id }),
            ShipmentCall::CompleteOrder => OrderCommand::Complete(CompleteOrder { order_id }),
            ShipmentCall::ReturnOrder => OrderCommand::Return(ReturnOrder { order_id }),
        })
    }
}

/// An order's shipments, at least one, as they are stored: the shipping participant's barrier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipping(Vec<Shipment>);

/// What goes out of one warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Where it leaves from.
    pub origin: Origin,
    /// What is in it.
    pub contents: Arc<[Content]>,
}

/// What a saga knows of its shipments; the same in every command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consignment {
    /// The order.
    pub order_id: OrderId,
    /// Its saga, unless its client drives it.
    pub saga_id: Option<SagaId>,
    /// The id the first shipment gets; the others' follow from it.
    pub shipment_id: ShipmentId,
    /// What leaves from warehouses, one shipment each.
    pub parcels: Vec<Parcel>,
    /// Whether there are free-text lines, which have a shipment of their own.
    pub loose: bool,
    /// What is in that one, where its carrier is told.
    #[serde(default)]
    pub named: Vec<Content>,
    /// Who carries them.
    pub carrier: Carrier,
    /// What the simulated carrier does.
    pub script: Script,
    /// How often an operator has asked for the saga to be tried again.
    pub retries: u32,
}

/// Sends the goods.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StartShipping(pub Consignment);

/// Closes shipping for the order for good and calls back what left. Compensates [`StartShipping`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CancelShipping(pub Consignment);

/// The answer to a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordCarrierCall {
    /// The order.
    pub order_id: OrderId,
    /// The place of its shipment among the order's, from 0.
    pub part: usize,
    /// Which call.
    pub call: ShipmentCall,
    /// How many unusable answers it had had when it was made: another unusable one counts only as the next.
    pub attempts: u32,
    /// What it came to.
    pub answer: CallAnswer,
}

/// What the shipping participant can be asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum ShippingCommand {
    /// Send the goods.
    Start(StartShipping),
    /// Close shipping and call them back.
    Cancel(CancelShipping),
    /// The carrier, or the order, answered.
    Record(RecordCarrierCall),
    /// Somebody reports what became of one.
    Report(ReportShipment),
}

/// What a shipping command is answered.
#[derive(Clone, Debug)]
pub struct ShippingAnswer {
    /// The saga's side: the step's outcome.
    pub outcome: Outcome,
    /// The shipments as they are now.
    pub shipping: Option<Shipping>,
    /// The shipments, by their place, whose call is to be made now.
    pub requested: Vec<usize>,
    /// A saga that waits for them and should ask again.
    pub signal: Option<SagaId>,
}

impl Shipping {
    /// The shipping of an order as it was stored: its first shipment, to be extended by the others.
    pub fn of(first: Shipment) -> Self {
        Self(vec![first])
    }

    /// Adds further shipments of the same order.
    pub fn extend(&mut self, further: Self) {
        self.0.extend(further.0);
    }

    /// The shipments, at least one.
    pub fn shipments(&self) -> &[Shipment] {
        &self.0
    }

    /// The first one, which an order of free-text lines has alone.
    pub fn first(&self) -> &Shipment {
        &self.0[0]
    }

    /// As [`Self::first`], to be changed.
    #[cfg(test)]
    pub(crate) fn first_mut(&mut self) -> &mut Shipment {
        &mut self.0[0]
    }

    /// The shipments.
    pub fn into_shipments(self) -> Vec<Shipment> {
        self.0
    }
}

impl Aggregate for Shipping {
    type Command = ShippingCommand;
    type Answer = ShippingAnswer;
    type Movement = ();

    fn order(command: &ShippingCommand) -> OrderId {
        match command {
            ShippingCommand::Start(StartShipping(goods)) | ShippingCommand::Cancel(CancelShipping(goods)) => {
                goods.order_id
            }
            ShippingCommand::Record(record) => record.order_id,
            ShippingCommand::Report(report) => report.order_id,
        }
    }

    /// A direct order's client may well send it again.
    fn begins(command: &ShippingCommand) -> bool {
        matches!(command, ShippingCommand::Start(StartShipping(goods)) if goods.saga_id.is_some())
    }

    fn outcome(answer: ShippingAnswer) -> Outcome {
        answer.outcome
    }

    fn decide(row: Option<&Self>, command: &ShippingCommand, now: Timestamp) -> Decision<Self> {
        decide::decide(row, command, now)
    }
}

impl Outgoing for Shipping {
    type Call = ShipmentCall;

    fn order_id(&self) -> OrderId {
        self.first().order_id
    }

    fn parts(&self) -> usize {
        self.0.len()
    }

    fn outstanding(&self, part: usize) -> Option<(ShipmentCall, u32)> {
        let shipment = self.0.get(part)?;
        // People are not called: what they are to do, they report.
        let by_hand = |call| shipment.carrier.is_manual() && matches!(shipment.errand(call), Errand::Outside(_));
        shipment.call.filter(|call| !by_hand(*call)).map(|call| (call, shipment.attempts))
    }

    fn next_attempt_at(&self, part: usize) -> Option<Timestamp> {
        self.0.get(part)?.trouble.as_ref()?.next_attempt_at
    }

    fn service(&self, part: usize) -> Option<&'static str> {
        let shipment = self.0.get(part).filter(|shipment| !shipment.carrier.is_simulated())?;
        let outside = [ShipmentCall::Dispatch, ShipmentCall::Recall, ShipmentCall::RecallAgain];
        shipment.call.filter(|call| outside.contains(call)).map(|_| shipment.carrier.as_str())
    }

    fn aftermath(answer: &ShippingAnswer) -> Aftermath<'_, Self> {
        Aftermath { row: answer.shipping.as_ref(), requested: &answer.requested, signal: answer.signal }
    }
}
